"""What is measured: cells of contenders that are compared with each other, and the targets."""


def parts(cells):
    """Cells that share their rounds. What is read fills memory, and a page cache that is full makes
    who appends slow: those come first, and each part's data goes before the next is made."""
    for workloads in (("w1", "w2", "async", "w3", "codec", "w6"), ("w4",), ("w5",), ("w7",)):
        part = [cell for cell in cells if cell.workload in workloads]
        if part:
            yield part


SEGMENTS_LEAST = 3  # that walkit has to write in a run, for a target to be met


class Cell:
    """One workload at one size. Each round runs each of its contenders once."""

    def __init__(self, workload, contenders, peers=(), data=None, **arguments):
        self.workload, self.contenders, self.peers = workload, list(contenders), list(peers)
        self.data = data or {}  # contender -> what was made for it
        self.arguments = arguments


class Scale:
    """How long a session is. peer_rounds: rounds that run the peers too."""

    def __init__(self, rounds, peer_rounds, seconds, w3_mib, w4_mib, w5_mib, segments,
                 segment_kib=65536, many_mib=40, w7_mib=0):
        self.rounds, self.peer_rounds, self.seconds = rounds, peer_rounds, seconds
        self.w3_mib, self.w4_mib, self.w5_mib = w3_mib, w4_mib, w5_mib
        self.many_mib, self.w7_mib = many_mib, w7_mib
        # KiB by entry size, so that a run of W1 fills several; of W2 in proportion to its speed.
        self.segments = segments
        self.segment_kib = segment_kib


FULL = Scale(rounds=15, peer_rounds=15, seconds=1.0, w3_mib=384, w4_mib=1024, w5_mib=(256, 4096),
             segments={100: 256, 1024: 2048, 16384: 32768}, w7_mib=96)  # 1,006,632 keys
QUICK = Scale(rounds=6, peer_rounds=1, seconds=0.15, w3_mib=208, w4_mib=192, w5_mib=(64, 512),
              segments={100: 64, 1024: 256, 16384: 4096}, w7_mib=16)
CHECK = Scale(rounds=1, peer_rounds=1, seconds=0.005, w3_mib=24, w4_mib=24, w5_mib=(8, 16),
              segments={100: 64, 1024: 64, 16384: 256}, segment_kib=4096, many_mib=1, w7_mib=1)
JOURNAL = Scale(rounds=12, peer_rounds=6, seconds=0.5, w3_mib=0, w4_mib=0, w5_mib=(),
                segments={100: 64, 16384: 8192})

SIZES = (100, 1024, 16384)
THREADS = (1, 4, 16, 64)
KV_THREADS = (1, 16, 64)
KV_PEERS = ("rocksdb", "sqlite", "lmdb")
ALL_PEERS = ("leveldb", "rocksdb", "sqlite", "lmdb")
PACKAGES = {"leveldb": "libleveldb-dev", "rocksdb": "librocksdb-dev",
            "sqlite": "libsqlite3-dev", "lmdb": "liblmdb-dev"}
W5_BYTES = 1024
MANY_KIB = 4  # a segment, where there are very many


def w1(scale):
    for size, segment in scale.segments.items():
        yield Cell("w1", ("floor_prezero_fdatasync", "floor_prezero_rotate",
                          "floor_prezero_odirect_odsync", "walkit"), ALL_PEERS,
                   bytes=size, seconds=scale.seconds, segment_kib=segment)


def w2(scale):
    for threads in THREADS:
        yield Cell("w2", ("floor_group_futex", "floor_group_pipe2", "walkit"), ALL_PEERS,
                   bytes=100, threads=threads, seconds=scale.seconds,
                   segment_kib=scale.segments[100] * {1: 1, 4: 2, 16: 8, 64: 32}[threads])
    yield Cell("async", ("floor_group_async", "walkit"), bytes=100,
               seconds=min(scale.seconds, 0.5), segment_kib=scale.segment_kib)


def w3(scale):
    for size in SIZES:
        mib = scale.w3_mib
        yield Cell("w3", ("floor_buf1m_falloc_aligned", "floor_buf1m_falloc_synced", "walkit",
                          "walkit_one_segment"),
                   bytes=size, mib=mib, segment_kib=scale.segment_kib)
        # Much slower, and of a memtable or tree that grows: less of it is enough.
        yield Cell("w3", (), ("leveldb", "rocksdb", "rocksdb_batches_of_64", "sqlite", "lmdb"),
                   bytes=size, mib=mib // 24 if size == 100 else mib // 4,
                   segment_kib=scale.segment_kib)


