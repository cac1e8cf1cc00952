//! The HTTP side: settings, start and stop, and one handler for each thing a client can ask.
//!
//! Async ends here: whatever reads files, matches or waits for a lock is called from a blocking
//! thread. Nothing here decides who gets what: that is `allocation`.

pub mod settings;
