//! `/healthz` and `/readyz`.

use crate::support::server::{TestServer, machine, simple_profile};
use crate::support::write;

#[test]
fn a_server_whose_files_are_wrong_lives_but_is_not_ready() {
    let server = TestServer::start(|dir| simple_profile(dir, ""));
    assert_eq!(server.get("/healthz").status, 200);
    assert_eq!(server.get("//readyz").json()["sections"]["SERVER"], "ready");
    write(server.path("config/state"), "[('vm', '*'");
    assert_eq!(server.get("/healthz").status, 200);
    let ready = server.get("/readyz");
    assert_eq!(ready.status, 503);
    let why = ready.json()["sections"]["SERVER"].to_string();
    assert!(why.contains("state") && why.contains('^'), "{why}");
    let refused = server.register(&machine("CZ1", "QEMU"));
    assert!(
        refused.ends_with("\nexit 1\n") && refused.contains('^'),
        "{refused}"
    );
    assert_eq!(
        server
            .post_machine(machine("CZ1", "QEMU").as_bytes())
            .status,
        500
    );
    write(server.path("config/state"), "[('vm', '*')]");
    assert_eq!(server.get("/readyz").status, 200);
}
