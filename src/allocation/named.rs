//! Which machine a person means.

use super::error::AllocateError;
use crate::model::Allocation;

/// The one machine that `wanted` names: by its name, serial, uuid, MAC or the hostname it was given.
///
/// # Errors
/// None, or several.
pub(crate) fn find_machine<'a>(
    allocations: &[&'a Allocation],
    wanted: &str,
) -> Result<&'a Allocation, AllocateError> {
    if let Some(named) = allocations
        .iter()
        .find(|held| held.machine.as_str() == wanted)
    {
        return Ok(named);
    }
    let lower = wanted.to_lowercase();
    let is_meant = |held: &&&Allocation| {
        let hostname = held.variables().get("hostname").map(ToString::to_string);
        let identity = &held.identity;
        identity.serial.as_deref() == Some(wanted)
            || identity.uuid.as_deref() == Some(lower.as_str())
            || identity.macs.contains(&lower.replace('-', ":"))
            || hostname.as_deref() == Some(wanted)
    };
    let meant: Vec<&&Allocation> = allocations.iter().filter(is_meant).collect();
    match meant.as_slice() {
        [one] => Ok(one),
        [] => {
            let alike = allocations
                .iter()
                .filter(|held| held.machine.as_str().to_lowercase().contains(&lower));
            let candidates = alike.take(5).map(|held| held.machine.to_string()).collect();
            Err(AllocateError::UnknownMachine {
                wanted: wanted.to_owned(),
                candidates,
            })
        }
        several => {
            let candidates = several
                .iter()
                .map(|held| held.machine.to_string())
                .collect();
            Err(AllocateError::AmbiguousMachine {
                wanted: wanted.to_owned(),
                candidates,
            })
        }
    }
}
