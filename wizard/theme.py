"""Colours, chosen after Okabe and Ito so that colour-blind people can tell them apart; the rest is in `style.css`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ontology.records import Grade, Objective

ACCENT = "#0b6e6e"
GRADE_COLOURS: Mapping[Grade, str] = {
    Grade.MEASURED: "#007a5a",
    Grade.PUBLISHED: "#0a62a3",
    Grade.LITERATURE: "#8a4f7d",
    Grade.DECLARED: "#a35200",
    Grade.PREDICTED: "#5b6770",
}
OBJECTIVE_COLOURS: Mapping[Objective, str] = {
    Objective.PERFORMANCE: "#0072b2",
    Objective.RELIABILITY: "#009e73",
    Objective.SECURITY: "#cc79a7",
    Objective.COST: "#e69f00",
    Objective.LATENCY: "#56b4e9",
    Objective.COMPLEXITY: "#8c8c8c",
}
PLACE_COLOURS = ("#0b6e6e", "#4d9696", "#8bbcbc", "#bcd8d8", "#e0eeee")  # first place darkest
SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#5b6770")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "pentagon")

CSS = Path(__file__).with_name("style.css")
ICON = Path(__file__).with_name("icon.png")
