"""What a machine finds on its network: boot files over HTTP, edeploy-server, an rsync daemon.
All listen on 127.0.0.1, which a machine with qemu's user network sees as 10.0.2.2."""

import http.server
import shutil
import socket
import subprocess
import threading
import time
from functools import partial

from machine import LabError, die_with_parent

HOST = "10.0.2.2"


class BootFiles(http.server.SimpleHTTPRequestHandler):
    """Serves kernel and ramdisk; remembers when each was first asked for."""

    asked = {}

    def do_GET(self):
        self.asked.setdefault(self.path, time.monotonic())
        super().do_GET()

    def log_message(self, *_):
        pass


class Services:
    """The services of one case. Use it with `with`: at the end they are gone."""

    def __init__(self, case, work, options):
        self.case, self.work, self.options = case, work, options
        self.processes = []
        self.asked = {}

    def __enter__(self):
        try:
            self.start_server()
            self.start_rsync()
            self.start_boot_files()
            self.write_script()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
        if hasattr(self, "boot"):
            self.boot.shutdown()
            self.boot.server_close()

    def spawn(self, words, log):
        with open(self.work / "logs" / log, "wb") as file:
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                preexec_fn=die_with_parent,
            )
        self.processes.append(process)
        return process

    def start_server(self):
        """The real server, on a configuration of this case's profile alone."""
        config = self.work / "server" / "config"
        config.mkdir(parents=True)
        for file in (self.options.tests / "profiles").glob(f"{self.case.profile}.*"):
            shutil.copy(file, config)
        (config / "state.ron").write_text(f'[("{self.case.profile}", 1)]\n')
        words = [self.options.bins / "edeploy-server", "--config-dir", config]
        words += ["--state-dir", self.work / "server" / "state", "--listen", "127.0.0.1:0"]
        process = self.spawn(words, "server.log")
        self.http_port = int(self.wait_for_line(process, "server.log", "listening on ").rsplit(":", 1)[1])

    def wait_for_line(self, process, log, start):
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and process.poll() is None:
            for line in (self.work / "logs" / log).read_text().splitlines():
                if line.startswith(start):
                    return line
            time.sleep(0.05)
        raise LabError(f"{process.args[0]} did not start: see {self.work}/logs/{log}")

    def start_rsync(self):
        """One module with VERSION/ROLE/ below it, as the original lays roles out."""
        self.rsync_port = free_port()
        config = self.work / "rsyncd.conf"
        config.write_text(
            f"use chroot = no\nmunge symlinks = no\nuid = root\ngid = root\n"
            f"[install]\npath = {self.options.roles}\nread only = yes\n"
        )
        words = ["rsync", "--daemon", "--no-detach", "--address=127.0.0.1"]
        words += [f"--port={self.rsync_port}", f"--config={config}", "--log-file=/dev/stdout"]
        process = self.spawn(words, "rsyncd.log")
        wait_for_port(process, self.rsync_port)

    def start_boot_files(self):
        handler = type("Files", (BootFiles,), {"asked": self.asked})
        files = partial(handler, directory=str(self.options.ramdisk))
        self.boot = http.server.ThreadingHTTPServer(("127.0.0.1", 0), files)
        threading.Thread(target=self.boot.serve_forever, daemon=True).start()

    def write_script(self):
        """What iPXE runs. Each `console=` stands outside the bars and inside: ramdisk and installed system."""
        url = f"http://{HOST}:{self.boot.server_address[1]}"
        words = ["initrd=ramdisk", "console=ttyS0,115200", "panic=-1"]
        words += [f"SERV={HOST}", f"HTTP_PORT={self.http_port}", f"RSERV_PORT={self.rsync_port}"]
        words += ["ONSUCCESS=reboot", "ONFAILURE=halt", *self.case.cmdline]
        words += ["|", "console=ttyS0,115200", "panic=-1", "|"]
        script = f"#!ipxe\nkernel {url}/vmlinuz {' '.join(words)}\ninitrd --name ramdisk {url}/ramdisk\nboot\n"
        tftp = self.work / "boot"
        tftp.mkdir()
        (tftp / "boot.ipxe").write_text(script)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for_port(process, port):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise LabError(f"{process.args[0]} does not listen")
