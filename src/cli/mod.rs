//! `edeployctl`, the admin's terminal.
//!
//! One file per verb; each reads what it needs and gives back an `Answer` or a
//! `Failure`, and only `output` writes. Whether that is text or JSON is no verb's business.
//! Nothing here decides: matching, allocation and the formats do.

mod answer;
mod args;
mod check;
mod check_scripts;
mod convert;
mod convert_script;
mod drift;
mod edit;
mod explain;
mod generate;
mod helpers;
mod input;
mod job;
mod machine;
mod machines;
mod match_spec;
mod output;
mod plan;
mod reinstall;
mod release;
mod remote;
mod role;
mod run;
mod snippet;
mod status;
mod table;
mod timeline;
mod verify_cmdb;
mod watch;

pub use run::run;
