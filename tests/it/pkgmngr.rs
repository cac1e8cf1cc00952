//! `activate-pkgmngr` and `deactivate-pkgmngr`: this machine's own apt and dpkg, seen through a layer that
//! takes what they and the scripts change.

use std::path::Path;
use std::process::Output;

use crate::roles::{has, shell, text};
use crate::support::command;

/// The scripts as `role build` leaves them in a tree.
fn scripts() -> &'static Path {
    Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/src/cli/role/held-back"
    ))
}

/// Runs a text on such a machine, where this one can have it.
fn on_machine(text_of: &str) -> Option<Output> {
    let enter = r#"mount -t tmpfs none /mnt; mkdir -p /mnt/u /mnt/uw /mnt/e /mnt/ew
        mount -t overlay -o "lowerdir=/etc,upperdir=/mnt/e,workdir=/mnt/ew" none /etc
        mount -t overlay -o "lowerdir=/usr,upperdir=/mnt/u,workdir=/mnt/uw" none /usr
        mkdir -p /usr/lib/edeploy/held-back; cp "$1/stub" /usr/lib/edeploy/held-back/
        cp "$1/activate-pkgmngr" "$1/deactivate-pkgmngr" /usr/sbin/
        chmod 755 /usr/lib/edeploy/held-back/stub /usr/sbin/*-pkgmngr"#;
    let run = |text_of: &str| {
        command("unshare")
            .args(["--mount", "sh", "-ec", text_of, "sh", text(scripts())])
            .output()
            .unwrap()
    };
    if !has("apt-get") || !has("dpkg") || !run(enter).status.success() {
        println!("skipped: there is no apt here, or nothing can be mounted over it");
        return None;
    }
    let output = run(&format!(
        "{enter}\nexport PATH=/usr/sbin:/usr/bin:/sbin:/bin\n{text_of}"
    ));
    println!("{output:?}");
    Some(output)
}

const REASON: &str =
    "is held back: the packages of this machine are those of its role, and `edeploy upgrade`";

#[test]
fn what_is_held_back_says_why_and_how_and_works_again_afterwards() {
    let held = "deactivate-pkgmngr; deactivate-pkgmngr
        for words in 'apt list' 'apt-get update' 'dpkg --configure --pending'; do
            if $words; then exit 9; fi
        done
        apt-get.real --version >/dev/null; dpkg -s dpkg >/dev/null
        if apt-get.real --yes --reinstall --no-download install base-files 2>&1; then exit 8; fi";
    let Some(output) = on_machine(held) else {
        return;
    };
    assert!(output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    for name in ["apt ", "apt-get ", "dpkg "] {
        assert!(said.contains(&format!("{name}{REASON}")), "{name}: {said}");
    }
    assert!(said.contains("activate-pkgmngr"), "{said}");

    let again = "deactivate-pkgmngr; activate-pkgmngr; activate-pkgmngr
        apt-get --version >/dev/null; apt --version; dpkg --configure --pending
        ls /usr/bin/*.real /etc/dpkg/dpkg.cfg.d/edeploy-held-back 2>/dev/null || true";
    let output = on_machine(again).unwrap();
    assert!(output.status.success());
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.starts_with("apt ") && !said.contains(".real"),
        "{said}"
    );
    assert!(!said.contains("edeploy-held-back"), "{said}");
}

#[test]
fn a_package_manager_that_replaced_its_stub_is_held_back_again_and_is_the_one_that_comes_back() {
    let replaced = "deactivate-pkgmngr
        rm /usr/bin/apt-get; echo 'echo newer' >/usr/bin/apt-get; chmod 755 /usr/bin/apt-get
        deactivate-pkgmngr
        if apt-get; then exit 9; fi
        activate-pkgmngr
        sh /usr/bin/apt-get";
    let Some(output) = on_machine(replaced) else {
        return;
    };
    assert!(output.status.success());
    assert_eq!(output.stdout, b"newer\n");
}

#[test]
fn the_scripts_are_plain_ones() {
    if has("shellcheck") {
        shell("cd \"$1\" && shellcheck *", scripts());
    }
}

/// Where `dnf` is a link, the program behind it must not be the way around.
#[test]
fn a_program_with_a_number_behind_a_link_is_held_back_as_the_link_is() {
    let numbered = "rm -f /usr/bin/dnf; ln -s dnf5 /usr/bin/dnf
        echo 'echo five' >/usr/bin/dnf5; chmod 755 /usr/bin/dnf5
        deactivate-pkgmngr
        if dnf; then exit 9; fi
        if dnf5; then exit 8; fi
        activate-pkgmngr
        test \"$(readlink /usr/bin/dnf)\" = dnf5; sh /usr/bin/dnf";
    let Some(output) = on_machine(numbered) else {
        return;
    };
    assert!(output.status.success());
    assert_eq!(output.stdout, b"five\n");
}
