//! `edeployctl snippet`: lines for an installer's template that tell the server how far it is.
//!
//! They never stop an installation: a server that is gone costs ten seconds and nothing else.

mod texts;

use clap::{Args, ValueEnum};
use serde::Deserialize;
use serde_json::json;

use super::answer::{Answer, Exit, Failure, Style};
use super::remote::{Remote, encoded};

/// Write the lines to paste into an installer's template, so that it tells the server how far it is
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  edeployctl snippet --shell kickstart --machine srv11 --server http://10.0.0.1:8080
  edeployctl snippet --shell curl

--server is the address that the machine itself reaches. With --machine its token is asked for there and
written too, where the server has tokens; without it the lines name the machine by its hostname.")]
pub(super) struct Snippet {
    /// What the lines are for
    #[arg(long, value_enum, value_name = "SHELL")]
    shell: Shell,
    /// The machine that they are of
    #[arg(short, long, value_name = "M")]
    machine: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

/// Where the lines are pasted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shell {
    /// A shell script with curl
    Curl,
    /// A shell script with wget, busybox's too
    Wget,
    /// Sections of an Anaconda kickstart
    Kickstart,
    /// Lines of a debian-installer preseed
    Preseed,
    /// A part of Subiquity's autoinstall
    Autoinstall,
}

/// What stands in the lines.
#[derive(Debug, Clone, Copy)]
struct Told<'a> {
    /// The server's address without a slash at its end.
    server: &'a str,
    machine: Option<&'a str>,
    token: Option<&'a str>,
}

#[derive(Debug, Deserialize)]
struct Token {
    token: String,
}

impl Snippet {
    pub(super) fn answer(&self) -> Result<Answer, Failure> {
        let server = self.remote.server.trim_end_matches('/');
        if server.contains(|c: char| {
            c.is_whitespace() || c.is_control() || matches!(c, '\'' | '"' | '\\')
        }) {
            return Err(Failure::new(
                Exit::Input,
                format!("`{server}` is no address of a server"),
            ));
        }
        let (token, warning) = self.token();
        let told = Told {
            server,
            machine: self.machine.as_deref(),
            token: token.as_deref(),
        };
        let text = told.text(self.shell);
        let mut answer = Answer::new(Exit::Done, &json!({ "snippet": text }))?;
        answer.say(Style::Plain, &text);
        Ok(answer.warn(warning.into_iter().collect()))
    }

    /// The machine's token. A server without tokens needs none.
    fn token(&self) -> (Option<String>, Option<String>) {
        let Some(machine) = &self.machine else {
            return (None, None);
        };
        let path = format!("/api/v1/machines/{}/token", encoded(machine));
        match self.remote.json::<Token>(&path, &[]) {
            Ok((_, token)) => (Some(token.token), None),
            Err(failure) if failure.exit == Exit::Input => (None, None),
            Err(failure) => {
                let text = format!(
                    "without a token, which could not be asked for: {}",
                    failure.error
                );
                (None, Some(text))
            }
        }
    }
}

impl Told<'_> {
    fn text(self, shell: Shell) -> String {
        match shell {
            Shell::Curl => self.function(texts::CURL),
            Shell::Wget => self.function(texts::WGET),
            Shell::Kickstart => {
                let function = self.function(texts::CURL);
                texts::KICKSTART.replace("@FUNCTION@", function.trim_end())
            }
            Shell::Preseed => self.preseed(),
            Shell::Autoinstall => self.autoinstall(),
        }
    }

    /// A shell function that reports a step.
    fn function(self, call: &str) -> String {
        let machine = match self.machine {
            Some(machine) => quoted(&json_inside(machine)),
            None => "$(hostname)".to_owned(),
        };
        let header = self.token.map_or_else(String::new, |token| {
            let header = quoted(&format!("Authorization: Bearer {token}"));
            format!("{}{header} ", texts::header_option(call))
        });
        texts::FUNCTION
            .replace("@CALL@", call)
            .replace("@MACHINE@", &machine)
            .replace("@HEADER@", &header)
            .replace("@SERVER@", self.server)
    }

    /// debian-installer takes one line for each command, and its shell is busybox.
    fn preseed(self) -> String {
        let machine = match self.machine {
            Some(machine) => json_inside(machine),
            None => "'\"$(hostname)\"'".to_owned(),
        };
        let command = |what: &str, words: &str| {
            let machine = match self.machine {
                Some(_) => machine.replace('\'', r"'\''"),
                None => machine.clone(),
            };
            let body = format!(
                r#"'{{"machine":"{machine}","origin":"preseed","name":"install","event_type":{what},"description":"{words}"}}'"#
            );
            texts::PRESEED_COMMAND.replace("@BODY@", &body)
        };
        let header = self.token.map_or_else(String::new, |token| {
            format!(
                "--header={} ",
                quoted(&format!("Authorization: Bearer {token}"))
            )
        });
        texts::PRESEED
            .replace(
                "@START@",
                &command(r#""start""#, "debian-installer has started"),
            )
            .replace(
                "@FINISH@",
                &command(r#""finish","result":"SUCCESS""#, "debian-installer is done"),
            )
            .replace("@HEADER@", &header)
            .replace("@SERVER@", self.server)
    }

    /// Subiquity reports by itself, as curtin does, with OAuth.
    fn autoinstall(self) -> String {
        let of_machine = self
            .machine
            .map_or_else(String::new, |machine| format!("/{}", encoded(machine)));
        let secret = self.token.and_then(|token| token.rsplit_once('.'));
        let credentials = secret.map_or_else(String::new, |(machine, secret)| {
            let machine = json!(machine);
            format!(
                "\n      consumer_key: edeploy\n      token_key: {machine}\n      token_secret: \"{secret}\""
            )
        });
        texts::AUTOINSTALL
            .replace("@MACHINE@", &of_machine)
            .replace("@CREDENTIALS@", &credentials)
            .replace("@SERVER@", self.server)
    }
}

/// A text as it stands within quotes in JSON.
fn json_inside(text: &str) -> String {
    let json = json!(text).to_string();
    json[1..json.len() - 1].to_owned()
}

/// A word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLD: Told<'_> = Told {
        server: "http://h:1",
        machine: Some("it's \"one\""),
        token: Some("it's.0a"),
    };

    #[test]
    fn every_shell_has_server_machine_and_token() {
        for shell in Shell::value_variants() {
            let text = TOLD.text(*shell);
            assert!(text.contains("http://h:1/api/v1/events"), "{text}");
            assert!(text.contains("0a") && text.contains("one"), "{text}");
            assert!(!text.contains('@'), "{text}");
            let bare = Told {
                machine: None,
                token: None,
                ..TOLD
            }
            .text(*shell);
            assert!(
                !bare.contains("uthorization") && !bare.contains('@'),
                "{bare}"
            );
        }
    }

    #[test]
    fn a_name_stays_a_name() {
        let text = TOLD.text(Shell::Curl);
        assert!(
            text.contains(r#"edeploy_machine='it'\''s \"one\"'"#),
            "{text}"
        );
        let text = TOLD.text(Shell::Preseed);
        assert!(text.contains(r#""machine":"it'\''s \"one\"""#), "{text}");
    }
}
