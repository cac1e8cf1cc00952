//! Checksums of images: the files beside them, and the sums of what came.

use std::fmt;

use md5::Md5;
use sha2::{Digest as _, Sha256};

/// The longest checksum file that is read.
pub(super) const LONGEST_FILE: u64 = 64 << 10;

/// Which sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::client::install) enum Kind {
    Sha256,
    /// The original's (eDeploy's build writes `ROLE-VERS.edeploy.md5`). It tells accidents, not attacks.
    Md5,
}

impl Kind {
    /// All, the strongest first.
    pub(super) const ALL: [Kind; 2] = [Kind::Sha256, Kind::Md5];

    /// What follows the image's name in the name of its checksum file.
    pub(super) fn suffix(self) -> &'static str {
        match self {
            Kind::Sha256 => ".sha256",
            Kind::Md5 => ".md5",
        }
    }

    fn digits(self) -> usize {
        match self {
            Kind::Sha256 => 64,
            Kind::Md5 => 32,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Sha256 => "SHA-256",
            Kind::Md5 => "MD5",
        })
    }
}

/// A sum, and which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::client::install) struct Sum {
    pub kind: Kind,
    /// Hexadecimal, in lower case.
    pub hex: String,
}

/// The sum of an image in the text of its checksum file: what `sha256sum` and `md5sum` write, in either
/// of their forms, or the sum alone. Of several lines the one with the image's name counts.
pub(super) fn parse(kind: Kind, text: &str, image: &str) -> Option<Sum> {
    let sums = text.lines().filter_map(|line| {
        let (hex, name) = match line.rsplit_once(" = ") {
            Some((name, hex)) => {
                let name = name.split_once('(').map_or("", |(_, name)| name);
                (hex, name.trim_end_matches(')'))
            }
            None => line.split_once(char::is_whitespace).unwrap_or((line, "")),
        };
        let name = name.trim_start_matches([' ', '\t', '*']).trim_end();
        let hex = hex.trim().trim_start_matches('\\').to_ascii_lowercase();
        let is_sum = hex.len() == kind.digits() && hex.bytes().all(|c| c.is_ascii_hexdigit());
        let base = name.rsplit('/').next().unwrap_or(name).to_owned();
        is_sum.then_some((hex, base))
    });
    let mut sums: Vec<(String, String)> = sums.collect();
    let named = sums.iter().position(|(_, name)| name == image);
    let (hex, _) = match (named, sums.len()) {
        (Some(at), _) => sums.swap_remove(at),
        (None, 1) => sums.swap_remove(0),
        (None, _) => return None,
    };
    Some(Sum { kind, hex })
}

/// The sum of bytes that come one after another.
#[derive(Clone)]
pub(super) enum Hasher {
    Sha256(Box<Sha256>),
    Md5(Md5),
}

impl Hasher {
    pub(super) fn new(kind: Kind) -> Hasher {
        match kind {
            Kind::Sha256 => Hasher::Sha256(Box::default()),
            Kind::Md5 => Hasher::Md5(Md5::new()),
        }
    }

    /// One of the same kind, of nothing so far.
    pub(super) fn anew(&self) -> Hasher {
        Hasher::new(match self {
            Hasher::Sha256(_) => Kind::Sha256,
            Hasher::Md5(_) => Kind::Md5,
        })
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Hasher::Sha256(hasher) => hasher.update(bytes),
            Hasher::Md5(hasher) => hasher.update(bytes),
        }
    }

    /// The sum so far.
    pub(super) fn sum(&self) -> Sum {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        match self {
            Hasher::Sha256(hasher) => Sum {
                kind: Kind::Sha256,
                hex: hex(&hasher.clone().finalize()),
            },
            Hasher::Md5(hasher) => Sum {
                kind: Kind::Md5,
                hex: hex(&hasher.clone().finalize()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksum_files_are_read_in_all_their_forms() {
        let sum = "d41d8cd98f00b204e9800998ecf8427e";
        let other = "0123456789abcdef0123456789abcdef";
        for text in [
            format!("{sum}\n"),
            format!("{sum}  a.edeploy\n"),
            format!("{} */var/lib/debootstrap/a.edeploy", sum.to_uppercase()),
            format!("MD5 (a.edeploy) = {sum}\n"),
            format!("{other}  b.edeploy\n{sum}  a.edeploy\n"),
            format!("{sum}  renamed.edeploy\n"),
        ] {
            let found = parse(Kind::Md5, &text, "a.edeploy");
            assert_eq!(found.map(|sum| sum.hex).as_deref(), Some(sum), "{text}");
        }
        for text in [
            String::new(),
            "<html>not found</html>".to_owned(),
            format!("{other}  b.edeploy\n{sum}  c.edeploy\n"),
            sum[1..].to_owned(),
        ] {
            assert_eq!(parse(Kind::Md5, &text, "a.edeploy"), None, "{text}");
        }
        assert_eq!(parse(Kind::Sha256, sum, "a.edeploy"), None);
    }

    #[test]
    fn sums_are_those_of_the_standards() {
        let sum = |kind| {
            let mut hasher = Hasher::new(kind);
            hasher.update(b"a");
            hasher.update(b"bc");
            hasher.sum().hex
        };
        // RFC 1321, FIPS 180-2.
        assert_eq!(sum(Kind::Md5), "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(
            sum(Kind::Sha256),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
