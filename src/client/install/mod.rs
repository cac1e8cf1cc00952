//! `edeploy install`: from a blank machine in its ramdisk to an installed one (DESIGN section 6).
//!
//! `steps` runs the named steps in their order, each with its patience; every other file is what one
//! step does. `settings` is the kernel's command line, `log` tells a person how it goes, `journal` a program.

mod agent;
mod bootloader;
mod courier;
mod efi;
mod ending;
mod files;
mod grub;
mod grub_wishes;
mod initrd;
mod journal;
mod log;
mod network;
mod network_style;
mod partitions;
mod pxemngr;
mod reporting;
mod retry;
mod server;
mod settings;
mod steps;
mod sync;
mod verb;
mod writer;

pub use journal::{Backlog, Batch};
pub(super) use verb::Install;
