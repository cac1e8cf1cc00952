"""The network of the lab: a switch (a bridge), a cable for each card (a tap), DHCP and TFTP by dnsmasq.
It is made in a network namespace, where addresses and ports are those of the shipped examples and no
other lab is in the way. With the namespace all of it ends."""

import re
import shutil
import socket
import struct
import subprocess
import threading
from ipaddress import IPv4Interface
from pathlib import Path

from console import LabError

BRIDGE = "lab0"
# The address that packaging/dnsmasq/edeploy.conf gives edeploy-server.
SHIPPED = IPv4Interface("10.0.0.1/24")
PACKAGING = Path(__file__).resolve().parents[2] / "packaging"
TFTP_FILES = [
    "/usr/lib/ipxe/undionly.kpxe",
    "/usr/lib/ipxe/snponly.efi",
    "/usr/lib/PXELINUX/lpxelinux.0",
]
# linux/if_packet.h
SOL_PACKET, PACKET_AUXDATA, TP_STATUS_VLAN_VALID = 263, 8, 1 << 4


def ip(*words):
    """Runs ip."""
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"ip {' '.join(words)}: {done.stderr.strip()}")


def dnsmasq_config(tftp, server, by_pxelinux=False, reserved=None):
    """The shipped examples with this network's interface, addresses and paths. `server` is the server's
    address with the network's length; `reserved` a MAC and the address that it must get."""
    text = (PACKAGING / "dnsmasq" / "edeploy.conf").read_text()
    if by_pxelinux:
        text = text.partition("# iPXE (it sends option 175)")[0] + (PACKAGING / "pxelinux" / "edeploy.conf").read_text()
    hosts = server.network
    span = f"{hosts[-min(hosts.num_addresses - 2, 120)]},{hosts[-2]},{hosts.netmask}"
    changes = {"eth1": BRIDGE, "/srv/tftp": tftp, "10.0.0.100,10.0.0.199,255.255.255.0": span, "10.0.0.1": server.ip}
    for shipped, own in changes.items():
        if shipped not in text:
            raise LabError(f"the example of dnsmasq does not have {shipped}")
        text = re.sub(rf"{re.escape(shipped)}\b", str(own), text)
    return text + (f"dhcp-host={reserved[0]},{reserved[1]}\n" if reserved else "")


class Network:
    """The switch and the cables. `server` is the address of all services, with the network's length."""

    def __init__(self, server=SHIPPED):
        self.server = server
        self.address = str(server.ip)
        ip("link", "set", "lo", "up")
        ip("link", "add", BRIDGE, "type", "bridge")
        ip("link", "set", BRIDGE, "up")
        ip("address", "add", str(server), "dev", BRIDGE)
        ip("address", "add", "fd00::1/64", "dev", BRIDGE, "nodad")

    def plug(self, machine):
        """The taps of a machine's cards, made if they are not there."""
        taps = [f"{machine.name}-{number}"[-15:] for number in range(len(machine.nics))]
        there = {name for _, name in socket.if_nameindex()}
        for tap in taps:
            if tap not in there:
                ip("tuntap", "add", tap, "mode", "tap")
                ip("link", "set", tap, "master", BRIDGE, "up")
        return taps

    def start_dnsmasq(self, spawn, directory, by_pxelinux=False, reserved=None):
        """DHCP and TFTP, as shipped. `spawn` starts a daemon with a log."""
        tftp = directory / "tftp"
        tftp.mkdir(parents=True)
        for path in TFTP_FILES:
            shutil.copy(path, tftp)
        config = directory / "dnsmasq.conf"
        config.write_text(dnsmasq_config(tftp, self.server, by_pxelinux, reserved))
        words = ["dnsmasq", f"--conf-file={config}", "--no-daemon", "--log-dhcp", "--pid-file=", "--user=root"]
        # Nobody else is on this network: an address need not be tried by ping, for 3 s, before it is given.
        return spawn([*words, f"--dhcp-leasefile={directory / 'leases'}", "--no-ping"], "dnsmasq.log")


class TaggedFrames:
    """Remembers which VLANs the frames on the switch belong to, as the switch's end of a trunk would see them."""

    def __init__(self):
        self.vlans = set()
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.ntohs(3))
        self.socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self.socket.bind((BRIDGE, 0))
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            _, notes, _, _ = self.socket.recvmsg(64, 256)
            for level, kind, data in notes:
                if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
                    status, _, _, _, _, tag, _ = struct.unpack("IIIHHHH", data[:20])
                    if status & TP_STATUS_VLAN_VALID:
                        self.vlans.add(tag & 0xFFF)
