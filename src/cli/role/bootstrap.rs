//! A tree of packages by mmdebstrap or dnf, with the numbers of users and groups from the table.

use std::path::Path;
use std::time::Duration;

use crate::roles::{Ids, RoleFile};
use crate::system::{Command, Ownership, Real, RunError, Runner, put_file};

use super::super::answer::{Exit, Failure};
use super::super::input;
use super::dnf;

/// A distribution over a slow line.
const TIMEOUT: Duration = Duration::from_secs(2 * 3600);

/// What stands in for `useradd`, `groupadd` and `systemd-sysusers` while packages are configured. The last is asked for
/// the users of one file mostly, where files of /etc/sysusers.d with other numbers do not count (systemd-sysusers(8)).
const WRAPPER: &str = include_str!("ids-wrapper");

/// Puts it in place before packages are configured that are not essential (mmdebstrap(1), HOOKS). dpkg
/// leaves what is diverted alone; it knows systemd-sysusers in `/bin` (Debian 12) or in `/usr/bin`.
const DIVERT: &str = r#"cp -r "$IDS" "$1/.edeploy-ids"
for tool in /usr/sbin/useradd /usr/sbin/groupadd /bin/systemd-sysusers /usr/bin/systemd-sysusers; do
    chroot "$1" dpkg-divert --quiet --local --rename --divert "$tool.edeploy" --add "$tool"
    install -m 755 "$IDS/bin/useradd" "$1$tool"
done"#;

/// Takes it away again.
const UNDIVERT: &str = r#"rm -f "$1/usr/sbin/useradd" "$1/usr/sbin/groupadd" "$1/usr/bin/systemd-sysusers" "$1/bin/systemd-sysusers"
for tool in /usr/sbin/useradd /usr/sbin/groupadd /bin/systemd-sysusers /usr/bin/systemd-sysusers; do
    chroot "$1" dpkg-divert --quiet --local --rename --remove "$tool"
done
cat "$1/.edeploy-ids/refused" >&2 2>/dev/null && exit 1
rm -r "$1/.edeploy-ids""#;

/// Where it notes the names that it has no number for.
const REFUSED: &str = ".edeploy-ids/refused";

/// What is of this build or of the machine that builds, and differs from one to the next.
pub(super) const CLEAN: &str = r#"cd "$1"
rm -f etc/hostname etc/resolv.conf etc/machine-id var/lib/dbus/machine-id var/cache/ldconfig/aux-cache
rm -f etc/passwd- etc/group- etc/shadow- etc/gshadow- etc/subuid- etc/subgid- etc/.pwd.lock var/lib/dpkg/*-old
[ ! -d var/log ] || find var/log -type f -delete
rm -rf var/cache/apt/* var/cache/debconf/*-old"#;

/// Makes the tree at `target`. `work` is a directory for files of the build.
pub(super) fn bootstrap(
    role: &RoleFile,
    ids: &Ids,
    adds: bool,
    epoch: u64,
    work: &Path,
    target: &Path,
) -> Result<(), Failure> {
    let table = work.join("ids");
    write_table(&table, ids, adds)
        .map_err(|error| Failure::io("write", &input::name_of(&table), &error))?;
    if role.is_of_dnf() {
        return dnf::install(role, &table, epoch, work, target);
    }
    let distribution = role
        .distribution()
        .map_err(|error| Failure::new(Exit::Input, "the role cannot be built").because(&error))?;
    let mut words = vec![
        "--mode=root".to_owned(),
        "--format=directory".to_owned(),
        format!("--variant={}", role.base.as_deref().unwrap_or("minbase")),
        format!("--essential-hook={DIVERT}"),
        format!("--customize-hook={UNDIVERT}"),
        format!("--customize-hook={CLEAN}"),
    ];
    if !role.packages.is_empty() {
        words.push(format!("--include={}", role.packages.join(",")));
    }
    if let Some(key) = &role.key {
        words.push(format!("--keyring={key}"));
    }
    if !role.components.is_empty() {
        words.push(format!("--components={}", role.components.join(",")));
    }
    words.extend([distribution.to_owned(), target.display().to_string()]);
    words.extend(role.mirror.iter().cloned());
    let mut command = Command::new("mmdebstrap", words.iter().map(String::as_str));
    command = command.mutating().with_timeout(TIMEOUT);
    command.env = environment(epoch);
    (command.env).push(("IDS".to_owned(), table.display().to_string()));
    let ran = Real.run(&command).map(drop);
    ran.map_err(|error| failed(target, &error))
}

/// Why packages are not brought together. A name that has no number says so among all that package managers say.
pub(super) fn failed(tree: &Path, error: &RunError) -> Failure {
    let refused = std::fs::read_to_string(tree.join(REFUSED)).unwrap_or_default();
    let mut names: Vec<_> = refused.lines().collect();
    names.dedup();
    if names.is_empty() {
        let sentence = "the packages cannot be brought together";
        return Failure::new(Exit::Environment, sentence).because(error);
    }
    let sentence = format!("{}; --add-ids takes new names in", names.join(", "));
    Failure::new(Exit::Environment, sentence)
}

/// What every program that brings packages is told: the time of the build, and ways to the network.
pub(super) fn environment(epoch: u64) -> Vec<(String, String)> {
    let mut environment = vec![("SOURCE_DATE_EPOCH".to_owned(), epoch.to_string())];
    for name in ["http_proxy", "https_proxy", "no_proxy"] {
        let value = std::env::var(name).ok();
        environment.extend(value.map(|value| (name.to_owned(), value)));
    }
    environment
}

fn write_table(table: &Path, ids: &Ids, adds: bool) -> std::io::Result<()> {
    let owner = Ownership {
        mode: 0o644,
        uid: 0,
        gid: 0,
    };
    for (name, numbers) in [("users", &ids.users), ("groups", &ids.groups)] {
        let lines = numbers
            .iter()
            .map(|(name, number)| format!("{name} {number}\n"));
        let text: String = lines.collect();
        put_file(&table.join(name), text.as_bytes(), false, owner)?;
    }
    if adds {
        put_file(&table.join("adds"), b"", false, owner)?;
    }
    for tool in ["useradd", "groupadd", "systemd-sysusers"] {
        let place = table.join("bin").join(tool);
        let owner = Ownership {
            mode: 0o755,
            ..owner
        };
        put_file(&place, WRAPPER.as_bytes(), false, owner)?;
    }
    Ok(())
}
