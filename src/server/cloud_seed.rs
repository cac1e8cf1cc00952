//! The texts of a NoCloud seed: what cloud-init of an installed system is told (wire-formats 4.1).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// `meta-data`: who the machine is.
pub(super) fn meta_data(machine: &str, hostname: Option<&str>) -> String {
    let mut text = format!("instance-id: {}\n", quoted(machine));
    if let Some(hostname) = hostname {
        text.push_str(&format!("local-hostname: {}\n", quoted(hostname)));
    }
    text
}

/// A `#cloud-config` by which a system without any change to its image reports here and tells its host keys.
/// `base` is this server's address as the machine knows it, `secret` that of the machine's token.
pub(super) fn reporting(base: &str, machine: &str, secret: Option<&str>) -> String {
    let name = utf8_percent_encode(machine, RESERVED).to_string();
    let endpoint = quoted(&format!("{base}/events/{name}"));
    let mut text = format!(
        "#cloud-config\nreporting:\n  edeploy:\n    type: webhook\n    endpoint: {endpoint}\n"
    );
    let mut phone = format!("{base}/phone/{name}/");
    if let Some(secret) = secret {
        text.push_str(&format!(
            "    consumer_key: edeploy\n    consumer_secret: \"\"\n    token_key: {}\n    token_secret: {}\n",
            quoted(machine),
            quoted(secret)
        ));
        phone.push_str(&format!("?token={name}.{secret}"));
    }
    text.push_str(&format!(
        "phone_home:\n  url: {}\n  post: all\n  tries: 3\n",
        quoted(&phone)
    ));
    text
}

/// A text as YAML's double-quoted form, which takes JSON's.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_says_who_the_machine_is_whatever_it_is_called() {
        assert_eq!(
            meta_data("QEMU-CZ1-", Some("srv1")),
            "instance-id: \"QEMU-CZ1-\"\nlocal-hostname: \"srv1\"\n"
        );
        assert_eq!(
            meta_data("a\"\n#b: c", None),
            "instance-id: \"a\\\"\\n#b: c\"\n"
        );
    }

    #[test]
    fn the_default_user_data_reports_with_the_machines_token() {
        let text = reporting("http://h:1", "a/b", Some("00ff"));
        assert!(text.starts_with("#cloud-config\n"), "{text}");
        for line in [
            "    endpoint: \"http://h:1/events/a%2Fb\"",
            "    token_key: \"a/b\"",
            "    token_secret: \"00ff\"",
            "  url: \"http://h:1/phone/a%2Fb/?token=a%2Fb.00ff\"",
        ] {
            assert!(text.lines().any(|known| known == line), "{line}: {text}");
        }
        assert!(!reporting("http://h", "x", None).contains("token"));
    }
}
