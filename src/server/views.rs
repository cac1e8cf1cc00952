//! Machines as terminal, API and pages show them, taken from the board in one short look.

use std::sync::Arc;

use jiff::Timestamp;

use crate::events::{Board, Machine, MachineView, Patience, Usual};

/// Machines with what their deployments usually take, as of one moment. The board is free again.
#[derive(Debug, Default)]
pub(super) struct Snapshot {
    machines: Vec<(Arc<Machine>, usize)>,
    usual: Vec<Usual>,
}

impl Snapshot {
    /// Takes the machines that are wanted.
    pub(super) fn of(board: &Board, wanted: impl Fn(&Machine) -> bool) -> Snapshot {
        let machines = board.machines().filter(|machine| wanted(machine));
        Snapshot::collect(board, machines)
    }

    /// Takes the machines of these names, those that are there.
    pub(super) fn named<'a>(board: &Board, names: impl Iterator<Item = &'a str>) -> Snapshot {
        Snapshot::collect(board, names.filter_map(|name| board.machine(name)))
    }

    /// Few profiles have many machines: what is usual is taken once for each.
    fn collect<'a>(board: &Board, machines: impl Iterator<Item = &'a Arc<Machine>>) -> Snapshot {
        let mut taken = Snapshot::default();
        let mut seen: Vec<*const Usual> = Vec::new();
        for machine in machines {
            let usual = board.usual(machine);
            let at = seen.iter().position(|known| std::ptr::eq(*known, usual));
            let at = at.unwrap_or_else(|| {
                seen.push(usual);
                taken.usual.push(usual.clone());
                seen.len() - 1
            });
            taken.machines.push((machine.clone(), at));
        }
        taken
    }

    /// The same in the order of names.
    pub(super) fn sorted(mut self) -> Snapshot {
        self.machines.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
        self
    }

    /// What there is to show of each.
    pub(super) fn views(
        &self,
        patience: Patience,
        now: Timestamp,
    ) -> impl Iterator<Item = MachineView> {
        let views = self.machines.iter();
        views.map(move |(machine, at)| MachineView::of(machine, &self.usual[*at], patience, now))
    }
}
