//! Holds what a script does on the machine against its plan.
//!
//! As long as the machine answers what the plan was made with, every action must be the next one of
//! the plan. Once it answered otherwise (a placeholder became a value, a command's output is not the
//! planned one, an `attempt` met a failure) the script may go other ways. But it never destroys data
//! on a device that the plan does not name.

use std::mem::{Discriminant, discriminant};

use serde_json::Value;

use crate::configure::plan::{Action, Class, Plan, UNKNOWN_DEVICE, What, class_of, disk_of};

use super::Standing;

/// The place of a running script in its plan.
#[derive(Debug)]
pub(in crate::configure) struct Follower {
    /// The planned actions as JSON, to be compared field by field.
    planned: Vec<Value>,
    /// Line and kind of each.
    lines: Vec<(u32, Discriminant<What>)>,
    /// Which of them were performed.
    performed: Vec<bool>,
    /// The devices whose data the plan destroys.
    destroyed: Vec<String>,
    next: usize,
    free: bool,
}

impl Follower {
    pub(in crate::configure) fn new(plan: &Plan) -> Follower {
        let mut destroyed = Vec::new();
        for action in &plan.actions {
            if let Class::Destroys { devices } = class_of(&action.what) {
                destroyed.extend(devices);
            }
        }
        let planned: Vec<Value> = plan.actions.iter().map(|it| json(&it.what)).collect();
        Follower {
            performed: vec![false; planned.len()],
            lines: plan
                .actions
                .iter()
                .map(|it| (it.line, discriminant(&it.what)))
                .collect(),
            planned,
            destroyed,
            next: 0,
            free: false,
        }
    }

    /// From here on the script may leave the plan: the machine answered what the plan could not know.
    pub(in crate::configure) fn loosen(&mut self) {
        self.free = true;
    }

    /// How the next action stands to the plan, or why it must not be performed.
    pub(in crate::configure) fn judge(&mut self, action: &Action) -> Result<Standing, String> {
        let what = &action.what;
        let real = json(what);
        if !self.free {
            return self.strict(&real);
        }
        let rest = self.planned.iter().enumerate().skip(self.next);
        let found = rest
            .clone()
            .find(|(_, planned)| **planned == real)
            .or_else(|| rest.clone().find(|(_, planned)| is_filled(planned, &real)))
            .map(|(at, _)| at);
        let Some(at) = found else {
            self.guard(what)?;
            return Ok(self.of_the_same_line(action));
        };
        self.next = at + 1;
        self.performed[at] = true;
        let number = at + 1;
        Ok(if self.planned[at] == real {
            Standing::Planned { number }
        } else {
            Standing::Filled { number }
        })
    }

    fn strict(&mut self, real: &Value) -> Result<Standing, String> {
        let Some(planned) = self.planned.get(self.next) else {
            return Err("it comes after the last action of the plan".to_owned());
        };
        if planned != real {
            return Err(format!("action {} of the plan is another", self.next + 1));
        }
        self.performed[self.next] = true;
        self.next += 1;
        Ok(Standing::Planned { number: self.next })
    }

    /// An action that says something else than planned is taken for the planned one of its line.
    fn of_the_same_line(&mut self, action: &Action) -> Standing {
        let kind = discriminant(&action.what);
        let rest = self.lines.iter().enumerate().skip(self.next);
        let found = rest.clone().find(|(_, it)| **it == (action.line, kind));
        match found {
            None => Standing::Unplanned,
            Some((at, _)) => {
                self.next = at + 1;
                self.performed[at] = true;
                Standing::Filled { number: at + 1 }
            }
        }
    }

    /// Refuses what destroys data on a device that the plan does not name.
    fn guard(&self, what: &What) -> Result<(), String> {
        let Class::Destroys { devices } = class_of(what) else {
            return Ok(());
        };
        let strange = devices.iter().find(|device| !self.names(device));
        match strange {
            None => Ok(()),
            Some(device) => Err(format!(
                "it destroys data on {device}, and the plan destroys none there"
            )),
        }
    }

    /// Whether the plan destroys data on the disk of `device`.
    fn names(&self, device: &str) -> bool {
        self.destroyed.iter().any(|planned| {
            planned == UNKNOWN_DEVICE
                || fits(planned, device)
                || fits(disk_of(planned), disk_of(device))
        })
    }

    /// The planned actions that were not performed, from 1.
    pub(in crate::configure) fn left_out(&self) -> Result<Vec<usize>, String> {
        let left = self.performed.iter().enumerate();
        let left: Vec<usize> = left
            .filter(|(_, performed)| !**performed)
            .map(|(at, _)| at + 1)
            .collect();
        match left.first() {
            Some(first) if !self.free => Err(format!("it ended before action {first} of its plan")),
            _ => Ok(left),
        }
    }
}

fn json(what: &What) -> Value {
    serde_json::to_value(what).expect("texts, numbers and lists with text for keys are always JSON")
}

/// Whether `real` is `planned` with other texts in place of its placeholders.
fn is_filled(planned: &Value, real: &Value) -> bool {
    match (planned, real) {
        (Value::String(planned), Value::String(real)) => fits(planned, real),
        (Value::Array(planned), Value::Array(real)) => {
            planned.len() == real.len() && planned.iter().zip(real).all(|(a, b)| is_filled(a, b))
        }
        (Value::Object(planned), Value::Object(real)) => {
            planned.len() == real.len()
                && planned.iter().all(|(name, field)| {
                    real.get(name).is_some_and(|other| is_filled(field, other))
                })
        }
        _ => planned == real,
    }
}

