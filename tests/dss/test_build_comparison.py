"""Files of a build compared: ratios by hand, the Pareto front against its definition, the winner at a tolerance."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dss.build_comparison import Comparison, Contender, Structure, compare, pareto
from dss.build_comparison_words import as_data, lines, sentences
from dss.quality import Quality, ToleranceError


def contender(name: str, latency_ms: float, accuracy: float | None, size_kib: float, **more: object) -> Contender:
    """Its interval is two points to either side; its repeats agree to 2 %."""
    given_: dict[str, object] = {
        "model": name, "sha256": name, "group": "g", "network": "report-cnn", "format": name, "label": name.upper(),
        "runtime": "litert-cpu", "is_original": False, "is_baseline": False,
        "quality": None
        if accuracy is None
        else Quality(metric="top-1", value=accuracy, low=accuracy - 2, high=accuracy + 2),
        "samples": None if accuracy is None else 360,
        "latency_p50_ms": latency_ms, "latency_p95_ms": 2 * latency_ms, "latency_p99_ms": None,
        "latency_spread_percent": 2.0, "noisy": False, "throughput_per_s": 1000 / latency_ms, "throughput_batch": 1,
        "peak_memory_mib": 3.0, "size_kib": size_kib, "size_gzip_kib": None, "parameters": 1000, "check_samples": 256,
        "check_difference": 0.0, "check_agreement_percent": 100.0,
    }  # fmt: skip
    return Contender(**(given_ | more))  # type: ignore[arg-type]


# The original takes 4 ms and is right for 90 %. One point below it: int8. Five points below and fastest: tiny.
H5 = contender("h5", 4.0, 90.0, 500.0, is_original=True, is_baseline=True, runtime="keras-cpu")
TFLITE = contender("tflite", 2.0, 90.0, 480.0)
INT8 = contender("int8", 1.0, 89.0, 120.0)
TINY = contender("tiny", 0.5, 85.0, 60.0)
SLOW = contender("slow", 8.0, 89.5, 700.0)
FILES = (H5, TFLITE, INT8, TINY, SLOW)


def only(tolerance: float, *rows: Contender) -> Comparison:
    (found,) = compare(rows or FILES, tolerance)
    return found


def test_the_ratios_to_the_original() -> None:
    side = only(1.0).side(INT8)
    assert (side.times_original, side.times_smaller, side.change) == (4.0, 500 / 120, -1.0)
    assert side.times_baseline == side.times_original  # the H5 is both
    assert [s.row.model for s in only(1.0).sides] == ["tiny", "int8", "tflite", "h5", "slow"]  # the fastest first


def test_an_own_model_that_is_not_keras_is_compared_with_both() -> None:
    onnx = contender("onnx", 1.0, 90.0, 480.0, is_original=True)
    keras = contender("h5", 4.0, 90.0, 500.0, is_baseline=True)
    found = only(1.0, onnx, keras, contender("int8", 0.5, 90.0, 120.0))
    assert found.winner is not None
    side = found.side(found.winner)
    assert (side.times_original, side.times_baseline) == (2.0, 8.0)
    assert "8× as fast as the compiled Keras function" in sentences(found)[0]


@pytest.mark.parametrize(
    ("tolerance", "winner"),
    [(0.0, "tflite"), (0.99, "tflite"), (1.0, "int8"), (4.99, "int8"), (5.0, "tiny"), (100.0, "tiny")],
)
def test_the_winner_is_the_fastest_within_the_tolerance(tolerance: float, winner: str) -> None:
    found = only(tolerance)
    assert found.winner is not None
    assert (found.winner.model, found.successor) == (winner, found.winner)
    assert found.closest is None


def test_the_border_is_not_lost_to_rounding() -> None:
    # 97.2 − 0.7 is 96.50000000000001 in floating point.
    found = only(0.7, contender("h5", 4.0, 97.2, 1.0, is_original=True), contender("int8", 1.0, 96.5, 1.0))
    assert found.successor is not None


def test_nothing_within_the_tolerance_names_the_closest() -> None:
    found = only(0.5, H5, INT8, TINY)
    assert (found.winner, found.successor, found.closest) == (H5, None, INT8)
    (told,) = sentences(found)
    assert told == (
        "No other file is within 0.5 points of the original's accuracy. The closest is INT8 (litert-cpu), 1 point "
        "worse: 89.00 % against 90.00 %. Keep the original, or allow a greater tolerance."
    )


def test_where_nothing_is_faster_the_original_stays() -> None:
    found = only(1.0, H5, SLOW)
    assert (found.winner, found.successor, found.closest) == (H5, None, None)
    assert sentences(found) == [
        "None of the files within 1 point of the original's accuracy is faster than the original; keep it."
    ]


def test_nothing_is_replaced_for_a_difference_within_the_noise() -> None:
    """The original's own file with another runtime, 1 % faster where repeats spread by 2 %."""
    again = contender("onnx", 3.96, 90.0, 500.0)
    found = only(1.0, H5, again)
    assert (found.winner, found.successor, found.tied) == (H5, None, (again,))
    assert "keep it" in sentences(found)[0]
    assert only(1.0, H5, contender("onnx", 3.96, 90.0, 499.0)).successor is not None


