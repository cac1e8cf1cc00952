//! The table of programs: what each does to data, by its arguments.
//!
//! A program that is not here *changes*. A rule that calls something harmless lists what it knows to
//! be harmless, so what is new or abbreviated falls through to the rule that does not trust it. To
//! add a program, add its name and its rules; the first rule that fits counts.

use super::rules::Rule;
use super::rules::Then::{Changes, Destroys, Reads};
use super::rules::When::{
    Always, Any, Begins, Exactly, FirstOfTwo, NoOption, NoneHolds, OnlyFiles, Options, Start, Words,
};
use super::rules::Where::{Controller, Devices, Last, Values, Volume};

/// The rules of a program, by the name without its directory.
pub(super) fn rules_of(name: &str) -> Option<&'static [Rule]> {
    let name = name.to_ascii_lowercase();
    // `mkfs.ext4` is found as `mkfs.*`.
    let found = PROGRAMS.iter().find(|(names, _)| {
        names.iter().any(|known| match known.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == *known,
        })
    });
    found.map(|(_, rules)| *rules)
}

/// Options of the LVM programs that have a value of their own.
const LVM_VALUES: &[&str] = &[
    "-n",
    "--name",
    "-L",
    "--size",
    "-l",
    "--extents",
    "-i",
    "--stripes",
    "-I",
    "--stripesize",
    "-m",
    "--mirrors",
    "-T",
    "--thinpool",
    "-V",
    "--virtualsize",
    "-W",
    "--wipesignatures",
    "-s",
    "--physicalextentsize",
    "--type",
    "-A",
    "--autobackup",
    "-Z",
    "--zero",
    "-c",
    "--chunksize",
];

const DESTROYS: &[Rule] = &[(Always, Destroys(Devices))];
const DESTROYS_VOLUME: &[Rule] = &[(Always, Destroys(Volume(LVM_VALUES)))];
const DESTROYS_LAST: &[Rule] = &[(Always, Destroys(Last))];
const DESTROYS_OF: &[Rule] = &[(Always, Destroys(Values(&["of=", "hof=", "wipe=", "hofs="])))];
const READS: &[Rule] = &[(Always, Reads)];
const STORCLI: &[Rule] = &[
    (
        Any(&[
            "add",
            "del",
            "delete",
            "erase",
            "secureerase",
            "cryptoerase",
            "sanitize",
            "init",
            "initialization",
            "import",
        ]),
        Destroys(Controller(&["/c"])),
    ),
    (Any(&["jbod", "good", "flushcache"]), Changes),
    (Any(&["show", "help", "version"]), Reads),
];
const SMART_ARRAY: &[Rule] = &[
    (
        Any(&[
            "create",
            "delete",
            "remove",
            "erase",
            "clearencryptionconfig",
        ]),
        Destroys(Controller(&["slot=", "sn=", "serialnumber="])),
    ),
    (
        Any(&[
            "modify", "add", "set", "rescan", "start", "enable", "disable", "flash",
        ]),
        Changes,
    ),
    (Any(&["show", "help", "version"]), Reads),
];
const MEGACLI: &[Rule] = &[
    (
        Any(&[
            "CfgLdAdd",
            "CfgLdDel",
            "CfgClr",
            "CfgEachDskRaid0",
            "CfgSpanAdd",
            "CfgAllFreeDrv",
            "CfgForeign",
            "CfgRestore",
            "LDInit",
            "PDClear",
            "LDMakeSecure",
            "SecureErase",
            "CfgCacheCadeAdd",
            "CfgCacheCadeDel",
            "CfgLdClear",
            "LDRecon",
            "LDExpansion",
        ]),
        Destroys(Controller(&["-a"])),
    ),
    (
        Any(&[
            "AdpAllInfo",
            "LDInfo",
            "PDList",
            "PDInfo",
            "LdPdInfo",
            "CfgDsply",
            "adpCount",
            "EncInfo",
            "ShowSummary",
            "PDGetNum",
            "LDGetNum",
            "PDGetMissing",
            "AdpGetPciInfo",
            "v",
            "h",
        ]),
        Reads,
    ),
];

