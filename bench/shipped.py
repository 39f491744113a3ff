"""What the benchmarks are run on: an installation with the shipped facts, its statements as files, requirements."""

from __future__ import annotations

import atexit
import pickle
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any

import pyoxigraph as ox

from bench.synthetic import sample, synthetic
from dss.groups import Judged
from flow import read_request, set_up
from ontology.requirement import Requirement
from ontology.settings import CHECKOUT, Settings
from repository.graph import EmbeddedGraph
from repository.knowledge import STORE, Knowledge
from repository.projection import Projection, project
from repository.terms import curie_node
from repository.triples import RDF_TYPE

_MODEL = curie_node(":Model")
EXAMPLES = ("abc-medical", "phone-object-detector", "shop-floor-segmentation")

# One more limit at a time, in the order in which a manager meets them in the wizard.
_GROWING: tuple[dict[str, Any], ...] = (
    {"task": ("semantic-segmentation",)},
    {"device_types": ("edge-device",)},
    {"budget_usd": 20000.0, "devices": 25},
    {"business_focus": ("industrial",)},
    {"training_domain": ("general",)},
    {"parameters_at_most": 100e6},
    {"commercial_use": True},
    {"camera": True},
    {"techniques_excluded": ("pruning",)},
    {"precisions": ("w8a8", "float")},
    {"inference_latency_ms_at_most": 100.0},
    {"peak_memory_mib_at_most": 500.0},
)


@cache
def _scratch() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="dlom-bench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def home() -> Path:
    """The home of an installation with the shipped facts, made once in a run (about six seconds) and not opened."""
    made = _scratch() / "home"
    for _ in set_up(Settings(home=made)):
        pass
    return made


@contextmanager
def copy_of_home() -> Iterator[Path]:
    """A copy that may be opened, since a store can be open in one process only."""
    with tempfile.TemporaryDirectory(dir=_scratch()) as folder:
        copy = Path(folder) / "home"
        shutil.copytree(home(), copy)
        yield copy


@contextmanager
def home_of(quads: Path) -> Iterator[Path]:
    """A home whose store on disk holds the statements of a file."""
    with tempfile.TemporaryDirectory(dir=_scratch()) as folder:
        store = Path(folder) / STORE
        store.mkdir()
        ox.Store(str(store)).bulk_load(path=str(quads), format=ox.RdfFormat.N_QUADS)
        yield Path(folder)


@cache
def n_quads() -> Path:
    """All statements of that installation with their named graphs, one a line."""
    file = _scratch() / "shipped.nq"
    with copy_of_home() as copy:
        ox.Store(str(copy / STORE)).dump(str(file), format=ox.RdfFormat.N_QUADS)
    return file


def n_triples(quads: Path) -> Path:
    """The same statements without their graphs: the union that a query sees, since none is in two graphs."""
    file = quads.with_suffix(".nt")
    if not file.exists():
        with file.open("wb") as out:
            ox.serialize((q.triple for q in statements(quads)), out, format=ox.RdfFormat.N_TRIPLES)
    return file


def statements(quads: Path) -> Iterator[ox.Quad]:
    """The statements of a file."""
    for quad in ox.parse(path=str(quads), format=ox.RdfFormat.N_QUADS):
        assert isinstance(quad, ox.Quad)
        yield quad


@cache
def sized(models: int) -> Path:
    """Statements that hold so many models: shipped ones drawn at random, or all of them and synthetic ones beside.

    100,000 models are 0.7 GB and take about a minute.
    """
    file = _scratch() / f"models-{models}.nq"
    has = sum(q.predicate == RDF_TYPE and q.object == _MODEL for q in statements(n_quads()))
    if models <= has:
        with file.open("wb") as out:
            ox.serialize(sample(statements(n_quads()), models), out, format=ox.RdfFormat.N_QUADS)
        return file
    shutil.copy(n_quads(), file)
    with file.open("ab") as out:
        ox.serialize(synthetic(statements(n_quads()), models), out, format=ox.RdfFormat.N_QUADS)
    return file


def project_once(home: Path, quads: Path) -> Projection:
    """The projection of the store in `home`, which holds the statements of `quads`; kept for `projected`."""
    file = quads.with_suffix(".projection")
    if not file.exists():
        graph = EmbeddedGraph(home / STORE)
        file.write_bytes(pickle.dumps(project(graph)))
        graph.close()
    return projected(quads)


def projected(quads: Path) -> Projection:
    """The projection that `project_once` has kept, in any process."""
    kept = pickle.loads(quads.with_suffix(".projection").read_bytes())  # noqa: S301 - written by this run
    assert isinstance(kept, Projection)
    return kept


class ReadBefore(Knowledge):
    """Knowledge of which only the projection is there: all that a selection needs, without a second of reading."""

    def __init__(self, read: Projection) -> None:
        super().__init__(EmbeddedGraph())
        self._read = read

    @property
    def projection(self) -> Projection:
        """As it was read before."""
        return self._read


def in_memory(quads: Path) -> EmbeddedGraph:
    """The statements of a file as a graph in memory."""
    graph = EmbeddedGraph()
    by_graph: dict[ox.NamedNode, list[ox.Quad]] = defaultdict(list)
    for quad in statements(quads):
        assert isinstance(quad.graph_name, ox.NamedNode)
        by_graph[quad.graph_name].append(quad)
    for name, content in by_graph.items():
        graph.replace(name, content)
    return graph


def knowledge(quads: Path) -> Knowledge:
    """The same, ready to be asked."""
    return Knowledge(in_memory(quads))


def examples(known: Knowledge) -> dict[str, Requirement]:
    """The examples that are shipped and that something fits."""
    return {n: read_request((CHECKOUT / "examples" / f"{n}.json").read_bytes(), known)[0] for n in EXAMPLES}


def preferences(known: Knowledge) -> Judged:
    """The judgements of the paper's case."""
    return read_request((CHECKOUT / "examples" / f"{EXAMPLES[0]}.json").read_bytes(), known)[1]


def growing() -> tuple[Requirement, ...]:
    """Requirements with 1, 2, … 12 limits."""
    return tuple(accumulate(_GROWING, lambda r, more: replace(r, **more), initial=Requirement()))[1:]
