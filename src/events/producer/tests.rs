use serde_json::{Value, json};

use super::*;
use crate::model::{EventKind, Identity, Level, StepResult};

fn one(value: &Value) -> Message {
    let mut read = read(&value.to_string());
    assert_eq!(read.len(), 1);
    read.remove(0).unwrap()
}

fn refused(value: &Value) -> String {
    read(&value.to_string())[0].clone().unwrap_err().to_string()
}

fn event(also: Value) -> Value {
    let mut event = json!({
        "name": "cmd-install", "description": "curtin command install", "event_type": "start",
        "origin": "curtin", "timestamp": 1_795_255_271.131_439_7, "level": "DEBUG"
    });
    if let Value::Object(also) = also {
        event.as_object_mut().unwrap().extend(also);
    }
    event
}

#[test]
fn an_event_of_curtin_is_read_with_its_files() {
    let message = one(&event(json!({
        "event_type": "finish", "result": "FAIL", "level": "ERROR", "machine": "node1",
        "files": [
            {"path": "/var/log/curtin/install.log", "content": "aGVsbG8g\nbG9nCg==", "encoding": "base64"},
            {"path": "/not/there", "content": null, "encoding": "base64"},
            {"path": "/empty", "content": "", "encoding": "base64"},
            {"path": "/tmp/x", "content": "Qlpo", "encoding": "base64", "compression": "bzip2"},
            {"path": "/odd", "content": "?!", "encoding": "base64"},
            7
        ]
    })));
    let told = &message.events[0];
    assert_eq!(told.kind, EventKind::Finish(StepResult::Fail));
    assert_eq!(told.level, Level::Error);
    assert_eq!(message.machine.as_deref(), Some("node1"));
    let micros = told.timestamp.unwrap().as_microsecond();
    assert_eq!(micros, 1_795_255_271_131_440);
    let files: Vec<(&str, &[u8])> = message
        .files
        .iter()
        .map(|file| (file.name.as_str(), file.content.as_slice()))
        .collect();
    let expected: [(&str, &[u8]); 4] = [
        ("/var/log/curtin/install.log", b"hello log\n"),
        ("/empty", b""),
        ("/tmp/x.bz2", b"BZh"),
        ("/odd", b"?!"),
    ];
    assert_eq!(files, expected);
}

#[test]
fn every_type_of_event_is_taken() {
    let success = EventKind::Finish(StepResult::Success);
    for (also, kind, level) in [
        (json!({}), EventKind::Start, Level::Debug),
        (json!({"event_type": "finish"}), success, Level::Debug),
        (
            json!({"event_type": "finish", "level": "ERROR"}),
            EventKind::Finish(StepResult::Fail),
            Level::Error,
        ),
        (
            json!({"event_type": "finish", "result": "FAILURE", "level": null}),
            EventKind::Finish(StepResult::Fail),
            Level::Error,
        ),
        (
            json!({"event_type": "progress"}),
            EventKind::Progress,
            Level::Debug,
        ),
        (json!({"event_type": "info"}), EventKind::Note, Level::Debug),
        (
            json!({"event_type": "warning", "level": null}),
            EventKind::Note,
            Level::Warning,
        ),
        (
            json!({"event_type": "error", "level": null}),
            EventKind::Note,
            Level::Error,
        ),
        (
            json!({"event_type": "dance"}),
            EventKind::Note,
            Level::Debug,
        ),
    ] {
        let told = one(&event(also.clone())).events.remove(0);
        assert_eq!((told.kind, told.level), (kind, level), "{also}");
    }
}

#[test]
fn what_is_missing_is_told_by_name() {
    assert_eq!(
        refused(&json!({"name": "x", "description": ""})),
        "missing parameter(s) event_type, origin in status message"
    );
    assert_eq!(
        refused(&event(json!({"description": null, "name": " "}))),
        "missing parameter(s) name, description in status message"
    );
    assert!(refused(&json!(7)).contains("found a number"));
    assert!(refused(&event(json!({"origin": "Server"}))).contains("own"));
    assert!(matches!(read(" \n")[..], [Err(Unreadable::Empty)]));
    assert!(matches!(read("{\"a\": ")[..], [Err(Unreadable::NoJson(_))]));
}

