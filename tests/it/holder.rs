//! Another process holds a section's lock: an admin who edits, stopped or killed half-way.

use std::path::Path;
use std::process::{Child, Stdio};

use crate::support::server::{TestServer, machine, simple_profile};
use crate::support::{command, wait_for, write};

/// `edeployctl edit` on the state file, with an editor that stays open until it is ended.
struct Editor {
    process: Child,
    directory: std::path::PathBuf,
}

impl Editor {
    fn open(server: &TestServer) -> Editor {
        let directory = server.path("");
        let editor = directory.join("editor");
        // The editor tells its process id and waits; it outlives whoever started it.
        write(&editor, "#!/bin/sh\necho $$ >\"$0.pid\"\nexec sleep 1000\n");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&editor, mode).unwrap();
        let process = command(env!("CARGO_BIN_EXE_edeployctl"))
            .arg("edit")
            .arg(server.path("config/state"))
            .env("VISUAL", &editor)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let opened = Editor { process, directory };
        wait_for("the editor", || opened.editor_id().is_some());
        opened
    }

    fn editor_id(&self) -> Option<String> {
        let text = std::fs::read_to_string(self.directory.join("editor.pid")).ok()?;
        text.ends_with('\n').then(|| text.trim().to_owned())
    }

    fn signal(&self, signal: &str) {
        signal_to(signal, &self.process.id().to_string());
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        self.signal("-KILL");
        self.process.wait().unwrap();
        if let Some(editor) = self.editor_id() {
            signal_to("-KILL", &editor);
        }
    }
}

fn signal_to(signal: &str, process: &str) {
    command("kill").args([signal, process]).status().unwrap();
}

fn counted(directory: &Path) {
    simple_profile(directory, "");
    write(directory.join("state"), "[('vm', 5)]\n");
}

#[test]
fn a_holder_of_the_lock_that_is_stopped_is_named_with_what_to_do() {
    let server = TestServer::with_args(counted, &["--lock-deadline-seconds", "1"]);
    let editor = Editor::open(&server);
    let holder = editor.process.id();
    let refused = server.register(&machine("CZ1", "QEMU"));
    assert!(
        refused.contains(&format!("process {holder} (edeployctl)")),
        "{refused}"
    );
    editor.signal("-STOP");
    let stopped = || {
        server
            .register(&machine("CZ1", "QEMU"))
            .contains(&format!("kill -CONT {holder}"))
    };
    wait_for("the holder to be stopped", stopped);
    let state = std::fs::read_to_string(server.path("config/state")).unwrap();
    assert_eq!(state, "[('vm', 5)]\n", "nobody was counted");
}

#[test]
fn a_holder_of_the_lock_that_is_killed_frees_it_though_its_editor_lives_on() {
    let server = TestServer::with_args(counted, &["--lock-deadline-seconds", "1"]);
    let mut editor = Editor::open(&server);
    assert!(
        server
            .register(&machine("CZ1", "QEMU"))
            .ends_with("exit 1\n")
    );
    editor.signal("-KILL");
    editor.process.wait().unwrap();
    let given = server.register(&machine("CZ1", "QEMU"));
    assert!(given.contains("#EDEPLOY_PROFILE = vm"), "{given}");
    let alive = format!("/proc/{}", editor.editor_id().unwrap());
    assert!(Path::new(&alive).exists(), "the editor is still open");
}
