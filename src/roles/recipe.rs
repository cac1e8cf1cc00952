//! The role file: of what a role is built. TOML; a role may inherit from another one.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use super::path::TreePath;

/// Why a role file is none.
#[derive(Debug, thiserror::Error)]
pub enum RecipeError {
    /// It is no TOML, or has a key that is not known.
    #[error("{0}")]
    Toml(#[from] toml::de::Error),
    /// A file would not be put into the tree.
    #[error("`{path}` is no path of a file in the tree, such as `etc/motd`")]
    Path {
        /// The path that was given.
        path: String,
    },
    /// A mode is no number of three or four octal digits.
    #[error("the mode of `{path}` is no octal number such as `0644`")]
    Mode {
        /// Which file.
        path: String,
    },
    /// Either `from` or `text` tells what is in a file.
    #[error("`{path}` has either `from` or `text`")]
    Content {
        /// Which file.
        path: String,
    },
    /// Neither the role nor what it inherits from says it.
    #[error("there is no `distribution`, such as `bookworm`, or `40` with `base = \"dnf\"`")]
    NoDistribution,
    /// It would have no effect, which the one who wrote it cannot want.
    #[error("`{word}` means nothing {here}")]
    Useless {
        /// The key of the role file.
        word: &'static str,
        /// Where.
        here: &'static str,
    },
    /// What comes from a mirror would not be checked.
    #[error(
        "a `mirror` with `base = \"dnf\"` takes `key`, the file of the keys that its packages are signed with, or `unsigned = true`"
    )]
    NoKey,
}

/// One role file as it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RoleFile {
    /// The role file that this one adds to; relative to this file.
    pub inherit: Option<String>,
    /// What mmdebstrap takes for a suite, `bookworm`; what dnf takes for a release, `40`.
    pub distribution: Option<String>,
    /// With which packages mmdebstrap begins: `minbase` if nothing is said. With `dnf` it is dnf that
    /// brings the packages, and it begins with none.
    pub base: Option<String>,
    /// Where packages come from, one or several, if not from the distribution's own mirror (mmdebstrap) or the
    /// repositories of the machine that builds (dnf). One of snapshot.debian.org gives the same packages for ever.
    #[serde(deserialize_with = "one_or_several")]
    pub mirror: Vec<String>,
    /// The file of the keys that the mirror's packages are signed with; relative to this file.
    pub key: Option<String>,
    /// Whether dnf takes packages of the mirror that nobody has signed.
    pub unsigned: Option<bool>,
    /// Parts of the archive: `main` if nothing is said.
    pub components: Vec<String>,
    /// Packages.
    pub packages: Vec<String>,
    /// Files put into the tree once the packages are there, by their path in it.
    pub files: BTreeMap<String, RoleFileEntry>,
    /// Programs run in the tree after that, in this order; relative to this file.
    pub scripts: Vec<String>,
    /// Rules of rsync for what each machine may change: no difference for `edeploy verify`.
    pub exclude: Vec<String>,
    /// Whether package managers work on the machines; they are held back if nothing is said.
    pub keep_pkgmngr: Option<bool>,
}

/// A file that a role brings.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleFileEntry {
    /// The file it is a copy of; relative to the role file.
    pub from: Option<String>,
    /// Or what is in it.
    pub text: Option<String>,
    /// Permission bits, octal; `0644` if nothing is said.
    pub mode: Option<String>,
    /// The number of the owner.
    #[serde(default)]
    pub uid: u32,
    /// The number of the group.
    #[serde(default)]
    pub gid: u32,
}

impl RoleFile {
    /// Reads a role file.
    ///
    /// # Errors
    /// No TOML, a key that is not known, a file with a path that leads elsewhere or without content.
    pub fn parse(text: &str) -> Result<RoleFile, RecipeError> {
        let role: RoleFile = toml::from_str(text)?;
        for (path, file) in &role.files {
            let path = path.clone();
            let found = TreePath::new(path.as_bytes());
            if found.is_err() || found.is_ok_and(|found| found.is_root()) {
                return Err(RecipeError::Path { path });
            }
            if file.mode().is_none() {
                return Err(RecipeError::Mode { path });
            }
            if file.from.is_some() == file.text.is_some() {
                return Err(RecipeError::Content { path });
            }
        }
        Ok(role)
    }

    /// The distribution, which there must be in the end.
    ///
    /// # Errors
    /// Nobody said it.
    pub fn distribution(&self) -> Result<&str, RecipeError> {
        self.distribution
            .as_deref()
            .ok_or(RecipeError::NoDistribution)
    }

    /// Whether dnf brings its packages, not mmdebstrap.
    pub fn is_of_dnf(&self) -> bool {
        self.base.as_deref() == Some("dnf")
    }

