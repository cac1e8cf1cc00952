//! Provisioning server: hardware in, the right configure script out.
pub mod allocation;
pub mod cli;
pub mod client;
pub mod configure;
#[cfg(test)]
mod corpus;
pub mod format;
pub mod matching;
pub mod model;
pub mod server;
pub mod system;
pub mod telemetry;
