//! `edeploy`, the program on the machine.
//!
//! It says what is installed, as the original's `edeploy version` and `edeploy role` do. Whoever
//! installs a machine leaves that in a file of shell assignments; nothing here writes it.

mod installed;
mod run;

pub use run::run;
