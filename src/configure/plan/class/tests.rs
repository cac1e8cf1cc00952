use proptest::prelude::*;

use super::*;

fn of_shell(text: &str) -> Class {
    class_of(&What::Run {
        command: CommandText::Shell(text.to_owned()),
    })
}

fn of_list(words: &[&str]) -> Class {
    class_of(&What::Run {
        command: CommandText::List(words.iter().map(|word| (*word).to_owned()).collect()),
    })
}

fn destroys(devices: &[&str]) -> Class {
    Class::Destroys {
        devices: devices.iter().map(|device| (*device).to_owned()).collect(),
    }
}

#[test]
fn a_program_that_destroys_is_told_with_its_devices() {
    for (text, devices) in [
        ("parted -s /dev/sda mklabel gpt", "/dev/sda"),
        ("parted -s /dev/sda print mkl gpt", "/dev/sda"),
        ("/usr/sbin/sgdisk -p -o /dev/sda", "/dev/sda"),
        ("sfdisk /dev/sda < table", "/dev/sda"),
        ("fdisk /dev/sda <<EOF\no\nw\nEOF", "/dev/sda"),
        ("mkfs.ext4 -q -L root /dev/vda1", "/dev/vda1"),
        ("mkfs -t xfs ⟨disk-1⟩1", "⟨disk-1⟩1"),
        ("mke2fs /dev/md0", "/dev/md0"),
        ("mkswap /dev/sda2", "/dev/sda2"),
        ("dd if=/dev/zero of=/dev/sda bs=1M count=1", "/dev/sda"),
        ("dd of=//dev/./sda", "//dev/./sda"),
        ("wipefs --all --force /dev/sdc", "/dev/sdc"),
        ("wipefs -af /dev/sdc", "/dev/sdc"),
        ("wipefs --al /dev/sdc", "/dev/sdc"),
        ("blkdiscard /dev/nvme0n1", "/dev/nvme0n1"),
        ("shred -n 1 /dev/sda", "/dev/sda"),
        ("badblocks -sw /dev/sda", "/dev/sda"),
        (
            "mdadm --zero-superblock --force /dev/sda2 || true",
            "/dev/sda2",
        ),
        ("mdadm /dev/md0 --add /dev/sdb1", "/dev/md0 /dev/sdb1"),
        (
            "mdadm --create /dev/md0 --level=1 --raid-devices=2 /dev/sda2 /dev/sdb2",
            "/dev/md0 /dev/sda2 /dev/sdb2",
        ),
        ("pvcreate -ff -y /dev/sda3", "/dev/sda3"),
        ("vgcreate data /dev/sda3 /dev/sdb3", "/dev/sda3 /dev/sdb3"),
        ("lvcreate -n root -L 10G vg0", "/dev/vg0/root"),
        ("lvremove -f vg0/root", "/dev/vg0/root"),
        ("cryptsetup -q luksFormat /dev/sda3 key", "/dev/sda3"),
        (
            "hdparm --user-master u --security-erase-enhanced p /dev/sda",
            "/dev/sda",
        ),
        ("nvme format /dev/nvme0n1 -s 1", "/dev/nvme0n1"),
        ("zpool create tank /dev/sda", "/dev/sda"),
        ("btrfs dev add /dev/sdb /srv", "/dev/sdb"),
        ("echo x | tee /dev/sda", "/dev/sda"),
        ("cp image /dev/sda", "/dev/sda"),
        ("echo x > /dev/sda", "/dev/sda"),
        ("cat image >>/chroot/dev/sdb 2>&1", "/chroot/dev/sdb"),
    ] {
        let devices: Vec<&str> = devices.split(' ').collect();
        assert_eq!(of_shell(text), destroys(&devices), "{text}");
    }
}

