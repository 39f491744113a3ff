"""TVM's search for fast code, operator by operator, by trying it on the processor. Runs in the worker only."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RECORDS, WORKLOADS = "database_tuning_record.json", "database_workload.json"
_HEAVY = ("conv", "matmul", "dense")  # of the others (pooling, softmax) all together take a few percent
# Trials of an operator before the next one's turn, at most; fewer where there are few, so that everyone has two turns.
# The first is at random and later ones learn from it: on the report's CNN, 64 trials by 5 found code of 60 and 68 µs,
# by 8 of 106 µs (one run each, on a busy machine).
_MOST_AT_ONCE = 8
# Smaller than TVM's own 512 candidates, 4 generations and 50 new ones, which take longer to think up than to try.
_POPULATION, _GENERATIONS, _FRESH = 64, 2, 16
_TRIAL_SECONDS = 10.0
_LEFT_OUT = "neither tried nor counted: the budget is used up"

Told = Callable[[int, int, int, float], None]
"""`told(trials, operators tuned, operators, ms of the tuned ones together)`, after each round."""


@dataclass(frozen=True)
class Tuned:
    """`trials` were run, of which `failed` gave no time; `reason` is of the first such."""

    trials: int
    failed: int
    reason: str


def tasks_of(module: Any, target: Any) -> list[Any]:
    """The operators worth tuning, the one with most work first."""
    from tvm.s_tir import meta_schedule
    from tvm.s_tir.analysis import estimate_tir_flops

    every = meta_schedule.relax_integration.extract_tasks(module, target)
    heavy = [task for task in every if any(word in task.task_name for word in _HEAVY)]
    return sorted(heavy, key=lambda task: -task.weight * float(estimate_tir_flops(task.dispatched[0])))


def database_in(folder: Path) -> Any:
    """TVM's record of trials in `folder`, without the line that a killed process may have left half."""
    from tvm.s_tir import meta_schedule

    folder.mkdir(parents=True, exist_ok=True)
    for name in (WORKLOADS, RECORDS):
        file = folder / name
        if file.exists():
            lines = file.read_text(encoding="utf-8", errors="replace").split("\n")
            whole = [line for line in lines if _is_json(line)]
            file.write_text("".join(f"{line}\n" for line in whole), encoding="utf-8")
    return meta_schedule.Database.create("json", work_dir=str(folder))


def known(tasks: list[Any], database: Any, target: Any) -> int:
    """For how many of the operators the database has code that was tried."""
    return sum(database.query_tuning_record(t.dispatched[0], target, t.task_name) is not None for t in tasks)


