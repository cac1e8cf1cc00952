//! A real `edeploy-server` on a free port, with directories of its own.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use super::http::{self, Field, Response, exchange, form, request};
use super::{wait_for, write};

/// The program under test, without any settings from outside.
pub(crate) fn program() -> Command {
    let mut program = super::command(env!("CARGO_BIN_EXE_edeploy-server"));
    program.env_clear().env("TZ", "UTC").env("RUST_LOG", "info");
    program.stdin(Stdio::null());
    program
}

/// A running server; it ends with the value.
pub(crate) struct TestServer {
    child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) dir: tempfile::TempDir,
}

/// One profile `vm`, without limit and without CMDB, for any machine with a disk.
pub(crate) fn simple_profile(dir: &Path, configure: &str) {
    write(dir.join("state"), "[('vm', '*')]\n");
    write(
        dir.join("vm.specs"),
        "[('disk', '$disk', 'size', 'gt(4)'), ('system', 'product', 'name', '$model')]\n",
    );
    write(dir.join("vm.configure"), configure);
}

/// The facts of a machine that `simple_profile` matches.
pub(crate) fn machine(serial: &str, model: &str) -> String {
    serde_json::json!([
        ["disk", "vda", "size", "8"],
        ["system", "product", "name", model],
        ["system", "product", "serial", serial],
    ])
    .to_string()
}

impl TestServer {
    /// A server on the profiles that `fill` writes.
    pub(crate) fn start(fill: impl FnOnce(&Path)) -> TestServer {
        TestServer::with_args(fill, &[])
    }

    pub(crate) fn with_args(fill: impl FnOnce(&Path), args: &[&str]) -> TestServer {
        let dir = tempfile::tempdir().unwrap();
        fill(&dir.path().join("config"));
        TestServer::in_dir(dir, args)
    }

    /// A server on directories that are there already.
    pub(crate) fn in_dir(dir: tempfile::TempDir, args: &[&str]) -> TestServer {
        let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
        let (config, state) = (at("config"), at("state"));
        let own = ["--config-dir", &config, "--state-dir", &state];
        TestServer::launch(dir, program(), &[&own, args].concat())
    }

    /// A server that is started by a shell, after some commands with the profile directory as `$0`.
    pub(crate) fn after_shell(
        commands: &str,
        fill: impl FnOnce(&Path),
        args: &[&str],
    ) -> TestServer {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
        let (config, state) = (at("config"), at("state"));
        fill(&dir.path().join("config"));
        let text = format!("{commands}\nexec \"$@\"");
        let mut shell = super::command("unshare");
        shell.args(["--mount", "sh", "-e", "-c", &text, &config]);
        shell.arg(program().get_program());
        shell.stdin(Stdio::null());
        let own = ["--config-dir", &config, "--state-dir", &state];
        TestServer::launch(dir, shell, &[&own, args].concat())
    }

    /// A file as the server sees it, whatever is mounted for it.
    pub(crate) fn seen_by_server(&self, name: &str) -> PathBuf {
        let root = format!("/proc/{}/root", self.child.id());
        let path = self.path(name);
        Path::new(&root).join(path.strip_prefix("/").unwrap())
    }

    /// Runs a shell command where the server runs, with the profile directory as `$0`.
    pub(crate) fn shell(&self, text: &str) {
        let id = self.child.id().to_string();
        let done = super::command("nsenter")
            .args(["--mount", "--target", &id, "sh", "-e", "-c", text])
            .arg(self.path("config"))
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
    }

    /// A server that is told nothing but `args` and where to listen.
    pub(crate) fn from_command(args: &[&str]) -> TestServer {
        TestServer::launch(tempfile::tempdir().unwrap(), program(), args)
    }

    fn launch(dir: tempfile::TempDir, mut program: Command, args: &[&str]) -> TestServer {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(dir.path().join("server.log"))
            .unwrap();
        let mut child = program
            .args(
                ["--listen", "127.0.0.1:0"]
                    .iter()
                    .filter(|_| !args.contains(&"--listen")),
            )
            .args(args)
            .current_dir(dir.path())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let address = line
            .strip_prefix("listening on http://")
            .and_then(|address| address.trim_end().parse().ok());
        let Some(address) = address else {
            let log = std::fs::read_to_string(dir.path().join("server.log")).unwrap();
            panic!("the server did not start: {line:?}: {log}");
        };
        TestServer {
            child,
            address,
            dir,
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path("server.log")).unwrap()
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        self.send("GET", path, "text/plain", b"")
    }

    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        content_type: &str,
        body: &[u8],
    ) -> Response {
        exchange(self.address, &request(method, path, content_type, body))
    }

    /// Posts a form to `upload.py` as the ramdisk does.
    pub(crate) fn upload(&self, fields: &[Field<'_>]) -> Response {
        self.send("POST", "//cgi-bin//upload.py", http::FORM, &form(fields))
    }

    /// Registers a machine as the ramdisk does, and gives the script.
    pub(crate) fn register(&self, facts: &str) -> String {
        let section: Field<'_> = ("section", None, b"SERVER");
        let response = self.upload(&[section, ("file", Some("hw.json"), facts.as_bytes())]);
        assert_eq!(response.status, 200, "{response:?}");
        assert_eq!(response.header("content-type"), Some("text/x-python"));
        response.text()
    }

    /// Posts facts to the API.
    pub(crate) fn post_machine(&self, body: &[u8]) -> Response {
        self.send("POST", "/api/v1/machines", "application/json", body)
    }

    /// Kills the server at once, as a power cut would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let sent = super::command("kill").args([signal, &id]).status();
        assert!(sent.unwrap().success());
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        wait_for("the end of the server", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }

    /// Stops the server and gives its directories back.
    pub(crate) fn stop(mut self) -> tempfile::TempDir {
        self.signal("-TERM");
        assert!(self.wait().success());
        std::mem::replace(&mut self.dir, tempfile::tempdir().unwrap())
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Runs the program to its end: exit code, standard output, standard error.
pub(crate) fn run(args: &[&str], env: &[(&str, &str)], dir: &Path) -> (i32, String, String) {
    let mut child = program()
        .args(args)
        .envs(env.iter().copied())
        .current_dir(dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = String::new();
    let mut err = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut out)
        .unwrap();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut err)
        .unwrap();
    (child.wait().unwrap().code().unwrap(), out, err)
}
