//! The packages of a role: what dpkg's status or rpm says of them, as a short list, and how two differ.

use std::collections::BTreeMap;

use serde::Serialize;

/// Packages with their versions, by `NAME:ARCHITECTURE`. As text one a line, `NAME:ARCHITECTURE VERSION`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Packages(BTreeMap<String, String>);

/// What became of one package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PackageChange {
    /// `NAME:ARCHITECTURE`.
    pub package: String,
    /// The version before; none if it is new.
    pub old: Option<String>,
    /// The version now; none if it is gone.
    pub new: Option<String>,
}

impl Packages {
    /// Those that dpkg's status file (`var/lib/dpkg/status`) says are installed.
    pub fn of_dpkg(status: &str) -> Packages {
        let stanzas = status.split("\n\n").filter_map(|stanza| {
            let field = |name: &str| {
                let value = |line: &str| {
                    line.strip_prefix(name)?
                        .strip_prefix(": ")
                        .map(str::to_owned)
                };
                stanza.lines().find_map(value)
            };
            if !field("Status")?.ends_with(" installed") {
                return None;
            }
            let name = format!("{}:{}", field("Package")?, field("Architecture")?);
            Some((name, field("Version")?))
        });
        Packages(stanzas.collect())
    }

    /// Reads what [`Packages::render`] writes. Of lines with one word only the version is empty.
    pub fn parse(text: &str) -> Packages {
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        let pairs = lines.map(|line| line.split_once(' ').unwrap_or((line, "")));
        let owned = pairs.map(|(name, version)| (name.to_owned(), version.to_owned()));
        Packages(owned.collect())
    }

    /// The list, one package a line, sorted.
    pub fn render(&self) -> String {
        let lines = self.0.iter();
        lines
            .map(|(name, version)| format!("{name} {version}\n"))
            .collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is new, gone or of another version in `new`.
    pub fn changes(&self, new: &Packages) -> Vec<PackageChange> {
        let names: std::collections::BTreeSet<&String> =
            self.0.keys().chain(new.0.keys()).collect();
        let changes = names.into_iter().map(|name| PackageChange {
            package: name.clone(),
            old: self.0.get(name).cloned(),
            new: new.0.get(name).cloned(),
        });
        changes.filter(|change| change.old != change.new).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Package: zsh\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.9-4\nDescription: a\n shell\n\n\
        Package: old\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n\n\
        Package: base-files\nStatus: install ok installed\nArchitecture: amd64\nVersion: 12.4\n";

    #[test]
    fn installed_packages_are_listed_in_order() {
        let packages = Packages::of_dpkg(STATUS);
        assert_eq!(
            packages.render(),
            "base-files:amd64 12.4\nzsh:amd64 5.9-4\n"
        );
        assert_eq!(Packages::parse(&packages.render()), packages);
    }

    #[test]
    fn what_changed_is_told() {
        let old = Packages::parse("a 1\nb 1\nc 1\n");
        let changes = old.changes(&Packages::parse("b 2\nc 1\nd 1\n"));
        let told: Vec<_> = changes
            .iter()
            .map(|change| {
                (
                    change.package.as_str(),
                    change.old.as_deref(),
                    change.new.as_deref(),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("a", Some("1"), None),
                ("b", Some("1"), Some("2")),
                ("d", None, Some("1"))
            ]
        );
    }
}
