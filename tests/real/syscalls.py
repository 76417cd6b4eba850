#!/usr/bin/env python3
"""Each system call of a life, by name and number: it fails with EIO, ENOSPC or EINTR, or the
process is killed in it (strace). A call that strace fails was not made, and what an injected fsync
should have written stays dirty; for errors of a device see errors.py.
"""

import collections
import os
import random
import re
import shutil
import subprocess

import checker
import errors
import real

CALLS = ("openat", "close", "pread64", "preadv", "pwrite64", "pwritev", "pwritev2", "fdatasync",
         "fsync", "ftruncate", "fallocate", "rename", "renameat", "renameat2", "mkdirat",
         "unlinkat", "getdents64", "newfstatat", "statx", "fcntl")
FAULTS = ("error=EIO", "error=ENOSPC", "error=EINTR", "signal=SIGKILL")
LINE = re.compile(r"(\d+) +(\w+)\((.*)")
APPENDS = 8


def strace(*arguments):
    return ["strace", "-f", "-qq", "-e", "signal=none", *arguments]


def calls_of_a_life(driver, command, folder):
    """[(name, number)]: those on the log, as strace counts them, for each thread apart."""
    path = os.path.join(driver.folder, "trace")
    real.run(*strace("-e", "trace=" + ",".join("?" + call for call in CALLS), "-o", path, *command))
    counts, begun, found = collections.Counter(), set(), set()
    with open(path, encoding="latin-1") as trace:
        for line in trace:
            match = LINE.match(line)
            if not match:
                continue
            thread, name, rest = match.groups()
            counts[thread, name] += 1
            if folder in rest or begun and thread not in begun:
                begun.add(thread)  # the loader's calls before it show nothing
            if thread in begun:
                found.add((name, counts[thread, name]))
    return sorted(found)


def live_through(driver, base, told_before, seed, name, number, fault):
    folder = os.path.join(driver.folder, "log")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(base, folder)
    told, checked = real.new_checker(seed, driver.programs)
    told.hear(told_before)
    path = os.path.join(driver.folder, "told")
    with open(path, "wb") as out:
        subprocess.run(strace("-o", "/dev/null", "-e", "trace=" + name, "-e",
                              "inject=%s:%s:when=%d" % (name, fault, number),
                              *driver.command(folder, seed, 2, appends=APPENDS, threads=1)),
                       stdout=out, stderr=subprocess.DEVNULL, check=False)
    driver.hear(told, path)
    driver.count("injections")
    driver.count(fault.split("=")[1])
    errors.blame(told)
    driver.check(checked, folder, "flushed")
    code = driver.live(told, folder, 3, appends=3)
    if code != 0:
        raise checker.Violation("open for writing: %d: %s" % (code, told.errors[-1:]))
    driver.check(checked, folder, "flushed")


def inject_into_one_life(driver, seed, most):
    dice = random.Random(seed)
    base, path = (os.path.join(driver.folder, name) for name in ("base", "told"))
    shutil.rmtree(base, ignore_errors=True)
    honest = [word for word in driver.command(base, seed, 1, appends=12)
              if not word.startswith("lie=")]
    with open(path, "wb") as out:
        # Killed in its third sync or not at all: to be settled by the life that is looked at.
        number = dice.choice((3, 1000))
        subprocess.run(strace("-o", "/dev/null", "-e", "trace=fdatasync", "-e",
                              "inject=fdatasync:signal=SIGKILL:when=%d" % number, *honest),
                       stdout=out, check=False)
    with open(path, encoding="latin-1") as out:
        told_before = out.read()
    folder = os.path.join(driver.folder, "log")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(base, folder)
    command = driver.command(folder, seed, 2, appends=APPENDS, threads=1)
    cases = [(name, number, fault) for name, number in calls_of_a_life(driver, command, folder)
             for fault in FAULTS]
    for case in dice.sample(cases, min(most, len(cases))):
        try:
            live_through(driver, base, told_before, seed, *case)
        except checker.Violation as what:
            driver.violated(seed, "%s %d %s: %s" % (*case, what), folder)
            if driver.options.lie:
                return


def need_strace(what):
    try:
        done = real.run(*strace("-o", "/dev/null", "true"), check=False)
    except FileNotFoundError:
        real.skip(what, "strace is not installed")
    if done.returncode != 0:
        real.skip(what, "strace may not trace: %s" % done.stdout.decode().strip())


def main():
    driver = real.Driver("syscalls", "injections", 100)
    need_strace("syscalls")
    # Who is traced cannot look for leaks.
    os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    target, driver.options.runs = driver.options.runs, 1 << 60
    for seed in driver.seeds():
        left = target - driver.figures["injections"]
        if left <= 0:
            break
        inject_into_one_life(driver, seed, min(left, 120))
    driver.finish()


if __name__ == "__main__":
    main()
