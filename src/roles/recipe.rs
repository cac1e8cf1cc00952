//! The role file: of what a role is built. TOML; a role may inherit from another one.

use std::collections::BTreeMap;

use serde::Deserialize;

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
    #[error("there is no `distribution`, such as `bookworm`")]
    NoDistribution,
}

/// One role file as it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RoleFile {
    /// The role file that this one adds to; relative to this file.
    pub inherit: Option<String>,
    /// What mmdebstrap takes for a suite: `bookworm`.
    pub distribution: Option<String>,
    /// With which packages mmdebstrap begins: `minbase` if nothing is said.
    pub base: Option<String>,
    /// Where packages come from, if not from the distribution's own mirror. One of snapshot.debian.org
    /// gives the same packages for ever.
    pub mirror: Option<String>,
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

    /// This role on top of the one it inherits from: its own words count, its lists are added.
    #[must_use]
    pub fn on(self, parent: RoleFile) -> RoleFile {
        let mut files = parent.files;
        files.extend(self.files);
        RoleFile {
            inherit: parent.inherit,
            distribution: self.distribution.or(parent.distribution),
            base: self.base.or(parent.base),
            mirror: self.mirror.or(parent.mirror),
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
        assert!(RoleFile::default().distribution().is_err());
    }
}
