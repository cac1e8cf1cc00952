//! The integration tests.

#![cfg(test)]

mod cli;
mod examples;
mod fleet;
mod layering;
mod settings_example;
