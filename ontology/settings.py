"""Where DLOM keeps its state and where it listens: the `DLOM_*` variables, read once and passed on as arguments."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")


class SettingsError(ValueError):
    """A `DLOM_*` variable holds a value that cannot be used; the message says what to write."""


@dataclass(frozen=True, kw_only=True)
class QueryLimits:
    """What one foreign query may use, and how many may run at once.

    `rows` counts the rows of a table and the statements of a graph; `memory_mib` is address space, the libraries of
    the process included. Beyond `workers` at work and `waiting` behind them a query is turned away.
    """

    seconds: float = 30.0
    rows: int = 100_000
    memory_mib: int = 2048
    workers: int = 2
    waiting: int = 16
    wait_seconds: float = 10.0
    answer_mib: int = 64


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What differs between two installations.

    `home` holds all state (the store, jobs, artifacts) and need not exist yet; `facts` is read only. `host` is an
    address or a name without scheme or port; the default can be reached from this machine only. `store_wait_s` is how
    long a command waits for another that holds the store.
    """

    home: Path = CHECKOUT / ".dlom"
    facts: Path = CHECKOUT / "repository" / "facts"
    host: str = "127.0.0.1"
    port: int = 8501
    queries: QueryLimits = QueryLimits()
    store_wait_s: float = 60.0

    @property
    def address(self) -> str:
        """The app's address as a browser wants it, such as `http://127.0.0.1:8501`."""
        return f"http://[{self.host}]:{self.port}" if ":" in self.host else f"http://{self.host}:{self.port}"

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Settings:
        """Reads DLOM_HOME, DLOM_FACTS, DLOM_HOST, DLOM_PORT and DLOM_STORE_WAIT (seconds).

        One that is absent or blank keeps its default.

        The limits of a query are DLOM_QUERY_SECONDS, DLOM_QUERY_ROWS, DLOM_QUERY_MIB and DLOM_QUERY_WORKERS.
        A relative folder starts at the current directory, and `~` is the user's own. Raises SettingsError for a
        value that cannot be used, naming the variable.
        """
        given = {name: value.strip() for name, value in environ.items() if name.startswith("DLOM_")}
        return cls(
            home=_folder("DLOM_HOME", given.get("DLOM_HOME", "")) or cls.home,
            facts=_facts(given.get("DLOM_FACTS", "")) or cls.facts,
            host=_host(given.get("DLOM_HOST", "")) or cls.host,
            port=_port(given.get("DLOM_PORT", "")) or cls.port,
            queries=QueryLimits(
                seconds=_count("DLOM_QUERY_SECONDS", given, 1, 3600) or QueryLimits.seconds,
                rows=_count("DLOM_QUERY_ROWS", given, 1, 10_000_000) or QueryLimits.rows,
                memory_mib=_count("DLOM_QUERY_MIB", given, 512, 1_048_576) or QueryLimits.memory_mib,
                workers=_count("DLOM_QUERY_WORKERS", given, 1, 64) or QueryLimits.workers,
            ),
            store_wait_s=_count("DLOM_STORE_WAIT", given, 1, 3600) or cls.store_wait_s,
        )


def _folder(variable: str, written: str) -> Path | None:
    if not written:
        return None
    try:
        folder = Path(written).expanduser().absolute()
    except RuntimeError as unknown_user:
        raise SettingsError(f"{variable}={written}: {unknown_user}; write the folder in full") from None
    try:
        is_other = folder.exists() and not folder.is_dir()
    except OSError as unusable:  # too long, or in a folder that may not be read
        raise SettingsError(f"{variable}={written!r} cannot be used ({unusable}); write the path of a folder") from None
    if is_other:
        raise SettingsError(f"{variable}={written} is a file; write the path of a folder")
    return folder


def _facts(written: str) -> Path | None:
    folder = _folder("DLOM_FACTS", written)
    if folder is not None and not folder.is_dir():
        raise SettingsError(f"DLOM_FACTS={written} is not there; write a folder of facts, or leave the variable out")
    return folder


def _host(written: str) -> str:
    if written and not _HOST.fullmatch(written):
        raise SettingsError(f"DLOM_HOST={written!r} is not an address; write 127.0.0.1, 0.0.0.0 or a host's name")
    return written


def _port(written: str) -> int | None:
    if not written:
        return None
    if not re.fullmatch("[0-9]{1,5}", written) or not 1 <= int(written) <= 65535:
        raise SettingsError(f"DLOM_PORT={written!r} is not a port; write a number from 1 to 65535, such as 8501")
    return int(written)


def _count(variable: str, given: Mapping[str, str], least: int, most: int) -> int | None:
    written = given.get(variable, "")
    if not written:
        return None
    if not re.fullmatch("[0-9]{1,9}", written) or not least <= int(written) <= most:
        raise SettingsError(f"{variable}={written!r} cannot be used; write a whole number from {least:,} to {most:,}")
    return int(written)
