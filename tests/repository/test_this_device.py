"""What an owner says of this machine: asked once, kept, and checked."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from repository.this_device import DEFAULT_TYPE, FILE, ProfileError, load, profile, save, unnamed

KINDS = {"edge-pc": "Edge PC", "single-board-computer": "Single-board computer"}
TODAY = date(2026, 11, 20)


def test_what_was_said_is_kept_for_this_machine_only(tmp_path: Path) -> None:
    said = profile("abc123", "  Bench   box ", "edge-pc", "1.2k USD", KINDS, TODAY)
    save(tmp_path / "home", said)
    kept = load(tmp_path / "home", "abc123")
    assert kept == said
    assert kept is not None
    assert (kept.label, kept.price_usd, kept.told) == ("Bench box", 1200.0, "2026-11-20")
    assert load(tmp_path / "home", "another") is None


def test_a_price_may_be_left_out(tmp_path: Path) -> None:
    assert profile("abc123", "Box", "edge-pc", "", KINDS, TODAY).price_usd is None
    assert profile("abc123", "Box", "edge-pc", None, KINDS, TODAY).price_usd is None


@pytest.mark.parametrize(
    ("label", "kind", "price", "message"),
    [
        ("", "edge-pc", None, "the device's name must be"),
        ("x" * 81, "edge-pc", None, "1 to 80 characters"),
        ("red \x1b[31m", "edge-pc", None, "the device's name must be"),
        ("Box", "toaster", None, "'toaster' is no kind of device; choose from edge-pc, single-board-computer"),
        ("Box", "edge-pc", "much", "the device's price: 'much' is not a number"),
        ("Box", "edge-pc", "-3", "must be more than 0 USD, got -3"),
    ],
)
def test_what_cannot_be_used_is_refused(label: str, kind: str, price: str | None, message: str) -> None:
    with pytest.raises(ProfileError, match=message):
        profile("abc123", label, kind, price, KINDS, TODAY)


def test_a_damaged_file_is_as_good_as_none(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('{"label": ')
    assert load(tmp_path, "abc123") is None


def test_a_machine_nobody_named_is_called_after_its_processor() -> None:
    machine = unnamed("abc123", "Cortex-A72 " * 20)
    assert machine.label.startswith("This machine (Cortex-A72")
    assert len(machine.label) <= 80
    assert (machine.device_type, machine.price_usd) == (DEFAULT_TYPE, None)
