//! One image over HTTP, as a stream that mends itself: a broken connection is taken up where it broke.
//!
//! Where the server takes up bytes (RFC 9110, section 14: `Range`, `If-Range`) only the rest is asked for.
//! Where it cannot, all is read again, and the bytes that were handed on already must be the same ones.
//! The reader on the other side notices nothing but a pause.

use std::io::{self, Read};
use std::time::Instant;

use ureq::http::{HeaderMap, Response, StatusCode};

use super::super::log::Log;
use super::super::retry::{Patience, Transient, Tries};
use super::digest::{Hasher, Sum};
use super::image::Incoming;
use super::progress::{INTERVAL, Meter, Progress};

/// Why bytes do not come.
#[derive(Debug, thiserror::Error)]
pub(in crate::client) enum DownloadError {
    /// No connection, or it broke.
    #[error("no answer from {url}")]
    Unreachable {
        /// What was asked for.
        url: String,
        /// What the network said.
        #[source]
        source: Box<ureq::Error>,
    },
    /// It broke within the image.
    #[error("the connection broke, {so_far} of {url} are here")]
    Broken {
        /// What was asked for.
        url: String,
        /// How far it was.
        so_far: Progress,
        /// What the network said.
        #[source]
        source: io::Error,
    },
    /// The server has it not, or gives it not.
    #[error("{url}: the server answers {status}")]
    Status {
        /// What was asked for.
        url: String,
        /// The status.
        status: StatusCode,
    },
    /// What is served now is not what was served before.
    #[error("{url} changed on the server while it was read: install again")]
    Changed {
        /// What was asked for.
        url: String,
    },
}

impl Transient for DownloadError {
    fn may_pass(&self) -> bool {
        match self {
            DownloadError::Unreachable { .. } | DownloadError::Broken { .. } => true,
            DownloadError::Status { status, .. } => {
                status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429)
            }
            DownloadError::Changed { .. } => false,
        }
    }
}

/// Reads a file of text, if it is there, of so many bytes at most.
pub(super) fn text_file(
    agent: &ureq::Agent,
    url: &str,
    limit: u64,
) -> Result<Option<String>, DownloadError> {
    let bytes = small_file(agent, url, limit)?;
    Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

/// Reads a file, if it is there, of so many bytes at most.
pub(in crate::client) fn small_file(
    agent: &ureq::Agent,
    url: &str,
    limit: u64,
) -> Result<Option<Vec<u8>>, DownloadError> {
    let unreachable = |source| DownloadError::Unreachable {
        url: url.to_owned(),
        source: Box::new(source),
    };
    let mut answer = agent.get(url).call().map_err(unreachable)?;
    match answer.status() {
        StatusCode::OK => {
            let body = answer.body_mut().with_config().limit(limit);
            Ok(Some(body.read_to_vec().map_err(unreachable)?))
        }
        StatusCode::NOT_FOUND | StatusCode::GONE => Ok(None),
        status => Err(DownloadError::Status {
            url: url.to_owned(),
            status,
        }),
    }
}

/// Whether a server that knows `HEAD` has a file.
pub(super) fn is_there(agent: &ureq::Agent, url: &str) -> Result<bool, DownloadError> {
    let answer = agent.head(url).call();
    let answer = answer.map_err(|source| DownloadError::Unreachable {
        url: url.to_owned(),
        source: Box::new(source),
    })?;
    Ok(answer.status() == StatusCode::OK)
}

/// What tells one state of an image from another.
#[derive(Debug, Default, PartialEq, Eq)]
struct Version {
    length: Option<u64>,
    /// A strong entity tag, or else a date of modification.
    validator: Option<String>,
}

impl Version {
    fn of(headers: &HeaderMap) -> Version {
        let text = |name: &str| headers.get(name)?.to_str().ok();
        let tag = text("etag").filter(|tag| !tag.starts_with("W/"));
        Version {
            length: text("content-length").and_then(|text| text.parse().ok()),
            validator: tag.or_else(|| text("last-modified")).map(str::to_owned),
        }
    }
}

/// An image that is being read.
pub(super) struct Download<'a> {
    agent: &'a ureq::Agent,
    url: String,
    log: &'a mut Log,
    patience: Patience,
    tries: Tries,
    version: Version,
    body: Option<Box<dyn Read + Send>>,
    bytes: u64,
    hasher: Hasher,
    meter: Meter,
}

