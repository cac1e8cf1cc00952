//! What two lists have in common, in order: a longest common subsequence.

/// How many cells the table may have; beyond that the middle counts as wholly different.
const MOST_CELLS: usize = 4_000_000;

/// A step on the way from the old list to the new one, with positions in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::configure) enum Step {
    Same(usize, usize),
    Removed(usize),
    Added(usize),
}

/// The steps from `old` to `new`, removals before additions. They are the fewest, unless both lists
/// differ in thousands of elements.
pub(in crate::configure) fn steps<T: PartialEq>(old: &[T], new: &[T]) -> Vec<Step> {
    let start = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let (old_rest, new_rest) = (&old[start..], &new[start..]);
    let backwards = old_rest.iter().rev().zip(new_rest.iter().rev());
    let end = backwards.take_while(|(a, b)| a == b).count();
    let old_middle = &old_rest[..old_rest.len() - end];
    let new_middle = &new_rest[..new_rest.len() - end];

    let mut steps: Vec<Step> = (0..start).map(|at| Step::Same(at, at)).collect();
    middle(old_middle, new_middle, start, &mut steps);
    let (old_end, new_end) = (old.len() - end, new.len() - end);
    steps.extend((0..end).map(|at| Step::Same(old_end + at, new_end + at)));
    steps
}

fn middle<T: PartialEq>(old: &[T], new: &[T], start: usize, steps: &mut Vec<Step>) {
    let (rows, columns) = (old.len(), new.len());
    let cells = (rows + 1).saturating_mul(columns + 1);
    if rows == 0 || columns == 0 || cells > MOST_CELLS {
        steps.extend((0..rows).map(|at| Step::Removed(start + at)));
        steps.extend((0..columns).map(|at| Step::Added(start + at)));
        return;
    }
    // The length of what the ends from `row` and `column` on have in common.
    let at = |row: usize, column: usize| row * (columns + 1) + column;
    let mut common = vec![0_u32; cells];
    for row in (0..rows).rev() {
        for column in (0..columns).rev() {
            common[at(row, column)] = if old[row] == new[column] {
                common[at(row + 1, column + 1)] + 1
            } else {
                common[at(row + 1, column)].max(common[at(row, column + 1)])
            };
        }
    }
    let (mut row, mut column) = (0, 0);
    while row < rows || column < columns {
        if row < rows && column < columns && old[row] == new[column] {
            steps.push(Step::Same(start + row, start + column));
            row += 1;
            column += 1;
        } else if row < rows
            && (column == columns || common[at(row + 1, column)] >= common[at(row, column + 1)])
        {
            steps.push(Step::Removed(start + row));
            row += 1;
        } else {
            steps.push(Step::Added(start + column));
            column += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_steps_lead_from_the_old_list_to_the_new_one(
            old in prop::collection::vec(0..4_u8, 0..12),
            new in prop::collection::vec(0..4_u8, 0..12),
        ) {
            let (mut from, mut to) = (Vec::new(), Vec::new());
            for step in steps(&old, &new) {
                match step {
                    Step::Same(a, b) => {
                        prop_assert_eq!(old[a], new[b]);
                        from.push(old[a]);
                        to.push(new[b]);
                    }
                    Step::Removed(a) => from.push(old[a]),
                    Step::Added(b) => to.push(new[b]),
                }
            }
            prop_assert_eq!(from, old);
            prop_assert_eq!(to, new);
        }
    }

    #[test]
    fn the_steps_are_the_fewest() {
        let same = |old: &str, new: &str| {
            let (old, new): (Vec<char>, Vec<char>) = (old.chars().collect(), new.chars().collect());
            let steps = steps(&old, &new);
            steps
                .iter()
                .filter(|step| matches!(step, Step::Same(..)))
                .count()
        };
        assert_eq!(same("abcbdab", "bdcaba"), 4);
        assert_eq!(same("abc", "abc"), 3);
        assert_eq!(same("abc", "xyz"), 0);
    }

    #[test]
    fn lists_without_end_are_compared_too() {
        let (old, new) = (vec![1; 100_000], vec![2; 100_000]);
        assert_eq!(steps(&old, &new).len(), 200_000);
    }
}
