//! `edeploy configure`: runs the configure script of the server's answer on this machine.
//!
//! `answer` reads what the server gave, `ramdisk` is the machine that the script acts on, with one
//! file for each kind of action, and `journal` keeps what was done. What a script may do and in which
//! order is decided in `crate::configure`.

mod answer;
mod board;
mod controller;
mod foreign;
mod journal;
mod ramdisk;
mod staged;
mod verb;

pub(super) use answer::Answer;
pub(super) use board::call as ipmi;
pub(super) use staged::{Staged, StagedError};
pub(super) use verb::{Configure, ConfigureError, ConfigureOptions};
