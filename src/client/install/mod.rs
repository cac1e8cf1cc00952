//! `edeploy install`: from a blank machine in its ramdisk to an installed one (DESIGN section 6).
//!
//! `steps` runs the named steps in their order, each with its patience; every other file is what one
//! step does. `settings` is the kernel's command line, `log` tells a person and a program how it goes.

mod bootloader;
mod efi;
mod ending;
mod files;
mod grub;
mod initrd;
mod log;
mod network;
mod network_style;
mod partitions;
mod reporting;
mod retry;
mod server;
mod settings;
mod steps;
mod sync;
mod verb;
mod writer;

pub(super) use verb::Install;
