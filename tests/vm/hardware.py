"""A machine of the shape that a recorded hardware file tells of, for the rehearsal of a deployment.

What matters to specs and configure scripts is as recorded: disks as the kernel names them with their sizes,
network cards with their MACs, SMBIOS strings, number of processors, the address of the first card that has
one. What qemu has not is not there: RAID controllers, management boards, sensors, makers of disks and cards."""

import ast
import json
import re
import uuid
from collections import defaultdict
from dataclasses import dataclass
from ipaddress import IPv4Interface

from console import LabError
from machine import Disk, Machine

MOST_NICS, MOST_CPUS = 8, 8
# A sparse file can be larger, but no file system here needs to hold more.
MOST_GB = 15_000
BUSES = {"sd": "scsi", "nv": "nvme", "vd": "virtio"}
MAC = re.compile(r"[0-9a-f][02468ace](:[0-9a-f]{2}){5}")


@dataclass(frozen=True)
class Recorded:
    """The machine, and the network that it was on: the address of its boot card, if that had one."""

    machine: Machine
    address: IPv4Interface | None

    @property
    def server(self):
        """The server's address and the network's length: the first address that is not the machine's."""
        if not self.address:
            return None
        network = self.address.network
        server = next(host for host in network.hosts() if host != self.address.ip)
        return IPv4Interface(f"{server}/{network.prefixlen}")


def read_facts(path):
    """The rows of a file: JSON, or a Python literal as edeploy-server keeps it."""
    text = path.read_text()
    try:
        rows = json.loads(text)
    except json.JSONDecodeError:
        try:
            rows = ast.literal_eval(text)
        except (ValueError, SyntaxError) as error:
            raise LabError(f"{path} is neither JSON nor a list of rows: {error}") from error
    return [tuple(row) for row in rows if len(row) == 4]


def natural(name):
    """sda, sdb … sdz, sdaa; eth2 before eth10."""
    return (len(re.match(r"\D*", name)[0]), [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)])


def grouped(rows, category):
    """What is told of each thing of a category: name → key → value, in the kernel's order."""
    things = defaultdict(dict)
    for kind, name, key, value in rows:
        if kind == category:
            things[name].setdefault(key, str(value))
    return dict(sorted(things.items(), key=lambda item: natural(item[0])))


def disks_of(rows):
    """The disks that the kernel showed. Those behind a RAID controller are not among them."""
    found = []
    for name, told in grouped(rows, "disk").items():
        if re.fullmatch(r"(sd|vd)[a-z]+|nvme\d+n\d+", name) and told.get("size", "0") != "0":
            serial = told.get("SMART/serial_number", told.get("serial", ""))
            size = min(int(float(told["size"])), MOST_GB)
            found.append(Disk(BUSES[name[:2]], size, serial, told.get("model", "")))
    if not found:
        raise LabError("the file tells of no disk that the kernel has shown: a RAID controller cannot be rehearsed")
    return tuple(found)


def cards_of(rows):
    """Name, MAC and address of each network card: no bridge, no VLAN, and each MAC once."""
    found = {}
    for name, told in grouped(rows, "network").items():
        mac = told.get("serial", "").lower()
        is_card = "businfo" in told or "driver" in told
        if is_card and MAC.fullmatch(mac) and mac not in found:
            address = f"{told['ipv4']}/{told.get('ipv4-cidr', '24')}" if "ipv4" in told else None
            found[mac] = (name, address)
    if not found:
        raise LabError("the file tells of no network card")
    return [(name, mac, address) for mac, (name, address) in list(found.items())[:MOST_NICS]]


def uuid_of(told, serial):
    """The recorded uuid, or one of the serial number that is the same each time."""
    try:
        return str(uuid.UUID(told["uuid"]))
    except (KeyError, ValueError):
        return str(uuid.uuid5(uuid.NAMESPACE_OID, serial))


def number_of(rows, *row, default=1):
    """A number that is told once."""
    found = next((value for *start, value in rows if tuple(start) == row), default)
    return int(float(found))


def recorded(path, firmware="bios", most_memory_mb=2048):
    """The machine of a file. Memory is capped; which firmware it had no file tells."""
    rows = read_facts(path)
    product = grouped(rows, "system").get("product", {})
    # As detection writes it: the name, and the SKU in parentheses.
    name, sku = re.fullmatch(r"(.*?)(?: \((.*)\))?", product.get("name", "")).groups()
    cards = cards_of(rows)
    boot = next((number for number, (_, _, address) in enumerate(cards) if address), 0)
    memory_mb = number_of(rows, "memory", "total", "size", default=most_memory_mb << 20) >> 20
    machine = Machine(
        name="recorded",
        disks=disks_of(rows),
        nics=("virtio-net-pci",) * len(cards),
        firmware=firmware,
        memory_mb=max(640, min(memory_mb, most_memory_mb)),
        cpus=max(2, min(number_of(rows, "cpu", "logical", "number", default=2), MOST_CPUS)),
        vendor=product.get("vendor", ""),
        product=name,
        sku=sku or "",
        serial=product.get("serial", ""),
        uuid=uuid_of(product, product.get("serial", str(path.name))),
        macs=tuple(mac for _, mac, _ in cards),
        boot_nic=boot,
    )
    address = cards[boot][2]
    return Recorded(machine, IPv4Interface(address) if address else None)


