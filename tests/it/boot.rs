//! `/boot.ipxe`, `/pxelinux.cfg/` and `/boot/`: what a machine that boots from the network is to do, over its life.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::http::{Response, exchange};
use crate::support::server::TestServer;
use crate::support::{command, corpus, wait_for, write};

const UUID: &str = "11111111-2222-3333-4444-555555555555";
const MAC: &str = "52:54:00:12:34:56";
const SERIAL: &str = "CZ3323FDVK";

/// The query of the machine that qemu makes for the captures.
fn query() -> String {
    format!("/boot.ipxe?uuid={UUID}&serial={SERIAL}&mac=52%3A54%3A00%3A12%3A34%3A56")
}

fn facts(size: u32) -> String {
    serde_json::json!([
        ["disk", "vda", "size", size],
        ["system", "product", "name", "ProLiant"],
        ["system", "product", "serial", SERIAL],
        ["system", "product", "uuid", UUID],
        ["network", "eth0", "serial", MAC],
    ])
    .to_string()
}

fn profile(dir: &Path) {
    write(dir.join("state"), "[('vm', 1)]\n");
    write(
        dir.join("vm.specs"),
        "[('disk', '$disk', 'size', 'gt(4)')]\n",
    );
    write(dir.join("vm.configure"), "# nothing\n");
}

fn fill_boot_dir(dir: &Path) {
    write(dir.join("state/boot/vmlinuz"), "the kernel");
    write(dir.join("state/boot/ramdisk"), "the ramdisk");
}

/// A server with something to boot.
fn server() -> TestServer {
    let server = TestServer::start(profile);
    fill_boot_dir(server.dir.path());
    server
}

#[derive(Debug, PartialEq, Eq)]
enum Does {
    Install,
    LocalBoot,
    Hold,
}

fn does(answer: &Response) -> Does {
    assert_eq!(answer.status, 200, "{answer:?}");
    let text = answer.text();
    assert!(text.starts_with("#!ipxe\n") && text.is_ascii(), "{text}");
    match () {
        () if text.contains("\nboot ||") => Does::Install,
        () if text.ends_with("\nexit\n") => Does::LocalBoot,
        () if text.contains("\nsleep 60\n") => Does::Hold,
        () => panic!("{text}"),
    }
}

fn asks(server: &TestServer) -> Does {
    does(&server.get(&query()))
}

fn screen(server: &TestServer) -> String {
    server.get(&query()).text()
}

fn post(server: &TestServer, path: &str) -> Response {
    server.send("POST", path, "application/json", b"")
}

fn uploads(server: &TestServer) -> Value {
    let answer = server.post_machine(facts(8).as_bytes());
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn killed_and_started(mut server: TestServer) -> TestServer {
    server.kill();
    let dir = std::mem::replace(&mut server.dir, tempfile::tempdir().unwrap());
    TestServer::in_dir(dir, &[])
}

#[test]
fn a_machine_that_says_nothing_of_itself_is_told_to_ask_again_and_say_it() {
    let server = server();
    let text = server.get("/boot.ipxe?section=SERVER&product=x").text();
    let ask = "chain --replace http://h/boot.ipxe?section=SERVER&uuid=${uuid}&serial=${serial:uristring}&mac=${mac} ||";
    assert!(text.contains(ask), "{text}");
    let head = server.send("HEAD", "/boot.ipxe", "text/plain", b"");
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("cache-control"), Some("no-store"));
    assert_eq!(
        server.send("POST", "/boot.ipxe", "text/plain", b"").status,
        405
    );
}

