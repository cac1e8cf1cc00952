//! `/boot.ipxe`, `/pxelinux.cfg/NAME` and `/boot/FILE`: what machines that boot from the network fetch.

use std::path::{Component, Path, PathBuf};

use actix_files::NamedFile;
use actix_web::http::header::{CACHE_CONTROL, COOKIE, HOST};
use actix_web::{HttpRequest, HttpResponse, web};

use super::super::boot::{Address, Decision, Hold, Named, Scene, Told, ipxe, pxelinux, survey};
use super::super::error::ApiError;
use super::super::own_reports;
use super::super::state::AppState;
use super::only_get;
use crate::model::SectionName;

pub(super) fn register(config: &mut web::ServiceConfig) {
    config
        .service(
            web::resource("/boot.ipxe")
                .get(boot_ipxe)
                .head(boot_ipxe)
                .default_service(web::to(only_get)),
        )
        .service(
            // PXELINUX looks beside itself, wherever it was fetched from.
            web::resource(["/pxelinux.cfg/{name}", "/boot/pxelinux.cfg/{name}"])
                .get(pxelinux_cfg)
                .head(pxelinux_cfg)
                .default_service(web::to(only_get)),
        )
        .service(
            web::resource(["/boot/{file}", "/{file:lpxelinux\\.0|ldlinux\\.c32}"])
                .get(boot_file)
                .head(boot_file)
                .default_service(web::to(only_get)),
        );
}

async fn boot_ipxe(request: HttpRequest, state: web::Data<AppState>) -> HttpResponse {
    let address = match address_of(&request) {
        Ok(address) => address,
        Err(error) => return error.response(&request),
    };
    let (told, is_introduced) = Told::from_query(request.query_string());
    let (decision, section) = if is_introduced {
        let (decision, section) = decide(state.clone(), &told).await;
        (Some(decision), section)
    } else {
        let named = told.section.as_deref();
        (None, named.and_then(|name| SectionName::new(name).ok()))
    };
    let scene = Scene {
        address: &address,
        section: section.as_ref(),
        arguments: &state.settings.boot_arguments,
    };
    text(match decision {
        Some(decision) => ipxe::script(&decision, &scene),
        None => ipxe::introduction(&scene),
    })
}

/// PXELINUX asks for its uuid, its MAC, parts of its address and `default`, until there is one of them.
/// Its cookie tells all of it each time. Without a cookie a uuid alone is no reason to install: a machine
/// may be known by its MAC, which is asked for next.
async fn pxelinux_cfg(
    request: HttpRequest,
    name: web::Path<String>,
    state: web::Data<AppState>,
) -> HttpResponse {
    let address = match address_of(&request) {
        Ok(address) => address,
        Err(error) => return error.response(&request),
    };
    let (told, named) = Told::from_pxelinux(&name, &header(&request, COOKIE.as_str()));
    if named == Named::Other {
        return no_file(&request);
    }
    let (decision, _) = decide(state.clone(), &told).await;
    if named == Named::Uuid
        && !told.has_mac()
        && matches!(decision, Decision::Install { section: None })
    {
        return no_file(&request);
    }
    let scene = Scene {
        address: &address,
        section: None,
        arguments: &state.settings.boot_arguments,
    };
    let directory = match request.path().starts_with("/boot/") {
        true => "boot/pxelinux.cfg",
        false => "pxelinux.cfg",
    };
    let path = format!("{directory}/{name}");
    text(pxelinux::configuration(&decision, &scene, &path))
}

/// Decides, and tells the log.
async fn decide(state: web::Data<AppState>, told: &Told) -> (Decision, Option<SectionName>) {
    let (identity, section) = (told.identity(), told.section.clone());
    let shown = identity.clone();
    let events = state.events.clone();
    let decided = web::block(move || survey(&state, &identity, section.as_deref()));
    let (decision, section) = decided.await.unwrap_or_else(|_| {
        let stopping = "it is stopping".to_owned();
        (Decision::Hold(Hold::Trouble(stopping)), None)
    });
    tracing::info!(uuid = ?shown.uuid, serial = ?shown.serial, macs = ?shown.macs, ?decision, "asked how to boot");
    own_reports::boot(&events, &shown, &decision);
    (decision, section)
}

fn text(text: String) -> HttpResponse {
    // What is right for a machine now is wrong once it is installed.
    HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(text)
}

fn header(request: &HttpRequest, name: &str) -> String {
    let value = request.headers().get(name);
    value.map_or_else(String::new, |value| {
        String::from_utf8_lossy(value.as_bytes()).into_owned()
    })
}

fn address_of(request: &HttpRequest) -> Result<Address, ApiError> {
    let host = header(request, HOST.as_str());
    Address::parse(&host).ok_or_else(|| ApiError::BadInput {
        error: "the request has no `Host` that scripts could name".to_owned(),
        details: serde_json::Value::from(host),
    })
}

async fn boot_file(
    request: HttpRequest,
    file: web::Path<String>,
    state: web::Data<AppState>,
) -> HttpResponse {
    let Some(path) = below(&state.settings.boot_dir, &file) else {
        return no_file(&request);
    };
    let opened = web::block(move || {
        // Opening a pipe would wait for its other end.
        let is_file = path.metadata().is_ok_and(|it| it.is_file());
        is_file.then(|| NamedFile::open(path))
    });
    match opened.await {
        Ok(Some(Ok(file))) => file.disable_content_disposition().into_response(&request),
        Ok(Some(Err(error))) => {
            tracing::error!(path = ?request.path(), %error, "a file to boot cannot be read");
            ApiError::Internal.response(&request)
        }
        Ok(None) => no_file(&request),
        Err(_) => ApiError::Internal.response(&request),
    }
}

/// The path of a file that lies in `directory` itself; none for any other name.
fn below(directory: &Path, name: &str) -> Option<PathBuf> {
    let mut parts = Path::new(name).components();
    let is_plain = matches!((parts.next(), parts.next()), (Some(Component::Normal(part)), None) if part == name);
    let is_shown = is_plain && !name.starts_with('.') && !name.contains('\0');
    is_shown.then(|| directory.join(name))
}

fn no_file(request: &HttpRequest) -> HttpResponse {
    let path: String = request.path().chars().take(200).collect();
    ApiError::NotFound(format!("there is no file `{}`", path.escape_debug())).response(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_the_directory_itself_are_served() {
        let directory = Path::new("/srv/boot");
        assert_eq!(
            below(directory, "vmlinuz"),
            Some("/srv/boot/vmlinuz".into())
        );
        for name in [
            "",
            ".",
            "..",
            "../x",
            "a/b",
            "/etc/passwd",
            ".hidden",
            "a/",
            "a\0b",
        ] {
            assert_eq!(below(directory, name), None, "{name:?}");
        }
    }
}
