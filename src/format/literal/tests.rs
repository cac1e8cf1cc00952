use crate::format::Form;
use crate::format::document::one;
use crate::model::Value;

fn read(text: &str) -> Result<Value, String> {
    match one(text, Form::Edeploy) {
        Ok(node) => Ok(node.into_value(Form::Edeploy)),
        Err(fault) => Err(fault.problem),
    }
}

#[test]
fn strings_mean_what_python_says() {
    for (literal, meaning) in [
        (r"'it\'s'", "it's"),
        (r#"u"caf\xe9""#, "café"),
        (r"U'\u78c1\U0001f600'", "磁😀"),
        (r"u'\ud83d\ude00'", "😀"),
        (r"'\101\7\0'", "A\x07\0"),
        (r"'\a\b\f\n\r\t\v\\'", "\x07\x08\x0c\n\r\t\x0b\\"),
        (r"'C:\dir\q'", r"C:\dir\q"),
        (r"r'C:\new\'x'", r"C:\new\'x"),
        (r"b'\xc3\xa9\u00e9'", r"é\u00e9"),
        ("'''a\r\n'b'\n'''", "a\n'b'\n"),
        ("'a\\\nb'", "ab"),
        ("'a' \"b\"\n # c\n u'c'", "abc"),
        ("''", ""),
        ("'磁盤'", "磁盤"),
    ] {
        assert_eq!(read(literal), Ok(Value::from(meaning)), "{literal}");
    }
}

#[test]
fn numbers_of_python_2_and_3_are_read() {
    for (literal, meaning) in [
        ("8L", 8),
        ("0x1F", 31),
        ("0777", 511),
        ("0o17", 15),
        ("0b11", 3),
        ("1_000", 1000),
        ("-5", -5),
        ("+5", 5),
        ("00", 0),
        ("(4)", 4),
    ] {
        assert_eq!(read(literal), Ok(Value::Int(meaning)), "{literal}");
    }
    for (literal, meaning) in [("1.5", 1.5), ("-.5e+1", -5.0), ("5.", 5.0), ("1E-3", 0.001)] {
        assert_eq!(read(literal), Ok(Value::Float(meaning)), "{literal}");
    }
}

#[test]
fn words_and_brackets_mean_what_python_says() {
    let text = |text: &str| Value::from(text);
    for (literal, meaning) in [
        ("None", Value::Null),
        ("True", Value::Bool(true)),
        ("('a')", text("a")),
        ("('a',)", Value::Tuple(vec![text("a")])),
        ("()", Value::Tuple(vec![])),
        ("['a', 'b',]", Value::List(vec![text("a"), text("b")])),
        (
            "{'a': ['b']}",
            Value::Map(vec![("a".to_owned(), Value::List(vec![text("b")]))]),
        ),
        (
            "\u{feff}# -*- coding: utf-8 -*-\r\n\r\n[ \\\n]\r\n# end",
            Value::List(vec![]),
        ),
    ] {
        assert_eq!(read(literal), Ok(meaning), "{literal}");
    }
}

#[test]
fn what_is_no_data_is_named() {
    for (text, problem) in [
        ("x", "the name `x`"),
        ("dict(a=1)", "a call of `dict`"),
        ("__import__('os').system('id')", "a call of `__import__`"),
        ("[x for x in y]", "the name `x`"),
        ("['a' + 'b']", "expected `,` or `]`, found `+`"),
        ("['%s' % 'b']", "found `%`"),
        ("f'{x}'", "have to evaluate"),
        (r"'\N{BULLET}'", "a character by name"),
        (r"'\x4'", "is no character"),
        (r"u'\ud800'", "is no character"),
        (r"b'\xff'", "no UTF-8"),
        ("10.0.0.1", "`10.0.0.1` is no number"),
        ("1__0", "is no number"),
        ("1_e5", "is no number"),
        ("089", "is no number"),
        ("1e999", "is no number"),
        ("999999999999999999999999999999999999999999", "too large"),
        ("'a", "no closing quote"),
        ("'a\n'", "no closing quote"),
        ("'''a'", "the file ends inside the text"),
        ("'a\\", "no closing quote"),
        ("{'a', 'b'}", "expected `:`"),
        ("{1: 2}", "expected a key that is text, found `1`"),
        ("[generate({})]", "inside of other data"),
    ] {
        let found = read(text).unwrap_err();
        assert!(found.contains(problem), "{text}: {found}");
    }
}
