//! HPE Smart Array controllers, through `ssacli`, `hpssacli` or `hpacucli`: one program, three names.
//!
//! The commands, and what each answer says. The names of the calls are those of eDeploy's
//! `hpacucli.py`. Nothing here runs a command.

use std::time::Duration;

use super::Command;

/// Where the program may be, the newest name first.
pub const PROGRAMS: [&str; 3] = [
    "/usr/sbin/ssacli",
    "/usr/sbin/hpssacli",
    "/usr/sbin/hpacucli",
];

/// Making a logical drive can wait for its disks to spin up.
const TIMEOUT: Duration = Duration::from_secs(600);

/// An array with its drives: the line that names it, and for each drive its name and three fields.
pub type Array = (String, Vec<[String; 4]>);

/// The command of one line, such as `ctrl all show`.
pub fn command(program: &str, line: &str) -> Command {
    Command::new(program, line.split_whitespace()).with_timeout(TIMEOUT)
}

/// What the program says is wrong. It ends with success even then.
pub fn error_of(answer: &str) -> Option<&str> {
    let line = answer.lines().find_map(|line| line.split_once("Error: "));
    line.map(|(_, error)| error.trim())
}

/// The controllers of `ctrl all show`: slot, name, serial number.
pub fn controllers(answer: &str) -> Vec<(u32, String, String)> {
    let controller = |line: &str| {
        let (name, rest) = line.trim().rsplit_once(" in Slot ")?;
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let slot = rest[..digits].parse().ok()?;
        let serial = rest.split_once("(sn: ")?.1.split(')').next()?;
        Some((slot, name.to_owned(), serial.trim().to_owned()))
    };
    answer.lines().filter_map(controller).collect()
}

/// The arrays of `pd all show` or `ld all show`; `kind` is `physicaldrive` or `logicaldrive`.
///
/// The fields are kind, size and status of a physical drive; size, level and status of a logical one.
pub fn arrays(answer: &str, kind: &str) -> Vec<Array> {
    let mut arrays: Vec<Array> = Vec::new();
    for line in answer.lines().map(str::trim) {
        if line.starts_with("array") || line == "unassigned" {
            arrays.push((line.to_owned(), Vec::new()));
        } else if let Some(drive) = drive(line, kind)
            && let Some((_, drives)) = arrays.last_mut()
        {
            drives.push(drive);
        }
    }
    arrays
}

/// A drive such as `physicaldrive 1I:1:1 (port 1I:box 1:bay 1, SATA, 1 TB, OK)`.
fn drive(line: &str, kind: &str) -> Option<[String; 4]> {
    let (_, rest) = line.split_once(kind)?;
    let (name, rest) = rest.trim_start().split_once(' ')?;
    let inside = rest.split_once('(')?.1.rsplit_once(')')?.0;
    let mut fields = inside.rsplitn(4, ", ");
    let status = fields.next()?.to_owned();
    let second = fields.next()?.to_owned();
    let first = fields.next()?.to_owned();
    // Before the kind of a physical drive stands its port, which is its name once more.
    if kind == "physicaldrive" {
        fields.next()?;
    }
    Some([name.to_owned(), first, second, status])
}

/// The `Name: value` lines of a `show`, with names in lower case and `_` for blanks.
pub fn fields(answer: &str, left_out: &[&str]) -> Vec<(String, String)> {
    let field = |line: &str| {
        let (name, value) = line.split_once(": ")?;
        let name = name.trim().to_lowercase().replace(' ', "_");
        let value: Vec<&str> = value.split_whitespace().collect();
        (!left_out.contains(&name.as_str())).then(|| (name, value.join(" ")))
    };
    last_of_each(answer.lines().filter_map(field))
}

/// The array that a physical drive's `show` names.
pub fn array_of(answer: &str) -> Option<String> {
    let mut found = None;
    for line in answer.lines() {
        let mut words = line.split_whitespace();
        if words.next() == Some("array") {
            found = words.next().map(str::to_owned).or(found);
        }
    }
    found
}

