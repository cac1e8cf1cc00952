//! Real boot loaders: what they were recorded asking, and themselves in a virtual machine.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Does, MAC, SERIAL, UUID, does, post, server, uploads};
use crate::support::http::exchange;
use crate::support::server::TestServer;
use crate::support::{command, corpus, write};

/// The recorded requests of a capture, as bytes.
fn captured(name: &str) -> Option<Vec<(String, Vec<u8>)>> {
    let file = corpus::file(&format!("captures/{name}.jsonl"))?;
    let text = std::fs::read_to_string(file).unwrap();
    let requests = text.lines().map(|line| {
        let request: Value = serde_json::from_str(line).unwrap();
        let line = request["line"].as_str().unwrap();
        let mut bytes = format!("{line}\r\n");
        for header in request["headers"].as_array().unwrap() {
            let (name, value) = (header[0].as_str().unwrap(), header[1].as_str().unwrap());
            let value = if name == "Connection" { "close" } else { value };
            bytes.push_str(&format!("{name}: {value}\r\n"));
        }
        bytes.push_str("\r\n");
        let path = line.split(' ').nth(1).unwrap().to_owned();
        (path, bytes.into_bytes())
    });
    Some(requests.collect())
}

#[test]
fn the_recorded_ipxe_is_told_to_introduce_itself_to_the_server_it_named() {
    let Some(requests) = captured("ipxe") else {
        return;
    };
    let server = server();
    let answer = exchange(server.address, &requests[0].1);
    let text = answer.text();
    assert!(
        text.contains("chain --replace http://10.0.2.2:18095/boot.ipxe?uuid=${uuid}&"),
        "{text}"
    );
    // The second one asked another server's path, with a query like ours.
    let asked = String::from_utf8(requests[1].1.clone()).unwrap();
    let asked = asked.replacen("/ipxe?", "/boot.ipxe?", 1);
    let text = exchange(server.address, asked.as_bytes()).text();
    let kernel = "kernel http://10.0.2.2:18095/boot/vmlinuz initrd=ramdisk BOOTIF=01-${mac:hexhyp} SERV=10.0.2.2 HTTP_PORT=18095 ";
    assert!(text.contains(kernel), "{text}");
    uploads(&server);
    post(&server, &format!("/api/v1/machines/{SERIAL}/installed"));
    assert_eq!(
        does(&exchange(server.address, asked.as_bytes())),
        Does::LocalBoot
    );
}

#[test]
fn the_recorded_pxelinux_is_answered_what_its_cookie_says() {
    let Some(requests) = captured("pxelinux") else {
        return;
    };
    let server = server();
    let configurations = |server: &TestServer| -> Vec<(u16, String)> {
        let asked = requests
            .iter()
            .filter(|(path, _)| path.starts_with("/pxelinux.cfg/"));
        let answers = asked.map(|(_, bytes)| exchange(server.address, bytes));
        answers.map(|it| (it.status, it.text())).collect()
    };
    let shape = |of: &str| {
        let answers = configurations(&server);
        assert_eq!(answers.len(), 11);
        for (at, (status, text)) in answers.iter().enumerate() {
            // The uuid, the MAC, and `default`; between them parts of the address.
            let is_file = at < 2 || at == answers.len() - 1;
            assert_eq!(*status, if is_file { 200 } else { 404 }, "{at}");
            assert!(!is_file || text.contains(of), "{at}: {text}");
        }
    };
    shape("APPEND SERV=10.0.2.2 HTTP_PORT=18095\n");
    for _ in 0..3 {
        uploads(&server);
    }
    shape("CONFIG http://10.0.2.2:18095/pxelinux.cfg/");
    post(&server, &format!("/api/v1/machines/{SERIAL}/installed"));
    shape("LOCALBOOT 0\n");
}