#[test]
fn what_a_controller_destroys_is_told_with_the_controller() {
    for (text, controller) in [
        ("megacli -CfgLdAdd -r1 [32:0,32:1] -a0", "-a0"),
        ("storcli64 /c0/v1 del force", "/c0/v1"),
        ("/opt/MegaRAID/storcli/storcli64 /c0/vall del force", "/c0"),
        (
            "perccli64 /c1/fall del 2>&1 || echo \"Error: exit code $?\"",
            "/c1",
        ),
        ("perccli /c0/eall/sall start erase simple", "/c0"),
        (
            "storcli /c0 add vd type=raid1 drives=252:0,252:1 spares=252:2",
            "/c0",
        ),
        (
            "MegaCli64 -CfgSpanAdd -r10 -Array0[32:0,32:1] -Array1[32:2,32:3] -a1 -NoLog",
            "-a1",
        ),
        ("megacli -CfgForeign -Clear -a0 -NoLog", "-a0"),
        ("hpssacli ctrl slot=2 delete forced", "slot=2"),
        (
            "ssacli ctrl slot=0 create type=ld drives=1I:1:1 raid=0",
            "slot=0",
        ),
    ] {
        assert_eq!(of_shell(text), destroys(&[controller]), "{text}");
    }
}

#[test]
fn a_new_volume_and_the_words_of_a_loop_are_told_by_name() {
    for (text, devices) in [
        (
            "lvcreate --yes -W y --extents 100%FREE --name a vg0",
            "/dev/vg0/a",
        ),
        ("lvcreate -n root -L 10G vg0 /dev/sda3", "/dev/sda3"),
        (
            "for d in /dev/sda /dev/sdb; do wipefs -a $d; done",
            "/dev/sda /dev/sdb",
        ),
        (
            "for d in /dev/sda[0-9]*; do dd if=x of=y; wipefs -a \"$d\"; done",
            "/dev/sda[0-9]*",
        ),
        ("for d in /dev/sda; do echo x >$d; done", "/dev/sda"),
    ] {
        let devices: Vec<&str> = devices.split(' ').collect();
        assert_eq!(of_shell(text), destroys(&devices), "{text}");
    }
}

#[test]
fn what_only_looks_reads() {
    for text in [
        "parted -s /dev/sda print",
        "parted -l",
        "fdisk -l /dev/sd?",
        "parted -s -m /dev/sda unit MiB print free",
        "sgdisk -p /dev/sda",
        "fdisk -l /dev/sda",
        "mdadm --detail --scan",
        "mdadm -D /dev/md0",
        "wipefs /dev/sda",
        "lsblk",
        "blkid /dev/sda1",
        "cat /proc/mdstat | grep md0 2>/dev/null",
        "ls /dev/disk/by-id",
        "[ -b /dev/sda ] && test -e /x",
        "findmnt /",
        "ip -4 addr show eth0",
        "ip a",
        "udevadm settle",
        "true",
        "echo 'mkfs.ext4 /dev/sda' # mkfs.ext4 /dev/sda",
        "",
        "sh -c 'ls /'",
        "storcli64 /c0 show",
        "perccli64 /c0/vall show all J",
        "ssacli ctrl slot=2 ld 1 show",
        "megacli -LDInfo -LALL -a0",
        "cryptsetup isLuks /dev/sda3",
        "for x in a b; do ls $x; done",
        "lsblk -nrpo NAME,TYPE /dev/sda | awk 'NF == 3 { print; next } NR != 1 && $2 != \"part\"'",
        "badblocks -sv /dev/sda",
        "echo a > /dev/null",
        "command -v mkfs.ext4",
        "X=1",
    ] {
        assert_eq!(of_shell(text), Class::Reads, "{text}");
    }
}

#[test]
fn what_is_not_known_changes() {
    for text in [
        "mount /dev/sda1 /chroot",
        "mkdir -p /chroot",
        "frobnicate /dev/sda",
        "echo x > /etc/motd",
        "$PROGRAM /dev/sda",
        "echo x > /tmp/$NAME",
        "`which x` /dev/sda",
        "cp /dev/sda image",
        "dd if=/dev/sda of=/tmp/image",
        "apt-get install parted",
        "ip link set eth0 up",
        "dmsetup remove_all",
        "sh setup.sh",
        "parted -s /dev/sda set 1 bios_grub on",
        "mdadm --stop /dev/md0",
        "lsblk | while read -r md type; do case $type in raid*) mdadm --stop \"$md\" ;; esac; done",
        "awk '{ print $1 > \"/tmp/x\" }' /proc/mdstat",
        "shred -u /etc/key",
        "sudo",
        "mdadm --assemble --scan",
        "tee /etc/motd",
        "swapoff -a",
    ] {
        assert_eq!(of_shell(text), Class::Changes, "{text}");
    }
}

