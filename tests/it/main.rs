//! The one integration binary.
mod examples;
mod layering;
