//! The pages in a real browser: that they follow what happens, and that a phone and a keyboard can use them.

use serde_json::json;

use crate::support::browser::Browser;
use crate::support::server::{TestServer, machine, simple_profile};
use crate::support::wait_for;

fn update(server: &TestServer, percent: u32, status: &str) {
    let body =
        json!({"name": "node1", "action": "install", "status": status, "percentage": percent});
    let answer = server.send(
        "POST",
        "/api/update",
        "application/json",
        body.to_string().as_bytes(),
    );
    assert_eq!(answer.status, 204);
}

#[test]
fn an_open_page_follows_what_happens() {
    let Some(browser) = Browser::start(1280, 800) else {
        return;
    };
    let server = TestServer::start(|dir| simple_profile(dir, ""));
    browser.open(&format!("http://{}/", server.address));
    wait_for("the stream", || browser.text().contains("live"));
    server.register(&machine("CZ1", "QEMU"));
    wait_for("the machine", || browser.text().contains("QEMU-CZ1-"));
    update(&server, 40, "Partitioning <script>");
    wait_for("the progress", || browser.text().contains("40 %"));
    assert!(browser.text().contains("Partitioning <script>"));
    browser.picture("fleet");
    browser.open(&format!("http://{}/machines/node1", server.address));
    wait_for("the stream", || browser.text().contains("live"));
    update(&server, 100, "Installed");
    wait_for("the end", || browser.text().contains("installed since"));
    browser.picture("machine");
}

#[test]
fn no_page_is_wider_than_a_phone_and_every_link_can_be_reached() {
    let Some(browser) = Browser::start(400, 900) else {
        return;
    };
    let server = TestServer::start(|dir| simple_profile(dir, ""));
    server.register(&machine(
        "CZ1-with-a-very-long-serial-number-0123456789-0123456789",
        "QEMU",
    ));
    update(&server, 40, "Partitioning");
    for path in [
        "/",
        "/machines/node1",
        "/profiles",
        "/profiles/vm",
        "/unmatched",
        "/timeline",
        "/jobs/1",
    ] {
        browser.open(&format!("http://{}{path}", server.address));
        let wide =
            "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
        assert_eq!(browser.script(wide), json!(0), "{path}");
        let nameless = "return [...document.querySelectorAll('a,button,input:not([type=hidden]),select,progress')]\
            .filter(e => !(e.innerText || e.labels?.length || e.ariaLabel)).map(e => e.outerHTML)";
        assert_eq!(browser.script(nameless), json!([]), "{path}");
    }
    browser.picture("phone");
}
