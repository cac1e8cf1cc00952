//! Starts the server, says when it is ready, and stops it without losing what was accepted.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::middleware::{NormalizePath, TrailingSlash, from_fn};
use actix_web::{App, HttpServer, web};
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Instant;
use tracing_actix_web::TracingLogger;

use crate::allocation::{AllocateError, ErrorKind, Section, SectionOptions};
use crate::events::{Patience, StoreOptions};
use crate::model::SectionName;
use crate::planner::Planner;
use crate::system::{Real, Runner};

use super::access::Access;
use super::boot::RefusedMachines;
use super::emitters::Emitters;
use super::events::Events;
use super::live::Live;
use super::metrics::Metrics;
use super::plans::Plans;
use super::request_span::RequestSpan;
use super::routes;
use super::seed::seed;
use super::settings::{Settings, SettingsError};
use super::state::{AppState, OpenSection};
use super::traffic::Traffic;
use super::webhooks::Webhooks;

/// How many threads of each worker may read, match and write at a time. More than there are cores, since
/// some wait for the disk; few enough that a rack that posts at once does not make a thread for each
/// machine. Nothing waits for the lock on them: that is done by the section's own thread.
const BLOCKING_THREADS: usize = 24;

/// How many connections may wait to be accepted: a whole machine room switched on at once.
const BACKLOG: u32 = 4096;

/// How long the last bytes of the last answers may take once all are made.
const LAST_BYTES: Duration = Duration::from_secs(5);

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The settings do not fit what is there.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A directory of our own cannot be made.
    #[error("cannot create `{}`", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The key of the machines' tokens cannot be had.
    #[error("cannot read or make the key of the machines' tokens `{}`", path.display())]
    TokenKey {
        /// The file.
        path: PathBuf,
        /// What the system said, or what is wrong with it.
        source: io::Error,
    },
    /// A section cannot be opened.
    #[error("cannot open section `{section}`: {}", source.details())]
    Section {
        /// The section.
        section: String,
        /// Why not.
        source: AllocateError,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on `{listen}`: {source}; choose another with --listen")]
    Listen {
        /// The address as the settings have it.
        listen: String,
        /// What the system said.
        source: io::Error,
    },
    /// The server broke down while it ran.
    #[error("the server stopped: {0}")]
    Run(#[source] io::Error),
}

impl StartError {
    /// Who must act, as an exit code: 1 the settings are wrong, 4 busy, 5 the environment.
    pub fn exit_code(&self) -> u8 {
        match self {
            StartError::Settings(_) => 1,
            StartError::Section { source, .. } => match source.kind() {
                ErrorKind::Input => 1,
                ErrorKind::Busy => 4,
                ErrorKind::Environment => 5,
            },
            StartError::Directory { .. }
            | StartError::TokenKey { .. }
            | StartError::Listen { .. }
            | StartError::Run(_) => 5,
        }
    }
}

/// A server that has its port and can run.
pub struct Application {
    server: Server,
    addresses: Vec<SocketAddr>,
    state: web::Data<AppState>,
    traffic: Traffic,
    signals: [Signal; 2],
}

impl std::fmt::Debug for Application {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Application")
            .field("addresses", &self.addresses)
            .finish_non_exhaustive()
    }
}

impl Application {
    /// Opens all sections and takes the port. Must be called in an actix system.
    ///
    /// # Errors
    /// A directory, a section or the port is not to be had.
    pub fn build(settings: Settings) -> Result<Application, StartError> {
        Application::with_runner(settings, Arc::new(Real))
    }

    /// The same with another runner of external commands.
    ///
    /// # Errors
    /// Those of [`Application::build`].
    pub fn with_runner(
        settings: Settings,
        runner: Arc<dyn Runner>,
    ) -> Result<Application, StartError> {
        raise_open_files();
        // Caught from here on: whoever knows the address may stop the server.
        let signals = [
            signal(SignalKind::terminate()).map_err(StartError::Run)?,
            signal(SignalKind::interrupt()).map_err(StartError::Run)?,
        ];
        let listen = settings.listen.clone();
        let state = web::Data::new(open(settings, runner)?);
        let traffic = Traffic::default();
        let factory = {
            let (state, traffic) = (state.clone(), traffic.clone());
            move || {
                let (traffic, metrics) = (traffic.clone(), state.metrics.clone());
                App::new()
                    .app_data(state.clone())
                    .configure(routes::register)
                    .wrap(from_fn(move |request, next| {
                        metrics.clone().count(request, next)
                    }))
                    .wrap(TracingLogger::<RequestSpan>::new())
                    .wrap(NormalizePath::new(TrailingSlash::MergeOnly))
                    .wrap(from_fn(move |request, next| {
                        traffic.clone().count(request, next)
                    }))
            }
        };
        let connections = traffic.clone();
        let server = HttpServer::new(factory)
            .on_connect(move |_, extensions| connections.connected(extensions))
            .disable_signals()
            .backlog(BACKLOG)
            .worker_max_blocking_threads(BLOCKING_THREADS)
            .shutdown_timeout(LAST_BYTES.as_secs())
            .bind(&listen)
            .map_err(|source| StartError::Listen { listen, source })?;
        let addresses = server.addrs();
        Ok(Application {
            server: server.run(),
            addresses,
            state,
            traffic,
            signals,
        })
    }

