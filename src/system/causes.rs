//! An error with all that caused it, as logs and terminals show it.

use std::error::Error;

/// The sentences of an error and its causes, the outermost first, in one line. A cause that the text
/// holds already is not said again: some libraries repeat theirs.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let further = error.to_string();
        if !text.contains(&further) {
            text = format!("{text}: {further}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Layer(&'static str, #[source] Option<Box<Layer>>);

    #[test]
    fn causes_follow_their_error_and_are_said_once() {
        let inner = Layer("no disk", None);
        let middle = Layer("cannot read: no disk", Some(Box::new(inner)));
        let outer = Layer("not started", Some(Box::new(middle)));
        assert_eq!(with_causes(&outer), "not started: cannot read: no disk");
    }
}
