"""File systems on loop devices."""

import fcntl
import os
import shutil
import struct

import checker
import real

FS_IOC_SHUTDOWN = 0x8004587D  # _IOR('X', 125, __u32), of ext4, xfs and others
NO_LOG_FLUSH = 2

MKFS = {
    "ext4": (48, ["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0"]),
    "xfs": (300, ["mkfs.xfs", "-q", "-f"]),
    "btrfs": (128, ["mkfs.btrfs", "-q", "-f", "--mixed"]),
}


def need(driver, what, kind):
    driver.need_root(what)
    if not os.path.exists("/dev/loop-control"):
        real.skip(what, "no loop devices")
    if kind not in open("/proc/filesystems", encoding="ascii").read().split():
        real.run("modprobe", kind, check=False)
    if kind not in open("/proc/filesystems", encoding="ascii").read().split():
        real.skip(what, "the kernel does not know it")
    for program in ("losetup", MKFS[kind][1][0]):
        if not shutil.which(program):
            real.skip(what, "%s is not installed" % program)
    if real.run("losetup", "-f", check=False).returncode != 0:
        real.skip(what, "no free loop device")
    image = os.path.join(driver.folder, "probe.image")
    make_image(image, kind)
    need_mount(driver, what, "-o", "loop", image)
    os.remove(image)


def need_mount(driver, what, *arguments):
    """Root in a container often may not."""
    folder = os.path.join(driver.folder, "probe")
    os.makedirs(folder)
    done = real.run("mount", *arguments, folder, check=False)
    if done.returncode != 0:
        real.skip(what, "may not mount: %s" % done.stdout.decode().split("\n")[0])
    real.unmount(folder)


def make_image(path, kind):
    megabytes, command = MKFS[kind]
    with open(path, "wb") as file:
        file.truncate(megabytes << 20)
    real.run(*command, path)


def mount(driver, device, folder, *options):
    """Undone at the end of the driver, if nobody does before."""
    os.makedirs(folder, exist_ok=True)
    done = real.run("mount", *options, device, folder, check=False)
    if done.returncode != 0:
        raise checker.Violation("the file system does not mount again: %s" % done.stdout.decode())
    driver.undo.later(real.unmount, folder)


def shut_down(folder):
    """The power cut: what is not on the device is gone. OSError: it cannot be done here."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        fcntl.ioctl(fd, FS_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
    finally:
        os.close(fd)
