//! An external command as plain data.

use std::fmt;
use std::time::Duration;

/// How long a command may take unless it says otherwise.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// A program, its arguments and how it is to be run. Never a text for a shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The program: a name to be found on the fixed path, or an absolute path.
    pub program: String,
    /// Its arguments, one word each.
    pub args: Vec<String>,
    /// Variables added to the runner's fixed environment.
    pub env: Vec<(String, String)>,
    /// What it reads from standard input; nothing if empty.
    pub stdin: Vec<u8>,
    /// After this time it is killed, with all that it started.
    pub timeout: Duration,
    /// Whether it changes anything: a dry run leaves it out then.
    pub mutates: bool,
}

impl Command {
    /// A command that only reads, with the default timeout of 60 seconds.
    pub fn new<'a>(program: &str, args: impl IntoIterator<Item = &'a str>) -> Command {
        Command {
            program: program.to_owned(),
            args: args.into_iter().map(str::to_owned).collect(),
            env: Vec::new(),
            stdin: Vec::new(),
            timeout: DEFAULT_TIMEOUT,
            mutates: false,
        }
    }

    /// The same command, known to change something.
    #[must_use]
    pub fn mutating(mut self) -> Command {
        self.mutates = true;
        self
    }

    /// The same command with another timeout.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Command {
        self.timeout = timeout;
        self
    }
}

/// The line a person would type into a shell for it.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&word(&self.program))?;
        for arg in &self.args {
            write!(f, " {}", word(arg))?;
        }
        Ok(())
    }
}

fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shown_command_is_quoted_for_the_shell() {
        let command = Command::new("mkfs.ext4", ["-L", "it's", "", "/dev/sda1"]);
        assert_eq!(command.to_string(), r"mkfs.ext4 -L 'it'\''s' '' /dev/sda1");
    }
}
