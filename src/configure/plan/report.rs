//! A plan with all that can be said of it, as one JSON value for programs.

use serde::Serialize;

use super::{Action, Class, Placeholder, Plan, class_of};

/// The JSON of a plan for programs: its fields and what follows from them. It can be read again as a
/// `Plan`, which takes the fields of the plan and leaves the rest.
#[derive(Debug, Serialize)]
pub struct Report<'a> {
    profile: &'a str,
    hash: String,
    partial: bool,
    actions: Vec<Classed<'a>>,
    placeholders: &'a [Placeholder],
}

#[derive(Debug, Serialize)]
struct Classed<'a> {
    #[serde(flatten)]
    action: &'a Action,
    #[serde(flatten)]
    class: Class,
}

impl Plan {
    /// The plan with its hash, whether it is partial, and the class of each action.
    pub fn report(&self) -> Report<'_> {
        let classed = |action| Classed {
            action,
            class: class_of(&action.what),
        };
        Report {
            profile: &self.profile,
            hash: self.hash(),
            partial: self.is_partial(),
            actions: self.actions.iter().map(classed).collect(),
            placeholders: &self.placeholders,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{everything, plan, run};
    use super::*;

    #[test]
    fn a_report_says_what_each_action_does() {
        let plan = plan(vec![run("mkfs.ext4 /dev/sda")]);
        let expected = format!(
            "{{\"profile\":\"vm\",\"hash\":\"{}\",\"partial\":false,\"actions\":[{{\"line\":10,\
             \"action\":\"run\",\"command\":\"mkfs.ext4 /dev/sda\",\"class\":\"destroys\",\
             \"devices\":[\"/dev/sda\"]}}],\"placeholders\":[]}}",
            plan.hash()
        );
        assert_eq!(serde_json::to_string(&plan.report()).unwrap(), expected);
    }

    #[test]
    fn a_report_can_be_read_as_the_plan() {
        let json = serde_json::to_string(&everything().report()).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&json).unwrap(), everything());
    }
}
