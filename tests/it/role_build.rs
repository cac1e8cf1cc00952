//! `edeployctl role build`: real packages, real users.

use std::path::{Path, PathBuf};

use crate::roles::{ctl, has, is_root, refused, shell, text};
use crate::support::{command, names, write};

/// The role files of a small role that inherits from a smaller one.
fn role_files(dir: &Path) -> PathBuf {
    let file = |name: &str| dir.join("roles").join(name);
    let base = "distribution = 'bookworm'\nbase = 'essential'\npackages = ['uuid-runtime', 'apt', 'systemd-standalone-sysusers', 'rbldnsd', 'openssh-server']\nexclude = ['/etc/x']\n";
    let tiny = "inherit = 'base.toml'\nscripts = ['setup']\n[files.'etc/motd']\nfrom = 'motd'\nmode = '0600'\nuid = 7\n[files.'usr/bin/odd']\ntext = 'odd'\nmode = '6755'\n";
    let setup = "#!/bin/sh\nset -e\nid uuidd >/etc/who\ntest \"$(stat -c %u /etc/motd)\" = 7\n";
    write(file("base.toml"), base);
    write(file("tiny.toml"), tiny);
    write(file("motd"), "hello\n");
    write(file("setup"), setup);
    write(
        file("ids.toml"),
        "[users]\nuuidd = 150\nrbldns = 170\n[groups]\nrbldns = 171\n",
    );
    file("tiny.toml")
}

fn build(role: &Path, out: &Path) {
    let words = [
        "role",
        "build",
        text(role),
        "--vers",
        "1.0",
        "--image",
        "zstd",
        "--add-ids",
        "--out",
    ];
    let mut command = command(env!("CARGO_BIN_EXE_edeployctl"));
    let command = command
        .args(words)
        .arg(out)
        .env("SOURCE_DATE_EPOCH", "1700000000");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// No SSH host key is in a tree: each machine makes its own, and sshd takes them.
fn expect_host_keys(tree: &Path, manifest: &str) {
    assert!(!manifest.contains("ssh_host_"), "{manifest}");
    let unit = "usr/lib/systemd/system/multi-user.target.wants/edeploy-ssh-host-keys.service";
    let unit = std::fs::read_to_string(tree.join(unit)).unwrap();
    let starts = unit
        .lines()
        .find_map(|line| line.strip_prefix("ExecStart="));
    let machine = r#"mount -t tmpfs none "$1/mnt"; cp -a "$1/etc/ssh" "$1/mnt/"; mount --bind "$1/mnt/ssh" "$1/etc/ssh"
        mount -t tmpfs none "$1/run"; mkdir "$1/run/sshd"
        chroot "$1" $START >/dev/null; chroot "$1" /usr/sbin/sshd -t; ls "$1/etc/ssh""#;
    let output = command("unshare")
        .args(["--mount", "sh", "-ec", machine, "sh", text(tree)])
        .env("START", starts.unwrap())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let made = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(made.contains("ssh_host_ed25519_key.pub\n"), "{made}");
}

/// Twice the same, with a number that would otherwise be the first free one.
#[test]
#[ignore = "fetches packages of Debian"]
fn a_role_is_built_the_same_each_time_with_the_numbers_of_the_table() {
    if !is_root() || !has("mmdebstrap") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name);
    let read = |name: &str| std::fs::read_to_string(file(name)).unwrap();
    let role = role_files(dir.path());
    build(&role, &file("a"));
    let table = read("roles/ids.toml");
    assert!(
        table.contains("[groups]\n_ssh = 101\nrbldns = 171\nusers = 100\nuuidd = 102\n"),
        "{table}"
    );
    build(&role, &file("b"));
    assert_eq!(read("roles/ids.toml"), table);
    let [one, two] = ["a/1.0/tiny.manifest", "b/1.0/tiny.manifest"].map(read);
    let lines = one.lines().zip(two.lines());
    let differs: Vec<_> = lines.filter(|(one, two)| one != two).collect();
    assert!(one == two, "{differs:?}");
    // By useradd, and by systemd-sysusers.
    for line in ["uuidd:x:150:102:", "rbldns:x:170:171:"] {
        assert!(read("a/1.0/tiny/etc/passwd").contains(line), "{line}");
    }
    for gone in [
        ".edeploy-ids",
        ".edeploy-script",
        "usr/sbin/useradd.edeploy",
        "usr/bin/systemd-sysusers.edeploy",
    ] {
        assert!(!file("a/1.0/tiny").join(gone).exists(), "{gone}");
    }
    assert!(one.contains("./etc/motd type=file mode=0600 uid=7 gid=0 size=6 time=1700000000"));
    assert!(read("a/1.0/tiny.packages").contains("\nuuid-runtime:amd64 2."));
    assert_eq!(read("a/1.0/tiny/var/lib/edeploy/1.0/exclude"), "/etc/x\n");
    // Package managers are held back, and their places are part of the role.
    assert!(one.contains("./usr/bin/apt-get type=link "), "{one}");
    assert!(one.contains("./usr/bin/apt-get.real type=file mode=0755"));
    assert!(one.contains("./etc/dpkg/dpkg.cfg.d/edeploy-held-back type=file mode=0644"));
    assert!(one.contains("./usr/sbin/activate-pkgmngr type=file mode=0755"));
    expect_host_keys(&file("a/1.0/tiny"), &one);
    // The image is the same tree, and the same bytes.
    let unpack = r#"cd "$1"; cmp a/1.0/tiny-1.0.edeploy b/1.0/tiny-1.0.edeploy; mkdir -p c/1.0/tiny
        (cd a/1.0; sha256sum -c --quiet tiny-1.0.edeploy.sha256)
        zstd -dc a/1.0/tiny-1.0.edeploy | tar -C c/1.0/tiny --xattrs --xattrs-include='*' --acls --numeric-owner -x"#;
    shell(unpack, dir.path());
    ctl(&["manifest", text(&file("c/1.0/tiny"))]);
    assert_eq!(read("c/1.0/tiny.manifest"), one);
    // A version is built once, and a name that the table does not have is refused.
    let out = file("a");
    let build = |version| refused(&["build", text(&role), "--vers", version, "--out", text(&out)]);
    let (code, said) = build("1.0");
    assert_eq!(code, Some(1), "{said}");
    let lines = table.lines().filter(|line| !line.starts_with("uuidd"));
    let lines: Vec<_> = lines.collect();
    write(file("roles/ids.toml"), lines.join("\n"));
    let (code, said) = build("1.1");
    assert_eq!(code, Some(5), "{said}");
    assert!(
        said.contains("uuidd is not in the table of numbers"),
        "{said}"
    );
    assert!(!file("a/1.1/tiny").exists());
}