def tune(
    tasks: list[Any], target: Any, database: Any, folder: Path, trials: int, until: float, cores: int, told: Told
) -> Tuned:
    """Tries up to `trials` pieces of code, until `until` (time.monotonic), and puts what it finds into the database.

    Code is compiled in this process: TVM's own builder starts processes that take longer to start than it allows. It
    is run in others, so that code that hangs or crashes costs one trial.
    """
    import tvm
    from tvm.s_tir import meta_schedule
    from tvm.s_tir.meta_schedule.builder.builder import BuilderResult
    from tvm.s_tir.meta_schedule.builder.local_builder import default_export

    _load_instructions()
    _leave_other_processes_alone()
    state = _State(len(tasks), [float(task.weight) for task in tasks], told)

    @tvm.ir.utils.derived_object
    class Builder(meta_schedule.builder.PyBuilder):  # type: ignore[misc]
        def build(self, inputs: list[Any]) -> list[Any]:
            made = []
            for one in inputs:
                if time.monotonic() > until or not state.takes(trials):
                    made.append(BuilderResult(None, _LEFT_OUT))
                    continue
                try:
                    made.append(BuilderResult(default_export(_built(one)), None))
                except (RuntimeError, ValueError, TypeError, AttributeError, OSError) as error:
                    made.append(BuilderResult(None, str(error)[:300]))
            return made

    @tvm.ir.utils.derived_object
    class Watch(meta_schedule.measure_callback.PyMeasureCallback):  # type: ignore[misc]
        def apply(self, scheduler: Any, task: int, candidates: Any, built: list[Any], ran: list[Any]) -> None:
            tried = state.add(int(task), built, ran)
            # What was tried in time is told to us later, all of it before the first round that was left out.
            if not tried and time.monotonic() > until:
                state.over = True
                raise RuntimeError("the time is over")  # the only way to make TVM end before its trials are used up

    search = meta_schedule.search_strategy.EvolutionarySearch(
        population_size=_POPULATION, genetic_num_iters=_GENERATIONS, init_min_unmeasured=_FRESH
    )
    contexts, weights = meta_schedule.relax_integration.extracted_tasks_to_tune_contexts(
        tasks, str(folder), strategy=search, num_threads=cores, seed=1
    )
    try:
        meta_schedule.tune_tasks(
            tasks=contexts,
            task_weights=weights,
            work_dir=str(folder),
            max_trials_global=trials,
            num_trials_per_iter=max(1, min(_MOST_AT_ONCE, trials // (2 * len(tasks)))),
            builder=Builder(),
            runner=meta_schedule.runner.LocalRunner(timeout_sec=_TRIAL_SECONDS, initializer=_ending_with_tuner()),
            database=database,
            cost_model=meta_schedule.CostModel.create("xgb", num_tuning_cores=1),  # more wait for one another longer
            measure_callbacks=[*meta_schedule.MeasureCallback.create("default"), Watch()],
        )
    except RuntimeError:
        if not state.over:
            raise
    return Tuned(state.trials, state.failed, state.reason)


def _load_instructions() -> None:
    """TVM's descriptions of vector instructions, for this kind of processor only.

    The tuner imports the package of all kinds, which takes 10 s of computing for those of graphics cards.
    """
    import importlib.util
    import sys

    from device.instructions import architecture

    package = importlib.util.find_spec("tvm.s_tir.tensor_intrin")
    if package is not None and package.name not in sys.modules:
        sys.modules[package.name] = importlib.util.module_from_spec(package)  # a package that has run nothing
        importlib.import_module(f"{package.name}.{'x86' if architecture() == 'x86_64' else 'arm_cpu'}")


def _leave_other_processes_alone() -> None:
    """TVM looks for children of its runners among all processes of the machine, which may not be read here.

    There are none: a runner calls what is tried in itself.
    """
    from tvm.support import popen_pool

    popen_pool.kill_child_processes = lambda pid: None


def _ending_with_tuner() -> Callable[[], None]:
    """What a runner does first, or it would stay behind when the tuner is killed."""

    def end_with_tuner() -> None:  # sent as code, for a runner cannot read our modules
        import ctypes
        import sys

        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL

    return end_with_tuner


def _built(one: Any) -> Any:
    from tvm.driver import build
    from tvm.s_tir.transform import RemoveWeightLayoutRewriteBlock

    return build(RemoveWeightLayoutRewriteBlock(skip_tensor_rewrite=True)(one.mod), target=one.target)


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


class _State:
    """What the trials have given so far."""

    def __init__(self, operators: int, weights: list[float], told: Told) -> None:
        self.operators, self.weights, self.told = operators, weights, told
        self.best: dict[int, float] = {}
        self.given = self.trials = self.failed = 0
        self.reason = ""
        self.over = False

    def takes(self, trials: int) -> bool:
        """Whether there is room for one more; TVM rounds its last turn up."""
        self.given += 1
        return self.given <= trials

    def add(self, task: int, built: list[Any], ran: list[Any]) -> int:
        """Counts a round of one operator; how many of it were tried."""
        before = self.trials
        for build, run in zip(built, ran, strict=False):
            if build.error_msg == _LEFT_OUT:
                continue
            self.trials += 1
            seconds = [float(s) for s in run.run_secs or ()] if run.error_msg is None else []
            if seconds:
                mean = sum(seconds) / len(seconds)
                self.best[task] = min(mean, self.best.get(task, mean))
            else:
                self.failed += 1
                self.reason = self.reason or str(build.error_msg or run.error_msg)[:300]
        if self.trials > before:
            together = sum(self.weights[k] * seconds for k, seconds in self.best.items())
            self.told(self.trials, len(self.best), self.operators, together * 1000)
        return self.trials - before