#[test]
fn a_body_is_one_event_a_list_or_one_on_each_line() {
    let text = event(json!({})).to_string();
    for (body, count) in [
        (text.clone(), 1),
        (format!("[{text}, {text}, 3]"), 3),
        (format!("{text}\n\n{text}\r\n{{broken\n{text}\n"), 4),
        ("[]".to_owned(), 0),
    ] {
        assert_eq!(read(&body).len(), count, "{body}");
    }
    let lines = read(&format!("{text}\nbroken\n{text}"));
    let good: Vec<bool> = lines.iter().map(Result::is_ok).collect();
    assert_eq!(good, [true, false, true]);
}

#[test]
fn a_long_description_is_kept_as_a_file() {
    let long = "é".repeat(5_000_000);
    let message = one(&event(
        json!({"description": long, "name": "n".repeat(5_000)}),
    ));
    assert!(message.events[0].description.len() < 20_000);
    assert_eq!(message.events[0].name.len(), 1_000);
    assert_eq!(message.files[0].content, long.as_bytes());
}

#[test]
fn an_update_of_the_thread_goes_from_percent_to_percent() {
    let update = |status: &str, percentage: &str| {
        one(
            &json!({"name": "node1", "datacenter_name": "par1", "action": "install",
                    "status": status, "percentage": percentage}),
        )
    };
    let message = update("Anaconda pre started", "10");
    assert_eq!(message.machine.as_deref(), Some("node1"));
    assert_eq!(message.datacenter.as_deref(), Some("par1"));
    let told = &message.events[0];
    assert_eq!(
        (told.name.as_str(), told.kind),
        ("install", EventKind::Progress)
    );
    assert_eq!(told.percent, Some(10.0));
    let ended = |status: &str, percentage: &str| update(status, percentage).events[0].kind.result();
    assert_eq!(ended("Installed", "100"), Some(StepResult::Success));
    assert_eq!(ended("Failed: no disk", "30"), Some(StepResult::Fail));
    assert_eq!(ended("Installation failed", "100"), Some(StepResult::Fail));
    assert_eq!(ended("0 packages failed", "60"), None);
    assert_eq!(
        refused(&json!({"status": "x"})),
        "missing parameter(s) name in status message"
    );
}

#[test]
fn the_steps_of_the_rfc_are_parts_of_an_installation() {
    let step = |also: Value| {
        let mut step = json!({"name": "Kickstart download", "label": "get_ks", "priority": 0});
        let object = step.as_object_mut().unwrap();
        object.extend(also.as_object().unwrap().clone());
        one(&step)
    };
    let kinds = |message: &Message| -> Vec<(String, EventKind)> {
        let events = message.events.iter();
        events
            .map(|event| (event.name.clone(), event.kind))
            .collect()
    };
    let name = || "install/get_ks".to_owned();
    let simple = step(json!({"time": 1_795_255_271}));
    assert_eq!(kinds(&simple), [(name(), EventKind::Progress)]);
    assert!(simple.events[0].timestamp.is_some());
    let as_in_the_rfc = step(json!({"status": ["init", "done", "failed"], "logs": "..."}));
    assert_eq!(kinds(&as_in_the_rfc), [(name(), EventKind::Progress)]);
    assert_eq!(
        kinds(&step(json!({"status": "init"}))),
        [(name(), EventKind::Start)]
    );
    let done = EventKind::Finish(StepResult::Success);
    assert_eq!(kinds(&step(json!({"status": "done"}))), [(name(), done)]);
    let failed = step(json!({"status": "failed", "logs": "wget\n404 Not Found\n"}));
    let fail = EventKind::Finish(StepResult::Fail);
    assert_eq!(
        kinds(&failed),
        [(name(), fail), ("install".to_owned(), fail)]
    );
    assert_eq!(
        failed.events[0].description,
        "Kickstart download: wget\n404 Not Found"
    );
    assert_eq!(failed.files[0].name, "get_ks.log");
}

