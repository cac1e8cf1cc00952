//! The pages, as a reader without scripts gets them.

use serde_json::json;

use crate::support::server::{TestServer, machine, simple_profile};
use crate::support::{wait_for, write};

/// The text of a page, once it holds something: the server reports what it decides after it has answered.
fn page_with(server: &TestServer, path: &str, part: &str) -> String {
    let mut text = String::new();
    wait_for(part, || {
        let answer = server.get(path);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        text = answer.text();
        text.contains(part)
    });
    text
}

#[test]
fn an_empty_fleet_says_what_to_do() {
    let server = TestServer::start(|dir| simple_profile(dir, ""));
    let page = page_with(&server, "/", "No machine has been heard of yet");
    assert!(page.starts_with("<!doctype html>"));
}

#[test]
fn a_machine_is_found_from_the_fleet_to_its_facts() {
    let server = TestServer::start(|dir| simple_profile(dir, ""));
    server.register(&machine("CZ1", "QEMU"));
    let fleet = page_with(&server, "/", "given the profile vm");
    assert!(
        fleet.contains(r#"<a href="/machines/QEMU%2DCZ1%2D">QEMU-CZ1-</a>"#),
        "{fleet}"
    );
    assert!(
        fleet.contains(r#"<b class="installing">1</b>installing"#),
        "{fleet}"
    );
    let page = server.get("/machines/QEMU%2DCZ1%2D").text();
    for part in [
        "<dt>model</dt><dd>QEMU</dd>",
        "=&#62; vm (* left): given",
        "3 facts",
        "deployment 1",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(
        server
            .get("/machines/cz1")
            .text()
            .contains("<h1>QEMU-CZ1-</h1>")
    );
    let job = server.get("/jobs/1").text();
    assert!(
        job.contains("upload finish success given the profile vm"),
        "{job}"
    );
}

#[test]
fn machines_without_a_profile_stand_with_what_they_miss() {
    let server = TestServer::start(|dir| simple_profile(dir, ""));
    let facts = json!([
        ["disk", "vda", "size", "2"],
        ["system", "product", "name", "Small"],
        ["system", "product", "serial", "S1"],
    ]);
    server.register(&facts.to_string());
    page_with(
        &server,
        "/?standing=wrong",
        "no profile is for this machine",
    );
    let unmatched = server.get("/unmatched").text();
    assert!(unmatched.contains("gt(4)"), "{unmatched}");
    let profile = server.get("/profiles/vm").text();
    assert!(
        profile.contains("Machines that nearly match") && profile.contains("Small-S1-"),
        "{profile}"
    );
    write(server.path("config/state"), "[('vm', '*'\n");
    let broken = server.get("/profiles");
    assert!(
        broken.text().contains("`state` line 1, column 12"),
        "{broken:?}"
    );
}

#[test]
fn nothing_that_a_machine_says_of_itself_is_markup() {
    let server = TestServer::start(|dir| simple_profile(dir, ""));
    let evil = "<img src=x onerror=alert(1)>\"'&";
    server.register(&machine("CZ1\u{1b}[2J", evil));
    page_with(&server, "/", "given the profile");
    let name = "imgsrcxonerroralert1-CZ12J-";
    let page = page_with(&server, &format!("/machines/{name}"), "<dt>model</dt>");
    assert!(
        page.contains("&#60;img src=x onerror=alert(1)&#62;&#34;&#39;&#38;"),
        "{page}"
    );
    assert!(!page.contains("<img"));
}

#[test]
fn pages_load_nothing_from_elsewhere_and_say_so() {
    let server = TestServer::start(|dir| simple_profile(dir, ""));
    server.register(&machine("CZ1", "QEMU"));
    page_with(&server, "/", "QEMU-CZ1-");
    for path in [
        "/",
        "/machines/cz1",
        "/profiles",
        "/profiles/vm",
        "/unmatched",
        "/timeline",
        "/jobs/1",
    ] {
        let answer = server.get(path);
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{path}");
        let page = answer.text();
        assert!(
            !page.contains("style=\"") && !page.contains("://"),
            "{path}: {page}"
        );
        for part in [
            "<html lang=\"en\">",
            "<main id=\"main\">",
            "<h1>",
            "class=\"skip\"",
        ] {
            assert!(page.contains(part), "{path}: {part}");
        }
    }
    for (path, kind) in [
        ("/static/style.css", "text/css"),
        ("/static/live.js", "text/javascript"),
    ] {
        let answer = server.get(path);
        assert!(answer.header("content-type").unwrap().starts_with(kind));
        assert!(!answer.text().contains("://"));
    }
}

#[test]
fn what_is_not_there_is_a_page_that_says_so() {
    let server = TestServer::start(|dir| simple_profile(dir, ""));
    for path in [
        "/machines/nobody",
        "/profiles/none",
        "/profiles/vm?section=X",
        "/jobs/7",
        "/jobs/x",
    ] {
        let answer = server.get(path);
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.text().contains("<h1>Not found</h1>"), "{path}");
    }
}