    /// Where the server listens; more than one if the host's name has several addresses.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Serves until SIGTERM or SIGINT, then answers what was accepted and stops.
    ///
    /// # Errors
    /// The server breaks down.
    pub async fn run(self) -> Result<(), StartError> {
        let [mut terminate, mut interrupt] = self.signals;
        let handle = self.server.handle();
        let (traffic, timeout) = (self.traffic, self.state.settings.stop_timeout);
        let (live, webhooks) = (self.state.live.clone(), self.state.webhooks.clone());
        let stopping = actix_web::rt::spawn(async move {
            let terminate = std::pin::pin!(terminate.recv());
            let interrupt = std::pin::pin!(interrupt.recv());
            futures_util::future::select(terminate, interrupt).await;
            webhooks.stop();
            stop(&handle, &traffic, &live, timeout).await;
        });
        let served = self.server.await.map_err(StartError::Run);
        if served.is_ok() {
            stopping.await.ok();
        }
        // What a client no longer waits for is still finished.
        for section in self.state.sections.values() {
            section.section.stop();
        }
        self.state.events.stop();
        served
    }
}

async fn stop(handle: &ServerHandle, traffic: &Traffic, live: &Live, timeout: Duration) {
    tracing::info!("stopping: no new connections are accepted");
    handle.pause().await;
    if !traffic.quiet(Instant::now() + timeout).await {
        tracing::error!("some requests were not answered in time and are given up");
    }
    live.close();
    handle.stop(true).await;
    tracing::info!("stopped");
}

fn open(settings: Settings, runner: Arc<dyn Runner>) -> Result<AppState, StartError> {
    settings.check_directories()?;
    create(&settings.state_dir)?;
    let options = SectionOptions {
        lock_deadline: settings.lock_deadline,
    };
    let mut sections = BTreeMap::new();
    for (name, section) in &settings.sections {
        let directory = &section.config_dir;
        if section.may_be_seeded
            && seed(directory).map_err(|source| StartError::Directory {
                path: directory.clone(),
                source,
            })?
        {
            tracing::info!(directory = %directory.display(), "filled with the example profiles");
        }
        let opened = Section::open(name.clone(), directory, options);
        let open = OpenSection {
            section: opened.map_err(|source| StartError::Section {
                section: name.to_string(),
                source,
            })?,
            settings: section.clone(),
        };
        sections.insert(name.clone(), Arc::new(open));
    }
    let events_dir = settings.state_dir.join("events");
    create(&events_dir)?;
    let events = Events::open(
        &events_dir.join("events.sqlite"),
        store_options(&settings),
        patience(&settings),
        Emitters::start(&settings.reporting),
    );
    let access = Access::open(&settings).map_err(|source| StartError::TokenKey {
        path: Access::key_file(&settings.state_dir),
        source,
    })?;
    introduce(&events, &sections);
    let metrics = Metrics::new();
    let store = events.store();
    let store = store.as_ref().ok().copied();
    if let Some(store) = store {
        metrics.watch(store);
    }
    Ok(AppState {
        live: Live::start(store, events.patience),
        webhooks: Webhooks::start(&settings.webhooks, store, events.patience),
        metrics,
        events,
        access,
        settings,
        sections,
        plans: Plans::new(&Planner::new(runner.clone())),
        refused: RefusedMachines::default(),
        runner,
    })
}

fn store_options(settings: &Settings) -> StoreOptions {
    StoreOptions {
        keep_for: Duration::from_secs(settings.events_keep_days.saturating_mul(86_400)),
        keep_bytes: settings.events_keep_bytes,
        ..StoreOptions::default()
    }
}

fn patience(settings: &Settings) -> Patience {
    Patience::of(Duration::from_secs(
        settings.events_stuck_minutes.saturating_mul(60),
    ))
}

/// The store knows by all their names the machines that were allocated before, also by another server.
fn introduce(events: &Events, sections: &BTreeMap<SectionName, Arc<OpenSection>>) {
    let Ok(store) = events.store() else { return };
    let mut known = Vec::new();
    for (name, section) in sections {
        match section.section.allocations() {
            Ok(allocations) => known.extend(allocations.iter().map(|allocation| {
                let about = super::events::about(name.as_str(), allocation);
                (allocation.machine.to_string(), about)
            })),
            Err(error) => {
                tracing::warn!(%name, error = ?error.details(), "its machines are not known");
            }
        }
    }
    if let Err(error) = store.introduce(known) {
        tracing::error!(%error, "machines that were allocated before are not known by their names");
    }
}

/// Each machine that waits for its answer holds a connection, and a machine room is switched on at
/// once: the usual limit of 1,024 open files is too low for that.
fn raise_open_files() {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

fn create(path: &std::path::Path) -> Result<(), StartError> {
    std::fs::create_dir_all(path).map_err(|source| StartError::Directory {
        path: path.to_owned(),
        source,
    })
}
