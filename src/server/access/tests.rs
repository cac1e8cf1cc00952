use actix_web::http::header::HeaderValue;

use super::*;
use crate::server::settings::Secret;

fn access(is_needed: bool) -> (Access, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let client = |token: &str, consumer_secret: &str, token_secret: &str| OauthClient {
        consumer_key: "ck".to_owned(),
        consumer_secret: Secret::new(consumer_secret),
        token_key: token.to_owned(),
        token_secret: Secret::new(token_secret),
        machine: None,
    };
    let access = Access {
        // The table of wire-formats 2.5.
        clients: vec![
            client("1", "", "ts"),
            client("2", "cs", "ts"),
            client("3", "cs_foo", "ts_secret"),
            client("4", "", "ts&se/cret"),
            client("5", "c s", "t+s/é"),
            client("6", "", ""),
        ],
        key: TokenKey::open(&Access::key_file(dir.path())).unwrap(),
        is_needed,
    };
    (access, dir)
}

fn judged(access: &Access, header: &str) -> Result<Vec<Holder>, Denied> {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, HeaderValue::from_str(header).unwrap());
    access.judge(&headers, None)
}

fn header(token: &str, signature: &str) -> String {
    format!(
        "OAuth oauth_nonce=\"1\", oauth_timestamp=\"17\", oauth_version=\"1.0\", \
         oauth_signature_method=\"PLAINTEXT\", oauth_consumer_key=\"ck\", oauth_token=\"{token}\", \
         oauth_signature=\"{signature}\""
    )
}

const SIGNATURES: [(&str, &str); 6] = [
    ("1", "%26ts"),
    ("2", "cs%26ts"),
    ("3", "cs_foo%26ts_secret"),
    ("4", "%26ts%2526se%252Fcret"),
    ("5", "c%2520s%26t%252Bs%252F%25C3%25A9"),
    ("6", "%26"),
];

#[test]
fn every_signature_of_the_table_is_right_for_its_secrets_only() {
    let (access, _dir) = access(false);
    for (token, _) in SIGNATURES {
        for (of, signature) in SIGNATURES {
            let judged = judged(&access, &header(token, signature));
            assert_eq!(judged.is_ok(), token == of, "{token} {signature}");
        }
    }
    assert_eq!(judged(&access, &header("7", "%26ts")), Err(Denied::Wrong));
}

#[test]
fn the_parameters_may_stand_in_any_order_and_form() {
    let (access, _dir) = access(false);
    for text in [
        "OAuth realm=\"a, b\",oauth_signature=\"cs%26ts\",oauth_token=\"2\",oauth_consumer_key=\"ck\",\
         oauth_signature_method=\"PLAINTEXT\"",
        "oauth\toauth_consumer_key=ck,   oauth_token=2, oauth_signature_method=plaintext, oauth_signature=cs%26ts",
        "OAuth oauth%5Ftoken=\"2\", oauth_consumer_key=\"ck\", oauth_signature_method=\"PLAINTEXT\", \
         oauth_signature=\"%63s%26ts\" ,",
    ] {
        assert!(judged(&access, text).is_ok(), "{text}");
    }
    for text in [
        "OAuth",
        "Basic YTpi",
        "OAuth oauth_token",
        "OAuth oauth_token=\"2",
        "OAuth oauth_token=\"%ff\"",
        &header("2", "cs%26ts").replace("PLAINTEXT", "HMAC-SHA1"),
        &header("2", "cs%26ts").replace("1.0", "2.0"),
        &format!("{}, oauth_token=\"2\"", header("2", "cs%26ts")),
    ] {
        let judged = judged(&access, text);
        assert!(
            matches!(judged, Err(Denied::Unreadable(_))),
            "{text}: {judged:?}"
        );
    }
}

#[test]
fn a_machines_token_is_good_for_that_machine_in_all_three_forms() {
    let (access, _dir) = access(true);
    let token = access.token_of("QEMU-CZ1-52.54");
    let secret = access.secret_of("QEMU-CZ1-52.54");
    let holder = vec![Holder {
        machine: Some("QEMU-CZ1-52.54".to_owned()),
    }];
    let none = HeaderMap::new();
    assert_eq!(access.judge(&none, Some(&token)), Ok(holder.clone()));
    assert_eq!(
        judged(&access, &format!("Bearer {token}")),
        Ok(holder.clone())
    );
    let oauth = header("QEMU-CZ1-52.54", &format!("%26{secret}"));
    assert_eq!(judged(&access, &oauth), Ok(holder));
    for wrong in [
        format!("other.{secret}"),
        format!("QEMU-CZ1-52.54.{}", &secret[1..]),
        "QEMU-CZ1-52.54.".to_owned(),
        "x".to_owned(),
        format!("QEMU-CZ1-52.54.{}é", &secret[2..]),
    ] {
        assert_eq!(
            access.judge(&none, Some(&wrong)),
            Err(Denied::Wrong),
            "{wrong}"
        );
    }
    assert_eq!(access.judge(&none, None), Err(Denied::Missing));
}

#[test]
fn the_key_is_made_once_and_for_the_server_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (one, dir) = access(false);
    let path = Access::key_file(dir.path());
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let other = TokenKey::open(&path).unwrap();
    assert_eq!(other.secret_of("x"), one.secret_of("x"));
    assert_eq!(format!("{other:?}"), "[redacted]");
    assert!(TokenKey::parse("abc").is_err() && TokenKey::parse(&"é".repeat(32)).is_err());
}