#[test]
fn a_device_that_the_text_does_not_name_is_unknown() {
    for text in [
        "mkfs.ext4 $DISK",
        "mkfs.ext4 \"${DISK}1\"",
        "dd of=$(cat disk)",
        "cd /dev && mkfs.ext4 sda1",
        "echo x > $FILE",
        "for d in /dev/sda /dev/sdb; do d=/dev/sdc; wipefs -a $d; done",
        "mdadm --stop $md",
        "mdadm --stop \"$md\" \"$x\"",
        "mdadm \"$x\" --stop",
        "ls | xargs mkfs.ext4",
        "parted -s $DISK print",
        "echo image /dev/sda | xargs cp",
        "find /dev -name 'sd*' -exec cp image {} ;",
        "echo x > /tmp/../dev/$X",
        "curl http://x/ | sh",
        "mkfs.ext4 /dev/$DISK",
        // Not to be read to the end.
        "ls 'x",
        "ls \"x",
        "ls $(ls",
        "ls `ls",
        "cat <<EOF\nx",
        "echo $'a\\'b'",
        "echo ${x#'}",
    ] {
        assert_eq!(of_shell(text), destroys(&[UNKNOWN_DEVICE]), "{text}");
    }
    assert_eq!(of_shell(&"$(".repeat(100_000)), destroys(&[UNKNOWN_DEVICE]));
    assert_eq!(
        of_shell(&"sudo ".repeat(100_000)),
        destroys(&[UNKNOWN_DEVICE])
    );
}

#[test]
fn a_command_is_found_wherever_it_stands() {
    for text in [
        "true && mkfs.ext4 /dev/sda",
        "true;mkfs.ext4 /dev/sda",
        "true\nmkfs.ext4 /dev/sda",
        "true | mkfs.ext4 /dev/sda",
        "(mkfs.ext4 /dev/sda)",
        "{ mkfs.ext4 /dev/sda; }",
        "! mkfs.ext4 /dev/sda",
        "if true; then mkfs.ext4 /dev/sda; fi",
        "while mkfs.ext4 /dev/sda; do true; done",
        "f() { mkfs.ext4 /dev/sda; }; f",
        "X=$(mkfs.ext4 /dev/sda)",
        "echo \"a `mkfs.ext4 /dev/sda` b\"",
        "echo ${X:-$(mkfs.ext4 /dev/sda)}",
        "echo $((1 + $(mkfs.ext4 /dev/sda)))",
        "cat <(mkfs.ext4 /dev/sda)",
        "cat <<EOF\nit's $(mkfs.ext4 /dev/sda)\nEOF",
        "cat <<'EOF'\nit's\nEOF\nmkfs.ext4 /dev/sda",
        "cat <<-EOF\n\tit's\n\tEOF\nmkfs.ext4 /dev/sda",
        "LANG=C sudo -u root mkfs.ext4 /dev/sda",
        "env A=b nice -n 5 ionice -c 3 nohup timeout -k 5 60 mkfs.ext4 /dev/sda",
        "chroot /chroot mkfs.ext4 /dev/sda",
        "sh -c 'mkfs.ext4 /dev/sda'",
        "bash -eux -o pipefail -c \"mkfs.ext4 /dev/sda\"",
        "sh -c \"sh -c 'mkfs.ext4 /dev/sda'\"",
        "eval 'mkfs.ext4' /dev/sda",
        "sh <<EOF\nmkfs.ext4 /dev/sda\nEOF",
        "m'kf's.ext4 \"/dev/sda\"",
        "mkfs.\\\next4 /d\\ev/sda",
        "ssh host mkfs.ext4 /dev/sda",
        "ssh host 'mkfs.ext4 /dev/sda'",
        "find / -exec mkfs.ext4 /dev/sda ;",
        "trap 'mkfs.ext4 /dev/sda' EXIT",
        "function f { mkfs.ext4 /dev/sda; }",
        "for x do mkfs.ext4 /dev/sda; done",
        "command mkfs.ext4 -v /dev/sda",
        "bash -euo pipefail -c 'mkfs.ext4 /dev/sda'",
        "find / -exec ls {} ; -exec mkfs.ext4 /dev/sda ;",
        "env -S 'mkfs.ext4 /dev/sda'",
        "case x in x) mkfs.ext4 /dev/sda;; esac",
        "sleep 1 & mkfs.ext4 /dev/sda",
        "exec mkfs.ext4 /dev/sda",
        "time -p mkfs.ext4 /dev/sda >/dev/null 2>&1",
        "<x mkfs.ext4 /dev/sda",
        "echo '#'; mkfs.ext4 /dev/sda",
    ] {
        assert_eq!(of_shell(text), destroys(&["/dev/sda"]), "{text}");
    }
}

