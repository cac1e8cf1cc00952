//! A server that takes over from the original with the original's own settings.

use crate::support::http::{self, form};
use crate::support::server::{TestServer, machine, simple_profile};
use crate::support::{names, write};

#[test]
fn the_original_configuration_file_is_enough() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    simple_profile(&dir.path().join("config"), "set_role('a', 'b', 'c')\n");
    let conf = format!(
        "[SERVER]\n\nHEALTHDIR   = {}\nCONFIGDIR   = {}/\nLOGDIR      = {}\nHWDIR       = {}\n\
         LOCKFILE    = /var/lock/apache2/edeploy.lock\nUSEPXEMNGR  = False\n\
         PXEMNGRURL  = http://192.168.122.1:8000/\nMETADATAURL = http://192.168.122.1/\n",
        at("health"),
        at("config"),
        at("config/logs"),
        at("hw")
    );
    write(dir.path().join("edeploy.conf"), conf);
    let conf = at("edeploy.conf");
    let state = at("state");
    let server = TestServer::from_command(&["--edeploy-conf", &conf, "--state-dir", &state]);
    let script = server.register(&machine("CZ1", "QEMU"));
    assert!(script.ends_with("_edeploy_to_vars(\"METADATA_URL\", 'http://192.168.122.1/')\n"));
    assert!(!script.contains("PXEMNGR_URL"), "pxemngr is not used");
    server.upload(&[("file", Some("a.log.gz"), b"x")]);
    let health = form(&[(
        "file",
        Some("health.json"),
        machine("CZ1", "QEMU").as_bytes(),
    )]);
    server.send("POST", "/upload-health.py", http::FORM, &health);
    assert_eq!(names(dir.path().join("hw")), ["QEMU-CZ1-.hw"]);
    assert_eq!(names(dir.path().join("config/logs")), ["a.log.gz"]);
    assert_eq!(names(dir.path().join("health")).len(), 1);
    assert!(server.log().contains("`LOCKFILE` is not used"));
}
