//! What contiv's `clusterctl` asks, answered as its own server does (wire-formats 6).
//!
//! Errors are 500 and one line of text. A machine installs itself when it boots from the network, so nothing
//! is commissioned by request; to decommission one is to release it. The texts of others are in `nodes`.

mod job;
mod nodes;
mod orders;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, guard, web};
use serde::Serialize;

use super::super::error::ApiError;

pub(super) fn register(config: &mut web::ServiceConfig) {
    for base in ["", "/api/v1"] {
        let get = |path: &str| web::resource(format!("{base}{path}")).guard(guard::Get());
        // Without this header there is nothing at the path, as in contiv.
        let post = |path: &str| {
            web::resource(format!("{base}{path}"))
                .guard(guard::Post())
                .guard(guard::Header("content-type", "application/json"))
        };
        config
            .service(get("/info/job/{label}").to(job::show))
            .service(get("/info/logs/{label}").to(job::log))
            .service(get("/info/nodes").to(nodes::all))
            .service(get("/info/node/{machine}").to(nodes::one))
            .service(get("/info/globals").to(nodes::globals))
            .service(get("/config").to(nodes::config))
            .service(post("/decommission/nodes").to(orders::decommission))
            .service(post("/commission/nodes").to(orders::commission))
            .service(post("/update/nodes").to(orders::update))
            .service(post("/discover/nodes").to(orders::discover))
            .service(post("/globals").to(orders::globals))
            .service(post("/monitor/event").to(orders::monitor))
            .service(post("/config").to(orders::config));
    }
}

/// JSON as contiv sends it: no line end, and the type that Go guesses.
fn json(value: &impl Serialize) -> Result<HttpResponse, String> {
    let text = serde_json::to_string(value).map_err(|error| error.to_string())?;
    Ok(HttpResponse::Ok().content_type(TEXT).body(text))
}

const TEXT: &str = "text/plain; charset=utf-8";

/// The answer, or the one kind of error there is.
fn respond(asked: Result<HttpResponse, String>) -> HttpResponse {
    asked.unwrap_or_else(|error| {
        tracing::info!(%error, "a contiv request is answered with an error");
        HttpResponse::build(StatusCode::INTERNAL_SERVER_ERROR)
            .content_type(TEXT)
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .body(format!("{error}\n"))
    })
}

fn in_words(error: &ApiError) -> String {
    error.to_string()
}

/// A text as Go's `%q` writes it.
fn quoted(text: &str) -> String {
    let text: String = text.chars().take(200).collect();
    format!("{text:?}")
}
