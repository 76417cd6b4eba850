#!/usr/bin/env python3
"""Reads walkit checkpoints as docs/format.md describes them; shares nothing with the library.

read_checkpoint.py FILE...          a line for each: its name and what it holds
read_checkpoint.py --check FOLDER   compares that with the folder's states.txt

A line is `NAME entry ID codec CCCC schema N type TYPE bytes N crc HEX`, or `NAME corrupt` or
`NAME incompatible`. The crc is that of the state's bytes.
"""

import os
import re
import sys

from read_log import Corrupt, Incompatible, check_prefix, crc32c, lz4_block, number, salt_of, zeros, \
    zstd_frame

HEADER, PIECE = 512, 32
NAME = re.compile(r"(\d{20})\.ckpt")


def unpacked(stored, how, size):
    if how == 0:
        return stored
    if how == 1:
        if size > 255 * len(stored):
            raise Corrupt("more than an LZ4 block can hold")
        return lz4_block(stored)
    return zstd_frame(stored, size)


def pieces_of(data, seed, largest):
    """(kind, place, bytes) of each piece; behind the last one the file ends."""
    at = HEADER
    while at < len(data):
        head = data[at:at + PIECE]
        if len(head) < PIECE or head[:4] != b"\xF7Wck" or head[30] != 0 or head[31] != 0xA5:
            raise Corrupt("no piece")
        if number(head, 4, 4) != crc32c(head[8:], seed):
            raise Corrupt("piece header checksum")
        stored, plain, place, body_crc = (number(head, *field)
                                          for field in ((8, 4), (12, 4), (16, 8), (24, 4)))
        kind, how = head[28], head[29]
        if kind not in (1, 2) or how > 2 or stored == 0 or plain > largest:
            raise Corrupt("piece header")
        if (how == 0) != (stored == plain) or (how != 0 and (stored > plain or kind == 2)):
            raise Corrupt("piece lengths")
        body = data[at + PIECE:at + PIECE + stored]
        if len(body) < stored or crc32c(body, seed) != body_crc:
            raise Corrupt("piece checksum")
        body = unpacked(body, how, plain)
        if body is not None and len(body) != plain:
            raise Corrupt("piece of another length")
        at += PIECE + stored
        yield kind, place, body
        if kind == 2:
            if at != len(data):
                raise Corrupt("bytes behind the end")
            return
    raise Corrupt("no end")


def read(name, data):
    check_prefix(data[:4096], b"\x89WALKCKP", HEADER)
    entry, codec, schema, largest = (number(data, *field)
                                     for field in ((48, 8), (64, 4), (68, 4), (72, 4)))
    if not 1 <= largest <= 1 << 24 or data[76] > 128:
        raise Corrupt("header fields out of range")
    if entry != int(NAME.fullmatch(name).group(1)):
        raise Corrupt("the header says another entry")
    kind_of = data[80:80 + data[76]].decode() or "-"
    assert zeros(data[77:80]) and zeros(data[208:HEADER])
    seed = crc32c(salt_of(data[32:48], entry, 0).to_bytes(8, "little"))
    size, count, crc = 0, 0, 0
    for kind, place, body in pieces_of(data, seed, largest):
        if place != count:
            raise Corrupt("a piece in another's place")
        if kind == 1:
            size, count, crc = size + len(body), count + 1, crc32c(body, crc)
        elif [number(body, at, n) for at, n in ((0, 8), (8, 8), (16, 4))] != [size, count, crc]:
            raise Corrupt("the end does not fit")
    text = "".join(chr(codec >> shift & 0xFF) for shift in (24, 16, 8, 0))
    return "entry %d codec %s schema %d type %s bytes %d crc %08x" % (
        entry, text, schema, kind_of, size, crc)


def line_of(path):
    name = os.path.basename(path)
    with open(path, "rb") as file:
        data = file.read()
    try:
        return name + " " + read(name, data)
    except Corrupt:
        return name + " corrupt"
    except Incompatible:
        return name + " incompatible"


def check(folder):
    with open(os.path.join(folder, "states.txt"), encoding="utf-8") as file:
        expected = [line for line in file.read().splitlines() if not line.startswith("#")]
    names = sorted(name for name in os.listdir(folder) if NAME.fullmatch(name))
    found = [line_of(os.path.join(folder, name)) for name in names]
    for line in sorted(set(found) ^ set(expected)):
        print("%s: %s" % ("found" if line in found else "expected", line))
    print("%d of %d checkpoints read as they should" % (
        len(set(found) & set(expected)), len(expected)))
    return 0 if found and found == expected else 1


def main(arguments):
    if arguments[:1] == ["--check"]:
        return check(arguments[1])
    for path in arguments:
        print(line_of(path))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
