//! What the server is told of an installation besides its hardware: the log, that it failed or succeeded.
//!
//! None of it can fail an installation: what could not be told is said on the console.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::client::assignments;
use crate::system::{Command, with_causes};

use super::courier::{Addressee, Courier, Home};
use super::emitter::Emitter;
use super::ending;
use super::installation::Installation;
use super::journal::Backlog;
use super::retry::{Patience, Tries};
use super::server::Server;
use super::step::{Step, StepError};

/// Where the ramdisk's `init` puts all that is said.
const RAMDISK_LOG: &str = "/log";

/// How long the end of an installation waits for who does not take its events.
const LAST_EVENTS: Duration = Duration::from_secs(30);

/// What of it is left to each, whoever took the rest.
const LAST_MOMENT: Duration = Duration::from_secs(1);

impl Installation {
    /// From now on the server is told what happens, and what has happened; so are the reporters that it
    /// named. Without them the installation goes on all the same.
    pub(super) fn start_couriers(&mut self) {
        if self.is_rehearsal || !self.couriers.is_empty() {
            return;
        }
        let Some(answer) = &self.answer else { return };
        let reporters = answer.reporters();
        if let Some(machine) = answer.machine.clone() {
            let server = self.server();
            let home = Home { server, machine };
            self.start_courier(home, Backlog::of(&self.events));
        }
        for reporter in reporters {
            match reporter {
                Ok(reporter) => {
                    let backlog = Backlog::for_reader(&self.events, reporter.name());
                    let emitter = Emitter::new(reporter, RAMDISK_LOG.into());
                    self.start_courier(emitter, backlog);
                }
                Err(error) => self.log.say(&format!("warning: {error}")),
            }
        }
    }

    fn start_courier(&mut self, addressee: impl Addressee, backlog: Backlog) {
        match Courier::start(addressee, backlog) {
            Ok((courier, bell)) => {
                self.log.ring(bell);
                self.couriers.push(courier);
            }
            Err(error) => self.log.say(&format!("events are not handed on: {error}")),
        }
    }

    /// The server, with the token that it gave this machine where the admin gave none.
    fn server(&self) -> Server {
        let mut settings = self.settings.clone();
        let given = self.answer.as_ref().and_then(|it| it.token.clone());
        settings.token = settings.token.or(given);
        Server::of(&settings)
    }

    /// Waits a little until all events are handed on.
    pub(super) fn hand_events_on(&mut self) {
        let until = Instant::now() + LAST_EVENTS;
        for courier in &self.couriers {
            let patience = until.saturating_duration_since(Instant::now());
            if !courier.flush(patience.max(LAST_MOMENT)) {
                self.log.say("not all events could be handed on");
            }
        }
    }

    /// Hands in what was said, and what the ramdisk's own log holds.
    pub(super) fn hand_in_log(&mut self) {
        if self.is_rehearsal {
            return;
        }
        let mut text = std::fs::read(RAMDISK_LOG).unwrap_or_default();
        if text.is_empty() {
            text = self.log.said().as_bytes().to_vec();
        }
        let mut gzip = Command::new("gzip", ["-c"]);
        gzip.stdin = text;
        let packed = self.runner.run(&gzip).map_err(StepError::from);
        let server = self.server();
        let name = log_name(Path::new("/sys/class/dmi/id"));
        let done = packed.and_then(|it| Ok(server.upload_log(&name, &it.stdout)?));
        if let Err(error) = done {
            let text = format!("the log could not be handed in: {}", with_causes(&error));
            self.log.say(&text);
        }
    }

    /// Says that the machine is installed, again and again where the server is away. Only once all is
    /// on the disks: a machine of which this is said boots from them. It is installed all the same
    /// where nobody could be told, and would be installed anew by its next boot from the network.
    pub(super) fn report_installed(&mut self, patience: Patience) {
        let machine = self.answer.as_ref().and_then(|it| it.machine.clone());
        let Some(machine) = machine.filter(|_| !self.is_rehearsal) else {
            return;
        };
        let server = self.server();
        let mut tries = Tries::new(patience);
        while let Err(error) = server.report_installed(&machine) {
            let why = with_causes(&error);
            let Some(pause) = tries.pause_after(&error) else {
                let url = server.installed_url(&machine);
                self.log.say(&format!(
                    "warning: this machine is installed, but the server was not told ({why}): its next boot \
                     from the network would install it again. To tell it: curl -X POST '{url}'"
                ));
                return;
            };
            self.log.again(&why, pause);
            std::thread::sleep(pause);
        }
        self.log
            .say(&format!("{machine} is installed, and the server knows"));
    }

