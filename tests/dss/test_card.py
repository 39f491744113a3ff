"""What a card says of a model, on the shipped facts."""

from __future__ import annotations

import pytest

from dss.card import card
from dss.explanation import of_original
from flow import find_candidates
from ontology.requirement import Requirement
from repository.knowledge import Knowledge


@pytest.mark.parametrize(
    ("model", "label", "said"),
    [
        # AI Hub: a mean angular error of 16.2 degrees where PyTorch's is 17.0: less, and so better.
        (
            "aihub-eyegaze-float-onnx-samsung-galaxy-s24",
            "Quality (Mean angular error)",
            "95.3 % of its float original's error; less is better",
        ),
        ("aihub-mobilenet_v2-w8a8-tflite-samsung-galaxy-s24", "Accuracy", "% of its float original's quality"),
    ],
)
def test_an_error_beside_the_originals_says_that_less_is_better(
    model: str, label: str, said: str, facts: Knowledge
) -> None:
    row = facts.projection.positions[model]
    (line,) = (n for n in card(find_candidates(Requirement(), facts), row).lines if n.label.startswith(label))
    assert said in dict(line.details)["Beside its float original"]
    assert said.partition("% ")[2] == of_original(facts.projection, row)
