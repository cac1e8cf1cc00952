use super::*;

/// The words of each command, a `/` between commands.
fn split(text: &str) -> String {
    let commands = commands(text);
    assert!(!commands.unclear, "{text}");
    let words = |simple: &Simple| {
        let words: Vec<&str> = simple.words.iter().map(|word| word.text.as_str()).collect();
        words.join("|")
    };
    commands
        .simple
        .iter()
        .map(words)
        .collect::<Vec<_>>()
        .join(" / ")
}

#[test]
fn a_text_is_split_as_a_shell_does() {
    for (text, expected) in [
        ("a b  c", "a|b|c"),
        ("a 'b c' \"d e\" f\\ g", "a|b c|d e|f g"),
        ("a 'b'\"c\"d", "a|bcd"),
        ("a \"b\\\"c\\d\"", "a|b\"c\\d"),
        ("X=1 Y='2 3' a Z=4", "a|Z=4"),
        ("a >x 2>>y b", "a|b"),
        ("a 2 > x", "a|2"),
        ("a;b&&c||d|e&f\ng", "a / b / c / d / e / f / g"),
        ("a $(b c) d", "b|c / a|$(b c)|d"),
        ("a \"`b \\`c\\``\"", "c / b|`c` / a|`b \\`c\\``"),
        ("a ${x:-$(b)}", "b / a|${x:-$(b)}"),
        ("a $((1+(2*3))) b", "a|$((1+(2*3)))|b"),
        ("a # b\nc#d", "a / c#d"),
        ("a ''", "a|"),
        ("a \\\n b", "a|b"),
    ] {
        assert_eq!(split(text), expected, "{text}");
    }
}

#[test]
fn what_redirections_write_to_and_heredocs_say_is_kept() {
    let read = commands("a <in >out 2>&1 3>>more &>all <<E | b\nx $y\nE\n");
    let writes: Vec<&str> = read.simple[0]
        .writes
        .iter()
        .map(|word| word.text.as_str())
        .collect();
    assert_eq!(writes, ["out", "more", "all"]);
    assert_eq!(read.simple[0].input.as_deref(), Some("x $y\n"));
    assert_eq!(read.simple[1].input, None);
}

#[test]
fn words_that_a_shell_replaces_are_marked() {
    let read = commands("a $b \"$c\" '$d' e* f\\$ \"g*\"");
    let fixed: Vec<bool> = read.simple[0].words.iter().map(Word::is_fixed).collect();
    assert_eq!(fixed, [true, false, false, true, false, true, true]);
}
