//! A plan in one line: what a list of many machines says of each.

use serde::{Deserialize, Serialize};

use super::{Class, Plan, class_of, device};

/// What is worth knowing of a plan at a glance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The hash of the plan.
    pub hash: String,
    /// How many actions it has.
    pub actions: usize,
    /// Whether something in it is only known on the machine.
    pub partial: bool,
    /// The disks that lose data, as the plan's text names them, in the order in which they do.
    pub destroys: Vec<String>,
}

impl Plan {
    /// The plan at a glance.
    pub fn summary(&self) -> Summary {
        let mut destroys: Vec<String> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for action in &self.actions {
            let Class::Destroys { devices } = class_of(&action.what) else {
                continue;
            };
            for device in devices {
                let disk = device::disk_of(&device);
                if seen.insert(disk.to_owned()) {
                    destroys.push(disk.to_owned());
                }
            }
        }
        Summary {
            hash: self.hash(),
            actions: self.actions.len(),
            partial: self.is_partial(),
            destroys,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{everything, plan, run};

    #[test]
    fn a_disk_is_named_once_however_many_of_its_partitions_lose_data() {
        let plan = plan(vec![
            run("mkfs.ext4 /dev/sdb1"),
            run("ls"),
            run("mkfs.ext4 /dev/sda1"),
            run("wipefs --all /dev/sdb"),
        ]);
        let summary = plan.summary();
        assert_eq!(summary.destroys, ["/dev/sdb", "/dev/sda"]);
        assert_eq!((summary.actions, summary.partial), (4, false));
        assert_eq!(summary.hash, plan.hash());
        assert!(everything().summary().partial);
    }
}
