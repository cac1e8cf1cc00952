"""What a machine finds on its network besides addresses: edeploy-server, an rsync daemon, a bad line."""

import json
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from archive import archive_behind
from console import LabError
from hardware import read_facts
from machine import die_with_parent
from network import PACKAGING

# What firmware and PXELINUX fetch from the server besides kernel and ramdisk.
BOOT_FILES = ["/usr/lib/ipxe/snponly.efi", "/usr/lib/syslinux/modules/bios/ldlinux.c32"]
# No text that is asked for beside a role is as long.
TEXT = 1 << 20
HTTP_PORT, RSYNC_PORT, BAD_LINE_PORT, IMAGE_PORT, BAD_HTTP_PORT = 80, 873, 8873, 8080, 8081


class Services:
    """The daemons of one case. They end with the lab's namespace."""

    def __init__(self, work, options, address):
        self.work, self.options, self.address = work, options, address
        self.config = work / "server" / "config"
        self.state = work / "server" / "state"
        self.boot = self.state / "boot"
        self.server = None
        # What the ramdisk has at its top besides its own, by name: texts with their modes.
        self.put = {}
        # What the rsync daemon serves.
        self.modules = {"install": options.roles, "metadata": work / "metadata"}

    def spawn(self, words, log):
        """Starts a daemon; what it says is added to its log."""
        with open(self.work / "logs" / log, "ab") as file:
            return subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                preexec_fn=die_with_parent,
            )

    def copy_config(self, directory):
        """The server's configuration: an admin's own, which stays as it is."""
        shutil.copytree(directory, self.config, symlinks=False)

    def write_profiles(self, profiles):
        """The server's configuration: these profiles of the lab, each with its count."""
        self.config.mkdir(parents=True, exist_ok=True)
        for name, _ in profiles:
            for file in (self.options.tests / "profiles").glob(f"{name}.*"):
                shutil.copy(file, self.config)
        lines = "".join(f'    ("{name}", {count}),\n' for name, count in profiles)
        (self.config / "state.ron").write_text(f"[\n{lines}]\n")

    def replace(self, name, old, new):
        """Changes a text in a file of the profiles."""
        path = self.config / name
        text = path.read_text()
        if old not in text:
            raise LabError(f"{name} does not have {old!r}")
        path.write_text(text.replace(old, new))

    def mend(self, broken):
        """Undoes a `replace`, as an admin who found the mistake."""
        name, old, new = broken
        self.replace(name, new, old)

    def write_settings(self, settings):
        """The server's settings file, and the boot files where the server looks for them."""
        self.boot.mkdir(parents=True)
        for path in [self.options.ramdisk / "vmlinuz", self.options.ramdisk / "ramdisk", *BOOT_FILES]:
            (self.boot / Path(path).name).symlink_to(path)
        if self.put:
            ramdisk = self.boot / "ramdisk"
            whole = ramdisk.read_bytes()
            ramdisk.unlink()
            ramdisk.write_bytes(whole + archive_behind(whole, self.put))
        (self.work / "server" / "server.toml").write_text(settings)

    def start_server(self):
        """The real server, on the port that a ramdisk asks by default."""
        words = [self.options.bins / "edeploy-server", "--settings", self.work / "server" / "server.toml"]
        words += ["--config-dir", self.config, "--state-dir", self.state]
        words += ["--listen", f"{self.address}:{HTTP_PORT}"]
        self.server = self.spawn(words, "server.log")
        wait_for_port(self.server, self.address, HTTP_PORT)

    def stop_server(self):
        """As a service manager does it."""
        self.server.terminate()
        self.server.wait(70)

    def command(self, *words):
        """The command line of edeployctl, for this server."""
        return [self.options.bins / "edeployctl", *words, "--server", f"http://{self.address}:{HTTP_PORT}"]

    def control(self, *words):
        """What edeployctl answers about this server."""
        return answer(self.command(*words))

    def edeployctl(self, *words):
        """What edeployctl answers where no server is asked."""
        return answer([self.options.bins / "edeployctl", *words])

    def page(self, path):
        """What the server answers a browser; None where there is nothing."""
        try:
            with urllib.request.urlopen(f"http://{self.address}:{HTTP_PORT}{path}", timeout=60) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise LabError(f"{path} is answered {error.code}") from error

    def ask(self, path):
        """What the API answers; None where there is nothing."""
        text = self.page(f"/api/v1/{path}")
        return None if text is None else json.loads(text)

    def another_machine_registers(self, serial):
        """Sends the facts of the machine that was here last as those of another one."""
        newest = max((self.state / "hw").glob("*.hw*"), key=lambda path: path.stat().st_mtime)
        facts = [list(row) for row in read_facts(newest)]
        for row in facts:
            if row[2] == "serial":
                row[3] = serial if row[0] == "system" else f"52:54:99:00:00:{len(row[3]):02x}"
            if row[2] == "uuid":
                row[3] = "00000000-0000-4000-8000-000000000002"
        body = json.dumps({"section": "SERVER", "facts": facts}).encode()
        request = urllib.request.Request(f"http://{self.address}:{HTTP_PORT}/api/v1/machines", body)
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())

    def role_bytes(self, version, role):
        """What of a role a transfer has to bring."""
        paths = (self.options.roles / version / role).rglob("*")
        return sum(path.lstat().st_size for path in paths if path.is_file() and not path.is_symlink())

    def start_rsync(self):
        """A module with VERSION/ROLE/ below it, as the original lays roles out, and what else there is."""
        config = self.work / "boot" / "rsyncd.conf"
        config.write_text(rsyncd_config(self.modules))
        words = ["rsync", "--daemon", "--no-detach", f"--address={self.address}"]
        words += [f"--port={RSYNC_PORT}", f"--config={config}", "--log-file=/dev/stdout"]
        wait_for_port(self.spawn(words, "rsyncd.log"), self.address, RSYNC_PORT)

    def start_images(self, role):
        """Role images over plain HTTP. Gives the path of this role's, which is made now."""
        directory = self.work / "boot" / "images"
        image = directory / "install" / "1.0" / f"{role}-1.0.edeploy"
        image.parent.mkdir(parents=True)
        tree = self.options.roles / "1.0" / role
        words = ["tar", "--create", "--zstd", "--xattrs", "--numeric-owner", "--directory", tree, "--file", image, "."]
        subprocess.run(words, check=True)
        words = [sys.executable, "-m", "http.server", str(IMAGE_PORT), "--bind", self.address, "--directory", directory]
        wait_for_port(self.spawn(words, "images.log"), self.address, IMAGE_PORT)
        return image