    /// Whether the whole role, with all that it inherits, can be built as it says.
    ///
    /// # Errors
    /// There is no distribution, a word is of another kind of base, or a mirror of dnf has no key.
    pub fn check(&self) -> Result<(), RecipeError> {
        self.distribution()?;
        let is_unsigned = self.unsigned == Some(true);
        let useless = |word, here| Err(RecipeError::Useless { word, here });
        if !self.is_of_dnf() {
            return match self.unsigned {
                Some(_) => useless("unsigned", "unless `base = \"dnf\"`"),
                None => Ok(()),
            };
        }
        if !self.components.is_empty() {
            return useless("components", "with `base = \"dnf\"`");
        }
        match (self.mirror.is_empty(), &self.key, is_unsigned) {
            (true, Some(_), _) => useless("key", "without a `mirror`"),
            (true, None, true) => useless("unsigned", "without a `mirror`"),
            (false, Some(_), true) => useless("unsigned", "where there is a `key`"),
            (false, None, false) => Err(RecipeError::NoKey),
            _ => Ok(()),
        }
    }

    /// This role on top of the one it inherits from: its own words count, its lists are added.
    #[must_use]
    pub fn on(self, parent: RoleFile) -> RoleFile {
        let mut files = parent.files;
        files.extend(self.files);
        RoleFile {
            inherit: parent.inherit,
            distribution: self.distribution.or(parent.distribution),
            base: self.base.or(parent.base),
            mirror: if self.mirror.is_empty() {
                parent.mirror
            } else {
                self.mirror
            },
            key: self.key.or(parent.key),
            unsigned: self.unsigned.or(parent.unsigned),
            components: added(parent.components, self.components),
            packages: added(parent.packages, self.packages),
            files,
            scripts: added(parent.scripts, self.scripts),
            exclude: added(parent.exclude, self.exclude),
            keep_pkgmngr: self.keep_pkgmngr.or(parent.keep_pkgmngr),
        }
    }
}

impl RoleFileEntry {
    /// The permission bits; none if what is said is no octal number.
    pub fn mode(&self) -> Option<u32> {
        let text = self.mode.as_deref().unwrap_or("0644");
        let mode = u32::from_str_radix(text, 8).ok()?;
        (matches!(text.len(), 3 | 4) && mode <= 0o7777).then_some(mode)
    }
}

/// A word, or a list of words.
fn one_or_several<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a text or a list of texts")]
    enum Words {
        One(String),
        Several(Vec<String>),
    }
    Ok(match Words::deserialize(value)? {
        Words::One(word) => vec![word],
        Words::Several(words) => words,
    })
}

/// Both lists, nothing twice.
fn added(mut first: Vec<String>, second: Vec<String>) -> Vec<String> {
    for item in second {
        if !first.contains(&item) {
            first.push(item);
        }
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_adds_to_the_one_it_inherits_from() {
        let parent = "distribution = 'bookworm'\npackages = ['ssh', 'a']\nkeep_pkgmngr = true\n[files.'etc/motd']\ntext = 'x'\n";
        let child = "inherit = 'base.toml'\npackages = ['a', 'mysql']\n[files.'etc/motd']\ntext = 'y'\nmode = '0600'\n";
        let role = RoleFile::parse(child)
            .unwrap()
            .on(RoleFile::parse(parent).unwrap());
        assert_eq!(role.distribution().unwrap(), "bookworm");
        assert_eq!(role.packages, ["ssh", "a", "mysql"]);
        assert_eq!(role.keep_pkgmngr, Some(true));
        assert_eq!(role.files["etc/motd"].mode(), Some(0o600));
        assert_eq!(role.files["etc/motd"].text.as_deref(), Some("y"));
    }

    #[test]
    fn what_cannot_be_built_is_refused_with_its_reason() {
        for (text, reason) in [
            ("package = ['a']", "unknown field `package`"),
            ("[files.'../x']\ntext = ''", "`../x` is no path"),
            ("[files.'/etc/x']\ntext = ''", "is no path"),
            ("[files.'etc/x']\ntext = ''\nmode = '99'", "octal"),
            ("[files.'etc/x']\n", "either `from` or `text`"),
            (
                "[files.'etc/x']\ntext = ''\nfrom = ''",
                "either `from` or `text`",
            ),
        ] {
            let error = RoleFile::parse(text).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
        assert!(RoleFile::default().check().is_err());
    }

    #[test]
    fn a_base_of_dnf_says_who_signed_its_packages_and_nothing_that_is_mmdebstraps() {
        let check = |text: &str| {
            let text = format!("distribution = '40'\n{text}");
            let checked = RoleFile::parse(&text).unwrap().check();
            checked.map_err(|error| error.to_string())
        };
        for good in [
            "mirror = 'http://a'\ncomponents = ['main']\nkey = 'k'",
            "base = 'dnf'",
            "base = 'dnf'\nmirror = ['file:///a', 'file:///b']\nkey = 'k'",
            "base = 'dnf'\nmirror = 'file:///a'\nunsigned = true",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for (bad, reason) in [
            ("unsigned = true", "`unsigned` means nothing unless"),
            ("base = 'dnf'\nmirror = 'a'", "takes `key`"),
            ("base = 'dnf'\ncomponents = ['main']", "`components`"),
            ("base = 'dnf'\nkey = 'k'", "without a `mirror`"),
            (
                "base = 'dnf'\nmirror = 'a'\nkey = 'k'\nunsigned = true",
                "where there is a `key`",
            ),
        ] {
            let error = check(bad).unwrap_err();
            assert!(error.contains(reason), "{bad}: {error}");
        }
    }
}
