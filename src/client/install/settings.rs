//! The kernel's command line as settings of an installation (eDeploy `init`).
//!
//! The original gave the line to a shell. Here it is data: `NAME=VALUE` words, and the text between
//! the first two bars, which becomes boot arguments of the installed system.

use std::path::PathBuf;
use std::str::FromStr;

/// What to do after an installation that came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OnSuccess {
    /// Start the installed system's kernel without a way through the firmware.
    Kexec,
    /// Start the machine anew.
    Reboot,
    /// Switch it off.
    Halt,
    /// Leave a shell on the console.
    Console,
}

/// What to do after one that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OnFailure {
    /// Switch the machine off.
    Halt,
    /// Leave a shell on the console.
    Console,
    /// Start it anew, to try again.
    Reboot,
}

/// All that the command line says, with the original's defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settings {
    /// The server that takes the hardware.
    pub serv: String,
    /// Its port.
    pub http_port: u16,
    /// The path of `upload.py` on it.
    pub http_path: String,
    /// Which deployment of that server.
    pub section: String,
    /// The server of role images over HTTP, where images are used and not trees; `https://NAME` for one
    /// over HTTPS.
    pub hserv: Option<String>,
    /// Its port.
    pub hserv_port: u16,
    /// Where images are on it.
    pub hpath: String,
    /// The rsync server of role trees.
    pub rserv: String,
    /// Its port.
    pub rserv_port: u16,
    /// The rsync module.
    pub rpath: String,
    /// What to do at the end.
    pub on_success: OnSuccess,
    /// What to do if it fails.
    pub on_failure: OnFailure,
    /// Which of several kernels to start with kexec: a part of its version.
    pub kexec_kernel: Option<String>,
    /// Whether the log goes to the server at the end of a success too.
    pub upload_log: bool,
    /// How links get addresses: `if:cfg,…`.
    pub ip: String,
    /// How long to wait for a link, in seconds.
    pub link_up_timeout: u64,
    /// A role that takes the place of the script's.
    pub os: Option<String>,
    /// A version that takes the place of the script's.
    pub os_ver: Option<String>,
    /// The MAC of the card that the machine booted from, lower case with colons.
    pub boot_mac: Option<String>,
    /// A name for this round of installations.
    pub session: Option<String>,
    /// The label of a medium in the machine that holds the role, where it does not come by the network.
    pub embedded: Option<String>,
    /// Where cloud-init of the installed system finds its metadata; else the server says so.
    pub metadata_url: Option<String>,
    /// What is shown to the admin's servers with each request.
    pub token: Option<String>,
    /// The file of certificates in this ramdisk that the server's one is signed by; it is spoken to by
    /// HTTPS then.
    pub ca: Option<PathBuf>,
    /// What is in it, once it was read: PEM.
    pub ca_pem: Vec<u8>,
    /// The file of the public key in this ramdisk that roles are signed by; no other role is installed then.
    pub role_key: Option<PathBuf>,
    /// What is in it, once it was read.
    pub role_key_text: String,
    /// Boot arguments of the installed system: the text between the bars.
    pub boot_args: String,
    /// The `console=` words, for a kernel that is started without the firmware.
    pub consoles: Vec<String>,
}

/// A word of the command line, or of what it left on the machine, that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{word}`: expected {expected}")]
pub(in crate::client) struct SettingsError {
    word: String,
    expected: &'static str,
}

/// The words of a command line and the text between its first two bars.
fn words(line: &str) -> (Vec<&str>, String) {
    let mut parts = line.splitn(3, '|');
    let before = parts.next().unwrap_or_default();
    let inside = parts.next();
    let after = parts.next();
    match (inside, after) {
        (Some(inside), Some(after)) => {
            let words = before.split_whitespace().chain(after.split_whitespace());
            let inside: Vec<&str> = inside.split_whitespace().collect();
            (words.collect(), inside.join(" "))
        }
        _ => (line.split_whitespace().collect(), String::new()),
    }
}