class BadLine:
    """A way to a daemon that breaks: one connection after another that brings more than a text, after so many bytes,
    then no more."""

    def __init__(self, address, breaks, port=BAD_LINE_PORT, to=RSYNC_PORT):
        self.address, self.breaks, self.to = address, list(breaks), to
        # What each connection has brought, in bytes.
        self.brought = []
        # After so many bytes each further connection breaks.
        self.limit = None
        self.listener = socket.create_server((address, port))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            number = len(self.brought)
            self.brought.append(0)
            daemon = socket.create_connection((self.address, self.to))
            threading.Thread(target=self.carry, args=(client, daemon, None), daemon=True).start()
            threading.Thread(target=self.carry, args=(daemon, client, number), daemon=True).start()

    def carry(self, source, target, number):
        """Carries bytes one way, and closes both at the end or at the limit."""
        limit = self.limit
        try:
            while data := source.recv(1 << 16):
                target.sendall(data)
                if number is not None:
                    self.brought[number] += len(data)
                    if not limit and self.breaks and self.brought[number] > TEXT:
                        limit = self.breaks.pop(0)
                    if limit and self.brought[number] >= limit:
                        break
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def rsyncd_config(modules):
    """The shipped example with the directories of this case."""
    text = (PACKAGING / "rsyncd.conf").read_text()
    for name, own in modules.items():
        shipped = f"/var/lib/edeploy/roles/{name}\n"
        if shipped not in text:
            raise LabError(f"the example of rsync does not have {shipped.strip()}")
        text = text.replace(shipped, f"{own}\n")
    return text


def answer(words):
    """What a program says that must end well."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"{' '.join(map(str, words))}: {done.stderr.strip()}")
    return done.stdout


def wait_for_port(process, address, port):
    """Waits until a daemon listens."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection((address, port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise LabError(f"{process.args[0]} does not listen on port {port}: see its log")
