"""What an installed system found of itself, by the names that cases use, and the comparison with what
it must be. packaging/role-tiny.d/collect writes the files."""

import json

from console import LabError


def seen(collected):
    """The values, from the directory of the collected files."""
    text = lambda name: (collected / name).read_text().strip()
    lines = lambda name: text(name).splitlines() if (collected / name).exists() else []
    root = next(mount for mount in json.loads(text("findmnt.json"))["filesystems"] if mount["target"] == "/")
    conf = dict(line.split("=", 1) for line in text("conf").splitlines())
    links = [link for link in json.loads(text("ip.json")) if link["ifname"] != "lo"]
    return {
        "hostname": text("hostname"),
        "firmware": text("firmware"),
        "root": root["source"],
        "root_type": root["fstype"],
        "fstab_root": text("fstab").split()[1],
        "profile": conf["PROFILE"],
        "role": conf["ROLE"],
        "version": conf["VERS"],
        "addresses": {link["ifname"]: found for link in links if (found := addresses(link))},
        "has_address": any(addresses(link) for link in links),
        "macs": sorted(link["address"] for link in links if not link.get("linkinfo", {}).get("info_kind")),
        "bonds": {link["ifname"]: data(link)["mode"] for link in links if kind(link) == "bond"},
        "members": {link["ifname"]: link["master"] for link in links if "master" in link},
        "vlans": {link["ifname"]: data(link)["id"] for link in links if kind(link) == "vlan"},
        "disks": {disk["name"]: int(disk["size"]) for disk in disks(text("lsblk.json"))},
        "kinds": sorted(kinds(disks(text("lsblk.json")))),
        "packages": {line.split()[0] for line in lines("packages")},
        "failed_units": [line.split()[0] for line in lines("failed-units")],
        "journal_errors": lines("journal-errors"),
    }


def addresses(link):
    """The addresses of a link that reach beyond it, IPv4 as ADDRESS/LENGTH."""
    found = [one for one in link["addr_info"] if one["scope"] == "global" and one["family"] == "inet"]
    return [f"{one['local']}/{one['prefixlen']}" for one in found]


def kind(link):
    """What `ip -d` calls a link that has no hardware of its own."""
    return link.get("linkinfo", {}).get("info_kind")


def data(link):
    """What `ip -d` knows of a bond or VLAN."""
    return link["linkinfo"]["info_data"]


def disks(listed):
    """The machine's own disks: not the one that is collected to."""
    return [one for one in json.loads(listed)["blockdevices"] if one["serial"] != "collect" and one["type"] == "disk"]


def kinds(devices):
    """What stands on the disks: disk, part, raid1, lvm."""
    below = (kinds(one.get("children", [])) for one in devices)
    return {one["type"] for one in devices}.union(*below)


def differences(expected, found):
    """What is not as it must be. Of a dict only the expected keys count, of a set only the expected members."""
    wrong = []
    for key, value in expected.items():
        if isinstance(value, dict):
            same = value.items() <= found[key].items()
        elif isinstance(value, set):
            same = value <= found[key]
        else:
            same = value == found[key]
        if not same:
            wrong.append(f"{key} must be {value!r} and is {found[key]!r}")
    return wrong


def check(expected, role, collected):
    """Compares, and gives what was seen."""
    found = seen(collected)
    wrong = differences({"role": role, "has_address": True, **expected}, found)
    if wrong:
        raise LabError("; ".join(wrong))
    return found
