"""What figures were measured on. No names of machines or people."""

import os
import platform


def read(path, otherwise=""):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return otherwise


def mount_of(folder):
    """(device number, file system, source) of the mount that the folder lies on."""
    number = os.stat(folder).st_dev
    wanted = "%d:%d" % (os.major(number), os.minor(number))
    for line in read("/proc/self/mountinfo").splitlines():
        before, _, after = line.partition(" - ")
        if before.split()[2] == wanted:
            kind, source = after.split()[:2]
            return wanted, kind, source
    return wanted, "unknown file system", ""


def file_system(folder):
    _, kind, source = mount_of(folder)
    name = os.path.basename(os.path.realpath(source)) if source.startswith("/dev/") else source
    if kind == "ext4":
        journal = any(entry.startswith(name) for entry in (
            os.listdir("/proc/fs/jbd2") if os.path.isdir("/proc/fs/jbd2") else ()))
        kind += " with a journal" if journal else " without a journal"
    return kind, name


def block_device(name):
    queue = "/sys/class/block/%s/queue/" % name
    if not os.path.isdir(queue):
        return name
    told = [name]
    model = read("/sys/class/block/%s/device/model" % name)
    if model:
        told.append(model)
    told.append("%s cache" % read(queue + "write_cache", "unknown"))
    told.append("FUA %s" % read(queue + "fua", "unknown"))
    return ", ".join(told)


def processor():
    for line in read("/proc/cpuinfo").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def device_text(folder):
    kind, name = file_system(folder)
    return "%s on %s" % (kind, name or "no device")


def describe(folder, runs):
    """The device in short, and lines for the document."""
    return device_text(folder), list(lines_on(folder, runs))


def lines_on(folder, runs):
    kind, name = file_system(folder)
    memory = read("/proc/meminfo").split()[1]
    yield "%s, %d cores, %d GiB" % (processor(), os.cpu_count(), round(int(memory) / (1 << 20)))
    yield "Linux %s" % platform.release().split("-")[0]
    yield "%s, block device %s" % (kind, block_device(name))
    loads = [run["load"] for run in runs]
    yield "%s, load average while it ran %.1f to %.1f" % (
        runs[0]["date"], min(loads), max(loads))
