//! Watches a tar archive go by, and tells whether it is whole.
//!
//! GNU tar takes an archive that ends between two members for a whole one (tried with 1.34), and so did
//! the original. Here an archive ends with its two blocks of zeros, or it is cut. Nothing is unpacked
//! here; names are tar's affair, which writes none outside of its directory.

use std::io::{self, Read};

/// All of an archive comes in blocks of this size (POSIX pax, "ustar Interchange Format").
const BLOCK: usize = 512;

/// The longest extended header that is kept: there is only one number in it for us.
const LONGEST_EXTENDED: usize = 1 << 20;

/// What the next bytes are.
#[derive(Debug, PartialEq, Eq)]
enum Expected {
    /// A header, or the first block of the end.
    Header,
    /// A further block of a sparse file's map (GNU's old form).
    SparseMap { size: u64 },
    /// The content of a member, or of an extended header that may tell the size of the next member.
    Content { left: u64, is_extended: bool },
    /// The second block of the end.
    SecondZeros,
    /// Padding.
    Anything,
}

/// An archive as it goes by.
pub(super) struct Archive<R> {
    inner: R,
    expected: Expected,
    block: Vec<u8>,
    extended: Vec<u8>,
    /// What an extended header says of the next member's size.
    next_size: Option<u64>,
}

impl<R: Read> Archive<R> {
    pub(super) fn new(inner: R) -> Archive<R> {
        Archive {
            inner,
            expected: Expected::Header,
            block: Vec::with_capacity(BLOCK),
            extended: Vec::new(),
            next_size: None,
        }
    }

    /// Whether the end was seen.
    pub(super) fn is_whole(&self) -> bool {
        self.expected == Expected::Anything
    }

    fn watch(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match &mut self.expected {
                Expected::Anything => return Ok(()),
                Expected::Content { left, is_extended } => {
                    let most = usize::try_from(*left).unwrap_or(usize::MAX);
                    let (now, rest) = bytes.split_at(most.min(bytes.len()));
                    if *is_extended && self.extended.len() + now.len() <= LONGEST_EXTENDED {
                        self.extended.extend_from_slice(now);
                    }
                    *left -= now.len() as u64;
                    bytes = rest;
                    if *left == 0 {
                        if *is_extended {
                            self.next_size = size_of_extended(&self.extended);
                            self.extended.clear();
                        }
                        self.expected = Expected::Header;
                    }
                }
                Expected::Header | Expected::SparseMap { .. } | Expected::SecondZeros => {
                    let missing = BLOCK - self.block.len();
                    let (now, rest) = bytes.split_at(missing.min(bytes.len()));
                    self.block.extend_from_slice(now);
                    bytes = rest;
                    if self.block.len() == BLOCK {
                        self.expected = self.after_block()?;
                        self.block.clear();
                    }
                }
            }
        }
        Ok(())
    }

    /// What follows a whole block.
    fn after_block(&mut self) -> io::Result<Expected> {
        let block = &self.block;
        let is_zeros = block.iter().all(|byte| *byte == 0);
        match (&self.expected, is_zeros) {
            (Expected::SparseMap { size }, _) => Ok(match block[504] {
                0 => content(*size, false),
                _ => Expected::SparseMap { size: *size },
            }),
            (Expected::SecondZeros, true) => Ok(Expected::Anything),
            (Expected::SecondZeros, false) => Err(wrong("a block of zeros stands alone")),
            (_, true) => Ok(Expected::SecondZeros),
            (_, false) => self.after_header(),
        }
    }

    fn after_header(&mut self) -> io::Result<Expected> {
        let block = &self.block;
        if number(&block[148..156]) != Some(checksum(block)) {
            return Err(wrong("a header is damaged"));
        }
        let size = number(&block[124..136]).ok_or_else(|| wrong("a size is none"))?;
        match block[156] {
            kind @ (b'x' | b'g' | b'L' | b'K') => Ok(content(size, kind == b'x')),
            // A hard link has no content, whatever its header says (GNU tar reads it so).
            b'1' => {
                self.next_size = None;
                Ok(Expected::Header)
            }
            kind => {
                let size = self.next_size.take().unwrap_or(size);
                let has_map = kind == b'S' && block[482] != 0;
                Ok(if has_map {
                    Expected::SparseMap { size }
                } else {
                    content(size, false)
                })
            }
        }
    }
}

impl<R: Read> Read for Archive<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.watch(&buffer[..count])?;
        if count == 0 && !buffer.is_empty() && !self.is_whole() {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the archive ends before its end mark",
            ));
        }
        Ok(count)
    }
}

/// Content of so many bytes, in whole blocks.
fn content(size: u64, is_extended: bool) -> Expected {
    match size.div_ceil(BLOCK as u64).saturating_mul(BLOCK as u64) {
        0 => Expected::Header,
        left => Expected::Content { left, is_extended },
    }
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

/// A number in a header: octal digits, or GNU's binary form for what they cannot hold.
fn number(field: &[u8]) -> Option<u64> {
    match field.first()? {
        first if first & 0x80 != 0 => {
            let bytes = field[1..].iter();
            // The sign is in the bit below the mark; no size is negative.
            (first & 0x7f == 0).then_some(())?;
            bytes.copied().try_fold(0_u64, |sum, byte| {
                Some(sum.checked_mul(256)? + u64::from(byte))
            })
        }
        _ => {
            let text = std::str::from_utf8(field).ok()?;
            let text = text.trim_matches([' ', '\0']);
            match text {
                "" => Some(0),
                digits => u64::from_str_radix(digits, 8).ok(),
            }
        }
    }
}

/// The sum of a header's bytes, its own place taken for blanks.
fn checksum(block: &[u8]) -> u64 {
    let all: u64 = block.iter().copied().map(u64::from).sum();
    let own: u64 = block[148..156].iter().copied().map(u64::from).sum();
    all - own + 8 * u64::from(b' ')
}

/// The `size` of a pax extended header: lines of `LENGTH KEY=VALUE`.
fn size_of_extended(mut bytes: &[u8]) -> Option<u64> {
    let mut size = None;
    loop {
        let blank = bytes.iter().position(|byte| *byte == b' ')?;
        let length: usize = std::str::from_utf8(&bytes[..blank]).ok()?.parse().ok()?;
        let line = bytes.get(blank + 1..length)?;
        if let Some(value) = line.strip_prefix(b"size=") {
            size = std::str::from_utf8(value).ok()?.trim_end().parse().ok();
        }
        bytes = &bytes[length..];
        if bytes.first().is_none_or(|byte| *byte == 0) {
            return size;
        }
    }
}

#[cfg(test)]
mod tests;
