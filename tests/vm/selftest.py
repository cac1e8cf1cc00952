#!/usr/bin/env python3
"""Tests of what the lab works out by itself, without a machine: `python3 tests/vm/selftest.py`."""

import json
import sys
import tempfile
import unittest
from ipaddress import IPv4Interface
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

from bench import shares  # noqa: E402
from cases import CASES, EXAMPLES  # noqa: E402
from collected import differences  # noqa: E402
from console import LabError  # noqa: E402
from hardware import natural, recorded  # noqa: E402
from inside import Inside, ends  # noqa: E402
from machine import Disk, Machine, arguments  # noqa: E402
from network import SHIPPED, dnsmasq_config  # noqa: E402
from releases import FORMER, LATTER  # noqa: E402
from seen import FOUND, KILLED, STEPS, problems  # noqa: E402
from services import rsyncd_config  # noqa: E402
import upgrades  # noqa: E402
from upgrades import POINTS, Point, check_version  # noqa: E402

CARD = [("network", "eth0", "serial", "52:54:00:00:00:01"), ("network", "eth0", "driver", "virtio_net")]
PROFILES = Path(__file__).resolve().parent / "profiles"


class Cases(unittest.TestCase):
    def test_names_are_given_once_and_profiles_are_there(self):
        names = [case.name for case in CASES]
        self.assertEqual(len(names), len(set(names)))
        for case in CASES:
            for name, _ in case.profiles:
                self.assertTrue((PROFILES / f"{name}.specs.ron").exists(), f"{case.name}: {name}")

    def test_parts_are_where_they_belong(self):
        for case in CASES:
            self.assertIsInstance(case.expect, dict, case.name)
            self.assertTrue(callable(case.scenario) and isinstance(case.machine, Machine), case.name)
            self.assertTrue(case.expect or case.fails, f"{case.name} expects nothing")

    def test_a_mistake_that_is_mended_is_in_the_profile(self):
        for case in (case for case in CASES if case.broken):
            name, old, new = case.broken
            text = (PROFILES / name).read_text()
            self.assertEqual(text.replace(old, new).replace(new, old), text, case.name)
            self.assertIn(old, text, case.name)


class Expectations(unittest.TestCase):
    def test_of_a_dict_only_the_expected_keys_count(self):
        found = {"vlans": {"bond0.42": 42, "x": 1}, "root": "/dev/vda3"}
        self.assertEqual(differences({"vlans": {"bond0.42": 42}, "root": "/dev/vda3"}, found), [])
        self.assertEqual(len(differences({"vlans": {"bond0.42": 43}, "root": "/dev/sda"}, found)), 2)

    def test_a_stage_is_as_long_as_since_the_one_before(self):
        self.assertEqual(shares({"firmware": None, "kernel": 2.0, "ramdisk": 5.5}), "kernel 2.0, ramdisk 3.5")


class Seen(unittest.TestCase):
    def view(self, step, percent, page="install/sync"):
        return {"step": step, "progress": {"percent": percent}, "page": page}

    def test_an_installation_as_it_should_be_has_no_problems(self):
        history = [{"step": None, "progress": None}, self.view("install/sync", 5.0), self.view(None, 100.0)]
        self.assertEqual(problems(history, {"upload": 9.0, "sync": 3.0, "files": 0.1}), [])

    def test_what_falls_is_missed_or_not_shown_is_a_problem(self):
        sync, done = self.view("install/sync", 50.0), self.view(None, 100.0)
        for history, words in (
            ([sync, self.view("install/sync", 40.0), done], "rise"),
            ([sync], "rise"),
            ([self.view("install/files", 50.0, "install/files"), sync, done], "follow"),
            ([done], "not seen"),
            ([self.view("install/sync", 50.0, "nothing"), done], "page"),
        ):
            (wrong,) = problems(history, {"sync": 3.0})
            self.assertIn(words, wrong)

    def test_each_step_has_a_machine_and_each_machine_a_finding(self):
        names = [machine.name for machine in KILLED]
        self.assertEqual(names[2:], STEPS)
        self.assertEqual(sorted(names), sorted(FOUND))
        self.assertEqual(len({machine.mac(0) for machine in KILLED}), len(names))


class Upgrades(unittest.TestCase):
    def test_the_machine_is_killed_at_twenty_points_of_all_steps(self):
        killed = [case.scenario.points for case in CASES if case.name.startswith("upgrade-killed")]
        self.assertEqual(sorted(map(str, sum(killed, ()))), sorted(map(str, POINTS)))
        self.assertEqual(len(set(map(str, POINTS))), 20)
        self.assertEqual({point.words.split()[0] for point in POINTS} & set(upgrades.STEPS), set(upgrades.STEPS))

    def test_a_point_is_a_line_or_a_share_of_the_changes(self):
        half = Point("apply", 0.5)
        lines = ["edeploy: apply …", "edeploy: apply 1/4 put usr/bin/a", "edeploy: apply 2/4 put usr/bin/b"]
        self.assertEqual([half.is_reached(line) for line in lines], [False, False, True])
        self.assertEqual([Point("apply …").is_reached(line) for line in lines], [True, False, False])

    def test_what_was_not_begun_is_not_done_and_what_was_said_to_be_done_is(self):
        for point, version in ((POINTS[0], LATTER), (POINTS[-1], FORMER)):
            with self.assertRaises(LabError):
                check_version(point, version)
        for version in (FORMER, LATTER):
            check_version(Point("apply", 0.5), version)

    def test_a_command_ends_with_its_code_or_at_a_line(self):
        ours, of_agent = ends()
        with tempfile.TemporaryDirectory() as directory, ours:
            inside = Inside(ours, Path(directory) / "log")
            of_agent.sendall(b"ready\nsaid one\nsaid two\nended 6\nsaid three\nsaid fo")
            inside.wait(5)
            said = inside.run("verify")
            self.assertEqual((said.lines, said.code), (["one", "two"], 6))
            self.assertIsNone(inside.run("upgrade", until="three".__eq__).code)
            of_agent.close()
            with self.assertRaisesRegex(LabError, "went off"):
                inside.run("verify")


