"""What a log must hold after a fault, judged from what the workload was told.

Two readers that share no code look at it: golden/read_log.py, from docs/format.md alone, and the
library's own (`real_workload read`, `walkit verify`). Both must find the same entries.
"""

import functools
import os
import re
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden"))
import read_log  # noqa: E402

# The same frames are read after each fault of a log's life; their checksums need no second sum.
read_log.crc32c = functools.lru_cache(maxsize=20000)(read_log.crc32c)

MASK = (1 << 64) - 1
HEAD = struct.Struct("<IIIQQ")  # life, k, count, n, bytes of the filler


class Violation(Exception):
    """Something acknowledged is gone, something is there that nobody wrote, or a false alarm."""


def mixed(h):
    h = (h + 0x9E3779B97F4A7C15) & MASK
    h = (h ^ h >> 30) * 0xBF58476D1CE4E5B9 & MASK
    h = (h ^ h >> 27) * 0x94D049BB133111EB & MASK
    return h ^ h >> 31


def filler_of(seed, life, n, k):
    """As entry.hpp has it."""
    h = mixed(seed ^ mixed(life ^ mixed(n ^ mixed(k))))
    size = 2000 + h // 32 % 3000 if h % 32 == 0 else h // 32 % 200
    if n % 4 == 1:
        return bytes(size)
    if n % 4 == 0:
        return (mixed(h).to_bytes(8, "little") * (size // 8 + 1))[:size]
    words = []
    for _ in range((size + 7) // 8):
        h = mixed(h)
        words.append(h.to_bytes(8, "little"))
    return b"".join(words)[:size]


class Told:
    """The lines of a workload's lives, up to the instant of the fault."""

    LINE = re.compile(r"([safdop]) (\d+)(?: (\d+))?(?: (\d+))?|([ec]) .*")

    def __init__(self, seed):
        self.seed = seed
        self.submitted = {}  # (life, call) -> count
        self.places = {}  # id -> (life, call, k)
        self.flushed = self.durable = 0
        self.poisoned, self.broken_words, self.errors = None, None, []

    def hear(self, text, before=None):
        """A last line without its end was never told. What is told behind the first `before`
        characters may be there and need not: it came after the fault began."""
        at = 0
        for line in text.split("\n")[:-1]:
            at += len(line) + 1
            self.hear_line(line.rstrip("\r"), before is None or at <= before)

    def hear_line(self, line, counts):
        match = self.LINE.fullmatch(line)
        if not match:
            raise ValueError("not a line of the workload: %r" % line)
        if match[5]:
            if match[5] == "e":
                self.errors.append(line)
            return
        what, life = match[1], int(match[2])
        a, b = (int(match[i]) if match[i] else 0 for i in (3, 4))
        if what == "s":
            self.submitted[life, a] = b
        elif what == "a":
            if self.poisoned == life:
                self.broken_words = "accepted after a failure that is final: " + line
            for k in range(self.submitted[life, a]):
                self.places[b + k] = life, a, k
        elif what == "f" and counts:
            self.flushed = max(self.flushed, a)
        elif what == "d" and counts:
            self.durable = max(self.durable, a)
        elif what == "o":
            self.opened(a, counts)
        elif what == "p":
            self.poisoned = life

    def opened(self, last, counts):
        if last < self.durable:
            self.broken_words = "open told of %d entries, %d were durable" % (last, self.durable)
        self.poisoned = None
        if counts:
            self.durable = max(self.durable, last)
        # What an earlier life appended above it is gone, and its ids are used again.
        self.places = {id: place for id, place in self.places.items() if id <= last}
        self.flushed = min(self.flushed, last)


class Checker:
    def __init__(self, told, programs):
        self.told, self.programs, self.expected = told, programs, {}

    def payload(self, life, n, k):
        key = life, n, k
        if key not in self.expected:
            filler = filler_of(self.told.seed, life, n, k)
            count = self.told.submitted[life, n]
            self.expected[key] = HEAD.pack(life, k, count, n, len(filler)) + filler
        return self.expected[key]

    def python_entries(self, folder):
        """[(life, n, k)] from the first id on, each compared byte for byte."""
        entries = []

        def give(walk):
            for what, *rest in walk.entries:
                if what != "entry":
                    raise Violation("a gap: %s" % rest)
                if rest[0] != len(entries) + 1:
                    raise Violation("id %d stands where %d should" % (rest[0], len(entries) + 1))
                entries.append(self.known(rest[0], rest[2]))

        try:
            log = read_log.Log(os.path.join(folder, "wal"))
            log.give = give
            log.replay()
        except read_log.Corrupt as why:
            raise Violation("the second reader: corrupt: %s" % why) from None
        except read_log.Incompatible as why:
            raise Violation("the second reader: incompatible: %s" % why) from None
        return entries

    def known(self, id, payload):
        life, k, count, n, _ = HEAD.unpack_from(payload)
        if self.told.submitted.get((life, n)) != count or k >= count:
            raise Violation("entry %d was never appended: life %d, call %d" % (id, life, n))
        if payload != self.payload(life, n, k):
            raise Violation("entry %d has other bytes: life %d, call %d" % (id, life, n))
        return life, n, k

    def library_entries(self, folder):
        done = subprocess.run(
            [self.programs.workload, "read", folder, "seed=%d" % self.told.seed],
            stdout=subprocess.PIPE, check=False)
        lines = done.stdout.decode().splitlines()
        if done.returncode != 0 or not lines or lines[-1] != "end":
            raise Violation("the library's reader: %d: %s" % (done.returncode, lines[-1:]))
        entries = []
        for line in lines[:-1]:
            id, life, n, k, *rest = line.split(" ")
            if rest[1:] or int(id) != len(entries) + 1:
                raise Violation("the library's reader: " + line)
            entries.append((int(life), int(n), int(k)))
        return entries

    def verify(self, folder):
        done = subprocess.run([self.programs.tool, "verify", folder], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False)
        if done.returncode not in (0, 1):
            raise Violation("walkit verify: %d: %s" % (done.returncode, done.stdout.decode()))

    def check(self, folder, level):
        """Level: "flushed" after a kill, "durable" after a power cut."""
        told = self.told
        if told.broken_words:
            raise Violation(told.broken_words)
        least = max(told.durable, told.flushed if level == "flushed" else 0)
        if not os.path.exists(os.path.join(folder, "wal", "MANIFEST")):
            if least:
                raise Violation("there is no log, and %d entries were acknowledged" % least)
            return 0
        entries = self.python_entries(folder)
        if len(entries) < least:
            raise Violation("%d entries, and %d were acknowledged" % (len(entries), least))
        self.check_order(entries)
        if self.library_entries(folder) != entries:
            raise Violation("the library's reader finds other entries than the second reader")
        self.verify(folder)
        return len(entries)

    def check_order(self, entries):
        if len(set(entries)) != len(entries):
            raise Violation("an entry is there twice")
        for at, (life, n, k) in enumerate(entries):
            place = self.told.places.get(at + 1)
            if place is not None and place != (life, n, k):
                raise Violation("entry %d is %s, told was %s" % (at + 1, (life, n, k), place))
            before = entries[at - 1] if at else None
            if k and before != (life, n, k - 1):
                raise Violation("a part of a batch is missing before entry %d" % (at + 1))
        if entries:
            life, n, k = entries[-1]
            if k + 1 != self.told.submitted[life, n]:
                raise Violation("the last batch is there in part")
