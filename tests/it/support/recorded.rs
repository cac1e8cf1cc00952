//! Recorded machines: the trees of `tests/fixtures/hardware`, laid out as `edeploy detect` reads them.
//!
//! `tree.txt` holds the kernel's files, `smbios.txt` the structures of the SMBIOS table, `commands/`
//! what programs answer. Each says its own form in its first line.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::write;

/// Where the recorded machines are.
pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/hardware")
}

/// The root directory of a recorded machine; it is gone with the value.
pub(crate) fn unpack(name: &str) -> tempfile::TempDir {
    let source = fixtures().join(name);
    let root = tempfile::tempdir().unwrap();
    tree(
        root.path(),
        &fs::read_to_string(source.join("tree.txt")).unwrap(),
    );
    if let Ok(text) = fs::read_to_string(source.join("smbios.txt")) {
        let (entry_point, table) = smbios(&text);
        let tables = root.path().join("sys/firmware/dmi/tables");
        write(tables.join("smbios_entry_point"), entry_point);
        write(tables.join("DMI"), table);
    }
    for name in super::names(source.join("commands")) {
        let answer = fs::read(source.join("commands").join(&name)).unwrap();
        write(root.path().join("commands").join(name), answer);
    }
    root
}

fn tree(root: &Path, text: &str) {
    let mut lines = text.lines().skip(1);
    while let Some(line) = lines.next() {
        let (path, rest) = line.split_once(' ').unwrap();
        let path = root.join(path.trim_start_matches('/'));
        if let Some(target) = rest.strip_prefix("-> ") {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            symlink(target, path).unwrap();
        } else if let Some(digits) = rest.strip_prefix("hex ") {
            write(path, hex(digits));
        } else if rest == "<<" {
            let content: Vec<&str> = lines.by_ref().take_while(|line| *line != "<<").collect();
            write(path, content.join("\n") + "\n");
        } else {
            let content = rest.strip_prefix('=').unwrap().trim_start_matches(' ');
            write(path, format!("{content}\n"));
        }
    }
}

fn hex(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// Entry point and table.
fn smbios(text: &str) -> (Vec<u8>, Vec<u8>) {
    let mut lines = text.lines().skip(1);
    let version = lines.next().unwrap().strip_prefix("version ").unwrap();
    let (major, minor) = version.split_once('.').unwrap();
    let mut entry_point = b"_SM3_\0\x18".to_vec();
    entry_point.extend([major.parse().unwrap(), minor.parse().unwrap(), 0, 1, 0]);
    let mut table = Vec::new();
    for line in lines {
        let mut parts = line.split(" | ");
        let fields: Vec<&str> = parts.next().unwrap().split(' ').collect();
        let [kind, handle, body] = fields.as_slice() else {
            panic!("no structure: {line}");
        };
        let body = hex(body);
        table.extend([kind.parse().unwrap(), u8::try_from(body.len() + 4).unwrap()]);
        table.extend(u16::from_str_radix(handle, 16).unwrap().to_le_bytes());
        table.extend(body);
        let mut texts = parts.peekable();
        if texts.peek().is_none() {
            table.push(0);
        }
        for text in texts {
            table.extend(text.as_bytes());
            table.push(0);
        }
        table.push(0);
    }
    entry_point.extend(u32::try_from(table.len()).unwrap().to_le_bytes());
    entry_point.extend(0x1000_u64.to_le_bytes());
    let sum = entry_point
        .iter()
        .fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    entry_point[5] = sum.wrapping_neg();
    (entry_point, table)
}
