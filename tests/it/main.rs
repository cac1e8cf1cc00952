//! The integration tests.

mod fleet;
