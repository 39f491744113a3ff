"""Eight writers and eight readers over HTTP: no reader may see a wrong number of models.

Each writer registers one model at a time with a token, each reader counts them in SPARQL without one. A count is right
when it is at least the number of models that were acknowledged before the question was sent, and at most the number
whose sending had begun before the answer was there. DLOM_BENCH_SECONDS says for how long (120).
"""

from __future__ import annotations

import itertools
import os
import statistics
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from bench import Row, shipped
from ontology.records import Grade, Model, Performance
from repository.knowledge import SERVER
from repository.records_json import dumps
from repository.tokens import issue
from tests.browser import app

SECONDS = 120.0
WRITERS = READERS = 8
COUNT = "SELECT (COUNT(*) AS ?n) { ?m a :Model }"
_BUSY = 503


@dataclass
class _Tally:
    """What the writers have sent and had acknowledged, as everybody sees it."""

    begun: int = 0
    acknowledged: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass
class Load:
    """What came of it: seconds that each request took, counts that were wrong, and answers that were no success."""

    writes: list[float] = field(default_factory=list)
    reads: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    busy: int = 0
    seconds: float = 0.0


def put_under_load(
    address: str, token: str, sample: tuple[str, str, str, str], seconds: float, *, at_most: int = 10**9
) -> Load:
    """Write and read for some seconds. `sample` is (network, optimization, device, runtime), all known there."""
    load, tally = Load(), _Tally()
    numbers: Iterator[int] = itertools.count(1)
    with httpx.Client(base_url=address, timeout=120, trust_env=False) as client:
        base = _count(client.post("/sparql", data={"query": COUNT}))
    until = time.monotonic() + seconds

    def write(client: httpx.Client) -> None:
        number = next(numbers)
        if number > at_most:
            time.sleep(0.05)
            return
        with tally.lock:
            tally.begun += 1
        begun = time.monotonic()
        answer = client.post(
            "/records",
            content=dumps(_records(f"load-{number}", sample)),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        if answer.status_code != httpx.codes.CREATED:
            load.failed.append(f"write: {answer.status_code} {answer.text[:300]}")
            return
        with tally.lock:
            tally.acknowledged += 1
        load.writes.append(time.monotonic() - begun)

    def read(client: httpx.Client) -> None:
        least, begun = tally.acknowledged, time.monotonic()
        answer = client.post("/sparql", data={"query": COUNT})
        most = tally.begun
        if answer.status_code == _BUSY:
            load.busy += 1
            time.sleep(1)
        elif answer.status_code != httpx.codes.OK:
            load.failed.append(f"read: {answer.status_code} {answer.text[:300]}")
        else:
            load.reads.append(time.monotonic() - begun)
            if not least <= _count(answer) - base <= most:
                load.wrong.append(f"{_count(answer) - base} models, where {least} to {most} were right")

    def repeat(act: Callable[[httpx.Client], None]) -> None:
        with httpx.Client(base_url=address, timeout=120, trust_env=False) as client:
            while time.monotonic() < until:
                try:
                    act(client)
                except httpx.HTTPError as error:
                    load.failed.append(f"{type(error).__name__}: {error}")

    begun = time.monotonic()
    threads = [threading.Thread(target=repeat, args=[act]) for act in [write] * WRITERS + [read] * READERS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    load.seconds = time.monotonic() - begun
    with httpx.Client(base_url=address, timeout=120, trust_env=False) as client:
        last = _count(client.post("/sparql", data={"query": COUNT})) - base
    if last != tally.acknowledged:
        load.wrong.append(f"at the end {last} models, where {tally.acknowledged} were acknowledged")
    return load


def _count(answer: httpx.Response) -> int:
    answer.raise_for_status()
    return int(answer.json()["results"]["bindings"][0]["n"]["value"])


def _records(name: str, sample: tuple[str, str, str, str]) -> list[Model | Performance]:
    network, optimization, device, runtime = sample
    number = int(name.rpartition("-")[2])
    return [
        Performance(
            name=f"{name}-run", inference_latency_ms=10.0 + number / 1000, evidence=Grade.DECLARED, source="local",
            current=True,
        ),
        Model(
            name=name, source="local", network=network, optimization=optimization, device=device, runtime=runtime,
            purpose="image-classification", performance=(f"{name}-run",),
        ),
    ]  # fmt: skip


def main() -> Iterable[Row]:
    """Wrong counts, throughput, and how long a request took."""
    seconds = float(os.environ.get("DLOM_BENCH_SECONDS", SECONDS))
    with shipped.copy_of_home() as home, app(home) as address:
        _wait_for(home / SERVER)
        sample = ("mobilenet-v2", "w8a8", "samsung-galaxy-s23", "litert-npu")
        load = put_under_load(address, issue(home, "load", "register"), sample, seconds)
    yield Row("wrong counts", len(load.wrong), "", "", "; ".join(load.wrong[:3]))
    yield Row("requests that failed", len(load.failed), "", "", "; ".join(load.failed[:3]))
    yield Row("readers sent away for a moment (503)", load.busy, "")
    yield Row("models registered", len(load.writes), "", "", f"{WRITERS} writers, {load.seconds:.0f} s")
    yield Row("counts read", len(load.reads), "", "", f"{READERS} readers beside them")
    for name, taken in (("write", load.writes), ("read", load.reads)):
        yield Row(f"{name}s in a second", len(taken) / load.seconds, "1/s")
        for share in (50, 95):
            yield Row(f"{name}, p{share}", 1000 * _quantile(taken, share), "ms")


def _quantile(taken: Sequence[float], percent: int) -> float:
    if len(taken) < 2:
        raise RuntimeError(f"only {len(taken)} requests succeeded; nothing to tell of them")
    return statistics.quantiles(taken, n=100, method="inclusive")[percent - 1]


def _wait_for(file: Path) -> None:
    until = time.monotonic() + 60
    while not file.exists():
        if time.monotonic() > until:
            raise RuntimeError("the app did not say within 60 s where it can be asked")
        time.sleep(0.05)
