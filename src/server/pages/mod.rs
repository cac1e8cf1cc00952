//! Pages for people: what the API tells, as HTML that works without scripts and follows what happens with
//! one.
//!
//! Every text of a machine is escaped by the templates. Nothing comes from another server: the style and
//! the script are part of the program.

mod assets;
mod drift;
mod fleet;
mod job;
mod machine;
mod profile;
mod shown;
mod timeline;
mod unmatched;

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use askama::Template;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::events::StoreError;

use super::error::ApiError;

/// The pages that every page leads to.
const PAGES: [(&str, &str); 5] = [
    ("/", "Machines"),
    ("/profiles", "Profiles"),
    ("/unmatched", "Unmatched"),
    ("/timeline", "Timeline"),
    ("/drift", "Drift"),
];

/// What a page may load: its own style and script, nothing else, and nobody may put it into a frame.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
                      img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

pub(super) fn register(config: &mut web::ServiceConfig) {
    config
        .route("/", web::get().to(fleet::page))
        .route("/machines/{machine}", web::get().to(machine::page))
        .route("/profiles", web::get().to(profile::list))
        .route("/profiles/{profile}", web::get().to(profile::page))
        .route("/unmatched", web::get().to(unmatched::page))
        .route("/timeline", web::get().to(timeline::page))
        .route("/drift", web::get().to(drift::page))
        .route("/jobs/{number}", web::get().to(job::page))
        .route("/static/{file}", web::get().to(assets::file));
}

/// Why there is no page.
#[derive(Debug)]
enum NoPage {
    /// There is nothing of this name.
    NotFound(String),
    /// The server cannot tell.
    Trouble(String),
}

impl From<StoreError> for NoPage {
    fn from(error: StoreError) -> NoPage {
        NoPage::Trouble(error.to_string())
    }
}

impl From<ApiError> for NoPage {
    fn from(error: ApiError) -> NoPage {
        NoPage::Trouble(error.to_string())
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    here: &'static str,
    title: &'static str,
    text: String,
}

/// A page, or the page that says why there is none.
fn answer<T: Template>(page: Result<T, NoPage>) -> HttpResponse {
    let (title, text) = match page {
        Ok(page) => return html(HttpResponse::Ok(), &page),
        Err(NoPage::NotFound(text)) => ("Not found", text),
        Err(NoPage::Trouble(text)) => {
            tracing::error!(error = ?text, "a page could not be made");
            ("The server cannot show this", text)
        }
    };
    let builder = match title {
        "Not found" => HttpResponse::NotFound(),
        _ => HttpResponse::InternalServerError(),
    };
    let here = "";
    html(builder, &ErrorPage { here, title, text })
}

fn html(mut builder: actix_web::HttpResponseBuilder, page: &impl Template) -> HttpResponse {
    match page.render() {
        Ok(text) => builder
            .content_type("text/html; charset=utf-8")
            .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .insert_header((header::REFERRER_POLICY, "same-origin"))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .body(text),
        Err(error) => {
            tracing::error!(%error, "a page could not be written");
            HttpResponse::InternalServerError().finish()
        }
    }
}

/// Runs what reads files or the store outside the async threads.
async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, NoPage> + Send + 'static,
) -> Result<T, NoPage> {
    let stopped = |_| NoPage::Trouble("the server is stopping".to_owned());
    web::block(read).await.map_err(stopped)?
}

/// A text as a part of a path.
fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
