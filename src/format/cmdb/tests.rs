use super::*;

fn parse(text: &str) -> CmdbDocument {
    CmdbDocument::parse("hp.cmdb", text, Form::Edeploy).unwrap()
}

/// The file after its entry 0 took these values, keys with no value removed.
fn edited(text: &str, form: Form, edits: &[(&str, Option<Value>)]) -> String {
    let mut document = CmdbDocument::parse("x", text, form).unwrap();
    let old = document.entries()[0].clone();
    let mut new: CmdbEntry = old
        .iter()
        .filter(|(key, _)| {
            !edits
                .iter()
                .any(|(name, value)| name == key && value.is_none())
        })
        .map(|(key, value)| (key.to_owned(), value.clone()))
        .collect();
    for (key, value) in edits {
        if let Some(value) = value {
            new.set(key, value.clone());
        }
    }
    document.replace(0, new.clone());
    let text = document.text();
    let read = CmdbDocument::parse("x", &text, form).unwrap();
    assert!(read.entries()[0].same(&new), "{text}");
    assert_eq!(read.entries(), document.entries());
    text
}

fn used() -> (&'static str, Option<Value>) {
    ("used", Some(Value::Int(1)))
}

#[test]
fn a_short_entry_stays_on_its_line() {
    for (text, expected) in [
        ("[{'ip': '1'}]", "[{'ip': '1', 'used': 1}]"),
        ("[{'ip': '1',}]", "[{'ip': '1', 'used': 1,}]"),
        ("[{ 'ip': '1' }]", "[{ 'ip': '1', 'used': 1 }]"),
        ("[{}]", "[{'used': 1}]"),
    ] {
        assert_eq!(edited(text, Form::Edeploy, &[used()]), expected);
    }
}

#[test]
fn an_entry_over_several_lines_grows_by_a_line() {
    for (text, expected) in [
        (
            "[{'ip': '1',\n  'mac': '2'},\n {'ip': '3'}]",
            "[{'ip': '1',\n  'mac': '2',\n  'used': 1},\n {'ip': '3'}]",
        ),
        (
            "[{\n    'ip': '1',  # first\n    # note\n    'mac': '2',  # last\n}]",
            "[{\n    'ip': '1',  # first\n    # note\n    'mac': '2',  # last\n    'used': 1,\n}]",
        ),
        (
            "[{\r\n  'ip': '1' # last\r\n}]",
            "[{\r\n  'ip': '1', # last\r\n  'used': 1\r\n}]",
        ),
    ] {
        assert_eq!(edited(text, Form::Edeploy, &[used()]), expected);
    }
}

#[test]
fn a_long_entry_is_wrapped_under_its_first_key() {
    let text = format!("[{{'ip': '{}'}}]", "1".repeat(70));
    let expected = format!("[{{'ip': '{}',\n  'used': 1}}]", "1".repeat(70));
    assert_eq!(edited(&text, Form::Edeploy, &[used()]), expected);
}

#[test]
fn a_value_changes_in_its_quotes() {
    let text = "[{\"ip\": \"1\", 'mac': u'2', 'n': 3}]";
    let edits = [
        ("ip", Some(Value::from("a'b"))),
        ("mac", Some(Value::from("c"))),
        ("n", Some(Value::Bool(true))),
    ];
    assert_eq!(
        edited(text, Form::Edeploy, &edits),
        "[{\"ip\": \"a'b\", 'mac': 'c', 'n': True}]"
    );
}

#[test]
fn a_removed_pair_goes_with_its_comma_and_leaves_comments() {
    for (key, text, expected) in [
        ("a", "[{'a': 1, 'b': 2}]", "[{'b': 2}]"),
        ("b", "[{'a': 1, 'b': 2}]", "[{'a': 1}]"),
        ("b", "[{'a': 1, 'b': 2, 'c': 3}]", "[{'a': 1, 'c': 3}]"),
        ("b", "[{'a': 1, 'b': 2,}]", "[{'a': 1,}]"),
        ("a", "[{'a': 1}]", "[{}]"),
        ("b", "[{'a': 1,  # x\n  'b': 2}]", "[{'a': 1  # x\n  }]"),
        (
            "b",
            "[{'a': 1,\n  'b': 2,  # x\n  'c': 3}]",
            "[{'a': 1,  # x\n  'c': 3}]",
        ),
    ] {
        assert_eq!(
            edited(text, Form::Edeploy, &[(key, None)]),
            expected,
            "{text}"
        );
    }
}

#[test]
fn taking_and_giving_back_restores_every_byte() {
    for text in [
        "[{'ip': '1'}]",
        "[{'ip': '1',\n  'mac': '2'},\n {'ip': '3'}]",
        "[{\n    'ip': '1',\n    'mac': '2',\n}]",
    ] {
        let taken = edited(text, Form::Edeploy, &[used()]);
        assert_eq!(edited(&taken, Form::Edeploy, &[("used", None)]), text);
    }
}

#[test]
fn native_entries_are_edited_alike() {
    assert_eq!(
        edited("[{\"ip\": \"1\" /* a */}] // b", Form::Native, &[used()]),
        "[{\"ip\": \"1\", /* a */\n  \"used\": 1}] // b"
    );
}

#[test]
fn a_generate_becomes_its_list_and_keeps_what_is_around_it() {
    let mut document = parse("# before\ngenerate({'ip': '10.0.0.1-2', 'n': 4})\n# after\n");
    assert!(document.is_generated());
    document.replace(
        1,
        document.entries()[1].merged(&crate::model::Bindings::new()),
    );
    assert!(!document.is_generated());
    assert_eq!(
        document.text(),
        "# before\n[\n    {'ip': '10.0.0.1', 'n': 4},\n    {'ip': '10.0.0.2', 'n': 4, 'used': 1},\n]\n# after\n"
    );
    assert_eq!(parse(&document.text()).entries(), document.entries());
}

#[test]
fn a_file_that_is_not_changed_stays_as_it_is() {
    let text = "generate({'ip': '10.0.0.1-2'})";
    let mut document = parse(text);
    document.replace(0, document.entries()[0].clone());
    document.replace(7, CmdbEntry::default());
    assert_eq!(document.text(), text);
}

#[test]
fn ranges_of_different_length_are_noted() {
    let document = parse("generate({'ip': '10.0.0.1-9', 'name': 'h1-3', 'mask': 'm'})");
    assert_eq!(
        document.notes(),
        [
            "the ranges of this `generate` differ in length (`ip` 9, `name` 3): the shortest one ends it after 3 entries"
        ]
    );
}

#[test]
fn keys_are_text_and_stand_once() {
    let wrong = |text| CmdbDocument::parse("x", text, Form::Edeploy).unwrap_err();
    let error = wrong("[{'a': 1,\n 'b': 2, 'a': 3}]");
    assert_eq!((error.position.line, error.position.column), (2, 10));
    assert!(error.problem.contains("`a` stands twice"), "{error}");
    let error = wrong("[{1: 2}]");
    assert_eq!(error.hint.as_deref(), Some("put the key in quotes"));
    assert!(wrong("[('ip', 1)]").problem.contains("expected an entry"));
    assert!(
        wrong("generate({'a': '0-9999999'})")
            .problem
            .contains("10000000")
    );
}

#[test]
fn any_value_of_used_is_kept_as_it_is() {
    let text = "[{'ip': '1', 'used': 'by hand'}]";
    let edits = [("ip", Some(Value::from("2")))];
    assert_eq!(
        edited(text, Form::Edeploy, &edits),
        "[{'ip': '2', 'used': 'by hand'}]"
    );
}
