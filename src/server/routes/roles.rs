//! `/install/...` and `/metadata/...`: what rsync serves of roles, over HTTP, in parts too.
//!
//! A directory is answered with what is in it. Links lead anywhere within `install/` or `metadata/` and
//! nowhere else; the kernel sees to that (openat2(2), `RESOLVE_BENEATH`), so that a tree's own links name nothing
//! of the server.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use actix_files::NamedFile;
use actix_web::http::header::{CACHE_CONTROL, ContentType};
use actix_web::{HttpRequest, HttpResponse, web};
use percent_encoding::percent_decode_str;
use rustix::fd::{AsRawFd, OwnedFd};
use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, ResolveFlags, fstat, openat2, readlinkat, statat,
};
use rustix::io::Errno;
use serde::Serialize;

use super::super::error::ApiError;
use super::super::state::AppState;
use super::only_get;

/// The longest target of a link that is told.
const LONGEST_LINK: usize = 4096;

pub(super) fn register(config: &mut web::ServiceConfig) {
    config.service(
        web::resource([
            "/{tree:install|metadata}",
            "/{tree:install|metadata}/{path:.*}",
        ])
        .get(answer)
        .head(answer)
        .default_service(web::to(only_get)),
    );
}

/// One name in a directory.
#[derive(Debug, Serialize)]
struct Item {
    name: String,
    /// `dir`, `file`, `link`, or `other`.
    kind: &'static str,
    /// Of a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    size_bytes: Option<u64>,
    /// Of a link.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
}

/// What is at a path.
enum There {
    File(Box<NamedFile>),
    Directory(Vec<Item>),
    Nothing,
}

async fn answer(request: HttpRequest, state: web::Data<AppState>) -> HttpResponse {
    let tree = request.match_info().query("tree").to_owned();
    let path = path_below(request.uri().path());
    let found = web::block(move || find(&state.settings.roles_dir.join(tree), &path));
    match found.await {
        Ok(Ok(There::File(file))) => file
            .disable_content_disposition()
            // Whatever a role holds, it is no page of this server.
            .set_content_type(ContentType::octet_stream().0)
            .into_response(&request),
        Ok(Ok(There::Directory(items))) => HttpResponse::Ok()
            .insert_header((CACHE_CONTROL, "no-store"))
            .json(items),
        Ok(Ok(There::Nothing)) => {
            ApiError::NotFound(format!("there is nothing at {}", shown(&request)))
                .response(&request)
        }
        // An error of a server is tried again for long; this one does not pass.
        Ok(Err(error)) if error.kind() == io::ErrorKind::PermissionDenied => {
            let text = format!("this server's user may not read {}", shown(&request));
            tracing::error!("{text}: serve it as root, or by rsync");
            ApiError::Forbidden(text).response(&request)
        }
        Ok(Err(error)) => {
            tracing::error!(path = ?request.path(), %error, "a file of a role cannot be read");
            ApiError::Internal.response(&request)
        }
        Err(_) => ApiError::Internal.response(&request),
    }
}

/// The path of a request, for people.
fn shown(request: &HttpRequest) -> String {
    let path: String = request.path().chars().take(200).collect();
    format!("`{}`", path.escape_debug())
}

/// What follows the tree in `/TREE/…`, byte for byte: actix leaves `%2B` as it stands and loses what is no UTF-8, and
/// names of files have both.
fn path_below(path: &str) -> PathBuf {
    let below = path.splitn(3, '/').nth(2).unwrap_or_default();
    let bytes: Vec<u8> = percent_decode_str(below.trim_matches('/')).collect();
    // The directory itself has a name too.
    Path::new(OsStr::from_bytes(&[b"./", bytes.as_slice()].concat())).to_owned()
}

/// Opens what is at `path` below `root`, unless it is neither a file nor a directory: opening a device
/// would do something, opening a pipe would wait.
fn find(root: &Path, path: &Path) -> io::Result<There> {
    let open = |directory: &OwnedFd, path: &Path| {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let within = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        openat2(directory, path, flags, Mode::empty(), within)
    };
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let found = rustix::fs::open(root, flags, Mode::empty()).and_then(|root| open(&root, path));
    let found = match found {
        Ok(found) => found,
        // Not there, leads elsewhere, no path at all.
        Err(
            Errno::NOENT
            | Errno::NOTDIR
            | Errno::XDEV
            | Errno::LOOP
            | Errno::NAMETOOLONG
            | Errno::INVAL,
        ) => return Ok(There::Nothing),
        Err(error) => return Err(error.into()),
    };
    let kind = FileType::from_raw_mode(fstat(&found)?.st_mode);
    let name = PathBuf::from(format!("/proc/self/fd/{}", found.as_raw_fd()));
    match kind {
        FileType::RegularFile => {
            let file = NamedFile::from_file(File::open(name)?, "file")?;
            Ok(There::File(Box::new(file)))
        }
        FileType::Directory => items(&found, &name).map(There::Directory),
        _ => Ok(There::Nothing),
    }
}

/// What is in a directory, by its name.
fn items(directory: &OwnedFd, place: &Path) -> io::Result<Vec<Item>> {
    let mut items = Vec::new();
    for entry in std::fs::read_dir(place)? {
        let name = entry?.file_name();
        let meta = match statat(directory, &name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(meta) => meta,
            Err(Errno::NOENT) => continue,
            Err(error) => return Err(error.into()),
        };
        let (mut size_bytes, mut target) = (None, None);
        let kind = match FileType::from_raw_mode(meta.st_mode) {
            FileType::Directory => "dir",
            FileType::RegularFile => {
                size_bytes = u64::try_from(meta.st_size).ok();
                "file"
            }
            FileType::Symlink => {
                let read = match readlinkat(directory, &name, Vec::with_capacity(LONGEST_LINK)) {
                    Ok(read) => read,
                    Err(Errno::NOENT) => continue,
                    Err(error) => return Err(error.into()),
                };
                target = Some(read.to_string_lossy().into_owned());
                "link"
            }
            _ => "other",
        };
        items.push(Item {
            name: String::from_utf8_lossy(name.as_bytes()).into_owned(),
            kind,
            size_bytes,
            target,
        });
    }
    items.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(items)
}
