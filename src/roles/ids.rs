//! The numbers of users and groups, the same in every version: an upgrade changes files, not owners.
//!
//! eDeploy's `ids.tables`, as TOML. A tree is checked against it; no number of a tree is ever changed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Numbers below this one are given by the distribution itself (Debian Policy 9.2.2).
const FIRST_DYNAMIC: u32 = 100;
/// `nobody` and `nogroup`.
const NOBODY: u32 = 65534;

/// Which number each user and group has in every version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ids {
    /// Users.
    pub users: BTreeMap<String, u32>,
    /// Groups.
    pub groups: BTreeMap<String, u32>,
}

/// What a tree says otherwise than the table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdsError {
    /// The table has another number for the name.
    #[error("{kind} {name} has number {found}, and {expected} in the table of numbers")]
    Changed {
        /// `user` or `group`.
        kind: &'static str,
        /// Whose.
        name: String,
        /// The number in the table.
        expected: u32,
        /// The number in the tree.
        found: u32,
    },
    /// The table has the number for another name.
    #[error("{kind} {name} has number {found}, which is {owner}'s in the table of numbers")]
    Taken {
        /// `user` or `group`.
        kind: &'static str,
        /// Who has it in the tree.
        name: String,
        /// The number.
        found: u32,
        /// Who has it in the table.
        owner: String,
    },
    /// The table does not have the name.
    #[error("{kind} {name} is not in the table of numbers")]
    Unknown {
        /// `user` or `group`.
        kind: &'static str,
        /// Who.
        name: String,
    },
}

impl Ids {
    /// Compares with `etc/passwd` and `etc/group` of a tree. With `adds`, names that are new are taken
    /// into the table with the number that they have.
    ///
    /// # Errors
    /// A name has another number, a number has another name, or a name is new and `adds` is not set.
    pub fn check(&mut self, passwd: &str, group: &str, adds: bool) -> Result<(), IdsError> {
        check("user", &mut self.users, passwd, adds)?;
        check("group", &mut self.groups, group, adds)
    }
}

fn check(
    kind: &'static str,
    table: &mut BTreeMap<String, u32>,
    text: &str,
    adds: bool,
) -> Result<(), IdsError> {
    for line in text.lines() {
        let mut fields = line.split(':');
        let (Some(name), Some(Ok(found))) = (fields.next(), fields.nth(1).map(str::parse)) else {
            continue;
        };
        if found < FIRST_DYNAMIC || found == NOBODY {
            continue;
        }
        let name = name.to_owned();
        match table.get(&name).copied() {
            Some(expected) if expected == found => continue,
            Some(expected) => {
                return Err(IdsError::Changed {
                    kind,
                    name,
                    expected,
                    found,
                });
            }
            None => {}
        }
        if let Some((owner, _)) = table.iter().find(|(_, number)| **number == found) {
            let owner = owner.clone();
            return Err(IdsError::Taken {
                kind,
                name,
                found,
                owner,
            });
        }
        if !adds {
            return Err(IdsError::Unknown { kind, name });
        }
        table.insert(name, found);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0::/root:/bin/sh\nsshd:x:104:65534::/run/sshd:/bin/false\nnobody:x:65534:65534:::\n";

    #[test]
    fn numbers_stay_what_they_were() {
        let mut ids = Ids::default();
        let unknown = ids.check(PASSWD, "", false).unwrap_err();
        assert_eq!(
            unknown.to_string(),
            "user sshd is not in the table of numbers"
        );
        ids.check(PASSWD, "ssh:x:105:\n", true).unwrap();
        assert_eq!((ids.users["sshd"], ids.groups["ssh"]), (104, 105));
        assert_eq!((ids.users.len(), ids.groups.len()), (1, 1));
        ids.check(PASSWD, "", false).unwrap();
        let changed = ids
            .check(&PASSWD.replace("104", "106"), "", true)
            .unwrap_err();
        assert!(matches!(
            changed,
            IdsError::Changed {
                expected: 104,
                found: 106,
                ..
            }
        ));
        let taken = ids.check("ntp:x:104:1:::\n", "", true).unwrap_err();
        assert!(matches!(taken, IdsError::Taken { .. }), "{taken}");
    }
}
