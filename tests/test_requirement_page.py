"""The page about requirements names every field, as it is."""

from __future__ import annotations

from pathlib import Path

from ontology.requirement import specs

PAGE = (Path(__file__).parent.parent / "docs" / "requirement.md").read_text(encoding="utf-8")


def test_every_field_has_its_line_and_no_other_is_told() -> None:
    lines = [line.split("|")[1:3] for line in PAGE.splitlines() if line.startswith("| `")]
    told = {field.strip().strip("`"): what.strip() for field, what in lines}
    assert told.keys() == {name for name, _ in specs()}
    for name, s in specs():
        assert told[name] == f"{s.label}. {s.help}", name
