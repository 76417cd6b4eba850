#!/usr/bin/env python3
"""A device that fails the nth write, or the nth flush, under a real file system.

The writer must be poisoned by it; a new process on the same page cache, which lies after a failed
sync, and the same log after a power cut must show all that was acknowledged.
"""

import os
import random

import checker
import real
import recorder


def blame(told):
    """An error of the device is no verdict about the log."""
    for error in told.errors:
        if " corrupt:" in error or " incompatible:" in error:
            raise checker.Violation("false alarm: " + error)


def live_one_log(driver, disk, seed):
    dice = random.Random(seed)
    told, checked = real.new_checker(seed, driver.programs)
    log = os.path.join(disk.mounted, "log")
    disk.mount()
    what = dice.choice(("write", "write", "flush"))
    # Some when the log is made, most of them later.
    first, last = dice.choice(((1, 16), (12, 60), (12, 160)))
    nth, times = dice.randrange(first, last), dice.choice((1, 1, 1, 1000))
    disk.command("fail-%s %d %d" % (what, nth, times))
    driver.live(told, log, 1, appends=60)
    failed = disk.counts()["failed-writes"] + disk.counts()["failed-flushes"]
    disk.command("heal")
    driver.count("injections", min(failed, 1))
    driver.count("failed " + what, failed)
    driver.count("poisoned", 1 if any(" poisoned:" in error for error in told.errors) else 0)
    if dice.randrange(2):
        # The file system may have shut itself down; then this opens nothing, and says so.
        code = driver.live(told, log, 2, appends=20)
        driver.count("went on in the same boot", 1 if code == 0 else 0)
        if code == 0:
            driver.check(checked, log, "durable")
    blame(told)
    disk.cut_power()
    disk.mount()
    driver.check(checked, log, "durable")
    code = driver.live(told, log, 3, appends=6)
    if code != 0:
        raise checker.Violation("open for writing: %d: %s" % (code, told.errors[-1:]))
    driver.check(checked, log, "flushed")


def main():
    driver = real.Driver("errors", "injections", 20, recorder.choose_fs)
    kind = driver.options.fs
    driver.layer = "errors " + kind
    recorder.need(driver, driver.layer, kind)
    disk = recorder.Recorder(driver, kind)
    target, driver.options.runs = driver.options.runs, 1 << 60
    for seed in driver.seeds():
        if driver.figures["injections"] >= target:
            break
        disk.command("pristine")
        try:
            live_one_log(driver, disk, seed)
        except checker.Violation as what:
            driver.violated(seed, what, os.path.join(disk.mounted, "log"))
        disk.unmount()
    many = driver.figures["injections"] >= 30 and not driver.options.lie
    if many and not driver.figures.get("poisoned"):
        driver.violated(driver.seed, "no writer was ever poisoned")
    driver.finish()


if __name__ == "__main__":
    main()
