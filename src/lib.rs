//! Provisioning server: hardware in, the right configure script out.
//!
//! A machine that boots from the network posts what it is made of. The server matches that against
//! profiles in order of priority, reserves what the profile hands out, and answers with a configure
//! script. This crate is the library of three programs: `edeploy-server`, `edeployctl` and `edeploy`.
//!
//! # Words
//!
//! Each has one meaning, in code, files, help and messages.
//!
//! | word | meaning |
//! |---|---|
//! | fact | one row (category, instance, key, value) seen on a machine |
//! | spec | what a profile requires: a list of **rules**, each of four **patterns** |
//! | binding | `$name` captured by a rule; a **key binding**, `$$name`, selects the CMDB entry |
//! | profile | name of (spec, configure script, CMDB), listed in the **state file** with how many remain |
//! | CMDB entry | one row of settings, free or used |
//! | role | the OS tree to install, with a version; a profile is not a role |
//! | machine | known by its uuid, serial and MACs together ([`model::Identity`]) |
//! | allocation | machine ⇄ (profile, entry, bindings) |
//! | deployment | one attempt to install one machine |
//! | section | one independent deployment on the same server: one directory of files |
//! | settings | our own configuration; *configure script* is what the machine runs |
//!
//! # Layers
//!
//! Arrows point down only; `tests/it/layering.rs` enforces it.
//!
//! | module | is | touches |
//! |---|---|---|
//! | [`server`], [`cli`], [`client`] | the three fronts; they do not know one another | HTTP; the terminal |
//! | [`allocation`] | decides and commits; the only writer of an admin's files | files, the lock |
//! | [`planner`] | has configure scripts planned by a child process with limits | that process |
//! | [`events`] | what was reported of machines, kept and folded into what each is doing | its database |
//! | [`reporters`] | who besides our own store is told of an installation, as curtin tells it | standard output, HTTP |
//! | [`configure`] | the script that is sent to the machine, and the plan of what it does there | nothing |
//! | [`roles`] | what a role's tree holds, how two differ, who vouches for it | reads trees |
//! | [`matching`] | (spec, facts) → verdict | nothing |
//! | [`mod@format`] | text ⇄ model, in eDeploy's form and in RON | nothing |
//! | [`model`] | the words above as plain data | nothing |
//! | [`hardware`] | what this machine is made of, as facts | the kernel's files, programs through `system` |
//! | [`system`] | runs programs, writes our own files | the operating system |
//!
//! One upload passes through them like this: `server` reads the form, [`format::parse_json`] makes facts of
//! it, [`allocation::Section::submit`] matches them against every profile with [`matching::match_spec`] and
//! queues the request; the section's thread takes the lock, decides, writes, waits for the disk; then
//! [`configure::render_script`] writes the answer.

pub mod allocation;
pub mod cli;
pub mod client;
pub mod configure;
#[cfg(test)]
mod corpus;
pub mod events;
pub mod format;
pub mod hardware;
pub mod matching;
pub mod model;
pub mod planner;
pub mod reporters;
pub mod roles;
pub mod server;
pub mod system;
pub mod telemetry;