#[test]
fn long_texts_are_classed_in_a_straight_line() {
    let heredocs = of_shell(&"<<a;".repeat(50_000));
    assert_eq!(heredocs, destroys(&[UNKNOWN_DEVICE]));
    assert_eq!(of_shell(&"a,".repeat(500_000)), Class::Changes);
    let many: String = (0..50_000)
        .map(|n| format!("wipefs -a /dev/x{n};"))
        .collect();
    let Class::Destroys { devices } = of_shell(&many) else {
        panic!("nothing is destroyed");
    };
    assert_eq!(devices.len(), 50_000);
}

#[test]
fn a_list_is_no_text_for_a_shell() {
    assert_eq!(of_list(&["mkfs.ext4", "/dev/sda"]), destroys(&["/dev/sda"]));
    assert_eq!(
        of_list(&["echo", "x; mkfs.ext4 /dev/sda", ">", "/dev/sda"]),
        Class::Reads
    );
    assert_eq!(
        of_list(&["sh", "-c", "mkfs.ext4 /dev/sda"]),
        destroys(&["/dev/sda"])
    );
    assert_eq!(of_list(&["mkfs.ext4", "$x"]), destroys(&[UNKNOWN_DEVICE]));
}

#[test]
fn other_actions_have_their_class() {
    let write = |path: &str| What::WriteFile {
        path: path.to_owned(),
        content: String::new(),
        mode: 0o644,
        uid: 0,
        gid: 0,
        append: false,
    };
    assert_eq!(class_of(&write("/dev/sda")), destroys(&["/dev/sda"]));
    assert_eq!(class_of(&write("/post_rsync/etc/fstab")), Class::Changes);
    let raid = |call: &str| What::Hpacucli {
        call: call.to_owned(),
        arguments: vec!["slot=1".to_owned()],
        gives: None,
    };
    assert_eq!(class_of(&raid("ctrl_delete")), destroys(&["slot=1"]));
    assert_eq!(class_of(&raid("ctrl_create_ld")), destroys(&["slot=1"]));
    assert_eq!(class_of(&raid("ctrl_all_show")), Class::Reads);
    assert_eq!(class_of(&What::Sleep { seconds: 1.0 }), Class::Reads);
    let opaque = What::Opaque {
        interpreter: "/bin/sh".to_owned(),
        sha256: String::new(),
    };
    assert_eq!(class_of(&opaque), destroys(&[UNKNOWN_DEVICE]));
}

/// Texts that are often nearly shell.
fn nearly_shell() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "mkfs.ext4",
        "/dev/sda",
        " ",
        "\n",
        "'",
        "\"",
        "\\",
        "$(",
        "`",
        ")",
        "(",
        "${",
        "}",
        "$((",
        "))",
        "<<",
        "EOF",
        ">",
        "&",
        "|",
        ";",
        "sh -c",
        "if",
        "⟨d⟩",
        "=",
        "#",
        "é",
        "-a",
        "dd of=",
        "sudo ",
    ]);
    prop::collection::vec(part, 0..40).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn any_text_has_a_class(text in any::<String>(), nearly in nearly_shell()) {
        of_shell(&text);
        of_shell(&nearly);
        of_list(&nearly.split(' ').collect::<Vec<_>>());
    }

    #[test]
    fn what_stands_before_a_command_cannot_hide_it(nearly in nearly_shell()) {
        let class = of_shell(&format!("mkfs.ext4 /dev/vda\n{nearly}"));
        let told = matches!(&class, Class::Destroys { devices } if devices.contains(&"/dev/vda".to_owned()));
        prop_assert!(told, "{:?}", class);
    }
}
