//! Paths within a tree, as bytes that can leave it in no way, and as words of a line.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The longest path that Linux takes (`PATH_MAX`).
const LONGEST: usize = 4096;

/// Why bytes are no path within a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It does not begin with `./`.
    #[error("a path begins with `./`")]
    NotRelative,
    /// A part is empty, `.` or `..`.
    #[error("no part of a path may be empty, `.` or `..`")]
    Part,
    /// No file can have that byte in its name.
    #[error("a path holds no NUL")]
    Nul,
    /// Longer than Linux takes.
    #[error("a path is at most {LONGEST} bytes long")]
    TooLong,
    /// A backslash without three octal digits after it.
    #[error("after a backslash come three octal digits")]
    Escape,
}

/// A path below the root of a tree, or that root itself. It holds any bytes that a file name can have,
/// and never leads out of the tree. The order is that of the bytes.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TreePath(Box<[u8]>);

impl TreePath {
    /// The tree itself.
    pub fn root() -> TreePath {
        TreePath(Box::default())
    }

    /// Takes a path as it is below the tree, without a slash at either end.
    ///
    /// # Errors
    /// A part is empty, `.` or `..`; a NUL; too long.
    pub fn new(bytes: &[u8]) -> Result<TreePath, PathError> {
        check(bytes)?;
        Ok(TreePath(bytes.into()))
    }

    /// Reads what [`fmt::Display`] writes.
    ///
    /// # Errors
    /// Not of that form, or no path within a tree.
    pub fn parse(word: &str) -> Result<TreePath, PathError> {
        if word == "." {
            return Ok(TreePath::root());
        }
        let below = word.strip_prefix("./").ok_or(PathError::NotRelative)?;
        match unescape(below).ok_or(PathError::Escape)? {
            bytes if bytes.is_empty() => Err(PathError::Part),
            bytes => TreePath::new(&bytes),
        }
    }

    /// The entry `name` of this directory.
    ///
    /// # Errors
    /// As [`TreePath::new`].
    pub fn join(&self, name: &[u8]) -> Result<TreePath, PathError> {
        check(name)?;
        let length = self.0.len() + usize::from(!self.is_root()) + name.len();
        if name.is_empty() {
            return Err(PathError::Part);
        }
        if length > LONGEST {
            return Err(PathError::TooLong);
        }
        let mut bytes = Vec::with_capacity(length);
        if !self.is_root() {
            bytes.extend_from_slice(&self.0);
            bytes.push(b'/');
        }
        bytes.extend_from_slice(name);
        Ok(TreePath(bytes.into()))
    }

    /// The directory that it is in; none of the tree itself.
    pub fn parent(&self) -> Option<TreePath> {
        Some(TreePath(self.parent_bytes()?.into()))
    }

    /// The bytes of the directory that it is in; none of the tree itself.
    pub(super) fn parent_bytes(&self) -> Option<&[u8]> {
        if self.is_root() {
            return None;
        }
        let end = self.0.iter().rposition(|byte| *byte == b'/');
        Some(&self.0[..end.unwrap_or(0)])
    }

    /// Its last part; nothing of the tree itself.
    pub(super) fn name(&self) -> &[u8] {
        let start = self.0.iter().rposition(|byte| *byte == b'/');
        &self.0[start.map_or(0, |slash| slash + 1)..]
    }

    /// Whether it is the tree itself.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it is `directory` or something in it.
    pub fn is_at_or_below(&self, directory: &TreePath) -> bool {
        directory.is_root()
            || self
                .0
                .strip_prefix(&*directory.0)
                .is_some_and(|rest| matches!(rest, [] | [b'/', ..]))
    }

    /// The bytes below the tree, without a slash at either end.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Where it is in the tree at `root`. Symbolic links of the tree could still lead elsewhere.
    pub fn below(&self, root: &Path) -> PathBuf {
        match &*self.0 {
            [] => root.to_owned(),
            bytes => root.join(OsStr::from_bytes(bytes)),
        }
    }
}

