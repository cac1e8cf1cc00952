//! What holds of every text and every value, not of examples alone.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::model::{CmdbEntry, Fact, ProfileName, Quota, Remaining, Spec, Value};

const FORMS: [Form; 2] = [Form::Edeploy, Form::Native];

/// Text with everything that quoting could stumble over.
fn text() -> impl Strategy<Value = String> {
    let odd = prop::sample::select(
        "'\"\\\n\r\t\0#,:()[]{}/*uxbr \u{1b}\u{202e}\u{85}é磁😀$=%"
            .chars()
            .collect::<Vec<_>>(),
    );
    let character = prop_oneof![odd, prop::char::range('a', 'z'), any::<char>()];
    vec(character, 0..12).prop_map(|characters| characters.into_iter().collect())
}

fn scalar() -> impl Strategy<Value = Value> {
    scalar_with(prop::num::f64::NORMAL)
}

fn scalar_with(fraction: impl Strategy<Value = f64> + 'static) -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(|int| Value::Int(int.into())),
        any::<u64>().prop_map(|int| Value::Int(int.into())),
        fraction.prop_map(Value::Float),
        text().prop_map(Value::Text),
    ]
}

/// What `serde_json` reads exactly without its feature `float_roundtrip`.
fn short_fraction() -> impl Strategy<Value = f64> {
    any::<i32>().prop_map(|int| f64::from(int) / 64.0)
}

fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::List),
            vec(inner.clone(), 0..4).prop_map(Value::Tuple),
            prop::collection::btree_map(text(), inner, 0..4)
                .prop_map(|pairs| Value::Map(pairs.into_iter().collect())),
        ]
    })
}

fn entry() -> impl Strategy<Value = CmdbEntry> {
    let key = prop_oneof![
        prop::sample::select(vec!["ip", "mac", "used", "a"]).prop_map(str::to_owned),
        text()
    ];
    vec((key, value()), 0..6).prop_map(CmdbEntry::from_iter)
}

fn quotas() -> impl Strategy<Value = Vec<Quota>> {
    let name = prop_oneof![text(), "[a-z]{1,3}"]
        .prop_filter_map("a name", |text| ProfileName::new(&text).ok());
    let remaining = prop_oneof![
        Just(Remaining::Unlimited),
        any::<u32>().prop_map(|count| Remaining::Limited(count.into())),
    ];
    prop::collection::btree_map(name, remaining, 0..6).prop_map(|quotas| {
        quotas
            .into_iter()
            .map(|(profile, remaining)| Quota { profile, remaining })
            .collect()
    })
}

/// A CMDB with entries, comments and blanks strewn over it as an admin might.
fn laid_out(entries: &[CmdbEntry], gaps: &[usize], form: Form) -> String {
    let comment = match form {
        Form::Edeploy => "# it's, {[(\n",
        Form::Native => "// it's, {[(\n",
    };
    let kinds = [
        "",
        " ",
        "\n  ",
        "\r\n\t",
        &format!("  {comment}   "),
        &format!("\n{comment}"),
        match form {
            Form::Edeploy => " \\\n ",
            Form::Native => " /* a, /* } */ */ ",
        },
    ];
    let mut next = 0;
    let mut gap = || {
        next += 1;
        kinds[gaps[next % gaps.len()] % kinds.len()]
    };
    let mut file = format!("{}[", gap());
    for (at, entry) in entries.iter().enumerate() {
        let pairs: Vec<(&str, &Value)> = entry.iter().collect();
        file.push_str(&format!("{}{{{}", gap(), gap()));
        for (number, (key, value)) in pairs.iter().enumerate() {
            let comma = number + 1 < pairs.len() || gap().len() > 2;
            file.push_str(&format!(
                "{}{}:{}{}{}{}{}",
                gap(),
                render::text(key, form),
                gap(),
                render::value(value, form),
                gap(),
                if comma { "," } else { "" },
                gap()
            ));
        }
        let comma = at + 1 < entries.len() || gap().len() > 2;
        file.push_str(&format!("}}{}{}", gap(), if comma { "," } else { "" }));
    }
    file.push_str(&format!("{}]{}", gap(), gap()));
    file
}

