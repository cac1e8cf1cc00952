//! `NAME.steps`: the steps that an installer of a profile may report, in their order.

use super::Form;
use super::document::{Top, walk};
use super::error::{Fault, ParseError, quoted};
use super::tree::Data;

/// Reads a list of labels, each a text.
///
/// # Errors
/// A text that is no such list, a label that is empty or stands twice, each at its place; a list of nothing.
pub fn parse(origin: &str, text: &str, form: Form) -> Result<Vec<String>, ParseError> {
    let mut labels: Vec<String> = Vec::new();
    let top = walk(text, form, |node| {
        let (start, found) = (node.span.start, node.describe(text));
        let Data::Text(label) = node.data else {
            let problem = format!("expected the label of a step, found {found}");
            return Err(Fault::new(start, problem).hint("put it in quotes"));
        };
        let label = label.text;
        if label.trim().is_empty() {
            return Err(Fault::new(start, "this label is empty"));
        }
        if labels.contains(&label) {
            let problem = format!("the step {} stands twice", quoted(&label));
            return Err(Fault::new(start, problem).hint("remove one of them"));
        }
        labels.push(label);
        Ok(())
    });
    match top {
        Ok(Top::List) if labels.is_empty() => Err(Fault::new(
            0,
            "no step is listed, so none could be reported",
        )
        .hint("remove the file to let installers report any step")
        .of(origin, text)),
        Ok(Top::List) => Ok(labels),
        Ok(Top::Generate(span, _)) => {
            let problem = "expected a list of steps, found `generate(...)`";
            Err(Fault::new(span.start, problem).of(origin, text))
        }
        Err(fault) => Err(fault.of(origin, text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read() {
        let expected = ["get_ks", "packages"];
        let edeploy = "['get_ks', # first\n 'packages']\n";
        assert_eq!(parse("x", edeploy, Form::Edeploy).unwrap(), expected);
        let native = "[\"get_ks\", \"packages\"]";
        assert_eq!(parse("x.ron", native, Form::Native).unwrap(), expected);
    }

    #[test]
    fn what_is_no_step_is_shown_at_its_place() {
        for (text, why) in [
            ("['a', 4]", "expected the label of a step"),
            ("['a', 'a']", "stands twice"),
            ("['a', ' ']", "is empty"),
            ("[]", "no step is listed"),
            ("{'a': 1}", "expected"),
        ] {
            let error = parse("vm.steps", text, Form::Edeploy).unwrap_err();
            assert!(error.with_caret().contains(why), "{}", error.with_caret());
        }
    }
}
