//! `ROLE_KEY=` on the command line of an installation: a real rsync daemon, a real server of images, a
//! real medium, and roles that somebody vouches for, or nobody.

use std::path::{Path, PathBuf};

use crate::roles::{ctl, text};
use crate::support::disk::Disk;
use crate::support::images::{ImageServer, Images};
use crate::support::{command, write};
use crate::sync::{Site, expect_filled, fill, make, packed};

const WITH_KEY: &str = "ROLE_KEY=/roles.pub";
const VERSION: &str = "D12-F.1.0.0";

/// A site, and who signs for it.
struct Signed {
    site: Site,
    keys: tempfile::TempDir,
}

impl Signed {
    /// A filled role, its manifest written and not signed; the key is in the ramdisk.
    fn new() -> Option<Signed> {
        let site = Site::new(300)?;
        fill(&site.tree());
        let keys = tempfile::tempdir().unwrap();
        for name in ["roles", "others"] {
            ctl(&["keygen", text(&keys.path().join(name))]);
        }
        let key = std::fs::read_to_string(keys.path().join("roles.pub")).unwrap();
        site.put("roles.pub", &key);
        let signed = Signed { site, keys };
        ctl(&["manifest", text(&signed.site.tree())]);
        Some(signed)
    }

    fn manifest(&self) -> PathBuf {
        self.site.tree().with_file_name("base.manifest")
    }

    fn sign(&self, manifest: &Path, key: &str) {
        let key = self.keys.path().join(format!("{key}.key"));
        ctl(&["sign", text(manifest), "--key", text(&key)]);
    }

    /// What is said of an installation that is refused.
    fn refused(&self, more: &str) -> String {
        let (said, is_done) = self.site.install(&format!("{WITH_KEY} {more}"));
        assert!(!is_done, "{said}");
        said
    }

    fn expect_vouched(&self) {
        let manifest = std::fs::read_to_string(self.manifest()).unwrap();
        self.site.disk.mounted(1, |target| {
            expect_filled(target);
            let ours = target.join("var/lib/edeploy");
            let read = |name: &str| std::fs::read_to_string(ours.join(name)).unwrap();
            assert_eq!(read("D12-F.1.0.0/manifest"), manifest);
            assert!(read("D12-F.1.0.0/manifest.minisig").contains("role:base"));
            assert_eq!(read("roles.pub").lines().count(), 2);
        });
    }

    fn expect_nothing_came(&self) {
        self.site.disk.mounted(1, |target| {
            assert!(!target.join("etc").exists());
        });
    }
}

#[test]
fn a_role_that_is_signed_is_installed_with_what_vouches_for_it() {
    let Some(signed) = Signed::new() else { return };
    signed.sign(&signed.manifest(), "roles");
    let (said, is_done) = signed.site.install(WITH_KEY);
    assert!(is_done, "{said}");
    assert!(
        said.contains("paths are what the owner of the key has signed"),
        "{said}"
    );
    signed.expect_vouched();
}

#[test]
fn a_role_that_nobody_known_has_signed_is_refused_before_it_comes() {
    let Some(signed) = Signed::new() else { return };
    let said = signed.refused("");
    assert!(
        said.contains("there is no rsync://127.0.0.1:")
            && said.contains("D12-F.1.0.0/base.manifest.minisig; `edeployctl role manifest`"),
        "{said}"
    );
    signed.expect_nothing_came();

    signed.sign(&signed.manifest(), "others");
    let said = signed.refused("");
    assert!(
        said.contains("the manifest is not signed by the key"),
        "{said}"
    );

    // A version that was signed once, under the name of a newer one.
    let mut old = signed.site.tree();
    for part in ["base", VERSION] {
        assert!(old.ends_with(part));
        old.pop();
    }
    let old = old.join("1.0/base");
    write(old.join("etc/hostname"), "old");
    ctl(&["manifest", text(&old)]);
    let old = old.with_file_name("base.manifest");
    signed.sign(&old, "roles");
    for ending in ["", ".minisig"] {
        let [from, to] =
            [&old, &signed.manifest()].map(|path| format!("{}{ending}", path.display()));
        std::fs::copy(from, to).unwrap();
    }
    let said = signed.refused("");
    assert!(
        said.contains("that is the manifest of role base, version 1.0"),
        "{said}"
    );
    signed.expect_nothing_came();
}

#[test]
fn a_tree_that_was_changed_after_it_was_signed_is_refused_with_the_paths() {
    let Some(signed) = Signed::new() else { return };
    signed.sign(&signed.manifest(), "roles");
    let tree = signed.site.tree();
    // Of the same size and time, and where `edeploy verify` does not look.
    let hostname = tree.join("etc/hostname");
    let time = std::fs::metadata(&hostname).unwrap().modified().unwrap();
    write(&hostname, "evil\n");
    let file = std::fs::File::options()
        .write(true)
        .open(&hostname)
        .unwrap();
    file.set_modified(time).unwrap();
    write(tree.join("var/lib/systemd/evil"), "");
    let said = signed.refused("");
    assert!(
        said.contains("not the one that was signed: ./etc/hostname content")
            && said.contains("./var/lib/systemd extra"),
        "{said}"
    );
    assert!(said.contains("find out who changed it"), "{said}");
}