def w4(scale):
    for size in (100, 1024):
        for cache in ("warm", "cold"):
            contenders = ("floor_readrec", "floor_readrec_copy", "floor_mmaprec",
                          "walkit_views", "walkit_typed", "walkit_mapped")
            warm = ("walkit_two", "walkit_verify", "walkit_verify_two", "walkit_zstd",
                    "walkit_zstd_two")
            yield Cell("w4", contenders + (warm if cache == "warm" else ()), ("rocksdb",),
                       data={"floor_readrec": "floor_records",
                             "floor_readrec_copy": "floor_records",
                             "floor_mmaprec": "floor_records", "walkit_views": "walkit",
                             "walkit_mapped": "walkit", "walkit_two": "walkit",
                             "walkit_verify": "walkit", "walkit_verify_two": "walkit",
                             "walkit_zstd": "walkit_zstd", "walkit_zstd_two": "walkit_zstd",
                             "walkit_typed": "walkit_typed", "rocksdb": "rocksdb"},
                       bytes=size, mib=scale.w4_mib, segment_kib=scale.segment_kib,
                       cache=cache)


def w5(scale):
    for mib in scale.w5_mib:
        smallest = mib == min(scale.w5_mib)
        contenders = ("floor_open_tail", "walkit_reader", "walkit_newest", "walkit_writer")
        yield Cell("w5", (*contenders, "walkit_reader_closed") if smallest else contenders,
                   ("rocksdb",) if smallest else (),
                   data={"floor_open_tail": "floor_segments", "walkit_reader": "walkit_crashed",
                         "walkit_newest": "walkit_crashed", "walkit_writer": "walkit_crashed",
                         "walkit_reader_closed": "walkit_closed", "rocksdb": "rocksdb"},
                   bytes=W5_BYTES, mib=mib, segment_kib=scale.segment_kib,
                   cache="warm")
    yield Cell("w5", ("floor_open_tail", "walkit_newest", "walkit_writer"),
               data={"floor_open_tail": "floor_segments", "walkit_newest": "walkit_many",
                     "walkit_writer": "walkit_many"},
               bytes=W5_BYTES, mib=scale.many_mib, segment_kib=MANY_KIB, cache="warm")


def w6(scale):
    for threads in KV_THREADS:
        yield Cell("w6", ("walkit",), KV_PEERS, bytes=100, threads=threads, seconds=scale.seconds,
                   segment_kib=scale.segment_kib)


def w7(scale):
    yield Cell("w7", ("floor_read", "walkit"),
               data={"floor_read": "walkit_kv", "walkit": "walkit_kv"}, bytes=100,
               mib=scale.w7_mib, segment_kib=scale.segment_kib, cache="warm")


def cells(scale):
    """The codec is run by a program of its own."""
    return [*w1(scale), *w2(scale), *w3(scale), *w4(scale), *w5(scale), *w6(scale), *w7(scale),
            Cell("codec", ())]


class Target:
    """A ratio of two contenders, or a figure of one (below: None). bound None: only told."""

    def __init__(self, what, above, below, measure, bound, at_least):
        self.what, self.above, self.below = what, above, below
        self.measure, self.bound, self.at_least = measure, bound, at_least

    def ratio(self, runs):
        from figures import Ratio
        if self.below is None:
            contender, wanted = self.above
            return Ratio(runs.values(contender, self.measure, **wanted))
        return runs.ratio(self.above, self.below, self.measure)

    def against(self):
        return "" if self.below is None else self.below[0]


def compared(what, walkit, floor, measure, bound, at_least, **wanted):
    return Target(what, (walkit, wanted), (floor, wanted), measure, bound, at_least)


