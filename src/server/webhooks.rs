//! Tells other systems what machines become: JSON posted to the addresses of the settings, signed.
//!
//! A thread for each address, so that one that does not answer holds no other up. What waits is in the store
//! (`events::Outbox`): it survives a restart, is tried again with growing pauses, and is given up after some
//! hours, where `/api/v1/webhooks/dead` tells of it. The receiver may see a message twice, never not at all.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::events::{
    Finding, Letter, MachineView, Outbox, Patience, Store, StoreError, Transition,
};

use super::settings::Webhook;
use super::views::Snapshot;

/// How long a receiver may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// How long further changes are waited for after one, so that a rack that boots is one look.
const GATHER: Duration = Duration::from_millis(200);

/// How often all machines are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// The pause after the first failure; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(2);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(1_800);

/// How often a message is tried: over some five hours.
const MOST_ATTEMPTS: u32 = 20;

/// All addresses that are told.
#[derive(Debug, Clone)]
pub struct Webhooks {
    outbox: Option<Outbox>,
    news: Vec<SyncSender<()>>,
    is_stopping: Arc<AtomicBool>,
}

impl Webhooks {
    /// Tells the addresses from now on what the store keeps.
    pub(super) fn start(
        hooks: &[Webhook],
        store: Option<&Arc<Store>>,
        patience: Patience,
    ) -> Webhooks {
        let mut webhooks = Webhooks {
            outbox: store.map(|store| Outbox::new(store.path())),
            news: Vec::new(),
            is_stopping: Arc::default(),
        };
        let (Some(store), Some(outbox)) = (store, &webhooks.outbox) else {
            return webhooks;
        };
        let outbox = outbox.clone();
        for hook in hooks {
            let (sender, news) = sync_channel(1);
            let told = sender.clone();
            let is_stopping = webhooks.is_stopping.clone();
            store.watch(move |_| {
                // One that waits already is enough.
                told.try_send(()).ok();
                !is_stopping.load(Ordering::Relaxed)
            });
            webhooks.news.push(sender);
            let teller = Teller {
                hook: hook.clone(),
                outbox: outbox.clone(),
                store: Arc::downgrade(store),
                patience,
                is_stopping: webhooks.is_stopping.clone(),
                agent: agent(),
            };
            let thread = std::thread::Builder::new().name("webhook".to_owned());
            if let Err(error) = thread.spawn(move || teller.serve(&news)) {
                tracing::error!(url = %hook.shown(), %error, "a webhook has no thread and is not told");
            }
        }
        webhooks
    }

    /// The messages that were given up.
    pub(super) fn outbox(&self) -> Option<&Outbox> {
        self.outbox.as_ref()
    }

    /// How many messages were given up.
    pub(super) fn dead_count(&self) -> i64 {
        let count = self.outbox.as_ref().map(Outbox::dead_count);
        count.and_then(Result::ok).unwrap_or(0)
    }

    /// Begins no further delivery. What waits is delivered after the next start.
    pub(super) fn stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
        for news in &self.news {
            news.try_send(()).ok();
        }
    }
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .timeout_global(Some(DEADLINE))
        .http_status_as_error(false)
        // The signature is for this address and no other.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .build()
        .into()
}

/// What one thread knows.
struct Teller {
    hook: Webhook,
    outbox: Outbox,
    store: std::sync::Weak<Store>,
    patience: Patience,
    is_stopping: Arc<AtomicBool>,
    agent: ureq::Agent,
}

