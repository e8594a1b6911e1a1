#!/usr/bin/env python3
"""A second verifier of the journal's format, versions 1 and 2.

Written from the text of `src/journal/mod.rs` alone and from nothing else of the program, with the standard library only. Its use is
to disagree: if it and the program ever judge a file differently, either one of them or the text is wrong.

    verify.py JOURNAL [SEQ:HASH ...]     one verdict; JOURNAL is a file or a folder of segments
    verify.py --batch < LIST             one verdict for each line of LIST, which holds the same arguments separated by tabs

A verdict is one JSON object on a line. The exit code is 0 if all are proved and 1 if not.
"""

import hashlib
import json
import os
import re
import sys
import zlib

LINE_MAX = 1048576
WRITE_MAX = 2097152
SECTOR = 512
NUMBER_MAX = 2**53 - 1
DEPTH_MAX = 64

ENVELOPE = re.compile(
    rb'\{"seq":(0|[1-9][0-9]*),"at":(0|[1-9][0-9]*),"kind":"([a-z][a-z0-9._-]{0,31})",'
    rb'"prev":"([0-9a-f]{64})","crc":"([0-9a-f]{8})","body":'
)
ENDING = re.compile(rb',"hash":"([0-9a-f]{64})"\}\Z')
ENDING_LENGTH = 75
HASH = re.compile(r"[0-9a-f]{64}\Z")
STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)


def crc_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


CRC_TABLE = crc_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


assert crc32c(b"123456789") == 0xE3069283


class Break(Exception):
    """A line that does not hold; the argument is the code of the break."""


class Number(str):
    """A JSON number as it was written."""


def unique(pairs):
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        raise ValueError("a key stands twice")
    return dict(pairs)


def refuse_constant(name):
    raise ValueError(name)


