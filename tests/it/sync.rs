//! How the role comes onto the disk: over connections that break, from media, and not at all.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde_json::{Value, json};

use crate::install::{CONFIGURE, Roles, can_run, install, line, results, server, server_with};
use crate::roles::{ctl, text};
use crate::support::disk::Disk;
use crate::support::images::{ImageServer, Images, Proxy};
use crate::support::python::Root;
use crate::support::server::TestServer;
use crate::support::{command, write};

#[path = "../../benches/roles/tree.rs"]
mod tree;

/// How often each way is measured.
const MEASURED_ROUNDS: usize = 6;

/// Where the original has it.
const IMAGE: &str = "/install/D12-F.1.0.0/base-D12-F.1.0.0.edeploy";

/// Puts into a role what does not survive a careless copy, and some megabytes that do not compress.
pub(crate) fn fill(tree: &Path) {
    let text = "cd \"$1\"; mkdir -p bin dev; head -c 6000000 /dev/urandom >bin/program
        setcap cap_net_raw+ep bin/program; mknod dev/null c 1 3; echo x >etc/one; ln etc/one etc/two; chown 1234:4321 etc/one
        truncate -s 9M holes; echo x >>holes; ln -s ../../../../etc/shadow link";
    shell(text, tree);
}

fn shell(text: &str, argument: &Path) {
    let done = command("sh")
        .args(["-ec", text, "sh"])
        .arg(argument)
        .output();
    let done = done.unwrap();
    assert!(done.status.success(), "{done:?}");
}

pub(crate) fn expect_filled(target: &Path) {
    let meta = |name: &str| std::fs::symlink_metadata(target.join(name)).unwrap();
    let host = meta("etc/two");
    assert_eq!(host.nlink(), 2);
    assert_eq!((host.uid(), host.gid()), (1234, 4321));
    assert_eq!(meta("dev/null").rdev(), 0x103);
    assert_eq!(meta("holes").len(), (9 << 20) + 2);
    assert!(meta("link").is_symlink());
    let program = target.join("bin/program");
    assert_eq!(meta("bin/program").len(), 6_000_000);
    let capable = command("getcap").arg(&program).output().unwrap();
    let capable = String::from_utf8(capable.stdout).unwrap();
    assert!(capable.contains("cap_net_raw"), "{capable}");
}

/// The same, and the holes of files too, which rsync fills.
fn expect_unpacked(target: &Path) {
    expect_filled(target);
    let holes = std::fs::symlink_metadata(target.join("holes")).unwrap();
    assert!(holes.blocks() < 1000);
}

pub(crate) fn packed(tree: &Path, packer: &str) -> Vec<u8> {
    let packed = command("tar")
        .args([
            "--xattrs",
            "--xattrs-include=*",
            "--sparse",
            "--numeric-owner",
        ])
        .args(["-I", packer, "-c", "."])
        .current_dir(tree)
        .output();
    packed.unwrap().stdout
}

/// The rows of a step of one type.
fn rows(root: &Root, event_type: &str) -> Vec<Value> {
    let text = root.read("install.jsonl");
    let rows = text.lines().map(|row| serde_json::from_str(row).unwrap());
    rows.filter(|row: &Value| row["name"] == "install/sync" && row["event_type"] == event_type)
        .collect()
}

/// What one installation needs, where this machine can have it.
pub(crate) struct Site {
    root: Root,
    pub(crate) disk: Disk,
    pub(crate) roles: Roles,
    server: TestServer,
}

impl Site {
    pub(crate) fn new(mebibytes: u64) -> Option<Site> {
        Site::with_roles(mebibytes, Roles::start)
    }

    fn with_roles(mebibytes: u64, roles: impl FnOnce() -> Roles) -> Option<Site> {
        if !can_run() {
            return None;
        }
        Some(Site {
            root: Root::new()?,
            disk: Disk::new(mebibytes)?,
            roles: roles(),
            server: server(CONFIGURE),
        })
    }

    pub(crate) fn tree(&self) -> std::path::PathBuf {
        self.roles.dir.path().join("install/D12-F.1.0.0/base")
    }

    /// A file of the ramdisk.
    pub(crate) fn put(&self, name: &str, text: &str) {
        write(self.root.path(name), text);
    }

    /// Installs; gives what was said, and whether it ended well.
    pub(crate) fn install(&self, more: &str) -> (String, bool) {
        let line = format!("{} {more}", line(&self.server, &self.roles));
        let output = install(&self.root, &self.disk.name, &line);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (said, output.status.success())
    }
}