class Arguments(unittest.TestCase):
    def test_a_comma_in_a_text_does_not_end_it(self):
        machine = Machine(vendor="A, Inc.", serial="1,uuid=x")
        words = arguments(machine, [(0, Disk(serial="a,b"), "/x,y/0.raw", True)], ["lab-0"], None, True)
        line = " ".join(words)
        for text in ("manufacturer=A,, Inc.", "serial=1,,uuid=x", "file=/x,,y/0.raw", "serial=a,,b"):
            self.assertIn(text, line)

    def test_only_the_boot_card_of_a_boot_from_the_network_boots(self):
        machine = Machine(nics=("virtio-net-pci",) * 3, boot_nic=1)
        def cards(from_network):
            words = arguments(machine, [], ["a", "b", "c"], None, from_network)
            return ["bootindex=1" in word for word in words if word.startswith("virtio-net-pci")]
        self.assertEqual(cards(True), [False, True, False])
        self.assertEqual(cards(False), [False, False, False])


class Examples(unittest.TestCase):
    def test_addresses_and_paths_of_the_example_are_replaced_and_nothing_else(self):
        shipped = dnsmasq_config("/srv/tftp", SHIPPED)
        self.assertIn("dhcp-boot=tag:ipxe,http://10.0.0.1/boot.ipxe", shipped)
        moved = dnsmasq_config("/x/tftp", IPv4Interface("10.10.0.1/16"), reserved=("52:54:00:00:00:01", "10.10.0.117"))
        self.assertNotRegex(moved, r"10\.0\.0\.|/srv/|eth1")
        self.assertIn("10.10.255.136,10.10.255.254,255.255.0.0", moved)
        self.assertTrue(moved.endswith("dhcp-host=52:54:00:00:00:01,10.10.0.117\n"))

    def test_the_rsync_daemon_serves_the_directories_of_the_case(self):
        text = rsyncd_config({"install": "/x/roles", "metadata": "/x/metadata"})
        self.assertIn("[install]\npath = /x/roles\n", text)
        self.assertIn("[metadata]\npath = /x/metadata\n", text)
        self.assertNotIn("/var/lib/edeploy", text)

    def test_pxelinux_takes_the_place_of_ipxe(self):
        text = dnsmasq_config("/x", SHIPPED, by_pxelinux=True)
        self.assertIn("dhcp-boot=lpxelinux.0", text)
        self.assertNotIn("boot.ipxe", text)


class RecordedHardware(unittest.TestCase):
    def shape(self, rows, **how):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(rows, file)
            file.flush()
            return recorded(Path(file.name), **how)

    def test_a_server_has_its_disks_cards_and_strings(self):
        shape = recorded(EXAMPLES / "hardware" / "raid1-server.json")
        machine = shape.machine
        self.assertEqual([(disk.bus, disk.size_gb) for disk in machine.disks], [("scsi", 480)] * 2)
        self.assertEqual(machine.disks[0].serial, "PHYF1234007A480BGN")
        self.assertEqual(machine.macs, ("24:6e:96:5a:10:f0", "24:6e:96:5a:10:f2"))
        self.assertEqual((machine.product, machine.sku), ("PowerEdge R440", "SKU=NotProvided;ModelName=PowerEdge R440"))
        self.assertEqual(machine.memory_mb, 2048)
        self.assertEqual((str(shape.address.ip), str(shape.server)), ("10.10.0.117", "10.10.0.1/16"))

    def test_each_example_is_a_machine(self):
        for path in (EXAMPLES / "hardware").glob("*.json"):
            self.assertTrue(recorded(path).machine.disks, path)

    def test_the_server_never_takes_the_machines_address(self):
        rows = [("disk", "vda", "size", "4"), *CARD]
        rows += [("network", "eth0", "ipv4", "10.1.0.1"), ("network", "eth0", "ipv4-cidr", "24")]
        self.assertEqual(str(self.shape(rows).server), "10.1.0.2/24")

    def test_what_is_no_card_of_its_own_is_left_out(self):
        rows = [("disk", "nvme0n1", "size", "800"), ("network", "br0", "serial", "52:54:00:00:00:09")]
        for name, mac in (("eth10", "52:54:00:00:00:0a"), ("eth2", "52:54:00:00:00:02"), ("eth3", "52:54:00:00:00:02")):
            rows += [("network", name, "serial", mac), ("network", name, "businfo", "pci@0000:00:03.0")]
        machine = self.shape(rows).machine
        self.assertEqual(machine.macs, ("52:54:00:00:00:02", "52:54:00:00:00:0a"))
        self.assertEqual(machine.disks[0].bus, "nvme")

    def test_drives_of_a_controller_alone_are_refused(self):
        with self.assertRaisesRegex(LabError, "RAID controller"):
            self.shape([("disk", "1I:1:1", "size", "300"), *CARD])

    def test_names_are_in_the_kernels_order(self):
        names = ["sdaa", "sdb", "sda", "eth10", "eth2"]
        self.assertEqual(sorted(names, key=natural), ["eth2", "eth10", "sda", "sdb", "sdaa"])


if __name__ == "__main__":
    unittest.main()
