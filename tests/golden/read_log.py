#!/usr/bin/env python3
"""Reads walkit logs as docs/format.md describes them; shares nothing with the library.

read_log.py FOLDER...          prints what each folder holds, in the lines of holds.txt
read_log.py --check FOLDER...  compares that with each folder's holds.txt
read_log.py --images FOLDER    the same for all folders in one; see fits_image

zstd is the system's libzstd. Where there is none, it knows of entries compressed by it the checksum
and how many there are; their payload is "?".
"""

import ctypes
import os
import re
import sys

SECTOR, BLOCK, FRAME = 512, 4096, 64
MASK = (1 << 64) - 1
ENTRIES, MARKER, LOSS, CLOSE, SEAL = 1, 2, 3, 4, 5
NAME = re.compile(r"(\d{20})-(\d{20})\.wal")


def make_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


TABLE = make_table()


def crc32c(data, start=0):
    crc = start ^ 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


assert crc32c(b"123456789") == 0xE3069283


class Corrupt(Exception):
    pass


class Incompatible(Exception):
    pass


class Unknown(Exception):
    pass


class NoLog(Exception):
    pass


def number(data, at, size):
    return int.from_bytes(data[at:at + size], "little")


def zeros(data):
    return not any(data)


# ---- The three headers --------------------------------------------------------------------------

def check_prefix(data, magic, size):
    if len(data) < 32:
        raise Corrupt("header cut short")
    if data[:8] != magic:
        raise Corrupt("magic")
    length = number(data, 8, 4)
    if not 32 <= length <= 4096 or length > len(data):
        raise Corrupt("header length")
    if crc32c(data[32:length], crc32c(data[:28])) != number(data, 28, 4):
        raise Corrupt("header checksum")
    if number(data, 12, 2) != 0 or number(data, 16, 4) != 0 or length != size:
        raise Incompatible("format version or features")


def salt_of(log, segment, epoch):
    h = 0x9E3779B97F4A7C15
    for word in (number(log, 0, 8), number(log, 8, 8), segment, epoch):
        h = ((h ^ word) + 0x9E3779B97F4A7C15) & MASK
        h = (h ^ h >> 30) * 0xBF58476D1CE4E5B9 & MASK
        h = (h ^ h >> 27) * 0x94D049BB133111EB & MASK
        h ^= h >> 31
    return h


class Segment:
    def __init__(self, data, name):
        check_prefix(data[:4096], b"\x89WALKSEG", 512)
        self.data, self.crc = data, number(data, 28, 4)
        self.log = data[32:48]
        (self.number, self.first, self.epoch, _, self.d, self.rehomed, self.time, self.prev,
         self.prev_last, self.prev_end, self.prev_seal_end) = (
             number(data, at, 8) for at in range(48, 136, 8))
        self.prev_chain = number(data, 136, 4)
        self.schema, self.entry_max, self.frame_max = (number(data, at, 4) for at in (144, 148, 152))
        if data[156] > 1 or data[157] > 128:
            raise Corrupt("header fields out of range")
        self.whole_blocks = data[156] == 1
        self.salt = salt_of(self.log, self.number, self.epoch)
        self.seed = crc32c(self.salt.to_bytes(8, "little"))
        if (self.number, self.first) != name:
            raise Corrupt("the header says another name")


class Slot:
    def __init__(self, data, place):
        check_prefix(data, b"\x89WALKMAN", 4096)
        self.log = data[32:48]
        (self.generation, self.epoch, self.first, self.last, self.first_salt, self.last_salt,
         self.last_first, self.durable, clean, self.begins_after) = (
             number(data, at, 8) for at in range(48, 128, 8))
        self.clean = clean != 0
        if self.generation % 2 != place:
            raise Corrupt("a slot in the other's place")
        if not (self.last == 0 or 0 < self.first <= self.last) or self.begins_after == MASK:
            raise Corrupt("segments out of order, or no ids left")


