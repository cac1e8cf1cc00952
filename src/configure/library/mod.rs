//! Our own helpers: disks, partition tables, arrays, RAID controllers, volumes, file systems, mounts, network (DESIGN section 5).
//!
//! They are written in what Starlark, Python 2.7 and Python 3 have in common, on nothing but the
//! engine's `run`, `output`, `config`, `fail`, `attempt`, `quote` and `uuid_for`. So one text plans
//! them, runs them, and goes with the answer to an old ramdisk. What they do to a machine is the same
//! list of commands whatever the machine holds: only so does a run follow its plan.

use std::fmt::Write;

/// The files, in an order in which each uses those before it.
const TEXT: &str = concat!(
    include_str!("checks.star"),
    "\n\n",
    include_str!("disk.star"),
    "\n\n",
    include_str!("partition.star"),
    "\n\n",
    include_str!("raid.star"),
    "\n\n",
    include_str!("hwraid.star"),
    "\n\n",
    include_str!("lvm.star"),
    "\n\n",
    include_str!("filesystem.star"),
    "\n\n",
    include_str!("mount.star"),
    "\n\n",
    include_str!("network_checks.star"),
    "\n\n",
    include_str!("network.star"),
    "\n\n",
    include_str!("network_networkd.star"),
    "\n\n",
    include_str!("network_ifupdown.star"),
    "\n\n",
    include_str!("network_netplan.star"),
    "\n\n",
    include_str!("network_keyfile.star"),
    "\n\n",
    include_str!("network_ifcfg.star"),
    "\n\n",
    include_str!("network_write.star"),
);

/// What scripts call the library by.
pub(in crate::configure) const NAMESPACES: [&str; 8] = [
    "disk",
    "partition",
    "raid",
    "hwraid",
    "lvm",
    "filesystem",
    "mount",
    "network",
];

/// The helpers of the engine that the library is built on. A script may give these names to values of
/// its own, so in Python, where all is one module, the library is handed them once.
const HELPERS: [&str; 8] = [
    "attempt", "config", "fail", "output", "quote", "run", "struct", "uuid_for",
];

/// The library as a module of Starlark.
pub(in crate::configure) fn text() -> &'static str {
    TEXT
}

/// Whether a script may call the library: it has one of the names with a dot after it.
pub(in crate::configure) fn is_named_in(script: &str) -> bool {
    NAMESPACES.iter().any(|name| {
        let mut rest = script;
        while let Some(at) = rest.find(name) {
            let before = rest[..at].chars().next_back();
            let starts = !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '.');
            rest = &rest[at + name.len()..];
            if starts && rest.trim_start_matches([' ', '\t']).starts_with('.') {
                return true;
            }
        }
        false
    })
}

/// The library as Python: a function that is given the helpers and gives the namespaces.
pub(in crate::configure) fn python() -> String {
    let helpers = HELPERS.join(", ");
    let mut out = format!("\n\ndef _edeploy_library({helpers}):\n");
    for line in TEXT.lines() {
        if !line.is_empty() {
            out.push_str("    ");
        }
        out.push_str(line);
        out.push('\n');
    }
    let names = NAMESPACES.join(", ");
    let written = write!(
        out,
        "    return {names}\n\n\n{names} = _edeploy_library({helpers})\n"
    );
    debug_assert!(written.is_ok(), "a String takes all that is written to it");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_names_the_library_by_a_name_and_a_dot() {
        for text in [
            "disk.wipe(d)",
            "x = [raid.create(a)]",
            "for m in a:\n mount . all(m)",
        ] {
            assert!(is_named_in(text), "{text}");
        }
        for text in [
            "disk = 1",
            "my_disk.x()",
            "a.disk.x",
            "run('mount /dev/sda1')",
            "disks.x",
        ] {
            assert!(!is_named_in(text), "{text}");
        }
    }

    #[test]
    fn every_python_reads_the_library() {
        // Python 2 wants a line that names the encoding where there are other characters.
        assert!(TEXT.is_ascii());
        for word in ["f\"", "f'", " is ", "nonlocal", "lambda", "print("] {
            assert!(
                !TEXT.contains(&format!(" {word}")) || word == " is ",
                "{word}"
            );
        }
        // What the role helper's name would do to an old client.
        assert!(!TEXT.contains("set_role"));
    }
}
