//! What each helper is and does, for the page `config-examples/HELPERS.md` and `edeployctl helpers`.
//!
//! All of it comes from the docstrings in the code; nothing is told twice.

use std::fmt::Write;

use serde::Serialize;

/// One helper of a configure script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Helper {
    /// The name that a script calls it by, such as `disk.wipe`.
    pub name: String,
    /// The name with its parameters, as Python writes them.
    pub signature: String,
    /// What it does, in a sentence or two.
    pub summary: String,
    /// All there is to say besides, in lines; may be empty.
    pub details: String,
}

impl Helper {
    /// The part of the name before the dot: helpers that belong together share it.
    pub fn namespace(&self) -> Option<&str> {
        self.name.split_once('.').map(|(namespace, _)| namespace)
    }
}

/// All helpers, those that belong together one after the other.
pub fn helpers() -> Vec<Helper> {
    super::engine::helpers()
}

const START: &str = "\
# The helpers of configure scripts

What a `NAME.configure` can call, besides Python's own that are Starlark too. `edeployctl helpers NAME` shows
the same in the terminal. This page is made from the code by `make snapshots`.

A plan records what a helper would do; a run does it and stops at the first failure; `attempt` goes on.
Devices are paths such as `/dev/sda`. What a helper is given is checked before it does anything, and what is
wrong with it is said at the line of the script.
";

/// The page of the reference, in Markdown.
pub fn reference_page() -> String {
    let mut page = START.to_owned();
    let mut before = Some("");
    for helper in &helpers() {
        if helper.namespace() != before {
            before = helper.namespace();
            let written = write!(
                page,
                "\n## {}\n",
                before.unwrap_or("Commands, files, control")
            );
            debug_assert!(written.is_ok(), "a String takes all that is written to it");
        }
        for part in [
            &format!("### `{}`", helper.signature),
            &helper.summary,
            &helper.details,
        ] {
            if !part.is_empty() {
                page.push('\n');
                page.push_str(part);
                page.push('\n');
            }
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_helper_says_what_it_is_called_with_and_what_it_does() {
        let all = helpers();
        for name in [
            "run",
            "fail",
            "uuid_for",
            "disk.wipe",
            "mount.fstab",
            "ipmi.setup_user",
            "hpacucli.Cli",
            "hpacucli.Cli().launch",
        ] {
            assert!(all.iter().any(|helper| helper.name == name), "{name}");
        }
        for helper in &all {
            assert!(!helper.signature.contains("=..."), "{helper:?}");
            assert!(
                helper.signature.starts_with(&format!("{}(", helper.name)),
                "{helper:?}"
            );
            assert!(
                helper.summary.len() > 20 && helper.summary.ends_with(['.', ']']),
                "{helper:?}"
            );
        }
    }

    #[test]
    fn a_signature_is_what_a_script_may_write() {
        let all = helpers();
        let signature = |name: &str| {
            let mut found = all.iter().filter(|helper| helper.name == name);
            found.next().unwrap().signature.clone()
        };
        assert_eq!(
            signature("raid.create"),
            "raid.create(device, level, devices, name=None, spares=[], metadata='1.2')"
        );
        assert_eq!(
            signature("config"),
            "config(name, mode='w', basedir='/post_rsync', fmod=0o644, uid=0, gid=0)"
        );
        assert_eq!(signature("output"), "output(cmd, plan=None)");
        assert_eq!(signature("attempt"), "attempt(f, *args, **kwargs)");
    }
}
