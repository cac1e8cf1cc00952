//! Calls of helpers that are wrong: the words of the engine, and the same from Python.

use super::pythons::each;
use super::{plan, refusal};

/// Texts that are wrong, and what is said of them at the line of the script.
const WRONG: [(&str, &str); 53] = [
    (
        "network.ethernet('eth0', '10.0.0.3')",
        "an address of eth0 is `10.0.0.3`: write it as 10.0.0.3/24, 10.0.0.3/255.255.255.0 or fd00::3/64",
    ),
    (
        "network.ethernet('eth0', '10.0.0.300/24')",
        "an address of eth0 is no IPv4 or IPv6 address: `10.0.0.300`",
    ),
    (
        "network.ethernet('eth0', '10.0.0.3/33')",
        "an address of eth0 has a prefix of 0 to 32 bits, not `33`",
    ),
    (
        "network.ethernet('eth0', '10.0.0.3/255.0.255.0')",
        "an address of eth0 has no netmask: `10.0.0.3/255.0.255.0`",
    ),
    (
        "network.ethernet('eth0', 'fd00:::3/64')",
        "an address of eth0 is no IPv4 or IPv6 address: `fd00:::3`",
    ),
    (
        "network.ethernet('eth0', gateway=['10.0.0.1', '10.0.0.2'])",
        "eth0 has one gateway for IPv4 and one for IPv6 at most",
    ),
    (
        "network.ethernet('eth0', mac='52:54:00:88:17')",
        "the MAC of eth0 is no MAC: `52:54:00:88:17`",
    ),
    (
        "network.ethernet('eth0', dhcp=True)",
        "dhcp of eth0 is `True`: there are no, ipv4, ipv6, yes",
    ),
    (
        "network.ethernet('eth0', routes=['10.0.0.0/8'])",
        "a route of eth0 is a pair, such as ('10.1.0.0/16', '10.0.0.254'), not `10.0.0.0/8`",
    ),
    (
        "network.ethernet('a-very-long-name')",
        "the name of an interface is longer than 15 characters: `a-very-long-name`",
    ),
    (
        "network.vlan('vlan9', 'eth0', 4095)",
        "the number of VLAN vlan9 is 1 to 4094, not `4095`",
    ),
    (
        "network.bond('bond0', [])",
        "bond0 has one interface or more besides itself",
    ),
    (
        "network.bond('bond0', 'eth0', mode='lacp')",
        "mode of bond0 is `lacp`: there are balance-rr, active-backup, balance-xor, broadcast, 802.3ad, balance-tlb, balance-alb",
    ),
    (
        "network.write([network.bridge('a', 'b'), network.bridge('b', 'a')])",
        "a is part of itself",
    ),
    (
        "network.write([network.bond('a', 'x'), network.bridge('b', 'x')])",
        "x is part of a and of b",
    ),
    (
        "network.write([network.ethernet('a')], 'wicked')",
        "network style `wicked`: there are networkd, ifupdown, netplan, keyfile, ifcfg, auto",
    ),
    (
        "network.write([network.ethernet('b'), network.ethernet('a', '10.0.0.3/24', dns='fd00::5')], 'keyfile')",
        "a has a name server of IPv6 and no IPv6: NetworkManager takes none there",
    ),
    (
        "network.write([network.ethernet('b'), network.ethernet('a', dns='10.0.0.5')], style='keyfile')",
        "a has a name server of IPv4 and no IPv4: NetworkManager takes none there",
    ),
    (
        "network.write([network.ethernet('b'), network.ethernet('a', search='example.org')], 'keyfile')",
        "a has domains to search and no address: NetworkManager takes none there",
    ),
    (
        "disk.wipe('sda')",
        "`sda` is no path of a device: write '/dev/' + var['disk'] or the like",
    ),
    (
        "disk.wipe('/dev/sda /dev/sdb')",
        "a device holds a blank or a line end: `/dev/sda /dev/sdb`",
    ),
    ("disk.wipe(3)", "a device is a text, not `3`"),
    (
        "disk.wipe()",
        "missing parameter `device` for call to `disk.wipe`",
    ),
    (
        "disk.wipe('/dev/sda', force=True)",
        "found `force` extra named parameter(s) for call to disk.wipe",
    ),
    (
        "disk.guard('/dev/sda', size='480GB')",
        "disk.guard: size is a whole number of GB, not `480GB`",
    ),
    (
        "partition.new('1G')",
        "partition of type linux: size `1G` is none: write '512MiB', '20GiB', '4TiB', '50%' or 'rest'",
    ),
    (
        "partition.new('0MiB')",
        "partition of type linux: size `0MiB` is none: write '512MiB', '20GiB', '4TiB', '50%' or 'rest'",
    ),
    (
        "partition.new('101%')",
        "partition of type linux: size `101%` is none: write '512MiB', '20GiB', '4TiB', '50%' or 'rest'",
    ),
    (
        "partition.new(type='ext4')",
        "partition type `ext4`: there are linux, swap, esp, bios_grub, raid, lvm",
    ),
    (
        "partition.new(name='a b')",
        "the name of a partition holds a blank or a line end: `a b`",
    ),
    (
        "partition.new(name='a/b')",
        "the name of a partition holds `/`; it is made of letters, digits, `+`, `_`, `.`, `-`: `a/b`",
    ),
    (
        "partition.table('/dev/sda', 'mbr', [])",
        "partition table `mbr`: there are gpt, msdos",
    ),
    (
        "partition.table('/dev/sda', 'gpt', [])",
        "a gpt table has 1 to 128 partitions, not 0",
    ),
    (
        "partition.table('/dev/sda', 'gpt', 'rest')",
        "partition.table takes a list, not `rest`",
    ),
    (
        "partition.table('/dev/sda', 'gpt', ['rest'])",
        "partition.table takes a list of what partition.new gives, not `rest`",
    ),
    (
        "partition.table('/dev/sda', 'gpt', [partition.new(), partition.new()])",
        "partition 2 comes after the one that takes all there is left",
    ),
    (
        "partition.table('/dev/sda', 'gpt', [partition.new('60%'), partition.new('60%')])",
        "partition 2: more than 100% of the disk",
    ),
    (
        "partition.table('/dev/sda', 'gpt', [partition.new('60%'), partition.new('1GiB')])",
        "partition 2: sizes in MiB, GiB and TiB stand before those in %",
    ),
    (
        "partition.table('/dev/sda', 'msdos', [partition.new('2TiB')])",
        "partition 1 ends beyond 2TiB, which a msdos table cannot tell: use 'gpt'",
    ),
    (
        "partition.table('/dev/sda', 'msdos', [partition.new('1MiB', 'bios_grub')])",
        "partition 1: bios_grub is for gpt only",
    ),
    (
        "partition.table('/dev/sda', 'msdos', [partition.new('1MiB') for x in range(5)])",
        "a msdos table has 1 to 4 partitions, not 5",
    ),
    (
        "raid.create('/dev/md0', 3, ['/dev/sda'])",
        "RAID level `3`: there are 0, 1, 10, 4, 5, 6",
    ),
    (
        "raid.create('/dev/md0', 5, ['/dev/sda', '/dev/sdb'])",
        "RAID 5 takes 3 devices or more, not 2",
    ),
    (
        "raid.create('/dev/md0', 1, ['/dev/sda', '/dev/sda'])",
        "raid.create has /dev/sda twice",
    ),
    (
        "raid.create('/dev/md0', 0, ['/dev/sda', '/dev/sdb'], spares=['/dev/sdc'])",
        "RAID 0 has no spares",
    ),
    (
        "raid.create('/dev/md0', 1, '/dev/sda')",
        "raid.create takes a list of devices, not `/dev/sda`",
    ),
    (
        "lvm.group('a/b', ['/dev/sda'])",
        "the name of a volume group holds `/`; it is made of letters, digits, `+`, `_`, `.`, `-`: `a/b`",
    ),
    (
        "lvm.volume('vg', 'x', 5)",
        "volume x: size `5` is none: write '512MiB', '20GiB', '4TiB', '50%' or 'rest'",
    ),
    (
        "filesystem.make('/dev/sda1', 'ntfs')",
        "file system `ntfs`: there are btrfs, ext2, ext3, ext4, swap, vfat, xfs",
    ),
    (
        "filesystem.make('/dev/sda1', 'xfs', label='0123456789abc')",
        "a label of xfs has at most 12 bytes: `0123456789abc`",
    ),
    (
        "filesystem.make('/dev/sda1', 'ext4', uuid='x')",
        "the UUID of a ext4 file system is `XXXXXXXX-XXXX-XXXX-XXXX-XXXXXXXXXXXX` with hexadecimal digits, not `x`",
    ),
    (
        "mount.new('tmpfs', '/tmp')",
        "mount.new: `tmpfs` needs a type, such as type='tmpfs'",
    ),
    (
        "mount.fstab([mount.new('a', '/x', type='nfs'), mount.new('b', '/x/', type='nfs')])",
        "two file systems are mounted at /x",
    ),
];

