"""The serial console of a running machine, as a text to wait on."""

import os
import re
import subprocess
import sys
import termios
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

ESCAPES = re.compile(rb"\x1b\[[0-9;?=]*[A-Za-z]|\x1b[()][A-Z0-9]|[\x00-\x08\x0b-\x1f]")


class LabError(Exception):
    """A machine or a service did not do what it must."""


class WentOff(LabError):
    """The machine was switched off, by itself, when something else was waited for."""


@dataclass
class Running:
    """A qemu process and all that its serial console has said, by line and time. With `attached` the
    console is on this terminal too, and no deadline holds. `inside` and `monitor` are there where a machine
    is to be reached otherwise too."""

    process: subprocess.Popen
    log: Path
    started: float
    attached: bool = False
    lines: list = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    # Of `inside.py`.
    inside: object = None
    monitor: object = None

    def __post_init__(self):
        self.terminal = termios.tcgetattr(0) if self.attached and os.isatty(0) else None
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        """Keeps what the console says, line by line, until the machine is off."""
        rest = b""
        with open(self.log, "wb") as log:
            while chunk := os.read(self.process.stdout.fileno(), 65536):
                if self.attached:
                    sys.stdout.buffer.write(chunk)
                    sys.stdout.buffer.flush()
                *whole, rest = (rest + chunk).split(b"\n")
                self.keep(log, whole)
            self.keep(log, [rest] if rest else [])
        with self.changed:
            self.lines.append((time.monotonic() - self.started, None))
            self.changed.notify_all()

    def keep(self, log, lines):
        seconds = time.monotonic() - self.started
        with self.changed:
            for line in lines:
                line = ESCAPES.sub(b"", line).rstrip()
                log.write(b"%8.2f %s\n" % (seconds, line))
                self.lines.append((seconds, line.decode(errors="replace")))
            log.flush()
            self.changed.notify_all()

    def wait(self, pattern, deadline, never=None, count=1):
        """The time at which so many lines match; None is the end of the machine. A line that matches
        `never`, the end, or the deadline is an error."""
        seen = 0
        while True:
            with self.changed:
                while seen == len(self.lines):
                    left = None if self.attached else self.started + deadline - time.monotonic()
                    if left is not None and left <= 0 or not self.changed.wait(left):
                        raise LabError(f"not within {deadline} s: {pattern or 'power off'}")
                fresh, seen = self.lines[seen:], len(self.lines)
            for seconds, line in fresh:
                if line is None:
                    if pattern is None:
                        return seconds
                    raise WentOff(f"the machine went off before: {pattern}")
                if pattern and re.search(pattern, line):
                    count -= 1
                    if count == 0:
                        return seconds
                    continue
                if never and re.search(never, line):
                    raise LabError(f"the console says: {line}")

    def time_of(self, pattern):
        """When the first line that matches came, or None."""
        return next((at for at, line in self.lines if line and re.search(pattern, line)), None)

    def count(self, pattern):
        """How many lines match so far."""
        return sum(1 for _, line in self.lines if line and re.search(pattern, line))

    def stop(self):
        """Ends the machine, whatever it is doing."""
        self.process.kill()
        self.process.wait()
        if self.terminal:
            termios.tcsetattr(0, termios.TCSADRAIN, self.terminal)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
