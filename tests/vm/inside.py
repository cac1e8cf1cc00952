"""A running machine from inside and from outside: commands that its system runs, and qemu's own monitor."""

import json
import shlex
import socket
import time
from dataclasses import dataclass

from console import LabError, WentOff

# The name of the port that tests/vm/upgrade/agent listens to.
PORT = "lab"
COMMAND_DEADLINE = 120


@dataclass(frozen=True)
class Said:
    """What a command wrote, line by line, and its exit code: None where it was not waited for."""

    command: str
    lines: list
    code: int | None

    @property
    def text(self):
        """All of it."""
        return "\n".join(self.lines)


class Inside:
    """The way to the agent in the machine. `log` gets all that is said."""

    def __init__(self, end, log):
        self.end, self.log = end, log
        self.rest = b""

    def line(self, deadline):
        """The next line, at the latest at this moment of the monotonic clock."""
        while b"\n" not in self.rest:
            self.end.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                chunk = self.end.recv(65536)
            except TimeoutError as error:
                raise LabError("the machine does not answer within the deadline") from error
            except ConnectionResetError:
                chunk = b""
            if not chunk:
                raise WentOff("the machine went off while a command ran")
            self.rest += chunk
        line, _, self.rest = self.rest.partition(b"\n")
        text = line.decode(errors="replace")
        with open(self.log, "a") as log:
            log.write(f"{text}\n")
        return text

    def wait(self, deadline):
        """Until the agent is there, which is at the end of the boot."""
        end = time.monotonic() + deadline
        while self.line(end) != "ready":
            pass

    def start(self, command):
        """Begins a command. Nothing more is heard of one that restarts the system."""
        with open(self.log, "a") as log:
            log.write(f"$ {command}\n")
        try:
            self.end.sendall(f"{command}\n".encode())
        except OSError as error:
            raise WentOff(f"the machine went off before: {command}") from error

    def run(self, command, deadline=COMMAND_DEADLINE, until=None):
        """Runs a command of one line in a shell. With `until` it ends with the first line for which that is true."""
        self.start(command)
        return self.listen(command, deadline, until)

    def listen(self, command, deadline=COMMAND_DEADLINE, until=None):
        """What a command says from now on, to its end or such a line."""
        lines, end = [], time.monotonic() + deadline
        while True:
            kind, _, text = self.line(end).partition(" ")
            if kind == "ended":
                return Said(command, lines, int(text))
            lines.append(text)
            if until and until(text):
                return Said(command, lines, None)

    def must(self, command, code=0, deadline=COMMAND_DEADLINE):
        """What a command says that must end with this code."""
        said = self.run(command, deadline)
        if said.code != code:
            raise LabError(f"`{command}` must end with {code}, and did with {said.code}: {said.text[-2000:]}")
        return said.text.strip()


class Monitor:
    """qemu's QMP."""

    def __init__(self, end):
        self.file = end.makefile("rw")
        self.is_ready = False

    def ask(self, command, **arguments):
        """The answer to a command; what qemu tells unasked is passed over."""
        if not self.is_ready:
            self.is_ready = True
            self.ask("qmp_capabilities")
        self.file.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.file.flush()
        for line in self.file:
            answer = json.loads(line)
            if "error" in answer:
                raise LabError(f"qemu, {command}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]
        raise LabError(f"qemu ended at {command}")

    def save(self, path):
        """Stops the machine for good and writes its memory to a file, with which it can go on again and again."""
        self.ask("stop")
        self.ask("migrate-set-parameters", **{"max-bandwidth": 10 << 30})
        self.ask("migrate", uri=f"exec:cat >{shlex.quote(str(path))}")
        while (status := self.ask("query-migrate").get("status")) != "completed":
            if status in ("failed", "cancelled"):
                raise LabError(f"the machine's memory cannot be saved: {status}")
            time.sleep(0.05)

    def go_on(self):
        """Has a machine go on that was stopped and saved."""
        while self.ask("query-status")["status"] == "inmigrate":
            time.sleep(0.05)
        self.ask("cont")


def port_arguments(agent, monitor, state):
    """The arguments of qemu for both ways, by the numbers of its ends; with `state` the machine goes on from there."""
    words = ["-device", "virtio-serial-pci", "-chardev", f"socket,id=agent,fd={agent.fileno()}"]
    words += ["-device", f"virtserialport,chardev=agent,name={PORT}"]
    words += ["-chardev", f"socket,id=monitor,fd={monitor.fileno()}", "-mon", "chardev=monitor,mode=control"]
    return words + (["-incoming", f"exec:cat {shlex.quote(str(state))}"] if state else [])


def ends():
    """Both ends of a way: ours and qemu's."""
    ours, of_qemu = socket.socketpair()
    of_qemu.set_inheritable(True)
    return ours, of_qemu