#[test]
fn a_role_file_that_cannot_be_built_is_refused_before_anything_is_fetched() {
    let dir = tempfile::tempdir().unwrap();
    let role = dir.path().join("tiny.toml");
    let out = dir.path().join("out");
    for (content, reason) in [
        ("packages = ['a'\n", "is no role file"),
        ("inherit = 'tiny.toml'\n", "inherits from itself"),
        ("inherit = 'none.toml'\n", "none.toml"),
        (
            "[files.'../../etc/passwd']\ntext = ''\n",
            "is no path of a file in the tree",
        ),
    ] {
        write(&role, content);
        let (code, said) = refused(&["build", text(&role), "--vers", "1.0", "--out", text(&out)]);
        assert!(matches!(code, Some(1 | 5)), "{said}");
        assert!(said.contains(reason), "{said}");
        assert!(!out.exists());
    }
}

/// Runs a text as a user who is nobody else and has numbers of his own (subuid(5)).
const AS_USER: &str = r#"mount -t tmpfs none /mnt; mkdir -p /mnt/e /mnt/w
    mount -t overlay -o lowerdir=/etc,upperdir=/mnt/e,workdir=/mnt/w none /etc
    echo nobody:200000:65536 >/etc/subuid; cp /etc/subuid /etc/subgid
    exec setpriv --reuid 65534 --regid 65534 --clear-groups env "$@""#;

#[test]
#[ignore = "fetches packages of Debian"]
fn without_root_an_image_and_its_manifest_are_built_and_no_tree() {
    if !is_root() || !["mmdebstrap", "newuidmap", "setpriv"].into_iter().all(has) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name);
    let role = role_files(dir.path());
    let program = file("edeployctl");
    std::fs::copy(env!("CARGO_BIN_EXE_edeployctl"), &program).unwrap();
    shell("chown -R 65534:65534 \"$1\"", dir.path());
    let out = file("out");
    let output = command("unshare")
        .args(["--mount", "sh", "-ec", AS_USER, "sh"])
        .arg(format!("TMPDIR={}", dir.path().display()))
        .args([
            text(&program),
            "role",
            "build",
            text(&role),
            "--vers",
            "1.0",
        ])
        .args(["--image", "both", "--add-ids", "--out", text(&out)])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("no tree is left"), "{said}");
    let files = [
        "tiny-1.0.edeploy",
        "tiny-1.0.edeploy.sha256",
        "tiny-1.0.edeploy.zst",
        "tiny-1.0.edeploy.zst.sha256",
        "tiny.manifest",
        "tiny.packages",
    ];
    assert_eq!(names(out.join("1.0")), files);
    // Unpacked by root it is what the manifest says, owners too.
    let unpack = r#"cd "$1"; mkdir -p c/1.0/tiny; (cd out/1.0; cat *.sha256 | sha256sum -c --quiet)
        zstd -dc out/1.0/tiny-1.0.edeploy.zst | tar -C c/1.0/tiny --xattrs --xattrs-include='*' --acls --numeric-owner -x"#;
    shell(unpack, dir.path());
    ctl(&["manifest", text(&file("c/1.0/tiny"))]);
    let read = |name: &str| std::fs::read_to_string(file(name)).unwrap();
    let manifest = read("out/1.0/tiny.manifest");
    assert_eq!(read("c/1.0/tiny.manifest"), manifest);
    assert!(manifest.contains("./etc/motd type=file mode=0600 uid=7 gid=0"));
    assert!(manifest.contains("./usr/bin/odd type=file mode=6755"));
}
