//! Provisioning server: hardware in, the right configure script out.
pub mod allocation;
pub mod format;
pub mod matching;
pub mod model;
