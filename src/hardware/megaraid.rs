//! LSI MegaRAID and Dell PERC controllers and the disks behind them, through `megacli`.

use std::time::Duration;

use super::hpa::in_gb;
use super::report::Report;
use super::tools::Tools;

const TIMEOUT: Duration = Duration::from_secs(60);

const PROGRAMS: [&str; 3] = ["megacli", "MegaCli", "MegaCli64"];

/// More controllers, slots or volumes than any machine has: an answer that says so is wrong.
const MOST: u32 = 256;

/// Each line `Name : value` of an answer, the name in camel case without blanks.
type Fields = Vec<(String, String)>;

/// Who asks the controllers.
struct Megacli<'a> {
    tools: Tools<'a>,
    program: &'a str,
}

impl Megacli<'_> {
    fn ask(&self, words: &str, report: &mut Report) -> String {
        // The dash keeps its messages off standard output.
        let mut command = vec![self.program, "-"];
        command.extend(words.split(' '));
        self.tools
            .ask(&command, TIMEOUT, report)
            .unwrap_or_default()
    }

    fn fields(&self, words: &str, report: &mut Report) -> Fields {
        fields(&self.ask(words, report))
    }
}

/// The rows of `megaraid`, `pdisk` and `ldisk`.
pub(super) fn detect(tools: Tools<'_>) -> Report {
    let mut report = Report::default();
    let mut programs = PROGRAMS.into_iter();
    let Some(program) = programs.find(|program| tools.has(program)) else {
        return report;
    };
    let megacli = Megacli { tools, program };
    let about = megacli.fields("adpCount", &mut report);
    let controllers = number(&about, "ControllerCount");
    if controllers == 0 {
        return report;
    }
    let mut disks = 0;
    let mut size_gb = 0.0;
    for controller in 0..controllers {
        let about = megacli.fields(&format!("adpallinfo -a{controller}"), &mut report);
        let mut rows = report.of("megaraid", &format!("Controller_{controller}"));
        for (key, value) in &about {
            rows.text(key, value);
        }
        for enclosure in enclosures(&megacli.ask(&format!("EncInfo -a{controller}"), &mut report)) {
            disks += enclosure_rows(&megacli, controller, &enclosure, &mut size_gb, &mut report);
        }
        if size_gb > 0.0 {
            report
                .of("pdisk", "all")
                .text("size", format!("{size_gb:.2}"));
        }
        volume_rows(&megacli, controller, &mut report);
    }
    report
        .of("disk", "megaraid")
        .text("count", disks.to_string());
    report
}

/// The enclosure's own rows and those of its disks; how many disks it holds.
fn enclosure_rows(
    megacli: &Megacli<'_>,
    controller: u32,
    enclosure: &Fields,
    size_gb: &mut f64,
    report: &mut Report,
) -> u32 {
    let name = enclosure.iter().find_map(|(key, _)| {
        let number = key.strip_prefix("Enclosure")?;
        number.parse::<u32>().ok()
    });
    if let Some(number) = name {
        let instance = format!("Controller_{controller}/Enclosure_{number}");
        let mut rows = report.of("megaraid", &instance);
        let own = format!("Enclosure{number}");
        for (key, value) in enclosure {
            if *key != own && key != "ExitCode" {
                rows.text(key, value);
            }
        }
    }
    let device = value(enclosure, "DeviceId").unwrap_or_default();
    let mut disks = 0;
    for slot in 0..number(enclosure, "NumberOfSlots") {
        let words = format!("pdinfo -PhysDrv[{device}:{slot}] -a{controller}");
        let about = megacli.fields(&words, report);
        // An empty slot has no type.
        if value(&about, "PdType").is_some() {
            disks += 1;
            *size_gb += disk_rows(controller, slot, &about, report);
        }
    }
    disks
}

