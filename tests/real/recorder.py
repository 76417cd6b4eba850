"""The disk of block_recorder.cpp under a loop device with a file system."""

import os
import subprocess
import time

import disks
import real


class Recorder:
    def __init__(self, driver, kind):
        self.driver, self.kind, self.device = driver, kind, None
        image = os.path.join(driver.folder, "image")
        self.folder = os.path.join(driver.folder, "recorder")
        self.mounted = os.path.join(driver.folder, "mounted")
        disks.make_image(image, kind)
        os.makedirs(self.folder)
        self.process = subprocess.Popen([driver.programs.recorder, image, self.folder])
        driver.undo.later(self.stop)
        while not os.path.exists(self.path("disk")):
            if self.process.poll() is not None:
                real.skip(driver.layer, "the recorder did not start: no FUSE?")
            time.sleep(0.01)

    def path(self, name):
        return os.path.join(self.folder, name)

    def command(self, line):
        with open(self.path("control"), "wb", buffering=0) as control:
            control.write(line.encode())

    def counts(self):
        with open(self.path("control"), encoding="ascii") as control:
            return {name: int(n) for name, n in (line.split() for line in control)}

    def mount(self):
        done = real.run("losetup", "-f", "--show", self.path("disk"))
        self.device = done.stdout.decode().strip()
        self.driver.undo.later(self.detach)
        disks.mount(self.driver, self.device, self.mounted)

    def unmount(self):
        real.unmount(self.mounted)
        self.detach()

    def detach(self):
        if self.device:
            real.run("losetup", "-d", self.device, check=False)
            self.device = None

    def cut_power(self):
        """What the device has is what it keeps; the kernel is let go of its caches."""
        self.command("freeze")
        self.unmount()
        self.command("thaw")

    def stop(self):
        real.unmount(self.folder)
        self.process.wait(10)


def need(driver, what, kind):
    disks.need(driver, what, kind)
    if not os.path.exists("/dev/fuse"):
        real.skip(what, "no /dev/fuse")
    if not os.path.exists(driver.programs.recorder):
        real.skip(what, "block_recorder was not built: libfuse3-dev is missing")


def choose_fs(parser):
    parser.add_argument("--fs", choices=sorted(disks.MKFS), default="ext4")