#[rustfmt::skip]
const PROGRAMS: &[(&[&str], &[Rule])] = &[
    // Partition tables.
    (&["parted"], &[
        (Words(&[
            "print", "unit", "s", "B", "kB", "KiB", "MB", "MiB", "GB", "GiB", "TB", "TiB", "%",
            "compact", "free", "list", "all", "devices", "help", "version", "quit",
        ]), Reads),
        (Exactly(&["set", "*", "*", "*"]), Changes),
        (Exactly(&["name", "*", "*"]), Changes),
        (Options(&["-l", "--list"]), Reads),
        (Always, Destroys(Devices)),
    ]),
    (&["sgdisk"], &[
        (Options(&["-p", "--print", "-i", "--info", "-v", "--verify", "-D", "--display-alignment",
            "-F", "--first-in-largest", "-f", "--first-aligned-in-largest", "-E", "--end-of-largest",
            "-L", "--list-types", "-V", "--version", "-P", "--pretend"]), Reads),
        (Always, Destroys(Devices)),
    ]),
    (&["sfdisk"], &[
        (Options(&["-l", "--list", "-d", "--dump", "-J", "--json", "-V", "--verify", "-s",
            "--show-size", "-F", "--list-free", "-g", "--show-geometry", "-T", "--list-types",
            "-n", "--no-act", "-v", "--version", "-h", "--help"]), Reads),
        (Always, Destroys(Devices)),
    ]),
    (&["fdisk", "gdisk"], &[
        (Options(&["-l", "--list", "-x", "--list-details", "-s", "--getsz", "-v", "--version"]), Reads),
        (Always, Destroys(Devices)),
    ]),
    (&["cfdisk", "cgdisk", "fixparts", "install-mbr", "ms-sys"], DESTROYS),
    // File systems and swap.
    (&["mkfs", "mkfs.*", "mke2fs", "mkswap", "mkdosfs", "mkntfs", "mkreiserfs", "newfs*", "mkudffs",
        "make_f2fs", "make-bcache", "mkdiskimage", "xfs_mdrestore", "bcachefs"], DESTROYS),
    (&["btrfs"], &[
        (Start(&["device", "add"]), Destroys(Devices)),
        (Start(&["replace", "start"]), Destroys(Devices)),
        (Start(&["filesystem", "show"]), Reads),
        (Start(&["filesystem", "df"]), Reads),
        (Start(&["filesystem", "usage"]), Reads),
        (Start(&["device", "scan"]), Reads),
        (Start(&["device", "stats"]), Reads),
        (Start(&["subvolume", "list"]), Reads),
        (Start(&["subvolume", "show"]), Reads),
    ]),
    (&["zpool"], &[
        (Any(&["list", "status", "history", "iostat"]), Reads),
        (Any(&["create", "add", "attach", "replace", "labelclear", "destroy", "split", "initialize"]), Destroys(Devices)),
    ]),
    (&["zfs"], &[
        (Any(&["destroy", "rollback", "receive", "recv"]), Destroys(Devices)),
        (Start(&["list"]), Reads),
    ]),
    // Writing and erasing.
    (&["dd", "dcfldd", "dc3dd", "sg_dd", "sgp_dd", "sgm_dd"], DESTROYS_OF),
    (&["wipefs"], &[
        (NoOption, Reads),
        (Options(&["-n", "--no-act", "-p", "--parsable", "-J", "--json", "-i", "--noheadings", "-O",
            "--output", "-q", "--quiet", "-V", "--version", "-h", "--help"]), Reads),
        (Always, Destroys(Devices)),
    ]),
    (&["shred", "wipe", "scrub", "srm", "nwipe"], &[
        (OnlyFiles, Changes),
        (Always, Destroys(Devices)),
    ]),
    (&["badblocks"], &[
        (NoOption, Reads),
        (Options(&["-s", "-v", "-b", "-c", "-e", "-o", "-p", "-t", "-d", "-i"]), Reads),
        (Always, Destroys(Devices)),
    ]),
    (&["blkdiscard", "ddrescue", "dd_rescue", "partclone.*", "partimage", "ntfsclone", "e2image",
        "bmaptool", "xfs_copy", "fsarchiver", "sg_format", "sg_sanitize", "sg_write_same", "sg_unmap",
        "fdformat", "nandwrite", "flash_erase", "flash_eraseall", "flashcp"], DESTROYS),
    (&["cp", "install", "rsync", "qemu-img", "scp"], DESTROYS_LAST),
    (&["tee", "sponge"], &[
        (OnlyFiles, Changes),
        (NoOption, Destroys(Devices)),
        (Options(&["-a", "--append", "-i", "--ignore-interrupts", "-p"]), Destroys(Devices)),
    ]),
    (&["hdparm"], &[
        (Begins("--security-erase"), Destroys(Devices)),
        (Begins("--trim-sector-ranges"), Destroys(Devices)),
        (Begins("--write-sector"), Destroys(Devices)),
        (Begins("--repair-sector"), Destroys(Devices)),
        (Begins("--make-bad-sector"), Destroys(Devices)),
        (Begins("--sanitize"), Destroys(Devices)),
        (Options(&["-i", "-I", "-g", "-t", "-T", "-C"]), Reads),
    ]),
    (&["nvme"], &[
        (Any(&["format", "sanitize", "delete-ns", "create-ns", "write", "write-zeroes", "write-uncor",
            "dsm", "copy", "zns", "io-passthru", "admin-passthru"]), Destroys(Devices)),
        (Any(&["list", "list-subsys", "list-ns", "id-ctrl", "id-ns", "smart-log", "error-log",
            "get-log", "get-feature", "show-regs", "version"]), Reads),
    ]),
    // RAID by software, volumes, encryption.
    (&["mdadm"], &[
        (Options(&["--detail", "-D", "--examine", "-E", "--query", "-Q", "--scan", "-s", "--verbose",
            "-v", "--test", "-t", "--brief", "-b", "--export", "-Y", "--wait", "-W", "--detail-platform",
            "--version", "-V"]), Reads),
        (Options(&["--assemble", "-A", "--scan", "-s", "--run", "-R", "--stop", "-S", "--verbose", "-v",
            "--fail", "-f", "--remove", "-r", "--readwrite", "-w", "--readonly", "-o", "--wait", "-W",
            "--uuid", "-u", "--name", "-N", "--config", "--no-degraded", "--monitor", "-F"]), Changes),
        // A second option in place of the array stops nothing and has no device left to act on.
        (FirstOfTwo(&["--stop", "-S"]), Changes),
        (Always, Destroys(Devices)),
    ]),
    (&["dmraid"], &[
        (Options(&["-r", "-s", "-b", "-l", "-V", "-h"]), Reads),
        (Options(&["-a", "-ay", "-an"]), Changes),
        (Always, Destroys(Devices)),
    ]),
    (&["pvcreate", "pvremove", "vgextend", "ceph-disk"], DESTROYS),
    (&["vgcreate"], DESTROYS),
    (&["vgremove", "lvremove", "lvcreate", "lvreduce", "lvconvert"], DESTROYS_VOLUME),
    (&["lvresize"], DESTROYS_VOLUME),
    (&["pvs", "vgs", "lvs", "pvdisplay", "vgdisplay", "lvdisplay", "pvscan", "lvscan", "lvmdiskscan"], READS),
    (&["ceph-volume"], &[
        (Any(&["zap", "create", "prepare", "batch"]), Destroys(Devices)),
        (Any(&["list", "inventory"]), Reads),
    ]),
    (&["drbdadm"], &[(Any(&["create-md", "wipe-md", "invalidate"]), Destroys(Devices))]),
    (&["cryptsetup"], &[
        (Any(&["luksFormat", "format", "erase", "luksErase", "reencrypt", "luksKillSlot",
            "luksHeaderRestore"]), Destroys(Devices)),
        (Any(&["status", "isLuks", "luksDump", "luksUUID"]), Reads),
    ]),
    (&["dmsetup"], &[
        (Any(&["wipe_table"]), Changes),
        (Start(&["ls"]), Reads),
        (Start(&["info"]), Reads),
        (Start(&["table"]), Reads),
        (Start(&["status"]), Reads),
    ]),
    // RAID by controller.
    (&["storcli*", "perccli*"], STORCLI),
    (&["megacli*"], MEGACLI),
    (&["ssacli", "hpssacli", "hpacucli"], SMART_ARRAY),
    (&["sas2ircu", "sas3ircu", "arcconf", "tw_cli", "mvcli", "lsiutil", "mpt-status"], &[
        (Any(&["create", "createunit", "delete", "deleteunit", "del", "deletevolume", "add", "task"]),
            Destroys(Controller(&["/c"]))),
        (Any(&["display", "list", "status", "getconfig", "getversion", "show"]), Reads),
    ]),
    // What only looks.
    (&["lsblk", "blkid", "cat", "grep", "egrep", "fgrep", "zcat", "ls", "test", "[", "[[", "findmnt",
        "true", "false", ":", "echo", "printf", "head", "tail", "tac", "wc", "cut", "tr", "uniq", "basename",
        "dirname", "readlink", "realpath", "stat", "df", "du", "free", "uname", "id", "whoami", "pwd",
        "ps", "pgrep", "which", "type", "lspci", "lsusb", "lscpu", "lsmod", "lsscsi", "lshw",
        "dmidecode", "seq", "expr", "sleep", "wait", "sha256sum", "md5sum", "sha1sum", "cmp", "diff",
        "dumpe2fs", "xfs_info", "getent", "arch", "nproc", "od", "hexdump", "strings", "jq", "udevadm",
        "partprobe", "sync", "exit", "return", "break", "continue", "cd", "set", "shift", "read",
        "export", "local", "unset", "umask"], READS),
    (&["dmesg"], &[(NoOption, Reads)]),
    (&["awk", "mawk", "gawk"], &[(NoneHolds(&[">", "|", "system", "getline"]), Reads)]),
    (&["sort"], &[(NoOption, Reads), (Options(&["-u", "-n", "-r", "-k", "-t", "-V", "-h", "-s", "-f"]), Reads)]),
    (&["mount"], &[(Options(&["-l"]), Reads)]),
    (&["blockdev"], &[
        (Options(&["--getsize64", "--getsz", "--getss", "--getbsz", "--getpbsz", "--getro", "--getra",
            "--report"]), Reads),
    ]),
    (&["smartctl"], &[
        (Options(&["-a", "-x", "-i", "-H", "-A", "-l", "-d", "--all", "--info", "--health", "--scan", "--json"]), Reads),
    ]),
    (&["tune2fs"], &[(Options(&["-l"]), Reads)]),
    (&["ip"], &[
        (Exactly(&["*"]), Reads),
        (Start(&["*", "show"]), Reads),
        (Start(&["*", "list"]), Reads),
        (Start(&["*", "get"]), Reads),
    ]),
];
