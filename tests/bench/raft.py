"""C-Raft on its own storage beside C-Raft on walkit's: walkit_raft, its tables put together."""

import json
import os
import shutil
import statistics
import subprocess

COMMITS = """Commands that a group commits, so many of them under way at the leader; median of %d rounds of %s s, in each of which both
run, and the median of the ratios. *p50*, *p99*: microseconds from the command to its answer.

| servers | bytes | under way | libraft's own: commits/s | p50 | p99 | walkit: commits/s | p50 | p99 | ratio |
|---|---|---|---|---|---|---|---|---|---|
"""
RECOVERY = """Until a server that was killed has its log of %s entries again (warm page cache, median of %d):

| bytes | libraft's own: ms | walkit: ms | ratio of the times |
|---|---|---|---|
"""
STORAGES = ("uv", "walkit")
# Sizes are multiples of 8: libraft's own storage cannot read others back.


def call(before, program, *arguments):
    done = subprocess.run([*before, program, *arguments], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def row(cells):
    return "| %s |\n" % " | ".join(cells)


def middle(runs, name):
    return statistics.median(run[name] for run in runs)


def ratio(runs, name):
    return statistics.median(ours[name] / theirs[name]
                             for theirs, ours in zip(runs["uv"], runs["walkit"]))


def commits(program, folder, before, rounds, seconds):
    text = COMMITS % (rounds, seconds)
    for servers in (1, 3):
        for size, in_flight in ((104, 1), (104, 16), (104, 256), (1024, 1), (1024, 16), (1024, 256),
                                (16384, 16)):
            runs = {storage: [] for storage in STORAGES}
            for number in range(rounds):
                for storage in STORAGES[::-1] if number % 2 else STORAGES:
                    of = os.path.join(folder, "commit")
                    runs[storage].append(call(before, program, "commit", storage, of, str(servers),
                                              str(size), str(in_flight), seconds))
                    shutil.rmtree(of)
            cells = [str(servers), str(size), str(in_flight)]
            for storage in STORAGES:
                cells += ["%.0f" % middle(runs[storage], name) for name in ("rate", "p50", "p99")]
            text += row([*cells, "**%.2f**" % ratio(runs, "rate")])
    return text


def recovery(program, folder, before, rounds, entries):
    text = RECOVERY % ("{:,}".format(entries), rounds)
    for size in (104, 1024):
        runs = {storage: [] for storage in STORAGES}
        for number in range(rounds):
            for storage in STORAGES[::-1] if number % 2 else STORAGES:
                of = os.path.join(folder, "recovery")
                call(before, program, "fill", storage, of, str(size), str(entries))
                run = call(before, program, "load", storage, of)
                if run["entries"] < entries:
                    raise SystemExit("%s lost entries: %s" % (storage, run))
                runs[storage].append({"ms": 1000 * run["seconds"]})
                shutil.rmtree(of)
        text += row([str(size), *("%.1f" % middle(runs[storage], "ms") for storage in STORAGES),
                     "**%.2f**" % ratio(runs, "ms")])
    return text


def measure(program, folder, before, small):
    """Markdown."""
    rounds, seconds, entries = (1, "0.05", 1000) if small else (3, "1", 100_000)
    tables = [commits(program, folder, before, rounds, seconds)]
    print(tables[-1], flush=True)
    tables.append(recovery(program, folder, before, rounds, entries))
    print(tables[-1], flush=True)
    return "\n".join(tables)
