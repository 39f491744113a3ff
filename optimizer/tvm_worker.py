"""The process in which TVM works: it reads one ONNX file and leaves a library, objects or records of trials.

    python -m optimizer.tvm_worker JSON

It is shut in as far as the system permits (`device/seal.py`), and may run programs, for the compiler is one. What it
tells goes to standard output, a JSON object a line: {"trials": …} for progress, and at the end {"made": …} or
{"refused": …}.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from device.limits import end_with_parent, limit_address_space, limit_processor
from device.seal import CHECKOUT, seal

OBJECTS, LIBRARY = "lib.tar", "lib.so"


def main(argument: str) -> None:
    """`argument` holds what `optimizer.tvm_compiler` wrote: the work, the source, the folder and the limits."""
    began = time.monotonic()
    answer = os.dup(1)
    os.dup2(2, 1)  # TVM prints its own progress
    asked: dict[str, Any] = json.loads(argument)
    end_with_parent(asked["parent"])
    folder = Path(asked["folder"])
    own = [CHECKOUT / room for room in ("optimizer", "ontology")]
    seal([Path(asked["source"]), *own], [folder, Path(asked["database"] or folder)], run=True)
    limit_address_space(asked["memory_mib"])
    limit_processor(asked["cpu_seconds"])
    from optimizer.tvm_graph import GraphError  # after the limits: it is the first to load anything large

    try:
        said = _tune(asked, began, answer) if asked["work"] == "tune" else _compile(asked)
    except (GraphError, RefusedError) as refused:
        said = {"refused": str(refused)}
    except MemoryError:
        said = {"refused": f"it needs more than {asked['memory_mib']:,} MiB of memory; allow more"}
    _say(answer, said)


class RefusedError(ValueError):
    """The work cannot be done; the message says why, in the reader's words."""


def _target(asked: dict[str, Any]) -> Any:
    import tvm

    from optimizer.tvm_graph import target_words

    return tvm.target.Target({**target_words(asked["triple"]), "num-cores": asked["threads"]})


def _tunable(asked: dict[str, Any], target: Any) -> tuple[Any, Any]:
    """The network as it is tuned, and as it is compiled with what was tuned: fused, with fast layouts."""
    from tvm import relax

    from optimizer.tvm_graph import channels_last, load

    graph = load(Path(asked["source"]), Path(asked["folder"]))
    with target:
        return graph, relax.get_pipeline("zero")(channels_last(graph.module))


def _tune(asked: dict[str, Any], began: float, answer: int) -> dict[str, Any]:
    from optimizer.tvm_tune import database_in, known, tasks_of, tune

    target, records = _target(asked), Path(asked["database"])
    _, module = _tunable(asked, target)
    tasks = tasks_of(module, target)
    if not tasks:
        raise RefusedError("the network has no convolution and no matrix product to tune; compile it untuned")

    def told(trials: int, tuned: int, operators: int, milliseconds: float) -> None:
        _say(answer, {"trials": trials, "tuned": tuned, "operators": operators, "ms": milliseconds})

    database = database_in(records)
    until, cores = began + asked["seconds"], asked["cores"]
    found = tune(tasks, target, database, Path(asked["folder"]), asked["trials"], until, cores, told)
    if not known(tasks, database, target):
        why = f": {found.reason}" if found.reason else ", the time was over before the first had an answer"
        raise RefusedError(
            f"none of {found.trials} trials gave faster code{why}. Allow more time and trials, or compile it untuned"
        )
    return {"made": asdict(found)}


def _compile(asked: dict[str, Any]) -> dict[str, Any]:
    import tvm
    from tvm.relax import transform

    from optimizer.tvm_graph import load
    from optimizer.tvm_tune import database_in, known, tasks_of

    target, folder = _target(asked), Path(asked["folder"])
    tuned = operators = 0
    if asked["database"]:
        graph, module = _tunable(asked, target)
        database, tasks = database_in(Path(asked["database"])), tasks_of(module, target)
        tuned, operators = known(tasks, database, target), len(tasks)
        if not tuned:  # TVM would give the untuned code without a word
            raise RefusedError("the tuning left no record of any operator; allow more time, or compile it untuned")
        with target, database:
            module = transform.MetaScheduleApplyDatabase()(module)
    else:
        graph = load(Path(asked["source"]), folder)
        module = graph.module
    try:
        made = tvm.compile(module, target=target)
        made.export_library(str(folder / OBJECTS), fcompile=_archived)
    except (RuntimeError, ValueError, TypeError, AttributeError) as error:
        raise RefusedError(f"TVM cannot compile it: {' '.join(str(error).split())[:300]}") from error
    library = _linked(folder / OBJECTS, asked["compilers"], asked["triple"] is None)
    return {
        "made": {
            "library": library.name,
            "input": asdict(graph.input),
            "output": asdict(graph.output),
            "target": str(target.attrs["mcpu"]),
            "arithmetic": graph.arithmetic,
            "operators_tuned": tuned,
            "operators": operators,
        }
    }


def _archived(out: str, files: list[str]) -> None:
    """Packs the objects that TVM has written into a tar archive that depends on nothing but their content."""
    import tarfile

    with tarfile.open(out, "w") as archive:
        for file in map(Path, files):
            entry = tarfile.TarInfo(file.name)
            entry.size = file.stat().st_size
            with file.open("rb") as content:
                archive.addfile(entry, content)


def _linked(objects: Path, compilers: list[str], needed: bool) -> Path:
    """The shared library, or the objects where no linker for that processor is here and none is needed."""
    from device.runtimes.tvm_file import LinkError, link

    try:
        return link(objects, objects.with_name(LIBRARY), tuple(compilers))
    except LinkError as error:
        if needed:
            raise RefusedError(str(error)) from error
        return objects


def _say(answer: int, said: dict[str, Any]) -> None:
    text = json.dumps(said).encode() + b"\n"
    while text:
        text = text[os.write(answer, text) :]


if __name__ == "__main__":
    main(sys.argv[1])