/// The fields of `ld N show`, several to a line, a name at the end of one taking the next as value.
pub fn volume_fields(answer: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open: Option<String> = None;
    for line in answer.lines() {
        if let Some(name) = open.take() {
            let drive = drive(line, "physicaldrive").map(|[name, ..]| name);
            found.push((name, drive.unwrap_or_else(|| line.to_owned())));
            continue;
        }
        for part in line.trim().split("   ").map(str::trim) {
            match part.split_once(':') {
                Some((name, value)) if !value.trim().is_empty() => {
                    found.push((name.trim().to_owned(), value.trim().to_owned()));
                }
                Some((name, _)) => open = Some(name.trim().to_owned()),
                None => {}
            }
        }
    }
    last_of_each(found)
}

/// One pair for each name, in the order of the first, with the value of the last.
fn last_of_each(pairs: impl IntoIterator<Item = (String, String)>) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for (name, value) in pairs {
        match found.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => found.push((name, value)),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controllers_are_read_with_slot_and_serial_number() {
        let answer = "\nSmart Array P420 in Slot 2                (sn: PDKRH0ARH4F1R6)\n\
                      Smart Array P220i in Slot 0 (Embedded)    (sn: PCQVU0CRH4G0AB )\n";
        let expected = [
            (2, "Smart Array P420", "PDKRH0ARH4F1R6"),
            (0, "Smart Array P220i", "PCQVU0CRH4G0AB"),
        ];
        let expected = expected.map(|(slot, name, sn)| (slot, name.to_owned(), sn.to_owned()));
        assert_eq!(controllers(answer), expected);
    }

    #[test]
    fn drives_stand_in_their_arrays() {
        let physical = "\nSmart Array P420 in Slot 2\n\n   array A\n\n\
            \x20     physicaldrive 1I:1:1 (port 1I:box 1:bay 1, SATA, 1 TB, OK)\n\n   unassigned\n\n\
            \x20     physicaldrive 2I:1:8 (port 2I:box 1:bay 8, Solid State SATA, 100.0 GB, OK)\n";
        let texts = |texts: [&str; 4]| texts.map(str::to_owned);
        assert_eq!(
            arrays(physical, "physicaldrive"),
            [
                (
                    "array A".to_owned(),
                    vec![texts(["1I:1:1", "SATA", "1 TB", "OK"])]
                ),
                (
                    "unassigned".to_owned(),
                    vec![texts(["2I:1:8", "Solid State SATA", "100.0 GB", "OK"])]
                ),
            ]
        );
        let logical = "   array A\n\n      logicaldrive 1 (931.5 GB, RAID 1, OK)\n";
        let expected = texts(["1", "931.5 GB", "RAID 1", "OK"]);
        assert_eq!(
            arrays(logical, "logicaldrive"),
            [("array A".to_owned(), vec![expected])]
        );
    }

    #[test]
    fn fields_are_read_in_both_forms() {
        let controller = "   Slot: 2\n   Serial Number: PDKRH0\n   Cache   Status:  OK\n";
        let expected = [("serial_number", "PDKRH0"), ("cache___status", "OK")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(fields(controller, &["slot"]), expected);
        let volume = "      Logical Drive: 1\n         Size: 931.5 GB   Fault Tolerance: 1\n\
            \x20        Disk Name: /dev/sda \n         Mirror Group 0:\n\
            \x20           physicaldrive 1I:1:1 (port 1I:box 1:bay 1, SATA, 1 TB, OK)\n";
        let found = volume_fields(volume);
        let value = |name: &str| found.iter().find(|(known, _)| known == name);
        assert_eq!(value("Disk Name").unwrap().1, "/dev/sda");
        assert_eq!(value("Fault Tolerance").unwrap().1, "1");
        assert_eq!(value("Mirror Group 0").unwrap().1, "1I:1:1");
    }

    #[test]
    fn an_error_is_found_in_an_answer_that_ended_well() {
        assert_eq!(error_of("\nError: no such slot \n"), Some("no such slot"));
        assert_eq!(error_of("all well"), None);
    }
}
