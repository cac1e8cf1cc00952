//! What is counted, for Prometheus.
//!
//! No label has a value that a client chooses: routes are those that are registered, profiles those of the
//! admin. Machines are counted, never named.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::events::{Change, Finding, MachineView, Standing, Store};

use super::drift::{Fleet, State};

/// All that is counted.
#[derive(Debug, Clone)]
pub struct Metrics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabel, Histogram>,
    allocations: Family<AllocationLabels, Counter>,
    events: Counter,
    commits: Histogram,
    machines: Family<StandingLabel, Gauge>,
    findings: Family<FindingLabel, Gauge>,
    verified: Family<StateLabel, Gauge>,
    jobs: Gauge,
    streams: Gauge,
    store_bytes: Gauge,
    dead_letters: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: String,
    method: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabel {
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AllocationLabels {
    section: String,
    profile: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StandingLabel {
    standing: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FindingLabel {
    finding: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabel {
    state: &'static str,
}

/// From 0.5 ms to about 16 s.
fn latencies() -> Histogram {
    Histogram::new(exponential_buckets(0.000_5, 2.0, 16))
}

/// What is true at one moment, counted from what all machines are doing.
#[derive(Debug, Default)]
pub(super) struct Moment {
    pub(super) streams: usize,
    pub(super) dead_letters: i64,
}

impl Metrics {
    /// Nothing is counted yet.
    pub(super) fn new() -> Metrics {
        let mut inner = Inner {
            registry: Registry::default(),
            requests: Family::default(),
            durations: Family::new_with_constructor(latencies),
            allocations: Family::default(),
            events: Counter::default(),
            commits: latencies(),
            machines: Family::default(),
            findings: Family::default(),
            verified: Family::default(),
            jobs: Gauge::default(),
            streams: Gauge::default(),
            store_bytes: Gauge::default(),
            dead_letters: Gauge::default(),
        };
        inner.register();
        Metrics(Arc::new(inner))
    }

    /// Counts what the store keeps.
    pub(super) fn watch(&self, store: &Store) {
        let inner = Arc::downgrade(&self.0);
        store.watch(move |change: &Change| match inner.upgrade() {
            Some(inner) => {
                inner.events.inc_by(change.events as u64);
                inner.commits.observe(change.took.as_secs_f64());
                true
            }
            None => false,
        });
    }

    /// Counts what became of an upload; `profile` is empty where there is none.
    pub(super) fn allocation(&self, section: &str, profile: &str, outcome: &'static str) {
        let labels = AllocationLabels {
            section: section.to_owned(),
            profile: profile.to_owned(),
            outcome,
        };
        self.0.allocations.get_or_create(&labels).inc();
    }

    /// To be called around every request.
    pub(super) async fn count(
        self,
        request: ServiceRequest,
        next: Next<impl MessageBody + 'static>,
    ) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
        let began = Instant::now();
        let method = word_of(request.method());
        let path = request.path().to_owned();
        let answer = next.call(request).await;
        let (route, status) = match &answer {
            Ok(answer) => {
                let pattern = answer.request().match_pattern();
                (
                    route_of(pattern.as_deref(), &path),
                    answer.status().as_u16(),
                )
            }
            Err(error) => (
                "none".to_owned(),
                error.as_response_error().status_code().as_u16(),
            ),
        };
        self.answered(route, method, status, began.elapsed());
        answer
    }

    fn answered(&self, route: String, method: &'static str, status: u16, took: Duration) {
        let label = RouteLabel {
            route: route.clone(),
        };
        let durations = self.0.durations.get_or_create(&label);
        durations.observe(took.as_secs_f64());
        drop(durations);
        let labels = RequestLabels {
            route,
            method,
            status,
        };
        self.0.requests.get_or_create(&labels).inc();
    }

    /// The text that Prometheus reads.
    pub(super) fn text(
        &self,
        views: impl Iterator<Item = MachineView>,
        store: Option<&Store>,
        moment: &Moment,
    ) -> String {
        let inner = &self.0;
        inner.count_machines(views);
        inner
            .streams
            .set(i64::try_from(moment.streams).unwrap_or(i64::MAX));
        inner.dead_letters.set(moment.dead_letters);
        if let Some(fleet) = store.and_then(|store| Fleet::of(store).ok()) {
            inner.count_verified(&fleet);
        }
        let bytes = store.map_or(0, Store::size_bytes);
        inner
            .store_bytes
            .set(i64::try_from(bytes).unwrap_or(i64::MAX));
        let mut text = String::new();
        match encode(&mut text, &inner.registry) {
            Ok(()) => plain(&text),
            // Writing to a string cannot fail.
            Err(_) => String::new(),
        }
    }
}

impl Inner {
    fn register(&mut self) {
        let all = &mut self.registry;
        let help = "Requests that were answered";
        all.register("edeploy_http_requests", help, self.requests.clone());
        let help = "Time until the head of an answer";
        all.register(
            "edeploy_http_request_duration_seconds",
            help,
            self.durations.clone(),
        );
        let help = "Uploads of hardware by what became of them";
        all.register("edeploy_allocations", help, self.allocations.clone());
        let help = "Events that were kept";
        all.register("edeploy_events", help, self.events.clone());
        let help = "Time of one commit of events to the disk";
        all.register(
            "edeploy_event_commit_duration_seconds",
            help,
            self.commits.clone(),
        );
        let help = "Machines by where they stand";
        all.register("edeploy_machines", help, self.machines.clone());
        let help = "Machines by what is wrong with them";
        all.register("edeploy_machine_findings", help, self.findings.clone());
        let help = "Installed machines by how their files were when they told last";
        all.register("edeploy_machines_verified", help, self.verified.clone());
        let help = "Installations that are going on";
        all.register("edeploy_jobs_open", help, self.jobs.clone());
        let help = "Pages and logs that are being followed";
        all.register("edeploy_streams_open", help, self.streams.clone());
        let help = "Size of the store of events";
        all.register("edeploy_event_store_bytes", help, self.store_bytes.clone());
        let help = "Webhooks that could not be delivered and are not tried again";
        all.register("edeploy_webhooks_dead", help, self.dead_letters.clone());
    }

    fn count_verified(&self, fleet: &Fleet) {
        let counts = State::ALL.map(|state| (state.word(), fleet.count(state)));
        let silent = (State::NEVER, fleet.never_verified.len());
        for (state, count) in counts.into_iter().chain([silent]) {
            let gauge = self.verified.get_or_create(&StateLabel { state });
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    fn count_machines(&self, views: impl Iterator<Item = MachineView>) {
        let mut standings = [0_i64; Standing::ALL.len()];
        let mut findings = [0_i64; Finding::ALL.len()];
        let mut jobs = 0;
        for view in views {
            let is_same = |known: &Standing| *known == view.standing;
            if let Some(at) = Standing::ALL.iter().position(is_same) {
                standings[at] += 1;
            }
            let finding = view.diagnosis.map(|it| it.finding);
            if let Some(at) = Finding::ALL
                .iter()
                .position(|known| Some(*known) == finding)
            {
                findings[at] += 1;
            }
            jobs += i64::from(view.status.is_some_and(|status| status.is_open()));
        }
        for (standing, count) in Standing::ALL.into_iter().zip(standings) {
            let label = StandingLabel {
                standing: standing.word(),
            };
            self.machines.get_or_create(&label).set(count);
        }
        for (finding, count) in Finding::ALL.into_iter().zip(findings) {
            let label = FindingLabel {
                finding: finding.word(),
            };
            self.findings.get_or_create(&label).set(count);
        }
        self.jobs.set(jobs);
    }
}

/// A method as a label: those that no route has are one.
fn word_of(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        _ => "other",
    }
}

/// A route as a label: its pattern, never the path that a client sent.
fn route_of(pattern: Option<&str>, path: &str) -> String {
    match (pattern, path.rsplit('/').next()) {
        // The pattern of what is found by its last part below any prefix fits every path.
        (Some("/{path:.*}"), Some(last @ ("upload.py" | "upload-health.py"))) => last.to_owned(),
        (Some("/{path:.*}") | None, _) => "other".to_owned(),
        (Some(pattern), _) => pattern.to_owned(),
    }
}

/// OpenMetrics as the older text format, which every Prometheus and `promtool check metrics` read
/// (wire-formats 10): there the head of a counter has the `_total` of its samples, and there is no `# EOF`.
fn plain(text: &str) -> String {
    let type_of = |line: &str| {
        let (name, kind) = line.strip_prefix("# TYPE ")?.split_once(' ')?;
        (kind == "counter").then(|| name.to_owned())
    };
    let counters: Vec<String> = text.lines().filter_map(type_of).collect();
    let mut plain = String::with_capacity(text.len());
    for line in text.lines().filter(|line| *line != "# EOF") {
        let mut words = line.splitn(4, ' ');
        let head = (words.next(), words.next(), words.next(), words.next());
        match head {
            (Some("#"), Some(what @ ("HELP" | "TYPE")), Some(name), Some(rest))
                if counters.iter().any(|counter| counter == name) =>
            {
                plain.push_str(&format!("# {what} {name}_total {rest}\n"));
            }
            _ => {
                plain.push_str(line);
                plain.push('\n');
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_told_under_their_whole_name() {
        let metrics = Metrics::new();
        metrics.allocation("SERVER", "v\"m\n", "allocated");
        metrics.answered("/x".to_owned(), "GET", 200, Duration::from_millis(3));
        let text = metrics.text(std::iter::empty(), None, &Moment::default());
        for line in [
            "# TYPE edeploy_allocations_total counter",
            "edeploy_allocations_total{section=\"SERVER\",profile=\"v\\\"m\\n\",outcome=\"allocated\"} 1",
            "# TYPE edeploy_http_request_duration_seconds histogram",
            "edeploy_http_requests_total{route=\"/x\",method=\"GET\",status=\"200\"} 1",
            "edeploy_machines{standing=\"failed\"} 0",
        ] {
            assert!(text.lines().any(|known| known == line), "{line}\n{text}");
        }
        assert!(!text.contains("# EOF"), "{text}");
    }

    #[test]
    fn a_label_is_never_what_a_client_sent() {
        assert_eq!(
            word_of(&Method::from_bytes(b"X-ANYTHING").unwrap()),
            "other"
        );
        assert_eq!(route_of(None, "/a/b"), "other");
        assert_eq!(route_of(Some("/{path:.*}"), "/a/b"), "other");
        assert_eq!(route_of(Some("/{path:.*}"), "/a/upload.py"), "upload.py");
    }
}
