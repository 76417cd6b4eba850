#!/usr/bin/env python3
"""A file system of few KiB: appends answer no_space, use no id, and go on once there is room.

Halfway the workload removes a ballast file when it is told no_space. A writer without
prefill may be poisoned instead; then the log is opened again. Nothing may be lost either way.
"""

import os
import random

import checker
import disks
import real


def live_one_log(driver, folder, seed):
    dice = random.Random(seed)
    told, checked = real.new_checker(seed, driver.programs)
    log, ballast = os.path.join(folder, "log"), os.path.join(folder, "ballast")
    kib = dice.choice((48, 64, 96, 128, 200))
    real.run("mount", "-t", "tmpfs", "-o", "size=%dk" % kib, "walkit-real", folder)
    driver.undo.later(real.unmount, folder)
    with open(ballast, "wb") as file:
        file.write(bytes(dice.choice((4, 16, 32)) << 10))
    prefill = dice.choice((0, 1, 1))
    code = driver.live(told, log, 1, appends=dice.choice((100, 400)), ballast=ballast,
                       prefill=prefill)
    full = [error for error in told.errors if " no_space" in error]
    driver.count("full", 1 if full else 0)
    driver.count("refused to open", 1 if code == 2 else 0)
    driver.check(checked, log, "flushed")
    if full and code != 2:
        check_ballast(driver, told, ballast, prefill)
    # Room again: whatever happened, the log opens.
    real.run("mount", "-o", "remount,size=%dk" % (kib + 1024), folder)
    code = driver.live(told, log, 2, appends=20)
    if code != 0:
        raise checker.Violation("with room again: %d: %s" % (code, told.errors[-1:]))
    driver.check(checked, log, "flushed")


def check_ballast(driver, told, ballast, prefill):
    """A writer that prefills finds out before an id is given: it is the same when there is room."""
    if any(" poisoned" in error for error in told.errors):
        driver.count("poisoned")
        if prefill:
            raise checker.Violation("poisoned by a full disk: %s" % told.errors[-1])
        return
    if os.path.exists(ballast):
        raise checker.Violation("no_space, and the ballast is still there")
    driver.count("went on")


def main():
    driver = real.Driver("tmpfs", "logs", 30)
    driver.need_root("tmpfs")
    disks.need_mount(driver, "tmpfs", "-t", "tmpfs", "walkit-probe")
    folder = os.path.join(driver.folder, "small")
    os.makedirs(folder)
    for seed in driver.seeds():
        try:
            live_one_log(driver, folder, seed)
        except checker.Violation as what:
            driver.violated(seed, what, os.path.join(folder, "log"))
        real.unmount(folder)
        driver.count("logs")
    many = driver.figures["logs"] >= 30 and not driver.options.lie
    if many and not driver.figures.get("full"):
        driver.violated(driver.seed, "no log ever filled its file system")
    driver.finish()


if __name__ == "__main__":
    main()
