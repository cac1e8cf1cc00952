//! An image, from wherever it comes, into the target: unpacked while it comes, verified at its end.
//!
//! The bytes go through this process to GNU tar, which keeps owners, links, sparse files, devices, ACLs
//! and extended attributes, and writes nothing outside of the target. The image is never kept anywhere.

use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::system::{Command, RunError, Runner, Streams};

use super::archive::Archive;
use super::complaints::Complaints;
use super::digest::Sum;
use super::download::DownloadError;
use super::error::SyncError;

/// A role of some gigabytes over a slow link. A transfer that stands still ends long before.
pub(super) const TRANSFER_TIMEOUT: Duration = Duration::from_secs(4 * 3600);

/// As much as a pipe holds, several times.
const BUFFER_BYTES: usize = 256 << 10;

/// A packed image that comes.
pub(super) trait Incoming: Read + Send {
    /// The sum of all bytes that were read.
    fn sum(&self) -> Sum;
}

/// Which packer made an image, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packer {
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

impl Packer {
    fn of(begin: [u8; 4]) -> Option<Packer> {
        match begin {
            [0x1f, 0x8b, ..] => Some(Packer::Gzip),
            // A frame, or one to be skipped, as pzstd writes it first.
            [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => Some(Packer::Zstd),
            _ => None,
        }
    }

    /// Checks the sums that the packer left, and that all members or frames are whole.
    fn unpack<'a>(self, packed: impl BufRead + Send + 'a) -> io::Result<Box<dyn Read + Send + 'a>> {
        Ok(match self {
            Packer::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(packed)),
            Packer::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(packed)?),
        })
    }
}

/// Ends where somebody shuts it.
struct Gate<'a, R> {
    inner: R,
    is_shut: &'a AtomicBool,
}

impl<R: Read> Read for Gate<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.is_shut.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.inner.read(buffer)
    }
}

/// Unpacks an image into the target, and reads it to its end.
pub(super) fn unpack(
    runner: &dyn Runner,
    url: &str,
    incoming: &mut dyn Incoming,
    target: &Path,
) -> Result<(), SyncError> {
    let unread = |source| input_error(url, source);
    let mut packed = BufReader::with_capacity(BUFFER_BYTES, incoming);
    let mut begin = [0; 4];
    packed.read_exact(&mut begin).map_err(unread)?;
    let packer = Packer::of(begin).ok_or_else(|| SyncError::Damaged {
        url: url.to_owned(),
        what: format!(
            "it is packed neither by gzip nor by zstd, but begins with `{}`",
            begin.escape_ascii()
        ),
    })?;
    let packed = Cursor::new(begin).chain(packed);
    let mut archive = Archive::new(packer.unpack(packed).map_err(unread)?);
    let is_shut = AtomicBool::new(false);
    let mut complaints = Complaints::default();
    let mut gate = Gate {
        inner: &mut archive,
        is_shut: &is_shut,
    };
    let streams = Streams {
        input: Some(&mut gate),
        heard: &mut |line| {
            complaints.hear(line);
            is_shut.fetch_or(complaints.is_full(), Ordering::Relaxed);
        },
    };
    match runner.run_with(&tar(target), streams) {
        Ok(_) => {}
        Err(error) if complaints.is_full() => return Err(complaints.full(target, error)),
        Err(RunError::Input { source, .. }) => return Err(input_error(url, source)),
        Err(error @ RunError::Failed { .. }) => {
            return Err(SyncError::Unpack {
                url: url.to_owned(),
                said: complaints.text(),
                tool: Box::new(error),
            });
        }
        Err(error) => return Err(error.into()),
    }
    // tar stops at the end mark: the packer's sums, and a cut, come after it.
    io::copy(&mut archive, &mut io::sink()).map_err(unread)?;
    Ok(())
}

/// Owners by number, as the image has them: the ramdisk knows no names. Names that are absolute or lead
/// upwards, and symbolic links that do, tar keeps within the target by itself.
fn tar(target: &Path) -> Command {
    let target = target.display().to_string();
    let words = [
        "--extract",
        "--preserve-permissions",
        "--numeric-owner",
        "--xattrs",
        "--xattrs-include=*",
        "--acls",
        // The clock of a ramdisk may be behind.
        "--warning=no-timestamp",
        "--file=-",
        "--directory",
        &target,
    ];
    Command::new("tar", words)
        .mutating()
        .with_timeout(TRANSFER_TIMEOUT)
}

/// What an error in the image, or on its way, comes to.
fn input_error(url: &str, source: io::Error) -> SyncError {
    let url = url.to_owned();
    match source.downcast::<DownloadError>() {
        Ok(error) => error.into(),
        Err(source) if source.raw_os_error().is_some() => SyncError::Read { url, source },
        Err(source) => SyncError::Damaged {
            url,
            what: source.to_string(),
        },
    }
}

#[cfg(test)]
mod tests;
