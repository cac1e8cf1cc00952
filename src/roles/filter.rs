//! What is left out of a comparison: the exclude lists of the original, which are rsync's.
//!
//! Of rsync's filter rules those of `--exclude-from` are known: a pattern a line, `- ` and `+ ` before
//! it, `!` to forget what stood before, comments. The first rule that matches decides; what is below
//! an excluded directory is excluded with it. A test compares with rsync itself.
//!
//! One more is ours, which matches nothing for rsync: `DIR/.` is that directory without what is in it.

use super::path::TreePath;

/// Why a list of rules is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct FilterError {
    /// Which line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: &'static str,
}

/// Rules, the first one that matches counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    is_exclude: bool,
    /// Without the slash of an anchored pattern and the one at the end.
    pattern: Vec<u8>,
    is_anchored: bool,
    is_for_directories: bool,
    /// `DIR/.` says nothing of what is in the directory.
    is_alone: bool,
    /// `DIR/***` is the directory and all in it.
    takes_directory: bool,
    /// Without a wildcard the pattern stands for itself, backslashes too.
    has_wildcard: bool,
    /// How many slashes it has, the one of an anchored pattern among them.
    slashes: usize,
    has_double_star: bool,
}

impl Filter {
    /// Reads rules, one a line, as rsync's `--exclude-from` does.
    ///
    /// # Errors
    /// A pattern is empty, or a kind of rule that is not known here.
    pub fn parse(text: &[u8]) -> Result<Filter, FilterError> {
        let mut rules = Vec::new();
        for (at, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let wrong = |problem| FilterError {
                line: at + 1,
                problem,
            };
            match line {
                [] | [b'#' | b';', ..] => {}
                b"!" => rules.clear(),
                [b'+' | b'-', b' ', pattern @ ..] => {
                    rules.push(rule(line[0] == b'-', pattern).map_err(wrong)?);
                }
                pattern => rules.push(rule(true, pattern).map_err(wrong)?),
            }
        }
        Ok(Filter { rules })
    }

    /// Excludes these paths, with what is in them, and nothing else.
    pub fn of_paths<'a>(paths: impl IntoIterator<Item = &'a TreePath>) -> Filter {
        let rule = |path: &TreePath| Rule {
            is_exclude: true,
            pattern: path.as_bytes().to_vec(),
            is_anchored: true,
            is_for_directories: false,
            is_alone: false,
            takes_directory: false,
            has_wildcard: false,
            slashes: 1,
            has_double_star: false,
        };
        Filter {
            rules: paths.into_iter().map(rule).collect(),
        }
    }

    /// The same rules with others behind them.
    #[must_use]
    pub fn then(mut self, others: Filter) -> Filter {
        self.rules.extend(others.rules);
        self
    }

    /// The same rules without those for directories alone.
    #[must_use]
    pub fn without_lone_directories(mut self) -> Filter {
        self.rules.retain(|rule| !rule.is_alone);
        self
    }

    /// Whether a path is excluded, by itself or with a directory that it is in.
    pub fn excludes(&self, path: &TreePath, is_directory: bool) -> bool {
        if path.is_root() {
            return false;
        }
        let bytes = path.as_bytes();
        let above = (0..bytes.len()).filter(|at| bytes[*at] == b'/');
        let mut above = above.map(|end| &bytes[..end]);
        above.any(|directory| self.excludes_whole(directory))
            || self.is_excluded_by(|rule| rule.matches(bytes, is_directory))
    }

    /// Whether a directory is excluded, with all in it, that is in none that is.
    pub fn excludes_directory(&self, path: &TreePath) -> bool {
        !path.is_root() && self.excludes_whole(path.as_bytes())
    }

    fn excludes_whole(&self, directory: &[u8]) -> bool {
        self.is_excluded_by(|rule| !rule.is_alone && rule.matches(directory, true))
    }

    fn is_excluded_by(&self, matches: impl Fn(&Rule) -> bool) -> bool {
        let rule = self.rules.iter().find(|rule| matches(rule));
        rule.is_some_and(|rule| rule.is_exclude)
    }
}

