//! Tells the reporters of the settings what the server itself has to report: a thread for each, so that one
//! that does not answer holds nobody up. What is lost on the way is in the store all the same.

use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};

use crate::events::Report;
use crate::model::Level;
use crate::reporters::{Reporter, Teller, Told, agent};
use crate::system::with_causes;

/// How many reports may wait for one reporter: a machine room that boots.
const WAITING: usize = 10_000;

/// All reporters that the server tells.
#[derive(Debug, Clone, Default)]
pub struct Emitters(Vec<Emitter>);

#[derive(Debug, Clone)]
struct Emitter {
    name: String,
    reports: SyncSender<Report>,
}

impl Emitters {
    /// Tells them from now on.
    pub fn start(reporters: &[Reporter]) -> Emitters {
        let told = reporters.iter().filter(|it| it.is_told_by(Teller::Server));
        Emitters(told.filter_map(Emitter::start).collect())
    }

    /// Tells what the server reports; what others report they tell themselves.
    pub(super) fn tell(&self, report: &Report) {
        if report.event.origin != "server" {
            return;
        }
        for emitter in &self.0 {
            match emitter.reports.try_send(report.clone()) {
                Err(TrySendError::Full(_)) => {
                    let reporter = &emitter.name;
                    tracing::error!(%reporter, "too much waits for a reporter: an event is not told");
                }
                // Without its thread, of which the log has told.
                Ok(()) | Err(TrySendError::Disconnected(_)) => {}
            }
        }
    }
}

impl Emitter {
    fn start(reporter: &Reporter) -> Option<Emitter> {
        let (reports, waiting) = sync_channel::<Report>(WAITING);
        let name = reporter.name().to_owned();
        let reporter = reporter.clone();
        let thread = std::thread::Builder::new().name("reporter".to_owned());
        let spawned = thread.spawn(move || {
            let agent = agent();
            for report in waiting {
                tell(&reporter, &agent, &report);
            }
        });
        match spawned {
            Ok(_) => Some(Emitter { name, reports }),
            Err(error) => {
                tracing::error!(reporter = %name, %error, "a reporter has no thread and is not told");
                None
            }
        }
    }
}

fn tell(reporter: &Reporter, agent: &ureq::Agent, report: &Report) {
    let told = Told {
        event: &report.event,
        at: report.received,
        machine: Some(&report.machine),
        files: &[],
    };
    let handed = reporter.hand(&told);
    let done = handed.map_or(Ok(()), |it| it.deliver(reporter, agent, log));
    if let Err(error) = done {
        let (reporter, error) = (reporter.name(), with_causes(&error));
        tracing::warn!(%reporter, %error, "an event was not told");
    }
}

fn log(level: Level, line: &str) {
    match level {
        Level::Debug => tracing::debug!("{line}"),
        Level::Info => tracing::info!("{line}"),
        Level::Warning => tracing::warn!("{line}"),
        Level::Error => tracing::error!("{line}"),
    }
}