impl Teller {
    fn serve(&self, news: &Receiver<()>) {
        let url = self.hook.shown();
        if let Err(error) = self.outbox.begin(&self.hook.url) {
            tracing::error!(%url, %error, "a webhook cannot be told from its beginning on");
        }
        let mut looked = None;
        loop {
            let looks = looked.is_none_or(|at: Instant| at.elapsed() >= LOOK_EVERY);
            if looks {
                looked = Some(Instant::now());
            }
            let wait = match self.round(looks) {
                Ok(wait) => wait.min(LOOK_EVERY),
                Err(error) => {
                    tracing::error!(%url, %error, "what a webhook is to be told cannot be read");
                    LOOK_EVERY
                }
            };
            match news.recv_timeout(wait) {
                Err(RecvTimeoutError::Disconnected) => return,
                _ if self.is_stopping.load(Ordering::Relaxed) => return,
                // Further changes come together.
                Ok(()) => std::thread::sleep(GATHER),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// Queues what happened, delivers what is due, and says how long nothing else is.
    fn round(&self, looks: bool) -> Result<Duration, StoreError> {
        let Some(store) = self.store.upgrade() else {
            return Ok(LOOK_EVERY);
        };
        self.outbox
            .collect(&self.hook.url, |row| self.of_transition(row, &store))?;
        if looks {
            self.look(&store)?;
        }
        drop(store);
        self.deliver_due()
    }

    /// Looks at all machines for what is wrong: silence is reported by nobody.
    fn look(&self, store: &Store) -> Result<(), StoreError> {
        let snapshot = Snapshot::of(&store.board(), |_| true);
        let views = snapshot.views(self.patience, Timestamp::now());
        let findings = views.filter_map(|view| Some((view.machine, view.diagnosis?.finding)));
        let findings: HashMap<String, Finding> = findings.collect();
        let say = |machine: &str, was, is| self.of_finding(machine, was, is, store);
        self.outbox.notice(&self.hook.url, &findings, say)
    }

    /// What a machine is doing now.
    fn view(&self, store: &Store, machine: &str) -> Option<MachineView> {
        let snapshot = Snapshot::named(&store.board(), std::iter::once(machine));
        let mut views = snapshot.views(self.patience, Timestamp::now());
        views.next()
    }

    fn deliver_due(&self) -> Result<Duration, StoreError> {
        while let Some(letter) = self.outbox.next(&self.hook.url)? {
            if self.is_stopping.load(Ordering::Relaxed) {
                break;
            }
            let wait = letter.due.duration_since(Timestamp::now());
            if let Ok(wait) = Duration::try_from(wait)
                && !wait.is_zero()
            {
                return Ok(wait);
            }
            match self.deliver(&letter) {
                Ok(()) => self.outbox.delivered(letter.id)?,
                Err(why) => {
                    let pause = pause_after(letter.attempts + 1);
                    let (url, tries) = (self.hook.shown(), letter.attempts + 1);
                    match pause {
                        Some(_) => {
                            tracing::warn!(%url, tries, %why, "a webhook was not delivered; it is tried again");
                        }
                        None => {
                            tracing::error!(%url, tries, %why, "a webhook was not delivered and is given up");
                        }
                    }
                    self.outbox.failed(letter.id, &why, pause)?;
                }
            }
        }
        Ok(LOOK_EVERY)
    }

    fn deliver(&self, letter: &Letter) -> Result<(), String> {
        let mut request = self
            .agent
            .post(&self.hook.url)
            .header("Content-Type", "application/json")
            .header(
                "User-Agent",
                concat!("edeploy-server/", env!("CARGO_PKG_VERSION")),
            )
            .header("X-Edeploy-Delivery", letter.id.to_string());
        if let Some(secret) = &self.hook.secret {
            let signature = signature(secret.expose().as_bytes(), letter.body.as_bytes());
            request = request.header("X-Edeploy-Signature", format!("sha256={signature}"));
        }
        let answer = request.send(letter.body.as_bytes());
        match answer.map(|answer| answer.status().as_u16()) {
            Ok(200..300) => Ok(()),
            Ok(status) => Err(format!("answered with status {status}")),
            Err(error) => Err(error.to_string()),
        }
    }

    /// A machine became something else.
    fn of_transition(&self, row: &Transition, store: &Store) -> Option<String> {
        if !self.hook.wants_standing(row.standing) {
            return None;
        }
        let body = json!({
            "event": "standing",
            "id": format!("standing-{}", row.id),
            "at": row.at,
            "machine": row.machine,
            "standing": row.standing,
            "previous": row.previous,
            "action": row.action,
            "result": row.result,
            "profile": row.profile,
            "job": row.job,
            "now": self.view(store, &row.machine),
        });
        Some(body.to_string())
    }

    /// Something is wrong with a machine that was not, or is so no longer.
    fn of_finding(
        &self,
        machine: &str,
        was: Option<Finding>,
        is: Option<Finding>,
        store: &Store,
    ) -> Option<String> {
        let is_wanted =
            |finding: Option<Finding>| finding.is_some_and(|it| self.hook.wants_finding(it));
        if !is_wanted(was) && !is_wanted(is) {
            return None;
        }
        let now = Timestamp::now();
        let view = self.view(store, machine);
        let body = json!({
            "event": "finding",
            "id": format!("finding-{machine}-{}", now.as_microsecond()),
            "at": now,
            "machine": machine,
            "finding": is,
            "previous": was,
            "diagnosis": view.as_ref().map_or(Value::Null, |view| json!(view.diagnosis)),
            "now": view,
        });
        Some(body.to_string())
    }
}

/// How long to wait after so many failures; none when it is given up.
fn pause_after(attempts: u32) -> Option<Duration> {
    if attempts >= MOST_ATTEMPTS {
        return None;
    }
    let pause = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(attempts.saturating_sub(1)));
    Some(pause.min(LONGEST_PAUSE))
}

/// HMAC-SHA256 in hex, as GitHub's and most others' webhooks are signed.
fn signature(secret: &[u8], body: &[u8]) -> String {
    let mut mac =
        <Hmac<Sha256> as KeyInit>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(body);
    let bytes = mac.finalize().into_bytes();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_of_rfc_4231() {
        assert_eq!(
            signature(b"Jefe", b"what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn pauses_grow_and_end() {
        let seconds = |attempts| pause_after(attempts).map(|pause| pause.as_secs());
        assert_eq!(
            (seconds(1), seconds(2), seconds(5)),
            (Some(2), Some(4), Some(32))
        );
        assert_eq!((seconds(19), seconds(20)), (Some(1_800), None));
        let total: u64 = (1..20).filter_map(seconds).sum();
        assert!((4 * 3_600..10 * 3_600).contains(&total), "{total}");
    }
}