#[test]
fn the_whole_life_of_a_machine_with_the_server_killed_in_between() {
    let mut server = server();
    assert_eq!(asks(&server), Does::Install);
    let kernel = "kernel http://h/boot/vmlinuz initrd=ramdisk BOOTIF=01-${mac:hexhyp} SERV=h HTTP_PORT=80 ||";
    assert!(screen(&server).contains(kernel), "{}", screen(&server));
    for begun in 1..=3 {
        assert_eq!(asks(&server), Does::Install, "before attempt {begun}");
        let machine = uploads(&server)["machine"].clone();
        server = killed_and_started(server);
        let listed = server.get("/api/v1/machines").json();
        assert_eq!(listed[0]["machine"], machine);
        let stands = serde_json::json!({"begun": begun, "latest": "begun"});
        assert_eq!(listed[0]["deployments"], stands);
    }
    assert_eq!(asks(&server), Does::Hold);
    let text = screen(&server);
    assert!(
        text.contains("\necho Its installation was begun 3 times"),
        "{text}"
    );

    let url = format!("http://{}", server.address);
    let output = command(env!("CARGO_BIN_EXE_edeployctl"))
        .args(["reinstall", SERIAL, "--server", &url])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    server = killed_and_started(server);
    assert_eq!(asks(&server), Does::Install);

    uploads(&server);
    let installed = format!("/api/v1/machines/{SERIAL}/installed");
    let first = post(&server, &installed);
    assert_eq!(first.status, 200, "{first:?}");
    assert_eq!(first.json()["deployments"]["latest"], "installed");
    assert_eq!(asks(&server), Does::LocalBoot);
    server = killed_and_started(server);
    assert_eq!(asks(&server), Does::LocalBoot);
    assert_eq!(post(&server, &installed).json(), first.json());

    let released = format!("/api/v1/machines/{SERIAL}/release");
    assert_eq!(post(&server, &released).status, 200);
    assert_eq!(asks(&server), Does::Install);
    assert_eq!(post(&server, &installed).status, 404);
    assert_eq!(server.get(&installed).status, 405);
}

#[test]
fn a_failure_ends_an_attempt_and_leaves_it_counted() {
    let server = server();
    for _ in 0..3 {
        server.register(&facts(8));
        let facts = facts(8);
        let report = [
            ("failure", None, b"vm".as_slice()),
            ("file", Some("hw.json"), facts.as_bytes()),
        ];
        server.upload(&report);
    }
    let listed = server.get("/api/v1/machines").json();
    assert_eq!(listed[0]["place"], "given_back");
    let stands = serde_json::json!({"begun": 3, "latest": "failed"});
    assert_eq!(listed[0]["deployments"], stands);
    assert_eq!(asks(&server), Does::Hold);
    assert!(screen(&server).contains("the last time it said"));
    assert_eq!(uploads(&server)["repeated"], true);
    assert_eq!(
        post(&server, &format!("/api/v1/machines/{SERIAL}/installed")).status,
        200
    );
    // A report that was long on its way takes nothing from a machine that is installed.
    let facts = facts(8);
    server.upload(&[
        ("failure", None, b"vm"),
        ("file", Some("hw.json"), facts.as_bytes()),
    ]);
    assert_eq!(asks(&server), Does::LocalBoot);
}