def whole_strings(value):
    """Raises if a string anywhere holds half of a surrogate pair."""
    if isinstance(value, str):
        value.encode("utf-8")
    elif isinstance(value, list):
        for item in value:
            whole_strings(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            whole_strings(key)
            whole_strings(item)


def read_body(body):
    """The value of a body, or a ValueError."""
    if not body or any(byte < 0x20 or byte > 0x7E for byte in body):
        raise ValueError("a byte that is not printable ASCII")
    bare = STRING.sub(b'""', body)
    if b" " in bare:
        raise ValueError("white space outside a string")
    depth = deepest = 0
    for byte in bare:
        if byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    if deepest > DEPTH_MAX:
        raise ValueError("nested too deep")
    value = json.loads(
        body.decode("ascii"),
        object_pairs_hook=unique,
        parse_int=Number,
        parse_float=Number,
        parse_constant=refuse_constant,
    )
    whole_strings(value)
    return value


def is_number(value, largest):
    return isinstance(value, Number) and re.fullmatch(r"0|[1-9][0-9]*", value) and int(value) <= largest


def is_string(value):
    return isinstance(value, str) and not isinstance(value, Number)


def is_hash(value):
    return is_string(value) and HASH.match(value) is not None


def check_meaning(kind, value, seq, prev):
    if kind == "genesis":
        fits = (
            isinstance(value, dict)
            and set(value) == {"format", "session", "plan"}
            and isinstance(value["format"], Number)
            and value["format"] in ("1", "2")
            and is_string(value["session"])
            and is_hash(value["plan"])
        )
    elif kind == "checkpoint":
        fits = (
            isinstance(value, dict)
            and set(value) == {"records", "head"}
            and is_number(value["records"], NUMBER_MAX)
            and int(value["records"]) == seq
            and is_hash(value["head"])
            and value["head"] == prev
        )
    elif kind == "recovered":
        fits = (
            isinstance(value, dict)
            and set(value) == {"bytes", "shape", "side_file", "sha256"}
            and is_number(value["bytes"], 2**64 - 1)
            and is_string(value["shape"])
            and value["shape"] in ("partial", "zeros", "hole")
            and is_string(value["side_file"])
            and is_hash(value["sha256"])
        )
    elif kind == "snapshot":
        fits = (
            isinstance(value, dict)
            and set(value) == {"segment", "records", "head", "state", "since", "sealed", "sealed_to"}
            and all(is_number(value[name], NUMBER_MAX) for name in ("segment", "records", "sealed_to"))
            and int(value["records"]) == seq
            and value["head"] == prev
            and is_hash(value["state"])
            and isinstance(value["since"], list)
            and isinstance(value["sealed"], list)
            and all(
                isinstance(one, dict)
                and set(one) == {"segment", "bytes", "sha256"}
                and is_number(one["segment"], NUMBER_MAX)
                and is_number(one["bytes"], NUMBER_MAX)
                and is_hash(one["sha256"])
                for one in value["sealed"]
            )
        )
    else:
        fits = True
    if not fits:
        raise Break("meaning")


def check_line(line, next_seq, head):
    """`line` comes without its line feed. Returns its hash, kind and body's value."""
    front = ENVELOPE.match(line)
    if front is None or len(line) - ENDING_LENGTH <= front.end():
        raise Break("grammar")
    ending = ENDING.match(line, len(line) - ENDING_LENGTH)
    if ending is None:
        raise Break("grammar")
    seq, at, kind, prev, crc = (text.decode("ascii") for text in front.groups())
    if int(seq) > NUMBER_MAX or int(at) > NUMBER_MAX:
        raise Break("grammar")
    body = line[front.end() : len(line) - ENDING_LENGTH]
    if int(seq) != next_seq:
        raise Break("seq")
    if prev != head:
        raise Break("prev")
    if crc32c(body) != int(crc, 16):
        raise Break("crc")
    digest = hashlib.sha256(b"\x01" + line[: len(line) - ENDING_LENGTH]).hexdigest()
    if digest != ending.group(1).decode("ascii"):
        raise Break("hash")
    if (next_seq == 0) != (kind == "genesis"):
        raise Break("kind")
    try:
        value = read_body(body)
    except (ValueError, RecursionError):
        raise Break("body") from None
    check_meaning(kind, value, next_seq, prev)
    return digest, kind, value


def has_hole(line, offset):
    border = (-offset) % SECTOR
    if 0 < border <= len(line) and line[:border].count(0) == border:
        return True
    for start in range(border, len(line) - SECTOR + 1, SECTOR):
        if line.count(0, start, start + SECTOR) == SECTOR:
            return True
    return False


def tail_of(rest, line_length, offset):
    """The shape of what follows the last whole record, or None if it is no torn tail. `line_length` is None without a line feed."""
    if b"\n" not in rest:
        return "zeros" if rest.endswith(b"\0") else "partial"
    if line_length is not None and len(rest) <= WRITE_MAX and has_hole(rest[:line_length], offset):
        return "hole"
    return None


class Walk:
    """What is proved so far, over all segments."""

    def __init__(self, witnesses):
        self.witnesses = witnesses
        self.records = self.checkpoints = 0
        self.head = "0" * 64
        self.session = None
        self.seals = {}

    def broken(self, code, offset):
        return {"verdict": "broken", "seq": self.records, "offset": offset, "code": code}

    def segment(self, data, number):
        """Walks one segment as it was written. Returns how it ends: a verdict, or (offset, shape, length of the tail)."""
        offset = 0
        state = None
        if number > 1:
            offset = data.find(b"\n") + 1
            state = hashlib.sha256(data[: offset - 1]).hexdigest()
        is_first = True
        while offset < len(data):
            end = data.find(b"\n", offset, offset + LINE_MAX)
            try:
                if end < 0:
                    raise Break("too-long")
                digest, kind, value = check_line(data[offset:end], self.records, self.head)
                if (kind == "snapshot") != (is_first and number > 1):
                    raise Break("kind")
                if kind == "snapshot" and (int(value["segment"]) != number or value["state"] != state):
                    raise Break("meaning")
            except Break as broken:
                rest = data[offset:]
                line_length = None if end < 0 else end + 1 - offset
                shape = tail_of(rest, line_length, offset)
                if shape is None:
                    return self.broken(broken.args[0], offset)
                return offset, shape, len(rest)
            for seq, remembered in self.witnesses:
                if seq == self.records and remembered != digest:
                    return self.broken("witness-differs", offset)
            if kind == "genesis":
                self.session = value["session"]
            if kind == "snapshot":
                for one in value["sealed"]:
                    seal = self.seals.get(int(one["segment"]))
                    if seal is not None and seal != (int(one["bytes"]), one["sha256"]):
                        return self.broken("seal-differs", end + 1)
            self.checkpoints += kind == "checkpoint"
            self.records += 1
            self.head = digest
            offset = end + 1
            is_first = False
        return offset, "clean", 0

    def conclude(self, offset, shape, length):
        if self.records == 0:
            return {"verdict": "broken", "seq": 0, "offset": 0, "code": "empty"}
        missing = [seq for seq, _ in self.witnesses if seq >= self.records]
        if missing:
            return {"verdict": "broken", "seq": min(missing), "offset": offset, "code": "witness-missing"}
        return {
            "verdict": "proved",
            "records": self.records,
            "checkpoints": self.checkpoints,
            "session": self.session,
            "head": "%d:%s" % (self.records - 1, self.head),
            "end": offset,
            "tail": shape,
            "tail_bytes": length,
        }


def verify(data, witnesses):
    walk = Walk(witnesses)
    end = walk.segment(data, 1)
    return end if isinstance(end, dict) else walk.conclude(*end)


GZIP_HEADER = bytes([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 2, 255])
TITLE = re.compile(rb"cutover-segment ([0-9]+) (0|[1-9][0-9]*) ([0-9a-f]{64})\Z")
THIN = re.compile(rb"(0|[1-9][0-9]*) ([a-z][a-z0-9._-]{0,31}) (.+)\Z", re.DOTALL)


def expand(packed, number):
    """The bytes of a sealed segment as they were written, or a Break."""
    if packed[:10] != GZIP_HEADER:
        raise Break("sealed")
    unpacker = zlib.decompressobj(31)
    try:
        text = unpacker.decompress(packed)
    except zlib.error:
        raise Break("sealed") from None
    if not unpacker.eof or unpacker.unused_data or not text.endswith(b"\n"):
        raise Break("sealed")
    lines = text[:-1].split(b"\n")
    title = TITLE.match(lines.pop(0))
    if title is None or int(title.group(1)) != number:
        raise Break("sealed")
    seq, prev = int(title.group(2)), title.group(3)
    out = [lines.pop(0) + b"\n"] if number > 1 else []
    for line in lines:
        thin = THIN.match(line)
        if thin is None:
            raise Break("sealed")
        at, kind, body = thin.groups()
        signed = b'{"seq":%d,"at":%s,"kind":"%s","prev":"%s","crc":"%08x","body":%s' % (seq, at, kind, prev, crc32c(body), body)
        prev = hashlib.sha256(b"\x01" + signed).hexdigest().encode()
        out.append(signed + b',"hash":"%s"}\n' % prev)
        seq += 1
    return b"".join(out)


def is_begun(data):
    state = data.find(b"\n")
    return state >= 0 and data.find(b"\n", state + 1) >= 0


def verify_folder(folder, witnesses):
    pieces = {}
    for name in os.listdir(folder):
        match = re.fullmatch(r"([0-9]{8,})\.jsonl(\.gz)?", name)
        if match and (match.group(2) is None or int(match.group(1)) not in pieces):
            pieces[int(match.group(1))] = name
    walk = Walk(witnesses)
    newest = max(pieces, default=0)
    end = (0, "clean", 0)
    for number in range(1, max(newest, 1) + 1):
        if number not in pieces:
            return walk.broken("segment-missing", end[0])
        with open(os.path.join(folder, pieces[number]), "rb") as file:
            data = file.read()
        if pieces[number].endswith(".gz"):
            walk.seals[number] = (len(data), hashlib.sha256(data).hexdigest())
            try:
                data = expand(data, number)
            except Break as broken:
                return walk.broken(broken.args[0], end[0])
        if end[1] != "clean":
            return walk.broken("segment-unfinished", end[0])
        if number > 1 and not is_begun(data):
            if number == newest and not pieces[number].endswith(".gz"):
                break
            return walk.broken("segment-unfinished", 0)
        end = walk.segment(data, number)
        if isinstance(end, dict):
            return end
    return walk.conclude(*end)


def judge(arguments):
    path, *texts = arguments
    witnesses = []
    for text in texts:
        seq, _, digest = text.partition(":")
        witnesses.append((int(seq), digest))
    if os.path.isdir(path):
        verdict = verify_folder(path, witnesses)
    else:
        with open(path, "rb") as journal:
            verdict = verify(journal.read(), witnesses)
    print(json.dumps(verdict))
    return verdict["verdict"] == "proved"


def main(arguments):
    if arguments == ["--batch"]:
        verdicts = [judge(line.rstrip("\n").split("\t")) for line in sys.stdin]
        return 0 if all(verdicts) else 1
    if not arguments:
        sys.exit(__doc__)
    return 0 if judge(arguments) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