/// Texts made of what parsers look at.
fn soup() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "[",
        "]",
        "(",
        ")",
        "{",
        "}",
        ",",
        ":",
        "'",
        "\"",
        "'''",
        "\\",
        "\n",
        "\r",
        " ",
        "#",
        "//",
        "/*",
        "*/",
        "r#\"",
        "u'",
        "b'",
        "r'",
        "'a'",
        "\"b\"",
        "\\x",
        "\\u",
        "\\N{",
        "1",
        "-",
        "+",
        ".",
        "0x",
        "0777",
        "1e9",
        "8L",
        "1_0",
        "True",
        "true",
        "None",
        "Some(",
        "generate(",
        "1-3",
        "#![enable(implicit_some)]",
        "é",
        "\u{feff}",
        "\0",
        "inf",
        "'*'",
        "('a', 1)",
        "x.y",
    ]);
    vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// Gives a text to every parser there is.
fn read_all(text: &str) {
    for form in FORMS {
        let mut errors = Vec::new();
        errors.extend(specs::parse("x", text, form).err());
        errors.extend(StateDocument::parse("x", text, form).err());
        match CmdbDocument::parse("x", text, form) {
            Ok(document) => assert_eq!(document.text(), text),
            Err(error) => errors.push(error),
        }
        for to in FORMS {
            errors.extend(convert("x", text, form, to).err());
        }
        errors.extend(parse_named("x.hw", text.as_bytes()).err());
        errors.extend(parse_named("x.json", text.as_bytes()).err());
        for error in errors {
            assert!(!error.to_string().contains(char::is_control), "{error}");
            assert!(!error.line.contains(char::is_control), "{error}");
            error.with_caret();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_a_parser_panic(text in prop_oneof![text(), soup(), ".{0,60}"]) {
        read_all(&text);
    }

    #[test]
    fn no_bytes_make_the_hardware_parser_panic(bytes in vec(any::<u8>(), 0..80)) {
        drop(parse_named("x.json", &bytes));
        drop(parse_named("x.hw", &bytes));
    }

    #[test]
    fn no_spoilt_file_makes_a_parser_panic(
        entries in vec(entry(), 0..3),
        gaps in vec(0_usize..7, 9),
        native in any::<bool>(),
        at in any::<prop::sample::Index>(),
        piece in soup(),
        cut in any::<bool>(),
    ) {
        let mut file = laid_out(&entries, &gaps, FORMS[usize::from(native)]);
        let mut at = at.index(file.len() + 1);
        while !file.is_char_boundary(at) {
            at -= 1;
        }
        if cut {
            file.truncate(at);
        } else {
            file.insert_str(at, &piece);
        }
        read_all(&file);
    }

    #[test]
    fn a_state_file_reads_back(quotas in quotas()) {
        for form in FORMS {
            let text = render_state(&quotas, form);
            let state = StateDocument::parse("state", &text, form).unwrap();
            prop_assert_eq!(state.quotas(), quotas.as_slice());
        }
    }

    #[test]
    fn a_state_file_with_another_count_reads_back(
        quotas in quotas(),
        at in any::<prop::sample::Index>(),
        count in proptest::option::of(any::<u64>()),
    ) {
        prop_assume!(!quotas.is_empty());
        let at = at.index(quotas.len());
        let remaining = count.map_or(Remaining::Unlimited, Remaining::Limited);
        for form in FORMS {
            let text = render_state(&quotas, form);
            let mut state = StateDocument::parse("state", &text, form).unwrap();
            let mut wanted = quotas.clone();
            wanted[at].remaining = remaining;
            prop_assert!(state.set_remaining(&quotas[at].profile, remaining));
            prop_assert_eq!(state.text(), render_state(&wanted, form));
            let read = StateDocument::parse("state", state.text(), form).unwrap();
            prop_assert_eq!(read.quotas(), wanted.as_slice());
        }
    }

    #[test]
    fn a_specs_file_reads_back(rules in vec([text(), text(), text(), text()], 0..5)) {
        let spec = Spec::from_texts(rules.iter().map(|rule| rule.each_ref().map(String::as_str)));
        for form in FORMS {
            let text = render_specs(&spec, form);
            let read = specs::parse("x.specs", &text, form).unwrap();
            let texts: Vec<[String; 4]> = read
                .rules
                .into_iter()
                .map(|rule| rule.patterns.map(|pattern| pattern.text))
                .collect();
            prop_assert_eq!(&texts, &rules);
        }
    }

    #[test]
    fn a_cmdb_reads_back(entries in vec(entry(), 0..4)) {
        for form in FORMS {
            let text = render_cmdb(&entries, form);
            let read = CmdbDocument::parse("x.cmdb", &text, form).unwrap();
            let wanted: Vec<CmdbEntry> = entries.iter().map(|e| super::entry::as_read(e, form)).collect();
            prop_assert_eq!(read.entries(), wanted.as_slice());
        }
    }

    #[test]
    fn a_replaced_entry_says_what_it_should_and_nothing_else_moves(
        entries in vec(entry(), 1..4),
        new in vec((any::<prop::sample::Index>(), entry()), 1..3),
        gaps in vec(0_usize..7, 11),
    ) {
        for form in FORMS {
            let source = laid_out(&entries, &gaps, form);
            let mut document = CmdbDocument::parse("x.cmdb", &source, form).unwrap();
            for (index, new) in &new {
                let index = index.index(entries.len());
                let before = document.text();
                let parts = super::document::items(&before, form).unwrap();
                document.replace(index, new.clone());
                let after = document.text();
                prop_assert!(after.starts_with(&before[..parts[index].start]), "{}", after);
                prop_assert!(after.ends_with(&before[parts[index].end..]), "{}", after);
                let comments = |text: &str| text.matches("it's, {[(").count();
                prop_assert_eq!(comments(&before), comments(&after), "{}\n{}", before, after);
                let read = CmdbDocument::parse("x.cmdb", &after, form).unwrap();
                prop_assert!(read.entries()[index].same(&super::entry::as_read(new, form)));
                prop_assert_eq!(read.entries(), document.entries());
            }
        }
    }

    #[test]
    fn converting_there_and_back_keeps_the_meaning(
        entries in vec(entry(), 0..4),
        gaps in vec(0_usize..7, 11),
    ) {
        for (from, to) in [(Form::Edeploy, Form::Native), (Form::Native, Form::Edeploy)] {
            let source = laid_out(&entries, &gaps, from);
            let there = convert("x.cmdb", &source, from, to).unwrap();
            let back = convert("x.cmdb", &there, to, from).unwrap();
            let wanted: Vec<CmdbEntry> = entries.iter().map(|e| super::entry::as_read(e, Form::Native)).collect();
            for (text, form) in [(&there, to), (&back, from)] {
                let read = CmdbDocument::parse("x.cmdb", text, form);
                prop_assert!(read.is_ok(), "{}\n{}\n{:?}", source, text, read);
                let read = read.unwrap();
                prop_assert_eq!(read.entries(), wanted.as_slice(), "{}", text);
            }
            let comments = |text: &str| text.matches("it's, {[(").count();
            prop_assert_eq!(comments(&source), comments(&back));
        }
    }

    #[test]
    fn hardware_reads_back(rows in vec((text(), text(), text(), scalar_with(short_fraction())), 0..6)) {
        let facts: Vec<Fact> = rows
            .into_iter()
            .map(|(category, instance, key, value)| Fact { category, instance, key, value })
            .collect();
        let literal = render_hw(&facts);
        prop_assert!(literal.is_ascii());
        prop_assert_eq!(&parse_literal("x.hw", &literal).unwrap().facts, &facts);
        let json = serde_json::to_vec(&facts).unwrap();
        prop_assert_eq!(&parse_json("x.json", &json).unwrap().facts, &facts);
    }
}
