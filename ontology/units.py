"""Quantities as a person writes them: `20`, `"20 ms"`, `"0.02 s"`, `"1.5 GiB"`, `"25k"`.

Each quantity is converted to the one unit that the field's name carries.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

# unit of the field → what a person may write → factor. KB, MB and GB are decimal (SI), KiB … binary (IEC 80000-13).
_KIB = 1024.0
FACTORS: Mapping[str, Mapping[str, float]] = {
    "ms": {"ms": 1.0, "s": 1000.0, "us": 0.001, "µs": 0.001, "μs": 0.001, "ns": 1e-6},
    "MiB": {
        "MiB": 1.0,
        "KiB": 1 / _KIB,
        "GiB": _KIB,
        "B": 1 / _KIB**2,
        "KB": 1e3 / _KIB**2,
        "MB": 1e6 / _KIB**2,
        "GB": 1e9 / _KIB**2,
    },
    "KiB": {
        "KiB": 1.0,
        "MiB": _KIB,
        "GiB": _KIB**2,
        "B": 1 / _KIB,
        "KB": 1e3 / _KIB,
        "MB": 1e6 / _KIB,
        "GB": 1e9 / _KIB,
    },
    "USD": {"USD": 1.0, "$": 1.0, "k USD": 1000.0, "k": 1000.0},
    "USD/month": {"USD/month": 1.0, "$": 1.0, "USD": 1.0},
    "W": {"W": 1.0, "mW": 0.001, "kW": 1000.0},
    "mJ": {"mJ": 1.0, "J": 1000.0, "uJ": 0.001, "µJ": 0.001, "μJ": 0.001, "nJ": 1e-6, "mWh": 3600.0},
    "%": {"%": 1.0, "percent": 1.0},
    "1/s": {"1/s": 1.0, "/s": 1.0, "per s": 1.0, "fps": 1.0},
    "": {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9},
    "months": {"months": 1.0, "month": 1.0, "years": 12.0, "year": 12.0},
    "devices": {"devices": 1.0, "device": 1.0},
    "year": {"year": 1.0},
}

# A comma may only part groups of three digits: in "1,5" it may mean a decimal point, so that is refused.
_QUANTITY = re.compile(
    r"\s*([+-]?(?:\d{1,3}(?:,\d{3})+(?:\.\d*)?|\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(1/s|[^\d\s.,].*?)?\s*",
    re.DOTALL,
)
LONGEST = 80  # characters


def to_unit(given: object, unit: str) -> float:
    """The number that `given` states, in `unit`.

    A bare number is already in `unit`. Raises ValueError, saying which units are known, for anything that is
    not a finite quantity of the right kind.
    """
    if isinstance(given, bool):
        raise ValueError(f"expected a number in {unit or 'plain digits'}, got {str(given).lower()}")
    if isinstance(given, int | float):
        try:
            number = float(given)
        except OverflowError:
            number = math.inf
    elif isinstance(given, str):
        number = _parse(given, unit)
    else:
        raise ValueError(f"expected a number in {unit or 'plain digits'}, got {type(given).__name__}")
    if not math.isfinite(number):
        raise ValueError(f"expected a finite number, got {str(given)[:20]}")
    return number


def _parse(text: str, unit: str) -> float:
    match = _QUANTITY.fullmatch(text) if len(text) <= LONGEST else None
    if not match:
        hint = " (with a point before decimals)" if "," in text else ""
        raise ValueError(f"{text[:40]!r} is not a number; write for example {_example(unit)}{hint}")
    digits, written = match[1], match[2] or ""
    factors = FACTORS[unit]
    if written and written not in factors:
        known = ", ".join(u for u in factors if u)
        raise ValueError(f"unknown unit {written[:20]!r}; write {_example(unit)} (known: {known or 'no unit'})")
    return float(digits.replace(",", "").replace("_", "")) * (factors[written] if written else 1.0)


def _example(unit: str) -> str:
    return f"20 {unit}".rstrip()
