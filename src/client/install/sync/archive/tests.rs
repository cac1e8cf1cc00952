use super::*;
use crate::system::{Command, Real, Runner};

/// A small tree with all that an archive can hold, packed with these options of GNU tar.
fn packed(options: &[&str]) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    std::fs::create_dir(at("deep")).unwrap();
    for (name, size) in [
        ("empty", 0),
        ("one", 1),
        ("block", 512),
        ("deep/more", 70_000),
    ] {
        let mut file = std::fs::File::create_new(at(name)).unwrap();
        io::copy(&mut io::repeat(b'x').take(size), &mut file).unwrap();
    }
    std::fs::hard_link(at("one"), at("same")).unwrap();
    std::os::unix::fs::symlink("one", at("link")).unwrap();
    let long = "n".repeat(180);
    std::fs::File::create_new(at(&long)).unwrap();
    let holes = std::fs::File::create_new(at("holes")).unwrap();
    for place in 0..40_u64 {
        std::os::unix::fs::FileExt::write_all_at(&holes, &[1; 4096], place * 65_536).unwrap();
    }
    let path = dir.path().to_str().unwrap().to_owned();
    let words = [&["-C", path.as_str(), "-c"], options, &["."]].concat();
    Real.run(&Command::new("tar", words)).unwrap().stdout
}

fn read(bytes: &[u8], at_once: usize) -> io::Result<usize> {
    let mut archive = Archive::new(bytes);
    let mut buffer = vec![0; at_once];
    let mut total = 0;
    loop {
        match archive.read(&mut buffer)? {
            0 => return Ok(total),
            count => total += count,
        }
    }
}

#[test]
fn archives_of_all_forms_are_whole_and_pass_unchanged() {
    for options in [
        &["--format=gnu"][..],
        &["--format=gnu", "--sparse"],
        &["--format=pax"],
        &["--format=pax", "--sparse"],
        &["--format=pax", "--sparse", "--sparse-version=0.1"],
        &["--format=ustar", "--exclude=nnn*"],
        &[
            "--format=pax",
            "--pax-option=globexthdr.name=g,comment:=all",
        ],
    ] {
        let bytes = packed(options);
        for at_once in [100, 512, 70_000] {
            let read = read(&bytes, at_once);
            assert_eq!(read.unwrap(), bytes.len(), "{options:?}");
        }
    }
}

#[test]
fn an_archive_cut_anywhere_is_not_whole() {
    let bytes = packed(&["--format=pax", "--sparse", "-b", "1"]);
    let end = bytes.len() - 2 * BLOCK;
    assert!(bytes[end..].iter().all(|byte| *byte == 0));
    for cut in (0..end + 2 * BLOCK)
        .step_by(BLOCK)
        .chain([1, end + BLOCK + 1])
    {
        let error = read(&bytes[..cut], 4096).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{cut}");
    }
    assert!(read(&bytes, 4096).is_ok());
}

#[test]
fn what_is_no_archive_is_told() {
    let mut damaged = packed(&[]);
    damaged[3] ^= 1;
    let page = format!("<html>{}</html>", "x".repeat(2000));
    for bytes in [damaged.as_slice(), page.as_bytes()] {
        let error = read(bytes, 4096).unwrap_err().to_string();
        assert_eq!(error, "a header is damaged");
    }
}

#[test]
fn a_size_past_eight_gigabytes_is_read_in_both_forms() {
    let gnu = [&[0x80, 0, 0, 0, 0, 0, 0][..], &[2, 0, 0, 0, 0]].concat();
    assert_eq!(number(&gnu), Some(8 << 30));
    assert_eq!(number(b"77777777777\0"), Some((8 << 30) - 1));
    assert_eq!(number(&[0xff; 12]), None);
    let extended = b"19 size=8589934592\n14 path=a b=c\n\0\0";
    assert_eq!(size_of_extended(extended), Some(8 << 30));
    assert_eq!(size_of_extended(b"14 path=a b=c\n"), None);
    assert_eq!(size_of_extended(b"3 size=8589934592\n"), None);
}
