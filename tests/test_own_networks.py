"""What the network of a user's own model is called: as they say, or by its file, and never as another network."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import flow
from comparing import contenders
from device.machine import this_machine
from ontology.records import DataSet, Model, Network, Record, TrainedNetwork
from ontology.settings import Settings
from optimizer import jobs
from optimizer.brought import network_of_file, network_told, task_of, try_on
from optimizer.candidate import MeasuredCandidate
from optimizer.formats.chain import called
from optimizer.jobs import JOBS, STEPS
from optimizer.recipe import Recipe
from optimizer.spec import JobSpec, SpecError, plan, write_json
from repository import this_device
from repository.graph import EmbeddedGraph
from repository.knowledge import Knowledge
from repository.register import register
from repository.runs import network_on_record
from repository.store import store
from repository.this_device import DeviceProfile
from tests.device.onnx_nets import product_net
from tests.test_optimizing import candidate
from tests.tiny import tiny_knowledge

SHA = "3f9a1c" + 58 * "0"


@pytest.mark.parametrize(
    ("file", "name"),
    [("in/Tulips v2.onnx", "Tulips v2"), ("net.h5", "net"), ("packed.zip", "packed"), ("net.v2", "net.v2")],
)
def test_a_model_is_called_by_its_file_or_folder(file: str, name: str) -> None:
    assert called(file) == name


@pytest.mark.parametrize(
    ("called_so", "known", "name", "label"),
    [
        ("Tulips v2", (), "tulips-v2", "Tulips v2"),
        ("Tulips v2", ("tulips-v2",), "tulips-v2-3f9a1c", "Tulips v2 (3f9a1c)"),
        ("net", ("net", "net-3f9a1c"), "net-3f9a1c000000", "net (3f9a1c000000)"),
        ("漢字", (), "model", "漢字"),
    ],
)
def test_a_new_network_is_named_by_its_file(called_so: str, known: Collection[str], name: str, label: str) -> None:
    assert network_of_file(called_so, SHA, known) == Network(name=name, label=label)


@given(st.text(max_size=80), st.sets(st.sampled_from(["net", "model", "net-3f9a1c", "model-3f9a1c"])))
def test_a_file_never_takes_the_name_of_another_network(called_so: str, known: set[str]) -> None:
    assert network_of_file(called_so, SHA, known).name not in known


def test_who_says_which_network_it_is_is_believed() -> None:
    assert network_told("small-net", {"small-net"}) == "small-net"
    assert network_told("Small Net", {"small-net"}) == "small-net"
    assert network_told("Small Net", ()) == Network(name="small-net", label="Small Net")


@pytest.fixture
def knowledge() -> Knowledge:
    """The tiny graph, with the digits as data."""
    known = tiny_knowledge()
    assert isinstance(known.graph, EmbeddedGraph)
    register(known.graph, [DataSet(name="digits", label="Digits"), DataSet(name="digits-test", label="Digits, test")])
    return known


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An installation on this machine, which is of a kind on record."""
    said = DeviceProfile(this_machine().fingerprint, "My board", "single-board-computer", told="2026-11-20")
    this_device.save(tmp_path, said)
    return Settings(home=tmp_path)


def finished(settings: Settings, file: str, *files: MeasuredCandidate, network: str | None = None) -> str:
    """A job that has measured these files of the user's model `file`."""
    spec = JobSpec(
        data="digits", minutes=1, recipes=tuple(c.recipe for c in files), own_model=file, own_network=network
    )
    job = jobs.create(settings.home, spec)
    measured = [s for s in plan(spec) if s.kind == "measure"]
    for step, c in zip(measured, files, strict=True):
        write_json(settings.home / JOBS / job / STEPS / step.file_name, {"candidate": c.to_json(), "seconds": 1.0})
    return job


def built(file: str, format_: str = "tflite", *chain: tuple[str, str], own: str | None = None) -> MeasuredCandidate:
    """A file, named by one letter, that was made of the user's file `own`, else of itself, and measured here."""
    found = candidate(file, format_, chain)
    return replace(
        found,
        measured=replace(found.measured, machine=this_machine()),
        lineage=replace(found.lineage, own_sha256=(own or file) * 64),
    )


