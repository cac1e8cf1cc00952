//! What is installed on this machine: `/var/lib/edeploy/conf`, and the token beside it.

use std::path::{Path, PathBuf};

use super::assignments;

/// Where an installation says what it is (eDeploy `init`, step 18).
pub(super) const DEFAULT_PATH: &str = "/var/lib/edeploy/conf";

/// Why it cannot be told what is installed.
#[derive(Debug, thiserror::Error)]
pub(super) enum InstalledError {
    #[error("cannot read `{}`: was this machine installed by edeploy?", .path.display())]
    Unreadable {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("`{}` says nothing of {name}", .path.display())]
    Missing { path: PathBuf, name: &'static str },
}

/// Where the machine's token is, `TOKEN=...`: not in `conf`, which everybody may read.
pub(super) fn token_beside(conf: &Path) -> PathBuf {
    conf.with_file_name("token")
}

/// What the machine knows of its server, as far as it may be read: a `TOKEN` in `conf` itself counts before the
/// machine's own.
pub(super) fn known_of_server(conf: &Path) -> Vec<(String, String)> {
    let read = |path: &Path| std::fs::read_to_string(path).unwrap_or_default();
    let mut known = assignments::parse(&read(&token_beside(conf)));
    known.extend(assignments::parse(&read(conf)));
    known
}

/// The value of `name` in a file of shell assignments; the last one counts, as in a shell.
pub(super) fn value_of(path: &Path, name: &'static str) -> Result<String, InstalledError> {
    let text = std::fs::read_to_string(path).map_err(|source| InstalledError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    let assignments = assignments::parse(&text);
    let value = assignments::last(&assignments, name).map(str::to_owned);
    value.ok_or_else(|| InstalledError::Missing {
        path: path.to_owned(),
        name,
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn the_last_assignment_counts_and_quotes_are_taken_off() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(
            file,
            "ROLE=base\nVERS=\"D12-F.1.0.0\"\nROLE='mysql'\nEMPTY="
        )
        .unwrap();
        assert_eq!(value_of(file.path(), "ROLE").unwrap(), "mysql");
        assert_eq!(value_of(file.path(), "VERS").unwrap(), "D12-F.1.0.0");
        assert!(value_of(file.path(), "EMPTY").is_err());
        assert!(value_of(file.path(), "RSERV").is_err());
    }

    #[test]
    fn the_token_of_the_machine_is_beside_and_one_of_the_admin_counts_first() {
        let dir = tempfile::tempdir().unwrap();
        let conf = dir.path().join("conf");
        let write = |path: &Path, text: &str| {
            let mut file = std::fs::File::create_new(path).unwrap();
            file.write_all(text.as_bytes()).unwrap();
        };
        let token = || {
            let known = known_of_server(&conf);
            assignments::last(&known, "TOKEN").map(str::to_owned)
        };
        assert_eq!(token(), None);
        write(&token_beside(&conf), "TOKEN=m.own\n");
        assert_eq!(token().as_deref(), Some("m.own"));
        write(&conf, "SERV=s\nTOKEN=admin\n");
        assert_eq!(token().as_deref(), Some("admin"));
    }

    #[test]
    fn a_machine_that_edeploy_did_not_install_is_told_so() {
        let error = value_of(Path::new("/does/not/exist"), "ROLE").unwrap_err();
        assert!(error.to_string().contains("/does/not/exist"), "{error}");
    }
}
