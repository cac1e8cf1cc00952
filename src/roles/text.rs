//! The text of a manifest: a header, then one line for each path, with the words of mtree(5).
//!
//! ```text
//! #edeploy-manifest 1
//! #role base
//! #version D12-1.0
//! . type=dir mode=0755 uid=0 gid=0
//! ./etc/hosts type=file mode=0644 uid=0 gid=0 size=9 time=1700000000 sha256=2f1a…
//! ```
//!
//! The words of a line are always in one order, so that the same tree gives the same bytes. Ours are
//! `hardlink=PATH` and `xattr.NAME=VALUE`.

use std::fmt::{self, Write as _};

use crate::model::{RoleName, RoleVersion};

use super::entry::{Digest, Entry, Node, Xattrs};
use super::manifest::{Manifest, ManifestError};
use super::path::{TreePath, unescape, write_escaped};
use super::walk::each_on_a_processor;

const FIRST: &str = "#edeploy-manifest 1";
const ROLE: &str = "#role ";
const VERSION: &str = "#version ";

/// How many lines these are.
const HEADER: usize = 3;

/// How many bytes one thread reads at once.
const BLOCK: usize = 64 << 10;

pub(super) fn render(manifest: &Manifest) -> String {
    let mut out = format!(
        "{FIRST}\n{ROLE}{}\n{VERSION}{}\n",
        manifest.role, manifest.version
    );
    for entry in manifest.entries() {
        // A string takes all that is written into it.
        write_line(&mut out, entry).unwrap_or_default();
    }
    out
}

fn write_line(out: &mut String, entry: &Entry) -> fmt::Result {
    let Entry { mode, uid, gid, .. } = entry;
    let kind = entry.node.kind();
    write!(
        out,
        "{} type={kind} mode={mode:04o} uid={uid} gid={gid}",
        entry.path
    )?;
    match &entry.node {
        Node::File {
            size,
            mtime,
            digest,
        } => {
            write!(out, " size={size} time={mtime}")?;
            if let Some(digest) = digest {
                write!(out, " sha256={digest}")?;
            }
        }
        Node::Symlink(target) => {
            out.push_str(" link=");
            write_escaped(out, target)?;
        }
        Node::Character(major, minor) | Node::Block(major, minor) => {
            write!(out, " device={major},{minor}")?;
        }
        Node::Directory | Node::Fifo | Node::Socket => {}
    }
    if let Some(first) = &entry.hardlink {
        write!(out, " hardlink={first}")?;
    }
    for (name, value) in &entry.xattrs {
        out.push_str(" xattr.");
        write_escaped(out, name)?;
        out.push('=');
        write_escaped(out, value)?;
    }
    out.push('\n');
    Ok(())
}

pub(super) fn parse(text: &str) -> Result<Manifest, ManifestError> {
    let wrong = |line: usize, problem: String| ManifestError::Line {
        line: line + 1,
        problem,
    };
    let Some(whole) = text.strip_suffix('\n') else {
        let problem = "the text ends within a line".to_owned();
        return Err(wrong(text.lines().count().saturating_sub(1), problem));
    };
    let mut lines = whole.splitn(HEADER + 1, '\n').enumerate();
    let mut header = |start: &str| match lines.next() {
        Some((at, line)) => line
            .strip_prefix(start)
            .ok_or_else(|| wrong(at, format!("expected `{start}`"))),
        None => Err(wrong(0, format!("expected `{start}`"))),
    };
    if !header(FIRST)?.is_empty() {
        return Err(wrong(0, format!("expected `{FIRST}`")));
    }
    let role = RoleName::new(header(ROLE)?).map_err(|error| wrong(1, error.to_string()))?;
    let version = RoleVersion::new(header(VERSION)?);
    let version = version.map_err(|error| wrong(2, error.to_string()))?;
    let mut entries: Vec<Entry> = Vec::new();
    if let Some((_, body)) = lines.next() {
        let blocks = blocks(body);
        for block in each_on_a_processor(&blocks, |block| parse_block(block)) {
            let (mut block, problem) = block;
            entries.append(&mut block);
            if let Some(problem) = problem {
                return Err(wrong(HEADER + entries.len(), problem));
            }
        }
    }
    let disorder = entries
        .windows(2)
        .position(|two| two[0].path >= two[1].path);
    if let Some(at) = disorder {
        let problem = "the paths are not in order".to_owned();
        return Err(wrong(HEADER + at + 1, problem));
    }
    Manifest::new(role, version, entries)
}

/// Parts of a text, each of whole lines, without the end of the last one.
fn blocks(mut text: &str) -> Vec<&str> {
    let mut blocks = Vec::new();
    while let Some(end) = text.bytes().skip(BLOCK).position(|byte| byte == b'\n') {
        blocks.push(&text[..BLOCK + end]);
        text = &text[BLOCK + end + 1..];
    }
    blocks.push(text);
    blocks
}

