import binascii
import hashlib
import os
import re
import subprocess
import sys
import time


def _edeploy_bytes(text):
    if isinstance(text, bytes):
        return text
    if not isinstance(text, type(u"")):
        text = str(text)
        if isinstance(text, bytes):
            return text
    return text.encode("utf-8", "surrogateescape" if str is not bytes else "strict")


def _edeploy_str(text):
    if isinstance(text, str):
        return text
    if str is bytes:
        return text.encode("utf-8")
    return text.decode("utf-8", "replace")


def _edeploy_native(value):
    if isinstance(value, dict):
        return dict((_edeploy_native(k), _edeploy_native(v)) for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return type(value)(_edeploy_native(item) for item in value)
    if isinstance(value, type(u"")):
        return _edeploy_str(value)
    return value


def _edeploy_log(text):
    text = _edeploy_str(text) + "\n"
    try:
        sys.stderr.write(text)
    except UnicodeError:
        sys.stderr.write(text.encode("ascii", "backslashreplace").decode("ascii"))
    sys.stderr.flush()


def _edeploy_execute(cmd, errors=subprocess.STDOUT):
    """Exit code and output of a list, or of a text for the shell. Standard input is empty."""
    if isinstance(cmd, (bytes, type(u""))):
        cmd = ["/bin/sh", "-c", cmd]
    with open(os.devnull, "rb") as nothing:
        try:
            child = subprocess.Popen(
                [_edeploy_bytes(word) for word in cmd],
                stdin=nothing,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        except OSError as error:
            return 127, "%s: %s" % (_edeploy_str(_edeploy_bytes(cmd[0])), error.strerror)
        output = child.communicate()[0]
    code = child.returncode
    if code < 0:
        code = 128 - code
    if output.endswith(b"\n"):
        output = output[:-1]
    return code, _edeploy_str(output)


class _EdeployFailure(SystemExit):
    """Ends the script with an exit code, unless `attempt` catches it."""

    def __init__(self, code, text):
        SystemExit.__init__(self, code)
        self.text = text


def _edeploy_run(cmd, errors):
    if isinstance(cmd, (bytes, type(u""))):
        shown = _edeploy_str(cmd)
    else:
        shown = " ".join(_edeploy_quoted(word) for word in cmd)
    _edeploy_log("+ " + shown)
    code, output = _edeploy_execute(cmd, errors)
    if output:
        _edeploy_log(output)
    if code != 0:
        text = "command failed with exit code %d: %s" % (code, shown)
        _edeploy_log("\n".join(["#" * 70, text, "#" * 70]))
        raise _EdeployFailure(code, text)
    return output


def run(cmd):
    """Runs a command. If it fails, the script ends with the exit code of the command."""
    return _edeploy_run(cmd, subprocess.STDOUT)


def output(cmd, plan=None):
    """Runs a command as `run` does and gives what it prints, without the last line end.

    What it says of errors goes to the log. `plan` is for `edeployctl plan`, which runs nothing.
    """
    return _edeploy_run(cmd, None)


def attempt(f, *args, **kwargs):
    """Calls `f` and gives two values: its result and None, or None and what went wrong."""
    try:
        return f(*args, **kwargs), None
    except _EdeployFailure as failure:
        return None, failure.text
    except Exception as error:
        return None, str(error)


def fail(message):
    """Ends the script with a message."""
    _edeploy_log(message)
    raise _EdeployFailure(1, _edeploy_str(message))


def sleep(seconds):
    """Waits for a number of seconds."""
    time.sleep(seconds)


def quote(text):
    """Gives a text as one word of a shell command."""
    return _edeploy_quoted(text)


class struct(object):
    """Values by names: `struct(a=1).a`."""

    def __init__(self, **values):
        self.__dict__.update(values)


def uuid_for(text):
    """Gives a UUID for what a text names, the same one on the same machine."""
    seed = binascii.unhexlify(_edeploy_seed)
    digest = bytearray(hashlib.sha256(seed + _edeploy_bytes(text)).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    digits = "".join("%02x" % byte for byte in digest)
    return "-".join([digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]])


def _edeploy_quoted(text):
    text = _edeploy_str(_edeploy_bytes(text))
    if re.match(r"[A-Za-z0-9_@%+=:,./-]+\Z", text):
        return text
    return "'" + text.replace("'", "'\\''") + "'"


def _edeploy_to_vars(name, value):
    """Adds a line to /vars, which the ramdisk reads with a shell."""
    with open("/vars", "ab") as out:
        out.write(_edeploy_bytes(name + "=" + _edeploy_quoted(value) + "\n"))


def set_role(role, version, disk):
    """Tells the ramdisk which tree to install, and on which disk."""
    _edeploy_to_vars("ROLE", role)
    _edeploy_to_vars("VERS", version)
    _edeploy_to_vars("DISK", disk)
    _edeploy_to_vars("PROFILE", _edeploy_profile)


def grub_options(opts):
    """Sets boot arguments of the installed system."""
    with open("/grub_options", "wb") as out:
        out.write(_edeploy_bytes(opts))


def config(name, mode="w", basedir="/post_rsync", fmod=0o644, uid=0, gid=0):
    """Opens a file that is copied over the installed tree."""
    base = os.path.normpath(basedir).rstrip("/") + "/"
    path = os.path.normpath(base + name.lstrip("/"))
    if not path.startswith(base):
        raise ValueError("%r leaves %s" % (name, base))
    directory = os.path.dirname(path)
    if not os.path.isdir(directory):
        os.makedirs(directory)
    if str is bytes or "b" in mode:
        out = open(path, mode)
    else:
        out = open(path, mode, encoding="utf-8")
    os.fchmod(out.fileno(), fmod)
    os.fchown(out.fileno(), uid, gid)
    return out


def _edeploy_yaml(value):
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        pairs = ["%s: %s" % (_edeploy_yaml(k), _edeploy_yaml(value[k])) for k in sorted(value)]
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_edeploy_yaml(item) for item in value) + "]"
    if not isinstance(value, (bytes, type(u""))):
        return str(value)
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    quoted = u""
    for char in value:
        if char in u"\"\\":
            char = u"\\" + char
        elif char < u" " or u"\x7f" <= char <= u"\xa0" or char in u"\u2028\u2029\ufeff":
            char = u"\\u%04x" % ord(char)
        quoted += char
    return _edeploy_str(u'"' + quoted + u'"')


def inject_facts(vars, basedir="/post_rsync", prefix="hw_"):
    """Gives the variables to facter on the installed system."""
    with config("/etc/facter/facts.d/edeploy.yaml", basedir=basedir) as out:
        out.write("---\n")
        for key in sorted(vars):
            name = prefix + _edeploy_str(_edeploy_bytes(key))
            if not re.match(r"[A-Za-z_][A-Za-z0-9_-]*\Z", name):
                name = _edeploy_yaml(name)
            out.write("%s: %s\n" % (name, _edeploy_yaml(vars[key])))


class hpacucli(object):
    """Smart Array controllers, through ssacli, hpssacli or hpacucli."""

    class Error(Exception):
        def __init__(self, value):
            Exception.__init__(self, value)
            self.value = value

    class Cli(object):
        _drive = re.compile(r"physicaldrive (\S+) \(.*, (.*), (.*), (.*)\)")
        _volume = re.compile(r"logicaldrive (\S+) \((.*), (.*), (.*)\)")

        def __init__(self, debug=False):
            self.debug = debug
            self.program = None

        def launch(self):
            _edeploy_execute(["modprobe", "sg"])
            for name in ("ssacli", "hpssacli", "hpacucli"):
                if os.path.exists("/usr/sbin/" + name):
                    self.program = "/usr/sbin/" + name
                    return True
            return False

        def _send(self, line):
            if self.program is None:
                raise hpacucli.Error("no controller program: call launch() first")
            if self.debug:
                _edeploy_log("+ %s %s" % (self.program, line))
            code, output = _edeploy_execute([self.program] + line.split())
            found = re.search(r"Error: (.*)", output)
            if found:
                raise hpacucli.Error(found.group(1).strip())
            if code != 0:
                raise hpacucli.Error(output.strip() or "exit code %d" % code)
            return output.replace("\r", "").split("\n")

        def _arrays(self, lines, pattern):
            arrays = []
            for line in lines:
                line = line.strip()
                found = pattern.search(line)
                if line.startswith("array") or line == "unassigned":
                    arrays.append((line, []))
                elif found and arrays:
                    arrays[-1][1].append(found.groups())
            return arrays

        def _snake(self, lines, left_out):
            values = {}
            for line in lines:
                name, colon, value = line.partition(": ")
                name = name.strip().lower().replace(" ", "_")
                if colon and name not in left_out:
                    values[name] = " ".join(value.split())
            return values

        def ctrl_all_show(self, plan=None):
            found = []
            for line in self._send("ctrl all show"):
                parts = re.match(r"\s*(.*) in Slot ([0-9]+).*\(sn: (.*?)\s*\)", line)
                if parts:
                    found.append((int(parts.group(2)), parts.group(1), parts.group(3)))
            return found

        def ctrl_show(self, selector, plan=None):
            return self._snake(self._send("ctrl %s show" % selector), ("slot",))

        def ctrl_pd_all_show(self, selector, plan=None):
            return self._arrays(self._send("ctrl %s pd all show" % selector), self._drive)

        def ctrl_pd_disk_show(self, selector, disk, plan=None):
            lines = self._send("ctrl %s pd %s show" % (selector, disk))
            values = self._snake(lines, ("port", "box", "bay"))
            for line in lines:
                words = line.split()
                if len(words) > 1 and words[0] == "array":
                    values["array"] = words[1]
            return values

        def ctrl_ld_all_show(self, selector, plan=None):
            return self._arrays(self._send("ctrl %s ld all show" % selector), self._volume)

        def ctrl_ld_show(self, selector, ldid, plan=None):
            values = {}
            name = None
            for line in self._send("ctrl %s ld %s show" % (selector, ldid)):
                if name is not None:
                    drive = self._drive.search(line)
                    values[name] = drive.group(1) if drive else line
                    name = None
                    continue
                for part in re.split(r"\s{3,}", line.strip()):
                    key, colon, value = part.partition(":")
                    if colon and value.strip():
                        values[key.strip()] = value.strip()
                    elif colon:
                        name = key.strip()
            return values

        def ctrl_delete(self, selector):
            self._send("ctrl %s delete forced" % selector)
            return True

        def ctrl_create_ld(self, selector, drives, raid):
            self._send("ctrl %s create type=ld drives=%s raid=%s" % (selector, ",".join(drives), raid))
            volumes = self.ctrl_ld_all_show(selector)
            if not volumes or not volumes[-1][1]:
                raise hpacucli.Error("the new logical drive is not listed")
            shown = self.ctrl_ld_show(selector, volumes[-1][1][-1][0])
            if "Disk Name" not in shown:
                raise hpacucli.Error("the new logical drive has no device name")
            return shown["Disk Name"]


class ipmi(object):
    """The management board, through ipmitool. As in the original no call stops the script."""

    @staticmethod
    def _tool(*words):
        code, output = _edeploy_execute(["ipmitool"] + [str(word) for word in words])
        if code != 0:
            _edeploy_log("ipmitool %s: exit code %d: %s" % (" ".join(words[:2]), code, output))
        return code == 0

    @staticmethod
    def setup_user(channel, username, password):
        _edeploy_log("ipmi: setting up user %s on channel %s" % (username, channel))
        done = [
            ipmi._tool("user", "set", "name", "1", username),
            ipmi._tool("user", "set", "password", "1", password),
            ipmi._tool("user", "priv", "1", "4", channel),
            ipmi._tool("user", "enable", "1"),
            ipmi._tool("user", "test", "1", "16", password),
        ]
        return done[-1]

    @staticmethod
    def setup_network(channel, ipv4, netmask, gateway, vlan_id=-1):
        _edeploy_log("ipmi: setting address %s on channel %s" % (ipv4, channel))
        vlan = int(vlan_id)
        for words in (
            ("ipsrc", "static"),
            ("ipaddr", ipv4),
            ("netmask", netmask),
            ("defgw", "ipaddr", gateway),
            ("arp", "respond", "on"),
            ("vlan", "id", vlan if vlan >= 0 else "off"),
        ):
            ipmi._tool("lan", "set", channel, *words)
        ipmi.restart_bmc()

    @staticmethod
    def restart_bmc():
        ipmi._tool("bmc", "reset", "cold")
