//! What this machine is made of, as facts, straight from the kernel.
//!
//! One file for each source, from [`Sysroot`] and the runner to rows of the schema that eDeploy's
//! `hardware-detect` prints (same categories, instances, keys and units). Programs are run only where
//! the kernel has no file for it, and only if they are there. A source that fails adds a warning;
//! the others go on. All that hardware says is hostile: it is cleaned, cut and never believed.
//!
//! Nothing here changes the machine, measures how fast it is, or decides what it is good for.

mod address;
mod ahci;
mod cpu;
mod detect;
mod disk;
mod dmi;
mod ethtool;
mod hpa;
mod infiniband;
mod ipmi;
mod kernel;
mod lldp;
mod megaraid;
mod memory;
mod network;
mod numa;
mod order;
mod pci;
mod report;
mod root;
mod sensors;
mod smart;
mod smbios;
mod tools;

pub use detect::{Detected, detect};
pub use root::Sysroot;
