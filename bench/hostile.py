"""Hostile requests at a running app: no crash, nothing written, nobody called.

Fuzzed queries, injections, wrong encodings, bodies that are too large, broken headers, writing without the right, and
LOAD and SERVICE with it: all sent as bytes over plain sockets, so that no client mends them. Before and after, every
statement of the graph is compared. A port on this machine is named in each LOAD and SERVICE and must never be called;
beside it, the sockets of the app and of its workers are looked at while it goes on. DLOM_BENCH_REQUESTS says how many
requests (10,000).
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, quote_plus

import httpx

from bench import Row, shipped
from bench.sockets import Sockets, children, network
from repository.knowledge import SERVER
from repository.remote import WHOLE
from repository.tokens import issue
from tests.browser import app

REQUESTS = 10_000
THREADS = 8
QUERY_SECONDS = 3  # for the app, so that a thousand runaways do not take an hour
_SEED = 20261120

_QUERIES = (
    "SELECT ?m ?l { ?m a :Model ; :network ?n . ?n rdfs:label ?l } LIMIT 5",
    "PREFIX x: <http://example.org/> SELECT * { ?s x:p ?o FILTER (?o > 3 && ?o < 7) } ORDER BY DESC(?o) LIMIT 3",
    "SELECT ?d (COUNT(*) AS ?n) { ?m :device ?d } GROUP BY ?d HAVING (COUNT(*) > 2) LIMIT 3",
    "ASK { ?m :performance/:inferenceLatencyMs ?x . OPTIONAL { ?m :task ?t } }",
    "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o } LIMIT 3",
    "DESCRIBE dev:samsung-galaxy-s24",
    'SELECT * { VALUES ?x { 1 2.5 "three"@en } BIND (STR(?x) AS ?y) } # a comment',
)
_WORDS = (
    *sorted({word for query in _QUERIES for word in query.split(" ")}),
    "MINUS",
    "UNION",
    "NOT",
    "EXISTS",
    "GRAPH",
)
_PIECES = (
    '"', "'", "{", "}", "\\", "\n", "\x00", "#", "<", ">", ";", "é", "\U0001f4a5", "\\u0022", "0e999", "UNION",
    "OPTIONAL {", "} ; DROP ALL #", "' OR 1=1 --", '"""', "?", ":", " ", " .", "*", "1", "^^", "@", "/*", "(", ")",
)  # fmt: skip
_RUNAWAYS = (
    "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }",
    "SELECT DISTINCT ?a ?d { ?a ?b ?c . ?d ?e ?f } ORDER BY ?d",
    "SELECT * { ?a (!:x)* ?b . ?b (!:y)* ?c . ?c (!:z)* ?d }",
    "ASK { {} " + "UNION {} " * 9_000 + "}",
    "ASK { FILTER (" + "(" * 3_000 + "1" + ")" * 3_000 + ") }",
    "SELECT * " + "{" * 5_000 + "}" * 5_000,
)
_WRITES = (
    "DROP ALL", "CLEAR ALL", "INSERT DATA { GRAPH <urn:x> { <urn:a> <urn:b> 666 } }", "DELETE WHERE { ?s ?p ?o }",
    "DELETE { GRAPH ?g { ?s ?p ?o } } WHERE { GRAPH ?g { ?s ?p ?o } }", "MOVE DEFAULT TO <urn:x>",
    "COPY <https://w3id.org/dlom/graph/catalog> TO <urn:x>", "CREATE GRAPH <urn:x>",
)  # fmt: skip
_PATHS = (
    "/sparql", "/sparql/", "/graphs", "/records", "/table.csv", "/dictionary.csv", "/sparql/../graphs?default",
    "//sparql", "/%73parql", "/sparql%00", "/sparql;x=1", "/..%2f..%2fetc/passwd", "/component/../../server.json",
)  # fmt: skip
_METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "CONNECT", "BREW", "get", "\x00")


def calls(trap: str) -> tuple[str, ...]:
    """Ways to have the engine call an address, which it would without its guard."""
    service = f"SERVICE <{trap}> {{ ?s ?p ?o }}"
    return (
        f"SELECT * {{ {service} }}",
        f"SELECT * {{ {service.lower()} }}",
        f"SELECT * {{ SERVICE SILENT <{trap}> {{}} }}",
        f"SELECT * {{ VALUES ?e {{ <{trap}> }} SERVICE ?e {{ ?s ?p ?o }} }}",
        f"SELECT*{{SERVICE<{trap}>{{}}}}",
        f"SELECT * {{ # \r {service} #\n }}",
        f"SELECT * {{ \\u0053{service[1:]} }}",
        f'SELECT * {{ BIND ("\\u0022" AS ?a) {service} BIND ("\\u0022" AS ?b) }}',
        f"ASK {{ FILTER NOT EXISTS {{ {service} }} }}",
        f"SELECT (EXISTS {{ {service} }} AS ?x) {{}}",
        f"SELECT * FROM <{trap}> {{ ?s ?p ?o }}",  # noqa: S608 - SPARQL, and meant to be hostile
        f"DESCRIBE <{trap}>",
    )