#[test]
fn the_legacy_form_of_curtin_ends_its_installation() {
    let field = |name: &str, file: Option<&str>, content: &str| FormField {
        name: name.to_owned(),
        file_name: file.map(str::to_owned),
        content: content.as_bytes().to_vec(),
    };
    let ended = |status: &str| {
        legacy_report(vec![
            field("status", None, status),
            field("error", None, "Installation succeeded."),
            field("install.log", Some("install.log"), "log"),
        ])
        .unwrap()
    };
    let message = ended("OK");
    assert_eq!(
        message.events[0].kind,
        EventKind::Finish(StepResult::Success)
    );
    assert_eq!(message.events[0].description, "Installation succeeded.");
    assert_eq!(message.files[0].name, "install.log");
    assert_eq!(
        ended("FAILED").events[0].kind,
        EventKind::Finish(StepResult::Fail)
    );
    assert_eq!(ended("WORKING").events[0].kind, EventKind::Note);
    assert_eq!(
        legacy_report(vec![]).unwrap_err(),
        Unreadable::Missing(vec!["status"])
    );
}

#[test]
fn phone_home_tells_name_and_keys() {
    let body = b"pub_key_rsa=ssh-rsa+AAAA%2Bb%3D%3D+root%40node1%0A&pub_key_ecdsa=N%2FA&pub_key_ed25519=\
                 ssh-ed25519+AAAC%0A&pub_key_dsa=x+%22%3Cscript%3E&instance_id=iid-node-1&hostname=node1\
                 &fqdn=node1.example.org";
    let message = phone_home(&form_pairs(body));
    let keys: Vec<String> = message
        .host_keys
        .iter()
        .map(|key| format!("{} {}", key.algorithm, key.key))
        .collect();
    assert_eq!(keys, ["ssh-rsa AAAA+b==", "ssh-ed25519 AAAC"]);
    let said = &message.events[0].description;
    assert!(
        said.starts_with("phoned home as node1.example.org\nssh-rsa AAAA"),
        "{said}"
    );
    assert_eq!(
        form_pairs(b"&&=x&y&%ff=1")[1],
        ("y".to_owned(), String::new())
    );
}

#[test]
fn an_inventory_becomes_the_rows_that_a_machine_is_known_by() {
    let body = json!({"inventory": {
        "interfaces": [{"name": "eth0", "mac_address": "52:54:00:12:34:56", "ipv4_address": "192.0.2.2",
            "has_carrier": true, "vendor": "0x1af4", "product": null, "speed_mbps": 1000,
            "pci_address": "0000:03:00.0"}],
        "cpu": {"model_name": "Xeon", "count": 8, "architecture": "x86_64", "socket_count": 2},
        "disks": [{"name": "/dev/sda", "model": "X", "size": 1_000_204_886_016_u64, "rotational": true,
            "wwn": "0x5000", "serial": "S"}, {"name": "/dev/zram0", "size": 10}, {"size": null}],
        "memory": {"total": 1, "physical_mb": 16},
        "bmc_address": "0.0.0.0",
        "system_vendor": {"product_name": "DL360", "serial_number": "CZ1", "manufacturer": "HP",
            "firmware": {"vendor": "", "version": "P71"}},
    }, "error": null});
    let read = inspection(&body.to_string()).unwrap();
    assert_eq!(read.rows, None);
    let rows: Vec<String> = read
        .facts
        .iter()
        .map(|fact| {
            format!(
                "{} {} {}={}",
                fact.category, fact.instance, fact.key, fact.value
            )
        })
        .collect();
    for row in [
        "disk logical count=1",
        "disk sda size=1000",
        "disk sda wwn-id=wwn-0x5000",
        "network eth0 serial=52:54:00:12:34:56",
        "network eth0 businfo=pci@0000:03:00.0",
        "network eth0 size=1000000000",
        "cpu logical number=8",
        "memory total size=16777216",
        "system product serial=CZ1",
        "firmware bios version=P71",
    ] {
        assert!(rows.iter().any(|known| known == row), "{row}: {rows:#?}");
    }
    assert!(
        !rows
            .iter()
            .any(|row| row.starts_with("ipmi") || row.contains("zram"))
    );
    let identity = Identity::of(&read.facts);
    assert_eq!(identity.serial.as_deref(), Some("CZ1"));
    assert!(identity.macs.contains("52:54:00:12:34:56"));
}

#[test]
fn the_rows_of_discoverd_are_handed_on_as_they_are() {
    let read =
        inspection(r#"{"data": [["disk", "logical", "count", "1"]], "error": "no lshw"}"#).unwrap();
    assert_eq!(
        read.rows.as_deref(),
        Some(r#"[["disk","logical","count","1"]]"#)
    );
    assert_eq!(read.message.events[0].level, Level::Error);
    assert!(inspection("{}").is_err() && inspection("[]").is_err() && inspection("{").is_err());
}
