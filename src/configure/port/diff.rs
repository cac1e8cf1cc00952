//! Two texts as a unified diff.

use std::fmt::Write;

use crate::configure::plan::lcs::{Step, steps};

/// Unchanged lines that are shown around a difference.
const CONTEXT: usize = 3;

/// The unified diff from `old` to `new`; empty where they are equal.
pub fn unified_diff(old_name: &str, new_name: &str, old: &str, new: &str) -> String {
    let (before, after): (Vec<&str>, Vec<&str>) = (
        old.split_inclusive('\n').collect(),
        new.split_inclusive('\n').collect(),
    );
    let steps = steps(&before, &after);
    let changed: Vec<usize> = (0..steps.len())
        .filter(|at| !matches!(steps[*at], Step::Same(..)))
        .collect();
    let mut out = String::new();
    let mut at = 0;
    while at < changed.len() {
        let first = changed[at];
        let mut last = first;
        while at < changed.len() && changed[at] <= last + 2 * CONTEXT + 1 {
            last = changed[at];
            at += 1;
        }
        if out.is_empty() {
            out = format!("--- {old_name}\n+++ {new_name}\n");
        }
        let range = first.saturating_sub(CONTEXT)..(last + CONTEXT + 1).min(steps.len());
        hunk(&mut out, &steps, range, &before, &after);
    }
    out
}

fn hunk(
    out: &mut String,
    steps: &[Step],
    range: std::ops::Range<usize>,
    before: &[&str],
    after: &[&str],
) {
    let count = |steps: &[Step]| {
        steps.iter().fold((0, 0), |(old, new), step| match step {
            Step::Same(..) => (old + 1, new + 1),
            Step::Removed(_) => (old + 1, new),
            Step::Added(_) => (old, new + 1),
        })
    };
    let (old_start, new_start) = count(&steps[..range.start]);
    let (old_count, new_count) = count(&steps[range.clone()]);
    let place = |start: usize, count: usize| match count {
        0 => format!("{start},0"),
        1 => (start + 1).to_string(),
        _ => format!("{},{count}", start + 1),
    };
    let (old_place, new_place) = (place(old_start, old_count), place(new_start, new_count));
    writeln!(out, "@@ -{old_place} +{new_place} @@").ok();
    for step in &steps[range] {
        let (sign, line) = match step {
            Step::Same(old, _) => (' ', before[*old]),
            Step::Removed(old) => ('-', before[*old]),
            Step::Added(new) => ('+', after[*new]),
        };
        out.push(sign);
        out.push_str(line);
        if !line.ends_with('\n') {
            out.push_str("\n\\ No newline at end of file\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_shows_the_places_with_three_lines_around() {
        let old: String = (1..=20).map(|n| format!("{n}\n")).collect();
        let new = old.replace("5\n", "five\n").replace("20\n", "20");
        // 15 ends with 5 too.
        assert_eq!(
            unified_diff("a", "b", &old, &new),
            "--- a\n+++ b\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n\
             @@ -12,9 +12,9 @@\n 12\n 13\n 14\n-15\n+1five\n 16\n 17\n 18\n 19\n-20\n+20\n\
             \\ No newline at end of file\n"
        );
        assert_eq!(unified_diff("a", "b", &old, &old), "");
    }
}
