//! What the installed system is told besides its role: staged files, and who installed it.

use std::path::{Path, PathBuf};

use crate::client::assignments;
use crate::client::installed::token_beside;
use crate::configure::quoted;
use crate::system::Runner;

use super::overlay::{OverlayError, put_over};
use super::settings::Settings;
use super::writer::Writer;

/// Where `config` stages files (eDeploy `upload.py`).
const STAGED: &str = "/post_rsync";

/// Kernel modules that a script wants loaded at boot, one for each line (eDeploy `init`, step 19).
const MODULES: &str = "/modules";

/// Where the certificates of `CA` are left in the installed system.
const CA: &str = "/var/lib/edeploy/ca.pem";

/// What the installation says of the machine, some of it only where there is something to say: then what a
/// role says under these names is nothing of this machine's.
const OURS: [&str; 13] = [
    "VERS",
    "ROLE",
    "PROFILE",
    "SERV",
    "HTTP_PORT",
    "RSERV",
    "RSERV_PORT",
    "RPATH",
    "HSERV",
    "HSERV_PORT",
    "HPATH",
    "CA",
    "MACHINE",
];

/// Where clouds serve metadata; the original replaces it with its port.
const CLOUD: &str = "http://169.254.169.254:80";

/// Why a file of the installed system is not written.
#[derive(Debug, thiserror::Error)]
pub(super) enum FilesError {
    /// What was staged could not be put over the role.
    #[error(transparent)]
    Overlay(#[from] OverlayError),
    /// A file could not be read or written.
    #[error("cannot {verb} `{path}`")]
    File {
        /// `read` or `write`.
        verb: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

/// What was chosen for this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Choice {
    /// The role.
    pub role: String,
    /// Its version.
    pub version: String,
    /// The profile.
    pub profile: String,
    /// The name that the server knows this machine by, if it told one.
    pub machine: Option<String>,
    /// The token by which the server knows it, if it gave one.
    pub token: Option<String>,
}

/// Puts the staged files over the role's, and says in the target what it is.
pub(super) fn write(
    runner: &dyn Runner,
    writer: Writer,
    settings: &Settings,
    choice: &Choice,
    target: &Path,
) -> Result<(), FilesError> {
    if Path::new(STAGED).is_dir() {
        put_over(runner, writer, Path::new(STAGED), target, false)?;
    }
    if let Some(modules) = read_if_there(Path::new(MODULES))? {
        put(writer, &target.join("etc/modules"), &modules, true)?;
    }
    if settings.ca.is_some() {
        let pem = String::from_utf8_lossy(&settings.ca_pem);
        put(writer, &target.join(&CA[1..]), &pem, false)?;
    }
    let conf = target.join("var/lib/edeploy/conf");
    let before = read_if_there(&conf)?.unwrap_or_default();
    put(writer, &conf, &conf_text(&before, settings, choice), false)?;
    let Some(token) = &choice.token else {
        return Ok(());
    };
    let path = token_beside(&conf);
    let text = format!("TOKEN={}\n", quoted(token));
    let put = writer.put_private(&path, &text);
    put.map_err(|source| FilesError::File {
        verb: "write",
        path,
        source,
    })
}

/// The file that says what is installed: what the role says there already, and who installed it
/// (eDeploy `init`, step 18). Everybody may read it: no token stands there.
fn conf_text(before: &str, settings: &Settings, choice: &Choice) -> String {
    let [http, rserv, hserv] =
        [settings.http_port, settings.rserv_port, settings.hserv_port].map(|it| it.to_string());
    let mut ours = vec![
        ("VERS", choice.version.as_str()),
        ("ROLE", &choice.role),
        ("PROFILE", &choice.profile),
        ("SERV", &settings.serv),
        ("RSERV", &settings.rserv),
        ("RSERV_PORT", &rserv),
        ("RPATH", &settings.rpath),
    ];
    if settings.http_port != 80 {
        ours.push(("HTTP_PORT", &http));
    }
    if let Some(name) = &settings.hserv {
        ours.extend([("HSERV", name.as_str()), ("HSERV_PORT", &hserv)]);
        ours.push(("HPATH", &settings.hpath));
    }
    ours.extend(settings.ca.as_ref().map(|_| ("CA", CA)));
    ours.extend(choice.machine.as_deref().map(|name| ("MACHINE", name)));
    let mut text = String::new();
    for (name, value) in assignments::parse(before) {
        if !OURS.contains(&name.as_str()) {
            text.push_str(&format!("{name}={}\n", quoted(&value)));
        }
    }
    for (name, value) in ours {
        text.push_str(&format!("{name}={}\n", quoted(value)));
    }
    text
}

/// Keeps the facts where scripts and the log look for them (eDeploy `init`, step 11).
pub(super) fn keep_facts(writer: Writer, facts: &str) -> Result<(), FilesError> {
    put(writer, Path::new("/hw.json"), facts, false)
}

/// Adds to the file that the configure script has left (eDeploy `upload.py`).
pub(super) fn add_vars(writer: Writer, vars: &Path, lines: &str) -> Result<(), FilesError> {
    put(writer, vars, lines, true)
}

/// Where cloud-init of a role asks for its metadata, the address of clouds is replaced by that of the
/// server (eDeploy `init`, step 20).
pub(super) fn point_cloud_init(
    writer: Writer,
    target: &Path,
    metadata_url: &str,
) -> Result<(), FilesError> {
    let path = target.join("etc/cloud/cloud.cfg");
    let Some(before) = read_if_there(&path)? else {
        return Ok(());
    };
    let after = before.replace(CLOUD, metadata_url.trim_end_matches('/'));
    if after == before {
        return Ok(());
    }
    put(writer, &path, &after, false)
}

fn read_if_there(path: &Path) -> Result<Option<String>, FilesError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(FilesError::File {
            verb: "read",
            path: path.to_owned(),
            source,
        }),
    }
}