impl Settings {
    /// Reads a command line. The last word of a name counts, as in the original.
    ///
    /// # Errors
    /// A value is none that its name can have.
    pub(super) fn parse(line: &str) -> Result<Settings, SettingsError> {
        let (words, boot_args) = words(line);
        let value = |name: &str| {
            let values = words.iter().filter_map(|word| word.split_once('='));
            let mut values = values.filter(|(key, _)| *key == name);
            let (_, value) = values.next_back()?;
            let value = value.trim_matches(['"', '\'']);
            (!value.is_empty()).then(|| value.to_owned())
        };
        let text = |name: &str, default: &str| value(name).unwrap_or_else(|| default.to_owned());
        let debug = value("DEBUG").is_some_and(|value| value != "0");
        let serv = text("SERV", "10.0.0.1");
        let on_failure = on_failure(value("ONFAILURE").as_deref(), debug)?;
        let on_success = on_success(value("ONSUCCESS").as_deref())?;
        let ca = value("CA").map(PathBuf::from);
        let hserv = value("HSERV");
        let is_hserv_https = hserv.as_ref().is_some_and(|hserv| is_https(hserv));
        if is_hserv_https && ca.is_none() {
            let hserv = hserv.unwrap_or_default();
            return wrong("HSERV", &hserv, "CA= with it, the file of its certificate");
        }
        let port = |is_https| if is_https { 443 } else { 80 };
        Ok(Settings {
            http_port: number("HTTP_PORT", value("HTTP_PORT"), port(ca.is_some()))?,
            http_path: text("HTTP_PATH", "/cgi-bin/"),
            section: text("SECTION", "SERVER"),
            hserv,
            hserv_port: number("HSERV_PORT", value("HSERV_PORT"), port(is_hserv_https))?,
            hpath: text("HPATH", "install"),
            rserv: text("RSERV", &serv),
            rserv_port: number("RSERV_PORT", value("RSERV_PORT"), 873)?,
            rpath: text("RPATH", "install"),
            on_success,
            on_failure,
            kexec_kernel: value("KEXEC_KERNEL"),
            upload_log: text("UPLOAD_LOG", "1") != "0",
            ip: text("IP", "all:dhcp"),
            link_up_timeout: number("LINK_UP_TIMEOUT", value("LINK_UP_TIMEOUT"), 10)?,
            os: value("OS"),
            os_ver: value("OS_VER"),
            boot_mac: value("BOOTIF").and_then(|value| ethernet(&value)),
            session: value("SESSION"),
            embedded: value("EMBEDDED").and_then(|value| label(&value)),
            metadata_url: value("METADATA_URL"),
            token: token(value("TOKEN"))?,
            ca,
            ca_pem: Vec::new(),
            role_key: value("ROLE_KEY").map(PathBuf::from),
            role_key_text: String::new(),
            boot_args,
            consoles: words
                .iter()
                .filter(|word| word.starts_with("console="))
                .map(|word| (*word).to_owned())
                .collect(),
            serv,
        })
    }
}

impl Settings {
    /// The address of the images, where they come by HTTP: `http://HOST:PORT/PATH`.
    pub(super) fn hserv_url(&self) -> Option<String> {
        let hserv = self.hserv.as_ref()?;
        let scheme = if is_https(hserv) { "" } else { "http://" };
        let (port, path) = (self.hserv_port, self.hpath.trim_matches('/'));
        Some(format!("{scheme}{hserv}:{port}/{path}"))
    }
}

fn on_success(value: Option<&str>) -> Result<OnSuccess, SettingsError> {
    match value {
        None | Some("reboot") => Ok(OnSuccess::Reboot),
        Some("kexec") => Ok(OnSuccess::Kexec),
        Some("halt") => Ok(OnSuccess::Halt),
        Some("console") => Ok(OnSuccess::Console),
        Some(other) => wrong("ONSUCCESS", other, "kexec, reboot, halt or console"),
    }
}

fn on_failure(value: Option<&str>, debug: bool) -> Result<OnFailure, SettingsError> {
    match value {
        None if debug => Ok(OnFailure::Console),
        None | Some("halt") => Ok(OnFailure::Halt),
        Some("console") => Ok(OnFailure::Console),
        Some("reboot") => Ok(OnFailure::Reboot),
        Some(other) => wrong("ONFAILURE", other, "halt, console or reboot"),
    }
}

/// Whether an image server is one for HTTPS: `https://NAME`.
pub(super) fn is_https(hserv: &str) -> bool {
    hserv.starts_with("https://")
}

/// The label of the original's medium, for the values that only switch its mode on.
fn label(value: &str) -> Option<String> {
    match value {
        "0" | "no" | "false" => None,
        "1" | "yes" | "true" => Some("edeploy_boot".to_owned()),
        label => Some(label.to_owned()),
    }
}

/// The MAC in `01-52-54-00-12-34-56`, where 01 says Ethernet (PXELINUX's `BOOTIF`). Boot loaders that know no MAC
/// write something else there.
fn ethernet(value: &str) -> Option<String> {
    let mac = value.strip_prefix("01-")?.replace('-', ":").to_lowercase();
    let is_mac = mac.split(':').count() == 6
        && mac
            .split(':')
            .all(|part| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_hexdigit()));
    is_mac.then_some(mac)
}

