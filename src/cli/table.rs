//! A table of texts, its columns as wide as they must be.
//!
//! Our own, not a crate's: what is shown are a few columns of texts that machines sent, each of which must be
//! harmless before it is measured, a style for each row, and one column that gives way on a narrow terminal.

use super::answer::Style;
use super::output::harmless;

/// The least that is left of a column that gives way.
const NARROWEST: usize = 20;

/// Rows below a head.
#[derive(Debug)]
pub(super) struct Table {
    head: Vec<String>,
    rows: Vec<(Style, Vec<String>)>,
    /// The column that is cut where the terminal is too narrow.
    yielding: usize,
}

impl Table {
    /// A table without rows.
    pub(super) fn new(head: &[&str], yielding: usize) -> Table {
        Table {
            head: head.iter().map(|&name| name.to_owned()).collect(),
            rows: Vec::new(),
            yielding,
        }
    }

    /// Adds a row; of a cell with several lines the first is shown.
    pub(super) fn row(&mut self, style: Style, cells: &[String]) {
        let cells = cells.iter().map(|cell| {
            let first = cell.lines().next().unwrap_or_default();
            harmless(first).into_owned()
        });
        self.rows.push((style, cells.collect()));
    }

    /// The lines, none wider than `width`: one column gives way, then the last ones are cut off.
    pub(super) fn lines(&self, width: Option<usize>) -> Vec<(Style, String)> {
        let mut widths: Vec<usize> = self.head.iter().map(|name| length(name)).collect();
        for (_, cells) in &self.rows {
            for (width, cell) in widths.iter_mut().zip(cells) {
                *width = length(cell).max(*width);
            }
        }
        if let Some(most) = width {
            let all: usize = widths.iter().sum::<usize>() + 2 * (widths.len().saturating_sub(1));
            let yielding = &mut widths[self.yielding];
            let least = NARROWEST.min(*yielding);
            *yielding = yielding.saturating_sub(all.saturating_sub(most)).max(least);
        }
        let head = (Style::Weak, line(&self.head, &widths));
        let rows = self
            .rows
            .iter()
            .map(|(style, cells)| (*style, line(cells, &widths)));
        let cut = |line: String| width.map_or(line.clone(), |width| cut(&line, width));
        let lines = std::iter::once(head).chain(rows);
        lines.map(|(style, line)| (style, cut(line))).collect()
    }
}

fn length(text: &str) -> usize {
    text.chars().count()
}

fn line(cells: &[String], widths: &[usize]) -> String {
    let cells = cells.iter().zip(widths).map(|(cell, width)| {
        let cell = cut(cell, *width);
        format!("{cell:<width$}")
    });
    let line: Vec<String> = cells.collect();
    line.join("  ").trim_end().to_owned()
}

/// A text of at most so many characters; one that is cut says so.
pub(super) fn cut(text: &str, most: usize) -> String {
    if length(text) <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&["Machine", "Last message", "Age"], 1);
        table.row(
            Style::Plain,
            &["n1", "a\u{1b}[2J\nb", "3 s"].map(str::to_owned),
        );
        let long = "x".repeat(40);
        table.row(
            Style::Bad,
            &["node-2".to_owned(), long, "12 min".to_owned()],
        );
        table
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let lines = table().lines(None);
        let x = "x".repeat(40);
        assert_eq!(
            lines[1].1,
            format!("n1       a\\u{{1b}}[2J{}3 s", " ".repeat(32))
        );
        assert_eq!(lines[2], (Style::Bad, format!("node-2   {x}  12 min")));
    }

    #[test]
    fn on_a_narrow_terminal_one_column_gives_way() {
        let line = |width| table().lines(Some(width))[2].1.clone();
        assert_eq!(line(40), format!("node-2   {}…  12 min", "x".repeat(22)));
        assert_eq!(line(34), format!("node-2   {}…  12…", "x".repeat(19)));
        assert_eq!(line(5), "node…");
    }
}