#[test]
fn an_image_is_compared_with_what_was_signed_too() {
    let Some(signed) = Signed::new() else { return };
    // Both are there, as `role build --image both` leaves them, and the first is of no use.
    let image = format!("/install/{VERSION}/base-{VERSION}.edeploy");
    let serve = |with_manifest: bool| {
        let better = packed(&signed.site.tree(), "zstd");
        let mut files = vec![
            (image.clone(), b"damaged".to_vec()),
            (format!("{image}.zst"), better),
        ];
        for ending in ["", ".minisig"] {
            let path = format!("{}{ending}", signed.manifest().display());
            let url = format!("/install/{VERSION}/base.manifest{ending}");
            files.extend(
                std::fs::read(path)
                    .ok()
                    .filter(|_| with_manifest)
                    .map(|file| (url, file)),
            );
        }
        let files = files.into_iter().collect();
        let images = ImageServer::start(Images {
            files,
            ..Images::default()
        });
        (
            format!("HSERV=127.0.0.1 HSERV_PORT={}", images.port),
            images,
        )
    };
    let (line, images) = serve(false);
    let said = signed.refused(&line);
    assert!(said.contains("base.manifest; `edeployctl role"), "{said}");
    assert!(!images.heads().iter().any(|head| head.contains(".edeploy")));
    // Without a key it is installed all the same.
    let (said, is_done) = signed.site.install(&line);
    assert!(
        is_done && said.contains("no manifest is kept: there is no http://"),
        "{said}"
    );

    signed.sign(&signed.manifest(), "roles");
    let (line, _images) = serve(true);
    let (said, is_done) = signed.site.install(&format!("{WITH_KEY} {line}"));
    assert!(is_done, "{said}");
    signed.expect_vouched();

    write(signed.site.tree().join("etc/cron.d/evil"), "");
    let (line, _images) = serve(true);
    let said = signed.refused(&line);
    assert!(said.contains("./etc/cron.d extra"), "{said}");
}

#[test]
fn a_medium_has_what_vouches_for_it_beside_the_role() {
    let Some(signed) = Signed::new() else { return };
    let Some(stick) = Disk::new(64) else { return };
    let label = format!("edk{}", std::process::id());
    let device = format!("/dev/{}", stick.name);
    let medium = tempfile::tempdir().unwrap();
    let embedded = medium.path().join("embedded");
    let image = embedded.join(format!("base-{VERSION}.edeploy"));
    write(&image, packed(&signed.site.tree(), "zstd"));
    signed.sign(&signed.manifest(), "roles");
    for ending in ["", ".minisig"] {
        let from = format!("{}{ending}", signed.manifest().display());
        let to = embedded.join(format!("base-{VERSION}.manifest{ending}"));
        std::fs::copy(from, to).unwrap();
    }
    make(&device, &label, medium.path());
    let line = format!("{WITH_KEY} EMBEDDED={label} RSERV=nobody");
    let (said, is_done) = signed.site.install(&line);
    assert!(is_done, "{said}");
    signed.expect_vouched();

    std::fs::remove_dir_all(&embedded).unwrap();
    let version = embedded.join(VERSION);
    std::fs::create_dir_all(&version).unwrap();
    let from = signed.site.tree().with_file_name("");
    let copied = command("cp")
        .args(["-a", "."])
        .arg(&version)
        .current_dir(from)
        .status();
    assert!(copied.unwrap().success());
    make(&device, &label, medium.path());
    let (said, is_done) = signed.site.install(&line);
    assert!(is_done, "{said}");
    signed.expect_vouched();
}

#[test]
fn without_a_key_the_manifest_of_the_role_is_kept_and_a_wrong_one_is_not() {
    let Some(signed) = Signed::new() else { return };
    let kept = |is_kept: bool| {
        let (said, is_done) = signed.site.install("");
        assert!(is_done, "{said}");
        signed.site.disk.mounted(1, |target| {
            let path = target.join("var/lib/edeploy/D12-F.1.0.0/manifest");
            assert_eq!(path.exists(), is_kept);
            assert!(!target.join("var/lib/edeploy/roles.pub").exists());
        });
        said
    };
    kept(true);
    write(
        signed.manifest(),
        "#edeploy-manifest 1\n#role base\n#version 1.0\n. type=dir mode=0755 uid=0 gid=0\n",
    );
    let said = kept(false);
    assert!(said.contains("no manifest is kept: rsync://"), "{said}");
}