/// Whether bytes are a path within a tree; none are the tree itself.
fn check(bytes: &[u8]) -> Result<(), PathError> {
    if bytes.len() > LONGEST {
        return Err(PathError::TooLong);
    }
    if bytes.contains(&0) {
        return Err(PathError::Nul);
    }
    let is_bad = |part: &[u8]| matches!(part, b"" | b"." | b"..");
    if !bytes.is_empty() && bytes.split(|byte| *byte == b'/').any(is_bad) {
        return Err(PathError::Part);
    }
    Ok(())
}

/// `.` for the tree, `./etc/hosts` for what is in it, with what could not stand in a line as `\` and
/// three octal digits, as mtree(5) has it.
impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root() {
            return f.write_str(".");
        }
        f.write_str("./")?;
        write_escaped(f, &self.0)
    }
}

impl fmt::Debug for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for TreePath {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for TreePath {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<TreePath, D::Error> {
        let word = <String as serde::Deserialize>::deserialize(deserializer)?;
        TreePath::parse(&word).map_err(serde::de::Error::custom)
    }
}

/// Whether a byte stands for itself in a word of a manifest.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'#' | b'=')
}

/// Writes bytes as one word of printable ASCII.
pub(super) fn write_escaped(out: &mut impl fmt::Write, bytes: &[u8]) -> fmt::Result {
    let mut rest = bytes;
    while !rest.is_empty() {
        let plain = rest.iter().take_while(|byte| is_plain(**byte)).count();
        let (now, after) = rest.split_at(plain);
        // Printable ASCII is UTF-8.
        out.write_str(std::str::from_utf8(now).unwrap_or_default())?;
        rest = after;
        if let Some((odd, after)) = rest.split_first() {
            write!(out, "\\{odd:03o}")?;
            rest = after;
        }
    }
    Ok(())
}

/// The bytes of a word that [`write_escaped`] wrote.
pub(super) fn unescape(word: &str) -> Option<Cow<'_, [u8]>> {
    if !word.contains('\\') {
        return Some(Cow::Borrowed(word.as_bytes()));
    }
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'\\' {
            bytes.push(*first);
            continue;
        }
        let (digits, after) = rest.split_at_checked(3)?;
        let digit = |byte: &u8| (b'0'..=b'7').contains(byte).then(|| u32::from(byte - b'0'));
        let value = digits
            .iter()
            .try_fold(0, |sum, byte| Some(sum * 8 + digit(byte)?))?;
        bytes.push(u8::try_from(value).ok()?);
        rest = after;
    }
    Some(Cow::Owned(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leads_out_of_its_tree() {
        for bad in [
            "", "etc", "/etc", "..", "./..", "./a/../b", "./a//b", "./a/", "./", "./.", "./a/./b",
        ] {
            assert!(TreePath::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(TreePath::parse(r"./\056\056/x"), Err(PathError::Part));
        assert_eq!(TreePath::parse(r"./a\000"), Err(PathError::Nul));
        assert_eq!(TreePath::new(b"/etc"), Err(PathError::Part));
        assert_eq!(TreePath::new(&[b'a'; 5000]), Err(PathError::TooLong));
        for bad in [r"./\", r"./\12", r"./\128", r"./\777"] {
            assert_eq!(TreePath::parse(bad), Err(PathError::Escape), "{bad}");
        }
    }

    #[test]
    fn any_name_is_one_word() {
        let path = TreePath::new(b"a b\n\xff\\#=\t/\xc3\xa9").unwrap();
        let word = path.to_string();
        assert_eq!(word, r"./a\040b\012\377\134\043\075\011/\303\251");
        assert_eq!(TreePath::parse(&word).unwrap(), path);
    }

    #[test]
    fn a_path_knows_its_directory() {
        let path = TreePath::root().join(b"etc").unwrap().join(b"x").unwrap();
        assert_eq!(path.as_bytes(), b"etc/x");
        assert_eq!(path.name(), b"x");
        assert_eq!(path.below(Path::new("/r")), Path::new("/r/etc/x"));
        let etc = path.parent().unwrap();
        assert_eq!(etc.parent(), Some(TreePath::root()));
        assert_eq!(etc.name(), b"etc");
        assert_eq!(TreePath::root().parent(), None);
        assert!(TreePath::root().join(b"..").is_err());
    }
}
