//! pxemngr is told of machines, and machines of pxemngr.

use crate::support::server::{TestServer, simple_profile};
use crate::support::{wait_for, write};

/// A stand-in for pxemngr that writes its words to a file, one to a line.
fn pxemngr(dir: &std::path::Path, end: &str) -> String {
    use std::os::unix::fs::PermissionsExt;
    let program = dir.join("pxemngr");
    let calls = dir.join("calls");
    write(
        &program,
        format!(
            "#!/bin/sh\nprintf '%s\\n' \"$@\" . >>{}\n{end}\n",
            calls.display()
        ),
    );
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let settings = dir.join("server.toml");
    let text = format!(
        "use_pxemngr = true\npxemngr_program = '{}'\npxemngr_url = 'http://10.0.0.1:8000'\n\
         metadata_url = 'http://10.0.0.1/md'",
        program.display()
    );
    write(&settings, text);
    settings.to_str().unwrap().to_owned()
}

#[test]
fn pxemngr_is_told_of_a_machine_without_a_shell() {
    for end in ["exit 0", "exit 3"] {
        let dir = tempfile::tempdir().unwrap();
        let settings = pxemngr(dir.path(), end);
        let fill = |dir: &std::path::Path| simple_profile(dir, "");
        let server = TestServer::with_args(fill, &["--settings", &settings]);
        let facts = serde_json::json!([
            ["disk", "vda", "size", "8"],
            ["system", "product", "name", "QEMU"],
            ["network", "eth0", "serial", "x;touch P"],
            ["network", "eth1", "serial", "52:54:00:88:17:3c"],
            [
                "network",
                "ib0",
                "serial",
                "80:00:02:08:fe:80:00:00:00:00:00:00:00:02:c9:03:00:2f:7d:11"
            ],
            ["network", "eth2", "serial", "52:54:00:88:17:3d"],
        ]);
        let script = server.register(&facts.to_string());
        assert!(script.ends_with(
            "_edeploy_to_vars(\"PXEMNGR_URL\", 'http://10.0.0.1:8000/')\n\
             _edeploy_to_vars(\"METADATA_URL\", 'http://10.0.0.1/md/')\n"
        ));
        let answer = server.post_machine(facts.to_string().as_bytes()).json();
        assert_eq!(answer["pxemngr_url"], "http://10.0.0.1:8000/");
        assert_eq!(answer["metadata_url"], "http://10.0.0.1/md/");
        let calls = std::fs::read_to_string(dir.path().join("calls")).unwrap();
        let name = "QEMU-x%3Btouch%20P";
        assert_eq!(
            calls,
            format!("addsystem\n{name}\n52:54:00:88:17:3c\n52:54:00:88:17:3d\n.\n").repeat(2)
        );
        assert!(!dir.path().join("P").exists() && !server.path("P").exists());
        let told = if end == "exit 0" {
            "announced to pxemngr"
        } else {
            "exit code 3"
        };
        wait_for(told, || server.log().contains(told));
    }
}
