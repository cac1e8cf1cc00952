//! `edeploy install`: from a blank machine in its ramdisk to an installed one (DESIGN section 6).
//!
//! `steps` runs the named steps in their order, each with its patience; every other file is what one
//! step does. `settings` is the kernel's command line, `log` tells a person how it goes, `journal` a program.

mod agent;
mod bootloader;
mod courier;
mod efi;
mod emitter;
mod ending;
mod facts;
mod files;
pub(super) mod grub;
mod grub_wishes;
mod initrd;
mod installation;
mod journal;
mod log;
mod network;
mod network_style;
mod overlay;
mod partitions;
mod pxemngr;
mod reporting;
mod retry;
mod role_server;
mod server;
mod settings;
mod step;
mod steps;
mod sync;
mod verb;
mod writer;

pub(super) use agent::{CaError, for_reports};
pub(super) use bootloader::kernels_in;
pub(super) use courier::{Courier, Home};
pub use journal::{Backlog, Batch};
pub(super) use log::{Failure, Log, Whole};
pub(super) use retry::{Patience, Transient, Tries};
pub(super) use role_server::{RoleServer, RoleServerError};
pub(super) use sync::{DownloadError, Follower, Progress, first_and_total, small_file};
pub(super) use verb::Install;
