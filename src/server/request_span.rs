//! The span around each request: what the log tells of it besides the events in it.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::{Error, HttpMessage};
use tracing::Span;
use tracing_actix_web::{RequestId, RootSpanBuilder};

/// Makes a span with the id, the method, the path and the client of a request.
#[derive(Debug)]
pub(super) struct RequestSpan;

impl RootSpanBuilder for RequestSpan {
    fn on_request_start(request: &ServiceRequest) -> Span {
        let id = request
            .extensions()
            .get::<RequestId>()
            .map(ToString::to_string);
        let client = request.peer_addr().map(|address| address.ip().to_string());
        let path: String = request.path().chars().take(200).collect();
        tracing::info_span!("request", id, client, method = %request.method(), path = ?path)
    }

    fn on_request_end<B: MessageBody>(_: Span, outcome: &Result<ServiceResponse<B>, Error>) {
        match outcome {
            Ok(response) => tracing::debug!(status = response.status().as_u16(), "answered"),
            Err(error) => tracing::error!(error = ?error.to_string(), "not answered"),
        }
    }
}
