//! The style and the script, as they are built into the program.

use actix_web::http::header;
use actix_web::{HttpResponse, web};

/// Name, type and content of each file.
const FILES: [(&str, &str, &str); 2] = [
    (
        "style.css",
        "text/css; charset=utf-8",
        include_str!("static/style.css"),
    ),
    (
        "live.js",
        "text/javascript; charset=utf-8",
        include_str!("static/live.js"),
    ),
];

pub(super) async fn file(name: web::Path<String>) -> HttpResponse {
    let found = FILES.iter().find(|(known, ..)| *known == name.as_str());
    match found {
        Some((_, kind, content)) => HttpResponse::Ok()
            .content_type(*kind)
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .insert_header((header::CACHE_CONTROL, "no-cache"))
            .body(*content),
        None => HttpResponse::NotFound().finish(),
    }
}
