use crate::format::{Form, StateDocument};

fn shown(text: &str) -> String {
    let error = StateDocument::parse("state", text, Form::Edeploy).unwrap_err();
    error.with_caret()
}

#[test]
fn a_forgotten_comma_is_pointed_at() {
    assert_eq!(
        shown("[('hp', 4)\n ('vm', '*')]"),
        "`state` line 2, column 2: expected `,` or `]`, found `(`\n\
         2 |  ('vm', '*')]\n  |  ^\n  = did you forget a comma before this?"
    );
}

#[test]
fn a_file_saved_half_way_names_the_bracket_and_its_line() {
    assert_eq!(
        shown("# a\n[('hp', 4),\n ('vm', "),
        "`state` line 3, column 8: the file ends inside the `(` of line 3, column 2\n\
         3 |  ('vm', \n  |        ^\n  = is a `)` missing, or was the file saved half-way?"
    );
    assert!(shown("[('hp', 4),\n").contains("inside the `[` of line 1, column 1"));
    assert!(shown("").contains("found an empty file"));
    assert!(shown("[('hp', 4\0\0\0").contains("NUL"));
}

#[test]
fn a_wrong_bracket_is_told_with_the_one_it_should_close() {
    assert!(shown("[('hp',\n 4]]").contains("expected `)` to close the `(` of line 1, found `]`"));
    assert!(shown("[]]").contains("found `]` that closes nothing"));
    assert!(shown("[] []").contains("expected the end of the file"));
    assert!(shown("[,]").contains("expected a value, found `,`"));
}

#[test]
fn words_of_other_languages_get_a_hint() {
    for (word, hint) in [
        ("true", "write `True`"),
        ("null", "write `None`"),
        ("hp", "in quotes"),
    ] {
        let text = format!("[{word}]");
        assert!(shown(&text).contains(hint), "{word}");
    }
}

#[test]
fn a_nesting_bomb_is_refused() {
    for open in ["[", "(", "{'a':"] {
        let text = format!("[{}", open.repeat(1_000_000));
        assert!(shown(&text).contains("more than 100 deep"), "{open}");
    }
}

#[test]
fn what_is_found_cannot_drive_a_terminal() {
    let text = format!("[('hp', 4) \u{1b}]0;x\u{7} {}]", "y".repeat(500));
    let shown = shown(&text);
    assert!(!shown.contains(['\u{1b}', '\u{7}']), "{shown:?}");
    let lines: Vec<&str> = shown.lines().collect();
    assert!(
        lines.iter().all(|line| line.chars().count() < 200),
        "{shown}"
    );
}