def loads(trap: str) -> tuple[str, ...]:
    """Updates that would call an address."""
    return (
        f"LOAD <{trap}>",
        f"LOAD SILENT <{trap}> INTO GRAPH <urn:x>",
        f"load <{trap}>",
        f"\\u004cOAD <{trap}>",
        f"# \r LOAD <{trap}>",
        f"INSERT DATA {{}} ; LOAD <{trap}>",
        f"INSERT {{ ?s ?p ?o }} WHERE {{ SERVICE <{trap}> {{ ?s ?p ?o }} }}",
        f"DELETE {{ ?s ?p ?o }} WHERE {{ ?s ?p ?o . SERVICE SILENT <{trap}> {{}} }}",
    )


@dataclass(frozen=True)
class Attack:
    """What a request needs to be made: dice, the address of the trap, and tokens with the rights to read and write."""

    dice: random.Random
    trap: str
    reader: str
    writer: str

    def request(self) -> tuple[str, bytes]:
        """One hostile request, with the name of its kind."""
        kinds: Mapping[str, tuple[int, Callable[[], bytes]]] = {
            "fuzzed query": (40, self._fuzzed),
            "call to another server": (15, lambda: self._query(self._pick(calls(self.trap)))),
            "LOAD or SERVICE with the right to write": (4, self._load),
            "write without the right": (14, self._write),
            "wrong encoding": (10, self._encoding),
            "broken header": (10, self._header),
            "strange path or method": (5, self._path),
            "too large": (1, self._large),
            "runaway": (1, lambda: self._query(self._pick(_RUNAWAYS))),
        }
        name = self.dice.choices(list(kinds), [share for share, _ in kinds.values()])[0]
        return name, kinds[name][1]()

    def _pick(self, things: tuple[str, ...]) -> str:
        return self.dice.choice(things)

    def _bytes(self, most: int = 60) -> bytes:
        return self.dice.randbytes(self.dice.randint(1, most))

    def _query(self, text: str) -> bytes:
        how = self.dice.randrange(3)
        if how == 0 and len(text) < 5_000:
            return _http("GET", f"/sparql?query={quote(text, errors='surrogateescape')}")
        if how == 1:
            return _http("POST", "/sparql", text.encode(errors="surrogateescape"), "application/sparql-query")
        form = f"query={quote_plus(text, errors='surrogateescape')}".encode()
        return _http("POST", "/sparql", form, "application/x-www-form-urlencoded")

    def _fuzzed(self) -> bytes:
        """Words put in the place of others, which often is a query still, then characters, after which it seldom is."""
        words = self._pick(_QUERIES).split(" ")
        for _ in range(self.dice.choice((0, 1, 1, 2, 3))):
            words[self.dice.randrange(len(words))] = self._pick(_WORDS)
        text = list(" ".join(words))
        for _ in range(self.dice.choice((0, 0, 1, 1, 2, 8))):
            at = self.dice.randrange(len(text) + 1)
            text[at : at + self.dice.choice((0, 0, 1, 4))] = self._pick(_PIECES)
        return self._query("".join(text))

    def _load(self) -> bytes:
        key = f"Authorization: Bearer {self.writer}"
        return _http("POST", "/sparql", self._pick(loads(self.trap)).encode(), "application/sparql-update", key)

    def _write(self) -> bytes:
        key = self._pick(
            ("", "Authorization: Bearer wrong", "Authorization: Basic YTpi", f"Authorization: Bearer {self.reader}",
             "Authorization: Bearer", f"Cookie: token={self.writer}", "Authorization: bearer \x00")
        )  # fmt: skip
        way = self.dice.randrange(5)
        if way == 0:
            return _http("POST", "/sparql", self._pick(_WRITES).encode(), "application/sparql-update", key)
        if way == 1:
            form = f"update={quote_plus(self._pick(_WRITES))}".encode()
            return _http("POST", "/sparql", form, "application/x-www-form-urlencoded", key)
        if way == 2:
            return _http("GET", f"/sparql?update={quote(self._pick(_WRITES))}", b"", "", key)
        graph = self._pick(("?default", "?graph=urn:x", "?graph=https%3A%2F%2Fw3id.org%2Fdlom%2Fgraph%2Fcatalog"))
        if way == 3:
            method = self._pick(("PUT", "POST", "DELETE"))
            return _http(method, f"/graphs{graph}", b"<urn:a> <urn:b> 666 .", "text/turtle", key)
        body = json.dumps([{"kind": "Network", "name": "evil", "label": "Evil", "family": "None"}]).encode()
        return _http("POST", "/records", body, "application/json", key)

    def _encoding(self) -> bytes:
        way = self.dice.randrange(4)
        if way == 0:
            return _http("POST", "/sparql", self._bytes(), "application/sparql-query")
        if way == 1:
            text = self._pick(_QUERIES).encode(self._pick(("utf-16", "utf-32", "utf-7", "cp500")))
            kind = self._pick(("", "; charset=utf-16", "; charset=x", "; charset"))
            return _http("POST", "/sparql", text, f"application/sparql-query{kind}")
        broken = self._pick(("%", "%zz", "%ff%fe", "%c0%af", "%ed%a0%80", "%00", "&query", "=", "%u0041"))
        if way == 2:
            return _http("GET", f"/sparql?query=ASK%20%7B%7D{broken}")
        form = b"query=" + self._bytes() + broken.encode()
        return _http("POST", "/sparql", form, "application/x-www-form-urlencoded")

    def _header(self) -> bytes:
        ask = quote("SELECT (COUNT(*) AS ?n) { ?m a :Model }")
        lines = self._pick(
            ("Host: evil.example", "Host: localhost.evil.example", "Host: [", "Host: ", "Origin: http://evil.example",
             "Host: 127.0.0.1\r\nHost: evil.example", "Content-Length: -1", "Content-Length: 9" * 40, "\x00: \x00",
             "Transfer-Encoding: chunked\r\nContent-Length: 5", "Expect: 100-continue", "A: " + "b" * 20_000,
             "Accept: " + ",".join(f"a/{n};q=0.{n}" for n in range(900)), "Accept: \x00", "Accept: */*;q=nan",
             "Accept: text/turtle", "X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Host: localhost", "no colon",
             "Authorization: Bearer \xff", f"{WHOLE}: yes", "Range: bytes=0-999999999999", "Upgrade: websocket")
        )  # fmt: skip
        host = "" if lines.startswith("Host") else "Host: 127.0.0.1\r\n"
        start = f"GET /sparql?query={ask} HTTP/{self._pick(('1.1', '1.1', '1.0', '0.9', '3', 'x'))}\r\n"
        return (start + host + lines + "\r\nConnection: close\r\n\r\n").encode("latin-1")

    def _path(self) -> bytes:
        if self.dice.random() < 0.2:
            return self._bytes(400) + b"\r\n\r\n"
        return _http(self._pick(_METHODS), self._pick(_PATHS), b"", "")

    def _large(self) -> bytes:
        way = self.dice.randrange(4)
        if way == 0:
            return _http("POST", "/sparql", b"query=" + b"x" * 3_000_000, "application/x-www-form-urlencoded")
        if way == 1:
            fields = "&".join(f"p{n}=1" for n in range(20_000)).encode()
            return _http("POST", "/sparql", fields, "application/x-www-form-urlencoded")
        if way == 2:
            return _http("GET", "/sparql?query=" + "x" * 200_000)
        key = f"Authorization: Bearer {self.writer}"
        return _http("PUT", "/graphs?graph=urn:x", b" " * 17_000_000, "text/turtle", key)