def networks(knowledge: Knowledge) -> dict[str, str]:
    """First letter of each local model's file → the label of its network."""
    p = knowledge.projection
    return {
        str(name).removeprefix("local-")[0]: p.label("net", str(network))
        for name, network in zip(p.models["model"], p.models["network"], strict=True)
        if str(name).startswith("local-")
    }


def test_two_files_with_one_name_are_two_networks(knowledge: Knowledge, settings: Settings) -> None:
    finished(settings, "one/Tulips.tflite", built("a"))
    flow.collect(settings, knowledge)
    finished(settings, "two/Tulips.tflite", built("b"))
    again = built("c", "onnx-tflite", ("tflite", "a"), own="a")
    # The first file, under another name, and whatever anybody says of it now: its models stay together.
    finished(settings, "moved/tulips, final.tflite", built("a"), again, network="small-net")
    flow.collect(settings, knowledge)
    assert networks(knowledge) == {"a": "Tulips", "b": "Tulips (bbbbbb)", "c": "Tulips"}


def test_two_builds_that_are_registered_at_once_are_told_apart(knowledge: Knowledge, settings: Settings) -> None:
    for folder, file in (("one", "a"), ("two", "b")):
        finished(settings, f"{folder}/Tulips.tflite", built(file))
    flow.collect(settings, knowledge)
    found = networks(knowledge)
    assert sorted(found.values())[0] == "Tulips"
    assert len(set(found.values())) == 2


def test_a_network_on_record_is_joined_only_by_who_says_so(knowledge: Knowledge, settings: Settings) -> None:
    finished(settings, "small-net.tflite", built("a"))
    finished(settings, "mine.tflite", built("b"), network="SMALL net")
    flow.collect(settings, knowledge)
    assert networks(knowledge) == {"a": "small-net (aaaaaa)", "b": "SmallNet"}


def test_files_that_are_made_of_a_model_have_its_network(knowledge: Knowledge, settings: Settings) -> None:
    """A .keras file enters as an H5 of other bytes."""
    finished(settings, "net.keras", built("d", "h5", own="e"), built("f", "pb", ("h5", "d"), own="e"))
    flow.collect(settings, knowledge)
    assert networks(knowledge) == {"d": "net", "f": "net"}


def test_what_an_earlier_version_called_own_keeps_its_name(knowledge: Knowledge, settings: Settings) -> None:
    store(knowledge, [Network(name="own-aaaaaaaaaaaa", label="Own model aaaaaaaaaaaa")])
    finished(settings, "Tulips.tflite", built("a"))
    flow.collect(settings, knowledge)
    assert networks(knowledge) == {"a": "Own model aaaaaaaaaaaa"}


def test_a_registered_file_is_named_by_the_same_rule(knowledge: Knowledge, settings: Settings, tmp_path: Path) -> None:
    file = product_net(tmp_path).rename(tmp_path / "small-net.onnx")
    np.savez(tmp_path / "mine.npz", x=np.eye(4, dtype=np.float32)[:3], y=np.arange(3))
    brought = try_on(file, str(tmp_path / "mine.npz"), seconds=0.05)

    def kept(network: str | None, made_from: str | None = None) -> list[Record]:
        return flow.keep_model(
            brought, file, knowledge, settings, network=network, purpose="image-classification", keep=False,
            made_from=made_from,
        )  # fmt: skip

    digest = brought.file.sha256
    (new,) = (r for r in kept(None) if isinstance(r, Network))
    assert new == Network(name=f"small-net-{digest[:6]}", label=f"small-net ({digest[:6]})")
    store(knowledge, kept(None))
    assert network_on_record(knowledge.graph, digest) == new.name
    assert [r.network for r in kept(None) if isinstance(r, Model)] == [new.name]  # as it is on record
    assert [r.network for r in kept(new.name) if isinstance(r, Model)] == [new.name]
    for refused in (kept, lambda network: flow.check_network(file, network, knowledge)):
        with pytest.raises(SpecError, match=rf"small-net.onnx is on record as the network small-net \({digest[:6]}\)"):
            refused("small-net")
    flow.check_network(file, new.name, knowledge)
    with pytest.raises(SpecError, match=r"'!!!' is no name"):
        flow.check_network(file, "!!!", knowledge)


