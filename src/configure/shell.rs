//! Shell scripts: the refusal, and the wrapper around a script for another interpreter.

use super::{Answer, bad_rows_comment};

/// Longest text of a refusal in bytes; what is longer is cut. It goes to a console.
const LONGEST_REFUSAL: usize = 64 * 1024;

/// A script that prints why the machine gets no configuration, and fails.
///
/// The text stands in a quoted heredoc whose end mark does not occur in it, so the shell expands
/// nothing (the original's was unquoted). Control characters are shown as escapes. The text is
/// never empty and never holds the word that makes the old client report a failed profile.
pub fn render_refusal(text: &str) -> String {
    let text = harmless(text);
    let end = end_mark(&text);
    format!("#!/bin/sh\n\ncat <<'{end}'\n{text}\n{end}\n\nexit 1\n")
}

/// The text as one word of a shell command.
pub fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// A script that sets `$EDEPLOY_VARS` to the variables as JSON and runs the admin's text as it is.
pub(super) fn render_wrapper(answer: &Answer<'_>) -> String {
    let mut script = format!("#!/bin/sh\n#EDEPLOY_PROFILE = {}\n", answer.profile);
    if let Some(comment) = bad_rows_comment(answer.bad_rows) {
        script.push_str(&comment);
        script.push('\n');
    }
    let end = end_mark(answer.configure);
    let newline = if answer.configure.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    script.push_str(&format!(
        "EDEPLOY_VARS={}\nexport EDEPLOY_VARS\n\
         edeploy_script=$(mktemp) || exit 1\n\
         cat >\"$edeploy_script\" <<'{end}' || exit 1\n{}{newline}{end}\n\
         chmod 700 \"$edeploy_script\" || exit 1\n\
         \"$edeploy_script\" </dev/null\n\
         edeploy_status=$?\n\
         rm -f \"$edeploy_script\"\n\
         [ \"$edeploy_status\" = 0 ] || exit \"$edeploy_status\"\n",
        json_word(answer),
        answer.configure
    ));
    for (name, url) in answer.urls() {
        let line = format!("{name}={}", quoted(url));
        script.push_str(&format!("printf '%s\\n' {} >>/vars\n", quoted(&line)));
    }
    script.push_str("exit 0\n");
    script
}

/// The variables as JSON in single quotes, without a quote, a control character or a word that the
/// old client searches for.
fn json_word(answer: &Answer<'_>) -> String {
    let json = serde_json::to_string(&answer.all_variables())
        .unwrap_or_else(|error| format!("{{\"error\":\"{error}\"}}"));
    let json = json
        .replace('\'', "\\u0027")
        .replace('\u{7f}', "\\u007f")
        .replace("set_role", "set\\u005frole")
        .replace("EDEPLOY_PROFILE", "EDEPLOY\\u005fPROFILE");
    format!("'{json}'")
}

/// A heredoc's end mark that is no line of the text.
fn end_mark(text: &str) -> String {
    let mut mark = "EOF".to_owned();
    let mut number = 0;
    while text.lines().any(|line| line.trim() == mark) {
        number += 1;
        mark = format!("EOF{number}");
    }
    mark
}

fn harmless(text: &str) -> String {
    let mut shown = String::new();
    for c in text.trim_end().chars() {
        if shown.len() > LONGEST_REFUSAL {
            shown.push_str("\n... (cut)");
            break;
        }
        let invisible =
            matches!(u32::from(c), 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x2069 | 0xfeff);
        if c == '\n' || c == '\t' || !(c.is_control() || invisible) {
            shown.push(c);
        } else {
            shown.extend(c.escape_unicode());
        }
    }
    let shown = shown
        .replace("EDEPLOY_PROFILE", "EDEPLOY-PROFILE")
        .replace("set_role", "set-role");
    if shown.trim().is_empty() {
        "the server gave no reason".to_owned()
    } else {
        shown
    }
}
