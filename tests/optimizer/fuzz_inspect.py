"""Reads many damaged copies of a model file, each in a process of its own that is shut in as in `inspect`.

`python -I tests/optimizer/fuzz_inspect.py FORMAT COUNT SEED FILE` prints one JSON: how many were read, and the
refusals with their numbers. The reading processes are forked from one that has loaded the libraries: 300 starts of
Python would take minutes.
"""

from __future__ import annotations

import io
import json
import os
import random
import select
import signal
import sys
import tempfile
import time
import zipfile
from collections import Counter
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent.parent))

from device.limits import leave_network
from optimizer.inspect import interpret
from optimizer.inspection import worker
from optimizer.inspection.found import Limits, RefusedFile
from optimizer.inspection.kind import kind

LIMITS = Limits(wall_s=3.0, cpu_s=2)
TELLING = (b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x00\x00\x00\x80", b"\x00\x00\x00\x00", b"\x01\x00\x00\x00")


def damaged(data: bytes, dice: random.Random) -> bytes:
    """A copy with some bytes changed, a number overwritten, a piece cut out, doubled or zeroed, or its end cut off."""
    found = bytearray(data)
    for _ in range(dice.choice((1, 1, 2, 4, 16))):
        at = dice.randrange(len(found))
        match dice.randrange(7):
            case 0:
                del found[max(1, at) :]
            case 1:
                found[at : at + 4] = dice.choice(TELLING)
            case 2:
                found[at : at + dice.randrange(64)] = b""
            case 3:
                found[at:at] = found[at : at + dice.randrange(64)]
            case 4:
                found[at : at + 16] = bytes(16)
            case _:
                found[at] ^= 1 << dice.randrange(8)
        if not found:
            return b"\x00"
    return bytes(found)


def damaged_inside(data: bytes, dice: random.Random) -> bytes:
    """The archive packed again with one damaged part, which its checksum does not give away."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = dice.choice(sorted(parts))
    parts[name] = damaged(parts[name], dice)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return packed.getvalue()


def outcome(data: bytes, format_: str, read: worker.Reader) -> str:
    """`read`, or why not; any other exception ends the run."""
    try:
        if kind(data[:4096], "x") != format_:
            return "of another format"
    except RefusedFile as refused:
        return str(refused)
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        mine, theirs = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(mine)
            worker.seal(LIMITS)
            os.write(theirs, json.dumps(worker.respond(file.fileno(), read, LIMITS)).encode())
            os._exit(0)
    os.close(theirs)
    deadline, answer, ended = time.monotonic() + LIMITS.wall_s, b"", None
    while ended is None:
        if not select.select([mine], [], [], max(0.0, deadline - time.monotonic()))[0]:
            os.kill(child, signal.SIGKILL)
            ended = "time"
        elif piece := os.read(mine, 65536):
            answer += piece
        else:
            break
    os.close(mine)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    found = interpret(answer, ended or status, LIMITS)
    return found if isinstance(found, str) else "read"


def main(format_: str, count: int, seed: int, file: Path) -> None:
    leave_network()
    read, data, dice = worker.reader(format_), file.read_bytes(), random.Random(seed)
    outcomes: Counter[str] = Counter()
    assert outcome(data, format_, read) == "read"
    for i in range(count):
        harm = damaged_inside if format_ == "keras" and i % 3 else damaged
        outcomes[outcome(harm(data, dice), format_, read)] += 1
    sys.stdout.write(json.dumps(outcomes))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