def test_of_those_level_within_the_noise_the_smallest_wins_and_it_is_said() -> None:
    quick = contender("quick", 1.00, 89.9, 400.0, latency_spread_percent=5.0)
    small = contender("small", 1.04, 89.5, 100.0)
    assert only(1.0, H5, quick, small).winner == small
    told = sentences(only(1.0, H5, quick, small))
    assert told[-1] == (
        "As fast within the noise of the measurements (5 %): QUICK (litert-cpu); of those the smallest file is taken."
    )
    apart = contender("small", 1.06, 89.5, 100.0)
    assert only(1.0, H5, quick, apart).winner == quick
    assert only(1.0, H5, quick, apart).tied == ()


def test_a_spread_that_is_not_told_counts_as_ten_percent() -> None:
    quick = contender("quick", 1.00, 89.9, 400.0, latency_spread_percent=None)
    assert only(1.0, H5, quick, contender("small", 1.09, 89.5, 100.0)).tied == (quick,)
    assert only(1.0, H5, quick, contender("small", 1.11, 89.5, 100.0)).tied == ()


def test_the_words_say_what_the_intervals_allow() -> None:
    assert sentences(only(1.0))[:2] == [
        "The fastest within 1 point of the original's accuracy: INT8 (litert-cpu), 1 ms, 4× as fast as the original, "
        "4.17× smaller, its accuracy 1 point worse than the original's (89.00 %).",
        "The 95 % intervals of the two overlap: 360 examples do not tell them apart.",
    ]
    assert "do not overlap: the difference is more than chance" in sentences(only(5.0))[1]  # 83 to 87 and 88 to 92
    assert only(5.0).side(TINY).overlaps is False


def test_a_noisy_winner_is_said_to_be_noisy() -> None:
    noisy = contender("int8", 1.0, 90.0, 120.0, noisy=True)
    assert sentences(only(1.0, H5, noisy))[-1].startswith("Its repeats spread by more than 10 %")


def test_without_an_original_or_its_accuracy_nothing_wins() -> None:
    found = only(1.0, TFLITE, INT8)
    assert (found.original, found.winner, found.side(INT8).times_original) == (None, None, None)
    assert "The original was not measured" in sentences(found)[0]
    blind = only(1.0, contender("h5", 4.0, None, 500.0, is_original=True), TFLITE)
    assert (blind.winner, blind.side(TFLITE).times_original, blind.side(TFLITE).change) == (None, 2.0, None)
    assert "not measured" in sentences(blind)[0]


def test_each_trained_network_has_its_own_original() -> None:
    other = contender("other-h5", 1.0, 99.0, 10.0, is_original=True, group="mlp", network="mlp-128-64")
    first, second = compare((*FILES, other), 1.0)
    assert (first.network, first.winner) == ("report-cnn", INT8)
    assert (second.network, second.winner, second.successor) == ("mlp-128-64", other, None)


def test_the_front_by_hand() -> None:
    found = only(1.0)
    assert {s.row.model for s in found.sides if s.on_front} == {"tflite", "int8", "tiny"}  # h5: as right, slower
    big = contender("big", 0.4, 80.0, 900.0)
    small = contender("small", 9.0, 70.0, 1.0)
    found = only(1.0, *FILES, big, small)
    assert {s.row.model for s in found.sides if s.on_front} == {"tflite", "int8", "tiny", "big"}
    assert {s.row.model for s in found.sides if s.on_size_front} == {"tflite", "int8", "tiny", "big", "small"}


FEW_VALUES = st.sampled_from([0.0, 1.0, 2.0, 3.0])  # so that equal ones are frequent


