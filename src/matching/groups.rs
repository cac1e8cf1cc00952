//! Numbers sorted into groups, in two flat lists.

/// Numbers sorted into groups: the members of group `g` are contiguous.
#[derive(Debug, Default)]
pub(super) struct Groups {
    starts: Vec<u32>,
    members: Vec<u32>,
}

impl Groups {
    /// Groups `members` by the group that is given for each, in `groups` many.
    pub(super) fn new(groups: usize, pairs: impl Iterator<Item = (u32, u32)> + Clone) -> Groups {
        let mut starts = vec![0_u32; groups + 1];
        let mut count = 0;
        for (group, _) in pairs.clone() {
            starts[group as usize + 1] += 1;
            count += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut next = starts.clone();
        let mut members = vec![0_u32; count];
        for (group, member) in pairs {
            let slot = &mut next[group as usize];
            members[*slot as usize] = member;
            *slot += 1;
        }
        Groups { starts, members }
    }

    pub(super) fn range(&self, group: u32) -> std::ops::Range<usize> {
        self.starts[group as usize] as usize..self.starts[group as usize + 1] as usize
    }

    pub(super) fn of(&self, group: u32) -> &[u32] {
        &self.members[self.range(group)]
    }

    pub(super) fn member(&self, at: usize) -> u32 {
        self.members[at]
    }
}
