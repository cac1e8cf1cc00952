//! Files by HTTP, as edeploy-server serves them: small ones whole, those of a tree several at once, each taken up where
//! its connection broke.

use std::ffi::OsStr;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use serde::Deserialize;
use ureq::http::{Response, StatusCode};
use ureq::{Agent, Body};

use crate::client::install::{
    DownloadError, Patience, Progress, Tries, first_and_total, small_file,
};
use crate::system::Line;

use super::{FetchError, Wanted};

/// How many files come at once.
pub(super) const CONNECTIONS: usize = 4;

/// How long a server is waited for that went away while files came.
pub(super) const PATIENCE: Patience = Patience::lasting(Duration::from_secs(60));

/// A role of a million paths has a manifest of 200 MB.
const LONGEST: u64 = 256 << 20;

/// What stands in a path as it is (RFC 3986, section 2.3), and the slash.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// A path as it stands in an address.
pub(super) fn encoded(path: &[u8]) -> String {
    percent_encode(path, PATH).to_string()
}

/// One name in a directory, of what the server says about it.
#[derive(Debug, Deserialize)]
struct Item {
    name: String,
    kind: String,
}

/// What is in a directory; nothing where it is not there.
fn items(agent: &Agent, url: &str) -> Result<Vec<Item>, FetchError> {
    let Some(text) = small_file(agent, url, LONGEST)? else {
        return Ok(Vec::new());
    };
    serde_json::from_slice(&text).map_err(|source| FetchError::NoList {
        url: url.to_owned(),
        source,
    })
}

/// The names in a directory.
pub(super) fn names_in(agent: &Agent, url: &str) -> Result<Vec<String>, FetchError> {
    let items = items(agent, url)?;
    Ok(items.into_iter().map(|item| item.name).collect())
}

/// Brings files, or the files of directories whose address ends with a slash, into a directory.
pub(super) fn bring(agent: &Agent, urls: &[String], into: &Path) -> Result<(), FetchError> {
    let mut private = DirBuilder::new();
    let made = private.recursive(true).mode(0o700).create(into);
    made.map_err(unwritten(into))?;
    for url in urls {
        if !url.ends_with('/') {
            let name = url.rsplit('/').next().unwrap_or_default();
            let name: Vec<u8> = percent_decode_str(name).collect();
            bring_small(agent, url, &into.join(OsStr::from_bytes(&name)))?;
            continue;
        }
        for Item { name, kind } in items(agent, url)? {
            // Whatever the server says, nothing is written elsewhere.
            let is_name = !matches!(name.as_str(), "" | "." | "..") && !name.contains('/');
            if is_name && matches!(kind.as_str(), "file" | "link") {
                let url = format!("{url}{}", encoded(name.as_bytes()));
                bring_small(agent, &url, &into.join(name))?;
            }
        }
    }
    Ok(())
}

fn bring_small(agent: &Agent, url: &str, to: &Path) -> Result<(), FetchError> {
    match small_file(agent, url, LONGEST)? {
        Some(content) => new_file(to)
            .and_then(|mut file| file.write_all(&content))
            .map_err(unwritten(to)),
        None => Ok(()),
    }
}

/// A file that was not there before, whatever was: what is there may have another name too.
fn new_file(path: &Path) -> io::Result<File> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600).open(path)
}

fn unwritten(path: &Path) -> impl FnOnce(io::Error) -> FetchError {
    let path = path.to_owned();
    move |source| FetchError::Write { path, source }
}