@given(st.integers(1, 3).flatmap(lambda n: st.lists(st.tuples(*[FEW_VALUES] * n), max_size=12)))
def test_the_front_is_what_comparing_all_with_all_gives(costs: list[tuple[float, ...]]) -> None:
    def beats(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
        return all(x <= y for x, y in zip(a, b, strict=True)) and any(x < y for x, y in zip(a, b, strict=True))

    expected = [i for i, own in enumerate(costs) if not any(beats(other, own) for other in costs)]
    assert sorted(pareto(costs)) == expected


FIGURES = st.tuples(st.floats(0.01, 100), st.floats(0, 100), st.floats(1, 1000))


@given(st.lists(FIGURES, min_size=1, max_size=8), st.floats(0, 100))
def test_the_winner_keeps_the_tolerance_and_none_beyond_the_noise_is_faster(
    figures: list[tuple[float, float, float]], tolerance: float
) -> None:
    rows = [contender(str(i), t, a, s, is_original=i == 0) for i, (t, a, s) in enumerate(figures)]
    found = only(tolerance, *rows)
    assert found.winner is not None  # the original is always within
    least = figures[0][1]
    assert found.winner.quality is not None
    assert found.winner.quality.value >= least - tolerance - 1e-6
    within = [r for r in rows if r.quality is not None and r.quality.value >= least - tolerance]
    assert found.winner.latency_p50_ms <= 1.02 * min(r.latency_p50_ms for r in within) * (1 + 1e-12)


@pytest.mark.parametrize("tolerance", [-0.1, 100.5, math.nan, math.inf])
def test_a_tolerance_is_a_number_of_points(tolerance: float) -> None:
    with pytest.raises(ToleranceError, match="from 0 to 100"):
        compare(FILES, tolerance)


def error(name: str, latency_ms: float, rmse: float, size_kib: float, **more: object) -> Contender:
    """A file whose answers are numbers: less is better, no interval, checked against the range of its outputs."""
    numbers = {
        "quality": Quality(metric="rmse", value=rmse),
        "check_agreement_percent": None,
        "check_range_percent": 1.9,
    }
    return contender(name, latency_ms, None, size_kib, **(numbers | {"samples": 780} | more))


# The original's RMSE is 0.50. Half precision adds 0.01, 8 bits add 0.03; pruned is fastest and adds 0.5.
FLOAT = error("float", 4.0, 0.50, 500.0, is_original=True, check_range_percent=0.0)
NUMBERS = (FLOAT, error("half", 2.0, 0.51, 250.0), error("int8", 1.0, 0.53, 120.0), error("pruned", 0.5, 1.0, 60.0))


@pytest.mark.parametrize(
    ("tolerance", "winner"), [(0.0, "float"), (0.01, "half"), (None, "half"), (0.03, "int8"), (0.5, "pruned")]
)
def test_of_an_error_less_is_better_and_the_tolerance_has_its_unit(tolerance: float | None, winner: str) -> None:
    """None is 5 % of the original's: 0.025."""
    (found,) = compare(NUMBERS, tolerance)
    assert found.winner is not None
    assert found.winner.model == winner
    assert (found.metric.label, found.tolerance) == ("RMSE", 0.025 if tolerance is None else tolerance)


def test_the_front_of_an_error_goes_down() -> None:
    slow_and_wrong = error("slow", 8.0, 0.9, 700.0)
    (found,) = compare((*NUMBERS, slow_and_wrong), 0.01)
    assert [s.row.model for s in found.sides if s.on_front] == ["pruned", "int8", "half", "float"]


def test_an_error_is_told_in_its_own_words() -> None:
    (found,) = compare(NUMBERS, 0.03)
    assert sentences(found) == [
        "The fastest within 0.03 of the original's RMSE: INT8 (litert-cpu), 1 ms, 4× as fast as the original, 4.17× "
        "smaller, its RMSE 0.03 worse than the original's (0.53).",
        "No interval of the RMSE is known: whether 780 examples tell the two apart is not said.",
    ]
    (nothing,) = compare((FLOAT, NUMBERS[2]), 0.02)
    assert sentences(nothing)[0] == (
        "No other file is within 0.02 of the original's RMSE. The closest is INT8 (litert-cpu), 0.03 worse: 0.53 "
        "against 0.5. Keep the original, or allow a greater tolerance."
    )
    text = "\n".join(lines([found]))
    assert "0.53   +0.03        1" in text
    assert "difference   of range" in text
    assert "1.9 %" in text
    assert "accuracy" not in text and "agree" not in text
    (data,) = as_data([found])
    assert data["metric"] == {"label": "RMSE", "unit": "", "higher_is_better": False}
    assert data["files"][1]["quality"] == {"metric": "rmse", "value": 0.53, "low": None, "high": None}


def test_the_table_shows_figures_files_and_the_reason() -> None:
    held = Structure(operators={"Conv2D": 2, "Dense": 1}, nodes=9, macs=4_873_000)
    text = "\n".join(lines(compare((H5, contender("int8", 1.0, 89.0, 120.0, structure=held, size_gzip_kib=80.0)), 1.0)))
    assert "89.00 % [87.0, 91.0]   -1.00        1        2" in text
    assert "120       80    4.17×      9      4.87" in text
    assert "3: 2 Conv2D, 1 Dense" in text
    assert "← winner" in text


def test_the_data_hold_the_same_answer() -> None:
    (found,) = as_data([only(1.0)])
    assert (found["winner"], found["original"], found["tolerance"]) == ("int8", "h5", 1.0)
    (row,) = [f for f in found["files"] if f["model"] == "int8"]
    assert (row["times_original"], row["pareto_quality_latency"], row["intervals_overlap"]) == (4.0, True, True)


def test_small_numbers_keep_apart_and_a_change_too_small_to_see_is_no_loss() -> None:
    """848 multiply-accumulates are 0.000848 million, as wide as a column of six digits; 90 - 0.001 is 90.00."""
    held = Structure(operators={"FULLY_CONNECTED": 3}, nodes=3, macs=848)
    text = "\n".join(lines([only(1.0, H5, contender("tflite", 2.0, 89.999, 480.0, structure=held))]))
    assert " 3  0.000848 " in text
    assert " +0.00 " in text and "-0.00" not in text


def test_an_original_alone_is_not_said_to_be_faster_than_others() -> None:
    assert sentences(only(1.0, H5)) == ["Only the original was measured, so there is nothing to compare it with."]