fn rule(is_exclude: bool, text: &[u8]) -> Result<Rule, &'static str> {
    let (is_alone, text) = match text.strip_suffix(b".") {
        Some(directory) if directory.len() > 1 && directory.ends_with(b"/") => (true, directory),
        _ => (false, text),
    };
    let is_for_directories = text.len() > 1 && text.ends_with(b"/");
    let text = if is_for_directories {
        &text[..text.len() - 1]
    } else {
        text
    };
    let is_anchored = text.starts_with(b"/");
    let pattern = text[usize::from(is_anchored)..].to_vec();
    if pattern.is_empty() {
        return Err("a rule has a pattern");
    }
    if pattern.windows(2).any(|two| two == b"[:") {
        return Err("classes such as [:alpha:] are not known here");
    }
    Ok(Rule {
        is_exclude,
        is_anchored,
        is_for_directories,
        is_alone,
        takes_directory: pattern.ends_with(b"/***"),
        has_wildcard: pattern.iter().any(|byte| b"*?[".contains(byte)),
        slashes: text.iter().filter(|byte| **byte == b'/').count(),
        has_double_star: pattern.windows(2).any(|two| two == b"**"),
        pattern,
    })
}

impl Rule {
    /// As `rule_matches` in rsync's exclude.c (3.2).
    fn matches(&self, path: &[u8], is_directory: bool) -> bool {
        if self.is_for_directories && !is_directory {
            return false;
        }
        // Without a slash in the pattern only the last part of the path counts.
        if self.slashes == 0 && !self.has_double_star {
            let name = path.rsplit(|byte| *byte == b'/').next();
            return self.is_like(name.unwrap_or(path), is_directory);
        }
        if self.is_anchored {
            return self.is_like(path, is_directory);
        }
        if self.has_double_star && self.pattern.starts_with(b"**") {
            // "**/x" is also an x at the top.
            return self.is_like(&[b"/", path].concat(), is_directory);
        }
        let mut starts = std::iter::once(0).chain(
            (0..path.len())
                .filter(|at| path[*at] == b'/')
                .map(|at| at + 1),
        );
        if self.has_double_star {
            return starts.any(|start| self.is_like(&path[start..], is_directory));
        }
        // As many parts as the pattern has, from the end.
        let parts = path.iter().filter(|byte| **byte == b'/').count() + 1;
        let tail = parts.checked_sub(self.slashes + 1);
        let tail = tail.and_then(|skipped| starts.nth(skipped));
        tail.is_some_and(|start| self.is_like(&path[start..], is_directory))
    }

    fn is_like(&self, text: &[u8], is_directory: bool) -> bool {
        if !self.has_wildcard {
            return self.pattern == text;
        }
        is_like(&self.pattern, text)
            || self.takes_directory
                && is_directory
                && is_like(&self.pattern, &[text, b"/"].concat())
    }
}

/// Whether a text is like a pattern with wildcards: `*` and `?` match no slash, `**` does.
///
/// Of several stars only the last is tried anew, and a double star before it: the time is at most
/// the product of three lengths, whatever the pattern.
fn is_like(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    // Where to go on after a failure: behind the star, with one more byte taken by it.
    let mut single: Option<(usize, usize)> = None;
    let mut double: Option<(usize, usize)> = None;
    loop {
        if pattern.get(p) == Some(&b'*') {
            let stars = pattern[p..]
                .iter()
                .take_while(|byte| **byte == b'*')
                .count();
            p += stars;
            if stars > 1 {
                (double, single) = (Some((p, t)), None);
            } else {
                single = Some((p, t));
            }
            continue;
        }
        if p == pattern.len() && t == text.len() {
            return true;
        }
        if let (Some(byte), true) = (text.get(t), p < pattern.len())
            && let Some(next) = one(pattern, p, *byte)
        {
            (p, t) = (next, t + 1);
            continue;
        }
        if let Some((behind, taken)) = single
            && text.get(taken).is_some_and(|byte| *byte != b'/')
        {
            single = Some((behind, taken + 1));
            (p, t) = (behind, taken + 1);
        } else if let Some((behind, taken)) = double
            && taken < text.len()
        {
            (double, single) = (Some((behind, taken + 1)), None);
            (p, t) = (behind, taken + 1);
        } else {
            return false;
        }
    }
}

/// Where the pattern goes on if its part at `at`, which is no star, matches this byte.
fn one(pattern: &[u8], at: usize, byte: u8) -> Option<usize> {
    match pattern[at] {
        b'?' => (byte != b'/').then_some(at + 1),
        b'[' => set(pattern, at + 1, byte),
        b'\\' if at + 1 < pattern.len() => (pattern[at + 1] == byte).then_some(at + 2),
        plain => (plain == byte).then_some(at + 1),
    }
}