fn put(writer: Writer, path: &Path, text: &str, append: bool) -> Result<(), FilesError> {
    writer
        .put(path, text, append)
        .map_err(|source| FilesError::File {
            verb: "write",
            path: path.to_owned(),
            source,
        })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn cloud_init_asks_the_server_where_the_role_says_the_address_of_clouds() {
        let dir = tempfile::tempdir().unwrap();
        let writer = Writer {
            is_rehearsal: false,
        };
        point_cloud_init(writer, dir.path(), "http://m/").unwrap();
        let path = dir.path().join("etc/cloud/cloud.cfg");
        assert!(!path.exists());
        let text = "metadata_urls: ['http://169.254.169.254:80']\n";
        writer.put(&path, text, false).unwrap();
        point_cloud_init(writer, dir.path(), "http://m/").unwrap();
        let after = std::fs::read_to_string(&path).unwrap();
        assert_eq!(after, "metadata_urls: ['http://m']\n");
    }

    #[test]
    fn the_certificates_of_the_server_are_left_where_the_installed_system_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let writer = Writer {
            is_rehearsal: false,
        };
        let mut settings = Settings::parse("CA=/ramdisk.pem").unwrap();
        settings.ca_pem = b"PEM".to_vec();
        let choice = Choice {
            role: "mysql".to_owned(),
            version: "1.0".to_owned(),
            profile: "vm".to_owned(),
            machine: None,
            token: Some("m.secret".to_owned()),
        };
        write(&crate::system::Real, writer, &settings, &choice, dir.path()).unwrap();
        let read = |name: &str| std::fs::read_to_string(dir.path().join(&name[1..])).unwrap();
        let conf = assignments::parse(&read("/var/lib/edeploy/conf"));
        assert_eq!(assignments::last(&conf, "HTTP_PORT"), Some("443"));
        assert_eq!(read(assignments::last(&conf, "CA").unwrap()), "PEM");
        let token = dir.path().join("var/lib/edeploy/token");
        assert_eq!(std::fs::metadata(token).unwrap().mode() & 0o777, 0o600);
        assert_eq!(read("/var/lib/edeploy/token"), "TOKEN=m.secret\n");
    }

    #[test]
    fn the_installed_system_is_told_what_it_is_and_keeps_what_the_role_says() {
        let settings = Settings::parse("SERV=10.1.0.1").unwrap();
        let choice = Choice {
            role: "mysql".to_owned(),
            version: "D7-F.1.0.0".to_owned(),
            profile: "vm".to_owned(),
            machine: None,
            token: Some("m.secret".to_owned()),
        };
        let text = conf_text("VERS=old\nTHEIRS='a b'\n", &settings, &choice);
        assert_eq!(
            text,
            "THEIRS='a b'\nVERS=D7-F.1.0.0\nROLE=mysql\nPROFILE=vm\nSERV=10.1.0.1\n\
             RSERV=10.1.0.1\nRSERV_PORT=873\nRPATH=install\n"
        );
        assert_eq!(conf_text(&text, &settings, &choice), text);
        // By HTTP, with a name: what an upgrade needs.
        let line = "SERV=s HTTP_PORT=8080 HSERV=https://h HPATH=roles CA=/ca.pem TOKEN=secret";
        let named = Choice {
            machine: Some("rack 1".to_owned()),
            ..choice.clone()
        };
        let more = conf_text(&text, &Settings::parse(line).unwrap(), &named);
        let end = "RPATH=install\nHTTP_PORT=8080\nHSERV=https://h\nHSERV_PORT=443\nHPATH=roles\n\
                   CA=/var/lib/edeploy/ca.pem\nMACHINE='rack 1'\n";
        assert!(more.ends_with(end), "{more}");
        // Another installation's are not this one's.
        assert_eq!(conf_text(&more, &settings, &choice), text);
    }
}
