//! What the answers hold, and what they do not, whoever asks.

use super::{
    Does, SERIAL, asks, does, facts, fill_boot_dir, post, profile, query, screen, server, uploads,
};
use crate::support::http::exchange;
use crate::support::server::TestServer;
use crate::support::write;

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
