"""What the server shows of machines: while one is installed, and of those that are killed at each step."""

import html
import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone

from bench import BOOT_DEADLINE, INSTALL_DEADLINE, NEVER
from console import LabError
from machine import Machine
from services import BAD_HTTP_PORT, HTTP_PORT, BadLine

# As src/client/install/steps.rs has them.
STEPS = ["network", "detect", "upload", "configure", "sync", "files", "bootloader", "finish"]
# The server hears of these when they are over.
UP_TO_UPLOAD = STEPS[:3]
# The program in which a machine hangs at a step, and a word of the call, by the script of the profile `hangs`.
HANGS = {"configure": "mkfs.ext4", "sync": "rsync", "files": "rsync /post_rsync/", "bootloader": "chroot", "finish": "umount"}
# A step of this length, in seconds, must have been seen going on.
LONG = 0.5
# A minute is the shortest patience that can be set; a known step is given three times what it took, and a minute.
STUCK_DEADLINE = 300


def watched(bench):
    """While a machine is installed, the API and its page show each step as it goes on; afterwards steps, job and
    timeline tell of all of it."""
    machine = bench.case.machine
    bench.say(f"the machine {machine.serial} is switched on: its disk is blank, it boots from the network")
    with bench.start("install") as running:
        history = states(bench, machine.mac(0), running)
        bench.finish(running)
    (bench.work / "logs" / "watched.json").write_text(json.dumps(history, indent=1))
    bench.say("it starts again; the server sends it to its own disk")
    found = bench.boot("network-first")
    bench.say(f'from its own disk it says: "I am installed: {found["hostname"]}"')
    check_job(bench.services, history)
    check_pages(bench.services, machine.serial, history)


def states(bench, called, running):
    """Each state of the machine that differs from the one before, with its page, until it is off."""
    history = []

    def look():
        if view := bench.services.ask(f"status/{called}"):
            state = {name: view[name] for name in ("standing", "status", "step", "progress")}
            if not history or any(history[-1][name] != value for name, value in state.items()):
                history.append({**state, "page": bench.services.page(f"/machines/{called}")})
        return running.process.poll() is not None

    bench.until("the end of the installation", look, INSTALL_DEADLINE)
    return history


def problems(history, steps):
    """What is wrong with what was seen of an installation, by how long each of its steps took."""
    wrong = []
    percents = [view["progress"]["percent"] for view in history if view["progress"]]
    if percents != sorted(percents) or not percents or percents[-1] < 100:
        wrong.append(f"percents must rise to 100: {percents}")
    names = [view["step"].removeprefix("install/") for view in history if view["step"]]
    going_on = list(dict.fromkeys(name for name in names if name != "install"))
    if going_on != [step for step in STEPS if step in going_on]:
        wrong.append(f"the steps must follow each other: {going_on}")
    missed = [step for step, seconds in steps.items() if seconds >= LONG and step not in going_on]
    if missed := [step for step in missed if step not in UP_TO_UPLOAD]:
        wrong.append(f"these steps were not seen going on: {missed}")
    for view in history:
        if view["step"] and view["step"] not in view["page"]:
            wrong.append(f"the page does not show {view['step']}")
    return wrong


def check_job(services, history):
    """The job has all steps with their times, and they were seen."""
    job = json.loads(services.control("job", "get", "last", "--json"))
    boot, whole, *steps = job["steps"]
    took = {step["name"].removeprefix("install/"): step["seconds"] for step in steps}
    wrong = problems(history, took)
    if job["status"] != "Complete" or any(step["result"] != "success" for step in job["steps"]):
        wrong.append(f"the job must be complete, and each step a success: {job}")
    if list(took) != STEPS or abs(sum(took.values()) - whole["seconds"]) > 0.05 * whole["seconds"] + 0.5:
        wrong.append(f"steps must be {STEPS} and take {whole['seconds']} s together: {took}")
    # The boot ends when the machine's facts are here.
    told = boot["seconds"] + sum(seconds for step, seconds in took.items() if step not in UP_TO_UPLOAD)
    if boot["name"] != "boot" or abs(told - job["seconds"]) > 2:
        wrong.append(f"boot and steps take {told:.1f} s, the job {job['seconds']} s")
    if wrong:
        raise LabError("; ".join(wrong))


def check_pages(services, serial, history):
    """What became of it stands in the timeline and on its page, and it is nothing to worry about."""
    rows = json.loads(services.control("timeline", "-m", serial, "--json"))["timeline"]
    path = [row["standing"] for row in reversed(rows)]
    if path[-2:] != ["installing", "installed"]:
        raise LabError(f"the timeline must end with installing and installed: {path}")
    (view,) = json.loads(services.control("status", "-m", serial, "--json"))
    if view["standing"] != "installed" or view["diagnosis"]:
        raise LabError(f"it must be installed, and well: {view}")
    page = services.page(f"/machines/{serial}")
    if missing := [step for step in STEPS if f"install/{step}" not in page]:
        raise LabError(f"the page must show all steps, and lacks {missing}")