#[test]
fn a_pxelinux_without_a_cookie_is_known_by_its_uuid_or_its_mac() {
    let server = server();
    let get = |name: &str| server.get(&format!("/pxelinux.cfg/{name}"));
    let mac = "01-52-54-00-12-34-56";
    assert_eq!(get(UUID).status, 404, "it may be known by its MAC");
    assert!(get(mac).text().contains("DEFAULT install"));
    assert!(get("default").text().contains("DEFAULT again"));
    uploads(&server);
    assert!(get(UUID).text().contains("DEFAULT install"));
    post(&server, &format!("/api/v1/machines/{SERIAL}/installed"));
    for name in [UUID, mac] {
        assert!(get(name).text().contains("LOCALBOOT 0"));
    }
    for name in ["0A00020F", "0", "x", "..", "20-52-54-00-12-34-56"] {
        assert_eq!(get(name).status, 404, "{name}");
    }
    let beside = server.get(&format!("/boot/pxelinux.cfg/{mac}")).text();
    assert!(beside.contains("LOCALBOOT 0"), "{beside}");
}

/// The scripts that drive a real iPXE and a real PXELINUX in a virtual machine, or a note that they are
/// not here.
fn clients() -> Option<PathBuf> {
    let root = std::env::var_os("EDEPLOY_CLIENTS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/clients"),
        PathBuf::from,
    );
    let netboot = root.join("netboot");
    for needed in [
        netboot.join("run.sh"),
        "/usr/bin/qemu-system-x86_64".into(),
        "/usr/lib/PXELINUX/lpxelinux.0".into(),
    ] {
        if !needed.exists() {
            println!("skipped: there is no {}", needed.display());
            return None;
        }
    }
    Some(netboot)
}

/// Boots the machine until its console shows `until`.
fn boots(script: &Path, server: &TestServer, path: &[&str], until: &str) {
    let url = format!("http://127.0.0.1:{}", server.address.port());
    let output = command(script)
        .arg(url)
        .args(path)
        .args(["--until", until, "--timeout", "120"])
        .args(["--uuid", UUID, "--serial", SERIAL, "--mac", MAC])
        .arg("--disk")
        .arg(disk_that_speaks(server))
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{shown}\n{}", server.log());
}

/// Code for a PC's BIOS that says something on the first serial port and stops: a boot sector, and what
/// iPXE takes for a kernel.
fn code_that_says(text: &str) -> Vec<u8> {
    // mov si, text; loop: lodsb; test al, al; jz end; mov dx, 0x3f8; out dx, al; jmp loop; end: hlt; jmp end
    let mut sector = vec![
        0x31, 0xc0, 0x8e, 0xd8, 0xbe, 0x16, 0x7c, 0xac, 0x84, 0xc0, 0x74, 0x06, 0xba, 0xf8, 0x03,
        0xee, 0xeb, 0xf5, 0xf4, 0xeb, 0xfd, 0x90,
    ];
    sector.extend_from_slice(format!("\r\n{text}\r\n\0").as_bytes());
    sector.resize(510, 0);
    sector.extend_from_slice(&[0x55, 0xaa]);
    sector
}

/// A disk that says `from disk` when it is booted.
fn disk_that_speaks(server: &TestServer) -> PathBuf {
    let mut disk = code_that_says("from disk");
    disk.resize(1 << 20, 0);
    let path = server.path("disk.img");
    write(&path, disk);
    path
}

#[test]
fn a_real_ipxe_installs_is_held_and_boots_from_its_disk() {
    let Some(netboot) = clients() else { return };
    let server = server();
    let boots = |until: &str| boots(&netboot.join("run.sh"), &server, &["boot.ipxe"], until);
    write(
        server.path("state/boot/vmlinuz"),
        code_that_says("from the network"),
    );
    boots("from the network");
    for _ in 0..3 {
        uploads(&server);
    }
    boots("To try again, on the server");
    post(&server, &format!("/api/v1/machines/{SERIAL}/installed"));
    boots("from disk");
}

#[test]
fn a_real_pxelinux_installs_is_held_and_boots_from_its_disk() {
    let Some(netboot) = clients() else { return };
    let server = server();
    for file in [
        "/usr/lib/PXELINUX/lpxelinux.0",
        "/usr/lib/syslinux/modules/bios/ldlinux.c32",
    ] {
        let name = Path::new(file).file_name().unwrap();
        std::fs::copy(file, server.path("state/boot").join(name)).unwrap();
    }
    let boots = |until: &str| boots(&netboot.join("pxelinux.sh"), &server, &[], until);
    boots("this machine is going to be installed");
    for _ in 0..3 {
        uploads(&server);
    }
    boots("To try again, on the server");
    post(&server, &format!("/api/v1/machines/{SERIAL}/installed"));
    boots("from disk");
}
