//! How the table of programs is read: for each program a list of rules, of which the first that fits
//! the arguments says what the program does. Words that a shell will replace never fit a rule that
//! would call the program harmless.

use super::device::{self, UNKNOWN_DEVICE};
use super::shell::Word;

/// What the arguments must look like for a rule to fit.
#[derive(Debug, Clone, Copy)]
pub(super) enum When {
    /// Whatever they are.
    Always,
    /// There is no option.
    NoOption,
    /// There are options, and all are among these. `-` and one letter also fits within `-abc`.
    Options(&'static [&'static str]),
    /// All words besides options and devices are among these, and there is one.
    Words(&'static [&'static str]),
    /// The words besides options and devices are exactly these; `*` is any word.
    Exactly(&'static [&'static str]),
    /// The words besides options begin with these or with abbreviations of these; `*` is any word.
    Start(&'static [&'static str]),
    /// One argument is one of these, `-` before it and case aside.
    Any(&'static [&'static str]),
    /// One argument begins with this text.
    Begins(&'static str),
    /// There are arguments, and none of them can be a device.
    OnlyFiles,
    /// There is no option, and no argument holds one of these texts.
    NoneHolds(&'static [&'static str]),
    /// The first argument is one of these, and at most one other follows, which may be anything.
    FirstOfTwo(&'static [&'static str]),
}

/// What the program then does.
#[derive(Debug, Clone, Copy)]
pub(super) enum Then {
    Reads,
    Changes,
    /// Destroys data on the devices that `Where` finds, on an unknown one if it finds none.
    Destroys(Where),
}

/// Which arguments name the devices.
#[derive(Debug, Clone, Copy)]
pub(super) enum Where {
    /// All that are devices.
    Devices,
    /// The values of `of=` and the like; files there are no matter of devices.
    Values(&'static [&'static str]),
    /// The last argument.
    Last,
    /// Devices, or else the last word as `/dev/…`; the options named have a value of their own.
    Volume(&'static [&'static str]),
    /// The arguments that begin like this and name a controller or a part of it.
    Controller(&'static [&'static str]),
}

/// One rule of a program.
pub(super) type Rule = (When, Then);

/// What one rule says of these arguments.
#[derive(Debug, PartialEq)]
pub(super) enum Verdict {
    Reads,
    Changes,
    Destroys(Vec<String>),
}

/// What the first rule that fits says; *changes* where none does.
pub(super) fn apply(rules: &[Rule], arguments: &[Word]) -> Verdict {
    let found = rules.iter().find(|(when, then)| {
        let harmless = matches!(then, Then::Reads | Then::Changes);
        // What a shell replaces may be anything: such words fit no rule but the last.
        let known = !harmless
            || matches!(when, When::Always | When::FirstOfTwo(_))
            || !arguments.iter().any(Word::may_become_anything);
        known && when.fits(arguments)
    });
    match found {
        Some((_, Then::Reads)) => Verdict::Reads,
        Some((_, Then::Changes)) | None => Verdict::Changes,
        Some((_, Then::Destroys(place))) => place.destroys(arguments),
    }
}

fn is_option(word: &Word) -> bool {
    word.text.len() > 1 && word.text.starts_with('-')
}

fn words(arguments: &[Word]) -> impl Iterator<Item = &str> {
    let words = arguments.iter().filter(|word| !is_option(word));
    words.map(|word| word.text.as_str())
}

fn words_without_devices(arguments: &[Word]) -> Vec<&str> {
    let is_device = |word: &&str| device::in_path(word).is_some();
    words(arguments).filter(|word| !is_device(word)).collect()
}

impl When {
    fn fits(self, arguments: &[Word]) -> bool {
        let mut options = arguments.iter().filter(|word| is_option(word)).peekable();
        match self {
            When::Always => true,
            When::NoOption => options.peek().is_none(),
            When::Options(known) => {
                options.peek().is_some() && options.all(|word| is_among(&word.text, known))
            }
            When::Words(known) => {
                let words = words_without_devices(arguments);
                !words.is_empty() && words.iter().all(|word| known.contains(word))
            }
            When::Exactly(pattern) => {
                let words = words_without_devices(arguments);
                let same = |(word, part): (&&str, &&str)| *part == "*" || word == part;
                words.len() == pattern.len() && words.iter().zip(pattern).all(same)
            }
            When::Start(pattern) => {
                let mut words = words(arguments);
                pattern.iter().all(|part| {
                    let word = words.next().unwrap_or_default();
                    !word.is_empty() && (*part == "*" || part.starts_with(word))
                })
            }
            When::Any(known) => arguments.iter().any(|word| {
                let word = word.text.trim_start_matches('-');
                known.iter().any(|known| known.eq_ignore_ascii_case(word))
            }),
            When::Begins(start) => arguments.iter().any(|word| word.text.starts_with(start)),
            When::NoneHolds(texts) => {
                let holds = |word: &Word| texts.iter().any(|text| word.text.contains(text));
                options.peek().is_none() && !arguments.iter().any(holds)
            }
            When::FirstOfTwo(known) => match arguments {
                [first] | [first, _] => {
                    let one_word = arguments[1..].iter().all(Word::is_one);
                    first.is_fixed() && known.contains(&first.text.as_str()) && one_word
                }
                _ => false,
            },
            When::OnlyFiles => {
                let file =
                    |word: &Word| word.is_fixed() && device::in_argument(&word.text).is_none();
                words(arguments).next().is_some() && arguments.iter().all(file)
            }
        }
    }
}

