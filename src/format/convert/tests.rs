use super::*;

fn native(text: &str) -> String {
    convert("x", text, Form::Edeploy, Form::Native).unwrap()
}

fn edeploy(text: &str) -> String {
    convert("x", text, Form::Native, Form::Edeploy).unwrap()
}

#[test]
fn comments_order_and_layout_stay() {
    assert_eq!(
        native("# -*- python -*-\n\n[\n  ('hp', 4),  # four\n  (u'it\\'s', '*'),\n]\n"),
        "// -*- python -*-\n\n[\n  (\"hp\", 4),  // four\n  (\"it's\", \"*\"),\n]\n"
    );
    assert_eq!(
        edeploy("// a\n[\n  (\"hp\", 4), /* four\n   more */\n]\n"),
        "# a\n[\n  ('hp', 4), # four\n  # more\n]\n"
    );
    assert_eq!(
        edeploy("/* a */ [\n  (\"hp\", /* b */ 4)]"),
        "# a\n[\n  ('hp', # b\n  4)]"
    );
}

#[test]
fn words_numbers_and_brackets_take_the_other_form() {
    assert_eq!(
        native(
            "[{'a': True, 'b': None, 'c': (1, 2), 'd': 8L, 'e': 0x10, 'f': ('x'), 'g': 1.50, 'h': ()}]"
        ),
        "[{\"a\": true, \"b\": None, \"c\": [1, 2], \"d\": 8, \"e\": 16, \"f\": \"x\", \"g\": 1.50, \"h\": []}]"
    );
    assert_eq!(
        edeploy(
            "[{\"a\": true, \"b\": Some(None), \"c\": (1, 2), \"d\": (), \"e\": r#\"x\\\"#, \"f\": (1)}]"
        ),
        "[{'a': True, 'b': None, 'c': [1, 2], 'd': None, 'e': 'x\\\\', 'f': [1]}]"
    );
}

#[test]
fn a_generate_stays_one() {
    let text = "generate({'ip': '10.0.0.1-9',\n          'n': ('a', 'b')})\n";
    assert_eq!(
        native(text),
        "generate({\"ip\": \"10.0.0.1-9\",\n          \"n\": [\"a\", \"b\"]})\n"
    );
}

#[test]
fn texts_side_by_side_become_one() {
    assert_eq!(
        native("['a' 'b' # x\n 'c', 'd']"),
        "[\"abc\"  // x\n , \"d\"]"
    );
}

#[test]
fn the_same_form_is_the_same_text() {
    let text = "[ ('a',  1) ]  # x";
    assert_eq!(
        convert("x", text, Form::Edeploy, Form::Edeploy).unwrap(),
        text
    );
}

#[test]
fn a_number_that_ron_cannot_hold_is_named_at_its_place() {
    let text = "[{'a':\n 99999999999999999999}]";
    let error = convert("x", text, Form::Edeploy, Form::Native).unwrap_err();
    assert_eq!((error.position.line, error.position.column), (2, 2));
}
