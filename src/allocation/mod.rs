//! Machine ⇄ (profile, entry, bindings): decided by one law, made to last by one commit (DESIGN.md 4).
//!
//! The one place that changes an admin's files. `choose` and `table` are the law on values;
//! `stockroom`, `record` and `recovery` make it last; `section` and `batch` bring many requests under
//! one lock. Blocking throughout; nothing here knows of HTTP.

mod batch;
mod catalog;
mod check;
mod choose;
mod edit;
mod error;
mod explain;
mod lock;
mod named;
mod outcome;
mod prepare;
mod record;
mod recovery;
mod section;
mod steps;
mod stock;
mod stockroom;
mod store;
mod table;

pub use check::{Finding, Report, Severity, check_dir};
pub use edit::{EditStep, Edited, edit_file};
pub use error::{AllocateError, ErrorKind};
pub use explain::{allocation_of, allocations, configure_script, explain_dir, explain_fleet};
pub use outcome::{
    Allocated, Explanation, FailureReport, Outcome, ProfileExplanation, ProfileReason, Purpose,
    Reason, Refusal, RefusalKind,
};
pub use section::{Section, SectionOptions};
pub use steps::steps_of;
pub use stock::{EntryCount, ProfileStock, stock_of};
