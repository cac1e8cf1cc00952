use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, symlink};

use super::super::digest::{Hasher, Kind};
use super::*;
use crate::system::Real;

/// An image in memory.
struct Bytes(Cursor<Vec<u8>>);

impl Read for Bytes {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Incoming for Bytes {
    fn sum(&self) -> Sum {
        Hasher::new(Kind::Md5).sum()
    }
}

fn unpack_into(target: &Path, bytes: Vec<u8>) -> Result<(), SyncError> {
    unpack(&Real, "http://h/a", &mut Bytes(Cursor::new(bytes)), target)
}

fn shell(text: &str, arguments: &[&str]) {
    let words = [&["-ec", text, "sh"], arguments].concat();
    Real.run(&Command::new("bash", words)).unwrap();
}

/// Packs a tree as the original's build does, by gzip or zstd.
fn packed(tree: &Path, packer: &str) -> Vec<u8> {
    let packer = format!("--use-compress-program={packer}");
    let words = [
        "-C",
        tree.to_str().unwrap(),
        "--xattrs",
        "--sparse",
        &packer,
        "-c",
        ".",
    ];
    Real.run(&Command::new("tar", words)).unwrap().stdout
}

fn tree() -> tempfile::TempDir {
    let tree = tempfile::tempdir().unwrap();
    let text = "cd \"$1\"; mkdir -p etc usr/bin; echo role >etc/hostname; ln etc/hostname etc/same
        ln -s ../etc usr/link; head -c 400000 /dev/urandom >usr/bin/program; chmod 4755 usr/bin/program
        truncate -s 3M holes; echo x >>holes; mkfifo fifo";
    shell(text, &[tree.path().to_str().unwrap()]);
    tree
}

#[test]
fn an_image_of_either_packer_becomes_the_tree_it_was() {
    let tree = tree();
    for packer in ["gzip", "zstd"] {
        let target = tempfile::tempdir().unwrap();
        unpack_into(target.path(), packed(tree.path(), packer)).unwrap();
        let meta = |name: &str| fs::symlink_metadata(target.path().join(name)).unwrap();
        assert_eq!(meta("etc/hostname").ino(), meta("etc/same").ino());
        assert_eq!(meta("usr/bin/program").mode() & 0o7777, 0o4755);
        assert_eq!(meta("holes").len(), (3 << 20) + 2);
        assert!(meta("holes").blocks() < 100);
        assert!(meta("fifo").file_type().is_fifo());
        assert!(meta("usr/link").is_symlink());
        let program = |root: &Path| fs::read(root.join("usr/bin/program")).unwrap();
        assert!(program(target.path()) == program(tree.path()));
    }
}

#[test]
fn an_image_cut_anywhere_is_an_error() {
    let tree = tree();
    for packer in ["gzip", "zstd"] {
        let whole = packed(tree.path(), packer);
        for cut in [0, 3, 20, whole.len() / 2, whole.len() - 1] {
            let target = tempfile::tempdir().unwrap();
            let error = unpack_into(target.path(), whole[..cut].to_vec()).unwrap_err();
            let text = error.to_string();
            assert!(
                text.contains("http://h/a is damaged or cut short"),
                "{cut}: {text}"
            );
        }
    }
}

#[test]
fn an_archive_cut_between_two_members_and_packed_well_is_an_error() {
    let tree = tree();
    let words = ["-C", tree.path().to_str().unwrap(), "-b", "1", "-c", "etc"];
    let plain = Real.run(&Command::new("tar", words)).unwrap().stdout;
    // `etc/` alone, without the end mark.
    let cut = zstd::encode_all(&plain[..512], 1).unwrap();
    let target = tempfile::tempdir().unwrap();
    let error = unpack_into(target.path(), cut).unwrap_err().to_string();
    assert!(
        error.ends_with("the archive ends before its end mark"),
        "{error}"
    );
    unpack_into(
        target.path(),
        zstd::encode_all(plain.as_slice(), 1).unwrap(),
    )
    .unwrap();
}

#[test]
fn a_changed_byte_is_found_without_any_checksum_file() {
    let tree = tree();
    for packer in ["gzip", "zstd --check"] {
        let mut bytes = packed(tree.path(), packer);
        let at = bytes.len() / 2;
        bytes[at] ^= 0x10;
        let target = tempfile::tempdir().unwrap();
        assert!(unpack_into(target.path(), bytes).is_err(), "{packer}");
    }
}

#[test]
fn several_members_or_frames_are_one_image() {
    let tree = tree();
    let words = ["-C", tree.path().to_str().unwrap(), "-c", "."];
    let plain = Real.run(&Command::new("tar", words)).unwrap().stdout;
    let (one, two) = plain.split_at(100_000);
    let frames = [one, two].map(|part| zstd::encode_all(part, 1).unwrap());
    let skipped = [0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4].to_vec();
    let target = tempfile::tempdir().unwrap();
    let [one, two] = frames;
    unpack_into(target.path(), [skipped, one, two].concat()).unwrap();
    assert!(target.path().join("fifo").exists());
}

#[test]
fn what_is_no_image_is_told_by_its_beginning() {
    let target = tempfile::tempdir().unwrap();
    let error = unpack_into(target.path(), b"<html>".to_vec()).unwrap_err();
    assert!(error.to_string().contains("begins with `<htm`"), "{error}");
}

/// Packs what a shell does in an empty directory, with absolute and upward names left as they are.
fn hostile(text: &str, words: &str) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let text = format!("mkdir \"$1/in\"; cd \"$1/in\"; {text}; tar -Pczf ../image {words}");
    shell(&text, &[dir.path().to_str().unwrap()]);
    fs::read(dir.path().join("image")).unwrap()
}

#[test]
fn nothing_outside_of_the_target_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let (target, outside) = (dir.path().join("a/b/target"), dir.path().join("outside"));
    fs::create_dir_all(&target).unwrap();
    fs::create_dir_all(&outside).unwrap();
    fs::File::create_new(outside.join("victim")).unwrap();
    let name = outside.to_str().unwrap();
    let images = [
        // An absolute name, an upward one, links that lead out and files through them.
        hostile(
            "echo x >f",
            &format!("--transform 's,f,{name}/absolute,' f"),
        ),
        hostile("echo x >f", "--transform 's,f,../../../outside/upward,' f"),
        hostile(
            &format!("ln -s {name} l; mkdir d; echo x >d/through"),
            "l --transform 's,^d,l,' d/through",
        ),
        hostile(
            "ln -s ../../../outside l; mkdir d; echo x >d/relative",
            "l --transform 's,^d,l,' d/relative",
        ),
        // A hard link to a file outside, then content for it.
        hostile(
            "echo x >f; ln f g; mkdir d; echo bad >d/g",
            &format!("--transform 'flags=h;s,^f,{name}/victim,;flags=r;s,^d/,,' f g d/g"),
        ),
    ];
    for (number, image) in images.into_iter().enumerate() {
        let done = unpack_into(&target, image);
        println!("{number}: {:?}", done.map_err(|error| error.to_string()));
        let found: Vec<_> = fs::read_dir(&outside).unwrap().collect();
        assert_eq!(found.len(), 1, "{number}: {found:?}");
        assert_eq!(fs::read(outside.join("victim")).unwrap(), b"", "{number}");
    }
    // A link that is in place already, as after a former try.
    fs::remove_dir_all(&target).unwrap();
    fs::create_dir_all(&target).unwrap();
    symlink(&outside, target.join("d")).unwrap();
    let image = hostile("mkdir d; echo x >d/again", "d");
    unpack_into(&target, image).unwrap();
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
}
