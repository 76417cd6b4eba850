#!/usr/bin/env python3
"""A whole machine that loses its power: a guest kernel with the workload on a virtual disk, qemu
killed with SIGKILL at a random instant, the image mounted here and checked.

What the disk had not been told to flush may be there all the same (the host's page cache has it);
what the guest kernel had not yet written is gone. The guest tells over a serial line.
"""

import glob
import gzip
import os
import random
import re
import shutil
import signal
import subprocess
import time

import checker
import disks
import kill
import real

MODULES = ("virtio_pci", "virtio_blk", "ext4", "crc32c_generic")

INIT = """#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
for module in %s; do /bin/busybox insmod /$module; done
/bin/busybox mount -t ext4 /dev/vda /mnt
/bin/busybox stty -F /dev/ttyS1 raw
/workload write /mnt/log seed=$W_SEED life=$W_LIFE appends=100000 $W_MORE > /dev/ttyS1
/bin/busybox poweroff -f
"""


class Archive:
    """An initramfs: cpio, newc."""

    def __init__(self):
        self.bytes, self.folders = bytearray(), set()

    def add(self, name, mode, data=b""):
        parent = os.path.dirname(name)
        if parent and parent not in self.folders:
            self.folders.add(parent)
            self.add(parent, 0o40755)
        fields = (0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        self.bytes += b"070701" + b"".join(b"%08x" % field for field in fields)
        self.bytes += name.encode() + b"\0"
        self.pad()
        self.bytes += data
        self.pad()

    def add_file(self, name, path):
        with open(path, "rb") as file:
            self.add(name, 0o100755, file.read())

    def pad(self):
        self.bytes += bytes(-len(self.bytes) % 4)


def modules_in_order(guest, version):
    """Paths, each behind those that it needs."""
    root, needs = os.path.join(guest, "lib/modules", version), {}
    with open(os.path.join(root, "modules.dep"), encoding="ascii") as file:
        for line in file:
            module, _, others = line.partition(":")
            name = os.path.basename(module).split(".ko")[0]
            needs[name] = [os.path.join(root, path) for path in (*others.split()[::-1], module)]
    return list(dict.fromkeys(path for name in MODULES for path in needs.get(name, [])))


def make_initramfs(driver, guest, version, path):
    archive = Archive()
    modules = modules_in_order(guest, version)
    for module in modules:
        archive.add_file(os.path.basename(module), module)
    archive.add_file("bin/busybox", "/bin/busybox")
    archive.add_file("workload", driver.programs.workload)
    libraries = real.run("ldd", driver.programs.workload).stdout.decode()
    for library in re.findall(r"(/\S+) \(0x", libraries):
        archive.add_file(library.lstrip("/"), library)
    archive.add("mnt", 0o40755)
    archive.add("dev", 0o40755)
    archive.add("dev/console", 0o20600)
    names = " ".join(os.path.basename(module) for module in modules)
    archive.add("init", 0o100755, (INIT % names).encode())
    archive.add("TRAILER!!!", 0)
    with gzip.open(path, "wb", 1) as file:
        file.write(archive.bytes)


def start(driver, kernel, initramfs, image, told, words):
    return subprocess.Popen(
        ["qemu-system-x86_64", "-accel", "tcg", "-m", "256", "-nodefaults", "-display", "none",
         "-no-reboot", "-kernel", kernel, "-initrd", initramfs, "-append",
         # A starved emulator has late timers: the guest is not to check them.
         "console=ttyS0 quiet panic=-1 no_timer_check nowatchdog " + words,
         "-serial", "file:" + os.path.join(driver.folder, "console"), "-serial", "file:" + told,
         "-drive", "file=%s,format=raw,if=virtio" % image],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class GuestFailed(Exception):
    """It did not come up, which is no verdict about the log."""


def wait_for_guest(driver, told, process):
    deadline = time.monotonic() + 120
    while os.stat(told).st_size == 0:
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            with open(os.path.join(driver.folder, "console"), encoding="latin-1") as file:
                raise GuestFailed(file.read()[-1000:])
        time.sleep(0.02)


def cut_once(driver, machine, told, life, dice):
    kernel, initramfs, image = machine
    path = os.path.join(driver.folder, "told")
    open(path, "wb").close()
    more = "W_MORE=lie=" + driver.options.lie if driver.options.lie else ""
    words = "W_SEED=%d W_LIFE=%d %s" % (told.seed, life, more)
    process = start(driver, kernel, initramfs, image, path, words)
    driver.undo.later(process.kill)
    wait_for_guest(driver, path, process)
    kill.wait_for(path, dice.choice((1, 100, 1000, 4000)), process)
    time.sleep(dice.random() * 0.2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    driver.hear(told, path)
    driver.count("cuts")


def live_one_log(driver, machine, folder, seed):
    dice = random.Random(seed)
    told, checked = real.new_checker(seed, driver.programs)
    image, log = machine[2], os.path.join(folder, "log")
    disks.make_image(image, "ext4")
    for life in (1, 3):
        cut_once(driver, machine, told, life, dice)
        disks.mount(driver, image, folder, "-o", "loop")
        driver.check(checked, log, "durable")
        code = driver.live(told, log, life + 1, appends=6)
        if code != 0:
            raise checker.Violation("open for writing: %d: %s" % (code, told.errors[-1:]))
        driver.check(checked, log, "flushed")
        real.unmount(folder)


def prepare(driver):
    disks.need(driver, "qemu", "ext4")
    for program in ("qemu-system-x86_64", "/bin/busybox"):
        if not shutil.which(program):
            real.skip("qemu", "%s is not installed" % program)
    guest = driver.options.guest
    kernels = sorted(glob.glob(os.path.join(guest, "boot/vmlinuz-*")))
    if not kernels:
        real.skip("qemu", "no kernel for a guest in %s" % guest)
    version = os.path.basename(kernels[-1])[len("vmlinuz-"):]
    initramfs = os.path.join(driver.folder, "initramfs")
    make_initramfs(driver, guest, version, initramfs)
    return kernels[-1], initramfs, os.path.join(driver.folder, "image")


def main():
    driver = real.Driver(
        "qemu", "cuts", 4, lambda parser: parser.add_argument(
            "--guest", default="build/guest", help="where boot/ and lib/modules/ of a kernel are"))
    machine = prepare(driver)
    folder = os.path.join(driver.folder, "mounted")
    target, driver.options.runs = driver.options.runs, 1 << 60
    for seed in driver.seeds():
        if driver.figures["cuts"] >= target:
            break
        try:
            live_one_log(driver, machine, folder, seed)
        except checker.Violation as what:
            driver.violated(seed, what, os.path.join(folder, "log"))
        except GuestFailed as console:
            driver.count("guests that failed")
            if driver.figures["guests that failed"] == 3 and not driver.figures["cuts"]:
                real.skip("qemu", "no guest comes up: %s" % console)
        real.unmount(folder)
    driver.finish()


if __name__ == "__main__":
    main()