fn is_among(option: &str, known: &[&str]) -> bool {
    let name = option.split('=').next().unwrap_or(option);
    let letters = option
        .strip_prefix('-')
        .filter(|rest| !rest.starts_with('-'));
    let is_letter = |letter: char| known.iter().any(|known| known[1..].chars().eq([letter]));
    known.contains(&name) || letters.is_some_and(|letters| letters.chars().all(is_letter))
}

impl Where {
    fn destroys(self, arguments: &[Word]) -> Verdict {
        let mut found: Vec<String> = Vec::new();
        let mut unknown = false;
        match self {
            Where::Devices | Where::Volume(_) => {
                for word in arguments {
                    found.extend(device::in_argument(&word.text).map(str::to_owned));
                    unknown |= word.dynamic && !is_option(word);
                }
                if let (Where::Volume(with_value), true) = (self, found.is_empty() && !unknown) {
                    found.extend(volume(arguments, with_value));
                }
                unknown |= found.is_empty();
            }
            Where::Values(names) => {
                for word in arguments {
                    let mut values = names.iter().filter_map(|name| word.text.strip_prefix(name));
                    if let Some(value) = values.next() {
                        found.extend(device::in_path(value).map(str::to_owned));
                        unknown |= word.dynamic;
                    } else {
                        unknown |= word.dynamic && !word.text.contains('=');
                    }
                }
                if found.is_empty() && !unknown {
                    return Verdict::Changes;
                }
            }
            Where::Last => {
                let last = arguments.last();
                let text = last.map(|word| word.text.as_str()).unwrap_or_default();
                found.extend(device::in_path(text).map(str::to_owned));
                unknown = last.is_some_and(|word| word.dynamic);
                if found.is_empty() && !unknown {
                    return Verdict::Changes;
                }
            }
            Where::Controller(starts) => {
                let named = |word: &&Word| {
                    let text = word.text.to_ascii_lowercase();
                    starts.iter().any(|start| {
                        let rest = text.strip_prefix(start);
                        rest.is_some_and(|rest| {
                            rest.starts_with(|c: char| c.is_ascii_digit() || c == '⟨')
                        })
                    })
                };
                let named = arguments.iter().filter(named);
                found.extend(named.map(|word| whole(&word.text).to_owned()));
                unknown = found.is_empty();
            }
        }
        // A word that a variable decides may also be the device itself.
        found.retain(|device| !device.contains(['$', '`']));
        if unknown || found.is_empty() {
            found.push(UNKNOWN_DEVICE.to_owned());
        }
        Verdict::Destroys(found)
    }
}

/// The controller where all of its parts are meant: `/c0` for `/c0/vall` and `/c0/eall/sall`.
fn whole(part: &str) -> &str {
    let mut rest = part;
    while let Some((before, last)) = rest.rsplit_once('/')
        && last.to_ascii_lowercase().ends_with("all")
        && !before.is_empty()
    {
        rest = before;
    }
    rest
}

/// The volume or group that the last word names, or the new volume in it, below `/dev`.
fn volume(arguments: &[Word], with_value: &[&str]) -> Option<String> {
    let mut last = None;
    let mut new = None;
    let mut option = "";
    for word in arguments {
        if matches!(option, "-n" | "--name") {
            new = Some(word.text.as_str());
        } else if !with_value.contains(&option) && !is_option(word) {
            last = Some(word.text.as_str());
        }
        option = word.text.as_str();
    }
    match (last?, new) {
        (group, Some(name)) if !group.contains('/') => Some(format!("/dev/{group}/{name}")),
        (volume, _) => Some(format!("/dev/{volume}")),
    }
}