class Manifest:
    def __init__(self, data):
        self.newest, self.bad = None, 0
        for place in (0, 1):
            try:
                slot = Slot(data[place * 4096:place * 4096 + 4096], place)
                if self.newest is None or slot.generation > self.newest.generation:
                    self.newest = slot
            except Corrupt:
                self.bad += 1


def lock_durable(data, log):
    try:
        check_prefix(data[:512], b"\x89WALKLOK", 512)
    except (Corrupt, Incompatible):
        return 0
    return number(data, 64, 8) if data[32:48] == log else 0


class Pin:
    def __init__(self, data, log):
        check_prefix(data, b"\x89WALKPIN", 512)
        if data[32:48] != log:
            raise Corrupt("a pin of another log")
        self.first, self.bytes_max, _ = (number(data, at, 8) for at in range(48, 72, 8))


def read_pins(folder, log):
    """[(name, pin)] of those that read."""
    pins, place = [], os.path.join(folder, "pins")
    for file in sorted(os.listdir(place) if os.path.isdir(place) else []):
        if not re.fullmatch(r"[a-z0-9_-]{1,64}\.pin", file):
            continue
        with open(os.path.join(place, file), "rb") as data:
            try:
                pins.append((file[:-4], Pin(data.read()[:512], log)))
            except (Corrupt, Incompatible):
                pass
    return pins


# ---- Frames -------------------------------------------------------------------------------------

def next_place(x):
    x = (x + 7) // 8 * 8
    left = SECTOR - x % SECTOR
    return x + left if left < FRAME else x


class Frame:
    """A header that holds at x; anything else raises Corrupt."""

    def __init__(self, segment, x):
        head = segment.data[x:x + FRAME]
        if len(head) < FRAME or head[:4] != b"\xf7Wfr" or head[63] != 0xA5:
            raise Corrupt("no header")
        self.crc = number(head, 4, 4)
        if crc32c(head[8:], segment.seed) != self.crc:
            raise Corrupt("no header")
        self.stored, self.bytes = number(head, 8, 4), number(head, 12, 4)
        self.first, self.d, self.offset, _ = (number(head, at, 8) for at in (16, 24, 32, 40))
        self.chain, self.body_crc, self.count = (number(head, at, 4) for at in (48, 52, 56))
        self.kind, self.flags = head[60], number(head, 61, 2)
        self.end = x + FRAME + self.stored
        if not (self.offset == x and 0 <= self.stored - self.bytes < 4096
                and (self.count == 0) == (self.kind != ENTRIES) and self.first != 0
                and self.first + self.count <= MASK and next_place(self.end) == self.end):
            raise Corrupt("no header")
        self.body = segment.data[x + FRAME:x + FRAME + self.bytes]
        self.padding = segment.data[x + FRAME + self.bytes:self.end]


def take_varint(body, at):
    value = 0
    for n in range(10):
        if at + n >= len(body):
            break
        byte = body[at + n]
        if n == 9 and byte > 1:
            break
        value |= (byte & 0x7F) << 7 * n
        if byte < 0x80:
            if byte == 0 and n > 0:
                break
            return value, at + n + 1
    raise Corrupt("varint")


def lz4_length(block, at, nibble):
    if nibble == 15:
        while block[at] == 255:
            nibble, at = nibble + 255, at + 1
        nibble, at = nibble + block[at], at + 1
    return nibble, at


def lz4_block(block):
    out, at = bytearray(), 0
    try:
        while True:
            token = block[at]
            size, at = lz4_length(block, at + 1, token >> 4)
            if size > len(block) - at:
                raise Corrupt("lz4 literals")
            out += block[at:at + size]
            at += size
            if at == len(block):
                return bytes(out)
            back = number(block, at, 2)
            size, at = lz4_length(block, at + 2, token & 15)
            if not 1 <= back <= len(out):
                raise Corrupt("lz4 distance")
            for _ in range(size + 4):
                out.append(out[-back])
    except IndexError:
        raise Corrupt("lz4 block cut short") from None


