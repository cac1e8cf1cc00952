use super::*;

fn json(text: &str) -> ParsedFacts {
    parse_json("hw.json", text.as_bytes()).unwrap()
}

fn wrong(bytes: &[u8]) -> (usize, usize, String) {
    let error = parse_json("hw.json", bytes).unwrap_err();
    (error.position.line, error.position.column, error.problem)
}

#[test]
fn every_kind_of_value_keeps_its_type() {
    let parsed = json(
        r#"[["cpu","physical","number",2],["cpu","p","MHz",1.5],["a","b","c",null],
            ["a","b","c",true],["disk","sda","size","8"],["a","b","c",-3]]"#,
    );
    assert!(parsed.bad_rows.is_empty());
    let values: Vec<Value> = parsed.facts.into_iter().map(|fact| fact.value).collect();
    assert_eq!(
        values,
        [
            Value::Int(2),
            Value::Float(1.5),
            Value::Null,
            Value::Bool(true),
            "8".into(),
            Value::Int(-3)
        ]
    );
}

#[test]
fn a_row_that_is_none_is_named_and_the_rest_is_kept() {
    let parsed = json(
        r#"[["a","b","c","d"],["a","b","c"],"x",{"a":1},["a","b","c",["d"]],[1,"b","c","d"],["a","b","c",{}],["e","f","g","h"]]"#,
    );
    assert_eq!(parsed.facts.len(), 2);
    let bad: Vec<(usize, &str)> = parsed
        .bad_rows
        .iter()
        .map(|row| (row.index, row.problem.as_str()))
        .collect();
    assert_eq!(
        bad,
        [
            (1, "expected 4 items, found 3"),
            (2, "expected a row of 4 items, found `x`"),
            (3, "expected a row of 4 items, found a mapping"),
            (
                4,
                "expected a text or number as value, found a list or mapping"
            ),
            (5, "expected text as category, found `1`"),
            (
                6,
                "expected a text or number as value, found a list or mapping"
            ),
        ]
    );
}

#[test]
fn what_is_no_upload_is_an_error_at_its_place() {
    assert_eq!(
        wrong(b"[[\"a\",\"b\",\n\"c\""),
        (
            2,
            4,
            "the text ends inside a list: it is cut off".to_owned()
        )
    );
    assert_eq!(
        wrong(b"[[\"a\",\n\xff\"b\"]]"),
        (2, 1, "the byte 0xff is no UTF-8".to_owned())
    );
    assert!(wrong(b"[\"\xe7\xa3").2.contains("cut off"));
    assert!(wrong(b"").2.contains("found nothing"));
    assert!(wrong(b"{\"a\": 1}").2.contains("expected a list of rows"));
    assert!(wrong(b"\"x\"").2.contains("expected a list of rows"));
    assert!(wrong(b"[] x").2.contains("trailing"));
    assert!(wrong(b"[[\"a\0\"]]").2.contains("control character"));
    assert!(wrong(b"\0").2.contains("expected value"));
    assert_eq!(wrong("[\"é\", x]".as_bytes()).1, 7);
}

#[test]
fn what_is_said_of_a_row_is_short_and_harmless() {
    let parsed = json(&format!(r#"["\u001b[2J{}"]"#, "x".repeat(5000)));
    let problem = &parsed.bad_rows[0].problem;
    assert!(
        !problem.contains('\u{1b}') && problem.chars().count() < 100,
        "{problem}"
    );
    let (_, _, problem) = wrong(format!("\"{}\"", "x".repeat(5000)).as_bytes());
    assert!(problem.chars().count() < 200, "{problem}");
}

#[test]
fn nesting_bombs_are_refused() {
    for bomb in ["[".repeat(1_000_000), "[{\"a\":".repeat(200_000)] {
        assert!(wrong(bomb.as_bytes()).2.contains("nested too deep"));
    }
    let whole = format!("[{}1{}]", "[".repeat(100_000), "]".repeat(100_000));
    assert!(wrong(whole.as_bytes()).2.contains("nested too deep"));
}

#[test]
fn half_a_surrogate_pair_does_not_cost_the_machine() {
    let parsed = json(r#"[["a","\\ud800 \udcff","\ud83d\ude00","d"]]"#);
    assert_eq!(parsed.facts[0].instance, "\\ud800 \u{fffd}");
    assert_eq!(parsed.facts[0].key, "😀");
}

#[test]
fn hw_files_of_all_generations_are_read() {
    let text = "# 2013\n[('disk', 'sda', 'WCE', '1'),\n (u'cpu', u'logical', u'number', 16L),\n ('a', 'b', 'c', None),\n ['a', 'b', 'c', 2.5], ('x',)]\n";
    let parsed = parse_named("x.hw", text.as_bytes()).unwrap();
    assert_eq!(parsed.facts.len(), 4);
    assert_eq!(
        parsed.facts[1],
        Fact::new("cpu", "logical", "number", "16").with(16)
    );
    assert_eq!(parsed.bad_rows[0].index, 4);
    assert!(parse_named("x.hw_", b"[]").is_ok());
    assert!(parse_named("x.json", text.as_bytes()).is_err());
    assert!(parse_literal("x.hw", "generate({})").is_err());
}

impl Fact {
    fn with(mut self, int: i128) -> Fact {
        self.value = Value::Int(int);
        self
    }
}

#[test]
fn a_rendered_hw_file_is_ascii_with_one_row_a_line() {
    let facts = [
        Fact::new("disk", "sda", "size", "8"),
        Fact::new("system", "é", "it's", "磁\u{1b}😀"),
        Fact::new("cpu", "physical", "number", "2").with(2),
    ];
    assert_eq!(
        render_hw(&facts),
        "[('disk', 'sda', 'size', '8'),\n ('system', u'\\xe9', \"it's\", u'\\u78c1\\x1b\\U0001f600'),\n ('cpu', 'physical', 'number', 2)]\n"
    );
    assert_eq!(parse_literal("x", &render_hw(&facts)).unwrap().facts, facts);
    assert_eq!(render_hw(&[]), "[]\n");
}
