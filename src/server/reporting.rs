//! From a request to reports that are kept: its body, its credentials, the machine it is of.
//!
//! What a body means is `events::producer`'s; how an answer looks is the routes'.

use std::borrow::Cow;

use actix_web::web::Bytes;
use actix_web::{HttpRequest, web};
use jiff::Timestamp;

use crate::events::producer::{Message, Unreadable, form_pairs};
use crate::events::{Board, Receipt, address_alias};
use crate::format::facts::without_lone_surrogates;

use super::body::Body;
use super::error::ApiError;
use super::state::AppState;
use super::strict_steps::{judge, may_hold_step, reporter_of};

/// The longest body of a report: logs come in base64 within JSON (wire-formats, rules for the whole server).
pub(super) const LIMIT_BYTES: u64 = 64 << 20;

/// Bodies above this size are read, packed and handed over by a thread that may take its time.
const LARGE_BYTES: usize = 64 << 10;

/// How long the name of a machine may be, in characters.
const LONGEST_NAME: usize = 250;

/// What became of one message.
pub(super) type Kept = Result<Receipt, ApiError>;

/// Who calls: what request, credentials and address say of the machine.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    /// The machine that path, query or credentials name.
    pub(super) named: Option<String>,
    /// Whether credentials name it.
    pub(super) is_proven: bool,
    /// Where the call is from.
    pub(super) address: Option<String>,
}

impl Caller {
    /// Judges the credentials. `in_path` is the machine that the path names.
    ///
    /// # Errors
    /// The credentials are wrong, are missing though needed, or are another machine's.
    pub(super) fn of(
        request: &HttpRequest,
        state: &AppState,
        in_path: Option<&str>,
    ) -> Result<Caller, ApiError> {
        let query = form_pairs(request.query_string().as_bytes());
        let parameter = |name: &str| {
            let mut values = query.iter().filter(|(key, _)| key == name);
            values.next().map(|(_, value)| value.as_str())
        };
        let holders = state.access.judge(request.headers(), parameter("token"))?;
        let bound = holders.iter().find_map(|holder| holder.machine.as_deref());
        let told = [in_path, parameter("machine")];
        let told = told.into_iter().flatten().map(str::trim);
        let told = told.filter(|name| !name.is_empty()).map(cut).next();
        let all_bound = holders
            .iter()
            .filter_map(|holder| holder.machine.as_deref());
        for owner in all_bound {
            if let Some(told) = told.as_deref().or(bound)
                && !is_one_machine(state, owner, told)
            {
                return Err(ApiError::Forbidden(
                    "the credentials are of another machine".to_owned(),
                ));
            }
        }
        Ok(Caller {
            is_proven: bound.is_some(),
            named: told.or_else(|| bound.map(str::to_owned)),
            address: address_of(request),
        })
    }

    /// The machine that a message is of: what path, query or credentials say, else the message itself,
    /// else whoever called from this address last, else somebody who is known by the address alone.
    pub(super) fn machine(&self, board: Option<&Board>, message: &Message) -> String {
        if let Some(named) = &self.named {
            return named.clone();
        }
        if let Some(told) = message.machine.as_deref().map(str::trim)
            && !told.is_empty()
        {
            return told_apart(board, cut(told), message.datacenter.as_deref());
        }
        let address = self.address.as_deref().unwrap_or("unknown address");
        let known =
            board.and_then(|board| board.name_of(&address_alias(address)).map(str::to_owned));
        known.unwrap_or_else(|| address.to_owned())
    }
}

/// Where a request is from. What a proxy says of its own callers is not believed.
pub(super) fn address_of(request: &HttpRequest) -> Option<String> {
    let peer = request.peer_addr()?;
    Some(peer.ip().to_canonical().to_string())
}

/// Two machines of one name that stand in different places are two: the second is called `NAME.PLACE`.
fn told_apart(board: Option<&Board>, name: String, datacenter: Option<&str>) -> String {
    let Some(datacenter) = datacenter else {
        return name;
    };
    let known = board.and_then(|board| board.machine(&name));
    let stands_elsewhere = known
        .and_then(|machine| machine.datacenter.as_deref())
        .is_some_and(|known| known != datacenter);
    if stands_elsewhere {
        cut(&format!("{name}.{datacenter}"))
    } else {
        name
    }
}

