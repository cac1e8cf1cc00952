//! `edeployctl role build` with `base = "dnf"`: real rpm packages of a repository made here, real users.

use std::path::Path;

use crate::roles::{ctl, has, is_root, refused, shell, text};
use crate::support::{command, names, write};

const TOOLS: [&str; 6] = [
    "dnf",
    "rpm",
    "rpmbuild",
    "createrepo_c",
    "useradd",
    "systemd-sysusers",
];

/// A role file, with the repository that [`TOOLS`] made; none where they are not there.
fn role(dir: &Path, more: &str) -> Option<()> {
    if !is_root() || !TOOLS.into_iter().all(has) {
        return None;
    }
    shell(include_str!("role_dnf/repository"), dir);
    let repository = dir.join("repository").display().to_string();
    let head =
        "base = 'dnf'\ndistribution = '40'\npackages = ['tiny-users']\nscripts = ['setup']\n";
    let mirror = format!("mirror = ['file://{repository}']\n");
    write(dir.join("roles/tiny.toml"), format!("{head}{mirror}{more}"));
    write(
        dir.join("roles/setup"),
        "#!/bin/sh\necho nothing >/dev/null\n",
    );
    let ids = "[users]\nservice = 150\nsysuser = 160\nelsewhere = 999\n[groups]\nsysuser = 161\n";
    write(dir.join("roles/ids.toml"), ids);
    Some(())
}

fn words<'a>(role: &'a Path, out: &'a str) -> [&'a str; 8] {
    [
        "build",
        text(role),
        "--vers",
        "1.0",
        "--image",
        "none",
        "--out",
        out,
    ]
}

#[test]
fn a_role_of_rpm_packages_is_built_the_same_each_time_with_the_numbers_of_the_table() {
    let dir = tempfile::tempdir().unwrap();
    if role(dir.path(), "unsigned = true\n").is_none() {
        return;
    }
    let file = |name: &str| dir.path().join(name);
    let read = |name: &str| std::fs::read_to_string(file(name)).unwrap();
    // Whatever the builder's umask is.
    for (out, umask) in [("a", "022"), ("b", "077")] {
        let output = command("sh")
            .args(["-c", "umask $0; exec \"$@\"", umask])
            .args([env!("CARGO_BIN_EXE_edeployctl"), "role"])
            .args(words(Path::new("roles/tiny.toml"), out))
            .arg("--add-ids")
            .current_dir(dir.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    let [one, two] = ["a/1.0/tiny.manifest", "b/1.0/tiny.manifest"].map(read);
    let lines = one.lines().zip(two.lines());
    let differs: Vec<_> = lines.filter(|(one, two)| one != two).collect();
    assert!(one == two, "{differs:?}");
    let list = "tiny-base:x86_64 1.2-3\ntiny-users:x86_64 7:1.2-3\n";
    if cfg!(target_arch = "x86_64") {
        assert_eq!(read("a/1.0/tiny.packages"), list);
    }
    let passwd = read("a/1.0/tiny/etc/passwd");
    for line in [
        "service:!:150:100:",
        "inline:x:100:101:",
        "sysuser:x:160:161:By a file:",
    ] {
        assert!(passwd.contains(line), "{passwd}");
    }
    assert!(!passwd.contains("elsewhere"), "{passwd}");
    assert!(read("a/1.0/tiny/etc/group").contains("fixed:x:81:"));
    let table = read("roles/ids.toml");
    assert!(table.contains("inline = 100\n"), "{table}");
    nothing_of_the_build_is_left(&one);
    // The list is made again from the tree alone.
    std::fs::remove_file(file("a/1.0/tiny.packages")).unwrap();
    ctl(&["manifest", text(&file("a/1.0/tiny"))]);
    assert_eq!(read("a/1.0/tiny.packages"), read("b/1.0/tiny.packages"));
}

fn nothing_of_the_build_is_left(one: &str) {
    // Its database is where its own rpm looks for it; nothing of the build is left.
    assert!(
        one.contains("./var/lib/rpm/rpmdb.sqlite type=file"),
        "{one}"
    );
    for gone in [
        "./.edeploy-",
        "./dev/",
        "./proc/",
        "/tiny.log",
        "./usr/lib/sysimage",
        "./var/cache/dnf/",
        "./var/lib/dnf/",
        "rpmdb.sqlite-",
        "lock",
        "passwd-",
    ] {
        assert!(!one.contains(gone), "{gone}: {one}");
    }
    for name in ["dnf", "yum"] {
        let stub = format!("./usr/bin/{name} type=link ");
        assert!(one.contains(&stub) && one.contains(&format!("./usr/bin/{name}.real type=file")));
    }
}

#[test]
fn a_build_that_failed_leaves_nothing_and_can_be_done_again() {
    let dir = tempfile::tempdir().unwrap();
    if role(dir.path(), "unsigned = true\n").is_none() {
        return;
    }
    let file = |name: &str| dir.path().join(name);
    write(file("gzip"), "#!/bin/sh\nexit 1\n");
    shell("chmod 755 \"$1/gzip\"", dir.path());
    let build = |before: &str| {
        let script = format!(
            "{before}\nexec \"$0\" role build roles/tiny.toml --vers 1.0 --add-ids --out out"
        );
        command("unshare")
            .args(["--mount", "sh", "-ec", &script])
            .arg(env!("CARGO_BIN_EXE_edeployctl"))
            .current_dir(dir.path())
            .output()
            .unwrap()
    };
    let output = build("mount --bind gzip \"$(command -v gzip)\"");
    assert_eq!(output.status.code(), Some(5), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("the image cannot be packed"), "{said}");
    assert!(names(file("out/1.0")).is_empty());
    // The signature of a build that was removed does not come to vouch for this one.
    write(file("out/1.0/tiny.manifest.minisig"), "old");
    let output = build("");
    assert!(output.status.success(), "{output:?}");
    let files = [
        "tiny",
        "tiny-1.0.edeploy",
        "tiny-1.0.edeploy.sha256",
        "tiny.manifest",
        "tiny.packages",
    ];
    assert_eq!(names(file("out/1.0")), files);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.starts_with("out/1.0/tiny.manifest\n"), "{said}");
}

/// What a script or a package of the role has made; what the role file brings is the role's.
#[test]
fn host_keys_of_a_build_are_in_no_tree_and_the_machine_makes_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let files = "unsigned = true\n[files.'etc/ssh/ssh_host_ed25519_key.pub']\ntext = 'ours'\n";
    if role(dir.path(), files).is_none() {
        return;
    }
    let file = |name: &str| dir.path().join(name);
    let setup = "#!/bin/sh\necho $$ >/etc/ssh/ssh_host_rsa_key\n";
    write(file("roles/setup"), setup);
    let out = file("out");
    let role = file("roles/tiny.toml");
    let mut words = words(&role, text(&out)).to_vec();
    words.push("--add-ids");
    ctl(&words);
    assert_eq!(
        names(file("out/1.0/tiny/etc/ssh")),
        ["ssh_host_ed25519_key.pub"]
    );
    let wanted =
        "out/1.0/tiny/usr/lib/systemd/system/multi-user.target.wants/edeploy-ssh-host-keys.service";
    let unit = std::fs::read_to_string(file(wanted)).unwrap();
    assert!(
        unit.contains("ExecStart=/usr/bin/ssh-keygen -A\n"),
        "{unit}"
    );
}

