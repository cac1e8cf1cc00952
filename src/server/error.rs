//! Why a request of the API is not answered as asked: the status, and the JSON body that says it.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use crate::allocation::{AllocateError, ErrorKind, Refusal, RefusalKind};
use crate::events::StoreError;
use crate::events::producer::Unreadable;

use super::access::Denied;
use super::form::FormError;
use super::plans::NoPlan;
use super::request_id;
use super::state::UnknownSection;

/// After how many seconds a client may try again when the lock was busy.
const RETRY_AFTER_SECONDS: u32 = 5;

/// Why a request of the API failed. The text is for the client.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The request says something that cannot be.
    #[error("{error}")]
    BadInput {
        /// One sentence.
        error: String,
        /// More of it, such as the rows that are wrong.
        details: Value,
    },
    /// The body is longer than it may be.
    #[error("the body is longer than {limit_bytes} bytes")]
    TooLarge {
        /// How long it may be.
        limit_bytes: u64,
    },
    /// The body did not come in time.
    #[error("the body did not come in time")]
    TooSlow,
    /// There is nothing at this path, or under this name.
    #[error("{0}")]
    NotFound(String),
    /// The path is right, the method is not.
    #[error("this path answers {0} only")]
    MethodNotAllowed(&'static str),
    /// No section of this name.
    #[error(transparent)]
    UnknownSection(#[from] UnknownSection),
    /// No profile for this machine.
    #[error("{}", first_line(.0))]
    Refused(Box<Refusal>),
    /// The allocation failed.
    #[error(transparent)]
    Allocate(#[from] AllocateError),
    /// There is no plan of the machine's script.
    #[error(transparent)]
    NoPlan(#[from] NoPlan),
    /// What happened cannot be told or kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// So much of this is going on that no more is taken.
    #[error("{0}")]
    TooMany(String),
    /// A report is none.
    #[error(transparent)]
    Report(#[from] Unreadable),
    /// The credentials are missing or wrong.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The credentials are good, but for something else.
    #[error("{0}")]
    Forbidden(String),
    /// A bug, or the end of the server.
    #[error("the server could not finish the request")]
    Internal,
}

fn first_line(refusal: &Refusal) -> String {
    let text = refusal.to_string();
    text.lines().next().unwrap_or_default().to_owned()
}

impl ApiError {
    /// Nothing was ever reported of a machine of this name.
    pub fn unknown_machine(called: &str) -> ApiError {
        let called: String = called.chars().take(80).collect();
        ApiError::NotFound(format!(
            "nothing was reported of a machine `{}`",
            called.escape_debug()
        ))
    }

    /// The status of the answer (house style, errors by who must act).
    pub fn status(&self) -> StatusCode {
        match self {
            ApiError::BadInput { .. } | ApiError::Report(_) => StatusCode::BAD_REQUEST,
            ApiError::Denied(_) => StatusCode::UNAUTHORIZED,
            ApiError::Forbidden(_) => StatusCode::FORBIDDEN,
            ApiError::Store(error) if error.is_full() => StatusCode::INSUFFICIENT_STORAGE,
            ApiError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            ApiError::TooSlow => StatusCode::REQUEST_TIMEOUT,
            ApiError::NotFound(_) | ApiError::UnknownSection(_) => StatusCode::NOT_FOUND,
            ApiError::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            ApiError::Refused(refusal) => match refusal.kind {
                RefusalKind::NoMatch => StatusCode::NOT_FOUND,
                RefusalKind::Exhausted => StatusCode::CONFLICT,
            },
            ApiError::Allocate(error) => status_of(error),
            ApiError::NoPlan(error) if error.is_of_the_script() => StatusCode::UNPROCESSABLE_ENTITY,
            ApiError::NoPlan(NoPlan::Busy) | ApiError::Store(_) | ApiError::TooMany(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            ApiError::NoPlan(_) | ApiError::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn details(&self) -> Value {
        match self {
            ApiError::BadInput { details, .. } => details.clone(),
            ApiError::Refused(refusal) => serde_json::to_value(refusal).unwrap_or_default(),
            ApiError::Allocate(error) => Value::String(error.details()),
            ApiError::NoPlan(error) => Value::String(error.details()),
            ApiError::UnknownSection(error) => json!({ "sections": error.known }),
            _ => Value::Null,
        }
    }

    /// The answer, with the request's id so that the log tells the rest.
    pub fn response(&self, request: &HttpRequest) -> HttpResponse {
        let status = self.status();
        if status.is_server_error() {
            let details = self.details().to_string();
            tracing::error!(error = ?self.to_string(), details, "answered with {status}");
        } else {
            tracing::info!(error = ?self.to_string(), "answered with {status}");
        }
        let mut response = HttpResponse::build(status);
        if let ApiError::MethodNotAllowed(allowed) = self {
            response.insert_header((header::ALLOW, *allowed));
        }
        if status == StatusCode::UNAUTHORIZED {
            for challenge in [r#"OAuth realm="edeploy""#, r#"Bearer realm="edeploy""#] {
                response.append_header((header::WWW_AUTHENTICATE, challenge));
            }
        }
        if status == StatusCode::SERVICE_UNAVAILABLE || status == StatusCode::INSUFFICIENT_STORAGE {
            response.insert_header((header::RETRY_AFTER, RETRY_AFTER_SECONDS));
        }
        response.json(json!({
            "error": self.to_string(),
            "details": self.details(),
            "request_id": request_id(request),
        }))
    }
}

fn status_of(error: &AllocateError) -> StatusCode {
    match error {
        AllocateError::UnknownMachine { .. } => StatusCode::NOT_FOUND,
        AllocateError::AmbiguousMachine { .. } => StatusCode::CONFLICT,
        error => match error.kind() {
            ErrorKind::Busy => StatusCode::SERVICE_UNAVAILABLE,
            // The admin's files are wrong or the disk is full: nothing the client could change.
            ErrorKind::Input | ErrorKind::Environment => StatusCode::INTERNAL_SERVER_ERROR,
        },
    }
}

impl From<FormError> for ApiError {
    fn from(error: FormError) -> ApiError {
        match error {
            FormError::TooLarge { limit_bytes, .. } => ApiError::TooLarge { limit_bytes },
            FormError::Slow => ApiError::TooSlow,
            FormError::Keep(_) => ApiError::Internal,
            error => ApiError::BadInput {
                error: error.to_string(),
                details: Value::Null,
            },
        }
    }
}
