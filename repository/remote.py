"""A graph behind the SPARQL 1.1 protocol: the running app's own endpoint, or any other server's."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from ontology.records import Record
from repository.change import RegistrationError
from repository.graph import Format, GraphError
from repository.guard import RefusedQuery, check
from repository.records_json import dumps
from repository.register import Registered
from repository.terms import with_prologue
from repository.workers.pool import Answer, Busy, QueryTimeout

# Headers of our own endpoint: how many rows an answer has, that there are more, and the wish for all of them, which
# only the app's own token is granted; and which columns mix metrics or data sets, told to who asks for the check.
ROWS, TRUNCATED, WHOLE, MIXING = "DLOM-Rows", "DLOM-Truncated", "DLOM-Whole", "DLOM-Mixing"
_WAITING_S = 30.0  # that a query may have to wait for a worker, and its answer for the line
_REGISTERING = httpx.Timeout(900.0, connect=5.0)  # 20,000 rows take minutes
_TIMEOUT = httpx.Timeout(60.0, connect=5.0)


class RemoteGraph:
    """Access over HTTP. The union of all graphs is the server's default graph (ours does so)."""

    def __init__(self, url: str, token: str = "", timeout: httpx.Timeout = _TIMEOUT) -> None:
        """`url` is the query endpoint; `token` is sent as a bearer token, which only our own app asks for."""
        self.url = url
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._timeout = timeout
        self._proxies = not token  # HTTP_PROXY of the environment leads away from an app on this machine

    def query(self, text: str, format: Format = Format.CSV) -> bytes:
        """Send one of our own queries, for all of its rows. Raises GraphError when the server refuses or cuts it."""
        answer = self._ask(text, f"{format.value}, {Format.TURTLE.value};q=0.5", {WHOLE: "yes"}, {}, self._timeout)
        if TRUNCATED in answer.headers:
            raise GraphError(f"{self.url} left out rows: {answer.headers[TRUNCATED]}")
        return answer.content

    def answer(
        self,
        text: str,
        format: Format,
        graph_format: Format,
        default_graphs: Sequence[str] = (),
        named_graphs: Sequence[str] = (),
        *,
        seconds: float,
    ) -> Answer:
        """Send an analyst's query. Raises RefusedQuery, QueryTimeout, Busy or GraphError, as the server says."""
        if not self._headers:  # not our own app, which reads each query itself
            check(text)
            text = with_prologue(text)
        accept = f"{format.value}, {graph_format.value};q=0.9"
        graphs = {"default-graph-uri": list(default_graphs), "named-graph-uri": list(named_graphs)}
        start = time.monotonic()
        answer = self._ask(text, accept, {}, graphs, httpx.Timeout(seconds + _WAITING_S, connect=5.0))
        kind = answer.headers.get("content-type", "").partition(";")[0].strip()
        if kind not in {f.value for f in Format}:
            raise GraphError(f"{self.url} answered with {kind or 'no media type'}, which was not asked for")
        rows = answer.headers.get(ROWS, "")
        return Answer(
            answer.content,
            Format(kind),
            int(rows) if rows.isdecimal() else 0,
            TRUNCATED in answer.headers,
            time.monotonic() - start,
        )

    def _ask(
        self, text: str, accept: str, more: Mapping[str, str], graphs: Mapping[str, list[str]], timeout: httpx.Timeout
    ) -> httpx.Response:
        headers = {"Accept": accept, **self._headers, **more}
        try:
            answer = httpx.post(
                self.url, data={"query": text, **graphs}, headers=headers, timeout=timeout, trust_env=self._proxies
            )
        except httpx.TimeoutException as error:
            raise QueryTimeout(f"no answer from {self.url} within its time; narrow the query") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise GraphError(f"no answer from {self.url} ({error}); is the app still running?") from error
        if answer.status_code == httpx.codes.OK:
            return answer
        said = answer.text[:500].strip()
        kinds = {400: RefusedQuery, 503: Busy, 504: QueryTimeout}
        if self._headers and answer.status_code in kinds:
            raise kinds[answer.status_code](said)
        raise GraphError(f"{self.url} answered {answer.status_code}: {said}")

    def send(self, body: bytes, media_type: str, given: Sequence[tuple[str, str]]) -> Any:
        """Have the running app register a file, with the parameters of its /records; its answer as plain data.

        Raises GraphError when it is gone or does not take the request.
        """
        url = self.url.removesuffix("/sparql") + "/records"
        headers = {**self._headers, "Content-Type": media_type}
        try:
            answer = httpx.post(
                url, params=list(given), content=body, headers=headers, timeout=_REGISTERING, trust_env=self._proxies
            )
            if answer.status_code in (httpx.codes.OK, httpx.codes.CREATED, httpx.codes.UNPROCESSABLE_ENTITY):
                return answer.json()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise GraphError(f"no answer from {url} ({error}); is the app still running?") from error
        except ValueError as error:
            raise GraphError(f"{url} answered with no JSON: {answer.text[:200]}") from error
        raise GraphError(f"{url} answered {answer.status_code}: {answer.text[:500].strip()}")

    def store(self, records: Sequence[Record]) -> Registered:
        """Have the running app store records. Raises RegistrationError when it refuses, GraphError when it is gone."""
        return self._changed("/records?checked", dumps(records))

    def withdraw(self, performances: Sequence[str], by: str, because: str) -> Registered:
        """Have the running app withdraw performances (local names), as of its own today. Raises as `store` does."""
        return self._changed(
            "/withdraw", json.dumps({"performances": list(performances), "by": by, "because": because})
        )  # fmt: skip

    def _changed(self, path: str, body: str) -> Registered:
        url = self.url.removesuffix("/sparql") + path
        try:
            answer = httpx.post(
                url, content=body, headers=self._headers, timeout=self._timeout, trust_env=self._proxies
            )  # fmt: skip
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise GraphError(f"no answer from {url} ({error}); is the app still running?") from error
        if answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY:
            raise RegistrationError(answer.json()["reasons"])
        if answer.status_code != httpx.codes.OK:
            raise GraphError(f"{url} answered {answer.status_code}: {answer.text[:500]}")
        told = {name: tuple(said) for name, said in answer.json().items()}
        return Registered(told["new"], told["updated"], told.get("history", ()), told.get("withdrawn", ()))