#[test]
fn an_image_comes_whole_over_connections_that_break() {
    let Some(site) = Site::new(300) else { return };
    fill(&site.tree());
    let image = packed(&site.tree(), "zstd");
    let images = ImageServer::start(Images {
        files: [
            (IMAGE.to_owned(), image.clone()),
            (format!("{IMAGE}.sha256"), checksum("sha256sum", &image)),
        ]
        .into(),
        takes_up: true,
        cuts: vec![3_000_000, 1_000_000],
    });
    let more = format!("HSERV=127.0.0.1 HSERV_PORT={} TOKEN=t0k", images.port);
    let (said, is_done) = site.install(&more);
    assert!(is_done);
    assert!(said.contains("the image has the SHA-256"), "{said}");
    site.disk.mounted(1, |target| {
        expect_unpacked(target);
        let conf = std::fs::read_to_string(target.join("var/lib/edeploy/conf")).unwrap();
        let port = images.port;
        let by_http = format!("HSERV=127.0.0.1\nHSERV_PORT={port}\nHPATH=install\nMACHINE=");
        assert!(conf.contains(&by_http) && !conf.contains("t0k"), "{conf}");
        let token = target.join("var/lib/edeploy/token");
        assert_eq!(std::fs::metadata(&token).unwrap().mode() & 0o777, 0o600);
        let token = std::fs::read_to_string(token).unwrap();
        assert!(token.starts_with("TOKEN=CZ1-."), "{token}");
    });
    let heads = images.heads();
    assert!(
        heads
            .iter()
            .all(|head| head.contains("\nauthorization: bearer t0k"))
    );
    let taken: Vec<bool> = heads
        .iter()
        .filter(|head| head.contains(".edeploy"))
        .map(|head| head.contains("\nrange: bytes="))
        .collect();
    assert_eq!(taken, [false, false, true, true], "{heads:?}");
    let warnings = rows(&site.root, "warning");
    assert_eq!(warnings.len(), 2);
    let first = warnings[0]["description"].as_str().unwrap();
    assert!(
        first.contains("3.0 MB of 6.") && first.contains("again in 1 s"),
        "{first}"
    );
    assert_eq!(results(&site.root)[4].1, json!("SUCCESS"));
}

fn checksum(program: &str, bytes: &[u8]) -> Vec<u8> {
    let file = tempfile::NamedTempFile::new().unwrap();
    write(file.path(), bytes);
    command(program).arg(file.path()).output().unwrap().stdout
}

#[test]
fn a_server_that_takes_nothing_up_and_an_image_by_gzip_with_the_sum_of_the_original() {
    let Some(site) = Site::new(300) else { return };
    fill(&site.tree());
    let image = packed(&site.tree(), "gzip");
    let images = ImageServer::start(Images {
        files: [
            (IMAGE.to_owned(), image.clone()),
            (format!("{IMAGE}.md5"), checksum("md5sum", &image)),
        ]
        .into(),
        takes_up: false,
        cuts: vec![3_000_000],
    });
    let (said, is_done) = site.install(&format!("HSERV=127.0.0.1 HSERV_PORT={}", images.port));
    assert!(is_done);
    assert!(said.contains("the image has the MD5"), "{said}");
    site.disk.mounted(1, expect_unpacked);
}

#[test]
fn an_image_that_is_cut_or_has_another_sum_leaves_a_disk_that_does_not_boot() {
    let Some(site) = Site::new(64) else { return };
    let whole = packed(&site.tree(), "gzip");
    let wrong = "0".repeat(32);
    for (image, sum, expected) in [
        (
            whole[..whole.len() - 9].to_vec(),
            None,
            "is damaged or cut short",
        ),
        (whole.clone(), Some(&wrong), "says 0000000000000"),
        (
            b"<html>not here</html>".to_vec(),
            None,
            "begins with `<htm`",
        ),
    ] {
        let mut files = std::collections::BTreeMap::from([(IMAGE.to_owned(), image)]);
        if let Some(sum) = sum {
            files.insert(format!("{IMAGE}.md5"), sum.clone().into_bytes());
        }
        let images = ImageServer::start(Images {
            files,
            ..Images::default()
        });
        site.disk.write_first(b"an older system's boot code");
        let (said, is_done) = site.install(&format!("HSERV=127.0.0.1 HSERV_PORT={}", images.port));
        assert!(!is_done);
        assert!(
            said.contains("step sync failed") && said.contains(expected),
            "{said}"
        );
        assert_eq!(site.disk.first_bytes(440), [0; 440]);
    }
}

