//! Provisioning server: hardware in, the right configure script out.
pub mod cli;
pub mod client;
pub mod format;
pub mod matching;
pub mod model;
