//! Reporters: who besides our own store is told of an installation, as curtin tells it (seed `curtin-reporting`).
//!
//! [`Reporter`] is one of them, read from its table and checked; [`Reporter::hand`] says what it is handed
//! of an event, without any effect; [`Handed::deliver`] is the one edge, where lines are written and JSON
//! is posted. The server tells of its own events, the client of the steps of its installation. What is
//! lost on the way stays lost, as with curtin: our own store has it all.

mod deliver;
mod handed;
mod oauth;
mod table;

pub use deliver::{Undelivered, agent};
pub use handed::{Handed, PostedFile, Told};
pub use oauth::{Oauth, signature};
pub use table::{Reporter, ReporterError, ReporterTable, ReporterType, Teller};
