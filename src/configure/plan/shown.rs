//! Text that a terminal can show and nothing can obey.

/// Whether a character could do more than be seen, or could be taken for a blank: control
/// characters, those that turn the direction of text or are invisible, other blanks than U+0020.
fn is_unclear(character: char) -> bool {
    character.is_control()
        || (character.is_whitespace() && character != ' ')
        || matches!(
            u32::from(character),
            0xad | 0x34f | 0x61c | 0x115f | 0x1160 | 0x180b..=0x180f | 0x200b..=0x200f
                | 0x2028..=0x202e | 0x2060..=0x206f | 0x3164 | 0xfe00..=0xfe0f | 0xfeff | 0xffa0
                | 0xfff0..=0xfffb | 0xe0000..=0xe0fff
        )
}

/// `text` on one line, with unclear characters as escapes.
pub(super) fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            c if is_unclear(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}
