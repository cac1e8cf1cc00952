//! `edeploy`, the program on the machine.
//!
//! In the ramdisk it detects the hardware and runs the configure script. On an installed machine it
//! says what is installed, as the original's `edeploy version` and `edeploy role` do: whoever installs a
//! machine leaves that in a file of shell assignments.

mod assignments;
mod checked;
mod configure;
mod detect;
mod helper;
mod install;
mod installed;
mod publication;
mod report;
mod role_list;
mod run;
mod site;
mod upgrade;
mod verify;

pub use install::{Backlog, Batch};
pub use run::run;
