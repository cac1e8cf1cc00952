"""Times the original's matcher (PyPI's `hardware`) on inputs given as JSON; prints seconds per machine as JSON.

usage: original.py INPUT.json LIMIT, where INPUT is a list of {"name", "facts", "profiles"} and LIMIT the most
seconds that one of them may take.
"""
import json
import signal
import sys
import time

from hardware import matcher


def late(_signal, _frame):
    raise TimeoutError


signal.signal(signal.SIGALRM, late)
limit = int(sys.argv[2])
for case in json.load(open(sys.argv[1])):
    lines = [tuple(row) for row in case["facts"]]
    profiles = [[tuple(rule) for rule in profile] for profile in case["profiles"]]
    best = None
    signal.alarm(limit)
    try:
        for _ in range(5):
            start = time.perf_counter()
            for profile in profiles:
                matcher.match_all(list(lines), list(profile), {}, {})
            took = time.perf_counter() - start
            best = took if best is None else min(best, took)
            if took > 1:
                break
    except TimeoutError:
        pass
    signal.alarm(0)
    print(json.dumps({"name": case["name"], "seconds": best}), flush=True)
