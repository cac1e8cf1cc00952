//! Credentials of those who report.

use serde_json::json;

use crate::producers::event;
use crate::support::http::{Response, exchange};
use crate::support::server::{TestServer, machine, simple_profile};
use crate::support::told::Told;
use crate::support::write;

/// A server with these settings and one profile.
pub(crate) fn server(settings: &str) -> TestServer {
    let dir = tempfile::tempdir().unwrap();
    simple_profile(&dir.path().join("config"), "");
    let file = dir.path().join("server.toml");
    write(&file, settings);
    let file = file.to_str().unwrap().to_owned();
    TestServer::in_dir(dir, &["--settings", &file])
}

const CLIENTS: &str = "[[oauth]]\nconsumer_key = 'ck_foo'\nconsumer_secret = 'cs_foo'\ntoken_key = 'tk_foo'\n\
                       token_secret = 'ts_secret'\n[[oauth]]\nconsumer_key = ''\ntoken_key = 'one'\n\
                       token_secret = 'ts&se/cret'\nmachine = 'node1'\n";

/// The header as curtin sends it, with a clock that is off by a year.
fn oauth(consumer: &str, token: &str, signature: &str) -> String {
    format!(
        "OAuth oauth_nonce=\"30966344925084439801795255271\", oauth_timestamp=\"1763719271\", \
         oauth_version=\"1.0\", oauth_signature_method=\"PLAINTEXT\", oauth_consumer_key=\"{consumer}\", \
         oauth_token=\"{token}\", oauth_signature=\"{signature}\""
    )
}

fn post(server: &TestServer, path: &str, authorization: Option<&str>) -> Response {
    let body = event("cmd-install", "start", json!({})).to_string();
    let authorization =
        authorization.map_or(String::new(), |it| format!("Authorization: {it}\r\n"));
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: h\r\n{authorization}Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    exchange(server.address, request.as_bytes())
}

fn assert_refused(answer: &Response) {
    assert_eq!(answer.status, 401, "{answer:?}");
    assert!(
        answer.head.contains("OAuth realm=\"edeploy\""),
        "{answer:?}"
    );
    assert!(answer.header("date").is_some());
}

#[test]
fn credentials_that_are_given_must_be_right() {
    let server = server(CLIENTS);
    let good = oauth("ck_foo", "tk_foo", "cs_foo%26ts_secret");
    assert_eq!(post(&server, "/curtin/any", Some(&good)).status, 204);
    assert_eq!(post(&server, "/curtin/any", None).status, 204);
    for wrong in [
        oauth("ck_foo", "tk_foo", "cs_foo%26ts_secreT"),
        oauth("ck_foo", "tk_foo", "%26ts_secret"),
        oauth("ck_other", "tk_foo", "cs_foo%26ts_secret"),
        oauth("ck_foo", "unknown", "cs_foo%26ts_secret"),
        good.replace("PLAINTEXT", "HMAC-SHA1"),
        "Basic YTpi".to_owned(),
        "Bearer any.00".to_owned(),
    ] {
        assert_refused(&post(&server, "/curtin/any", Some(&wrong)));
    }
    assert_refused(&post(&server, "/curtin/any?token=any.00", None));
    let told = Told::to(server);
    assert_eq!(told.events("any").len(), 2);
}

#[test]
fn credentials_of_one_machine_name_it_and_are_for_no_other() {
    let server = server(CLIENTS);
    let good = oauth("", "one", "%26ts%2526se%252Fcret");
    assert_eq!(post(&server, "/curtin", Some(&good)).status, 204);
    assert_eq!(post(&server, "/curtin/node1", Some(&good)).status, 204);
    assert_eq!(post(&server, "/curtin/node2", Some(&good)).status, 403);
    let told = Told::to(server);
    assert_eq!(told.machines(), ["node1"]);
}

#[test]
fn a_machine_is_told_its_token_with_its_profile() {
    let server = server("events_need_token = true\n");
    let answer = server
        .post_machine(machine("CZ1", "QEMU").as_bytes())
        .json();
    let token = answer["token"].as_str().unwrap();
    let (name, secret) = token.rsplit_once('.').unwrap();
    assert_eq!(name, "QEMU-CZ1-");
    assert_refused(&post(&server, "/curtin/QEMU-CZ1-", None));
    let header = oauth("", name, &format!("%26{secret}"));
    for (path, header) in [
        ("/curtin", Some(header)),
        (&*format!("/curtin?token={token}"), None),
        ("/api/v1/events", Some(format!("Bearer {token}"))),
        // Its serial is a name of it too.
        ("/curtin/CZ1", Some(format!("Bearer {token}"))),
    ] {
        let status = post(&server, path, header.as_deref()).status;
        assert!(status == 204 || status == 200, "{path}: {status}");
    }
    let other = post(&server, "/curtin/other", Some(&format!("Bearer {token}")));
    assert_eq!(other.status, 403);
    // Allocation needs none: a machine has none before it.
    assert!(
        server
            .register(&machine("CZ2", "QEMU"))
            .contains("EDEPLOY_PROFILE")
    );
    let dir = server.stop();
    let again = TestServer::in_dir(dir, &[]);
    assert_eq!(
        post(&again, &format!("/curtin?token={token}"), None).status,
        204
    );
    assert_eq!(Told::to(again).events("QEMU-CZ1-").len(), 6);
}

#[test]
fn a_key_that_is_none_stops_the_start_with_its_path() {
    let dir = tempfile::tempdir().unwrap();
    simple_profile(&dir.path().join("config"), "");
    write(dir.path().join("state/token.key"), "secret\n");
    let args = [
        "--config-dir",
        "config",
        "--state-dir",
        "state",
        "--listen",
        "127.0.0.1:0",
    ];
    let (code, _, said) = crate::support::server::run(&args, &[], dir.path());
    assert_eq!(code, 5);
    assert!(
        said.contains("state/token.key") && said.contains("64 hexadecimal digits"),
        "{said}"
    );
    assert!(!said.contains("secret\n"));
}