#[test]
fn a_tree_is_taken_up_where_the_connection_broke() {
    let Some(site) = Site::new(300) else { return };
    fill(&site.tree());
    // The holes come first, as zeros: this breaks in the middle of the program.
    let proxy = Proxy::start(site.roles.port, (9 << 20) + 3_500_000);
    // The last one of a name counts.
    let (said, is_done) = site.install(&format!("RSERV_PORT={}", proxy.port));
    assert!(is_done);
    assert!(
        said.contains("MB") && said.contains("came over so far"),
        "{said}"
    );
    site.disk.mounted(1, expect_filled);
    // What was there is not sent again.
    assert!(proxy.carried() < 3_500_000, "{}", proxy.carried());
    let warnings = rows(&site.root, "warning");
    assert_eq!(warnings.len(), 1);
    assert!(
        warnings[0]["description"]
            .as_str()
            .unwrap()
            .contains("again in 1 s")
    );
}

#[test]
fn a_full_disk_is_told_with_what_it_has() {
    let Some(site) = Site::new(24) else { return };
    shell("head -c 40000000 /dev/urandom >\"$1/large\"", &site.tree());
    let image = packed(&site.tree(), "zstd");
    let images = ImageServer::start(Images {
        files: [(IMAGE.to_owned(), image)].into(),
        ..Images::default()
    });
    for more in [
        String::new(),
        format!("HSERV=127.0.0.1 HSERV_PORT={}", images.port),
    ] {
        let (said, is_done) = site.install(&more);
        assert!(!is_done);
        assert!(said.contains("the disk is full: `/chroot` has "), "{said}");
        let finish = rows(&site.root, "finish").pop().unwrap();
        assert_eq!(finish["result"], "FAIL");
        let tool = finish["command"].as_str().unwrap();
        assert!(
            tool.starts_with("rsync ") || tool.starts_with("tar "),
            "{tool}"
        );
        assert!(finish["output"].is_string());
    }
}

#[test]
fn files_that_do_not_come_over_are_named() {
    let Some(site) = Site::with_roles(64, || Roles::as_user("nobody")) else {
        return;
    };
    shell("chmod a+rx \"$1\"", site.roles.dir.path());
    shell(
        "echo x >\"$1/secret\"; chmod 600 \"$1/secret\"",
        &site.tree(),
    );
    let (said, is_done) = site.install("");
    assert!(!is_done);
    assert!(said.contains("not all of rsync://127.0.0.1:"), "{said}");
    assert!(
        said.contains("base/secret\"") && said.contains("Permission denied"),
        "{said}"
    );
}

#[test]
fn a_medium_in_the_machine_holds_an_image_or_a_tree() {
    let Some(site) = Site::new(300) else { return };
    let Some(stick) = Disk::new(64) else { return };
    fill(&site.tree());
    let label = format!("edt{}", std::process::id());
    let device = format!("/dev/{}", stick.name);
    let image = packed(&site.tree(), "zstd");
    let directory = tempfile::tempdir().unwrap();
    write(
        directory.path().join("embedded/base-D12-F.1.0.0.edeploy"),
        &image,
    );
    make(&device, &label, directory.path());
    let (said, is_done) = site.install(&format!("EMBEDDED={label} RSERV=nobody HSERV=nobody"));
    assert!(is_done, "{said}");
    site.disk.mounted(1, expect_filled);

    let tree = directory.path().join("embedded/D12-F.1.0.0");
    std::fs::remove_dir_all(directory.path().join("embedded")).unwrap();
    std::fs::create_dir_all(&tree).unwrap();
    shell(&format!("cp -a '{}' \"$1/\"", site.tree().display()), &tree);
    make(&device, &label, directory.path());
    let (said, is_done) = site.install(&format!("EMBEDDED={label} RSERV=nobody"));
    assert!(is_done, "{said}");
    site.disk.mounted(1, expect_filled);
}