#[test]
fn a_name_that_the_table_does_not_have_is_refused_though_the_script_of_its_package_went_on() {
    let dir = tempfile::tempdir().unwrap();
    if role(dir.path(), "unsigned = true\n").is_none() {
        return;
    }
    let file = |name: &str| dir.path().join(name);
    let (code, said) = refused(&words(&file("roles/tiny.toml"), text(&file("refused"))));
    assert_eq!(code, Some(5), "{said}");
    assert!(
        said.contains("inline is not in the table of numbers; --add-ids takes new names in"),
        "{said}"
    );
    assert!(!file("refused/1.0/tiny").exists());
}

#[test]
fn packages_of_a_mirror_are_signed_with_its_key_or_refused() {
    let dir = tempfile::tempdir().unwrap();
    if !["gpg", "rpmsign"].into_iter().all(has) || role(dir.path(), "key = 'tiny.asc'\n").is_none()
    {
        return;
    }
    let make_key = r#"cd "$1"; export GNUPGHOME="$1/gnupg"; mkdir -m 700 gnupg
        gpg --batch --quiet --passphrase '' --quick-gen-key 'Tiny <tiny@example.org>' rsa2048 sign never
        gpg --armor --export >roles/tiny.asc"#;
    shell(make_key, dir.path());
    let file = dir.path().join("roles/tiny.toml");
    let out = dir.path().join("out");
    let mut words = words(&file, text(&out)).to_vec();
    words.push("--add-ids");
    let (code, said) = refused(&words);
    assert_eq!(code, Some(5), "{said}");
    assert!(said.contains("is not signed"), "{said}");
    let sign = r#"cd "$1"; export GNUPGHOME="$1/gnupg"
        rpmsign --define "__gpg $(command -v gpg)" --define '_gpg_name Tiny' --addsign repository/*/*.rpm
        createrepo_c --quiet repository; gpgconf --kill all"#;
    shell(sign, dir.path());
    ctl(&words);
    let list = std::fs::read_to_string(out.join("1.0/tiny.packages")).unwrap();
    assert!(
        list.contains("tiny-users") && !list.contains("gpg-pubkey"),
        "{list}"
    );
}

#[test]
fn rpm_itself_makes_users_with_the_numbers_of_the_table_from_outside_of_the_tree() {
    if !is_root() || !has("systemd-sysusers") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name);
    let wrapper = include_str!("../../src/cli/role/ids-wrapper");
    for (name, content) in [
        ("etc/passwd", "root:x:0:0::/:/bin/sh\n"),
        ("etc/group", "root:x:0:\n"),
        (".edeploy-ids/users", "tiny 222\n"),
        (".edeploy-ids/groups", "tiny 223\n"),
        (".edeploy-ids/bin/systemd-sysusers", wrapper),
    ] {
        write(file(name), content);
    }
    // As rpm 4.19 and later call it (its manual, users_and_groups).
    let call = r#"sysusers=$1/.edeploy-ids/bin/systemd-sysusers; chmod 755 "$sysusers"
        printf 'u tiny - "A b"\ng wheel 10\n' | "$sysusers" --root "$1" --replace /x.conf -
        ! echo 'u new -' | "$sysusers" --root "$1" -"#;
    shell(call, dir.path());
    let read = |name: &str| std::fs::read_to_string(file(name)).unwrap();
    assert!(read("etc/passwd").contains("\ntiny:x:222:223:A b:"));
    assert!(read("etc/group").contains("wheel:x:10:"));
    assert!(!read("etc/passwd").contains("new"));
    assert!(read(".edeploy-ids/refused").starts_with("new is not"));
}
