//! The integration tests.

mod cli;
mod examples;
mod fleet;
mod layering;