#[test]
fn what_is_wrong_is_said_at_the_line_of_the_script() {
    for (text, expected) in WRONG {
        assert_eq!(refusal(text), expected, "{text}");
        // However deep the helper is called, the line is one of the admin's.
        let inside = format!("def f():\n    {text} # here\n\n\nf()\n");
        assert_eq!(refusal(&inside), expected, "{text}");
    }
}

#[test]
fn nothing_is_done_where_a_later_argument_is_wrong() {
    for (text, _) in WRONG {
        let text = format!("_, error = attempt(lambda: {text})\nif not error:\n    fail('none')\n");
        let Ok(plan) = plan(&text) else { continue };
        assert_eq!(plan.actions, [], "{text}");
    }
}

#[test]
fn a_value_that_hides_a_namespace_is_told() {
    let text = "for disk in ['/dev/sda']:\n    disk.wipe(disk)\n";
    let error = plan(text).unwrap_err().with_caret().to_string();
    assert!(error.contains("2 |     disk.wipe(disk)"), "{error}");
    assert!(
        error.contains("gives the name `disk` to a value"),
        "{error}"
    );
    // A helper still finds the others, and the name can be used before.
    let text = "disk.wipe('/dev/sda')\ndisk = '/dev/sda'\npartition.table(disk, 'gpt', [partition.new()])\n";
    assert!(plan(text).is_ok());
}

#[test]
fn a_wrong_call_fails_in_python_with_the_same_words() {
    expect_same_words(&WRONG);
}

/// Makes wrong calls in each Python, and expects of each the words that our engine has for it.
pub(crate) fn expect_same_words(wrong: &[(&str, &str)]) {
    let (mut script, mut expected) = (String::from("said = []\n"), String::new());
    // What Python says of a missing argument is Python's own.
    for (text, message) in wrong.iter().filter(|(_, said)| !said.contains("parameter")) {
        script.push_str(&format!("said.append(attempt(lambda: {text})[1])\n"));
        expected.push_str(&format!("{message}\n"));
    }
    script.push_str("config('/said').write('\\n'.join(said) + '\\n')\n");
    each(&script, "", |root, output| {
        assert!(output.status.success());
        assert_eq!(root.read("post_rsync/said"), expected);
    });
}
