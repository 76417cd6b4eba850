#!/usr/bin/env python3
"""Runs walkit beside floors and peers, in rounds, and says which targets are met.

docs/performance.md says what is measured. `./dev bench` builds what it needs and calls this."""

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../real")]

import figures
import machine
import plan
import raft
import real
import report
import scale
import state


class Failed(Exception):
    """A contender lost entries, or could not run: there are no figures then."""


class Bench:
    def __init__(self, options, scale, folder):
        self.options, self.scale = options, scale
        self.program = os.path.join(options.build, "tests/bench/walkit_bench")
        self.codec = os.path.join(options.build, "tests/bench/codec_bench")
        self.folder, self.there_before = folder, os.listdir(folder)
        self.runs, self.begin = [], time.monotonic()
        listed = self.output(self.program, "list").splitlines()
        self.known = {tuple(line.split()) for line in listed}  # (workload, contender)

    @staticmethod
    def output(*command):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        if done.returncode != 0:
            raise Failed("%s: %s" % (" ".join(command), done.stderr.decode(errors="replace")))
        return done.stdout.decode()

    def call(self, workload, contender, folder, arguments):
        words = ["%s=%s" % pair for pair in arguments.items()]
        return json.loads(self.output(*self.options.before, self.program, workload, contender,
                                      folder, *words))

    def data_of(self, made, arguments):
        return os.path.join(self.folder, "%s.%s.%s.%s" % (
            made, arguments["bytes"], arguments["mib"], "w5" if made in (
                "floor_segments", "walkit_crashed", "walkit_closed", "walkit_many") else "w4"))

    def make(self, cells):
        """What w4, w5 and w7 read, each once."""
        for cell in cells:
            for contender in (*cell.contenders, *cell.peers) if cell.data else ():
                made = cell.data[contender]
                folder = self.data_of(made, cell.arguments)
                if (cell.workload, contender) not in self.known or os.path.exists(folder):
                    continue
                print("making %s of %d MiB" % (made, cell.arguments["mib"]), flush=True)
                self.call("make", made, folder, {name: cell.arguments[name]
                                                 for name in ("bytes", "mib", "segment_kib")})

    def left_out(self):
        for peer, package in plan.PACKAGES.items():
            if not any(name.startswith(peer) for _, name in self.known):
                yield "%s is left out: %s was not there when the bench was built" % (peer, package)

    def rounds(self, cells):
        self.make(cells)
        workloads = ", ".join(sorted({cell.workload for cell in cells}))
        for number in range(self.scale.rounds):
            self.round(cells, number)
            print("%s: round %d of %d, %d s" % (workloads, number + 1, self.scale.rounds,
                                                time.monotonic() - self.begin), flush=True)
        for entry in os.listdir(self.folder):
            if entry not in self.there_before:
                shutil.rmtree(os.path.join(self.folder, entry), ignore_errors=True)

    def round(self, cells, number):
        for cell in cells:
            if cell.workload == "codec":
                self.codec_round(number)
                continue
            contenders = list(cell.contenders)
            if number < self.scale.peer_rounds:
                contenders += [peer for peer in cell.peers if (cell.workload, peer) in self.known]
            if not contenders:
                continue
            turn = number % len(contenders)
            for contender in contenders[turn:] + contenders[:turn]:
                folder = self.data_of(cell.data[contender], cell.arguments) if cell.data else (
                    os.path.join(self.folder, "run"))
                self.add(number, self.call(cell.workload, contender, folder, cell.arguments))

    def add(self, number, run):
        run = {"round": number, "at": round(time.monotonic() - self.begin, 1),
               "date": time.strftime("%Y-%m-%d"), "load": os.getloadavg()[0], **run}
        self.runs.append(run)
        self.log.write(json.dumps(run) + "\n")
        self.log.flush()

    def codec_round(self, number):
        text = self.output(self.codec, "20000")
        for what, ratio in re.findall(r"^(\w+): .* ratio ([\d.]+) of", text, re.MULTILINE):
            self.add(number, {"workload": "codec", "contender": what, "ratio": float(ratio)})

    def go(self, cells, name):
        path = os.path.join(self.options.build, name + ".jsonl")
        for line in self.left_out():
            print(line, flush=True)
        with open(path, "w", encoding="utf-8") as self.log:
            for part in plan.parts(cells):
                self.rounds(part)
        print("each run is in %s" % os.path.relpath(path))
        return figures.Runs(self.runs)


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build/bench")
    parser.add_argument("--on", help="folder on the disk to be measured; else in the build tree")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--quick", action="store_true", help="two minutes; writes no document")
    kind.add_argument("--check", action="store_true",
                      help="whether everything runs; the figures mean nothing")
    kind.add_argument("--journal", action="store_true",
                      help="W1 on an ext4 with a journal, on a loop device; needs root")
    kind.add_argument("--scale", action="store_true",
                      help="how costs grow with entries, segments, threads and open logs")
    kind.add_argument("--state", action="store_true",
                      help="what checkpoints cost who applies, and save who recovers")
    kind.add_argument("--raft", action="store_true",
                      help="C-Raft on its own storage and on walkit's")
    parser.add_argument("--rounds", type=int, help="instead of the usual number")
    parser.add_argument("--only", default="", help="workloads, as w1,w2")
    parser.add_argument("--from", dest="source", help="no runs: the figures of this file again")
    parser.add_argument("--no-document", action="store_true", help="print only")
    parser.add_argument("--nice", help="run everything at this niceness; below 0 needs root")
    options = parser.parse_args()
    options.before = ["nice", "-n", options.nice] if options.nice else []
    return options


