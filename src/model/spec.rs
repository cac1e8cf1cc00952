//! What a profile requires of a machine, as its file says it.

/// A place in a text: line and column, both counted from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

/// One of the four texts of a rule, and where its first character stands in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecText {
    /// The pattern as the admin wrote it.
    pub text: String,
    /// Where the text begins, inside its quotes.
    pub position: Position,
}

/// One requirement: four patterns for category, instance, key and value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The patterns, not yet read as such: that is the work of `matching`.
    pub patterns: [SpecText; 4],
    /// Where the rule begins in the file.
    pub position: Position,
}

/// All rules of a profile, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Spec {
    /// The rules; all of them must match.
    pub rules: Vec<Rule>,
}

impl Spec {
    /// A spec from plain texts, without places in a file.
    pub fn from_texts<'a>(rules: impl IntoIterator<Item = [&'a str; 4]>) -> Spec {
        let rule = |texts: [&str; 4]| Rule {
            patterns: texts.map(|text| SpecText {
                text: text.to_owned(),
                position: Position::default(),
            }),
            position: Position::default(),
        };
        Spec {
            rules: rules.into_iter().map(rule).collect(),
        }
    }
}
