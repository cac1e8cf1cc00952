//! The steps of a deployment beside one another in time, from the rows that were kept of it.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::store::EventRow;
use crate::model::StepResult;

/// One step in time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Span {
    /// Its name, parents first.
    pub name: String,
    /// How many parents it has.
    pub depth: usize,
    /// In words.
    pub description: String,
    /// When it started.
    pub started: Timestamp,
    /// How long it took; none while it goes on.
    pub took: Option<SignedDuration>,
    /// How it ended.
    pub result: Option<StepResult>,
}

/// The steps of a deployment in the order in which they started. `rows` are in the order in which they
/// came in. A step that was never finished ends with its parent; a finish without a start is a moment.
pub fn waterfall(rows: &[EventRow]) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for row in rows {
        match row.kind.as_str() {
            "start" => spans.push(begun(row)),
            "finish" => finish(&mut spans, row),
            _ => {}
        }
    }
    spans.sort_by_key(|span| span.started);
    spans
}

fn begun(row: &EventRow) -> Span {
    Span {
        name: row.name.clone(),
        depth: row.name.matches('/').count(),
        description: row.description.clone(),
        started: row.happened,
        took: None,
        result: None,
    }
}

fn finish(spans: &mut Vec<Span>, row: &EventRow) {
    let below = format!("{}/", row.name);
    let open = spans
        .iter()
        .rposition(|span| span.took.is_none() && span.name == row.name);
    let Some(at) = open else {
        // What the server says of itself is no step.
        if row.origin != "server" {
            spans.push(Span {
                took: Some(SignedDuration::ZERO),
                result: row.result,
                ..begun(row)
            });
        }
        return;
    };
    let end = |span: &mut Span| {
        let took = row.happened.duration_since(span.started);
        span.took = Some(took.max(SignedDuration::ZERO));
    };
    for span in &mut spans[at..] {
        if span.took.is_none() && span.name.starts_with(&below) {
            end(span);
        }
    }
    let span = &mut spans[at];
    end(span);
    span.result = row.result;
    if row.result == Some(StepResult::Fail) && !row.description.is_empty() {
        span.description.clone_from(&row.description);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Level;

    fn row(name: &str, kind: &str, second: i64) -> EventRow {
        let at = Timestamp::from_second(1_795_000_000 + second).unwrap();
        EventRow {
            id: second,
            machine: "node1".to_owned(),
            job: Some(1),
            received: at,
            happened: at,
            origin: "edeploy".to_owned(),
            name: name.to_owned(),
            kind: kind.to_owned(),
            result: (kind == "finish").then_some(StepResult::Success),
            level: Level::Info,
            percent: None,
            description: String::new(),
        }
    }

    #[test]
    fn steps_lie_beside_one_another_in_time() {
        let spans = waterfall(&[
            row("install", "start", 0),
            row("install/sync", "start", 2),
            row("install/sync/rsync", "start", 3),
            row("install/sync", "finish", 9),
            row("install/files", "start", 9),
            row("install/odd", "finish", 11),
        ]);
        let told: Vec<_> = spans
            .iter()
            .map(|span| {
                (
                    span.name.as_str(),
                    span.depth,
                    span.took.map(|took| took.as_secs()),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("install", 0, None),
                ("install/sync", 1, Some(7)),
                ("install/sync/rsync", 2, Some(6)),
                ("install/files", 1, None),
                ("install/odd", 1, Some(0)),
            ]
        );
    }
}
