//! Words that stand before a command: the shell's own, and programs that start another one.

use super::class::Class;
use super::shell::Word;

/// What a program starts.
#[derive(Debug)]
pub(super) enum Inner {
    /// Nothing else: the program itself counts.
    None,
    /// The commands that these words are.
    Commands(Vec<Vec<Word>>),
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
pub(super) fn without_keywords(mut words: &[Word]) -> &[Word] {
    let is_keyword = |word: &Word| word.is_fixed() && KEYWORDS.contains(&word.text.as_str());
    loop {
        let start = words.iter().position(|word| !is_keyword(word));
        words = &words[start.unwrap_or(words.len())..];
        let text = |at: usize| words.get(at).map(|word| word.text.as_str());
        match text(0) {
            // `function f { …` and `for x do …` need no separator before their commands.
            Some("function") => words = words.get(2..).unwrap_or_default(),
            Some("for" | "select") if text(2) == Some("do") => words = &words[3..],
            Some("for" | "select" | "case") => return &[],
            _ => return words,
        }
    }
}

/// What the program `name` starts with these arguments.
pub(super) fn inner(name: &str, arguments: &[Word]) -> Inner {
    if SHELLS.contains(&name) {
        return of_shell(arguments);
    }
    match name {
        "eval" => {
            let words: Vec<&str> = arguments.iter().map(|word| word.text.as_str()).collect();
            return Inner::Text(words.join(" "));
        }
        "find" => return of_find(arguments),
        "command" if is_question(arguments) => return Inner::Nothing(Class::Reads),
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
        let mut command = rest.to_vec();
        if name == "xargs" {
            command.push(Word::unknown());
        }
        Inner::Commands(vec![command])
    }
}

/// `command -v NAME` starts nothing.
fn is_question(arguments: &[Word]) -> bool {
    let mut options = arguments
        .iter()
        .take_while(|word| word.text.starts_with('-'));
    options.any(|word| matches!(word.text.as_str(), "-v" | "-V"))
}

/// `sh -c TEXT`, `sh FILE` or a text on standard input.
fn of_shell(arguments: &[Word]) -> Inner {
    let mut text_follows = false;
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let text = word.text.as_str();
        if text.starts_with("--") && text.len() > 2 {
            continue;
        }
        if text.len() > 1 && text.starts_with(['-', '+']) {
            text_follows |= text.starts_with('-') && text.contains('c');
            // `-euo pipefail`: the name of a setting follows.
            if text.contains('o') {
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

/// `find` starts what follows each `-exec`; `{}` is what it finds.
fn of_find(arguments: &[Word]) -> Inner {
    let starts =
        |word: &Word| matches!(word.text.as_str(), "-exec" | "-execdir" | "-ok" | "-okdir");
    let mut parts = arguments.split(starts);
    let before = parts.next().unwrap_or_default();
    let command = |part: &[Word]| -> Vec<Word> {
        let found = |word: &Word| match word.text.contains("{}") {
            true => Word::unknown(),
            false => word.clone(),
        };
        part.iter().map(found).collect()
    };
    let commands: Vec<Vec<Word>> = parts.map(command).collect();
    let changes = |word: &Word| word.text == "-delete" || word.text.starts_with("-f");
    if !commands.is_empty() {
        Inner::Commands(commands)
    } else if before.iter().any(changes) {
        Inner::Nothing(Class::Changes)
    } else {
        Inner::Nothing(Class::Reads)
    }
}
