//! OAuth 1.0 with the method PLAINTEXT (RFC 5849 3.4.4), on the side that signs.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The signature that these secrets make.
pub fn signature(consumer_secret: &str, token_secret: &str) -> String {
    let encoded = |secret| utf8_percent_encode(secret, RESERVED);
    format!("{}&{}", encoded(consumer_secret), encoded(token_secret))
}

/// The four texts of curtin's `reporting`.
#[derive(Clone, PartialEq, Eq)]
pub struct Oauth {
    /// The consumer.
    pub consumer_key: String,
    /// Its secret; empty where MAAS's way is followed.
    pub consumer_secret: String,
    /// The token.
    pub token_key: String,
    /// Its secret.
    pub token_secret: String,
}

impl fmt::Debug for Oauth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Oauth")
            .field("consumer_key", &self.consumer_key)
            .field("token_key", &self.token_key)
            .finish_non_exhaustive()
    }
}

impl Oauth {
    /// The header `Authorization`, its parameters in curtin's order (wire-formats 2.2); `seconds` since 1970.
    pub(super) fn header(&self, nonce: u64, seconds: i64) -> String {
        let signature = signature(&self.consumer_secret, &self.token_secret);
        let parameters = [
            ("nonce", format!("{nonce}{seconds}")),
            ("timestamp", seconds.to_string()),
            ("version", "1.0".to_owned()),
            ("signature_method", "PLAINTEXT".to_owned()),
            ("consumer_key", self.consumer_key.clone()),
            ("token", self.token_key.clone()),
            ("signature", signature),
        ];
        let parameters = parameters.iter().map(|(name, value)| {
            let value = utf8_percent_encode(value, RESERVED);
            format!("oauth_{name}=\"{value}\"")
        });
        let parameters: Vec<String> = parameters.collect();
        format!("OAuth {}", parameters.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_curtins() {
        let oauth = Oauth {
            consumer_key: "ck_foo".to_owned(),
            consumer_secret: "cs_foo".to_owned(),
            token_key: "tk_foo".to_owned(),
            token_secret: "ts_secret".to_owned(),
        };
        assert_eq!(
            oauth.header(3_096_634_492_508_443_980, 1_795_255_271),
            "OAuth oauth_nonce=\"30966344925084439801795255271\", oauth_timestamp=\"1795255271\", \
             oauth_version=\"1.0\", oauth_signature_method=\"PLAINTEXT\", oauth_consumer_key=\"ck_foo\", \
             oauth_token=\"tk_foo\", oauth_signature=\"cs_foo%26ts_secret\""
        );
        assert!(!format!("{oauth:?}").contains("secret\""));
    }

    #[test]
    fn secrets_are_encoded_before_they_are_joined() {
        assert_eq!(signature("", "ts&se/cret"), "&ts%26se%2Fcret");
        assert_eq!(signature("c s", "t+s/é"), "c%20s&t%2Bs%2F%C3%A9");
    }
}
