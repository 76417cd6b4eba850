#!/usr/bin/env python3
"""Cuts the power of a real journal: FS_IOC_SHUTDOWN without a flush of the log, at a random instant
of the workload, then mount, check, open, append, check. One file system lives through all cuts.

The shutdown takes milliseconds, and a sync in flight meanwhile may answer 0 for nothing (ext4 on
6.18 does, without walkit too); a machine without power would not have heard it. So what counts is
what was told before the shutdown began.
"""

import os
import random
import shutil
import subprocess
import time

import checker
import disks
import kill
import real


def cut_once(driver, told, folder, log, life, dice):
    path = os.path.join(driver.folder, "told")
    with open(path, "wb") as out:
        process = subprocess.Popen(driver.command(log, told.seed, life, appends=100), stdout=out)
        kill.wait_for(path, dice.choice((0, 1, 10, 300, 1000, 3000)), process)
        time.sleep(dice.random() * dice.choice((0.0005, 0.005, 0.02)))
        before = os.stat(path).st_size
        disks.shut_down(folder)
        process.wait()
    driver.hear(told, path, before)
    driver.count("cuts")
    real.unmount(folder)


def live_one_log(driver, image, folder, seed):
    dice = random.Random(seed)
    told, checked = real.new_checker(seed, driver.programs)
    log = os.path.join(folder, "log-%d" % seed)  # a removed one may be back after a cut
    life = 0
    for _ in range(dice.randrange(1, 4)):
        life += 2
        cut_once(driver, told, folder, log, life - 1, dice)
        disks.mount(driver, image, folder, "-o", "loop")
        driver.check(checked, log, "durable")
        code = driver.live(told, log, life, appends=6)
        if code != 0:
            raise checker.Violation("open for writing: %d: %s" % (code, told.errors[-1:]))
        driver.check(checked, log, "flushed")


def main():
    driver = real.Driver(
        "cut", "cuts", 20,
        lambda parser: parser.add_argument("--fs", choices=("ext4", "xfs"), default="ext4"))
    kind = driver.options.fs
    driver.layer = "cut " + kind
    disks.need(driver, "cut " + kind, kind)
    image, folder = (os.path.join(driver.folder, name) for name in ("image", "mounted"))
    disks.make_image(image, kind)
    disks.mount(driver, image, folder, "-o", "loop")
    try:
        disks.shut_down(folder)
    except OSError as why:
        real.skip("cut " + kind, "no FS_IOC_SHUTDOWN: %s" % why)
    real.unmount(folder)
    disks.mount(driver, image, folder, "-o", "loop")
    target, driver.options.runs = driver.options.runs, 1 << 60
    for seed in driver.seeds():
        if driver.figures["cuts"] >= target:
            break
        try:
            live_one_log(driver, image, folder, seed)
        except checker.Violation as what:
            driver.violated(seed, what, os.path.join(folder, "log-%d" % seed))
            if not real.is_mounted(folder):
                disks.mount(driver, image, folder, "-o", "loop")
        for name in os.listdir(folder):
            shutil.rmtree(os.path.join(folder, name), ignore_errors=True)
    driver.finish()


if __name__ == "__main__":
    main()