#[test]
fn a_rehearsal_counts_as_no_attempt() {
    let server = server();
    let body = format!(r#"{{"rehearsal": true, "facts": {}}}"#, facts(8));
    assert_eq!(server.post_machine(body.as_bytes()).status, 200);
    uploads(&server);
    post(&server, &format!("/api/v1/machines/{SERIAL}/installed"));
    for _ in 0..4 {
        assert_eq!(server.post_machine(body.as_bytes()).status, 200);
    }
    assert_eq!(asks(&server), Does::LocalBoot);
}

#[test]
fn an_upload_made_again_in_the_same_start_is_one_attempt_and_one_job() {
    let server = server();
    let upload = |digit: u8| {
        let boot_id = format!("0b3c5f0e-6a1d-4f6e-9d0a-00e1c2d3a4b{digit}");
        let body = format!(r#"{{"boot_id": "{boot_id}", "facts": {}}}"#, facts(8));
        assert_eq!(server.post_machine(body.as_bytes()).status, 200);
        let stands = server.get("/api/v1/machines").json()[0]["deployments"].clone();
        let jobs = || {
            server.get("/api/v1/jobs").json()["jobs"]
                .as_array()
                .map(Vec::len)
        };
        // What the server itself reports is kept a moment after the answer.
        let known = usize::from(digit);
        wait_for("the job of this start", || jobs() == Some(known));
        stands["begun"].as_u64().unwrap()
    };
    assert_eq!([upload(1), upload(1), upload(2), upload(2)], [1, 1, 2, 2]);
    assert_eq!(asks(&server), Does::Install);
    let wrong = format!(r#"{{"boot_id": "today", "facts": {}}}"#, facts(8));
    assert_eq!(server.post_machine(wrong.as_bytes()).status, 400);
}

#[test]
fn a_refused_machine_is_held_with_the_reason_until_the_spec_is_mended() {
    let mut server = server();
    let refused = |server: &TestServer| {
        assert_eq!(server.post_machine(facts(2).as_bytes()).status, 404);
    };
    refused(&server);
    assert_eq!(asks(&server), Does::Hold);
    let text = screen(&server);
    assert!(text.contains("no profile matches this machine"), "{text}");
    assert!(text.contains("gt(4)"), "{text}");
    assert!(
        text.lines().count() < 25 && text.lines().all(|line| line.len() < 160),
        "{text}"
    );
    server = killed_and_started(server);
    assert_eq!(asks(&server), Does::Install, "and is refused again");
    refused(&server);
    assert_eq!(asks(&server), Does::Hold);

    write(
        server.path("config/vm.specs"),
        "[('disk', '$disk', 'size', 'gt(1)')]\n",
    );
    assert_eq!(asks(&server), Does::Install);
    assert_eq!(asks(&server), Does::Install, "asking takes no place");
    write(server.path("config/state"), "[('vm', 0)]\n");
    assert_eq!(asks(&server), Does::Hold);
    assert!(screen(&server).contains("its count in the state file is spent"));
    write(server.path("config/state"), "[('vm', 1)]\n");
    assert_eq!(server.post_machine(facts(2).as_bytes()).status, 200);
    assert_eq!(asks(&server), Does::Install);
    write(server.path("config/vm.specs"), "[(");
    assert_eq!(asks(&server), Does::Install, "it was given its profile");
}

#[test]
fn what_cannot_be_told_is_no_reason_to_install() {
    let server = server();
    uploads(&server);
    let hold = |path: &str| does(&server.get(path));
    assert_eq!(hold("/boot.ipxe?uuid=&serial=None&mac="), Does::Hold);
    assert_eq!(hold(&format!("{}&section=nowhere", query())), Does::Hold);
    write(
        server.path("config/.edeploy/allocations.jsonl"),
        "{\n{}\n{}\n",
    );
    assert_eq!(asks(&server), Does::Hold);
    assert!(
        screen(&server).contains("is damaged"),
        "{}",
        screen(&server)
    );
}

#[test]
fn nothing_that_a_machine_says_stands_in_its_script() {
    let server = server();
    let hostile = "%0Areboot%0A%24%7Bnet0%2Fmac%7D%20%7C%7C%20shell";
    let path =
        format!("/boot.ipxe?uuid={hostile}&serial=x{hostile}&mac={hostile}&serial2={hostile}");
    let text = server.get(&path).text();
    assert_eq!(does(&server.get(&path)), Does::Install);
    assert!(
        !text.contains("reboot") && !text.contains("shell"),
        "{text}"
    );
    let rows = format!(
        r#"[["disk", "vda\nreboot ${{net0/mac}} || shell", "size", 2], ["system", "product", "serial", "{SERIAL}"]]"#
    );
    assert_eq!(server.post_machine(rows.as_bytes()).status, 404);
    let text = server.get(&format!("/boot.ipxe?serial={SERIAL}")).text();
    let said = text.lines().filter(|line| line.starts_with("echo"));
    for line in said {
        assert!(!line.contains("||") && !line.contains('$'), "{line}");
    }
    assert!(!text.contains("\nreboot"), "{text}");
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: ${{x}} reboot\r\nConnection: close\r\n\r\n",
        query()
    );
    assert_eq!(exchange(server.address, request.as_bytes()).status, 400);
}

#[test]
fn a_server_without_a_kernel_says_so_to_the_machine() {
    let server = TestServer::start(profile);
    assert_eq!(asks(&server), Does::Hold);
    let text = screen(&server);
    assert!(text.contains("The server has no /boot/vmlinuz"), "{text}");
    let ready = server.get("/readyz");
    assert_eq!(ready.status, 200);
    assert!(ready.json()["boot"].as_str().unwrap().contains("vmlinuz"));
    fill_boot_dir(server.dir.path());
    assert_eq!(asks(&server), Does::Install);
    assert_eq!(server.get("/readyz").json()["boot"], "ready");
}

#[test]
fn the_settings_count() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path().join("vmlinuz"), "k");
    write(dir.path().join("ramdisk"), "r");
    let args = [
        "--boot-dir",
        dir.path().to_str().unwrap(),
        "--boot-attempts",
        "1",
        "--boot-arguments",
        "ONFAILURE=console  | console=ttyS0 |",
    ];
    let server = TestServer::with_args(profile, &args);
    let text = screen(&server);
    assert!(
        text.contains(" HTTP_PORT=80 ONFAILURE=console | console=ttyS0 | ||"),
        "{text}"
    );
    uploads(&server);
    assert_eq!(asks(&server), Does::Hold);
}

