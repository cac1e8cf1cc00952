//! Roles on a machine, beside plain rsync on the same tree: what changed since the installation, and the next version.
//!
//! The tree has 30,000 files and 350 MB, always the same ones; the daemon is a real one on this computer; the
//! programs are timed from start to end, in turns, since the computer may have other work. It prints a line for
//! each way; it is no Criterion bench, since the ways have to take turns.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a bench writes its own files, runs programs itself, stops at the first surprise and prints what it found"
)]

mod lab;
mod tree;
mod upgrade;
mod verify;

fn main() {
    // `cargo test --benches` runs it too: there is nothing to test.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let lab = lab::Lab::start();
    lab.install();
    verify::verify(&lab);
    upgrade::upgrades(&lab);
}
