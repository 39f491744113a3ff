"""Events and their lines of JSON."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontology.events import Event, Finished, Note, Progress, Started, from_line, to_line

counts = st.none() | st.integers(0, 10**12)
events = st.one_of(
    st.builds(Started, st.text(), counts),
    st.builds(Progress, st.text(), st.integers(0, 10**12), counts, st.text()),
    st.builds(Finished, st.text(), st.text()),
    st.builds(Note, st.text()),
)


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (Started("load facts", 9), '{"event": "started", "what": "load facts", "total": 9}'),
        (
            Progress("load facts", 2, 9, "cloud.csv"),
            '{"event": "progress", "what": "load facts", "done": 2, "total": 9, "detail": "cloud.csv"}',
        ),
        (Finished("load facts"), '{"event": "finished", "what": "load facts", "detail": ""}'),
        (Note("no camera\n—"), '{"event": "note", "text": "no camera\\n\\u2014"}'),
    ],
)
def test_an_event_is_one_line(event: Event, line: str) -> None:
    assert to_line(event) == line
    assert from_line(line + "\n") == event


@given(events)
def test_every_event_survives_its_line(event: Event) -> None:
    line = to_line(event)
    assert line.splitlines() == [line]
    assert from_line(line) == event


def test_what_has_a_default_may_be_left_out() -> None:
    assert from_line('{"event": "progress", "what": "train", "done": 3}') == Progress("train", 3)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"event": "progress", "wha', "not a line of JSON"),  # a line that is still being written
        ("[1]", "not an event; expected one of started, progress, finished, note: '\\[1\\]'"),
        ('{"event": "ended"}', "not an event"),
        ('{"event": ["note"]}', "not an event"),
        ('{"event": "note", "text": "a", "level": 3}', "note has no 'level'; it has text"),
        ('{"event": "note"}', "note is incomplete"),
        ('{"event": "progress", "what": "a", "done": "3"}', "progress: done must be int, got '3'"),
        ('{"event": "progress", "what": "a", "done": true}', "done must be int, got True"),
        ('{"event": "finished", "what": null}', "what must be str, got None"),
        ("[" * 100_000, "not a line of JSON"),
    ],
)
def test_any_other_line_is_refused_and_quoted(line: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        from_line(line)


@given(st.text() | st.dictionaries(st.sampled_from(["event", "what", "done"]), st.text() | st.integers()).map(repr))
def test_no_text_raises_anything_but_a_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        from_line(text)