    /// What is left to do after a failure: the server is told, and the disk must not start what was
    /// on it before.
    pub(super) fn clean_up(&mut self, failed: Step) {
        if self.is_rehearsal {
            return;
        }
        let after_configure = matches!(failed, Step::Sync | Step::Files | Step::Bootloader);
        let disk = assignments::last(&self.vars, "DISK").map(str::to_owned);
        if let Some(disk) = disk.filter(|_| after_configure) {
            let disk = match disk.starts_with('/') {
                true => disk,
                false => format!("/dev/{disk}"),
            };
            match ending::make_unbootable(self.runner.as_ref(), &disk) {
                Ok(()) => self.log.say(&format!("{disk} is not bootable")),
                Err(error) => self.log.say(&error.to_string()),
            }
        }
        let Some(answer) = &self.answer else { return };
        let server = self.server();
        let reported = server.report_failure(answer.profile.as_str(), self.facts());
        if let Err(error) = reported {
            let text = format!("the failure could not be reported: {}", with_causes(&error));
            self.log.say(&text);
        }
    }
}

/// The name of this machine's log: vendor, product and serial number, each of harmless characters
/// (eDeploy `init.common`).
fn log_name(dmi: &Path) -> String {
    let part = |name: &str| {
        let text = std::fs::read_to_string(dmi.join(name)).unwrap_or_default();
        let mut part = String::new();
        for c in text.trim().chars().take(64) {
            let plain = c.is_ascii_alphanumeric() || c == '.';
            match (plain, part.ends_with('_')) {
                (true, _) => part.push(c),
                (false, false) => part.push('_'),
                (false, true) => {}
            }
        }
        part
    };
    let parts = ["sys_vendor", "product_name", "product_serial"].map(part);
    format!("{}.log.gz", parts.join("-"))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::path::PathBuf;
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::client::configure::Answer;
    use crate::client::install::log::{Log, Whole};
    use crate::client::install::settings::Settings;
    use crate::client::install::sync::Came;
    use crate::system::Real;

    fn installation(port: u16) -> Installation {
        let line = format!("SERV=127.0.0.1 HTTP_PORT={port} SECTION=rack");
        let answer = r#"{"machine":"m 1","profile":"vm","variables":{},"configure":""}"#;
        Installation {
            settings: Settings::parse(&line).unwrap(),
            runner: Arc::new(Real),
            log: Log::new(Whole::installation(), None, None).unwrap(),
            target: PathBuf::from("/chroot"),
            hardware: None,
            is_rehearsal: false,
            boot_id: None,
            facts: None,
            answer: Some(Answer::parse(answer).unwrap()),
            vars: Vec::new(),
            came: Came::default(),
            events: PathBuf::new(),
            couriers: Vec::new(),
        }
    }

    /// Answers one request after the other with these statuses, and gives their first lines.
    fn serve(listener: &TcpListener, statuses: &'static [&'static str]) -> Vec<String> {
        let answer = |status: &&str| {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n") {
                stream.read_exact(&mut byte).unwrap();
                request.push(byte[0]);
            }
            write!(
                stream,
                "HTTP/1.1 {status}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}"
            )
            .unwrap();
            let request = String::from_utf8(request).unwrap();
            request.lines().next().unwrap_or_default().to_owned()
        };
        statuses.iter().map(answer).collect()
    }

    fn patience(deadline: Duration) -> Patience {
        Patience {
            first_pause: Duration::from_millis(1),
            longest_pause: Duration::from_millis(1),
            deadline,
        }
    }

    #[test]
    fn a_server_that_is_busy_is_told_again() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let served = std::thread::spawn(move || serve(&listener, &["503 Busy", "200 OK"]));
        let mut installation = installation(port);
        installation.report_installed(patience(Duration::from_secs(60)));
        let asked = "POST /api/v1/machines/m%201/installed?section=rack HTTP/1.1";
        assert_eq!(served.join().unwrap(), [asked, asked]);
        let said = installation.log.said();
        assert!(
            said.contains("m 1 is installed, and the server knows"),
            "{said}"
        );
    }

    #[test]
    fn a_server_that_stays_away_is_no_failure_and_is_said() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let mut installation = installation(port);
        installation.report_installed(patience(Duration::from_millis(20)));
        let said = installation.log.said();
        assert!(said.contains("again in 0 s"), "{said}");
        assert!(
            said.contains("this machine is installed, but the server was not told"),
            "{said}"
        );
        assert!(said.contains("curl -X POST 'http://127.0.0.1:"), "{said}");
    }
}