/// The same for a set in brackets, from behind the bracket. A set without an end matches nothing.
fn set(pattern: &[u8], mut at: usize, byte: u8) -> Option<usize> {
    let is_negated = matches!(pattern.get(at), Some(b'!' | b'^'));
    at += usize::from(is_negated);
    let (first, mut is_in) = (at, false);
    loop {
        if pattern.get(at) == Some(&b']') && at > first {
            at += 1;
            break;
        }
        let low = literal(pattern, &mut at)?;
        let is_range =
            pattern.get(at) == Some(&b'-') && pattern.get(at + 1).is_some_and(|next| *next != b']');
        let mut high = low;
        if is_range {
            at += 1;
            high = literal(pattern, &mut at)?;
        }
        is_in |= (low..=high).contains(&byte);
    }
    (is_in != is_negated && byte != b'/').then_some(at)
}

/// One byte of a set, a backslash before it taken off.
fn literal(pattern: &[u8], at: &mut usize) -> Option<u8> {
    *at += usize::from(pattern.get(*at) == Some(&b'\\'));
    let byte = *pattern.get(*at)?;
    *at += 1;
    Some(byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excludes(rules: &str, path: &str, is_directory: bool) -> bool {
        let filter = Filter::parse(rules.as_bytes()).unwrap();
        filter.excludes(&TreePath::new(path.as_bytes()).unwrap(), is_directory)
    }

    #[test]
    fn the_first_rule_counts_and_directories_take_all_in_them() {
        let rules = "# ours\n+ /etc/keep\n/etc/*\n*.log\nlost+found/\n";
        for (path, is_excluded) in [
            ("etc", false),
            ("etc/keep", false),
            ("etc/hosts", true),
            ("etc/ssh/sshd_config", true),
            ("var/a.log", true),
            ("srv/lost+found/x", true),
            ("etcx/hosts", false),
        ] {
            assert_eq!(excludes(rules, path, false), is_excluded, "{path}");
        }
        assert!(!excludes(rules, "srv/lost+found", false), "not for files");
        assert!(excludes(rules, "srv/lost+found", true));
        assert!(!excludes("/a\n!\n", "a", false));
    }

    #[test]
    fn a_pattern_cannot_cost_more_than_it_is_worth() {
        let pattern = format!("{}b", "*a".repeat(60));
        let path = "a".repeat(4000);
        assert!(!excludes(&pattern, &path, false));
        let pattern = format!("{}b", "**a*".repeat(60));
        assert!(!excludes(&pattern, &path, false));
    }

    #[test]
    fn a_path_stands_for_itself_whatever_it_holds() {
        let path = |text: &str| TreePath::new(text.as_bytes()).unwrap();
        let filter = Filter::of_paths(&[path("a*/[b"), path("c")]);
        assert!(filter.excludes(&path("a*/[b"), false) && filter.excludes(&path("c/d"), false));
        assert!(!filter.excludes(&path("ax/b"), false) && !filter.excludes(&path("x/c"), false));
    }

    #[test]
    fn a_directory_alone_is_excluded_without_what_is_in_it() {
        let rules = "/etc/facter/.\n/a[*]/.\n/etc/facter/own\n";
        assert!(excludes(rules, "etc/facter", true) && excludes(rules, "a*", true));
        assert!(!excludes(rules, "etc/facter", false), "not for files");
        assert!(excludes(rules, "etc/facter/own", false));
        for path in ["etc/facter/other", "a*/x", "etc", "srv/etc/facter"] {
            assert!(!excludes(rules, path, true), "{path}");
        }
        let filter = Filter::parse(rules.as_bytes()).unwrap();
        let facter = TreePath::new(b"etc/facter").unwrap();
        assert!(!filter.excludes_directory(&facter), "it is looked into");
        assert!(!filter.without_lone_directories().excludes(&facter, true));
    }

    #[test]
    fn rules_that_are_not_known_are_told() {
        let error = Filter::parse(b"/a\n[[:alpha:]]\n").unwrap_err();
        assert_eq!(error.line, 2);
        assert!(Filter::parse(b"/\n").is_err());
        assert!(Filter::parse(b"- \n").is_err());
    }
}
