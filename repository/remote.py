"""A graph behind the SPARQL 1.1 protocol: the running app's own endpoint, or any other server's."""

from __future__ import annotations

from collections.abc import Sequence

import httpx

from ontology.records import Record
from repository.change import RegistrationError
from repository.graph import Format, GraphError
from repository.records_json import dumps
from repository.register import Registered

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
        """Send one query. Raises GraphError when the server cannot be reached or refuses."""
        headers = {"Accept": format.value, **self._headers}
        try:
            answer = httpx.post(
                self.url, data={"query": text}, headers=headers, timeout=self._timeout, trust_env=self._proxies
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise GraphError(f"no answer from {self.url} ({error}); is the app still running?") from error
        if answer.status_code != httpx.codes.OK:
            raise GraphError(f"{self.url} answered {answer.status_code}: {answer.text[:500]}")
        return answer.content

    def store(self, records: Sequence[Record]) -> Registered:
        """Have the running app store records. Raises RegistrationError when it refuses, GraphError when it is gone."""
        url = self.url.removesuffix("/sparql") + "/records"
        try:
            answer = httpx.post(
                url, content=dumps(records), headers=self._headers, timeout=self._timeout, trust_env=self._proxies
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise GraphError(f"no answer from {url} ({error}); is the app still running?") from error
        if answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY:
            raise RegistrationError(answer.json()["reasons"])
        if answer.status_code != httpx.codes.OK:
            raise GraphError(f"{url} answered {answer.status_code}: {answer.text[:500]}")
        told = answer.json()
        return Registered(tuple(told["new"]), tuple(told["updated"]))
