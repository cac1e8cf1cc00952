//! The role's files into the mounted target (DESIGN section 6, `sync`).
//!
//! They come as a tree by rsync, as an image by HTTP, or as either from a medium in the machine:
//! `source` decides. `manifest` knows whether it is the one that somebody vouches for. A broken connection is taken up
//! where it broke; nothing is called done before it is verified. What is on the target after a failure is a part of the role, and no more than that.

mod archive;
mod came;
mod complaints;
mod digest;
mod download;
mod error;
mod image;
mod manifest;
mod medium;
mod progress;
mod source;
mod texts;
mod tree;

pub(super) use came::Came;
pub(in crate::client) use download::{DownloadError, first_and_total, small_file};
pub(super) use error::SyncError;
pub(super) use manifest::{KeyError, read_key};
pub(in crate::client) use progress::Progress;
pub(super) use source::Source;
pub(in crate::client) use tree::Follower;
