//! The script of the seed's README on a real disk: partition table, file system, mount, files.

use std::path::Path;

use serde_json::json;

use crate::support::client::{answer, journal};
use crate::support::disk::Disk;
use crate::support::python::Root;
use crate::support::write;

/// Runs the client, then looks at what it mounted before that goes away with the name space.
const THEN_LOOK: &str = "/edeploy configure /answer.json || exit\n\
    grep ' /chroot ' /proc/mounts >/mounted\necho kept >/chroot/seen";

#[test]
fn the_readme_script_makes_and_mounts_a_file_system_on_a_real_disk() {
    let Some(root) = Root::new() else { return };
    let Some(disk) = Disk::new(300) else { return };
    let script = include_str!("../../config-examples/edeploy/vm.configure");
    let variables = json!({"disk": disk.name, "eth": "eth0", "mac": "52:54:00:88:17:3c",
        "ip": "192.168.122.3", "netmask": "255.255.255.0", "gateway": "192.168.122.1"});
    write(
        root.path("answer.json"),
        answer(script, &variables).to_string(),
    );
    std::fs::copy(env!("CARGO_BIN_EXE_edeploy"), root.path("edeploy")).unwrap();
    root.keep_programs();
    let output = root.enter(Path::new("/bin/sh"), &["-c", THEN_LOOK]);
    println!("{output:?}");
    assert!(output.status.success());
    assert!(root.read("mounted").contains(" /chroot ext4 rw"));
    assert_eq!(disk.blkid(1, "TYPE"), "ext4");
    assert_eq!(disk.blkid(1, "PART_ENTRY_SCHEME"), "dos");
    let interfaces = root.read("interfaces");
    assert!(interfaces.contains("iface eth0 inet static\n     address 192.168.122.3\n"));
    let vars = format!(
        "ROLE=mysql\nVERS=D7-F.1.0.0\nDISK=/dev/{}\nPROFILE=vm\n",
        disk.name
    );
    assert_eq!(root.read("vars"), vars);
    let journal = journal(&root);
    let finish = journal.last().unwrap();
    assert_eq!(
        (&finish["result"], &finish["performed"]),
        (&json!("done"), &json!(6))
    );
}
