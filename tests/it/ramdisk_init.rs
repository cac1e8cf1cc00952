//! The log that the ramdisk's `init` sends where `edeploy` could not: its own function, run by bash.

use crate::support::{command, write};

/// The words that `curl` is given with these on the kernel's command line.
fn asked(environment: &[(&str, &str)]) -> String {
    let init = include_str!("../../packaging/ramdisk.d/init");
    let (_, function) = init.split_once("\nupload_log() {").unwrap();
    let (function, _) = function.split_once("\n}\n").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    write(at("log"), "it died\n");
    write(at("serial"), "CZ 1\n");
    let function = function
        .replace("/run/log.gz", &at("log.gz"))
        .replace("/log ", &format!("{} ", at("log")))
        .replace("/sys/class/dmi/id/product_serial", &at("serial"));
    let script = format!(
        "set -uo pipefail\nbring_up_network() {{ :; }}\ndmesg() {{ echo kernel; }}\n\
         curl() {{ printf '%s ' \"$@\"; }}\nupload_log() {{{function}\n}}\nupload_log"
    );
    let mut bash = command("bash");
    bash.args(["-c", &script])
        .env_clear()
        .env("PATH", "/usr/bin:/bin");
    let output = bash.envs(environment.iter().copied()).output().unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn it_goes_with_the_token_to_a_server_that_is_trusted() {
    let plain = asked(&[("SERV", "10.0.0.9")]);
    assert!(
        plain.ends_with(" http://10.0.0.9:80//cgi-bin//upload.py "),
        "{plain}"
    );
    assert!(plain.contains("filename=--CZ1.log.gz"), "{plain}");
    assert!(
        !plain.contains("Authorization") && !plain.contains("--cacert"),
        "{plain}"
    );
    let secret = asked(&[("TOKEN", "m.0a"), ("CA", "/ca.pem"), ("HTTP_PORT", "8443")]);
    assert!(
        secret.ends_with(" https://10.0.0.1:8443//cgi-bin//upload.py "),
        "{secret}"
    );
    for part in ["--cacert /ca.pem ", "-H Authorization: Bearer m.0a "] {
        assert!(secret.contains(part), "{secret}");
    }
    assert!(asked(&[("CA", "/ca.pem")]).contains(" https://10.0.0.1:443//"));
}
