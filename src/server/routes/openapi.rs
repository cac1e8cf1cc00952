//! `/api/v1/openapi.json`: what can be asked, for programs. Written by hand; `tests/it/openapi.rs` holds it
//! against what the server does.

use actix_web::{HttpResponse, web};

use super::only_get;

/// The document.
const DOCUMENT: &str = include_str!("../openapi.json");

pub(super) fn register(config: &mut web::ServiceConfig) {
    config.service(
        web::resource(["/api/v1/openapi.json", "/openapi.json"])
            .get(show)
            .default_service(web::to(only_get)),
    );
}

async fn show() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .body(DOCUMENT)
}
