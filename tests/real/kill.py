#!/usr/bin/env python3
"""Kills the workload with SIGKILL at random instants; the log has to hold all that was flushed.

The same log lives through up to six kills; after each it is checked, opened, appended to, checked.
"""

import os
import random
import shutil
import signal
import subprocess
import time

import checker
import real


def wait_for(path, bytes_there, process):
    """Until the workload has told so much: instants are counted in its own progress, so that they
    meet all parts of a life on a slow machine too."""
    while process.poll() is None and os.stat(path).st_size < bytes_there:
        time.sleep(0.0002)


def kill_once(driver, told, folder, life, dice):
    path = os.path.join(driver.folder, "told")
    with open(path, "wb") as out:
        process = subprocess.Popen(driver.command(folder, told.seed, life, appends=150), stdout=out)
        wait_for(path, dice.choice((0, 1, 10, 100, 1000, 3000)), process)
        time.sleep(dice.random() * dice.choice((0.0005, 0.005, 0.02)))
        process.send_signal(signal.SIGKILL)
        process.wait()
    driver.hear(told, path)
    driver.count("kills", 1 if process.returncode == -signal.SIGKILL else 0)


def main():
    driver = real.Driver("kill", "kills", 100)
    target, killed = driver.options.runs, lambda: driver.figures["kills"]
    driver.options.runs = 1 << 60
    for seed in driver.seeds():
        if killed() >= target:
            break
        dice = random.Random(seed)
        told, checked = real.new_checker(seed, driver.programs)
        folder = os.path.join(driver.folder, "log")
        try:
            life = 0
            for _ in range(dice.randrange(1, 7)):
                life += 2
                kill_once(driver, told, folder, life - 1, dice)
                driver.check(checked, folder, "flushed")
                code = driver.live(told, folder, life, appends=6)
                if code != 0:
                    raise checker.Violation("open for writing: %d: %s" % (code, told.errors[-1:]))
                driver.check(checked, folder, "flushed")
        except checker.Violation as what:
            driver.violated(seed, what, folder)
        shutil.rmtree(folder, ignore_errors=True)
    driver.finish()


if __name__ == "__main__":
    main()
