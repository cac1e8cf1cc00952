//! How the routes that tell what happened read a query and ask the store.
//!
//! Keys that a route does not know are refused: a filter with a slip of the pen would show everything.

use actix_web::{HttpRequest, HttpResponse, web};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::events::{Cursor, Filter, Store, StoreError};
use crate::model::StepResult;

use super::super::error::ApiError;
use super::super::state::AppState;

/// How many rows an answer has if nothing is said, and at most.
const USUAL_LIMIT: usize = 100;
const MOST_ROWS: usize = 1_000;

/// The keys of [`Query::filter`], [`Query::cursor`] and [`Query::limit`].
pub(super) const ROWS: [&str; 9] = [
    "machine", "profile", "result", "job", "since", "until", "before", "after", "limit",
];

/// The query of a request.
#[derive(Debug)]
pub(super) struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// The query, if it has no other keys than these.
    pub(super) fn of(request: &HttpRequest, known: &[&str]) -> Result<Query, ApiError> {
        let pairs = web::Query::<Vec<(String, String)>>::from_query(request.query_string())
            .map_err(|error| wrong("the query cannot be read", error.to_string()))?
            .into_inner();
        match pairs.iter().find(|(key, _)| !known.contains(&key.as_str())) {
            None => Ok(Query { pairs }),
            Some((key, _)) => Err(ApiError::BadInput {
                error: format!("the query has no `{}`", shown(key)),
                details: json!({ "known": known }),
            }),
        }
    }

    /// All values of a key that may be given several times; empty ones count as not given.
    pub(super) fn all(&self, key: &str) -> Vec<String> {
        let given = self
            .pairs
            .iter()
            .filter(|(name, value)| name == key && !value.is_empty());
        given.map(|(_, value)| value.clone()).collect()
    }

    /// The last value of a key.
    pub(super) fn one(&self, key: &str) -> Option<&str> {
        let mut given = self
            .pairs
            .iter()
            .filter(|(name, value)| name == key && !value.is_empty());
        given.next_back().map(|(_, value)| value.as_str())
    }

    /// The last value of a key, read; `expected` says what it can be.
    pub(super) fn read<T>(
        &self,
        key: &str,
        expected: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, ApiError> {
        let Some((_, text)) = self.pairs.iter().rfind(|(name, _)| name == key) else {
            return Ok(None);
        };
        match read(text) {
            Some(value) => Ok(Some(value)),
            None => Err(not(key, text, expected)),
        }
    }

    /// All values of a key, read.
    pub(super) fn read_all<T>(
        &self,
        key: &str,
        expected: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Vec<T>, ApiError> {
        let given = self.all(key);
        let read = given
            .iter()
            .map(|text| read(text).ok_or_else(|| not(key, text, expected)));
        read.collect()
    }

    /// Whether something is wanted.
    pub(super) fn truth(&self, key: &str) -> Result<bool, ApiError> {
        match self.pairs.iter().rfind(|(name, _)| name == key) {
            None => Ok(false),
            Some((_, text)) => match text.as_str() {
                "1" | "true" | "yes" => Ok(true),
                "0" | "false" | "no" => Ok(false),
                other => Err(not(key, other, "`true` or `false`")),
            },
        }
    }

    /// The names of the machines that are given; each may be given by any of its names.
    pub(super) fn machines(&self, store: &Store) -> Vec<String> {
        let board = store.board();
        let given = self.all("machine").into_iter();
        given
            .map(|called| board.name_of(&called).unwrap_or(&called).to_owned())
            .collect()
    }

    /// Which rows are wanted. A machine may be given by any of its names.
    pub(super) fn filter(&self, store: &Store) -> Result<Filter, ApiError> {
        let now = Timestamp::now();
        let time = "a time as `2026-11-21T10:00:00Z`, or how long ago as `90s`, `15m`, `2h`, `7d`";
        Ok(Filter {
            machines: self.machines(store),
            profile: self.one("profile").map(str::to_owned),
            result: self.read(
                "result",
                "`success`, `warn`, `fail` or `skipped`",
                StepResult::of_word,
            )?,
            job: self.read("job", "the number of a job", |text| text.parse().ok())?,
            since: self.read("since", time, |text| moment(text, now))?,
            until: self.read("until", time, |text| moment(text, now))?,
        })
    }

    /// Where to go on: oldest first where `after` is given, else newest first.
    pub(super) fn cursor(&self) -> Result<Cursor, ApiError> {
        let number = |key| self.read(key, "the number of a row", |text| text.parse().ok());
        let (before, after) = (number("before")?, number("after")?);
        Ok(after.map_or(Cursor::Before(before), Cursor::After))
    }

    /// How many rows are wanted.
    pub(super) fn limit(&self) -> Result<usize, ApiError> {
        let expected = format!("a number from 1 to {MOST_ROWS}");
        let limit = self.read("limit", &expected, |text| {
            text.parse()
                .ok()
                .filter(|limit| (1..=MOST_ROWS).contains(limit))
        })?;
        Ok(limit.unwrap_or(USUAL_LIMIT))
    }
}

/// A time, or how long ago it was.
fn moment(text: &str, now: Timestamp) -> Option<Timestamp> {
    if let Ok(at) = text.parse() {
        return Some(at);
    }
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: i64 = number.parse().ok().filter(|number| *number >= 0)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    let ago = SignedDuration::from_secs(number.checked_mul(seconds)?);
    now.checked_sub(ago).ok()
}

fn not(key: &str, text: &str, expected: &str) -> ApiError {
    wrong(
        &format!("`{key}` is `{}`", shown(text)),
        format!("expected {expected}"),
    )
}

fn wrong(error: &str, details: String) -> ApiError {
    ApiError::BadInput {
        error: error.to_owned(),
        details: Value::String(details),
    }
}

/// Enough of a text to recognise it.
fn shown(text: &str) -> String {
    text.chars()
        .take(80)
        .collect::<String>()
        .escape_debug()
        .to_string()
}

/// Asks the store in a thread that may wait.
pub(super) async fn ask<T: Send + 'static>(
    state: &AppState,
    ask: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, ApiError> {
    let store = state.events.store()?.clone();
    let asked = web::block(move || ask(&store)).await;
    Ok(asked.map_err(|_| ApiError::Internal)??)
}

/// The answer, or what is wrong with the request.
pub(super) fn respond(
    request: &HttpRequest,
    asked: Result<HttpResponse, ApiError>,
) -> HttpResponse {
    asked.unwrap_or_else(|error| error.response(request))
}

/// Rows and where to go on: `next` is the value of `before` (or of `after`, where that was given) of the
/// next question, and null at the end.
pub(super) fn page<T: serde::Serialize>(
    name: &str,
    rows: &[T],
    limit: usize,
    number: impl Fn(&T) -> i64,
) -> HttpResponse {
    let next = rows.last().filter(|_| rows.len() == limit).map(number);
    HttpResponse::Ok().json(json!({ name: rows, "next": next }))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn query(text: &str) -> Result<Query, ApiError> {
        let request = TestRequest::with_uri(&format!("/x?{text}")).to_http_request();
        Query::of(&request, &ROWS)
    }

    #[test]
    fn a_key_may_be_given_several_times_and_only_known_ones() {
        let query = query("machine=a&machine=b%20c&machine=&limit=7").unwrap();
        assert_eq!(query.all("machine"), ["a", "b c"]);
        assert_eq!(query.limit().unwrap(), 7);
        let error = self::query("machin=a").unwrap_err();
        assert_eq!(error.to_string(), "the query has no `machin`");
    }

    #[test]
    fn values_that_cannot_be_are_refused_with_what_was_expected() {
        for text in ["limit=0", "limit=1001", "limit=x", "limit="] {
            assert!(query(text).unwrap().limit().is_err(), "{text}");
        }
        assert_eq!(
            query("after=2").unwrap().cursor().unwrap(),
            Cursor::After(2)
        );
        assert!(query("before=%1B[2J").unwrap().cursor().is_err());
    }

    #[test]
    fn a_time_is_absolute_or_ago() {
        let now = Timestamp::from_second(1_795_000_000).unwrap();
        let at = |second| Timestamp::from_second(second).ok();
        assert_eq!(moment("2h", now), at(1_795_000_000 - 7_200));
        assert_eq!(
            moment("2026-11-21T00:00:00Z", now),
            "2026-11-21T00:00:00Z".parse().ok()
        );
        for text in [
            "",
            "h",
            "-1h",
            "9999999999999999999d",
            "9223372036854775807d",
            "1é",
        ] {
            assert_eq!(moment(text, now), None, "{text}");
        }
    }
}