def one_of_many(number, name, product="Virtual Server"):
    """A small machine with strings and a MAC of its own."""
    uuid = f"6f1d2c3a-8b0e-4d57-9a41-5254000002{number:02d}"
    return Machine(name, product=product, serial=f"KILL{number:02d}", uuid=uuid, memory_mb=640, cpus=1)


def killed():
    """One that is installed as a whole, one that begins again and again, and one for each step."""
    yield one_of_many(1, "whole")
    yield one_of_many(2, "again", "Hangs in rsync")
    for number, step in enumerate(STEPS, 3):
        yield one_of_many(number, step, f"Hangs in {HANGS[step]}" if step in HANGS else "Virtual Server")


KILLED = tuple(killed())
UNHEARD = ("stuck", None, r"silent for .* since it was sent to install$", "cable, DHCP")
# Of each machine: the finding, its step, what it is and what to do next.
FOUND = {
    "whole": ("never_came_back", None, r"was installed .* ago and has not asked for its boot script", "boot loader"),
    "again": ("looping", "install/sync", r"began again 2 times within .*, each time after install/sync$", "it is held"),
    "network": UNHEARD,
    "detect": UNHEARD,
    "upload": ("stuck", None, r"silent for .* since it posted its hardware$", "look at its console"),
    **{
        step: ("stuck", f"install/{step}", rf"silent for .* at install/{step}; that step usually takes [0-9]", "look at its console")
        for step in HANGS
    },
}


def killed_at_each_step(bench):
    """Machines that are killed while a step goes on are found stuck at it; one that never boots what was installed,
    and one that begins again and again, are found too."""
    services = bench.services
    line = BadLine(bench.network.address, [], BAD_HTTP_PORT, HTTP_PORT)
    whole, again, *others = KILLED
    # What it takes is known from now on. It is never switched on again.
    bench.install("whole", whole)
    with ThreadPoolExecutor(3) as pool:
        tasks = [pool.submit(begins_again, bench, again)]
        tasks += [pool.submit(killed_at, bench, machine) for machine in others if machine.name != "upload"]
        for task in tasks:
            task.result()
    # From now on the answers to what is posted break off.
    line.limit = 100
    killed_at(bench, next(machine for machine in others if machine.name == "upload"))
    bench.say("all are killed; the server takes its time to miss them")
    bench.show()

    def found():
        views = {machine.name: services.ask(f"status/{machine.mac(0)}") for machine in KILLED}
        return views if all(view["diagnosis"] for view in views.values()) else None

    views = bench.until("a finding for each machine", found, STUCK_DEADLINE)
    wrong = [text for machine in KILLED for text in differences(services, machine, views[machine.name])]
    listed = json.loads(services.control("status", "--finding", "stuck", "--json"))
    if len(listed) != len(STEPS):
        wrong.append(f"{len(STEPS)} machines must be listed as stuck, and are {len(listed)}")
    if wrong:
        raise LabError("; ".join(wrong))


def killed_at(bench, machine, step=None, log=None, job=0):
    """Switches a machine on, and off again once the server knows that it is at the step. Gives its job."""
    step = step or machine.name

    def reached():
        view = bench.services.ask(f"status/{machine.mac(0)}")
        is_there = view and view["job"] > job
        if step == "upload":
            return is_there and view["status"] == "Running" and view
        return is_there and view["step"] == f"install/{step}" and view

    with bench.start(log or f"killed-at-{step}", machine) as running:
        if step in STEPS[:2]:
            # Nobody but the machine itself knows.
            running.wait(rf"edeploy: {step} ", INSTALL_DEADLINE, NEVER)
            view = bench.services.ask(f"status/{machine.mac(0)}")
        else:
            view = bench.until(f"{machine.name} is at {step}", reached, INSTALL_DEADLINE, running)
    bench.say(f"{machine.name}: killed at {step}")
    return view["job"]


def begins_again(bench, machine):
    """It is killed at the same step each time, until the server holds it."""
    job = 0
    for number in range(1, 4):
        job = killed_at(bench, machine, "sync", f"again-{number}", job)
    with bench.start("again-held", machine) as running:
        running.wait(r"edeploy: this machine is held", BOOT_DEADLINE, r"Linux version")


def differences(services, machine, view):
    """What of a finding is not as it must be, in the API and on the page."""
    finding, step, what, next_step = FOUND[machine.name]
    found = view["diagnosis"]
    wrong = []
    if (found["finding"], found.get("step")) != (finding, step) or not re.search(what, found["what"]):
        wrong.append(f"{machine.name} must be {finding} at {step}, {what!r}: {found}")
    if next_step not in found["next"]:
        wrong.append(f"{machine.name} must be told {next_step!r}: {found['next']}")
    since, now = datetime.fromisoformat(found["since"]), datetime.now(timezone.utc)
    silent = (now - datetime.fromisoformat(view["last_update"])).total_seconds()
    if finding == "stuck" and (found["since"] != view["last_update"] or silent < 60):
        wrong.append(f"{machine.name} must be stuck since its last event, a minute ago at least: {since}, {silent} s")
    page = html.unescape(services.page(f"/machines/{machine.mac(0)}"))
    if found["next"] not in page or 'role="alert"' not in page:
        wrong.append(f"the page of {machine.name} does not say what to do")
    return wrong
