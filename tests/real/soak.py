#!/usr/bin/env python3
"""Runs every layer of tests that looks for lost entries, in proportion, for so many minutes; ends
with a table and one line. `./dev soak` builds what it needs and calls it.

A layer is one line in `layers`: its share of the time, and what makes one slice of it. To add one
over a test executable, add a `Tests` line; what it prints as "N states" and the like is summed.
"""

import argparse
import itertools
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
COLUMNS = ("states", "faults", "kills", "cuts", "executions")
SKIPPED = 77

# What the lines of tests and fuzzers count; "N same, N refused, ..." are damages.
PATTERNS = (
    (re.compile(r"\b(\d+) states\b"), "states"),
    (re.compile(r"\b(\d+) failed operations\b"), "faults"),
    (re.compile(r"\b(\d+) faults\b"), "faults"),
    (re.compile(r"(\d+) same, (\d+) refused, (\d+) reported, (\d+) silent"), "faults"),
    (re.compile(r"stat::number_of_executed_units: *(\d+)"), "executions"),
)
# What the figures of a driver count as.
DRIVEN = {"kills": "kills", "cuts": "cuts", "injections": "faults", "states": "states",
          "full": "faults"}


class Slice:
    def __init__(self, command, environment=None, seed=None):
        self.command, self.environment, self.seed = command, environment or {}, seed


def count_output(output):
    counts = dict.fromkeys(COLUMNS, 0)
    for line in output.splitlines():
        if line.startswith("FIGURES "):
            for name, value in json.loads(line[8:]).items():
                if name in DRIVEN:
                    counts[DRIVEN[name]] += value
            continue
        for pattern, column in PATTERNS:
            match = pattern.search(line)
            if match:
                counts[column] += sum(int(n) for n in match.groups())
    return counts


class Layer:
    def __init__(self, name, share, slices):
        self.name, self.share, self.slices = name, share, iter(slices)
        self.used, self.running, self.done = 0.0, 0, False
        self.counts = dict.fromkeys(COLUMNS, 0)
        self.failed, self.skipped, self.seeds, self.ran = [], [], 0, 0

    def next(self):
        try:
            return next(self.slices)
        except StopIteration:
            self.done = True
            return None


