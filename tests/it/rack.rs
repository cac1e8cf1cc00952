//! A rack of simulated machines: what they post, what they were answered, and what the files must say
//! afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use edeploy::allocation::{Section, SectionOptions, allocations};
use edeploy::format::{CmdbDocument, Form, StateDocument};
use edeploy::model::{Allocation, Remaining, SectionName};

use crate::support::http::{FORM, Field, Response, form, request};
use crate::support::write;

/// How many machines may have the profile `hp`.
pub(crate) const PLACES: u64 = 120;

/// Writes a section with `hp` for [`PLACES`] machines with a CMDB of `entries`, and `vm` for the rest.
pub(crate) fn write_section(directory: &Path, entries: usize) {
    let specs = "[('disk', '$disk', 'size', 'gt(4)'), ('network', '$eth', 'serial', '$mac')]\n";
    let entry = |at: usize| {
        format!(
            " {{'ip': '10.0.{}.{}', 'hostname': 'host{at}'}},\n",
            at / 250,
            at % 250
        )
    };
    let cmdb: String = (0..entries).map(entry).collect();
    for (name, text) in [
        (
            "state",
            format!("# rack 3\n[('hp', {PLACES}), ('vm', '*')]\n"),
        ),
        ("hp.specs", specs.to_owned()),
        ("hp.cmdb", format!("[ # one line a machine\n{cmdb}]\n")),
        (
            "hp.configure",
            "set_role('mysql', 'D7-F.1.0.0', disk1)\n".to_owned(),
        ),
        ("vm.specs", specs.to_owned()),
        ("vm.configure", "run('true')\n".to_owned()),
    ] {
        write(directory.join(name), text);
    }
}

/// The MAC of machine number `at`.
pub(crate) fn mac(at: usize) -> String {
    format!("52:54:00:00:{:02x}:{:02x}", at / 256, at % 256)
}

/// The hardware that machine number `at` posts.
pub(crate) fn hardware(at: usize) -> String {
    format!(
        r#"[["system","product","serial","SN{at:05}"],["system","product","name","Rack Server"],
["disk","sda","size","100"],["network","eth0","serial","{}"],["network","eth0","link","yes"]]"#,
        mac(at)
    )
}

/// Posts the hardware of machine number `at` as the ramdisk does; the script, if all of it is answered.
pub(crate) fn post(address: SocketAddr, at: usize) -> Option<String> {
    let hardware = hardware(at);
    let section: Field<'_> = ("section", None, b"SERVER");
    let body = form(&[section, ("file", Some("hw.json"), hardware.as_bytes())]);
    let mut connection = TcpStream::connect(address).ok()?;
    connection
        .write_all(&request("POST", "//cgi-bin//upload.py", FORM, &body))
        .ok()?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).ok()?;
    let answer = Response::parse(&answer)?;
    let length: usize = answer.header("content-length")?.parse().ok()?;
    (answer.body.len() == length).then(|| answer.text())
}

/// The profile that a script was made for.
pub(crate) fn profile_of(script: &str) -> &str {
    let line = script
        .lines()
        .find_map(|line| line.strip_prefix("#EDEPLOY_PROFILE = "));
    line.unwrap_or_else(|| panic!("a refusal: {script}"))
}

/// Checks, from the files alone, that no entry was given twice, that the counts are right and that every
/// machine that was answered holds what it was answered. Returns what every machine holds, by its MAC.
pub(crate) fn check(
    directory: &Path,
    answered: &BTreeMap<usize, String>,
) -> BTreeMap<String, Allocation> {
    // Whoever comes next completes a commit that was cut short.
    drop(
        Section::open(
            SectionName::default_section(),
            directory,
            SectionOptions::default(),
        )
        .unwrap(),
    );
    let mut by_mac = BTreeMap::new();
    for held in allocations(directory).unwrap() {
        let mac = held.identity.macs.first().unwrap().clone();
        assert!(
            by_mac.insert(mac, held).is_none(),
            "a machine is recorded twice"
        );
    }
    let with_hp: Vec<&Allocation> = by_mac
        .values()
        .filter(|held| held.profile.as_str() == "hp")
        .collect();
    let ips: BTreeSet<String> = with_hp
        .iter()
        .map(|held| held.variables().get("ip").unwrap().to_string())
        .collect();
    assert_eq!(ips.len(), with_hp.len(), "an entry was given twice");
    check_files(directory, &with_hp);
    for (at, script) in answered {
        let held = by_mac
            .get(&mac(*at))
            .unwrap_or_else(|| panic!("machine {at} was answered and lost"));
        assert_eq!(profile_of(script), held.profile.as_str());
        for (name, value) in held.variables().iter() {
            assert!(
                script.contains(&value.to_string()),
                "machine {at} was told another {name}"
            );
        }
    }
    by_mac
}

fn check_files(directory: &Path, with_hp: &[&Allocation]) {
    let state = std::fs::read_to_string(directory.join("state")).unwrap();
    assert!(state.starts_with("# rack 3\n"), "{state}");
    let state = StateDocument::parse("state", &state, Form::Edeploy).unwrap();
    let left = PLACES - with_hp.len() as u64;
    assert_eq!(
        state.quotas()[0].remaining,
        Remaining::Limited(left),
        "the count is wrong"
    );
    let cmdb = std::fs::read_to_string(directory.join("hp.cmdb")).unwrap();
    assert!(cmdb.starts_with("[ # one line a machine\n"));
    let cmdb = CmdbDocument::parse("hp.cmdb", &cmdb, Form::Edeploy).unwrap();
    let used = cmdb.entries().iter().filter(|entry| entry.is_used());
    let used: BTreeSet<String> = used.map(|entry| format!("{entry:?}")).collect();
    let held: BTreeSet<String> = with_hp
        .iter()
        .map(|held| format!("{:?}", held.variables()))
        .collect();
    assert_eq!(used, held, "the CMDB and the record disagree");
}
