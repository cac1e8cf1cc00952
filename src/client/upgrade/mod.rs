//! `edeploy upgrade`: an installed machine gets another version of its role, in place and with a way back.
//!
//! Nothing is touched before all of the new version that differs is on the machine, believed and planned
//! (`check`, `stage`). Directories of programs are made anew beside the live ones, of hard links, and
//! exchanged with them in one step; every other file takes its place by a rename (`apply`). A journal says how
//! far that is: what a power cut leaves is finished at the next start, by a unit that is there for so long
//! (`journal`, `unit`). What was replaced is kept, which is what `rollback` goes back to.

mod apply;
mod areas;
mod attributes;
mod boot;
mod carry;
mod check;
mod error;
mod finish;
mod found;
mod guard;
mod how;
mod journal;
mod pending;
mod rollback;
mod scripts;
mod space;
mod stage;
mod telling;
mod units;
mod verb;
mod way;
mod written;

pub(super) use error::UpgradeError;
pub(super) use pending::pending;
pub(super) use verb::{List, Rollback, TestUpgrade, Upgrade};
