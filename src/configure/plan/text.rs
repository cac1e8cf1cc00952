//! The plan for people: who and what, every action in order, then what each device loses.
//!
//! Commands are never cut. Contents of files are cut after some lines, with a note of how much is
//! left out. No character of a value can steer a terminal.

use std::collections::HashMap;
use std::fmt::{self, Display, Formatter};

use crate::configure::shell::quoted;

use super::shown::shown;
use super::{Action, Class, CommandText, Plan, What, class_of, device};

/// How many lines of a content are shown, and how many characters of each.
const MOST_LINES: usize = 40;
const LONGEST_LINE: usize = 200;

/// What stands before an action of this class.
pub(super) fn mark(class: &Class) -> &'static str {
    match class {
        Class::Destroys { .. } => "!!",
        Class::Changes => " *",
        Class::Reads => "  ",
    }
}

impl Display for Plan {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "plan of profile `{}`", shown(&self.profile))?;
        writeln!(f, "hash {}", self.hash())?;
        self.write_partial(f)?;
        if self.actions.is_empty() {
            return writeln!(f, "\nnothing is done");
        }
        let classes: Vec<Class> = self.actions.iter().map(|it| class_of(&it.what)).collect();
        let is_destroying = |class: &&Class| matches!(class, Class::Destroys { .. });
        let destroying = classes.iter().filter(is_destroying).count();
        let count = counted(self.actions.len(), "action");
        writeln!(
            f,
            "\n{count}, of which {destroying} destroy data (!!); * changes, no mark only reads"
        )?;
        let width = self.actions.len().to_string().len();
        for (at, (action, class)) in self.actions.iter().zip(&classes).enumerate() {
            let mut lines = lines_of(&action.what, true).into_iter();
            let first = lines.next().unwrap_or_default();
            let (mark, number) = (mark(class), at + 1);
            writeln!(
                f,
                "{mark} {number:>width$}  line {:<4} {first}",
                action.line
            )?;
            for line in lines {
                writeln!(f, "{:indent$}{line}", "", indent = width + 15)?;
            }
        }
        write_summary(f, &self.actions, &classes)
    }
}

impl Plan {
    fn write_partial(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if !self.is_partial() {
            return writeln!(f, "complete: all of it is known before the machine runs it");
        }
        writeln!(f, "partial: only the machine knows")?;
        for placeholder in &self.placeholders {
            let (name, from) = (shown(&placeholder.name), shown(&placeholder.from));
            writeln!(f, "  ⟨{name}⟩, line {}, from {from}", placeholder.line)?;
        }
        for action in &self.actions {
            if let What::Opaque { interpreter, .. } = &action.what {
                writeln!(f, "  all that {} does", shown(interpreter))?;
            }
        }
        Ok(())
    }
}

/// What each device loses, in the order in which the first of its data is lost.
fn write_summary(f: &mut Formatter<'_>, actions: &[Action], classes: &[Class]) -> fmt::Result {
    let mut groups: Vec<(&str, Vec<usize>)> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (at, class) in classes.iter().enumerate() {
        let Class::Destroys { devices } = class else {
            continue;
        };
        for device in devices {
            let disk = device::disk_of(device);
            let group = *places.entry(disk).or_insert_with(|| {
                groups.push((disk, Vec::new()));
                groups.len() - 1
            });
            if groups[group].1.last() != Some(&at) {
                groups[group].1.push(at);
            }
        }
    }
    if groups.is_empty() {
        return writeln!(f, "\nno data of a device is destroyed");
    }
    let lines: Vec<String> = actions.iter().map(|it| first_line(&it.what)).collect();
    for (disk, found) in groups {
        writeln!(f, "\n!! data is destroyed on {}", shown(disk))?;
        for at in found {
            writeln!(f, "   {}  {}", at + 1, lines[at])?;
        }
    }
    Ok(())
}

/// An action on one line of bounded length, `…` where there is more: all of it stands above.
fn first_line(what: &What) -> String {
    let mut lines = lines_of(what, true);
    let is_long = matches!(
        what,
        What::Run { command: CommandText::Shell(text) } | What::Output { command: CommandText::Shell(text), .. }
            if text.contains('\n')
    );
    lines.truncate(1);
    let mut line = lines.concat();
    let end = line.char_indices().nth(LONGEST_LINE).map(|(end, _)| end);
    line.truncate(end.unwrap_or(line.len()));
    if is_long || end.is_some() {
        line.push_str(" …");
    }
    line
}

