//! HPE Smart Array controllers and the disks behind them, through `ssacli`.

use std::time::Duration;

use super::report::Report;
use super::tools::{Tools, as_text};
use crate::system::hpacucli;

/// A controller answers within seconds, or not at all.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Who asks the controllers.
struct Ssacli<'a> {
    tools: Tools<'a>,
    program: &'a str,
}

impl Ssacli<'_> {
    /// What it answers to one line; empty, with a warning, where it fails.
    fn ask(&self, line: &str, report: &mut Report) -> String {
        let command = hpacucli::command(self.program, line).with_timeout(TIMEOUT);
        let answer = match self.tools.runner.run(&command) {
            Ok(output) => as_text(&output.stdout),
            Err(error) => {
                report.warn(error.to_string());
                return String::new();
            }
        };
        if let Some(error) = hpacucli::error_of(&answer) {
            report.warn(format!("`{command}`: {error}"));
            return String::new();
        }
        answer
    }
}

/// The rows of `hpa` and of the disks behind its controllers.
pub(super) fn detect(tools: Tools<'_>) -> Report {
    let mut report = Report::default();
    let mut programs = hpacucli::PROGRAMS.into_iter();
    let Some(program) = programs.find(|program| tools.root.is_file(program)) else {
        return report;
    };
    let ssacli = Ssacli { tools, program };
    let controllers = hpacucli::controllers(&ssacli.ask("ctrl all show", &mut report));
    if controllers.is_empty() {
        return report;
    }
    let count = controllers.len().to_string();
    report.of("hpa", "slots").text("count", count);
    let (mut disks, mut size_gb) = (0, 0.0);
    for (slot, _, _) in controllers {
        let about = ssacli.ask(&format!("ctrl slot={slot} show"), &mut report);
        let mut rows = report.of("hpa", &format!("slot_{slot}"));
        for (key, value) in fields(&about, &["slot"]) {
            rows.text(&key, value);
        }
        let answer = ssacli.ask(&format!("ctrl slot={slot} pd all show"), &mut report);
        let arrays = hpacucli::arrays(&answer, "physicaldrive");
        for [name, kind, ..] in arrays.into_iter().flat_map(|(_, disks)| disks) {
            disks += 1;
            size_gb += disk_rows(&ssacli, slot, &name, &kind, &mut report);
        }
    }
    let mut rows = report.of("disk", "hpa");
    if size_gb > 0.0 {
        rows.text("size", format!("{size_gb:.2}"));
    }
    rows.text("count", disks.to_string());
    report
}

/// The rows of one disk; its size in GB.
fn disk_rows(ssacli: &Ssacli<'_>, slot: u32, name: &str, kind: &str, report: &mut Report) -> f64 {
    let about = ssacli.ask(&format!("ctrl slot={slot} pd {name} show"), report);
    let mut rows = report.of("disk", name);
    rows.text("type", kind);
    rows.text("slot", slot.to_string());
    rows.maybe("array", hpacucli::array_of(&about));
    let mut size_gb = 0.0;
    for (key, value) in fields(&about, &["port", "bay", "box"]) {
        if key == "size" {
            let size = in_gb(&value);
            size_gb = size.parse().unwrap_or_default();
            rows.text(&key, size);
        } else {
            rows.text(&key, value);
        }
    }
    size_gb
}

/// The fields of a `show`, with names as the reference's current library writes them.
fn fields(answer: &str, left_out: &[&str]) -> Vec<(String, String)> {
    let fields = hpacucli::fields(answer, left_out).into_iter();
    fields
        .map(|(name, value)| (name.replace(['(', ')'], "").replace("__", "_"), value))
        .collect()
}

/// A size such as `300 GB` or `1.2 TB` in GB, without its unit.
pub(super) fn in_gb(size: &str) -> String {
    let size = size.replace(' ', "");
    if let Some(gb) = size.strip_suffix("GB") {
        return gb.to_owned();
    }
    let tb = size
        .strip_suffix("TB")
        .and_then(|tb| tb.parse::<f64>().ok());
    match tb {
        Some(tb) => format!("{:.0}", (tb * 1000.0).floor()),
        None => size,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_told_in_gb() {
        let sizes = ["300 GB", "1 TB", "1.2 TB", "278.875 GB", "what"].map(in_gb);
        assert_eq!(sizes, ["300", "1000", "1200", "278.875", "what"]);
    }
}
