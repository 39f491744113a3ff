"""How good answers are: the metrics that are measured here, which way each is better, and amounts in their units."""

from __future__ import annotations

import csv
import math
from dataclasses import replace

import pytest

from device.data import METRICS as MEASURED_BY
from dss.quality import METRICS, Quality, ToleranceError, check_tolerance, tolerance_for
from ontology.settings import Settings
from repository.measured import metric_of
from tests.repository.registered import MEASURED

ERROR = replace(
    MEASURED, accuracy_percent=None, accuracy_low_percent=None, accuracy_high_percent=None, metric="rmse",
    metric_value=0.52,
)  # fmt: skip


def test_the_repository_says_the_same_of_each_metric() -> None:
    with (Settings().facts / "names" / "metrics.csv").open(encoding="utf-8") as file:
        reviewed = {row["name"]: (row["unit"], row["higher_is_better"] == "true") for row in csv.DictReader(file)}
    assert set(METRICS) == set(MEASURED_BY)
    for name, metric in METRICS.items():
        assert reviewed[metric_of(replace(ERROR, metric=name)) or ""] == (metric.unit, metric.higher_is_better), name


def test_what_was_measured_keeps_its_metric_and_an_older_measurement_is_an_accuracy() -> None:
    assert Quality.of(ERROR) == Quality(metric="rmse", value=0.52)
    assert Quality.of(MEASURED) == Quality(metric="top-1", value=90.0, low=82.0, high=95.0)  # metric: None
    assert Quality.of(replace(MEASURED, accuracy_percent=None)) is None


def test_less_error_costs_less_and_more_accuracy_does() -> None:
    assert Quality(metric="rmse", value=0.4).cost < Quality(metric="rmse", value=0.5).cost
    assert Quality(metric="top-1", value=91.0).cost < Quality(metric="top-1", value=90.0).cost


@pytest.mark.parametrize(
    ("quality", "said", "in_a_table", "lost"),
    [
        (Quality(metric="top-1", value=89.0, low=87.0, high=91.0), "89.00 %", "89.00 % [87.0, 91.0]", "1 point"),
        (Quality(metric="mard", value=3.5), "3.50 %", "3.50 %", "1 point"),
        (Quality(metric="rmse", value=0.5), "0.5", "0.5", "0.025"),  # 5 %
        (Quality(metric="rmse", value=1234.56), "1235", "1235", "61.7"),
    ],
)
def test_figures_in_words(quality: Quality, said: str, in_a_table: str, lost: str) -> None:
    assert (str(quality), quality.with_interval) == (said, in_a_table)
    assert quality.kind.amount(tolerance_for(quality)) == lost


def test_intervals_overlap_or_not_or_are_not_known() -> None:
    low, high = Quality(metric="top-1", value=89.0, low=87.0, high=91.0), Quality(metric="top-1", value=93.0)
    assert low.overlaps(replace(high, low=91.0, high=95.0)) is True
    assert low.overlaps(replace(high, low=91.1, high=95.0)) is False
    assert low.overlaps(high) is None


@pytest.mark.parametrize(
    ("tolerance", "metric", "said"),
    [
        (-0.1, "top-1", "points of accuracy from 0 to 100"),
        (100.5, "mard", "points of MARD from 0 to 100"),
        (math.nan, "map", "points of mAP from 0 to 100"),
        (-0.1, "rmse", "an amount of RMSE, 0 or more"),
        (math.inf, "rmse", "an amount of RMSE, 0 or more"),
        (math.nan, "rmse", "an amount of RMSE, 0 or more"),
    ],
)
def test_a_tolerance_is_an_amount_of_the_metric(tolerance: float, metric: str, said: str) -> None:
    with pytest.raises(ToleranceError, match=said):
        check_tolerance(tolerance, metric)


def test_an_error_may_have_any_size() -> None:
    check_tolerance(5000.0, "rmse")
