"""Quantities as people write them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontology.units import FACTORS, to_unit


@pytest.mark.parametrize(
    ("written", "unit", "expected"),
    [
        (20, "ms", 20.0),
        ("20", "ms", 20.0),
        (" 20 ms ", "ms", 20.0),
        ("20ms", "ms", 20.0),
        ("0.02 s", "ms", 20.0),
        ("250 µs", "ms", 0.25),  # the micro sign
        ("250 μs", "ms", 0.25),  # the Greek letter, which looks the same
        ("1.5 GiB", "MiB", 1536.0),
        ("512 MB", "MiB", 488.28125),  # 512,000,000 / 1,048,576
        ("512 MiB", "KiB", 524288.0),
        ("1 GB", "KiB", 976562.5),  # 1,000,000,000 / 1024
        ("2048 B", "KiB", 2.0),
        ("25k", "", 25_000.0),
        ("5M", "", 5_000_000.0),
        ("14,000 USD", "USD", 14_000.0),
        ("14_000 $", "USD", 14_000.0),
        ("14 k USD", "USD", 14_000.0),
        ("2 years", "months", 24.0),
        ("500 mW", "W", 0.5),
        ("0.1 mJ", "mJ", 0.1),
        ("35 µJ", "mJ", 0.035),
        ("35 μJ", "mJ", 0.035),
        ("1 mWh", "mJ", 3600.0),  # 0.001 W for 3,600 s is 3.6 J
        ("30 fps", "1/s", 30.0),
        ("-1.5e2", "", -150.0),
        (".5 s", "ms", 500.0),
        ("70.6 percent", "%", 70.6),
    ],
)
def test_a_quantity_is_converted_to_the_unit_of_its_field(written: object, unit: str, expected: float) -> None:
    assert to_unit(written, unit) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize(
    ("written", "unit", "message"),
    [
        ("20 mm", "ms", r"unknown unit 'mm'; write 20 ms \(known: ms, s, us"),
        ("20 USD", "ms", "unknown unit 'USD'"),
        ("20 mib", "MiB", "unknown unit 'mib'"),  # case matters: mW is not MW
        ("5 apples", "", r"unknown unit 'apples'; write 20 \(known: k"),
        ("fast", "ms", "'fast' is not a number; write for example 20 ms"),
        ("", "ms", "is not a number"),
        ("20 ms; DROP", "ms", "unknown unit"),
        ("nan", "ms", "not a number"),
        ("1e999", "ms", "expected a finite number"),
        (math.inf, "ms", "expected a finite number"),
        (math.nan, "ms", "expected a finite number"),
        (True, "ms", "expected a number in ms, got true"),
        (None, "", "expected a number in plain digits, got NoneType"),
        ([20], "ms", "expected a number in ms, got list"),
    ],
)
def test_anything_else_is_refused_with_what_to_write(written: object, unit: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        to_unit(written, unit)


units = st.sampled_from(sorted(FACTORS))


@given(units, st.data(), st.floats(0, 1e12))
def test_writing_another_unit_multiplies_by_its_factor(unit: str, data: st.DataObject, number: float) -> None:
    written = data.draw(st.sampled_from(sorted(FACTORS[unit])))
    assert to_unit(f"{number!r} {written}", unit) == number * FACTORS[unit][written]


@given(st.floats(0, 1e12), st.sampled_from(["B", "KB", "KiB", "MB", "MiB", "GB", "GiB"]))
def test_one_size_is_1024_times_as_many_kib_as_mib(number: float, written: str) -> None:
    text = f"{number!r} {written}"
    assert to_unit(text, "KiB") == pytest.approx(1024 * to_unit(text, "MiB"), rel=1e-12)


@given(units, st.one_of(st.text(max_size=100), st.from_regex(r"[0-9]{1,400}(\.[0-9]+)?(e[0-9]+)? ?[a-z]*")))
def test_any_text_gives_a_finite_number_or_a_value_error(unit: str, text: str) -> None:
    try:
        number = to_unit(text, unit)
    except ValueError:
        return
    assert math.isfinite(number)


@pytest.mark.parametrize("unit", sorted(FACTORS))
def test_every_unit_accepts_its_own_name(unit: str) -> None:
    assert FACTORS[unit][unit] == 1.0
    assert to_unit(f"20 {unit}", unit) == 20.0


@pytest.mark.parametrize("written", ["1,5 s", "1,50", "12,3456 ms", "1,500,00 ms"])
def test_a_comma_that_may_be_a_decimal_point_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="with a point before decimals"):
        to_unit(written, "ms")


def test_a_comma_before_three_digits_parts_thousands() -> None:
    assert to_unit("1,500.5 ms", "ms") == 1500.5


@pytest.mark.parametrize("given", [10**400, "9" * 90, "1e999"])
def test_numbers_beyond_all_bounds_are_refused(given: object) -> None:
    with pytest.raises(ValueError, match=r"finite|not a number"):
        to_unit(given, "ms")
