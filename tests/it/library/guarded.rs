//! Guards of disks in real Pythons: what they find, and say.

use super::pythons::each;

/// What guards say: kinds (removable, read-only), what `lsblk` lists, arguments, the reason.
const GUARDED: [(&str, &str, &str, &str); 14] = [
    ("0 1", "D part \\n", "", "is read-only"),
    (
        "1 0",
        "D part \\n",
        "",
        "is removable; removable=True takes it all the same",
    ),
    ("1 0", "D part \\n", ", removable=True", ""),
    (
        "0 0",
        "D1 part /boot\\n",
        "",
        "is in use: D1 is mounted at /boot",
    ),
    (
        "0 0",
        "D disk /mnt\\n",
        "",
        "is in use: D is mounted at /mnt",
    ),
    ("0 0", "D disk /mnt\\n", ", mounted=True", ""),
    (
        "0 0",
        "D disk \\nD2 part [SWAP]\\n",
        "",
        "is in use: D2 is swap",
    ),
    (
        "0 0",
        "D disk \\n/dev/md7 raid1 \\n",
        "",
        "is in use by /dev/md7 (raid1); held=True takes it all the same",
    ),
    ("0 0", "D disk \\n/dev/md7 raid1 \\n", ", held=True", ""),
    (
        "0 0",
        "D disk \\n/dev/md7 raid1 /x\\n",
        ", held=True",
        "is in use: /dev/md7 is mounted at /x",
    ),
    (
        "0 0",
        "D disk \\n",
        ", model='X2'",
        "is another disk: its model is not `X2`",
    ),
    ("0 0", "D disk \\n", ", model='X1'", ""),
    (
        "0 0",
        "D disk \\n",
        ", size=500",
        "is another disk: it has not 500 GB",
    ),
    ("0 0", "D disk \\n", ", size='481'", ""),
];

#[test]
fn a_disk_that_must_not_be_overwritten_is_named_with_the_reason() {
    let mut lsblk = String::from("case \"$*\" in\n");
    let (mut script, mut expected) = (String::new(), String::new());
    for (letter, (kinds, used, arguments, reason)) in ('a'..).zip(GUARDED) {
        let device = format!("/dev/sd{letter}");
        let used = used.replace('D', &device);
        lsblk.push_str(&format!("*RM,RO*{device}) echo '{kinds}' ;;\n"));
        lsblk.push_str(&format!("*MOUNTPOINT*{device}) printf '{used}' ;;\n"));
        script.push_str(&format!(
            "_, error = attempt(disk.guard, '{device}'{arguments})\nsaid.append(error or '')\n"
        ));
        if !reason.is_empty() {
            expected.push_str(&format!(
                "{device} (X1 S1 447.1G) {}",
                reason.replace("D", &device)
            ));
        }
        expected.push('\n');
    }
    lsblk.push_str("*MODEL,SERIAL*) echo 'X1   S1 447.1G' ;;\n*MODEL*) echo X1 ;;\n");
    lsblk.push_str("*SIZE*) echo 480103981056 ;;\nesac\n");
    let script = format!("said = []\n{script}config('/said').write('\\n'.join(said) + '\\n')\n");
    each(&script, &lsblk, |root, _| {
        assert_eq!(root.read("post_rsync/said"), expected);
    });
    each("disk.guard('/dev/sda')", &lsblk, |_, output| {
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            said.ends_with("\n/dev/sda (X1 S1 447.1G) is read-only\n"),
            "{said}"
        );
    });
}
