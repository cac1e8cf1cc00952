//! `/install/...` and `/metadata/...` of the server: trees, images and manifests over HTTP.

use std::os::unix::ffi::OsStrExt;

use serde_json::{Value, json};

use crate::support::http::exchange;
use crate::support::server::{TestServer, simple_profile};
use crate::support::{command, write};

fn server() -> TestServer {
    let server = TestServer::start(|dir| simple_profile(dir, ""));
    let tree = |name: &str| server.path("state/roles").join(name);
    write(tree("install/1.0/base/etc/hostname"), "base\n");
    write(tree("install/1.0/base/page.html"), "<script>");
    write(tree("install/1.0/base-1.0.edeploy"), "0123456789");
    write(tree("install/1.0/base.manifest"), "#edeploy-manifest 1\n");
    write(tree("metadata/1.0/base/1.1/pre"), "#!/bin/sh\n");
    write(tree("secret"), "secret");
    write(server.path("state/secret"), "secret");
    for (target, name) in [
        ("1.0", "install/stable"),
        ("/etc/passwd", "install/1.0/base/absolute"),
        ("../../../../secret", "install/1.0/base/outside"),
        ("etc/hostname", "install/1.0/base/inside"),
        ("/proc/self/environ", "install/1.0/base/magic"),
    ] {
        std::os::unix::fs::symlink(target, tree(name)).unwrap();
    }
    let pipe = command("mkfifo")
        .arg(tree("install/1.0/base/pipe"))
        .status();
    assert!(pipe.unwrap().success());
    server
}

#[test]
fn what_the_user_of_the_server_may_not_read_is_refused_once_and_for_all() {
    if !crate::roles::is_root() {
        return;
    }
    let drop = "exec setpriv --bounding-set=-dac_override,-dac_read_search --inh-caps=-all \"$@\"";
    let server = TestServer::after_shell(drop, |dir| simple_profile(dir, ""), &[]);
    let secret = server.path("state/roles/install/1.0/base/etc/shadow");
    write(&secret, "root:x\n");
    let nothing = std::os::unix::fs::PermissionsExt::from_mode(0o000);
    std::fs::set_permissions(secret, nothing).unwrap();
    let answer = server.get("/install/1.0/base/etc/shadow");
    assert_eq!(answer.status, 403);
    let text = answer.text();
    assert!(
        text.contains("may not read `/install/1.0/base/etc/shadow`"),
        "{text}"
    );
    assert!(server.log().contains("serve it as root, or by rsync"));
}

#[test]
fn files_of_roles_are_served_in_parts_too() {
    let server = server();
    for (path, text) in [
        ("/install/1.0/base.manifest", "#edeploy-manifest 1\n"),
        ("/install/1.0/base/etc/hostname", "base\n"),
        ("/install/stable/base/etc/hostname", "base\n"),
        ("/install/1.0/base/inside", "base\n"),
        ("/metadata/1.0/base/1.1/pre", "#!/bin/sh\n"),
    ] {
        let answer = server.get(path);
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (200, text),
            "{path}"
        );
    }
    // Any name that a file can have.
    let odd = std::ffi::OsStr::from_bytes(b"lib++\xff%2B");
    write(
        server.path("state/roles/install/1.0/base").join(odd),
        "odd\n",
    );
    for path in ["lib++%FF%252B", "lib%2B%2B%ff%252B"] {
        let answer = server.get(&format!("/install/1.0/base/{path}"));
        assert_eq!(answer.text(), "odd\n", "{path}");
    }
    let raw = |lines: &str| exchange(server.address, format!("{lines}\r\n\r\n").as_bytes());
    let image = "/install/1.0/base-1.0.edeploy HTTP/1.1\r\nHost: h\r\nConnection: close";
    let head = raw(&format!("HEAD {image}"));
    assert_eq!(
        (head.header("content-length"), head.body.len()),
        (Some("10"), 0)
    );
    let tag = head.header("etag").unwrap();
    assert!(tag.starts_with('"'), "{tag}");
    let part = raw(&format!(
        "GET {image}\r\nRange: bytes=4-\r\nIf-Range: {tag}"
    ));
    assert_eq!((part.status, part.text().as_str()), (206, "456789"));
    assert_eq!(part.header("content-range"), Some("bytes 4-9/10"));
    // Nothing in a role is a page of the server.
    let page = server.get("/install/1.0/base/page.html");
    assert_eq!(
        page.header("content-type"),
        Some("application/octet-stream")
    );
    assert_eq!(server.send("PUT", "/install/1.0/x", "x", b"x").status, 405);
}

#[test]
fn a_directory_is_answered_with_what_is_in_it() {
    let server = server();
    let list = |path: &str| -> Value { serde_json::from_str(&server.get(path).text()).unwrap() };
    let versions = json!([
        {"name": "1.0", "kind": "dir"},
        {"name": "stable", "kind": "link", "target": "1.0"},
    ]);
    assert_eq!(list("/install"), versions);
    assert_eq!(list("/install/"), versions);
    assert_eq!(
        list("/install/stable"),
        json!([
            {"name": "base", "kind": "dir"},
            {"name": "base-1.0.edeploy", "kind": "file", "size_bytes": 10},
            {"name": "base.manifest", "kind": "file", "size_bytes": 20},
        ])
    );
    let reached = json!([{"name": "1.1", "kind": "dir"}]);
    assert_eq!(list("/metadata/1.0/base/"), reached);
}

#[test]
fn nothing_outside_of_the_directory_is_served() {
    let server = server();
    for path in [
        "/install/nothing",
        "/install/1.0/base/absolute",
        "/install/1.0/base/outside",
        "/install/1.0/base/magic",
        "/install/1.0/base/pipe",
        "/install/1.0/base/etc/hostname/x",
        "/install/../secret",
        "/install/..%2fsecret",
        "/install/%2e%2e/secret",
        "/install/%2e%2e%2f%2e%2e%2fsecret",
        "/install/1.0%00",
        "/secret",
    ] {
        let answer = server.get(path);
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
        assert!(!answer.text().contains("\nsecret"), "{path}");
    }
    // Where there are no roles there is nothing.
    let empty = TestServer::start(|dir| simple_profile(dir, ""));
    assert_eq!(empty.get("/install/").status, 404);
}
