#!/usr/bin/env python3
"""Counts the instructions of one operation each, and compares them with baseline.json.

Callgrind counts them, of two runs of different length: the difference is free of what happens
once. Compiler, C library, processor and valgrind change the counts too: with others than those of
the baseline nothing is compared, and that is said. Exit code 0: as before; 1: not so; 77: not
compared."""

import argparse
import concurrent.futures
import json
import os
import re
import subprocess
import sys

BASELINE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "baseline.json")
TOLERANCE_PERCENT = 5
NOT_COMPARED = 77


def output(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    text = done.stdout.decode(errors="replace")
    if done.returncode != 0:
        sys.exit("%s: exit code %d\n%s" % (" ".join(command), done.returncode, text))
    return text


def under_valgrind(program, *words):
    return output("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program, *words)


def environment(program):
    told = dict(line.split(" ", 1) for line in under_valgrind(program, "environment").splitlines()
                if not line.startswith("=="))
    return {**told, "valgrind": output("valgrind", "--version").strip()}


def count(program, operation, times):
    text = under_valgrind(program, operation, str(times))
    return int(re.search(r"Collected : (\d+)", text).group(1))


def count_all(program):
    listed = [line.split() for line in output(program, "list").splitlines()]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        pairs = [(name, int(times), pool.submit(count, program, name, int(times)),
                  pool.submit(count, program, name, 3 * int(times))) for name, times in listed]
        return {name: round((long.result() - short.result()) / (2 * times))
                for name, times, short, long in pairs}


def verdict(found, expected):
    """none: as before."""
    if expected is None:
        return "is not in baseline.json"
    change = 100 * (found - expected) / expected
    if change > TOLERANCE_PERCENT:
        return "%+.1f %%: find out why, or say in the commit why it is worth it" % change
    if change < -TOLERANCE_PERCENT:
        return "%+.1f %%: lower the baseline, so that nobody takes it away again" % change
    return None


def compare(found, baseline):
    """Lines of text, and whether all is as before."""
    lines, fine = [], True
    for name in sorted({*found, *baseline}):
        if name not in found:
            problem = "is in baseline.json and was not counted"
        else:
            problem = verdict(found[name], baseline.get(name))
        fine = fine and problem is None
        lines.append("%-32s %8s, before %8s  %s" % (
            name, found.get(name, "-"), baseline.get(name, "-"), problem or "as before"))
    return lines, fine


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("program", help="walkit_instructions of a release build")
    parser.add_argument("--write", action="store_true", help="make what was counted the baseline")
    parser.add_argument("--demand", action="store_true", help="fail where nothing can be compared")
    return parser.parse_args()


def main():
    options = arguments()
    here = environment(options.program)
    if options.write:
        with open(BASELINE, "w", encoding="utf-8") as file:
            json.dump({"environment": here, "instructions": count_all(options.program)}, file,
                      indent=2)
            file.write("\n")
        return 0
    with open(BASELINE, encoding="utf-8") as file:
        baseline = json.load(file)
    if here != baseline["environment"]:
        print("INSTRUCTIONS NOT COMPARED: they were counted with\n  %s\nand here is\n  %s" % (
            baseline["environment"], here))
        return 1 if options.demand else NOT_COMPARED
    lines, fine = compare(count_all(options.program), baseline["instructions"])
    print("\n".join(lines))
    if not fine:
        print("Instructions each; more than %d %% from what they were is a failure. "
              "To change the baseline: ./dev instructions --write" % TOLERANCE_PERCENT)
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
