"""What the drivers share: programs, seeds, figures, mounts that go away again."""

import argparse
import atexit
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import checker

SKIPPED = 77


class Programs:
    def __init__(self, build):
        self.workload = os.path.join(build, "tests/real/real_workload")
        self.recorder = os.path.join(build, "tests/real/block_recorder")
        self.tool = os.path.join(build, "src/cli/walkit")


def skip(what, why):
    """A machine that cannot do it is no success: ./dev full fails on this line."""
    print("SKIPPED %s: %s" % (what, why), flush=True)
    sys.exit(SKIPPED)


def run(*command, check=True, **rest):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                          **rest)
    if check and done.returncode != 0:
        raise RuntimeError("%s: %d: %s" % (" ".join(command), done.returncode,
                                           done.stdout.decode(errors="replace")))
    return done


class Undo:
    """Runs what was registered, last first, also when the driver is interrupted."""

    def __init__(self):
        self.steps = []
        atexit.register(self.all)

    def later(self, function, *arguments):
        self.steps.append((function, arguments))

    def all(self):
        while self.steps:
            function, arguments = self.steps.pop()
            try:
                function(*arguments)
            except Exception as error:  # the other steps count too
                print("while cleaning up: %s" % error, file=sys.stderr)


def is_mounted(folder):
    """Also where a file system that shut itself down answers no stat."""
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        return any(line.split(" ")[1] == folder for line in mounts)


def unmount(folder):
    """Waits for who still lets go of it; a mount that stays is worse than a forced one."""
    for _ in range(50):
        if not is_mounted(folder) or run("umount", folder, check=False).returncode == 0:
            return
        time.sleep(0.02)
    run("umount", "-l", folder, check=False)


class Driver:
    """One layer: options, seed, figures and the verdict at the end."""

    def __init__(self, layer, unit, default, add_options=None):
        parser = argparse.ArgumentParser()
        parser.add_argument("--build", default="build/dev")
        parser.add_argument("--runs", type=int, default=default, help=unit)
        parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after this")
        parser.add_argument("--lie", default="", help="break the workload; loss has to be found")
        parser.add_argument("--on", default=None, help="folder to work in; else the temporary one")
        parser.add_argument("--keep", default=None, help="where the log of a violation is kept")
        if add_options:
            add_options(parser)
        self.options = parser.parse_args()
        if self.options.lie:  # until it is found, and no longer than a test may take
            self.options.runs = 1 << 30
            self.options.seconds = min(self.options.seconds, 280)
        self.programs = Programs(os.path.abspath(self.options.build))
        self.layer, self.unit = layer, unit
        self.seed = int(os.environ.get("WALKIT_SEED", "0")) or random.SystemRandom().getrandbits(32)
        self.figures, self.violations = {unit: 0, "checks": 0}, []
        self.begin = time.monotonic()
        self.undo = Undo()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self.interrupt)
        self.folder = tempfile.mkdtemp(prefix="walkit-%s-" % layer,
                                       dir=self.options.on)
        self.undo.later(shutil.rmtree, self.folder, True)
        print("%s: seed %d" % (layer, self.seed), flush=True)

    def seeds(self):
        """A seed for each run; the n-th repeats alone with WALKIT_SEED=<it> --runs 1."""
        for n in range(self.options.runs):
            if self.out_of_time():
                return
            if len(self.violations) >= (1 if self.options.lie else 20):
                return  # more of them would tell nothing new
            yield self.seed + n

    def out_of_time(self):
        return time.monotonic() - self.begin > self.options.seconds

    def need_root(self, what):
        if os.geteuid() != 0:
            skip(what, "needs root")

    def command(self, folder, seed, life, **arguments):
        if self.options.lie:
            arguments["lie"] = self.options.lie
        return [self.programs.workload, "write", folder, "seed=%d" % seed, "life=%d" % life,
                *("%s=%s" % pair for pair in arguments.items())]

    def live(self, told, folder, life, path=None, **arguments):
        """A whole life of the workload; what it was told is heard. Returns its exit code."""
        path = path or os.path.join(self.folder, "told")
        with open(path, "wb") as out:
            code = subprocess.run(self.command(folder, told.seed, life, **arguments), stdout=out,
                                  check=False).returncode
        self.hear(told, path)
        return code

    @staticmethod
    def hear(told, path, before=None):
        with open(path, encoding="latin-1") as file:
            told.hear(file.read(), before)

    def count(self, what, n=1):
        self.figures[what] = self.figures.get(what, 0) + n

    def check(self, checked, folder, level):
        self.count("checks")
        return checked.check(folder, level)

    def violated(self, seed, what, folder=None):
        self.violations.append("WALKIT_SEED=%d: %s" % (seed, what))
        print("VIOLATION %s: %s" % (self.layer, self.violations[-1]), flush=True)
        if not self.options.keep or self.options.lie or not folder or not os.path.isdir(folder):
            return
        kept = os.path.join(self.options.keep, "%s-%d" % (self.layer.replace(" ", "-"), seed))
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(folder, kept)
        told = os.path.join(self.folder, "told")
        if os.path.exists(told):
            shutil.copy(told, kept)
        print("kept in %s" % kept, flush=True)

    def interrupt(self, number, _):
        """What was done until now counts; what is mounted goes away as the process exits."""
        self.print_figures()
        sys.exit(128 + number)

    def print_figures(self):
        print("FIGURES " + json.dumps({
            "layer": self.layer, "lie": self.options.lie, "seed": self.seed,
            "violations": len(self.violations),
            "seconds": round(time.monotonic() - self.begin, 1), **self.figures}), flush=True)

    def finish(self):
        self.undo.all()
        self.print_figures()
        lie, found = self.options.lie, len(self.violations)
        if lie:
            print("%s: the broken workload (%s) was %s" %
                  (self.layer, lie, "found out" if found else "NOT found out"))
            sys.exit(0 if found else 1)
        sys.exit(1 if found else 0)


def new_checker(seed, programs):
    told = checker.Told(seed)
    return told, checker.Checker(told, programs)
