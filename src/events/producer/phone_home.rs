//! cloud-init's phone_home: the installed system tells its name and its SSH host keys (wire-formats 4.3).

use super::message::Message;
use crate::events::report::HostKey;
use crate::model::{Event, EventKind};

/// What stands for a value that there is none of.
const NONE: &str = "N/A";

/// How long a public key may be, in characters: one of RSA with 16,384 bits has 2,800.
const LONGEST_KEY: usize = 8_000;

/// The pairs of a form, `application/x-www-form-urlencoded`. Bytes that are no UTF-8 are replaced.
pub fn form_pairs(body: &[u8]) -> Vec<(String, String)> {
    let decoded = |text: &[u8]| {
        let spaced: Vec<u8> = text
            .iter()
            .map(|byte| if *byte == b'+' { b' ' } else { *byte })
            .collect();
        let bytes: Vec<u8> = percent_encoding::percent_decode(&spaced).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let pairs = body
        .split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| {
        let end = pair.iter().position(|byte| *byte == b'=');
        let (name, value) = pair.split_at(end.unwrap_or(pair.len()));
        (decoded(name), decoded(value.get(1..).unwrap_or_default()))
    });
    pairs.collect()
}

/// Reads the form.
pub fn phone_home(pairs: &[(String, String)]) -> Message {
    let value = |name: &str| {
        let found = pairs.iter().find(|(known, _)| known == name);
        let text = found.map(|(_, value)| value.trim())?;
        (!text.is_empty() && text != NONE).then(|| text.to_owned())
    };
    let keys: Vec<HostKey> = pairs
        .iter()
        .filter(|(name, _)| name.starts_with("pub_key_"))
        .filter_map(|(_, value)| host_key(value))
        .collect();
    let name = value("fqdn").or_else(|| value("hostname"));
    let mut said = match &name {
        Some(name) => format!("phoned home as {name}"),
        None => "phoned home".to_owned(),
    };
    for key in &keys {
        said.push_str(&format!("\n{} {}", key.algorithm, key.key));
    }
    let event = Event::new("cloudinit", "phone_home", EventKind::Note).saying(said);
    Message {
        host_keys: keys,
        ..Message::of(event)
    }
}

/// The first two words of a public key file, if they are such: the third is a comment.
fn host_key(line: &str) -> Option<HostKey> {
    let mut words = line.split_whitespace();
    let (algorithm, key) = (words.next()?, words.next()?);
    let is_algorithm = algorithm.len() < 80
        && algorithm
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-.@_".contains(&byte));
    let is_key = key.len() <= LONGEST_KEY
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
    (is_algorithm && is_key).then(|| HostKey {
        algorithm: algorithm.to_owned(),
        key: key.to_owned(),
    })
}
