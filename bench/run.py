"""`./dlom bench [NAMES]`: runs the benchmarks listed here and prints the tables of each."""

from __future__ import annotations

import os
import platform
import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from bench import (
    Row,
    Table,
    decision,
    facets,
    first_page,
    hostile,
    http_load,
    inference,
    kills,
    launcher,
    live_counts,
    loading,
    matching,
    registering,
)

Benchmark = Callable[[], Iterable[Row | Table]]

# The list by hand: the name on the command line, and what it measures. A module of bench/ that is not in it
# fails a test.
BENCHMARKS: Mapping[str, Benchmark] = {
    "launcher": launcher.main,
    "loading": loading.main,
    "matching": matching.main,
    "decision": decision.main,
    "live-counts": live_counts.main,
    "facets": facets.main,
    "registering": registering.main,
    "first-page": first_page.main,
    "hostile": hostile.main,
    "http-load": http_load.main,
    "kills": kills.main,
    "inference": inference.main,
}


def machine() -> str:
    """The machine in one line: processor, cores that may be used, memory, system, Python."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [
            line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        cpu = names[0] if names else cpu
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = ""
    if "SC_PHYS_PAGES" in os.sysconf_names:
        memory = f", {os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB"
    return f"{cpu}, {cores} cores{memory}, {platform.system()} {platform.release()}, Python {platform.python_version()}"


def load() -> str:
    """How busy the machine was in the last minute; a busy one makes figures that should not be quoted."""
    if not hasattr(os, "getloadavg"):
        return "load not known"
    busy = os.getloadavg()[0]
    return f"load {busy:.1f}" + (" (busy: do not quote these figures)" if busy > (os.cpu_count() or 1) / 2 else "")


def table(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table.

    Raises ValueError for no rows, two of one name, or a ratio to a row that is missing, zero or in another unit.
    """
    by_name = {row.name: row for row in rows}
    if not rows or len(by_name) < len(rows):
        raise ValueError(f"a table needs rows of different names, got {[row.name for row in rows]}")
    cells = [("case", "value", "ratio", "note")]
    for row in rows:
        ratio = ""
        if row.ratio_to:
            other = by_name.get(row.ratio_to)
            if other is None or other.unit != row.unit or other.value == 0:
                raise ValueError(f"{row.name} ({row.unit}) cannot be compared with {row.ratio_to!r}: {other}")
            ratio = f"{row.value / other.value:.3g} × {other.name}"
        value = f"{row.value:,.0f}" if abs(row.value) >= 1000 else f"{row.value:.4g}"
        cells.append((row.name, f"{value} {row.unit}".rstrip(), ratio, row.note))
    return _markdown(cells)


def titled(table: Table) -> str:
    """A table with its title above and its notes below, as Markdown. Raises ValueError for a line of another width."""
    if not table.cells or any(len(line) != len(table.head) for line in table.cells):
        raise ValueError(f"{table.title!r}: each line needs {len(table.head)} cells, got {table.cells}")
    notes = "".join(
        "\n" + textwrap.fill(note, 140, initial_indent="- ", subsequent_indent="  ") for note in table.notes
    )
    return f"### {table.title}\n\n{_markdown([table.head, *table.cells])}\n{notes}".rstrip()


def _markdown(cells: Sequence[tuple[str, ...]]) -> str:
    """The lines, the first of them the head."""
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def main(names: Sequence[str], benchmarks: Mapping[str, Benchmark] = BENCHMARKS) -> int:
    """Runs the named benchmarks, all when none is named. Returns 2 for an unknown name, before anything runs."""
    unknown = [name for name in names if name not in benchmarks]
    if unknown or not benchmarks:
        print(f"no benchmark {', '.join(unknown)}; there are: {', '.join(benchmarks)}", file=sys.stderr)
        return 2
    print(f"{machine()}\n{time.strftime('%Y-%m-%d')}, {load()}", flush=True)
    for name in dict.fromkeys(names or benchmarks):
        start = time.perf_counter()
        about = (sys.modules[benchmarks[name].__module__].__doc__ or "").strip().splitlines()
        heading = f"\n## {name}: {about[0] if about else ''}\n"
        rows: list[Row] = []
        for found in benchmarks[name]():
            if isinstance(found, Row):
                rows.append(found)
            else:  # printed at once: the next one may take minutes
                print(f"{heading}\n{titled(found)}", flush=True)
                heading = ""
        if rows or heading:
            print(f"{heading}\n{table(rows)}", flush=True)
        print(f"({time.perf_counter() - start:.0f} s)", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
