"""What is tried first follows from the limits, Table 1 and the facts; each reason names its numbers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontology.requirement import Limit, Requirement, limits
from optimizer.formats.shelf import FORMATS
from optimizer.networks.shelf import NETWORKS
from optimizer.proposals import Evidence, ProposalError, chosen, propose
from optimizer.recipe import Recipe, RecipeError

AIHUB = Evidence(technique="quantization", pairs=1586, slower=116, median_ratio=0.62, median_kept_percent=98.7)


def asked(**fields: Any) -> tuple[Limit, ...]:
    return limits(Requirement(**fields))


def formats(recipes: tuple[Recipe, ...]) -> list[str]:
    """In the order of the first network."""
    return [r.format for r in recipes if r.network == recipes[0].network]


def test_tight_latency_tries_the_fewest_bits_of_the_lightest_network_first() -> None:
    recipes = propose(asked(inference_latency_ms_at_most=5))
    assert formats(recipes) == ["fiq", "onnx-qdq", "blq", "f16", "tflite", "onnx", "h5"]
    assert recipes[0].network == "mlp-128-64"


def test_tight_accuracy_tries_floats_of_the_largest_network_first() -> None:
    recipes = propose(asked(accuracy_percent_at_least=98))
    assert formats(recipes) == ["tflite", "onnx", "h5", "f16", "blq", "fiq", "onnx-qdq"]
    assert recipes[0].network == "report-cnn"


def test_where_both_count_the_facts_decide() -> None:
    both = asked(inference_latency_ms_at_most=5, accuracy_percent_at_least=90)
    # Table 1: + for latency, - for performance, which is even; 98.7 % of the accuracy kept is no comfort …
    assert formats(propose(both, evidence=[AIHUB]))[0] == "tflite"
    # … and 99.6 % is: what is left is the gain in latency.
    kept = Evidence(technique="quantization", pairs=100, slower=3, median_ratio=0.5, median_kept_percent=99.6)
    assert formats(propose(both, evidence=[kept]))[:3] == ["f16", "blq", "fiq"]


def test_facts_that_contradict_table_1_win() -> None:
    slower = Evidence(technique="full-integer-quantization", pairs=10, slower=6, median_ratio=1.3)
    recipes = propose(asked(inference_latency_ms_at_most=5), evidence=[slower])
    assert formats(recipes) == ["blq", "f16", "tflite", "onnx", "h5", "fiq", "onnx-qdq"]


def test_evidence_of_no_pairs_is_no_evidence() -> None:
    none = Evidence(technique="quantization", pairs=0, slower=0, median_ratio=1.0)
    latency = asked(inference_latency_ms_at_most=5)
    assert propose(latency, evidence=[none]) == propose(latency)


def test_a_reason_tells_limit_table_and_facts_with_their_numbers() -> None:
    reason = propose(asked(inference_latency_ms_at_most=5), evidence=[AIHUB])[0].reason
    assert "109,386 parameters" in reason
    assert "Inference latency at most 5 ms" in reason
    assert "Table 1 of the DLOM² paper says that quantization lowers latency." in reason
    assert "In 1,586 comparable pairs for this purpose, quantization was slower in 116 (7%)" in reason
    assert "0.62 times the latency of float and 98.7 % of its accuracy kept." in reason


def test_a_format_without_technique_claims_none() -> None:
    reason = propose(asked(accuracy_percent_at_least=98), evidence=[AIHUB])[0].reason
    assert "Table 1" not in reason
    assert "pairs" not in reason


def test_a_technique_that_table_1_does_not_name_is_given_no_effects() -> None:
    recipes = propose(asked(accuracy_percent_at_least=98), wanted=["tvm"])
    assert {r.format for r in recipes} == {"tvm"}
    assert not [r.reason for r in recipes if "Table 1" in r.reason]


def test_ones_own_model_comes_first() -> None:
    recipes = propose((), own=True)
    assert recipes[0].network == "own"
    assert recipes[0].reason.startswith("Your own trained model")


@pytest.mark.parametrize(
    ("fields", "left"),
    [
        ({"techniques_wanted": ("quantization",)}, {"blq", "fiq", "f16", "onnx-qdq"}),
        ({"techniques_wanted": ("float16-quantization",)}, {"f16"}),
        ({"techniques_excluded": ("post-training-quantization",)}, {"h5", "tflite", "onnx"}),
        ({"precisions": ("w8a8",)}, {"fiq", "onnx-qdq"}),
        ({"runtimes": ("ONNX Runtime",)}, {"onnx", "onnx-qdq"}),
    ],
)
def test_what_the_requirement_rules_out_is_not_proposed(fields: dict[str, Any], left: set[str]) -> None:
    assert set(formats(propose(asked(**fields)))) == left


def test_a_build_proposes_few_formats_by_itself_and_all_when_asked() -> None:
    assert [f.name for f in chosen([])] == ["h5", "tflite", "blq", "fiq", "f16", "onnx", "onnx-qdq"]
    assert [f.name for f in chosen(["all"])] == list(FORMATS)
    asked_for = propose((), wanted=["pb-optimized", "onnx-pb"])
    assert {r.format for r in asked_for} == {"pb-optimized", "onnx-pb"}
    with pytest.raises(ProposalError, match="no format 'zip'; there are h5, pb"):
        propose((), wanted=["zip", "pb"])


def test_of_ones_own_model_what_can_be_made_of_it() -> None:
    own = [r.format for r in propose((), own=True, entry="onnx", wanted=["all"]) if r.network == "own"]
    assert set(own) >= {"onnx", "onnx-qdq", "onnx-fp16"}
    assert not {"h5", "pb", "tflite", "fiq", "onnx-tflite"} & set(own)


def test_networks_that_are_not_named_or_need_pictures_are_left_out() -> None:
    assert {r.network for r in propose(asked(networks=("report-cnn", "resnet-50")))} == {"report-cnn"}
    assert {r.network for r in propose(asked(families=("MobileNet",)))} == {"small-mobilenet"}
    assert {r.network for r in propose((), input_shape=(784,))} == {"mlp-128-64"}


def test_nothing_left_names_what_rules_it_out() -> None:
    with pytest.raises(ProposalError, match=r"no format .* is left by: Techniques wanted all of pruning"):
        propose(asked(techniques_wanted=("pruning",)))
    with pytest.raises(ProposalError, match=r"no network .* is left by: Networks one of resnet-50"):
        propose(asked(networks=("resnet-50",)))


@given(
    st.sets(st.sampled_from(["inference_latency_ms_at_most", "size_kib_at_most", "accuracy_percent_at_least"])),
    st.booleans(),
)
def test_every_pair_is_proposed_once_and_networks_stay_together(tight: set[str], told: bool) -> None:
    recipes = propose(asked(**dict.fromkeys(tight, 50.0)), evidence=[AIHUB] if told else [])
    assert len(recipes) == len({(r.network, r.format) for r in recipes}) == len(NETWORKS) * len(chosen([]))
    order = [r.network for r in recipes]
    assert [n for k, n in enumerate(order) if k == 0 or order[k - 1] != n] == list(dict.fromkeys(order))
    assert all(r.reason.endswith(".") for r in recipes)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"network": "resnet"}, "no network 'resnet'; there are report-cnn"),
        ({"format": "zip"}, "no format 'zip'; there are h5"),
        ({"runtime": "litert-cpu"}, r"'litert-cpu' runs no \.h5 file; h5 runs with keras-cpu"),
        ({"epochs": 0}, "epochs 0"),
        ({"learning_rate": 3.0}, "learning rate 3"),
        ({"colour": "red"}, "a recipe has no colour"),
    ],
)
def test_a_recipe_is_checked(change: dict[str, Any], said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        Recipe.from_json({"network": "report-cnn", "format": "h5"} | change)


def test_a_recipe_survives_json() -> None:
    recipe = Recipe(network="own", format="fiq", seed=7, reason="because")
    assert Recipe.from_json(recipe.to_json()) == recipe
