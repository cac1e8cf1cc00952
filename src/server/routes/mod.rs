//! What can be asked, and who answers.
//!
//! `upload.py` and `upload-health.py` are answered under any prefix: the path is put together by the
//! ramdisk from kernel variables (wire-formats 1). Repeated slashes are squeezed before this table is
//! looked at.

mod api;
mod ask;
mod boot;
mod cloud_init;
mod contiv;
mod drift;
mod events;
mod foreman;
mod health;
mod health_upload;
mod host_keys;
mod ironic;
mod jobs;
mod metrics;
mod openapi;
mod plan;
mod roles;
mod status;
mod stream;
mod timeline;
mod upload;
mod webhooks;

use actix_web::guard::{Guard, fn_guard};
use actix_web::{HttpRequest, HttpResponse, web};

use super::error::ApiError;

/// Registers all routes.
pub(super) fn register(config: &mut web::ServiceConfig) {
    config
        .service(
            web::resource("/{path:.*}")
                .guard(last_segment("upload.py"))
                .to(upload::answer),
        )
        .service(
            web::resource("/{path:.*}")
                .guard(last_segment("upload-health.py"))
                .to(health_upload::answer),
        )
        .service(
            web::resource("/healthz")
                .get(health::alive)
                .head(health::alive)
                .default_service(web::to(only_get)),
        )
        .service(
            web::resource("/readyz")
                .get(health::ready)
                .head(health::ready)
                .default_service(web::to(only_get)),
        )
        .configure(api::register)
        .configure(status::register)
        .configure(jobs::register)
        .configure(timeline::register)
        .configure(stream::register)
        .configure(contiv::register)
        .configure(metrics::register)
        .configure(openapi::register)
        .configure(webhooks::register)
        .configure(drift::register)
        .configure(events::register)
        .configure(foreman::register)
        .configure(cloud_init::register)
        .configure(ironic::register)
        .configure(host_keys::register)
        .configure(boot::register)
        .configure(roles::register)
        .configure(super::pages::register)
        .default_service(web::to(nothing_here));
}

fn last_segment(name: &'static str) -> impl Guard {
    fn_guard(move |context| context.head().uri.path().rsplit('/').next() == Some(name))
}

async fn only_get(request: HttpRequest) -> HttpResponse {
    ApiError::MethodNotAllowed("GET").response(&request)
}

async fn only_post(request: HttpRequest) -> HttpResponse {
    ApiError::MethodNotAllowed("POST").response(&request)
}

async fn nothing_here(request: HttpRequest) -> HttpResponse {
    let path: String = request.path().chars().take(200).collect();
    let text = format!("there is nothing at `{}`", path.escape_debug());
    ApiError::NotFound(text).response(&request)
}
