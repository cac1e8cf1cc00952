//! Whether a text is Python 2 for sure.

use super::code::Code;
use super::print;
use super::token::Kind;

/// Whether the text holds what only Python 2 reads.
pub(super) fn is_python_two(code: &Code<'_>) -> bool {
    let words = (0..code.tokens.len()).any(|at| match code.kind(at) {
        Some(Kind::Sign) => matches!(code.word(at), "<>" | "`"),
        Some(Kind::Number) => is_old_number(code.word(at)),
        Some(Kind::Text) => code.word(at).to_ascii_lowercase().starts_with("ur"),
        _ => false,
    });
    words
        || code.statements().into_iter().any(|statement| {
            print::items(code, &statement).is_some()
                || matches!(code.word(statement.start), "raise" | "exec")
                    && code.find(statement.clone(), ",").is_some()
                || code.word(statement.start) == "exec"
                    && code.kind(statement.start + 1) == Some(Kind::Text)
        })
        || code.lines.iter().any(|line| {
            code.word(line.start) == "except" && code.find(line.start..line.end, ",").is_some()
        })
}

fn is_old_number(word: &str) -> bool {
    let digits = word.bytes().all(|byte| byte.is_ascii_digit());
    word.ends_with(['l', 'L'])
        || digits && word.len() > 1 && word.starts_with('0') && word.bytes().any(|it| it != b'0')
}
