//! Which start of a machine something is of.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The number that the kernel draws when it starts (`/proc/sys/kernel/random/boot_id`, random(4)): a uuid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BootId(u128);

/// A text that is no such number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no boot id: expected a uuid, as /proc/sys/kernel/random/boot_id has it")]
pub struct BootIdError(String);

/// Where a uuid has its hyphens.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

impl FromStr for BootId {
    type Err = BootIdError;

    fn from_str(text: &str) -> Result<BootId, BootIdError> {
        let error = || BootIdError(text.chars().take(40).collect());
        let is_uuid = text.len() == 36
            && text.bytes().enumerate().all(|(at, byte)| {
                (HYPHENS.contains(&at) && byte == b'-')
                    || (!HYPHENS.contains(&at) && byte.is_ascii_hexdigit())
            });
        if !is_uuid {
            return Err(error());
        }
        let number = u128::from_str_radix(&text.replace('-', ""), 16);
        number.map(BootId).map_err(|_| error())
    }
}

impl fmt::Display for BootId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:032x}", self.0);
        let (a, b, c) = (&digits[..8], &digits[8..12], &digits[12..16]);
        write!(out, "{a}-{b}-{c}-{}-{}", &digits[16..20], &digits[20..])
    }
}

impl Serialize for BootId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for BootId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<BootId, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boot_id_is_written_as_the_kernel_writes_it() {
        let text = "0b3c5f0e-6a1d-4f6e-9d0a-00e1c2d3a4b5";
        assert_eq!(text.parse::<BootId>().unwrap().to_string(), text);
        for wrong in ["", "+b3c5f0e-6a1d-4f6e-9d0a-00e1c2d3a4b5", "0b3c5f0e6a1d"] {
            assert!(wrong.parse::<BootId>().is_err(), "{wrong}");
        }
    }
}
