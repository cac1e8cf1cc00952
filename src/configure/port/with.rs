//! `with open(…) as f:` as the same without `with`.

use super::code::Code;
use super::text::Edits;

/// Opens before the block, closes behind it, and takes the block out of its indentation.
pub(super) fn files(code: &Code<'_>, edits: &mut Edits) {
    for number in 0..code.lines.len() {
        let line = &code.lines[number];
        if code.word(line.start) != "with" {
            continue;
        }
        let bytes = code.bytes(&(line.start..line.end));
        let Some(colon) = code.colon(line) else {
            continue;
        };
        if colon + 1 < line.end {
            // The next round finds it with lines of its own.
            code.expand(number, edits);
            continue;
        }
        let head = line.start + 1..colon;
        let place = code.find(head.clone(), "as");
        let one = code.find(head.clone(), ",").is_none()
            && matches!(code.word(head.start), "open" | "config");
        let name = place.filter(|place| place + 2 == colon && code.is_name(place + 1));
        let (Some(place), true, true) = (name, one, code.has_block(number)) else {
            let instead = "f = open(…), then f.write(…) and f.close()";
            edits.left(bytes.start, "there is no `with`", instead);
            continue;
        };
        let end = code.block_end(number);
        // Blocks in one another are taken out from the inside.
        if (number + 1..end).any(|it| code.word(code.lines[it].start) == "with")
            || edits.touches(&(bytes.start..code.after(end - 1)))
        {
            continue;
        }
        let name = code.word(place + 1);
        let file = code.source(&(head.start..place));
        edits.replace(bytes.clone(), format!("{name} = {file}"));
        let indent = code.indent(number);
        outdent(code, number, edits);
        let after = code.block_text_end(number);
        let line_end = if code.text[..after].ends_with('\n') {
            ""
        } else {
            "\n"
        };
        edits.insert(after, format!("{line_end}{indent}{name}.close()\n"));
        edits.changed(bytes.start, "`with open` is `open` and `close`");
    }
}

/// Takes the lines of a block to the column of its head; strings stay as they are.
fn outdent(code: &Code<'_>, head: usize, edits: &mut Edits) {
    let width = code.lines[head + 1].column - code.lines[head].column;
    let from = code.after(head);
    let to = code.block_text_end(head);
    let mut at = from;
    for piece in code.text[from..to].split_inclusive('\n') {
        let blanks = piece.len() - piece.trim_start_matches(' ').len();
        let next = code.tokens.partition_point(|token| token.start < at);
        let within = next > 0 && code.end(next - 1) > at;
        if !within && blanks > 0 {
            edits.replace(at..at + blanks.min(width), "");
        }
        at += piece.len();
    }
}