def load_zstd():
    try:
        zstd = ctypes.CDLL("libzstd.so.1")
    except OSError:
        return None
    for name in ("ZSTD_decompress", "ZSTD_findFrameCompressedSize"):
        getattr(zstd, name).restype = ctypes.c_size_t
    zstd.ZSTD_getFrameContentSize.restype = ctypes.c_ulonglong
    return zstd


ZSTD = load_zstd()


def zstd_frame(packed, size):
    """One frame that says and gives `size` bytes; none: nobody here knows."""
    if packed[:4] != b"\x28\xb5\x2f\xfd" or size > len(packed) << 15:
        raise Corrupt("not zstd")
    if ZSTD is None:
        return None
    length = ctypes.c_size_t(len(packed))
    if (ZSTD.ZSTD_findFrameCompressedSize(packed, length) != len(packed)
            or ZSTD.ZSTD_getFrameContentSize(packed, length) != size):
        raise Corrupt("zstd frame of another length")
    entries = ctypes.create_string_buffer(max(size, 1))
    if ZSTD.ZSTD_decompress(entries, ctypes.c_size_t(size), packed, length) != size:
        raise Corrupt("zstd frame")
    return entries.raw[:size]


def decompress(body, limit):
    """The entries of a body without its extras; none: nobody here knows."""
    if not body:
        raise Corrupt("no algorithm")
    if body[0] not in (1, 2):
        raise Unknown("algorithm")
    size, at = take_varint(body, 1)
    packed = body[at:]
    if len(body) >= size or size > 1 << 30 or FRAME + size > limit:
        raise Corrupt("compressed entries saved nothing, or are above the limit")
    if body[0] == 2:
        return zstd_frame(packed, size)
    if size > 255 * len(packed):
        raise Corrupt("not lz4")
    entries = lz4_block(packed)
    if len(entries) != size:
        raise Corrupt("compressed entries of another length")
    return entries


def read_entries(frame, segment):
    """[(schema, payload)]"""
    at, schema = 0, segment.schema
    if frame.flags & 1:
        schema, at = take_varint(frame.body, at)
        if not 1 <= schema < 1 << 32:
            raise Corrupt("schema number")
    if frame.flags & 2:
        _, at = take_varint(frame.body, at)
    body, limit, at = frame.body[at:], segment.frame_max + 32 - at, 0
    if frame.flags & 4:
        body = decompress(body, limit)
        if body is None:
            return [(schema, None)] * frame.count
    entries = []
    for _ in range(frame.count):
        size, at = take_varint(body, at)
        if size > len(body) - at or size > segment.entry_max:
            raise Corrupt("entry longer than its frame, or than the log allows")
        entries.append((schema, body[at:at + size]))
        at += size
    if at != len(body):
        raise Corrupt("the body goes on")
    return entries


def read_loss(frame, expected):
    first, last = number(frame.body, 0, 8), number(frame.body, 8, 8)
    if len(frame.body) < 16 or first != expected or last < first or last == MASK:
        raise Corrupt("loss")
    return first, last


def checkpoint_of(body):
    """What a marker of a checkpoint says; none: it is no such."""
    if len(body) == 9 and body[0] == 1:
        return number(body, 1, 8)
    return None


class Walk:
    """The good frames of a segment, up to the first fault or to `end`."""

    def __init__(self, segment, end=None):
        self.segment, self.frames, self.entries = segment, [], []
        self.x = 4096 if segment.whole_blocks else 512
        self.e, self.chain, self.fault, self.fault_frame = segment.first, segment.crc, None, None
        while self.fault is None and (end is None or self.x < end):
            self.fault = self.step()

    def step(self):
        try:
            frame = self.fault_frame = Frame(self.segment, self.x)
        except Corrupt:
            return "no header"
        limit = self.segment.frame_max
        limit = limit + 32 if frame.kind == ENTRIES else max(limit, 65536)
        if FRAME + frame.bytes > limit or frame.chain != self.chain or frame.first != self.e:
            return "structure"
        if len(frame.body) < frame.bytes or crc32c(frame.body, self.segment.seed) != frame.body_crc:
            return "body"
        if not zeros(frame.padding):
            return "structure"
        flags = 7 if frame.kind == ENTRIES else 0
        if frame.flags & ~flags or not (ENTRIES <= frame.kind <= SEAL or frame.kind & 0x80):
            return "unknown"
        try:
            self.take(frame)
        except Unknown:
            return "unknown"
        except Corrupt:
            return "structure"
        self.x, self.chain = frame.end, frame.crc
        self.frames.append((frame, self.e))
        return None

    def take(self, frame):
        if frame.kind == ENTRIES:
            for i, (schema, payload) in enumerate(read_entries(frame, self.segment)):
                self.entries.append(("entry", frame.first + i, schema, payload))
            self.e += frame.count
        elif frame.kind == LOSS:
            first, last = read_loss(frame, self.e)
            self.entries.append(("gap", first, last))
            self.e = last + 1