@contextlib.contextmanager
def work_folder(above):
    folder = tempfile.mkdtemp(prefix="walkit-bench-", dir=above)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def journalled(above):
    """An ext4 with a journal in a file that is written whole, on a loop device past the cache."""
    with work_folder(above) as folder, contextlib.ExitStack() as undo:
        image, mounted = os.path.join(folder, "image"), os.path.join(folder, "mounted")
        os.makedirs(mounted)
        with open(image, "wb") as file:
            for _ in range(2048):
                file.write(bytes(1 << 20))
            os.fsync(file.fileno())
        real.run("mkfs.ext4", "-q", "-F", "-E",
                 "lazy_itable_init=0,lazy_journal_init=0,nodiscard", image)
        device = real.run("losetup", "-f", "--show", "--direct-io=on", image).stdout
        device = device.decode().strip()
        undo.callback(real.run, "losetup", "-d", device, check=False)
        real.run("mount", "-o", "nodiscard", device, mounted)
        undo.callback(real.unmount, mounted)
        yield mounted


def without_peer(target, known):
    """It is in proportion to a database that was not there when the bench was built."""
    below = target.below and target.below[0]
    return below in plan.ALL_PEERS and (target.below[1]["workload"], below) not in known


def session(options):
    """The scale, its cells and targets, the name of what is written, and where it runs."""
    if options.journal:
        return (plan.JOURNAL, list(plan.w1(plan.JOURNAL)), list(plan.journal_targets(plan.JOURNAL)),
                "journal", journalled)
    scale, name = ((plan.CHECK, "check") if options.check else
                   (plan.QUICK, "quick") if options.quick else (plan.FULL, "figures"))
    targets = [*plan.targets(scale), *plan.told(scale)]
    return scale, plan.cells(scale), targets, name, work_folder


def measure(options, scale, cells, name, where):
    """The runs, the device, and lines on the machine."""
    if options.source:
        with open(options.source, encoding="utf-8") as file:
            runs = figures.Runs(json.loads(line) for line in file)
        return runs, *machine.describe(options.build, runs.all)
    with where(options.on or options.build) as folder:
        bench = Bench(options, scale, folder)
        runs = bench.go(cells, name)
        return runs, *machine.describe(folder, runs.all)


def scale_session(options):
    with work_folder(options.on or options.build) as folder:
        found, told = scale.measure(os.path.join(options.build, "tests/bench/walkit_scale"), folder,
                                    options.before, options.rounds or 3)
        _, described = machine.describe(folder, told)
    text = "\n".join(["Measured on:", "", *("- " + line for line in described), "",
                      *scale.lines(found)])
    print(text)
    if not options.no_document:
        report.put_into_document("scale", text)


def tables_session(options, name, measure):
    """Of a program of its own, tests/bench/walkit_<name>, which may have been left out."""
    program = os.path.join(options.build, "tests/bench/walkit_" + name)
    if not os.path.exists(program):
        print("without %s: what it needs is not installed" % os.path.basename(program))
        return
    with work_folder(options.on or options.build) as folder:
        text = measure(program, folder, options.before, options.check)
        told = [{"date": time.strftime("%Y-%m-%d"), "load": os.getloadavg()[0]}]
        _, described = machine.describe(folder, told)
    if not (options.check or options.no_document):
        lines = ["Measured on:", "", *("- " + line for line in described), "", text]
        report.put_into_document(name, "\n".join(lines))


def main():
    options = arguments()
    options.build = os.path.abspath(options.build)
    if options.state:
        return tables_session(options, "state", state.measure)
    if options.raft:
        return tables_session(options, "raft", raft.measure)
    if options.scale:
        return scale_session(options)
    if options.journal and os.geteuid() != 0:
        sys.exit("./dev bench --journal mounts a file system: run it as root")
    for number in (signal.SIGTERM, signal.SIGHUP):  # so that folders and mounts go away
        signal.signal(number, lambda caught, _: sys.exit(128 + caught))
    scale, cells, targets, name, where = session(options)
    scale.rounds = options.rounds or scale.rounds
    only = options.only.split(",") if options.only else []
    cells = [cell for cell in cells if not only or cell.workload in only]
    try:
        runs, device, described = measure(options, scale, cells, name, where)
    except Failed as failure:
        sys.exit("FAILED: %s" % failure)
    shown = report.Report(runs, targets, device, described)
    print(shown.text())
    if options.check:
        known = {(run["workload"], run["contender"]) for run in runs.all}
        shown.check(name, [target for target in targets if not without_peer(target, known)])
        tables_session(options, "state", state.measure)
        tables_session(options, "raft", raft.measure)
    elif not (options.quick or options.no_document or only):
        shown.write(name)
    return None


if __name__ == "__main__":
    main()