#[test]
fn what_the_server_says_besides_the_script_is_done() {
    let Some(mut site) = Site::new(300) else {
        return;
    };
    let pxemngr = ImageServer::start(Images {
        files: [("/px/localboot/".to_owned(), Vec::new())].into(),
        ..Images::default()
    });
    let settings = tempfile::NamedTempFile::new().unwrap();
    let text = format!(
        "use_pxemngr = true\npxemngr_program = '/bin/true'\n\
         pxemngr_url = 'http://127.0.0.1:{}/px'\nmetadata_url = 'http://10.0.0.1/md'\n",
        pxemngr.port
    );
    write(settings.path(), text);
    site.server = server_with(
        CONFIGURE,
        &["--settings", settings.path().to_str().unwrap()],
    );
    let cloud = "urls: ['http://169.254.169.254:80']\n";
    write(site.tree().join("etc/cloud/cloud.cfg"), cloud);
    let (said, is_done) = site.install("TOKEN=t0k");
    assert!(is_done, "{said}");
    site.disk.mounted(1, |target| {
        let read = |name: &str| std::fs::read_to_string(target.join(name)).unwrap();
        let grub = read("boot/grub/grub.cfg");
        assert!(
            grub.contains("ds=nocloud-net\\;s=http://10.0.0.1/md/"),
            "{grub}"
        );
        assert_eq!(
            read("etc/cloud/cloud.cfg"),
            "urls: ['http://10.0.0.1/md']\n"
        );
    });
    let vars = site.root.read("vars");
    assert!(
        vars.contains("METADATA_URL=http://10.0.0.1/md/\nPXEMNGR_URL=http://127"),
        "{vars}"
    );
    let heads = pxemngr.heads();
    assert!(heads[0].starts_with("get /px/localboot/ "), "{heads:?}");
    // It is no server of the admin's own.
    assert!(!heads[0].contains("t0k"), "{heads:?}");
}

/// Figures for BENCHMARKS.md: each way in turns, forwards and backwards.
#[test]
#[ignore = "a measurement, of a release build on an idle machine"]
fn how_long_a_role_takes() {
    let Some(site) = Site::new(1500) else { return };
    match std::env::var_os("EDEPLOY_ROLE_TREE") {
        Some(tree) => shell(
            &format!("cp -a '{}/.' \"$1/\"", Path::new(&tree).display()),
            &site.tree(),
        ),
        None => println!("{} bytes", tree::make_tree(&site.tree())),
    }
    ctl(&["manifest", text(&site.tree())]);
    let zstd = packed(&site.tree(), "zstd");
    let images = ImageServer::start(Images {
        files: [
            (format!("{IMAGE}.sha256"), checksum("sha256sum", &zstd)),
            (IMAGE.to_owned(), zstd),
        ]
        .into(),
        ..Images::default()
    });
    let image = format!("HSERV=127.0.0.1 HSERV_PORT={}", images.port);
    let step = |line: &str| {
        // What comes after the sync is no matter here.
        site.install(line);
        let finish = rows(&site.root, "finish").pop().unwrap();
        assert_eq!(finish["result"], "SUCCESS", "{line}");
        finish["duration"].as_f64().unwrap()
    };
    // The partition, and files that were read before.
    step("");
    let mut took = [(); 3].map(|()| Vec::new());
    for round in 0..MEASURED_ROUNDS {
        for way in [0, 1, 2].map(|way| if round % 2 == 0 { way } else { 2 - way }) {
            took[way].push(match way {
                0 => plain_rsync(&site),
                1 => step(""),
                _ => step(&image),
            });
        }
    }
    for (name, mut took) in ["rsync -aX", "step sync", "step sync, zstd"]
        .iter()
        .zip(took)
    {
        took.sort_by(f64::total_cmp);
        let (least, median) = (took[0], took[took.len() / 2]);
        println!("{name}: least {least:.2} s, median {median:.2} s of {took:.2?}");
    }
}

/// Seconds that plain rsync takes for the same role from the same daemon to a new file system on the same disk.
fn plain_rsync(site: &Site) -> f64 {
    let port = site.roles.port;
    let from = format!("rsync://127.0.0.1:{port}/install/D12-F.1.0.0/base/");
    // The partition is that of an installation before.
    let device = format!("/dev/{}1", site.disk.name);
    shell("sync; mkfs.ext4 -q -F \"$1\"", Path::new(&device));
    let mut took = 0.0;
    site.disk.mounted(1, |target| {
        shell("mount -o remount,rw \"$1\"", target);
        let began = std::time::Instant::now();
        let done = command("rsync").arg("-aX").arg(&from).arg(target).status();
        took = began.elapsed().as_secs_f64();
        assert!(done.unwrap().success());
    });
    took
}

/// A file system with a label and these files.
pub(crate) fn make(device: &str, label: &str, files: &Path) {
    let made = command("mkfs.ext4")
        .args(["-q", "-F", "-L", label, "-d"])
        .arg(files)
        .arg(device)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
}
