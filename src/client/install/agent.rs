//! How this client speaks HTTP: whom it trusts, to whom it shows its token, how long it waits.
//!
//! Where `CA` names certificates, the server is spoken to by HTTPS alone, with no others trusted, and the
//! token never goes over a plain connection.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ureq::http::HeaderValue;
use ureq::http::header::AUTHORIZATION;
use ureq::middleware::MiddlewareNext;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body, SendBody, http};

use super::settings::{Settings, is_https};

/// How long one request may take. The server answers an upload after its commit, in well under this.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(120);

/// How long an image server may say nothing: a longer silence is a broken connection.
const STALLED: Duration = Duration::from_secs(60);

/// Why the certificates of `CA` are of no use.
#[derive(Debug, thiserror::Error)]
pub(in crate::client) enum CaError {
    /// The file cannot be read.
    #[error("cannot read `{path}`, which CA= names")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// There is none in it.
    #[error("`{0}`, which CA= names, holds no certificate in PEM form")]
    Empty(PathBuf),
}

/// Reads the file of certificates.
pub(in crate::client) fn read_ca(path: &Path) -> Result<Vec<u8>, CaError> {
    let pem = std::fs::read(path).map_err(|source| CaError::Read {
        path: path.to_owned(),
        source,
    })?;
    if certificates(&pem).is_empty() {
        return Err(CaError::Empty(path.to_owned()));
    }
    Ok(pem)
}

fn certificates(pem: &[u8]) -> Vec<Certificate<'static>> {
    let items = parse_pem(pem).filter_map(|item| match item.ok()? {
        PemItem::Certificate(certificate) => Some(certificate),
        _ => None,
    });
    items.collect()
}

/// For requests to the admin's own server, each with the token of the command line.
pub(super) fn for_requests(settings: &Settings) -> Agent {
    let config = Agent::config_builder()
        .timeout_global(Some(REQUEST_TIMEOUT))
        .https_only(settings.ca.is_some());
    with_token(with_trust(config, &settings.ca_pem), settings)
        .build()
        .into()
}

/// For images, which take as long as they take while bytes come.
pub(super) fn for_images(settings: &Settings) -> Agent {
    // A connection that broke must not be taken for a fresh one.
    of_hserv(settings, 0)
}

/// For many files of the server of images, over so many connections that are kept.
pub(super) fn for_files(settings: &Settings, connections: usize) -> Agent {
    of_hserv(settings, connections)
}

fn of_hserv(settings: &Settings, connections: usize) -> Agent {
    let is_https = settings.hserv.as_deref().is_some_and(is_https);
    let config = Agent::config_builder()
        .max_idle_connections(connections)
        .max_idle_connections_per_host(connections)
        .https_only(is_https)
        .timeout_connect(Some(STALLED))
        .timeout_recv_response(Some(STALLED))
        .timeout_per_read(Some(STALLED));
    let config = with_trust(config, &settings.ca_pem);
    if is_https || settings.ca.is_none() {
        with_token(config, settings).build().into()
    } else {
        plain(config).build().into()
    }
}

/// For what a machine tells its server of itself, in so long a time. `ca` has the certificates of one by HTTPS.
///
/// # Errors
/// The file cannot be read, or holds no certificate.
pub(in crate::client) fn for_reports(
    ca: Option<&Path>,
    deadline: Duration,
) -> Result<Agent, CaError> {
    let pem = ca.map(read_ca).transpose()?.unwrap_or_default();
    let config = Agent::config_builder()
        .timeout_global(Some(deadline))
        .https_only(ca.is_some());
    Ok(plain(with_trust(config, &pem)).build().into())
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

fn with_trust(config: Builder, ca_pem: &[u8]) -> Builder {
    let roots = RootCerts::Specific(Arc::new(certificates(ca_pem)));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = TlsConfig::builder()
        .root_certs(roots)
        .unversioned_rustls_crypto_provider(provider);
    config.tls_config(tls.build())
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

#[cfg(test)]
mod tests;
