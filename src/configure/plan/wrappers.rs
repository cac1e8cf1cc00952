//! Words that stand before a command: the shell's own, and programs that start another one.

use super::class::Class;
use super::shell::Word;

/// What a program starts.
#[derive(Debug)]
pub(super) enum Inner<'a> {
    /// Nothing else: the program itself counts.
    None,
    /// The command that these words are.
    Command(&'a [Word]),
    /// A text for a shell.
    Text(String),
    /// What comes on standard input, as a text for a shell.
    Input,
    /// Nothing that has to be looked at: this is the class.
    Nothing(Class),
}

/// Words of the shell before which or after which a command may stand.
const KEYWORDS: [&str; 16] = [
    "if", "then", "elif", "else", "fi", "while", "until", "do", "done", "!", "{", "}", "esac",
    "coproc", "time", "-p",
];

/// Programs that start the command after their options: the options with a value of their own, and
/// how many words come before the command.
const WRAPPERS: [(&str, &[&str], usize); 26] = [
    (
        "sudo",
        &[
            "-u", "-g", "-C", "-D", "-h", "-p", "-R", "-T", "-U", "--user", "--group",
        ],
        0,
    ),
    ("doas", &["-u", "-C"], 0),
    ("env", &["-u", "-C", "--unset", "--chdir"], 0),
    ("nice", &["-n", "--adjustment"], 0),
    ("ionice", &["-c", "-n", "-p", "--class", "--classdata"], 0),
    ("nohup", &[], 0),
    ("setsid", &[], 0),
    ("timeout", &["-s", "-k", "--signal", "--kill-after"], 1),
    ("time", &["-o", "-f"], 0),
    ("exec", &["-a"], 0),
    ("command", &[], 0),
    ("builtin", &[], 0),
    ("chroot", &[], 1),
    ("chrt", &["-T", "-P", "-D"], 1),
    ("taskset", &["-c", "--cpu-list"], 1),
    ("stdbuf", &["-i", "-o", "-e"], 0),
    ("flock", &["-w", "--timeout", "-E"], 1),
    ("strace", &["-o", "-e", "-s", "-p"], 0),
    (
        "xargs",
        &["-n", "-I", "-P", "-L", "-d", "-a", "-E", "-s"],
        0,
    ),
    ("busybox", &[], 0),
    ("toybox", &[], 0),
    ("lvm", &[], 0),
    ("unshare", &[], 0),
    ("nsenter", &["-t", "--target"], 0),
    ("eatmydata", &[], 0),
    ("chronic", &[], 0),
];

const SHELLS: [&str; 6] = ["sh", "bash", "dash", "ash", "ksh", "zsh"];

/// The words from the program on. `for x in …` and `case x in` start nothing.
pub(super) fn without_keywords(words: &[Word]) -> &[Word] {
    let is_keyword = |word: &Word| word.is_fixed() && KEYWORDS.contains(&word.text.as_str());
    let start = words.iter().position(|word| !is_keyword(word));
    let words = &words[start.unwrap_or(words.len())..];
    match words.first().map(|word| word.text.as_str()) {
        Some("for" | "case" | "select" | "function") => &[],
        _ => words,
    }
}

/// What the program `name` starts with these arguments.
pub(super) fn inner<'a>(name: &str, arguments: &'a [Word]) -> Inner<'a> {
    if SHELLS.contains(&name) {
        return of_shell(arguments);
    }
    match name {
        "eval" => {
            let words: Vec<&str> = arguments.iter().map(|word| word.text.as_str()).collect();
            return Inner::Text(words.join(" "));
        }
        "find" => return of_find(arguments),
        "command" if has(arguments, "-v") || has(arguments, "-V") => {
            return Inner::Nothing(Class::Reads);
        }
        _ => {}
    }
    let Some((_, with_value, before)) = WRAPPERS.iter().find(|(known, ..)| *known == name) else {
        return Inner::None;
    };
    let mut rest = arguments;
    while let Some((word, after)) = rest.split_first() {
        if with_value.contains(&word.text.as_str()) {
            rest = after.get(1..).unwrap_or_default();
        } else if word.text.starts_with('-') || (name == "env" && word.text.contains('=')) {
            rest = after;
        } else {
            break;
        }
    }
    let rest = rest.get(*before..).unwrap_or_default();
    if rest.is_empty() {
        Inner::Nothing(Class::Changes)
    } else {
        Inner::Command(rest)
    }
}

fn has(arguments: &[Word], option: &str) -> bool {
    arguments.iter().any(|word| word.text == option)
}

/// `sh -c TEXT`, `sh FILE` or a text on standard input.
fn of_shell(arguments: &[Word]) -> Inner<'_> {
    let mut text_follows = false;
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let text = word.text.as_str();
        if text.starts_with("--") && text.len() > 2 {
            continue;
        }
        if text.len() > 1 && text.starts_with(['-', '+']) {
            text_follows |= text.starts_with('-') && text.contains('c');
            if text == "-o" || text == "+o" {
                words.next();
            }
        } else if text_follows {
            return Inner::Text(word.text.clone());
        } else {
            // A file that is not in the plan, like any other program.
            return Inner::Nothing(Class::Changes);
        }
    }
    Inner::Input
}

fn of_find(arguments: &[Word]) -> Inner<'_> {
    let starts =
        |word: &Word| matches!(word.text.as_str(), "-exec" | "-execdir" | "-ok" | "-okdir");
    if let Some(at) = arguments.iter().position(starts) {
        return Inner::Command(&arguments[at + 1..]);
    }
    let changes = |word: &Word| word.text == "-delete" || word.text.starts_with("-f");
    if arguments.iter().any(changes) {
        Inner::Nothing(Class::Changes)
    } else {
        Inner::Nothing(Class::Reads)
    }
}
