//! The plan of a configure script: what it does on a machine, before any machine runs it.

mod action;
mod hash;

pub use action::{Action, CommandText, Placeholder, Plan, What};