def test_the_graph_of_a_saved_model_is_known_by_the_model(
    knowledge: Knowledge, settings: Settings, tmp_path: Path
) -> None:
    """Once optimized, whose files all have its network; then its graph is registered, made anew of other bytes."""
    finished(settings, "door.zip", built("d", "pb", own="e"))
    flow.collect(settings, knowledge)
    file = product_net(tmp_path)
    np.savez(tmp_path / "mine.npz", x=np.eye(4, dtype=np.float32)[:3], y=np.arange(3))
    brought = try_on(file, str(tmp_path / "mine.npz"), seconds=0.05)
    records = flow.keep_model(
        brought, file, knowledge, settings, network=None, purpose=None, keep=False, made_from=64 * "e"
    )
    assert [r.network for r in records if isinstance(r, Model | TrainedNetwork)] == ["door", "door"]
    store(knowledge, records)
    assert network_on_record(knowledge.graph, 64 * "e") == "door"


def test_a_purpose_that_nobody_says_is_what_is_on_record_else_what_the_answers_are(
    knowledge: Knowledge, settings: Settings, tmp_path: Path
) -> None:
    file = product_net(tmp_path)
    np.savez(tmp_path / "mine.npz", x=np.eye(4, dtype=np.float32)[:3], y=np.arange(3))
    brought = try_on(file, str(tmp_path / "mine.npz"), seconds=0.05)

    def kept(purpose: str | None) -> list[Record]:
        return flow.keep_model(brought, file, knowledge, settings, network=None, purpose=purpose, keep=False)

    assert [r.purpose for r in kept(None) if isinstance(r, Model)] == ["image-classification"]
    store(knowledge, kept("object-detection"))
    assert [r.purpose for r in kept(None) if isinstance(r, Model)] == ["object-detection"]
    assert [r.purpose for r in kept("image-classification") if isinstance(r, Model)] == ["image-classification"]


def test_the_purpose_by_how_answers_are_judged() -> None:
    measured = candidate("a", "onnx", ()).measured
    said = {m: task_of(replace(measured, metric=m)) for m in (None, "top-1", "rmse", "mard", "map")}
    assert said == {
        None: "image-classification", "top-1": "image-classification", "rmse": "regression", "mard": "regression",
        "map": "multi-label-classification",
    }  # fmt: skip
    boxes = replace(measured, metric="map", further_metrics=(("ap50", 60.0), ("ap75", 40.0)))
    assert task_of(boxes) == "object-detection"


def test_lists_and_comparisons_show_what_the_user_calls_it(tmp_path: Path) -> None:
    first = built("a")
    first = replace(first, lineage=replace(first.lineage, own_label="Tulips"))
    assert MeasuredCandidate.from_json(first.to_json()) == first
    assert [c.network for c in contenders(Settings(home=tmp_path), [first])] == ["Tulips"]
    recipe = Recipe(network="own", format="onnx-fp16")
    spec = JobSpec(data="digits", minutes=1, recipes=(recipe,), own_model="in/Tulips.onnx")
    assert (spec.label(recipe), spec.named(recipe)) == ("Tulips", "Tulips-onnx-fp16")
    assert JobSpec.from_json(spec.to_json()) == spec
    assert replace(spec, own_network="My Net").label(recipe) == "My Net"
    assert replace(spec, own_model="report-cnn.onnx").label(recipe) == "report-cnn (your file)"  # the shelf has one
    assert jobs.unfinished(tmp_path, jobs.create(tmp_path, spec)) == ["Tulips-onnx-fp16"]