class Soak:
    def __init__(self, options, seed):
        self.options, self.seed = options, seed
        self.lock, self.children, self.stopped = threading.Lock(), set(), False
        self.begin = time.monotonic()
        self.log = open(os.path.join(options.build, "soak.log"), "w", encoding="utf-8")

    def choose(self, layers, deadline):
        """The layer that is furthest behind its share."""
        with self.lock:
            if self.stopped or time.monotonic() >= deadline:
                return None, None
            for layer in sorted((l for l in layers if not l.done),
                                key=lambda l: (l.used + l.running * 30) / l.share):
                work = layer.next()
                if work:
                    layer.running += 1
                    return layer, work
        return None, None

    def work(self, layers, deadline):
        while True:
            layer, work = self.choose(layers, deadline)
            if layer is None:
                return
            begin = time.monotonic()
            code, output = self.run(work)
            with self.lock:
                layer.running -= 1
                layer.used += time.monotonic() - begin
                self.judge(layer, work, code, output)

    def run(self, work):
        process = subprocess.Popen(
            work.command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, **work.environment})
        with self.lock:
            self.children.add(process)
        output = process.communicate()[0].decode(errors="replace")
        with self.lock:
            self.children.discard(process)
        return process.returncode, output

    def judge(self, layer, work, code, output):
        words = " ".join("%s=%s" % pair for pair in work.environment.items())
        self.log.write("==== %s: %s %s: %d\n%s\n" % (layer.name, words, work.command, code, output))
        self.log.flush()
        layer.ran += 1
        layer.seeds += 1 if work.seed is not None else 0
        for column, value in count_output(output).items():
            layer.counts[column] += value
        if code == SKIPPED:
            layer.done = True
            layer.skipped += [line for line in output.splitlines() if line.startswith("SKIPPED")]
            print(layer.skipped[-1], flush=True)
        elif code != 0 and not self.stopped:
            layer.failed.append("%s %s" % (words, " ".join(work.command)))
            print("FAILED %s: %s\n%s" % (layer.name, layer.failed[-1], output[-4000:]), flush=True)

    def stop(self, number, _):
        self.stopped = True
        for process in list(self.children):
            process.send_signal(signal.SIGTERM)
        print("soak: stopped by signal %d" % number, flush=True)

    def go(self, layers, deadline):
        threads = [threading.Thread(target=self.work, args=(layers, deadline))
                   for _ in range(self.options.jobs)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            time.sleep(0.2)  # so that a signal is seen


def tests_of(executable, pattern):
    """Full names, without what GoogleTest says of parameters."""
    done = subprocess.run([executable, "--gtest_list_tests", "--gtest_filter=" + pattern],
                          stdout=subprocess.PIPE, check=True)
    suite, names = "", []
    for line in done.stdout.decode().splitlines():
        word = line.split("#")[0].strip()
        if line.startswith("  "):
            names.append(suite + word)
        elif word.endswith("."):
            suite = word
    return names


class Layers:
    def __init__(self, options, seed):
        self.options, self.seed, self.minutes = options, seed, options.minutes
        self.tests = os.path.join(options.build, "tests")

    def once(self, executable, pattern, **environment):
        """Each of its tests once: what is exhaustive is not worth a second time."""
        path = os.path.join(self.tests, executable)
        names = tests_of(path, pattern)
        if not names:
            sys.exit("soak: %s has no test %s" % (executable, pattern))
        return [Slice([path, "--gtest_filter=" + name], environment) for name in names]

    def seeded(self, executable, pattern, step, **environment):
        path = os.path.join(self.tests, executable)
        if not tests_of(path, pattern):
            sys.exit("soak: %s has no test %s" % (executable, pattern))
        for n in itertools.count():
            seed = self.seed + n * step
            yield Slice([path, "--gtest_filter=" + pattern],
                        {**environment, "WALKIT_SEED": str(seed)}, seed)

    def driver(self, name, *arguments, seconds=None):
        seconds = seconds or max(4, min(30, self.minutes))
        for n in itertools.count():
            seed = (self.seed + n * 1_000_003) % (1 << 32) or 1
            yield Slice([sys.executable, "-B", os.path.join(HERE, name + ".py"), "--build",
                         self.options.build, "--keep", self.options.build + "/soak-kept", "--runs",
                         "1000000", "--seconds", str(seconds), *arguments],
                        {"WALKIT_SEED": str(seed)}, seed)

    def fuzz(self):
        seconds = int(max(5, min(60, self.minutes)))
        folder = os.path.join(self.options.fuzz, "fuzz")
        names = sorted(name[:-5] for name in os.listdir(folder) if name.endswith("_fuzz"))
        preset = os.path.basename(self.options.fuzz)
        for name in itertools.cycle(names):
            yield Slice([os.path.join(HERE, "../../dev"), "fuzz-one", preset, name, str(seconds)])

    def all(self):
        calls = "4" if self.minutes >= 40 else "3" if self.minutes >= 8 else "2"
        step = "7" if self.minutes >= 40 else "61" if self.minutes >= 8 else "509"
        thin = "1" if self.minutes >= 40 else "7"
        memory = ("--on", "/dev/shm") if os.path.isdir("/dev/shm") else ()
        crash = "walkit_crash_test"
        layers = [
            Layer("simulated: exhaustive", 21, self.once(
                crash, "CrashStates.*", WALKIT_CRASH_CALLS=calls)),
            Layer("simulated: models", 4, self.once(
                crash, "*CrashStatesOfModel*:*CrashRecovery*", WALKIT_CRASH_CALLS=calls)),
            Layer("simulated: sampled", 45, self.seeded(
                crash, "*CrashSamples*/0:*Worlds.*", 5000, WALKIT_CRASH_WORLDS="5000")),
            Layer("simulated: twice", 2, self.once(crash, "CrashTwice*")),
            Layer("failing operations", 2, self.once(
                crash, "*FaultSweep*:*DiskFull*", WALKIT_FAULT_STEP=thin, WALKIT_ROOM_STEP=step)),
            Layer("second reader", 1, self.seeded(
                "walkit_images_test", "*", 1, WALKIT_IMAGES="500")),
            Layer("damage", 5, self.once(crash, "*Damage*", WALKIT_DAMAGE_STEP=step)),
            Layer("salvage and repair", 3, self.once(
                "walkit_salvage_test", "*Sweep*:*Crash*", WALKIT_DAMAGE_STEP=step)),
            Layer("mutants", 2, self.once("walkit_crash_mutants_test", "*")),
            Layer("kill: in memory", 2, self.driver("kill", *memory)),
            Layer("kill: on disk", 2, self.driver("kill")),
            Layer("system calls", 4, self.driver("syscalls", *memory)),
            Layer("tmpfs", 1, self.driver("tmpfs")),
        ]
        for kind in ("ext4", "xfs"):
            layers.append(Layer("cut: " + kind, 2, self.driver("cut", "--fs", kind, *memory)))
        for kind in ("ext4", "xfs", "btrfs"):
            layers.append(Layer("errors: " + kind, 2, self.driver(
                "errors", "--fs", kind, *memory)))
            layers.append(Layer("states: " + kind, 2, self.driver(
                "states", "--fs", kind, *memory)))
        layers.append(Layer("cut: qemu", 3, self.driver("qemu", *memory)))
        if self.options.fuzz:
            layers.append(Layer("fuzzing", 9, self.fuzz()))
        return layers

    def proofs(self):
        """Each driver over a workload that lies: it has to find the loss."""
        for name, lie, *arguments in (
                ("kill", "buffered"), ("syscalls", "failed"), ("syscalls", "buffered"),
                ("tmpfs", "failed"), ("cut", "flushed", "--fs", "ext4"),
                ("cut", "flushed", "--fs", "xfs"), *(
                    (driver, lie, "--fs", kind)
                    for driver, lie in (("errors", "failed"), ("states", "flushed"))
                    for kind in ("ext4", "xfs", "btrfs")), ("qemu", "flushed")):
            slice = next(self.driver(name, "--lie", lie, *arguments, seconds=280))
            yield Layer("proof: %s, %s" % (name, " ".join((lie, *arguments[1:]))), 1, [slice])


def print_table(layers, proofs):
    head = "%-24s" % "layer" + "".join("%13s" % c for c in (*COLUMNS, "violations", "seeds", "min"))
    print("\n" + head + "\n" + "-" * len(head))
    for layer in layers:
        note = "  SKIPPED" if layer.skipped else ""
        print("%-24s" % layer.name + "".join("%13s" % "{:,}".format(layer.counts[c])
                                             for c in COLUMNS) +
              "%13d%13d%13.1f%s" % (len(layer.failed), layer.seeds, layer.used / 60, note))
    found = sum(1 for p in proofs if p.ran and not p.failed and not p.skipped)
    print("broken workloads found out: %d of %d" % (found, len(proofs)))


def print_summary(soak, layers, proofs):
    totals = {c: sum(layer.counts[c] for layer in layers) for c in COLUMNS}
    failed = sum(len(layer.failed) for layer in (*layers, *proofs))
    skipped = sum(len(layer.skipped) for layer in (*layers, *proofs))
    # A layer that had no time is no layer that passed.
    idle = [layer.name for layer in (*layers, *proofs) if layer.ran == 0]
    if idle:
        print("no time for " + ", ".join(idle))
    verdict = "FAILED" if failed else "INCOMPLETE" if soak.stopped or idle else "passed"
    print("soak %s: %.1f min, %s, %d violations, %d skipped, seed %d" % (
        verdict, (time.monotonic() - soak.begin) / 60,
        ", ".join("{:,} {}".format(totals[c], c) for c in COLUMNS), failed, skipped, soak.seed))
    return 0 if verdict == "passed" and not (skipped and soak.options.no_skips) else 1


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("minutes", type=float, nargs="?", default=60)
    parser.add_argument("--build", default="build/dev")
    parser.add_argument("--fuzz", default="", help="build tree with the fuzz targets")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--no-skips", action="store_true", help="what is skipped fails")
    options = parser.parse_args()
    options.build = os.path.abspath(options.build)
    seed = int(os.environ.get("WALKIT_SEED", "0")) or random.SystemRandom().getrandbits(31)
    print("soak: %g minutes, seed %d, output in %s/soak.log" %
          (options.minutes, seed, options.build), flush=True)
    soak = Soak(options, seed)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, soak.stop)
    made = Layers(options, seed)
    proofs, layers = list(made.proofs()), made.all()
    soak.go(proofs, float("inf"))
    soak.go(layers, soak.begin + options.minutes * 60)
    print_table(layers, proofs)
    sys.exit(print_summary(soak, layers, proofs))


if __name__ == "__main__":
    main()
