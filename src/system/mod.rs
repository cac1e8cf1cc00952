//! The edge to the operating system: external commands, and the files that are our own.
//!
//! Every external command is a value given to one runner, so that it can be run, shown or replayed.
//! An admin's files are no business of this module: `allocation` replaces those.

mod causes;
mod command;
mod confine;
mod files;
pub mod hpacucli;
pub mod ipmitool;
mod real;
mod rehearsal;
mod runner;
mod streaming;
mod terminal;

pub use causes::with_causes;
pub use command::Command;
pub use confine::{allow_processor_time, confine_this_process, end_this_process};
pub use files::{Durability, Existing, Ownership, put_file, replace_file};
pub use real::{PATH, Real};
pub use rehearsal::{DryRun, Recorded};
pub use runner::{Line, Output, RunError, Runner, Streams};
pub use terminal::run_at_terminal;
