//! The integration tests: the real programs, real HTTP, real files.
//!
//! `cfg(test)` tells clippy that the helpers in these modules are tests too.

#[cfg(test)]
mod support;

#[cfg(test)]
mod api;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod environment;
#[cfg(test)]
mod examples;
#[cfg(test)]
mod fleet;
#[cfg(test)]
mod health;
#[cfg(test)]
mod hostile_http;
#[cfg(test)]
mod layering;
#[cfg(test)]
mod legacy;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod pxemngr;
#[cfg(test)]
mod scripts;
#[cfg(test)]
mod settings;
#[cfg(test)]
mod stop;
#[cfg(test)]
mod upload;