/// Brings files of the tree at `tree`, several at once. The first that does not come ends it. How far it is is said
/// as rsync says it.
pub(super) fn bring_files(
    agent: &Agent,
    tree: &str,
    files: &[Wanted<'_>],
    into: &Path,
    patience: Patience,
    heard: &mut dyn FnMut(Line<'_>),
) -> Result<(), FetchError> {
    let next = AtomicUsize::new(0);
    let work = |done: mpsc::Sender<Result<u64, FetchError>>| {
        while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            let one = Download {
                agent,
                url: format!("{tree}/{}", encoded(file.path.as_bytes())),
                size_bytes: file.size_bytes,
                so_far: 0,
            };
            let saved = one.save(&file.path.below(into), patience);
            if done.send(saved.map(|()| file.size_bytes)).is_err() {
                return;
            }
        }
    };
    std::thread::scope(|scope| {
        let (done, arrived) = mpsc::channel();
        for _ in 0..CONNECTIONS {
            let (work, done) = (&work, done.clone());
            scope.spawn(move || work(done));
        }
        drop(done);
        let all: u64 = files.iter().map(|file| file.size_bytes).sum();
        let mut here = 0;
        for one in arrived {
            here += one?;
            let percent = (here * 100).checked_div(all).unwrap_or(100);
            heard(Line::Output(&format!("{here} {percent}%")));
        }
        Ok(())
    })
}

/// One file that is on its way.
struct Download<'a> {
    agent: &'a Agent,
    url: String,
    size_bytes: u64,
    /// How many bytes of it are written.
    so_far: u64,
}

impl Download<'_> {
    /// Brings it, in as many tries as that takes.
    fn save(mut self, to: &Path, patience: Patience) -> Result<(), FetchError> {
        let mut file = new_file(to).map_err(unwritten(to))?;
        let mut tries = Tries::new(patience);
        loop {
            let before = self.so_far;
            let Err(error) = self.go_on(&mut file, to) else {
                return Ok(());
            };
            if self.so_far > before {
                tries = Tries::new(patience);
            }
            let pause = tries.pause_after(&error).ok_or(error)?;
            std::thread::sleep(pause);
        }
    }

    /// Brings the rest. Whether it is the rest of the same file the digest tells, and the size once more: not more than
    /// that is read, and one byte.
    fn go_on(&mut self, file: &mut File, to: &Path) -> Result<(), FetchError> {
        let answer = self.ask()?;
        if answer.status() == StatusCode::OK && self.so_far > 0 {
            self.so_far = 0;
            file.set_len(0)
                .and_then(|()| file.rewind())
                .map_err(unwritten(to))?;
        }
        let length = answer.body().content_length();
        let end = length.map(|length| self.so_far + length);
        let body = answer.into_body().into_with_config().limit(u64::MAX);
        let most = self.size_bytes.saturating_add(1) - self.so_far;
        let mut body = body.reader().take(most);
        let mut buffer = vec![0; 64 << 10];
        loop {
            let count = body
                .read(&mut buffer)
                .map_err(|source| self.broken(source))?;
            if count == 0 {
                break;
            }
            file.write_all(&buffer[..count]).map_err(unwritten(to))?;
            self.so_far += count as u64;
        }
        let is_cut = end.is_some_and(|end| self.so_far < end.min(self.size_bytes));
        match is_cut {
            true => Err(self.broken(io::ErrorKind::UnexpectedEof.into())),
            false => Ok(()),
        }
    }

    /// Asks for what is not here yet. A server may answer with all of it.
    fn ask(&self) -> Result<Response<Body>, FetchError> {
        let mut request = self.agent.get(&self.url);
        if self.so_far > 0 {
            request = request.header("Range", format!("bytes={}-", self.so_far));
        }
        let answer = request.call();
        let answer = answer.map_err(|source| DownloadError::Unreachable {
            url: self.url.clone(),
            source: Box::new(source),
        })?;
        let range = answer.headers().get("content-range");
        let first = range.and_then(|range| first_and_total(range.to_str().ok()?));
        match answer.status() {
            StatusCode::OK => Ok(answer),
            StatusCode::PARTIAL_CONTENT if first.is_some_and(|(at, _)| at == self.so_far) => {
                Ok(answer)
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => Err(FetchError::Missing(self.url.clone())),
            status => Err(FetchError::Http(DownloadError::Status {
                url: self.url.clone(),
                status,
            })),
        }
    }

    fn broken(&self, source: io::Error) -> FetchError {
        FetchError::Http(DownloadError::Broken {
            url: self.url.clone(),
            so_far: Progress::of(self.so_far, Some(self.size_bytes)),
            source,
        })
    }
}

#[cfg(test)]
mod tests;
