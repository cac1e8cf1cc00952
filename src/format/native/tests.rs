use crate::format::{CmdbDocument, Form, StateDocument, specs};
use crate::model::Value;

fn value(literal: &str) -> Result<Value, String> {
    let text = format!("[{{\"k\": {literal}}}]");
    match CmdbDocument::parse("x.ron", &text, Form::Native) {
        Ok(document) => Ok(document.entries()[0].get("k").unwrap().clone()),
        Err(error) => Err(format!("{} {}", error.position.column, error.problem)),
    }
}

#[test]
fn values_mean_what_ron_says() {
    for (literal, meaning) in [
        (r#""a\n\"\u{e9}\x41""#, Value::from("a\n\"é\u{41}")),
        (r##"r#"a\"b"#"##, Value::from(r#"a\"b"#)),
        ("-5", Value::Int(-5)),
        ("0xff", Value::Int(255)),
        ("1_000", Value::Int(1000)),
        ("1.50", Value::Float(1.5)),
        ("true", Value::Bool(true)),
        ("None", Value::Null),
        ("()", Value::Null),
        ("Some(4)", Value::Int(4)),
        ("(1, 2)", Value::List(vec![Value::Int(1), Value::Int(2)])),
        ("(1)", Value::List(vec![Value::Int(1)])),
        (
            "[/* /* x */ */ 1, // y\n]",
            Value::List(vec![Value::Int(1)]),
        ),
        ("18446744073709551615", Value::Int(u64::MAX.into())),
        ("0.1", Value::Float(0.1)),
    ] {
        assert_eq!(value(literal), Ok(meaning), "{literal}");
    }
}

#[test]
fn what_only_one_of_two_readers_takes_is_an_error() {
    for literal in [
        "'a'",
        "b\"a\"",
        "1u8",
        "1.0f32",
        "inf",
        "NaN",
        "1..2",
        "Foo",
        "(a: 1)",
        "Foo(1)",
        "18446744073709551616",
        "9999999999999999999999999999999999999999999",
        "\"\\q\"",
        "\"a\" \"b\"",
        "True",
    ] {
        assert!(value(literal).is_err(), "{literal}");
    }
}

#[test]
fn an_extension_line_keeps_working() {
    let text = "#![enable(implicit_some)]\n[(\"hp\", 4)]";
    let state = StateDocument::parse("state.ron", text, Form::Native).unwrap();
    assert_eq!(state.quotas().len(), 1);
    let text = "#![enable(implicit_some)]\n// x\ngenerate({\"ip\": \"10.0.0.1-2\"})";
    let cmdb = CmdbDocument::parse("x.cmdb.ron", text, Form::Native).unwrap();
    assert_eq!(cmdb.entries().len(), 2);
}

#[test]
fn a_file_of_the_other_form_is_told_so() {
    let error = specs::parse("x.ron", "[('a', 'b', 'c', 'd')]", Form::Native).unwrap_err();
    assert_eq!(error.position.column, 3);
    assert!(error.hint.unwrap().contains("only the eDeploy form"));
}

#[test]
fn a_comment_without_an_end_is_named_where_it_begins() {
    let error = StateDocument::parse("x.ron", "[\n /* a [ ", Form::Native).unwrap_err();
    assert_eq!((error.position.line, error.position.column), (2, 2));
}
