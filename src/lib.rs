//! Provisioning server: hardware in, the right configure script out.
pub mod allocation;
#[cfg(test)]
mod corpus;
pub mod format;
pub mod matching;
pub mod model;