/// A token as a header can carry it (RFC 6750, `b64token`, and what other servers use besides).
fn token(value: Option<String>) -> Result<Option<String>, SettingsError> {
    match value {
        // The value is not shown: it is a secret.
        Some(token) if !token.bytes().all(|byte| byte.is_ascii_graphic()) => {
            wrong("TOKEN", "…", "printable ASCII characters")
        }
        other => Ok(other),
    }
}

fn number<T: FromStr>(name: &str, value: Option<String>, default: T) -> Result<T, SettingsError> {
    match value {
        None => Ok(default),
        Some(text) => text
            .parse()
            .or_else(|_| wrong(name, &text, "a number that is not too large")),
    }
}

fn wrong<T>(name: &str, value: &str, expected: &'static str) -> Result<T, SettingsError> {
    Err(SettingsError {
        word: format!("{name}={value}"),
        expected,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_command_line_has_the_defaults_of_the_original() {
        let settings = Settings::parse("initrd=ramdisk quiet").unwrap();
        assert_eq!(settings.serv, "10.0.0.1");
        assert_eq!((settings.http_port, settings.rserv_port), (80, 873));
        assert_eq!(settings.http_path, "/cgi-bin/");
        assert_eq!(
            (settings.section.as_str(), settings.rpath.as_str()),
            ("SERVER", "install")
        );
        assert_eq!(settings.rserv, "10.0.0.1");
        assert_eq!(
            (settings.on_success, settings.on_failure),
            (OnSuccess::Reboot, OnFailure::Halt)
        );
        assert_eq!(
            (settings.ip.as_str(), settings.link_up_timeout),
            ("all:dhcp", 10)
        );
        assert!(settings.upload_log && settings.hserv.is_none());
    }

    #[test]
    fn the_text_between_the_bars_is_for_the_installed_system_alone() {
        let line = "SERV=10.1.0.1 |console=ttyS0 SERV=no  quiet| SECTION=LAB console=tty0";
        let settings = Settings::parse(line).unwrap();
        assert_eq!(settings.boot_args, "console=ttyS0 SERV=no quiet");
        assert_eq!(
            (settings.serv.as_str(), settings.section.as_str()),
            ("10.1.0.1", "LAB")
        );
        assert_eq!(settings.rserv, "10.1.0.1");
        assert_eq!(settings.consoles, ["console=tty0"]);
        // One bar is a character as any other.
        assert_eq!(Settings::parse("a|b SERV=s").unwrap().serv, "s");
    }

    #[test]
    fn a_token_and_a_medium_are_read() {
        let settings =
            Settings::parse("TOKEN=a.b-c== EMBEDDED=roles METADATA_URL=http://m/").unwrap();
        assert_eq!(settings.token.as_deref(), Some("a.b-c=="));
        assert_eq!(settings.embedded.as_deref(), Some("roles"));
        assert_eq!(settings.metadata_url.as_deref(), Some("http://m/"));
        let error = Settings::parse("TOKEN=géheim").unwrap_err().to_string();
        assert!(
            error.contains("TOKEN=") && !error.contains("heim"),
            "{error}"
        );
        assert_eq!(Settings::parse("EMBEDDED=0").unwrap().embedded, None);
    }

    #[test]
    fn a_certificate_authority_makes_https_of_http() {
        let settings = Settings::parse("CA=/ca.pem HSERV=https://h").unwrap();
        assert_eq!((settings.http_port, settings.hserv_port), (443, 443));
        let settings = Settings::parse("CA=/ca.pem HTTP_PORT=8443 HSERV=h").unwrap();
        assert_eq!((settings.http_port, settings.hserv_port), (8443, 80));
        let error = Settings::parse("HSERV=https://h").unwrap_err().to_string();
        assert!(error.contains("CA="), "{error}");
    }

    #[test]
    fn the_card_that_it_booted_from_is_read_where_it_is_one() {
        let boot_mac = |line: &str| Settings::parse(line).unwrap().boot_mac;
        assert_eq!(
            boot_mac("BOOTIF=01-52-54-00-AB-cd-01").as_deref(),
            Some("52:54:00:ab:cd:01")
        );
        for none in ["BOOTIF=01-", "BOOTIF=20-80-00", "BOOTIF=eth0", ""] {
            assert_eq!(boot_mac(none), None, "{none}");
        }
    }

    #[test]
    fn a_value_that_cannot_be_is_told_with_its_word() {
        let error = Settings::parse("ONSUCCESS=dance").unwrap_err().to_string();
        assert!(
            error.contains("`ONSUCCESS=dance`") && error.contains("kexec"),
            "{error}"
        );
        let error = Settings::parse("HTTP_PORT=80808").unwrap_err().to_string();
        assert!(error.contains("`HTTP_PORT=80808`"), "{error}");
        let debug = Settings::parse("DEBUG=1").unwrap();
        assert_eq!(debug.on_failure, OnFailure::Console);
    }
}
