//! Names that become parts of file names.

use std::fmt;

use serde::Serialize;

/// Why a text cannot be a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// There is no text.
    #[error("a name cannot be empty")]
    Empty,
    /// A name becomes part of a file name and must not leave its directory.
    #[error("a name cannot begin with a dot or hold `{0}`")]
    Forbidden(String),
}

fn checked(text: &str) -> Result<String, NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if text.starts_with('.') {
        return Err(NameError::Forbidden(".".to_owned()));
    }
    match text
        .chars()
        .find(|c| matches!(c, '/' | '\\') || c.is_control())
    {
        Some(bad) => Err(NameError::Forbidden(bad.escape_default().to_string())),
        None => Ok(text.to_owned()),
    }
}

/// The name of a profile: the stem of its `.specs`, `.configure` and `.cmdb` files.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct ProfileName(String);

/// The name of a section: one independent deployment on the same server.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct SectionName(String);

/// The name of a role: a directory of each version that has it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct RoleName(String);

/// A version of roles, such as `D12-1.0`: the directory of its roles.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct RoleVersion(String);

macro_rules! file_safe_name {
    ($name:ident) => {
        impl $name {
            /// Checks that `text` can be part of a file name.
            ///
            /// # Errors
            /// Empty, beginning with a dot, or holding a slash, a backslash or a control character.
            pub fn new(text: &str) -> Result<$name, NameError> {
                checked(text).map($name)
            }

            /// The text of the name.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<$name, NameError> {
                $name::new(text)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(
                deserializer: D,
            ) -> Result<$name, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                $name::new(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

file_safe_name!(ProfileName);
file_safe_name!(SectionName);
file_safe_name!(RoleName);
file_safe_name!(RoleVersion);

impl SectionName {
    /// `SERVER`, the section of a machine that names none (eDeploy `upload.py`).
    pub fn default_section() -> SectionName {
        SectionName("SERVER".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_leave_its_directory_is_refused() {
        for bad in ["", ".", "..", ".hidden", "a/b", "a\\b", "a\0b", "a\nb"] {
            assert!(ProfileName::new(bad).is_err(), "{bad:?}");
        }
        assert_eq!(ProfileName::new("hp-mlx.2").unwrap().as_str(), "hp-mlx.2");
    }
}