# ---- Recovery -----------------------------------------------------------------------------------

def shape_of(walk):
    data, x = walk.segment.data, walk.x
    if zeros(data[x:]):
        return "zeros"
    if walk.fault == "unknown":
        return "unknown"
    if walk.fault == "no header":
        sector_end = (x // SECTOR + 1) * SECTOR
        torn = zeros(data[x + 63:sector_end])
        return "explained" if torn else "unexplained"
    if walk.fault == "body":
        at, end = x + FRAME, x + FRAME + walk.fault_frame.bytes
        while at < end:
            piece_end = min((at // SECTOR + 1) * SECTOR, end)
            if piece_end > len(data) or data[piece_end - 1] == 0:
                return "explained"
            at = piece_end
    return "unexplained"


def highest_watermark(walk):
    highest = max([walk.segment.d] + [frame.d for frame, _ in walk.frames])
    for x in range(walk.x, len(walk.segment.data), 8):
        if walk.segment.data[x:x + 4] == b"\xf7Wfr":
            try:
                highest = max(highest, Frame(walk.segment, x).d)
            except Corrupt:
                pass
    return highest


def remainder_of(walk, proven, slot):
    data, good = walk.segment.data, walk.frames
    sealed = bool(good) and good[-1][0].kind == SEAL and len(data) == walk.x
    if (sealed and slot is not None and slot.clean and slot.last == walk.segment.number
            and slot.durable == walk.e - 1):
        return "clean close"
    end = 4096 if walk.segment.whole_blocks else 512
    for frame, e in good:
        if frame.kind in (ENTRIES, LOSS):
            if e - 1 > proven:
                break
            end = frame.end
    return "nothing" if end == walk.x else "frames"


def ends_in_close(segment, last):
    """A close behind that id, and behind it the seal that ends the file."""
    for x in range(max(512, (len(segment.data) - 69632) // 8 * 8), len(segment.data), 8):
        try:
            close = Frame(segment, x)
            seal = Frame(segment, close.end)
        except Corrupt:
            continue
        if (close.kind == CLOSE and seal.kind == SEAL and close.first == seal.first == last + 1
                and seal.chain == close.crc and seal.end == len(segment.data)
                and all(crc32c(f.body, segment.seed) == f.body_crc and zeros(f.padding)
                        for f in (close, seal))):
            return True
    return False


def judge(walk, proven, slot):
    shape = shape_of(walk)
    if shape == "unknown":
        raise Incompatible("a frame of a newer walkit")
    if proven >= walk.e:
        raise Corrupt("acknowledged entries are lost")
    if shape == "zeros":
        return "clean"
    if remainder_of(walk, proven, slot) == "clean close":
        raise Corrupt("bytes behind a clean close")
    if shape == "explained":
        return "torn"
    if walk.segment.whole_blocks:
        raise Corrupt("no crash leaves this")
    return "suspect"


# ---- The log ------------------------------------------------------------------------------------

def check_link(walk, after):
    s = walk.segment
    if not (after.log == s.log and after.prev == s.number and after.prev_last + 1 == after.first
            and after.first >= s.first and after.epoch >= s.epoch):
        raise Corrupt("a segment does not follow the one before it")
    if not (walk.x == after.prev_end and walk.e == after.prev_last + 1
            and walk.chain == after.prev_chain):
        raise Corrupt("a segment ends otherwise than its successor says")
    if after.prev_seal_end:
        whole = Walk(s)
        if not (whole.x == after.prev_seal_end == len(s.data) and whole.frames[-1][0].kind == SEAL
                and whole.frames[-1][0].offset == after.prev_end):
            raise Corrupt("seal")


class Log:
    def __init__(self, folder):
        self.folder, self.lines, self.warnings, self.checkpoint = folder, [], 0, None
        self.names = sorted(name for name in os.listdir(folder) if NAME.fullmatch(name))
        data = self.read("MANIFEST")
        if data is None and not self.names:
            raise NoLog("neither MANIFEST nor a segment")
        self.slot = None
        if data is None:
            self.warnings = 1
        else:
            manifest = Manifest(data)
            self.slot, self.warnings = manifest.newest, manifest.bad
            if self.slot is None and not self.names:
                raise Corrupt("both slots of MANIFEST, and no segment")
        if self.slot is not None:
            self.names = [n for n in self.names if int(n[:20]) >= self.slot.first]

    def read(self, name):
        try:
            with open(os.path.join(self.folder, name), "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def open_segments(self):
        segments = []
        for name in self.names:
            key = int(name[:20]), int(name[21:41])
            try:
                segments.append(Segment(self.read(name), key))
            except Corrupt:
                whole = self.slot is not None and self.warnings == 0
                if not (whole and name == self.names[-1] and key[0] > self.slot.last):
                    raise
        numbers = [s.number for s in segments]
        if numbers and numbers != list(range(numbers[0], numbers[-1] + 1)):
            raise Corrupt("a segment is missing or twice there")
        if self.slot is None and segments and segments[0].prev != 0:
            raise Corrupt("segments before the first one are missing")
        if self.slot is not None and segments:
            begin = segments[0].number, segments[0].first
            if begin != (max(self.slot.first, 1), self.slot.begins_after + 1):
                raise Corrupt("the log does not begin where MANIFEST says")
        if self.slot is not None and self.slot.last:
            if not numbers or numbers[-1] < self.slot.last:
                raise Corrupt("a segment that MANIFEST names is missing")
            for s in segments:
                known = {self.slot.first: self.slot.first_salt, self.slot.last: self.slot.last_salt}
                if s.log != self.slot.log or known.get(s.number, s.salt) != s.salt:
                    raise Corrupt("a segment of another log or life")
        return segments

    def give(self, walk):
        for what, *rest in walk.entries:
            if what == "entry":
                self.lines.append("entry %d %d %s" % (rest[0], rest[1], payload_text(rest[2])))
            else:
                self.lines.append("gap %s" % (str(rest[0]) + ".." + str(rest[1])))

    def replay(self):
        self.lines.append("segments %d" % len(self.names))
        segments = self.open_segments()
        log = self.slot.log if self.slot else segments[-1].log if segments else None
        known = self.slot.durable if self.slot else 0
        proven = max(known, lock_durable(self.read("LOCK") or b"", log))
        for s, after in zip(segments, segments[1:]):
            walk = Walk(s, after.prev_end)
            self.give(walk)
            check_link(walk, after)
        if not segments:
            last = self.slot.begins_after if self.slot else 0
            if proven > last:
                raise Corrupt("acknowledged entries are lost")
            self.lines += ["end clean", "proven %d" % proven]
            return
        walk = Walk(segments[-1])
        self.give(walk)
        for frame, _ in walk.frames:
            if frame.kind == MARKER and checkpoint_of(frame.body) is not None:
                self.checkpoint = checkpoint_of(frame.body)
        closed = (self.slot is not None and self.warnings == 0 and self.slot.clean
                  and self.slot.last == segments[-1].number and self.slot.durable == proven
                  and len(segments) == len(self.names)
                  and ends_in_close(segments[-1], proven))
        if closed and walk.x != len(segments[-1].data):
            raise Corrupt("damage in front of a close")
        proven = max(proven, highest_watermark(walk))
        end = judge(walk, proven, self.slot)
        self.lines += ["end " + end, "proven %d" % min(proven, walk.e - 1)]
        if end != "clean":
            dirty = walk.segment.data[walk.x:].rstrip(b"\0")
            self.lines.append("%s_bytes %d" % (end, len(dirty)))


def payload_text(payload):
    if payload is None:
        return "?"
    if len(payload) > 64:
        return "%d:%08x" % (len(payload), crc32c(payload))
    return payload.hex() or "-"


def read_log(folder):
    lines = []
    try:
        log = Log(folder)
        lines = log.lines
        log.replay()
        if log.warnings:
            lines.append("warnings %d" % log.warnings)
        if log.checkpoint is not None:
            lines.append("checkpoint %d" % log.checkpoint)
        for name, pin in read_pins(folder, log.slot.log if log.slot else None):
            lines.append("pin %s %d %d" % (name, pin.first, pin.bytes_max))
    except NoLog:
        lines.append("end not_found")
    except Incompatible:
        lines.append("end incompatible")
    except Corrupt:
        lines.append("end corrupt")
    return lines


def fits(found, expected):
    return found == expected or found.endswith(" ?") and expected.startswith(found[:-1])


def check(folder):
    with open(os.path.join(folder, "holds.txt"), encoding="utf-8") as file:
        expected = [line for line in file.read().splitlines() if not line.startswith("#")]
    found = read_log(folder)
    if len(found) == len(expected) and all(fits(*pair) for pair in zip(found, expected)):
        return True
    print("%s: expected\n  %s\nfound\n  %s" % (folder, "\n  ".join(expected), "\n  ".join(found)))
    return False


def strict_of(lines):
    """How many entries a strict replay gives, and how it ends."""
    entries, end = 0, ""
    for line in lines:
        what, _, rest = line.partition(" ")
        if what == "gap":
            return entries, "corrupt"
        entries += what == "entry"
        end = rest if what == "end" else end
    return entries, {"clean": "ok", "suspect": "torn"}.get(end, end)


def fits_image(found, expected):
    """Lines of holds.txt without their segments, and "strict ENTRIES END" behind them. How much is
    given before damage is met is the reader's own affair; what is, must be the same."""
    entries, end = strict_of(found)
    found = [line for line in found if not line.startswith("segments ")]
    *expected, strict = expected
    damaged = found[-1] in ("end corrupt", "end incompatible")
    if damaged:
        for lines in found, expected:
            lines[:] = [line for line in lines if not line.startswith("gap ")]
        if found[-1] != expected[-1] or strict.split()[2] != end:
            return False
        return all(fits(*pair) for pair in zip(found[:-1], expected[:-1]))
    return (len(found) == len(expected) and all(fits(*pair) for pair in zip(found, expected))
            and strict == "strict %d %s" % (entries, end))


def check_images(parent):
    ends, wrong = {}, 0
    for name in sorted(os.listdir(parent)):
        folder = os.path.join(parent, name)
        with open(os.path.join(folder, "holds.txt"), encoding="utf-8") as file:
            says = file.read().splitlines()
        expected = [line for line in says if not line.startswith("#")]
        found = read_log(folder)
        end = next(line for line in found if line.startswith("end "))
        ends[end] = ends.get(end, 0) + 1
        if not fits_image(list(found), list(expected)):
            wrong += 1
            print("%s: the other reader says\n  %s\nthis one\n  %s"
                  % (folder, "\n  ".join(says), "\n  ".join(found)))
    print("%d images: %s" % (sum(ends.values()),
                             ", ".join("%s %d" % pair for pair in sorted(ends.items()))))
    return 0 if ends and not wrong else 1


def main(arguments):
    if arguments[:1] == ["--images"]:
        return check_images(arguments[1])
    if arguments[:1] == ["--check"]:
        results = [check(folder) for folder in arguments[1:]]
        print("%d of %d logs read as they should" % (sum(results), len(results)))
        return 0 if results and all(results) else 1
    for folder in arguments:
        print("# " + folder)
        print("\n".join(read_log(folder)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