def size_text(size):
    return "%d KiB" % (size // 1024) if size >= 1024 else "%d B" % size


def w1_targets(scale, bound):
    for size in scale.segments:
        yield compared("W1 durable append, 1 thread, " + size_text(size), "walkit",
                       "floor_prezero_fdatasync", "rate", bound, True, workload="w1", bytes=size)


def targets(scale):
    yield from w1_targets(scale, 0.97)
    for threads in THREADS:
        yield compared("W2 durable append, %d waiting thread%s, 100 B" % (
            threads, "s" if threads > 1 else ""), "walkit", "floor_group_futex", "rate", 0.95, True,
            workload="w2", threads=threads)
    yield compared("W2 tickets, 1 producer, 100 B", "walkit", "floor_group_async", "rate", 0.5,
                   True, workload="async")
    for size in SIZES:
        yield compared("W3 buffered append, " + size_text(size), "walkit",
                       "floor_buf1m_falloc_aligned", "rate", 0.9, True, workload="w3", bytes=size,
                       mib=scale.w3_mib)
    for size in (100, 1024):
        wanted = {"workload": "w4", "bytes": size}
        yield compared("W4 replay, warm, views, " + size_text(size), "walkit_views",
                       "floor_readrec", "time each", 1.10, False, cache="warm", **wanted)
        yield compared("W4 replay, warm, typed less its decoding, " + size_text(size),
                       "walkit_typed", "walkit_views", ("time but decoding", "time each"), 1.10,
                       False, cache="warm", **wanted)
        yield compared("W4 replay, warm, mapped, " + size_text(size), "walkit_mapped",
                       "floor_mmaprec", "time each", 1.10, False, cache="warm", **wanted)
        yield compared("W4 replay, cold, views, " + size_text(size), "walkit_views",
                       "floor_readrec_copy", "time each", 1.05, False, cache="cold", **wanted)
    least, most = ({"workload": "w5", "mib": mib} for mib in scale.w5_mib)
    for wanted in (least, most):
        yield compared("W5 open for reading after a crash, %d MiB" % wanted["mib"],
                       "walkit_reader", "floor_open_tail", "time", 1.2, False, **wanted)
    yield Target("W5 the same, %d MiB to %d MiB" % (most["mib"], least["mib"]),
                 ("walkit_reader", most), ("walkit_reader", least), "time", 1.3, False)
    yield compared("W5 open for reading after a clean close", "walkit_reader_closed",
                   "floor_open_tail", "time", 0.2, False, **least)
    yield Target("W5 open for writing after a crash, syncs", ("walkit_writer", least), None,
                 "syncs", 4, False)
    yield Target("bytes on disk over each entry of 100 B, bulk",
                 ("walkit", {"workload": "w3", "bytes": 100}), None, "overhead", 4, False)
    for threads in KV_THREADS[1:]:
        for peer in KV_PEERS:
            yield compared("W6 durable put, %d threads" % threads, "walkit", peer, "rate", 1.0,
                           True, workload="w6", threads=threads)
    for what in ("encode", "decode"):
        yield Target("cereal, %s 124 B, to copies by hand" % what, (what, {"workload": "codec"}),
                     None, "ratio", 3.5, False)


def told(scale):
    """No targets, but where the others stand."""
    for size in scale.segments:
        wanted = {"workload": "w1", "bytes": size}
        name = "W1, " + size_text(size)
        yield compared(name + ", quickest tenth", "walkit", "floor_prezero_fdatasync",
                       "undisturbed", None, True, **wanted)
        for floor in ("floor_prezero_rotate", "floor_prezero_odirect_odsync"):
            yield compared(name, "walkit", floor, "rate", None, True, **wanted)
    for threads in THREADS:
        yield compared("W2, %d waiting" % threads, "walkit", "floor_group_pipe2", "rate", None,
                       True, workload="w2", threads=threads)
    for size in SIZES:
        yield compared("W3, " + size_text(size), "walkit", "floor_buf1m_falloc_synced", "rate",
                       None, True, workload="w3", bytes=size, mib=scale.w3_mib)
        yield compared("W3, %s, one segment, no zeros ahead" % size_text(size),
                       "walkit_one_segment", "floor_buf1m_falloc_aligned", "rate", None, True,
                       workload="w3", bytes=size, mib=scale.w3_mib)
        yield compared("W3, %s, processor time" % size_text(size), "walkit",
                       "floor_buf1m_falloc_aligned", "processor", None, False, workload="w3",
                       bytes=size, mib=scale.w3_mib)
    for size in (100, 1024):
        wanted = {"workload": "w4", "bytes": size, "cache": "warm"}
        yield compared("W4 warm, views, " + size_text(size), "walkit_views", "floor_mmaprec",
                       "time each", None, False, **wanted)
        yield compared("W4 warm, views, %s, processor time" % size_text(size), "walkit_views",
                       "floor_readrec", "processor", None, False, **wanted)
        for alone in ("walkit_views", "walkit_verify", "walkit_zstd"):
            two = {"walkit_views": "walkit_two"}.get(alone, alone + "_two")
            yield compared("W4 warm, %s, %s" % (two, size_text(size)), two, alone, "time each",
                           None, False, **wanted)
    for peer in KV_PEERS:
        yield compared("W6, 1 thread", "walkit", peer, "rate", None, True, workload="w6",
                       threads=1)
    yield compared("W7 a map that comes back, to its bytes read", "walkit", "floor_read", "time",
                   None, False, workload="w7")
    for mib in scale.w5_mib:
        for contender in ("walkit_newest", "walkit_writer"):
            yield compared("W5 %s, %d MiB" % (contender, mib), contender, "floor_open_tail", "time",
                           None, False, workload="w5", mib=mib)
    for contender in ("walkit_newest", "walkit_writer"):
        yield compared("W5 %s, %d segments" % (contender, scale.many_mib * 1024 // MANY_KIB),
                       contender, "floor_open_tail", "time", None, False, workload="w5",
                       mib=scale.many_mib)


def journal_targets(scale):
    yield from w1_targets(scale, 0.95)


# What each workload's contenders are shown in proportion to.
FLOORS = {"w1": "floor_prezero_fdatasync", "w2": "floor_group_futex",
          "async": "floor_group_async", "w3": "floor_buf1m_falloc_aligned", "w4": "floor_readrec",
          "w5": "floor_open_tail", "w6": "rocksdb", "w7": "floor_read"}
TITLES = {"w1": "W1: durable append, one thread", "w2": "W2: durable append, waiting threads",
          "async": "W2: durable append, tickets", "w3": "W3: buffered append",
          "w4": "W4: replay", "w5": "W5: open", "w6": "W6: durable put into a map",
          "w7": "W7: a map that comes back"}
