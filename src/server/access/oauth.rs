//! OAuth 1.0 with the method PLAINTEXT (RFC 5849): the header is read.
//!
//! Time stamps and nonces are not looked at: a machine's clock may be wrong by years before it is installed
//! (wire-formats 2.4), and PLAINTEXT does not sign them.

use percent_encoding::percent_decode_str;

use super::Denied;

/// What the header of a request with PLAINTEXT says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plaintext {
    pub(super) consumer_key: String,
    pub(super) token: String,
    pub(super) signature: String,
}

impl Plaintext {
    /// Reads what follows `OAuth` in the header (RFC 5849 3.5.1): `name="value"`, percent-encoded both, in any
    /// order, with commas, blanks or line ends between them.
    pub(super) fn parse(text: &str) -> Result<Plaintext, Denied> {
        let pairs = pairs(text)?;
        let value = |wanted: &str| {
            let mut found = pairs.iter().filter(|(name, _)| name == wanted);
            match (found.next(), found.next()) {
                (Some(_), Some(_)) => Err(Denied::Unreadable("a parameter stands twice")),
                (one, _) => Ok(one.map(|(_, value)| value.clone())),
            }
        };
        let needed = |name| value(name)?.ok_or(Denied::Unreadable("a parameter is missing"));
        let method = needed("oauth_signature_method")?;
        if !method.eq_ignore_ascii_case("PLAINTEXT") {
            return Err(Denied::Unreadable("the method is not PLAINTEXT"));
        }
        if value("oauth_version")?.is_some_and(|version| version != "1.0") {
            return Err(Denied::Unreadable("the version is not 1.0"));
        }
        Ok(Plaintext {
            consumer_key: needed("oauth_consumer_key")?,
            token: needed("oauth_token")?,
            signature: needed("oauth_signature")?,
        })
    }
}

fn pairs(text: &str) -> Result<Vec<(String, String)>, Denied> {
    let is_between = |c: char| c == ',' || c.is_ascii_whitespace();
    let mut pairs = Vec::new();
    let mut rest = text.trim_start_matches(is_between);
    while !rest.is_empty() {
        let (name, value) = rest
            .split_once('=')
            .ok_or(Denied::Unreadable("a parameter has no value"))?;
        let value = value.trim_start();
        let (value, after) = match value.strip_prefix('"') {
            Some(quoted) => quoted
                .split_once('"')
                .ok_or(Denied::Unreadable("a quote is not closed"))?,
            None => value.split_at(value.find(is_between).unwrap_or(value.len())),
        };
        pairs.push((decoded(name.trim())?, decoded(value)?));
        rest = after.trim_start_matches(is_between);
    }
    Ok(pairs)
}

fn decoded(text: &str) -> Result<String, Denied> {
    let decoded = percent_decode_str(text).decode_utf8();
    let decoded = decoded.map_err(|_| Denied::Unreadable("no UTF-8"))?;
    Ok(decoded.into_owned())
}
