//! Reads what installers post, each as its real client sends it (wire-formats 2 to 5 and 8).
//!
//! Pure: texts, fields and bytes in, events with their files out. Which machine they are of, and who may
//! tell, is not decided here. Everything read is hostile: lengths are limited, nothing is run or opened.

mod drift;
mod foreman;
mod inspection;
mod maas;
mod message;
mod phone_home;
mod reading;
mod status_event;
mod words;

pub use drift::{DRIFT_BYTES, drift};
pub use foreman::{built, failed};
pub use inspection::{Inspection, facts_of_inventory, inspection};
pub use maas::{FormField, legacy_report};
pub use message::{Message, Unreadable};
pub use phone_home::{form_pairs, phone_home};
pub use reading::read;

#[cfg(test)]
mod tests;
