//! Text for the screen of a boot loader: short lines of plain ASCII in which nothing is a command.

/// The longest line, in columns.
const WIDTH: usize = 76;

/// Lines of `text`, at most `most` of them. Whatever iPXE or PXELINUX could take for more than text is
/// replaced: `$`, `|`, `&`, `;`, `#`, control characters, what is no ASCII, a dash that begins a word.
pub(super) fn lines(text: &str, most: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for line in text.lines() {
        let mut filled = String::new();
        for word in line.split_whitespace().flat_map(pieces) {
            if !filled.is_empty() && filled.len() + 1 + word.len() > WIDTH {
                lines.push(std::mem::take(&mut filled));
            }
            if !filled.is_empty() {
                filled.push(' ');
            }
            filled.push_str(&word);
        }
        if !filled.is_empty() {
            lines.push(filled);
        }
        if lines.len() > most {
            lines.truncate(most.saturating_sub(1));
            lines.push("...".to_owned());
            return lines;
        }
    }
    lines
}

/// A word, plain, in pieces that fit a line.
fn pieces(word: &str) -> Vec<String> {
    let plain: Vec<char> = word.chars().map(plain).collect();
    let pieces = plain.chunks(WIDTH).map(|piece| {
        let piece: String = piece.iter().collect();
        // A dash would begin an option of iPXE's `echo`.
        match piece.strip_prefix('-') {
            Some(rest) => format!("_{rest}"),
            None => piece,
        }
    });
    pieces.collect()
}

fn plain(c: char) -> char {
    match c {
        '`' => '\'',
        c if c.is_ascii_alphanumeric() => c,
        c if " .,:_/()=@+%'\"[]<>!*-".contains(c) => c,
        _ => '?',
    }
}
