//! The HTTP side: settings, start and stop, and one handler for each thing a client can ask.
//!
//! Async ends here: whatever reads files, matches or waits for a lock is called from a blocking
//! thread. Nothing here decides who gets what: that is `allocation`.

mod access;
mod body;
mod boot;
mod cloud_seed;
mod decide;
mod drift;
mod emitters;
mod error;
mod events;
mod form;
mod hardware;
mod job_log;
mod keep;
mod live;
mod metrics;
mod own_reports;
mod pages;
mod plans;
mod pxemngr;
mod reporting;
mod request_span;
mod routes;
mod run;
mod seed;
pub mod settings;
mod startup;
mod state;
mod strict_steps;
mod traffic;
mod views;
mod webhooks;

pub use crate::planner::run_if_asked as plan_if_asked;
pub use error::ApiError;
pub use form::FormError;
pub use plans::{NoPlan, Plans};
pub use run::run;
pub use startup::{Application, StartError};
pub use state::{AppState, OpenSection, UnknownSection};

use actix_web::{HttpMessage, HttpRequest};
use tracing_actix_web::RequestId;

/// The id under which the log tells of a request.
fn request_id(request: &HttpRequest) -> Option<String> {
    let extensions = request.extensions();
    extensions.get::<RequestId>().map(ToString::to_string)
}
