//! The key of the machines' tokens. A machine's secret is made of the key and its name, so none is stored.

use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

const KEY_BYTES: usize = 32;

/// The key; never shown.
pub(super) struct TokenKey([u8; KEY_BYTES]);

impl std::fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

impl TokenKey {
    /// Reads the key, or makes it: 32 random bytes in hex, for the server's user alone.
    pub(super) fn open(path: &Path) -> io::Result<TokenKey> {
        loop {
            match std::fs::read_to_string(path) {
                Ok(text) => {
                    if path.metadata()?.permissions().mode() & 0o077 != 0 {
                        tracing::warn!(path = %path.display(), "others can read the key of the machines' tokens");
                    }
                    return TokenKey::parse(text.trim());
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => make(path)?,
                Err(error) => return Err(error),
            }
        }
    }

    pub(super) fn parse(text: &str) -> io::Result<TokenKey> {
        let key = from_hex(text).and_then(|bytes| bytes.try_into().ok());
        key.map(TokenKey).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                "expected 64 hexadecimal digits: remove it, and a new one is made",
            )
        })
    }

    fn mac_of(&self, text: &str) -> Hmac<Sha256> {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.0)
            .expect("HMAC takes keys of any length");
        mac.update(text.as_bytes());
        mac
    }

    /// A machine's secret: the HMAC-SHA256 of its name, in hex.
    pub(super) fn secret_of(&self, machine: &str) -> String {
        to_hex(&self.mac_of(machine).finalize().into_bytes())
    }

    /// Whether this is a machine's secret, in a time that tells nothing of it.
    pub(super) fn is_secret_of(&self, machine: &str, secret: &str) -> bool {
        let given = from_hex(secret).unwrap_or_default();
        self.mac_of(machine).verify_slice(&given).is_ok()
    }

    /// Whether two texts are the same, in a time that tells nothing of either.
    pub(super) fn same(&self, one: &str, other: &str) -> bool {
        let other = self.mac_of(other).finalize().into_bytes();
        self.mac_of(one).verify_slice(&other).is_ok()
    }
}

/// Makes the file, unless another server of the same directory was faster.
fn make(path: &Path) -> io::Result<()> {
    let mut key = [0; KEY_BYTES];
    let mut filled = 0;
    while filled < key.len() {
        filled +=
            rustix::rand::getrandom(&mut key[filled..], rustix::rand::GetRandomFlags::empty())?;
    }
    let directory = path.parent().unwrap_or(Path::new("."));
    // Made with 0600, and under its name only when it is whole.
    let mut file = tempfile::NamedTempFile::with_prefix_in(".new-", directory)?;
    file.write_all(format!("{}\n", to_hex(&key)).as_bytes())?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Ok(_) => std::fs::File::open(directory)?.sync_all(),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error.error),
    }
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let is_hex = text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let pair = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    is_hex
        .then(|| (0..text.len()).step_by(2).map(pair).collect())
        .flatten()
}
