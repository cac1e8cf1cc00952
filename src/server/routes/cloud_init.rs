//! cloud-init of installed systems: its NoCloud seed and its phone_home (wire-formats 4), and eDeploy's
//! user-data (1.9).

use std::io;
use std::path::Path;

use actix_web::{HttpRequest, HttpResponse, web};

use crate::allocation::allocation_of;
use crate::events::address_alias;
use crate::events::producer::{form_pairs, phone_home};
use crate::model::{Allocation, SectionName};

use super::super::cloud_seed;
use super::super::error::ApiError;
use super::super::reporting::{Caller, address_of, body, first_problem, keep};
use super::super::state::{AppState, OpenSection};
use super::events::{answer, machine_in_path, with_machine};
use super::{only_get, only_post};

const FILES: &str = "meta-data|user-data|vendor-data|network-config";

pub(super) fn register(config: &mut web::ServiceConfig) {
    config
        .service(
            web::resource([
                format!("/seed/{{file:{FILES}}}"),
                format!("/seed/{{machine}}/{{file:{FILES}}}"),
            ])
            .get(seed)
            .head(seed)
            .default_service(web::to(only_get)),
        )
        .service(
            web::resource("/2009-04-04/user-data")
                .get(user_data)
                .head(user_data)
                .default_service(web::to(only_get)),
        )
        .service(
            web::resource(with_machine("/phone"))
                .post(phone)
                .default_service(web::to(only_post)),
        );
}

