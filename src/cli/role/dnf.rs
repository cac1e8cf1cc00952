//! A tree of packages by dnf.
//!
//! rpm is told by a file of macros where its database is in the tree, and where its scripts find `useradd`.

use std::path::Path;
use std::time::Duration;

use crate::roles::RoleFile;
use crate::system::{Command, Ownership, Real, Runner, put_file};

use super::super::answer::{Exit, Failure};
use super::super::input;
use super::{bootstrap, devices};

/// A distribution over a slow line.
const TIMEOUT: Duration = Duration::from_secs(2 * 3600);

/// Where rpm's database lies while dnf runs: its place in Fedora. What rpm here has is its own affair: Debian's
/// has it in the home directory.
const DATABASE: &str = "usr/lib/sysimage/rpm";

/// Begins the tree.
const BEGIN: &str = r#"umask 022
mkdir -p "$1/dev" "$1/proc"
cp -r "$2" "$1/.edeploy-ids""#;

/// The database comes to where the tree's own rpm looks for it, and is written anew: pages of it have seen other
/// packages in another order. The keys of the mirror have the time of their import.
const FINISH: &str = r#"cd "$1"
cat .edeploy-ids/refused >&2 2>/dev/null && exit 1
rm -r .edeploy-ids
place=$2
if [ -x usr/bin/rpm ]; then
    own=$(chroot . /usr/bin/rpm --eval %_dbpath)
    chroot . /bin/sh -ec '[ "$1" -ef "$2" ] || { mkdir -p "$2"; mv "$1"/* "$2/"; rm -r "$1"; }' sh "/$place" "$own"
    [ -d "$place" ] || place=${own#/}
    rmdir usr/lib/sysimage 2>/dev/null || true
fi
rpm --root "$PWD" --dbpath "/$place" -e --allmatches gpg-pubkey >/dev/null 2>&1 || true
rpmdb --root "$PWD" --dbpath "/$place" --rebuilddb
rm -f "$place"/.rpm.lock "$place"/.dbenv.lock "$place"/*-shm "$place"/*-wal
rm -rf var/cache/dnf/* var/cache/yum/* var/cache/libdnf5/* var/lib/dnf/* usr/lib/sysimage/libdnf5/transaction_history.*"#;

/// Makes the tree at `target`; `table` has the numbers of users and groups, with what gives them.
pub(super) fn install(
    role: &RoleFile,
    table: &Path,
    epoch: u64,
    work: &Path,
    target: &Path,
) -> Result<(), Failure> {
    // rpm takes no other name of a tree.
    let target = std::path::absolute(target)
        .map_err(|error| Failure::io("find", &input::name_of(target), &error))?;
    let [tree, table] = [target.as_path(), table].map(|path| path.display().to_string());
    run(
        Command::new("sh", ["-ec", BEGIN, "sh", &tree, &table]),
        epoch,
        &target,
    )?;
    let home = work.join("home");
    write_macros(&home, &tree)
        .map_err(|error| Failure::io("write", &input::name_of(&home), &error))?;
    let words = words(role, &tree)?;
    let mut command = devices::with(&target, words.iter().map(String::as_str));
    (command.env).push(("HOME".to_owned(), home.display().to_string()));
    run(command, epoch, &target)?;
    for script in [FINISH, bootstrap::CLEAN] {
        run(
            Command::new("sh", ["-ec", script, "sh", &tree, DATABASE]),
            epoch,
            &target,
        )?;
    }
    Ok(())
}

/// rpm's own of whoever runs it, `~/.rpmmacros`. What is mounted in the tree is not rpm's to change.
fn write_macros(home: &Path, tree: &str) -> std::io::Result<()> {
    let text = format!(
        "%_dbpath /{DATABASE}\n%_netsharedpath /dev:/proc\n\
         %_install_script_path /.edeploy-ids/bin:/usr/sbin:/usr/bin:/sbin:/bin\n\
         %__systemd_sysusers {tree}/.edeploy-ids/bin/systemd-sysusers\n"
    );
    let owner = Ownership {
        mode: 0o644,
        uid: 0,
        gid: 0,
    };
    put_file(&home.join(".rpmmacros"), text.as_bytes(), false, owner)
}

/// dnf with its words. `--setopt` tells the same to dnf 4 and dnf 5.
fn words(role: &RoleFile, tree: &str) -> Result<Vec<String>, Failure> {
    let unbuilt = |error: &dyn std::error::Error| {
        Failure::new(Exit::Input, "the role cannot be built").because(error)
    };
    let distribution = role.distribution().map_err(|error| unbuilt(&error))?;
    let mut words = vec![
        "dnf".to_owned(),
        "-y".to_owned(),
        format!("--installroot={tree}"),
        format!("--releasever={distribution}"),
    ];
    let mut options = vec![
        "install_weak_deps=0".to_owned(),
        "skip_if_unavailable=0".to_owned(),
        format!("gpgcheck={}", u8::from(role.unsigned != Some(true))),
    ];
    if !role.mirror.is_empty() {
        options.push("reposdir=/nonexistent".to_owned());
    } else if is_dnf5()? {
        words.push("--use-host-config".to_owned());
    }
    for (number, mirror) in role.mirror.iter().enumerate() {
        words.push(format!("--repofrompath=edeploy{number},{mirror}"));
        options.push(format!("edeploy{number}.skip_if_unavailable=0"));
        if let Some(key) = &role.key {
            let key =
                std::fs::canonicalize(key).map_err(|error| Failure::io("read", key, &error))?;
            options.push(format!("edeploy{number}.gpgcheck=1"));
            options.push(format!("edeploy{number}.gpgkey=file://{}", key.display()));
        }
    }
    words.extend(options.iter().map(|option| format!("--setopt={option}")));
    words.push("install".to_owned());
    words.extend(role.packages.iter().cloned());
    Ok(words)
}

/// dnf 5 looks for repositories in the tree alone unless it is told otherwise.
fn is_dnf5() -> Result<bool, Failure> {
    let output = Real.run(&Command::new("dnf", ["--version"]));
    let output = output.map_err(|error| {
        Failure::new(Exit::Environment, "dnf does not say which one it is").because(&error)
    })?;
    Ok(String::from_utf8_lossy(&output.stdout).starts_with("dnf5"))
}

fn run(command: Command, epoch: u64, tree: &Path) -> Result<(), Failure> {
    let mut command = command.mutating().with_timeout(TIMEOUT);
    command.env.extend(bootstrap::environment(epoch));
    let ran = Real.run(&command).map(drop);
    ran.map_err(|error| bootstrap::failed(tree, &error))
}