def _http(method: str, path: str, body: bytes = b"", kind: str = "", more: str = "") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close", f"Content-Length: {len(body)}"]
    lines += [f"Content-Type: {kind}"] if kind else []
    lines += [more] if more else []
    return "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n" + body


def answered(port: int, request: bytes) -> str:
    """The status of the answer, or how the connection ended without one."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=120) as connection:
        try:
            connection.sendall(request)
        except OSError:
            answer = b""  # it need not read all of what it refuses; its answer may be there
        try:
            while piece := connection.recv(65536):
                answer += piece[: max(0, 1000 - len(answer))]
        except OSError:
            return _status(answer)
    return _status(answer)


def _status(answer: bytes) -> str:
    answer = answer.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
    if not answer:
        return "closed without an answer"
    status = answer[9:12]
    return status.decode() if answer.startswith(b"HTTP/1.") and status.isdigit() else "no HTTP"


@dataclass
class Trap:
    """A port of this machine that nobody has a reason to call, and the calls that came."""

    port: int
    calls: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}/"


@contextmanager
def trap() -> Iterator[Trap]:
    """Listens until the end; the last call, which is our own, shows that it has listened."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        laid = Trap(int(server.getsockname()[1]))
        closing = threading.Event()

        def listen() -> None:
            while not closing.is_set():
                connection, _ = server.accept()
                with connection:
                    connection.settimeout(5)
                    first = connection.recv(9)
                    if first != b"own call\n":
                        laid.calls.append(first)
                    else:
                        closing.set()

        ear = threading.Thread(target=listen, daemon=True)
        ear.start()
        yield laid
        with socket.create_connection(("127.0.0.1", laid.port)) as last:
            last.sendall(b"own call\n")
        ear.join(10)
        if not closing.is_set():
            raise RuntimeError("the trap did not hear our own call, so that its silence means nothing")


