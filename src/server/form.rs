//! Reads the form that the ramdisk posts (wire-formats 1.1, 1.3 to 1.5): fields in any order.
//!
//! Hardware is held in memory up to its limit; a log goes to a nameless temporary file.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::path::Path;

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::error::PayloadError;
use actix_web::http::header::HeaderMap;
use actix_web::web;

use super::body::{Body, next};
use super::settings::Settings;

/// Longest plain field in bytes: names of sections, profiles and sessions.
const FIELD_LIMIT_BYTES: u64 = 4096;

/// How much of a log is collected before it is written.
const WRITE_BYTES: usize = 256 * 1024;

/// Ends the file name of a log upload (eDeploy `upload.py`).
pub(super) const LOG_SUFFIX: &str = ".log.gz";

/// The fields that mean something to us.
#[derive(Debug, Default)]
pub(super) struct Form {
    pub(super) section: Option<String>,
    pub(super) failure: Option<String>,
    pub(super) session: Option<String>,
    pub(super) file: Option<Upload>,
}

/// What came as `file`.
#[derive(Debug)]
pub(super) enum Upload {
    /// Facts, and the file name they came with.
    Hardware { name: String, bytes: Vec<u8> },
    /// A log in a nameless file, read from its begin.
    Log { name: String, file: File },
}

/// Why a body could not be read.
#[derive(Debug, thiserror::Error)]
pub enum FormError {
    /// A part is longer than it may be.
    #[error("the {what} is longer than {limit_bytes} bytes")]
    TooLarge {
        /// Which part.
        what: &'static str,
        /// How long it may be.
        limit_bytes: u64,
    },
    /// The client pauses too long.
    #[error("the upload paused too long and was given up")]
    Slow,
    /// A field stands twice, so nobody can say which one is meant.
    #[error("the form has two fields named `{0}`: send it once")]
    Twice(&'static str),
    /// A field that is a name is not UTF-8.
    #[error("the field `{0}` is not UTF-8")]
    NoText(&'static str),
    /// The body is no form at all.
    #[error("the body is no form")]
    NoForm,
    /// The form is broken, or ends early.
    #[error("the form cannot be read: {0}")]
    Broken(String),
    /// The log could not be written.
    #[error("the log cannot be written")]
    Keep(#[source] io::Error),
}

impl From<PayloadError> for FormError {
    fn from(error: PayloadError) -> FormError {
        FormError::Broken(error.to_string())
    }
}

impl From<MultipartError> for FormError {
    fn from(error: MultipartError) -> FormError {
        if matches!(
            error,
            MultipartError::ContentTypeMissing
                | MultipartError::ContentTypeParse
                | MultipartError::ContentTypeIncompatible
        ) {
            return FormError::NoForm;
        }
        let cause = std::error::Error::source(&error);
        FormError::Broken(match cause {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        })
    }
}

/// Reads a form to its end. A body that is no form at all gives an empty one.
pub(super) async fn read(
    headers: &HeaderMap,
    payload: web::Payload,
    settings: &Settings,
) -> Result<Form, FormError> {
    let mut body = Body::new(payload, settings.upload_pause);
    let mut multipart = Multipart::new(headers, body.clone());
    let read = read_fields(&mut multipart, settings).await;
    drop(multipart);
    if !matches!(read, Err(FormError::Slow)) {
        body.drain(settings.log_limit_bytes).await;
    }
    match read {
        Err(FormError::NoForm) => Ok(Form::default()),
        Err(FormError::Broken(_)) if body.is_empty() => Ok(Form::default()),
        read => read,
    }
}

async fn read_fields(multipart: &mut Multipart, settings: &Settings) -> Result<Form, FormError> {
    let mut form = Form::default();
    while let Some(mut field) = next(settings.upload_pause, multipart).await? {
        match field.name().unwrap_or_default() {
            "section" => text(&mut field, "section", &mut form.section, settings).await?,
            "failure" => text(&mut field, "failure", &mut form.failure, settings).await?,
            "session" => text(&mut field, "session", &mut form.session, settings).await?,
            "file" if form.file.is_some() => return Err(FormError::Twice("file")),
            "file" => form.file = Some(upload(&mut field, settings).await?),
            other => {
                let other: String = other.chars().take(80).collect();
                tracing::info!(field = ?other, "the form has an unknown field");
                // Read over: the next field comes only when this one was read.
                while next(settings.upload_pause, &mut field).await?.is_some() {}
            }
        }
    }
    Ok(form)
}

async fn text(
    field: &mut Field,
    name: &'static str,
    slot: &mut Option<String>,
    settings: &Settings,
) -> Result<(), FormError> {
    if slot.is_some() {
        return Err(FormError::Twice(name));
    }
    let bytes = in_memory(field, name, FIELD_LIMIT_BYTES, settings).await?;
    let text = String::from_utf8(bytes).map_err(|_| FormError::NoText(name))?;
    *slot = Some(text);
    Ok(())
}

async fn upload(field: &mut Field, settings: &Settings) -> Result<Upload, FormError> {
    let name = field
        .content_disposition()
        .and_then(|disposition| disposition.get_filename())
        .unwrap_or_default()
        .to_owned();
    if name.ends_with(LOG_SUFFIX) {
        let file = log(field, settings).await?;
        return Ok(Upload::Log { name, file });
    }
    let bytes = in_memory(field, "hardware", settings.hardware_limit_bytes, settings).await?;
    Ok(Upload::Hardware { name, bytes })
}

async fn in_memory(
    field: &mut Field,
    what: &'static str,
    limit_bytes: u64,
    settings: &Settings,
) -> Result<Vec<u8>, FormError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = next(settings.upload_pause, field).await? {
        if (bytes.len() + chunk.len()) as u64 > limit_bytes {
            return Err(FormError::TooLarge { what, limit_bytes });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Streams a log to a nameless file in the state directory: it leaves no trace if the upload fails.
async fn log(field: &mut Field, settings: &Settings) -> Result<File, FormError> {
    let limit_bytes = settings.log_limit_bytes;
    let mut file = nameless_file(&settings.state_dir).map_err(FormError::Keep)?;
    let mut length = 0;
    let mut pending = Vec::new();
    while let Some(chunk) = next(settings.upload_pause, field).await? {
        length += chunk.len() as u64;
        if length > limit_bytes {
            return Err(FormError::TooLarge {
                what: "log",
                limit_bytes,
            });
        }
        pending.extend_from_slice(&chunk);
        if pending.len() >= WRITE_BYTES {
            let bytes = std::mem::take(&mut pending);
            file = write(file, bytes).await?;
        }
    }
    let mut file = write(file, pending).await?;
    file.rewind().map_err(FormError::Keep)?;
    Ok(file)
}

async fn write(mut file: File, bytes: Vec<u8>) -> Result<File, FormError> {
    web::block(move || file.write_all(&bytes).map(|()| file))
        .await
        .map_err(|error| FormError::Keep(io::Error::other(error)))?
        .map_err(FormError::Keep)
}

fn nameless_file(directory: &Path) -> io::Result<File> {
    tempfile::tempfile_in(directory)
}
