//! Spec and facts → verdict.
