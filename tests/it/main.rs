//! The one integration binary.
mod cli;
mod examples;
mod layering;
