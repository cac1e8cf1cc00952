//! Plans of configure scripts, made by a child process that is held by the kernel's limits on memory
//! and time (DESIGN section 5).
//!
//! The engine holds a script within limits of its own, which one huge step can escape. So scripts are
//! planned by a *worker*: the same program, started with a hidden verb, that lowers its limits before it
//! reads anything. A script that brings its worker down is answered as one that exceeded its limits;
//! the ones after it go to the next worker. Nothing here knows what a script may do: that is
//! `configure`'s. Nothing here has a clock, a file or a lock besides the worker's pipes.

mod error;
mod pool;
mod wire;
mod worker;

pub use error::PlanError;
pub use pool::{DEADLINE, Planner, Request};
pub use wire::Reported;
pub use worker::run_if_asked;
