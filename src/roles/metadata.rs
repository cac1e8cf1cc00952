//! What goes with an upgrade from one version of a role to another: what it leaves alone, and what has to
//! be done on the machine besides files (eDeploy's `metadata/FROM/ROLE/TO/`).
//!
//! Written from the difference of the two trees, for an admin to read and to add to. What only people
//! know (a database that has to be migrated) is not found here.

use std::collections::{BTreeMap, BTreeSet};

use super::compare::{Aspect, Difference, compare};
use super::entry::Entry;

/// What is new in a place that is the machine's own comes, and nothing there is changed (eDeploy's default).
const ADD_ONLY: &str = "+ /var/\n+ /var/**\n- *\n";

/// What an upgrade leaves alone on every machine.
const OF_THE_MACHINE: &str = "\
# What the running system has in place of what is on its disk.
/dev/*
/proc/*
/run/*
/sys/*
/tmp/*
lost+found/
# Upgrades themselves.
/.edeploy/
# The boot loader, and initial file systems that were made here.
/boot/efi/*
/boot/grub/
/boot/grub2/
/boot/initrd.img-*
/boot/initramfs-*
/etc/default/grub
# Who this machine is, and what is mounted in it.
/etc/adjtime
/etc/crypttab
/etc/fstab
/etc/hostname
/etc/hosts
/etc/localtime
/etc/machine-id
/etc/mdadm/
/etc/modules
/etc/mtab
/etc/resolv.conf
/etc/ssh/ssh_host_*
# Its network.
/etc/NetworkManager/system-connections/
/etc/netplan/
/etc/network/
/etc/sysconfig/network
/etc/sysconfig/network-scripts/
/etc/systemd/network/
# Its users: those that are new come by `pre`.
/etc/.pwd.lock
/etc/group
/etc/group-
/etc/gshadow
/etc/gshadow-
/etc/passwd
/etc/passwd-
/etc/shadow
/etc/shadow-
/etc/subgid
/etc/subgid-
/etc/subuid
/etc/subuid-
/home/*
/root/*
/srv/*
# Its data, but for what says which packages there are.
+ /var/
+ /var/lib/
+ /var/lib/dpkg/***
+ /var/lib/rpm/***
/var/lib/*
/var/*
";

/// Where units of systemd lie.
const UNITS: [&str; 4] = [
    "etc/systemd/system/",
    "usr/lib/systemd/system/",
    "lib/systemd/system/",
    "usr/local/lib/systemd/system/",
];

/// Where the modules of a kernel lie, below the kernel's version.
const MODULES: [&str; 2] = ["usr/lib/modules/", "lib/modules/"];

/// One version of a role.
#[derive(Debug, Clone, Copy)]
pub struct Release<'a> {
    /// Everything in its tree, every file read.
    pub entries: &'a [Entry],
    /// Its `etc/passwd`.
    pub passwd: &'a str,
    /// Its `etc/group`.
    pub group: &'a str,
}

/// The files of `metadata/FROM/ROLE/TO/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// What the upgrade leaves alone: rules of rsync.
    pub exclude: String,
    /// What comes besides where it is not there: rules of rsync.
    pub add_only: String,
    /// Run before anything is changed.
    pub pre: String,
    /// Run once everything is.
    pub post: String,
    /// Why the machine has to be started anew; empty where it has not.
    pub reboot: Vec<String>,
}

impl Metadata {
    /// What goes with an upgrade from `old` to `new`, whose own list of what machines may change is
    /// `exclude`. `title` says it in the files, `reboots` has every machine started anew.
    pub fn between(
        title: &str,
        old: Release<'_>,
        new: Release<'_>,
        exclude: &str,
        reboots: bool,
    ) -> Metadata {
        let differences = compare(old.entries, new.entries);
        let mut reboot = reboot_reasons(&differences);
        if reboots && reboot.is_empty() {
            reboot.push("--reboot".to_owned());
        }
        let mut rules = format!("# {title}: what the upgrade leaves alone\n");
        if !exclude.trim().is_empty() {
            rules.push_str(&format!(
                "# The role's own rules.\n{}\n",
                exclude.trim_end()
            ));
        }
        Metadata {
            exclude: rules + OF_THE_MACHINE,
            add_only: ADD_ONLY.to_owned(),
            pre: pre(title, old, new),
            post: post(title, &differences, &reboot),
            reboot,
        }
    }
}

/// Lines of passwd(5) or group(5) by their names.
fn by_name(text: &str) -> BTreeMap<&str, Vec<&str>> {
    let lines = text.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let lines = lines.filter(|fields| fields.len() >= 4 && !fields[0].is_empty());
    lines.map(|fields| (fields[0], fields)).collect()
}

/// The functions that `pre` uses. They do nothing where it is done already, and change nobody's number.
const FUNCTIONS: &str = r#"# need_group NAME NUMBER
need_group() {
    number=$(awk -F: -v name="$1" '$1 == name { print $3 }' /etc/group)
    if [ -z "$number" ]; then
        groupadd -g "$2" -- "$1"
    elif [ "$number" != "$2" ]; then
        echo "pre: group $1 has number $number here and $2 in the new version: change it here first" >&2
        exit 1
    fi
}

# need_user NAME NUMBER GROUP COMMENT HOME SHELL
need_user() {
    number=$(awk -F: -v name="$1" '$1 == name { print $3 }' /etc/passwd)
    if [ -z "$number" ]; then
        # -M: the directory is the role's to bring.
        useradd -u "$2" -g "$3" -c "$4" -d "$5" -s "$6" -M -- "$1"
    elif [ "$number" != "$2" ]; then
        echo "pre: user $1 has number $number here and $2 in the new version: change it here first" >&2
        exit 1
    fi
}

# need_member USER GROUP
need_member() {
    id -nG -- "$1" | tr ' ' '\n' | grep -qxF -- "$2" || usermod -a -G "$2" -- "$1"
}
"#;

fn pre(title: &str, old: Release<'_>, new: Release<'_>) -> String {
    let mut calls = String::new();
    let (before, after) = (by_name(old.group), by_name(new.group));
    let mut say = |comment: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            calls.push_str(&format!("\n# {comment}\n{}", lines.concat()));
        }
    };
    let groups = after.iter().filter(|(name, _)| !before.contains_key(*name));
    let groups = groups.map(|(name, fields)| words("need_group", &[name, fields[2]]));
    say("Groups that are new.", groups.collect());
    let known = by_name(old.passwd);
    let users = by_name(new.passwd);
    let users = users
        .iter()
        .filter(|(name, fields)| !known.contains_key(*name) && fields.len() >= 7);
    let users = users.map(|(name, fields)| {
        let all = [name, fields[2], fields[3], fields[4], fields[5], fields[6]];
        words("need_user", &all)
    });
    say("Users that are new.", users.collect());
    let members = |fields: Option<&Vec<&str>>| -> BTreeSet<String> {
        let names = fields.map_or("", |fields| fields[3]).split(',');
        names
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let joined = after.iter().flat_map(|(group, fields)| {
        let former = members(before.get(group));
        let users = members(Some(fields)).into_iter();
        users
            .filter(move |user| !former.contains(user))
            .map(move |user| words("need_member", &[&user, group]))
    });
    say("Users that are in more groups.", joined.collect());
    let functions = used(FUNCTIONS, &calls);
    let why = "Runs before anything is changed; if it fails nothing is.";
    script(title, why, &format!("{functions}{calls}"))
}

/// Of the functions those that are called.
fn used(functions: &str, calls: &str) -> String {
    let blocks = functions.split_inclusive("\n}\n");
    let is_used = |block: &&str| {
        let (name, _) = block.split_once("() {").unwrap_or_default();
        let name = name.rsplit('\n').next().unwrap_or_default();
        !name.is_empty() && calls.contains(&format!("\n{name} "))
    };
    let blocks: Vec<&str> = blocks.filter(is_used).map(str::trim_start).collect();
    blocks.iter().map(|block| format!("\n{block}")).collect()
}

fn post(title: &str, differences: &[Difference], reboot: &[String]) -> String {
    let paths = || differences.iter().map(path_of);
    let mut body = String::new();
    if paths().any(|path| UNITS.iter().any(|place| path.starts_with(place))) {
        body.push_str(
            "\n# Units changed: systemd reads them again, where it runs.\n\
             if [ -d /run/systemd/system ]; then\n    systemctl daemon-reload\nfi\n",
        );
    }
    let kernels: BTreeSet<String> = differences
        .iter()
        .filter(|one| one.aspect == Aspect::Extra && one.is_directory)
        .filter_map(|one| {
            let path = path_of(one);
            let kernel = MODULES.iter().find_map(|place| path.strip_prefix(place))?;
            (!kernel.contains('/')).then(|| kernel.to_owned())
        })
        .collect();
    for kernel in kernels {
        let kernel = quoted(&kernel);
        body.push_str(&format!(
            "\n# A kernel that is new finds its modules by this.\ndepmod -- {kernel}\n"
        ));
    }
    if !reboot.is_empty() {
        let reasons = reboot.join(", ");
        body.push_str(&format!(
            "\n# The machine has to be started anew: {reasons}.\nexit 100\n"
        ));
    }
    let why = "Runs once all files are there: 0 is done, 100 is done and start anew, else failed.";
    script(title, why, &body)
}

fn script(title: &str, why: &str, body: &str) -> String {
    let body = match body {
        "" => "\n# Nothing to do was found in the difference of the two trees.\n",
        body => body,
    };
    format!("#!/bin/sh\n# {title}. {why}\nset -eu\n{body}")
}

fn path_of(difference: &Difference) -> String {
    String::from_utf8_lossy(difference.path.as_bytes()).into_owned()
}

/// What of the difference a running system cannot take over.
fn reboot_reasons(differences: &[Difference]) -> Vec<String> {
    let mut reasons = BTreeSet::new();
    for one in differences {
        let path = path_of(one);
        let name = path.rsplit('/').next().unwrap_or_default();
        let is_content = matches!(
            one.aspect,
            Aspect::Content | Aspect::Type | Aspect::Extra | Aspect::Missing
        );
        let is_module = MODULES.iter().any(|place| path.starts_with(place));
        let reason = match name {
            _ if !is_content => continue,
            _ if path.starts_with("boot/vmlinuz") || is_module => "the kernel",
            "libc.so.6" => "libc",
            _ if name.starts_with("libc-2.") || name.starts_with("ld-musl-") => "libc",
            "systemd" if path.ends_with("lib/systemd/systemd") => "systemd",
            "dbus-daemon" | "dbus-broker" if path.contains("bin/") => "dbus",
            _ => continue,
        };
        reasons.insert(format!("{reason} changed"));
    }
    reasons.into_iter().collect()
}

/// A call of a shell, each word quoted where it has to be.
fn words(name: &str, arguments: &[&str]) -> String {
    let arguments: Vec<String> = arguments.iter().map(|word| quoted(word)).collect();
    format!("{name} {}\n", arguments.join(" "))
}

fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/+:@".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests;
