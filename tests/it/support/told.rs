//! What was told to a server, read from its store after it has stopped.

use std::sync::Arc;

use edeploy::events::{Cursor, DeploymentRow, EventRow, Filter, Machine, Store, StoreOptions};

use super::server::TestServer;

/// The store of a server that has stopped.
pub(crate) struct Told {
    store: Store,
    _dir: tempfile::TempDir,
}

impl Told {
    /// Stops the server and opens its store.
    pub(crate) fn to(server: TestServer) -> Told {
        Told::in_dir(server.stop())
    }

    /// Opens the store that a server has left.
    pub(crate) fn in_dir(dir: tempfile::TempDir) -> Told {
        let path = dir.path().join("state/events/events.sqlite");
        let store = Store::open(&path, StoreOptions::default()).unwrap();
        Told { store, _dir: dir }
    }

    /// The names of all machines, sorted.
    pub(crate) fn machines(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .store
            .board()
            .machines()
            .map(|machine| machine.name.clone())
            .collect();
        names.sort();
        names
    }

    pub(crate) fn machine(&self, name: &str) -> Arc<Machine> {
        let board = self.store.board();
        board
            .machine(name)
            .unwrap_or_else(|| panic!("nobody is called {name}"))
            .clone()
    }

    fn of(machine: &str) -> Filter {
        Filter {
            machines: vec![machine.to_owned()],
            ..Filter::default()
        }
    }

    /// All events of a machine, the oldest first.
    pub(crate) fn events(&self, machine: &str) -> Vec<EventRow> {
        let filter = Told::of(machine);
        self.store
            .events(&filter, Cursor::After(0), 1_000_000)
            .unwrap()
    }

    /// All deployments of a machine, the oldest first.
    pub(crate) fn deployments(&self, machine: &str) -> Vec<DeploymentRow> {
        let filter = Told::of(machine);
        self.store
            .deployments(&filter, None, Cursor::After(0), 1_000)
            .unwrap()
    }

    /// The files of a machine, the oldest first: name and content.
    pub(crate) fn files(&self, machine: &str) -> Vec<(String, Vec<u8>)> {
        let mut rows = self.store.logs(&Told::of(machine), 1_000).unwrap();
        rows.reverse();
        let files = rows.into_iter().map(|row| {
            let content = self.store.log_content(row.id).unwrap().unwrap();
            (row.name, content)
        });
        files.collect()
    }
}
