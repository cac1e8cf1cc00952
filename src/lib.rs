//! Provisioning server: hardware in, the right configure script out.
pub mod configure;
pub mod format;
pub mod matching;
pub mod model;
pub mod server;
pub mod system;
pub mod telemetry;
