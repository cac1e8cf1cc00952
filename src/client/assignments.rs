//! Files of shell assignments, such as `/vars` and `/var/lib/edeploy/conf`, read without a shell.
//!
//! Quotes and backslashes mean what they mean to a shell. Nothing is expanded: `$x` is three
//! characters.

/// The assignments of a text in their order, each value as a shell would take it.
///
/// What follows a value after a blank, and lines that are no assignment, are left out.
pub(super) fn parse(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let line = rest.trim_start_matches([' ', '\t', '\n', ';']);
        let line = line.strip_prefix("export ").unwrap_or(line);
        let name_ends = line.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let is_name = |name: &str| name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        rest = match name_ends.map(|at| line.split_at(at)) {
            Some((name, after)) if is_name(name) && after.starts_with('=') => {
                let (value, after) = word(&after[1..]);
                found.push((name.to_owned(), value));
                after
            }
            _ => line.split_once('\n').map_or("", |(_, after)| after),
        };
    }
    found
}

/// The value of `name`; the last one counts, as in a shell. None where it is empty.
pub(super) fn last<'a>(assignments: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let mut values = assignments.iter().filter(|(key, _)| key == name);
    let (_, value) = values.next_back()?;
    (!value.is_empty()).then_some(value.as_str())
}

/// The word at the beginning of a text, and what follows it.
fn word(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut open: Option<char> = None;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match (open, c) {
            (Some(quote), c) if c == quote => open = None,
            (Some('\''), c) => value.push(c),
            (Some(_), '\\') => match chars.next() {
                Some((_, c @ ('"' | '\\' | '$' | '`'))) => value.push(c),
                Some((_, c)) => value.extend(['\\', c]),
                None => value.push('\\'),
            },
            (Some(_), c) => value.push(c),
            (None, '\'' | '"') => open = Some(c),
            (None, '\\') => value.extend(chars.next().map(|(_, c)| c)),
            (None, ' ' | '\t' | '\n' | ';') => return (value, &text[at..]),
            (None, c) => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configure::quoted;

    #[test]
    fn values_are_read_as_a_shell_reads_them() {
        let text = "ROLE=base\n# VERS=no\nexport VERS=\"D12 F\"; X='it'\\''s'\nEMPTY=\nROLE=last # c\n\
                    two words\n A=\\$x\n";
        let found = parse(text);
        let value = |name| last(&found, name);
        assert_eq!(value("ROLE"), Some("last"));
        assert_eq!(value("VERS"), Some("D12 F"));
        assert_eq!(value("X"), Some("it's"));
        assert_eq!(value("A"), Some("$x"));
        assert_eq!((value("EMPTY"), value("two")), (None, None));
    }

    proptest::proptest! {
        #[test]
        fn what_was_quoted_is_read_back(value in "[^\0]*") {
            let found = parse(&format!("A={}\nB=2\n", quoted(&value)));
            proptest::prop_assert_eq!(&found[0].1, &value);
            proptest::prop_assert_eq!(last(&found, "B"), Some("2"));
        }
    }
}
