"""What checkpoints cost and save: walkit_state, its tables put together."""

import os
import subprocess

LATENCY = """Microseconds of an `apply` that is durable on return, of a state of %s MiB: *plain* is one piece of memory,
which a checkpoint copies; *shared* has parts that copies share until one changes.

| state | calls | p50 | p90 | p99 | p99.9 | most |
|---|---|---|---|---|---|---|
"""
FLAT = """What `Journaled` holds in memory over %s entries, with a checkpoint and a trim a hundred times:

| entries | checkpoints | resident KiB |
|---|---|---|
"""
RECOVER = """`recover()` of a log of %s MiB of which a checkpoint covers 99 %%, and without that checkpoint:

| how | entries replayed | MiB read | seconds |
|---|---|---|---|
"""


def measure(program, folder, before, small):
    """Markdown."""
    tables = []
    for what, head, size, *more in (("latency", LATENCY, "4" if small else "1024",
                                     "0.05" if small else "10"),
                                    ("flat", FLAT, "1000" if small else "10000000"),
                                    ("recover", RECOVER, "1" if small else "1024")):
        of = os.path.join(folder, what)
        os.mkdir(of)
        done = subprocess.run([*before, program, what, of, size, *more], stdout=subprocess.PIPE,
                              check=True)
        tables.append(head % "{:,}".format(int(size)) + done.stdout.decode())
        print(tables[-1], flush=True)
    return "\n".join(tables)
