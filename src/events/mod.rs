//! What was reported of machines: kept in one store, folded into what each machine is doing now.
//!
//! `fold` and `diagnosis` are pure: reports in, standing and deployments out, with the clock as an
//! argument. `store` keeps every report in SQLite, in groups, and what they come to in memory for whoever
//! looks. Nothing here knows of HTTP; producers' bytes are read by `producer`.

mod board;
mod deployment;
mod diagnosis;
mod fold;
mod machine;
mod meaning;
pub mod producer;
mod report;
mod standing;
mod steps;
mod store;
mod usual;
mod view;

pub use board::Board;
pub use deployment::{Deployment, OpenStep, Stage};
pub use diagnosis::{Diagnosis, Finding, Patience, diagnose, in_words};
pub use machine::{Machine, Restarts};
pub use report::{About, HostKey, LogFile, Report, address_alias};
pub use standing::{Standing, Status};
pub use steps::{Step, steps};
pub use store::{
    Change, CommonDifference, Cursor, DeadLetter, DeploymentRow, DriftRow, EventRow, Filter,
    HostKeyRow, Letter, LogRow, Outbox, Receipt, Store, StoreError, StoreOptions, Transition,
};
pub use usual::{Progress, Usual, UsualStage};
pub use view::MachineView;