impl<'a> Download<'a> {
    /// Asks for the image. Nothing is tried again here: nothing was handed on yet.
    pub(super) fn open(
        agent: &'a ureq::Agent,
        url: &str,
        hasher: Hasher,
        patience: Patience,
        log: &'a mut Log,
    ) -> Result<Download<'a>, DownloadError> {
        let mut download = Download {
            agent,
            url: url.to_owned(),
            log,
            patience,
            tries: Tries::new(patience),
            version: Version::default(),
            body: None,
            bytes: 0,
            hasher,
            meter: Meter::new(INTERVAL, Instant::now(), 0),
        };
        download.connect()?;
        Ok(download)
    }

    fn progress(&self) -> Progress {
        Progress::of(self.bytes, self.version.length)
    }

    fn connect(&mut self) -> Result<(), DownloadError> {
        let mut request = self.agent.get(&self.url);
        // Without a mark of its version the rest might be that of another image.
        if let Some(validator) = self.version.validator.as_ref().filter(|_| self.bytes > 0) {
            request = request
                .header("Range", format!("bytes={}-", self.bytes))
                .header("If-Range", validator);
        }
        let answer = request
            .call()
            .map_err(|source| DownloadError::Unreachable {
                url: self.url.clone(),
                source: Box::new(source),
            })?;
        let status = answer.status();
        match status {
            StatusCode::OK if self.bytes == 0 => {
                self.version = Version::of(answer.headers());
                self.body = Some(reader(answer));
                Ok(())
            }
            StatusCode::OK => self.skip(answer),
            StatusCode::PARTIAL_CONTENT if self.bytes > 0 => self.take_up(answer),
            StatusCode::RANGE_NOT_SATISFIABLE => Err(self.changed()),
            status => Err(DownloadError::Status {
                url: self.url.clone(),
                status,
            }),
        }
    }

    /// The rest, as asked for.
    fn take_up(&mut self, answer: Response<ureq::Body>) -> Result<(), DownloadError> {
        let range = answer.headers().get("content-range");
        let range = range.and_then(|range| range.to_str().ok());
        let Some((first, total)) = range.and_then(first_and_total) else {
            return Err(self.changed());
        };
        let is_same = |total| self.version.length.is_none_or(|length| length == total);
        if first != self.bytes || !total.is_none_or(is_same) {
            return Err(self.changed());
        }
        self.body = Some(reader(answer));
        Ok(())
    }

    /// All of it once more: what was handed on already is read past, if it is the same.
    fn skip(&mut self, answer: Response<ureq::Body>) -> Result<(), DownloadError> {
        if Version::of(answer.headers()) != self.version {
            return Err(self.changed());
        }
        let mut body = reader(answer);
        let mut hasher = self.hasher.anew();
        let mut left = self.bytes;
        let mut buffer = vec![0; 64 << 10];
        while left > 0 {
            let most = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
            let count = match body.read(&mut buffer[..most]) {
                Ok(0) => return Err(self.broken(io::ErrorKind::UnexpectedEof.into())),
                Ok(count) => count,
                Err(source) => return Err(self.broken(source)),
            };
            hasher.update(&buffer[..count]);
            left -= count as u64;
        }
        if hasher.sum() != self.hasher.sum() {
            return Err(self.changed());
        }
        self.body = Some(body);
        Ok(())
    }

    fn changed(&self) -> DownloadError {
        DownloadError::Changed {
            url: self.url.clone(),
        }
    }

    fn broken(&self, source: io::Error) -> DownloadError {
        DownloadError::Broken {
            url: self.url.clone(),
            so_far: self.progress(),
            source,
        }
    }

    /// One read; an end before the known length is a broken connection.
    fn read_once(&mut self, buffer: &mut [u8]) -> Result<usize, DownloadError> {
        if self.body.is_none() {
            self.connect()?;
        }
        let Some(body) = &mut self.body else {
            return Ok(0);
        };
        let is_short = self
            .version
            .length
            .is_some_and(|length| self.bytes < length);
        match body.read(buffer) {
            Ok(0) if is_short && !buffer.is_empty() => {
                Err(self.broken(io::ErrorKind::UnexpectedEof.into()))
            }
            Ok(count) => Ok(count),
            Err(source) => Err(self.broken(source)),
        }
    }
}

impl Incoming for Download<'_> {
    fn sum(&self) -> Sum {
        self.hasher.sum()
    }
}

impl Read for Download<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.read_once(buffer) {
                Ok(count) => {
                    if count > 0 {
                        self.tries = Tries::new(self.patience);
                        self.hasher.update(&buffer[..count]);
                        self.bytes += count as u64;
                    }
                    if let Some(due) = self.meter.due(Instant::now(), self.progress()) {
                        self.log.progress(&due);
                    }
                    return Ok(count);
                }
                Err(error) => {
                    self.body = None;
                    let Some(pause) = self.tries.pause_after(&error) else {
                        return Err(io::Error::other(error));
                    };
                    self.log.again(&crate::system::with_causes(&error), pause);
                    std::thread::sleep(pause);
                }
            }
        }
    }
}

/// The body, with no limit but its own length.
fn reader(answer: Response<ureq::Body>) -> Box<dyn Read + Send> {
    let body = answer.into_body().into_with_config().limit(u64::MAX);
    Box::new(body.reader())
}

/// The first byte and the length of all, of `bytes 5-9/10`; the length may be `*`.
pub(in crate::client) fn first_and_total(range: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = range.strip_prefix("bytes ")?.split_once('/')?;
    let (first, _) = range.split_once('-')?;
    Some((first.trim().parse().ok()?, total.trim().parse().ok()))
}

#[cfg(test)]
mod tests;
