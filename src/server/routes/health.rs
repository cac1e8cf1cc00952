//! `/healthz`: the server runs. `/readyz`: it could allocate now.

use std::path::Path;
use std::sync::Arc;

use actix_web::{HttpResponse, web};
use rustix::fs::{Access, access};
use serde_json::{Map, Value, json};

use super::super::boot::missing;
use super::super::state::{AppState, OpenSection};

pub(super) async fn alive() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "ok" }))
}

/// Says of every section whether its files parse and can be changed.
pub(super) async fn ready(state: web::Data<AppState>) -> HttpResponse {
    let sections: Vec<Arc<OpenSection>> = state.sections.values().cloned().collect();
    let looked = web::block(move || {
        let boot = boot_files(&state.settings.boot_dir);
        let looked = sections
            .iter()
            .map(|section| (section.section.name().to_string(), why_not_ready(section)));
        (looked.collect::<Vec<_>>(), boot)
    });
    let Ok((looked, boot)) = looked.await else {
        return HttpResponse::ServiceUnavailable().json(json!({ "status": "stopping" }));
    };
    let is_ready = looked.iter().all(|(_, why)| why.is_none());
    let sections: Map<String, Value> = looked
        .into_iter()
        .map(|(name, why)| (name, why.map_or(json!("ready"), Value::String)))
        .collect();
    if is_ready {
        HttpResponse::Ok().json(json!({ "status": "ready", "sections": sections, "boot": boot }))
    } else {
        tracing::warn!(sections = ?sections, "not ready");
        HttpResponse::ServiceUnavailable()
            .json(json!({ "status": "not ready", "sections": sections, "boot": boot }))
    }
}

/// Whether there is something to boot. A server without it is ready all the same: other programs may
/// serve the ramdisk.
fn boot_files(directory: &Path) -> String {
    match missing(directory) {
        Some(name) => format!("there is no `{}`", directory.join(name).display()),
        None => "ready".to_owned(),
    }
}

fn why_not_ready(section: &OpenSection) -> Option<String> {
    // Facts of nobody: every file that a decision needs is read, nothing is decided.
    if let Err(error) = section.section.explain(&[]) {
        return Some(error.details());
    }
    let directory = section.section.config_dir();
    for path in [directory.to_owned(), directory.join(".edeploy")] {
        if let Err(error) = access(&path, Access::WRITE_OK | Access::EXEC_OK) {
            return Some(format!("`{}` cannot be written: {error}", path.display()));
        }
    }
    None
}