/// Whether a text is the planned one, `⟨name⟩` standing for any text.
fn fits(planned: &str, real: &str) -> bool {
    let mut pieces = fixed_pieces(planned).into_iter();
    let Some(mut rest) = pieces.next().and_then(|first| real.strip_prefix(first)) else {
        return false;
    };
    let mut pieces = pieces.peekable();
    if pieces.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    true
}

/// What stands before, between and after the placeholders of a text: one piece where there are none.
fn fixed_pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut piece_starts, mut at) = (0, 0);
    while let Some(open) = text[at..].find('⟨').map(|open| open + at) {
        let inside = open + '⟨'.len_utf8();
        let Some(close) = text[inside..].find('⟩').map(|close| close + inside) else {
            break;
        };
        pieces.push(&text[piece_starts..open]);
        at = close + '⟩'.len_utf8();
        piece_starts = at;
    }
    pieces.push(&text[piece_starts..]);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configure::plan::CommandText;

    /// A command that no line of the plan holds.
    fn run(text: &str) -> Action {
        at(99, text)
    }

    fn at(line: u32, text: &str) -> Action {
        let command = CommandText::Shell(text.to_owned());
        let what = What::Run { command };
        Action { line, what }
    }

    fn follower(commands: &[&str]) -> Follower {
        let lines = (1..).zip(commands);
        Follower::new(&Plan {
            profile: "vm".to_owned(),
            actions: lines.map(|(line, text)| at(line, text)).collect(),
            placeholders: Vec::new(),
        })
    }

    #[test]
    fn until_the_machine_answers_otherwise_each_action_is_the_next_of_the_plan() {
        let mut at = follower(&["a", "b"]);
        assert_eq!(at.judge(&run("a")), Ok(Standing::Planned { number: 1 }));
        assert!(at.judge(&run("c")).is_err());
        assert!(at.left_out().is_err());
        assert_eq!(at.judge(&run("b")), Ok(Standing::Planned { number: 2 }));
        assert!(at.judge(&run("b")).is_err());
        assert_eq!(at.left_out(), Ok(Vec::new()));
    }

    #[test]
    fn a_placeholder_stands_for_the_value_that_the_machine_gives() {
        let mut at = follower(&["probe", "mkfs ⟨disk-1⟩1 x", "end"]);
        at.judge(&run("probe")).unwrap();
        at.loosen();
        let filled = at.judge(&run("mkfs /dev/sdb1 x"));
        assert_eq!(filled, Ok(Standing::Filled { number: 2 }));
        assert_eq!(at.judge(&run("end")), Ok(Standing::Planned { number: 3 }));
    }

    #[test]
    fn an_action_off_the_plan_is_told_and_skipped_ones_are_counted() {
        let mut at = follower(&["a", "b", "c"]);
        at.loosen();
        assert_eq!(at.judge(&run("other")), Ok(Standing::Unplanned));
        assert_eq!(at.judge(&run("c")), Ok(Standing::Planned { number: 3 }));
        assert_eq!(at.left_out(), Ok(vec![1, 2]));
    }

    #[test]
    fn an_action_of_a_planned_line_is_the_planned_one_with_other_values() {
        let mut follower = follower(&["probe", "echo a", "echo b", "mkfs.ext4 /dev/sda"]);
        follower.loosen();
        let standing = follower.judge(&at(3, "echo other"));
        assert_eq!(standing, Ok(Standing::Filled { number: 3 }));
        assert!(follower.judge(&at(4, "mkfs.ext4 /dev/sdb")).is_err());
    }

    #[test]
    fn no_device_loses_its_data_that_the_plan_does_not_name() {
        let mut at = follower(&["mkfs.ext4 /dev/sda1", "wipefs -a ⟨disk-1⟩"]);
        at.loosen();
        let standing = at.judge(&run("mkfs.xfs -f /dev/sda2"));
        assert_eq!(standing, Ok(Standing::Unplanned));
        // ⟨disk-1⟩ is any device.
        let standing = at.judge(&run("mkfs.xfs -f /dev/sdb"));
        assert_eq!(standing, Ok(Standing::Unplanned));
        let mut at = follower(&["mkfs.ext4 /dev/sda1"]);
        at.loosen();
        let refused = at.judge(&run("mkfs.xfs -f /dev/sdb")).unwrap_err();
        assert!(refused.contains("/dev/sdb"), "{refused}");
    }

    #[test]
    fn a_text_fits_only_with_its_fixed_pieces_in_their_order() {
        for (planned, real, expected) in [
            ("abc", "abc", true),
            ("abc", "abcd", false),
            ("⟨x⟩", "anything", true),
            ("a⟨x⟩c", "abbc", true),
            ("a⟨x⟩c", "abb", false),
            ("a⟨x⟩b⟨y⟩c", "a1b2c", true),
            ("a⟨x⟩b⟨y⟩c", "a12c", false),
            ("ab⟨x⟩ba", "aba", false),
            ("⟨open", "⟨open", true),
            ("⟨open", "other", false),
        ] {
            assert_eq!(fits(planned, real), expected, "{planned} {real}");
        }
    }
}