async fn phone(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> HttpResponse {
    let kept = async {
        let body = body(payload, &state).await?;
        let caller = Caller::of(&request, &state, machine_in_path(&request).as_deref())?;
        let (caller, alias) = by_instance(caller, &state);
        let read = move |body: &[u8]| {
            let mut message = phone_home(&form_pairs(body));
            message.aliases.extend(alias);
            vec![Ok(message)]
        };
        first_problem(keep(&state, caller, body, read).await?)
    };
    answer(&request, kept.await)
}

/// What stands in the path of a phone_home is cloud-init's name for the machine, where the admin's image brings
/// its own configuration. If nobody is called so, whoever called from this address before is meant, and is
/// called so from now on.
fn by_instance(mut caller: Caller, state: &AppState) -> (Caller, Option<String>) {
    let Some(named) = caller.named.clone().filter(|_| !caller.is_proven) else {
        return (caller, None);
    };
    let is_of_stranger = state.events.store().is_ok_and(|store| {
        let board = store.board();
        let address = caller.address.as_deref().map(address_alias);
        let has_called = address.is_some_and(|address| board.name_of(&address).is_some());
        board.name_of(&named).is_none() && has_called
    });
    if !is_of_stranger {
        return (caller, None);
    }
    caller.named = None;
    (caller, Some(named))
}

/// Who asks for its seed.
struct Asking {
    /// By the path, else by the address.
    machine: String,
    /// Whether the call is from where this machine calls from: others are not given its secret.
    is_itself: bool,
    section: Option<SectionName>,
}

fn asking(request: &HttpRequest, state: &AppState) -> Asking {
    let address = address_of(request).unwrap_or_default();
    let store = state.events.store().ok();
    let board = store.map(|store| store.board());
    let name_of = |called: &str| {
        let name = board.as_ref().and_then(|board| board.name_of(called));
        name.map(str::to_owned)
    };
    let caller = name_of(&address_alias(&address));
    let machine = match machine_in_path(request) {
        Some(told) => name_of(&told).unwrap_or(told),
        None => caller.clone().unwrap_or(address),
    };
    let known = board.as_ref().and_then(|board| board.machine(&machine));
    let section = known.and_then(|machine| machine.section.as_deref());
    Asking {
        is_itself: caller.as_ref() == Some(&machine),
        section: section.and_then(|name| SectionName::new(name).ok()),
        machine,
    }
}

/// What is there for a machine, by the allocation that it has.
#[derive(Default)]
struct Prepared {
    machine: Option<String>,
    hostname: Option<String>,
    /// The admin's file of the name asked for.
    file: Option<Vec<u8>>,
    /// Whether the admin has user-data for the profile.
    has_user_data: bool,
}

/// Answers empty where there is none of a file: cloud-init asks eleven times for what is not there.
async fn seed(request: HttpRequest, state: web::Data<AppState>) -> HttpResponse {
    let asking = asking(&request, &state);
    let file = request.match_info().query("file").to_owned();
    let (machine, section) = (asking.machine.clone(), asking.section.clone());
    let prepared = {
        let (state, file) = (state.clone(), file.clone());
        web::block(move || prepare(&state, section.as_ref(), &machine, &file)).await
    };
    let prepared = match prepared {
        Ok(Ok(prepared)) => prepared,
        Ok(Err(error)) => return error.response(&request),
        Err(_) => return ApiError::Internal.response(&request),
    };
    let machine = prepared.machine.as_deref().unwrap_or(&asking.machine);
    let reporting = || {
        let secret = asking.is_itself.then(|| state.access.secret_of(machine));
        cloud_seed::reporting(&base(&request), machine, secret.as_deref()).into_bytes()
    };
    let text = match (file.as_str(), prepared.file) {
        (_, Some(bytes)) => bytes,
        ("meta-data", None) => {
            cloud_seed::meta_data(machine, prepared.hostname.as_deref()).into_bytes()
        }
        ("user-data", None) => reporting(),
        // What the admin's own user-data does not say of reporting is said here.
        ("vendor-data", None) if prepared.has_user_data => reporting(),
        _ => Vec::new(),
    };
    text_answer(text)
}

pub(super) fn text_answer(text: Vec<u8>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .insert_header((actix_web::http::header::CACHE_CONTROL, "no-store"))
        .body(text)
}

/// This server's address as the caller wrote it.
fn base(request: &HttpRequest) -> String {
    let info = request.connection_info();
    let scheme = if info.scheme() == "https" {
        "https"
    } else {
        "http"
    };
    format!("{scheme}://{}", info.host())
}

fn prepare(
    state: &AppState,
    section: Option<&SectionName>,
    machine: &str,
    file: &str,
) -> Result<Prepared, ApiError> {
    let Some((section, allocation)) = allocated(state, section, machine) else {
        return Ok(Prepared::default());
    };
    let directory = section.section.config_dir();
    let of_profile = |file: &str| directory.join(format!("{}.{file}", allocation.profile));
    let hostname = allocation
        .variables()
        .get("hostname")
        .map(ToString::to_string);
    // The name of a machine is not a file's matter.
    let wanted = (file != "meta-data").then(|| admins_file(&of_profile(file)));
    Ok(Prepared {
        machine: Some(allocation.machine.to_string()),
        hostname,
        file: wanted.transpose()?.flatten(),
        has_user_data: of_profile("user-data").exists(),
    })
}

/// The allocation of a machine, in the section it is known to be of, else in the first that has one.
fn allocated<'a>(
    state: &'a AppState,
    section: Option<&SectionName>,
    machine: &str,
) -> Option<(&'a OpenSection, Allocation)> {
    let sections = state.sections.iter();
    let mut sections = sections.filter(|(name, _)| section.is_none_or(|wanted| wanted == *name));
    sections.find_map(|(_, open)| {
        let allocation = allocation_of(open.section.config_dir(), machine).ok()?;
        Some((open.as_ref(), allocation))
    })
}

fn admins_file(path: &Path) -> Result<Option<Vec<u8>>, ApiError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => {
            tracing::error!(path = %path.display(), %error, "the admin's file cannot be read");
            Err(ApiError::Internal)
        }
    }
}

/// eDeploy's ramdisk sources this where it has the word EDEPLOYMAGIC in it, before it is anybody: the file of
/// its profile where it has one already, else `user-data` in the profile directory.
async fn user_data(request: HttpRequest, state: web::Data<AppState>) -> HttpResponse {
    let asking = asking(&request, &state);
    let read = web::block(move || {
        let (section, machine) = (asking.section.as_ref(), &asking.machine);
        if let Some(file) = prepare(&state, section, machine, "user-data")?.file {
            return Ok(Some(file));
        }
        let section = state.sections.values().next();
        match section {
            Some(section) => admins_file(&section.section.config_dir().join("user-data")),
            None => Ok(None),
        }
    });
    match read.await.unwrap_or(Err(ApiError::Internal)) {
        Ok(Some(text)) => text_answer(text),
        Ok(None) => ApiError::NotFound("there is no user-data for this machine".to_owned())
            .response(&request),
        Err(error) => error.response(&request),
    }
}