/// An action as lines without their line ends. The first says all but the content of a file and
/// further lines of a command. Contents are cut if `cut`.
pub(super) fn lines_of(what: &What, cut: bool) -> Vec<String> {
    match what {
        What::Run { command } => command_lines("run", command),
        What::Output { command, planned } => {
            let mut lines = command_lines("output", command);
            match planned {
                Some(text) => {
                    lines.push("planned to print".to_owned());
                    lines.extend(content_lines(text, cut));
                }
                None => lines.push("what it prints only the machine knows".to_owned()),
            }
            lines
        }
        What::WriteFile {
            path,
            content,
            mode,
            uid,
            gid,
            append,
        } => {
            let verb = if *append { "append" } else { "write" };
            let mut lines = vec![format!(
                "{verb:<6} {}, mode {mode:o}, owner {uid}:{gid}, {}",
                shown(path),
                counted(content.len(), "byte")
            )];
            lines.extend(content_lines(content, cut));
            lines
        }
        What::SetRole {
            role,
            version,
            disk,
            profile,
        } => vec![format!(
            "role   {} version {}, disk {}, profile {}",
            shown(role),
            shown(version),
            shown(disk),
            shown(profile)
        )],
        What::GrubOptions { options } => vec![format!("boot   {}", shown(options))],
        What::Ipmi { call, arguments } => vec![called("ipmi", call, arguments, None)],
        What::Hpacucli {
            call,
            arguments,
            gives,
        } => {
            vec![called("hpacucli", call, arguments, gives.as_deref())]
        }
        What::Sleep { seconds } => vec![format!("sleep  {seconds} s")],
        What::Opaque {
            interpreter,
            sha256,
        } => opaque_lines(interpreter, sha256),
    }
}

fn opaque_lines(interpreter: &str, sha256: &str) -> Vec<String> {
    let name = shown(interpreter);
    vec![
        format!("script for {name}: nothing is known of what it does"),
        format!("its SHA-256 is {}", shown(sha256)),
    ]
}

fn command_lines(verb: &str, command: &CommandText) -> Vec<String> {
    match command {
        CommandText::Shell(text) => {
            let mut lines = text.split('\n').map(shown);
            let first = lines.next().unwrap_or_default();
            let mut all = vec![format!("{verb:<6} {first}")];
            all.extend(lines.map(|line| format!("| {line}")));
            all
        }
        CommandText::List(words) => {
            let words: Vec<String> = words.iter().map(|word| shown(&quoted(word))).collect();
            vec![format!("{verb:<6} {} (no shell)", words.join(" "))]
        }
    }
}

fn called(object: &str, call: &str, arguments: &[String], gives: Option<&str>) -> String {
    let arguments: Vec<String> = arguments.iter().map(|text| shown(&quoted(text))).collect();
    let gives = gives.map(|name| format!(" gives ⟨{}⟩", shown(name)));
    let arguments = arguments.join(", ");
    format!(
        "{object}.{}({arguments}){}",
        shown(call),
        gives.unwrap_or_default()
    )
}

fn content_lines(content: &str, cut: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = content.split_inclusive('\n');
    for line in rest
        .by_ref()
        .take(if cut { MOST_LINES } else { usize::MAX })
    {
        lines.push(content_line(line.strip_suffix('\n').unwrap_or(line), cut));
    }
    let (mut count, mut bytes) = (0, 0);
    for line in rest {
        count += 1;
        bytes += line.len();
    }
    if count > 0 {
        let (count, bytes) = (counted(count, "more line"), counted(bytes, "byte"));
        lines.push(format!("({count}, {bytes}, not shown)"));
    }
    if !content.is_empty() && !content.ends_with('\n') {
        lines.push("(no newline at its end)".to_owned());
    }
    lines
}

fn content_line(line: &str, cut: bool) -> String {
    let end = line.char_indices().nth(LONGEST_LINE).filter(|_| cut);
    match end {
        Some((end, _)) => {
            let more = counted(line[end..].chars().count(), "more character");
            format!("| {} ({more})", shown(&line[..end]))
        }
        None if line.is_empty() => "|".to_owned(),
        None => format!("| {}", shown(line)),
    }
}

fn counted(count: usize, name: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {name}{plural}")
}

#[cfg(test)]
mod tests;