def digest(client: httpx.Client, key: Mapping[str, str]) -> str:
    """A SHA-256 of all statements, each with its graph, in order."""
    headers = {"Accept": "text/tab-separated-values", WHOLE: "yes", **key}
    answer = client.post("/sparql", data={"query": "SELECT * { GRAPH ?g { ?s ?p ?o } }"}, headers=headers)
    answer.raise_for_status()
    if "dlom-truncated" in answer.headers:
        raise RuntimeError("not all statements were given")
    return hashlib.sha256("\n".join(sorted(answer.text.splitlines())).encode()).hexdigest()


@dataclass(frozen=True)
class Siege:
    """What came of it."""

    statuses: Counter[tuple[str, str]]  # (kind, status)
    same: bool  # whether the graph is what it was
    trapped: tuple[bytes, ...]
    outgoing: tuple[str, ...]
    with_network: tuple[int, ...]  # workers that share the app's network
    seconds: float


def besiege(home: Path, address: str, requests: int, threads: int = THREADS, seed: int = _SEED) -> Siege:
    """Send the requests to the app at `address`, whose state is in `home` and which holds its own store."""
    token = json.loads((home / SERVER).read_text())["token"]
    key = {"Authorization": f"Bearer {token}"}
    tokens = issue(home, "hostile-reader", "read"), issue(home, "hostile-writer", "update")
    with httpx.Client(base_url=address, timeout=120, trust_env=False) as client, trap() as laid:
        before = digest(client, key)
        port = int(address.rpartition(":")[2])
        attack = Attack(random.Random(seed), laid.url, *tokens)
        made = [attack.request() for _ in range(requests)]
        begun = time.monotonic()
        with Sockets(port) as seen, ThreadPoolExecutor(threads) as pool:
            statuses = Counter(zip((k for k, _ in made), pool.map(lambda m: answered(port, m[1]), made), strict=True))
        seconds = time.monotonic() - begun
        after = digest(client, key)
        ours = network(seen.pid)
        sharing = tuple(p for p in children(seen.pid) if network(p) == ours)
    return Siege(statuses, before == after, tuple(laid.calls), tuple(sorted(seen.outgoing)), sharing, seconds)


def main() -> Iterable[Row]:
    """Statuses by kind of request, and what must be nought."""
    requests = int(os.environ.get("DLOM_BENCH_REQUESTS", REQUESTS))
    os.environ["DLOM_QUERY_SECONDS"] = str(QUERY_SECONDS)
    with shipped.copy_of_home() as home, app(home) as address:
        while not (home / SERVER).exists():
            time.sleep(0.05)
        found = besiege(home, address, requests)
    yield Row("requests", requests, "", "", f"{THREADS} at a time, {found.seconds:.0f} s; seed {_SEED}")
    by_status = Counter[str]()
    for (_, status), count in found.statuses.items():
        by_status[status] += count
    for status, count in sorted(by_status.items()):
        kinds = [f"{k} {n}" for (k, s), n in sorted(found.statuses.items()) if s == status]
        yield Row(f"answer {status}", count, "", "", ", ".join(kinds))
    yield Row("crashes (status 500)", by_status["500"], "", "", "and the app answered its last query")
    yield Row("statements changed", 0 if found.same else 1, "", "", "0: all of them are the same, by SHA-256")
    yield Row("calls to the trap", len(found.trapped), "", "", "a listening port, named in every LOAD and SERVICE")
    yield Row("other connections out of the app", len(found.outgoing), "", "", ", ".join(found.outgoing))
    yield Row(
        "workers that share the app's network", len(found.with_network), "", "", "where the system lets them leave it"
    )