/// The entries of lines up to one that is none, and what is wrong with that.
fn parse_block(block: &str) -> (Vec<Entry>, Option<String>) {
    let lines = block.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let mut entries = Vec::with_capacity(lines);
    for line in block.split('\n') {
        match entry(line) {
            Ok(entry) => entries.push(entry),
            Err(problem) => return (entries, Some(problem)),
        }
    }
    (entries, None)
}

/// The text before the first space, and that behind it.
fn first_word(text: &str) -> (&str, Option<&str>) {
    match text.bytes().position(|byte| byte == b' ') {
        Some(end) => (&text[..end], Some(&text[end + 1..])),
        None => (text, None),
    }
}

/// The words of one line, each taken in its turn.
struct Words<'a> {
    /// None behind the last word.
    rest: Option<&'a str>,
}

impl<'a> Words<'a> {
    /// The value of the next word if that is `name=VALUE`.
    fn optional(&mut self, name: &str) -> Option<&'a str> {
        let (value, rest) = first_word(self.rest?.strip_prefix(name)?.strip_prefix('=')?);
        self.rest = rest;
        Some(value)
    }

    fn text(&mut self, name: &str) -> Result<&'a str, String> {
        self.optional(name)
            .ok_or_else(|| format!("expected `{name}=`"))
    }

    /// A number in the one way it is written.
    fn number<T: std::str::FromStr>(&mut self, name: &str) -> Result<T, String> {
        let text = self.text(name)?;
        let number = is_plain_number(text).then(|| text.parse().ok()).flatten();
        number.ok_or_else(|| format!("`{name}=` wants a number, not `{text}`"))
    }
}

fn entry(line: &str) -> Result<Entry, String> {
    // Counted, not looked for: that is done for many bytes at once.
    let odd = line.bytes().filter(|byte| !(b' '..=b'~').contains(byte));
    if odd.count() > 0 {
        return Err("a byte that a manifest does not hold".to_owned());
    }
    let (path, rest) = first_word(line);
    let mut words = Words { rest };
    let path = TreePath::parse(path).map_err(|error| error.to_string())?;
    let kind = words.text("type")?;
    let mode = octal(words.text("mode")?)?;
    let (uid, gid) = (words.number("uid")?, words.number("gid")?);
    let node = node(kind, &mut words)?;
    let hardlink = words.optional("hardlink").map(TreePath::parse).transpose();
    let hardlink = hardlink.map_err(|error| error.to_string())?;
    Ok(Entry {
        path,
        mode,
        uid,
        gid,
        xattrs: xattrs(&words)?,
        hardlink,
        node,
    })
}

/// Whether a number has no sign or zero that it could do without: each is written in one way.
fn is_plain_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    match digits.as_bytes() {
        [b'0'] => text == digits,
        [first, ..] => (b'1'..=b'9').contains(first),
        [] => false,
    }
}

fn octal(text: &str) -> Result<u32, String> {
    let is_octal = text.len() == 4 && text.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
    let mode = u32::from_str_radix(text, 8).ok().filter(|_| is_octal);
    mode.ok_or_else(|| format!("`mode=` wants four octal digits, not `{text}`"))
}

fn node(kind: &str, words: &mut Words<'_>) -> Result<Node, String> {
    Ok(match kind {
        "dir" => Node::Directory,
        "file" => {
            let (size, mtime) = (words.number("size")?, words.number("time")?);
            let digest = Digest::parse(words.text("sha256")?);
            let digest = digest.ok_or("`sha256=` wants 64 hexadecimal digits")?;
            Node::File {
                size,
                mtime,
                digest: Some(digest),
            }
        }
        "link" => {
            let target = unescape(words.text("link")?);
            Node::Symlink(
                target
                    .ok_or("the target of a link is damaged")?
                    .into_owned(),
            )
        }
        "char" => device(words).map(|(major, minor)| Node::Character(major, minor))?,
        "block" => device(words).map(|(major, minor)| Node::Block(major, minor))?,
        "fifo" => Node::Fifo,
        "socket" => Node::Socket,
        other => return Err(format!("there is no type `{other}`")),
    })
}

fn device(words: &mut Words<'_>) -> Result<(u32, u32), String> {
    let text = words.text("device")?;
    let numbers = text.split_once(',').and_then(|(major, minor)| {
        let is_plain = is_plain_number(major) && is_plain_number(minor);
        is_plain.then_some((major.parse().ok()?, minor.parse().ok()?))
    });
    numbers.ok_or_else(|| format!("`device=` wants two numbers, not `{text}`"))
}

fn xattrs(words: &Words<'_>) -> Result<Xattrs, String> {
    let mut xattrs = Xattrs::new();
    for word in words.rest.iter().flat_map(|rest| rest.split(' ')) {
        let named = word.strip_prefix("xattr.").and_then(|rest| {
            let (name, value) = rest.split_once('=')?;
            Some((unescape(name)?.into_owned(), unescape(value)?.into_owned()))
        });
        let Some((name, value)) = named else {
            return Err(format!("`{word}` does not belong there"));
        };
        if xattrs
            .last_key_value()
            .is_some_and(|(last, _)| *last >= name)
        {
            return Err("the attributes are not in order".to_owned());
        }
        xattrs.insert(name, value);
    }
    Ok(xattrs)
}