fn is_one_machine(state: &AppState, one: &str, other: &str) -> bool {
    if one == other {
        return true;
    }
    state.events.store().is_ok_and(|store| {
        let board = store.board();
        let name = board.name_of(one);
        name.is_some() && name == board.name_of(other)
    })
}

fn cut(name: &str) -> String {
    name.chars().take(LONGEST_NAME).collect()
}

/// The whole body, whatever its type is said to be.
///
/// # Errors
/// It is too long, or does not come.
pub(super) async fn body(payload: web::Payload, state: &AppState) -> Result<Bytes, ApiError> {
    let mut body = Body::new(payload, state.settings.upload_pause);
    Ok(body.read(LIMIT_BYTES).await?)
}

/// The text of a body. What is no text in it is replaced: an installer that cannot write is heard too.
pub(super) fn text(body: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(body);
    // Python writes bytes that are no UTF-8 as half a surrogate pair, which JSON cannot say.
    match text.contains("\\ud") || text.contains("\\uD") {
        true => Cow::Owned(without_lone_surrogates(&text)),
        false => text,
    }
}

/// Reads the messages of a body, and keeps them; one answer for each message. Returns when they are on disk.
///
/// # Errors
/// The server is stopping. What is wrong with one message is its own answer.
pub(super) async fn keep(
    state: &web::Data<AppState>,
    caller: Caller,
    body: Bytes,
    read: impl FnOnce(&[u8]) -> Vec<Result<Message, Unreadable>> + Send + 'static,
) -> Result<Vec<Kept>, ApiError> {
    let takes_time = body.len() > LARGE_BYTES || may_hold_step(&body);
    let shared = state.clone();
    let submit = move || submit(&shared, &caller, read(&body));
    let pending = match takes_time {
        true => web::block(submit).await.map_err(|_| ApiError::Internal)?,
        false => submit(),
    };
    let mut kept = Vec::with_capacity(pending.len());
    for one in pending {
        kept.push(match one {
            Ok(pending) => of_receipts(pending.kept().await?),
            Err(error) => Err(error.into()),
        });
    }
    Ok(kept)
}

fn of_receipts(mut receipts: Vec<Receipt>) -> Kept {
    // A message is never without an event.
    receipts.pop().ok_or(ApiError::Internal)
}

fn submit(
    state: &AppState,
    caller: &Caller,
    messages: Vec<Result<Message, Unreadable>>,
) -> Vec<Result<super::events::Pending, Unreadable>> {
    let now = Timestamp::now();
    let (mut jobs, mut named) = (Vec::new(), Vec::with_capacity(messages.len()));
    let mut places = Vec::with_capacity(messages.len());
    {
        let store = state.events.store().ok();
        let board = store.map(|store| store.board());
        for message in messages {
            named.push(message.map(|message| {
                let machine = caller.machine(board.as_deref(), &message);
                let board = board.as_deref();
                let reporter = board.and_then(|board| reporter_of(board, &machine, &message));
                (machine, reporter, message)
            }));
        }
    }
    // Files are read without the board's lock.
    for message in named {
        places.push(message.and_then(|(machine, reporter, mut message)| {
            if let Some(reporter) = reporter {
                judge(state, &reporter, &mut message)?;
            }
            jobs.push(message.reports(&machine, caller.address.as_deref(), now));
            Ok(())
        }));
    }
    let mut pending = state.events.submit_each(jobs).into_iter();
    let places = places.into_iter().map(|place| {
        place.map(|()| {
            pending
                .next()
                .expect("as many jobs were submitted as there were messages")
        })
    });
    places.collect()
}

/// The answer to clients that look at the status alone: the first of their messages that was not kept
/// decides it.
pub(super) fn first_problem(kept: Vec<Kept>) -> Result<(), ApiError> {
    match kept.into_iter().find_map(Result::err) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}