/// The rows of one disk; its size in GB.
fn disk_rows(controller: u32, slot: u32, about: &Fields, report: &mut Report) -> f64 {
    let mut rows = report.of("pdisk", &format!("disk{slot}"));
    rows.text("ctrl", controller.to_string());
    rows.maybe("type", value(about, "PdType"));
    let enclosure = value(about, "EnclosureDeviceId").unwrap_or_default();
    rows.text("id", format!("{enclosure}:{slot}"));
    let size = value(about, "CoercedSize").unwrap_or_default();
    let size = in_gb(&size.split_whitespace().take(2).collect::<String>());
    if !size.is_empty() {
        rows.text("size", &size);
    }
    for (key, value) in about {
        match key.as_str() {
            "PdType" | "EnclosureDeviceId" | "CoercedSize" | "ExitCode" => {}
            key if key.contains("DriveTemperature") => {
                // `31C (87.80 F)`
                let celsius = value
                    .split_whitespace()
                    .next()
                    .and_then(|one| one.strip_suffix('C'));
                rows.text(key, celsius.unwrap_or(value));
                if celsius.is_some() {
                    rows.text(&format!("{key}_units"), "Celsius");
                }
            }
            key if key.contains("InquiryData") => {
                for (at, word) in value.split_whitespace().enumerate() {
                    rows.text(&format!("{key}[{at}]"), word);
                }
            }
            key => rows.text(key, value),
        }
    }
    size.parse().unwrap_or_default()
}

fn volume_rows(megacli: &Megacli<'_>, controller: u32, report: &mut Report) {
    let about = megacli.fields(&format!("LDGetNum -a{controller}"), report);
    let key = format!("NumberOfVirtualDrivesConfiguredOnAdapter{controller}");
    for volume in 0..number(&about, &key) {
        let about = megacli.fields(&format!("LDInfo -L{volume} -a{controller}"), report);
        let mut rows = report.of("ldisk", &format!("disk{volume}"));
        for (key, value) in about.iter().filter(|(key, _)| key != "Size") {
            rows.text(key, value);
        }
        rows.maybe("Size", value(&about, "Size").map(in_gb));
    }
}

fn value<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    let found = fields.iter().find(|(key, _)| key == name);
    found.map(|(_, value)| value.as_str())
}

/// A small number, 0 where there is none.
fn number(fields: &Fields, name: &str) -> u32 {
    let number = value(fields, name).and_then(|text| text.parse().ok());
    number.unwrap_or(0).min(MOST)
}

/// The lines with one colon. A name that comes again takes the later value.
fn fields(answer: &str) -> Fields {
    let mut found = Fields::new();
    for line in answer.lines() {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        let value = value.trim();
        if value.contains(':') {
            continue;
        }
        let value = if value.len() > 1 {
            value.strip_suffix('.').unwrap_or(value)
        } else {
            value
        };
        let name = camel_case(name);
        match found.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value.to_owned(),
            None => found.push((name, value.to_owned())),
        }
    }
    found
}

/// `Number of Slots` as `NumberOfSlots`: a capital after whatever is no letter.
fn camel_case(name: &str) -> String {
    let mut text = String::new();
    let mut after_letter = false;
    for letter in name.trim().chars() {
        if letter != ' ' && after_letter {
            text.extend(letter.to_lowercase());
        } else if letter != ' ' {
            text.extend(letter.to_uppercase());
        }
        after_letter = letter.is_alphabetic();
    }
    text
}

/// The answer to `EncInfo`, cut where an enclosure begins.
fn enclosures(answer: &str) -> Vec<Fields> {
    let mut parts: Vec<String> = Vec::new();
    for line in answer.lines() {
        let begins = line
            .trim_start()
            .strip_prefix("Enclosure ")
            .is_some_and(|rest| {
                line.starts_with(' ')
                    && rest.trim_end().trim_end_matches(':').parse::<u32>().is_ok()
            });
        if begins {
            parts.push(String::new());
        }
        if let Some(part) = parts.last_mut() {
            part.push_str(line);
            part.push('\n');
        }
    }
    parts.iter().map(|part| fields(part)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_camel_case() {
        let names = [
            "Number of Slots",
            "FW Package Build",
            "Product Name    ",
            "SAS Address(0)",
        ];
        let expected = [
            "NumberOfSlots",
            "FwPackageBuild",
            "ProductName",
            "SasAddress(0)",
        ];
        assert_eq!(names.map(camel_case), expected);
    }

    #[test]
    fn enclosures_are_told_apart() {
        let answer = "\n    Number of enclosures on adapter 0 -- 2\n\n    Enclosure 0:\n    Device ID : 32\n\
                      \x20   Number of Slots : 24\n\n    Enclosure 1:\n    Device ID : 252\n";
        let found = enclosures(answer);
        assert_eq!(found.len(), 2);
        assert_eq!(number(&found[0], "NumberOfSlots"), 24);
        assert_eq!(value(&found[1], "DeviceId"), Some("252"));
    }
}
