//! The plan of a configure script: what it does on a machine, before any machine runs it.
//!
//! `Plan` is a value that can be classed, hashed, shown and compared. Nothing here runs a script or
//! a command, and nothing here has an effect.

mod action;
mod class;
mod device;
mod diff;
mod hash;
pub(in crate::configure) mod lcs;
mod loops;
mod programs;
mod report;
mod rules;
mod script;
mod shell;
mod shown;
mod summary;
mod text;
mod wrappers;

pub use action::{Action, CommandText, Placeholder, Plan, What};
pub use class::{Class, class_of};
pub use device::UNKNOWN_DEVICE;
pub(super) use device::disk_of;
pub use diff::{Difference, Numbered, diff};
pub(in crate::configure) use hash::canonical_json;
pub use report::Report;
pub use script::of_configure;
pub use summary::Summary;

#[cfg(test)]
mod samples;
