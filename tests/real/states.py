#!/usr/bin/env python3
"""States that a power cut can leave under a real file system: a life of the workload is recorded
write by write, then the device is set to what it may hold behind any of them, mounted, checked.

What the workload had been told before that write is known, since it tells the recorder.
"""

import os
import random

import checker
import real
import recorder

STATES_PER_LIFE = 25  # of three lives of four; the fourth is cut behind each of its operations


def record_life(driver, disk, seed):
    """The first operation of the workload, and all that it was told."""
    disk.mount()
    first = disk.counts()["operations"]
    driver.live(checker.Told(seed), os.path.join(disk.mounted, "log"), 1,
                disk.path("told"), appends=40)
    disk.cut_power()
    with open(disk.path("told"), encoding="latin-1") as file:
        return first, file.read()


def check_state(driver, disk, seed, at, text):
    disk.command("crash %d %d" % (at, seed + at))
    counts = disk.counts()
    told, checked = real.new_checker(seed, driver.programs)
    told.hear(text[:counts["told"]])
    log = os.path.join(disk.mounted, "log")
    disk.mount()
    driver.count("states")
    driver.count("writes in flight", counts["unflushed"])
    driver.check(checked, log, "durable")
    code = driver.live(told, log, 2, appends=4)
    if code != 0:
        raise checker.Violation("open for writing: %d: %s" % (code, told.errors[-1:]))
    driver.check(checked, log, "flushed")


def check_states(driver, disk, seed, most):
    first, text = record_life(driver, disk, seed)
    last = disk.counts()["operations"]
    dice = random.Random(seed)
    for at in dice.sample(range(first, last + 1), min(most, last + 1 - first)):
        if driver.out_of_time():
            return
        try:
            check_state(driver, disk, seed, at, text)
        except checker.Violation as what:
            driver.violated(seed, "behind operation %d: %s" % (at, what),
                            os.path.join(disk.mounted, "log"))
            if driver.options.lie:
                return
        finally:
            disk.unmount()


def main():
    driver = real.Driver("states", "states", 50, recorder.choose_fs)
    kind = driver.options.fs
    driver.layer = "states " + kind
    recorder.need(driver, driver.layer, kind)
    disk = recorder.Recorder(driver, kind)
    target, driver.options.runs = driver.options.runs, 1 << 60
    for seed in driver.seeds():
        left = target - driver.figures["states"]
        if left <= 0:
            break
        disk.command("pristine")
        check_states(driver, disk, seed, min(left, STATES_PER_LIFE if seed % 4 else left))
    driver.finish()


if __name__ == "__main__":
    main()
