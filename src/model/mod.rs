//! The words of the project as plain data: facts, specs, quotas, CMDB entries, machines, allocations.
//!
//! Nothing here reads a file, a clock or a socket. Every other module may use these types; they use
//! none of the others.

mod allocation;
mod bindings;
mod boot_id;
mod cmdb;
mod deployments;
pub mod drift;
mod event;
mod fact;
mod identity;
mod machine;
mod names;
mod number;
mod quota;
mod spec;
mod value;

pub use allocation::{Allocation, HeldEntry, Place};
pub use bindings::Bindings;
pub use boot_id::{BootId, BootIdError};
pub use cmdb::{CmdbEntry, USED};
pub use deployments::{Deployments, LatestDeployment};
pub use drift::{Aspect, Changed, Depth, Drift};
pub use event::{Event, EventKind, Leaves, Level, StepResult};
pub use fact::{Fact, Facts};
pub use identity::{Evidence, Identity};
pub(crate) use machine::file_safe;
pub use machine::{MachineId, sysname};
pub use names::{NameError, ProfileName, RoleName, RoleVersion, SectionName};
pub use number::Number;
pub use quota::{Quota, Remaining};
pub use spec::{Position, Rule, Spec, SpecText};
pub use value::Value;
