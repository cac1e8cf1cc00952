//! How this client speaks HTTP: to whom it shows its token, and how long it waits.

use std::time::Duration;

use ureq::http::HeaderValue;
use ureq::http::header::AUTHORIZATION;
use ureq::middleware::MiddlewareNext;
use ureq::{Agent, Body, SendBody, http};

use super::settings::Settings;

/// How long one request may take. The server answers an upload after its commit, in well under this.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(120);

/// How long an image server may say nothing: a longer silence is a broken connection.
const STALLED: Duration = Duration::from_secs(60);

/// For requests to the admin's own servers, each with the token of the command line.
pub(super) fn for_requests(settings: &Settings) -> Agent {
    let config = Agent::config_builder().timeout_global(Some(REQUEST_TIMEOUT));
    with_token(config, settings).build().into()
}

/// For images, which take as long as they take while bytes come; with the token too.
pub(super) fn for_images(settings: &Settings) -> Agent {
    let config = Agent::config_builder()
        // A connection that broke must not be taken for a fresh one.
        .max_idle_connections(0)
        .timeout_connect(Some(STALLED))
        .timeout_recv_response(Some(STALLED))
        .timeout_per_read(Some(STALLED));
    with_token(config, settings).build().into()
}

/// For addresses that somebody else serves: the token is not theirs.
pub(super) fn for_strangers() -> Agent {
    let config = Agent::config_builder().timeout_global(Some(REQUEST_TIMEOUT));
    plain(config).build().into()
}

type Builder = ureq::config::ConfigBuilder<ureq::typestate::AgentScope>;

fn plain(config: Builder) -> Builder {
    config
        .http_status_as_error(false)
        // The ramdisk's environment is no place for a proxy to come from.
        .proxy(None)
}

fn with_token(config: Builder, settings: &Settings) -> Builder {
    let header = settings.token.as_ref().and_then(|token| {
        let mut header = HeaderValue::from_str(&format!("Bearer {token}")).ok()?;
        header.set_sensitive(true);
        Some(header)
    });
    let add = move |mut request: http::Request<SendBody<'_>>,
                    next: MiddlewareNext<'_>|
          -> Result<http::Response<Body>, ureq::Error> {
        if let Some(header) = &header {
            request.headers_mut().insert(AUTHORIZATION, header.clone());
        }
        next.handle(request)
    };
    plain(config).middleware(add)
}