#[test]
fn a_machine_of_another_section_is_sent_there() {
    let dir = tempfile::tempdir().unwrap();
    let rack = dir.path().join("rack");
    profile(&rack);
    let settings = dir.path().join("server.toml");
    write(
        &settings,
        format!("[sections.rack]\nconfig_dir = '{}'", rack.display()),
    );
    let server = TestServer::with_args(profile, &["--settings", settings.to_str().unwrap()]);
    fill_boot_dir(server.dir.path());
    let asked = server.get(&format!("{}&section=rack", query())).text();
    assert!(asked.contains(" SECTION=rack "), "{asked}");
    assert!(asked.contains("boot.ipxe?section=rack&uuid="), "{asked}");
    assert!(!screen(&server).contains("SECTION="));
    let body = format!(r#"{{"section": "rack", "facts": {}}}"#, facts(8));
    assert_eq!(server.post_machine(body.as_bytes()).status, 200);
    assert!(screen(&server).contains(" SECTION=rack "));
    let installed = format!("/api/v1/machines/{SERIAL}/installed");
    assert_eq!(post(&server, &installed).status, 404);
    assert_eq!(
        post(&server, &format!("{installed}?section=rack")).status,
        200
    );
    assert_eq!(asks(&server), Does::LocalBoot);
    assert_eq!(
        does(&server.get(&format!("{}&section=SERVER", query()))),
        Does::Install
    );
}

#[test]
fn kernel_and_ramdisk_are_served_in_parts_too_and_nothing_else_is() {
    let server = server();
    let raw = |lines: &str| exchange(server.address, format!("{lines}\r\n\r\n").as_bytes());
    assert_eq!(server.get("/boot/vmlinuz").text(), "the kernel");
    let part =
        raw("GET /boot/vmlinuz HTTP/1.1\r\nHost: h\r\nConnection: close\r\nRange: bytes=4-9");
    assert_eq!((part.status, part.text().as_str()), (206, "kernel"));
    assert_eq!(part.header("content-range"), Some("bytes 4-9/10"));
    let head = raw("HEAD /boot/vmlinuz HTTP/1.1\r\nHost: h\r\nConnection: close");
    assert_eq!(
        (head.header("content-length"), head.body.len()),
        (Some("10"), 0)
    );
    let old = raw("GET /boot/ramdisk HTTP/1.0");
    assert_eq!(old.text(), "the ramdisk");
    assert_eq!(old.header("transfer-encoding"), None);
    write(server.path("state/secret"), "secret");
    write(server.path("state/boot/.hidden"), "secret");
    write(server.path("state/boot/sub/file"), "secret");
    for path in [
        "/boot/",
        "/boot",
        "/boot/nothing",
        "/boot/sub",
        "/boot/sub/file",
        "/boot/.hidden",
        "/boot/..",
        "/boot/../secret",
        "/boot/..%2fsecret",
        "/boot/%2e%2e%2fsecret",
        "/boot/%2e%2e/secret",
        "/boot/vmlinuz%00",
    ] {
        let answer = server.get(path);
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
    }
    assert_eq!(server.send("PUT", "/boot/vmlinuz", "x", b"x").status, 405);
}

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
