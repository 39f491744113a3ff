"""Which format a request accepts, and tables cut between two rows."""

from __future__ import annotations

import pyoxigraph as ox
import pytest
from hypothesis import given
from hypothesis import strategies as st

from repository.formats import GRAPHS, TABLES, Format, accepted, first_rows

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8"


@pytest.mark.parametrize(
    ("header", "table", "graph"),
    [
        ("", Format.JSON, Format.TURTLE),
        ("*/*", Format.JSON, Format.TURTLE),
        ("text/csv", Format.CSV, None),
        ("text/turtle", None, Format.TURTLE),
        ("TEXT/CSV; charset=utf-8", Format.CSV, None),
        ("text/csv;q=0.5, text/tab-separated-values", Format.TSV, None),
        ("text/csv;q=0.5, application/sparql-results+xml;q=0.4", Format.CSV, None),
        ("text/csv, text/turtle;q=0.1", Format.CSV, Format.TURTLE),
        ("application/json", Format.JSON, Format.JSON_LD),
        ("application/xml", Format.XML, Format.RDF_XML),
        ("text/*", Format.CSV, Format.TURTLE),
        ("application/*", Format.JSON, Format.N_TRIPLES),
        (BROWSER, Format.XML, Format.RDF_XML),
        ("*/*, application/sparql-results+json;q=0", Format.XML, Format.TURTLE),
        ("*/*;q=0.1, application/ld+json", Format.JSON, Format.JSON_LD),
        ("text/html", None, None),
        ("text/csv;q=0", None, None),
        ("text/csv;q=high", None, None),
        ("\x00,;;q=,", None, None),
    ],
)
def test_the_best_of_what_is_accepted_is_chosen(header: str, table: Format | None, graph: Format | None) -> None:
    assert (accepted(header, TABLES), accepted(header, GRAPHS)) == (table, graph)


def written(texts: list[str], format: Format) -> bytes:
    """Rows of two variables, the second unbound in every other row, as the engine writes them."""
    rows = " ".join(f"({ox.Literal(t)} {'UNDEF' if i % 2 else i})" for i, t in enumerate(texts))
    found = ox.Store().query(f"SELECT ?text ?n {{ VALUES (?text ?n) {{ {rows} }} }}")
    assert isinstance(found, ox.QuerySolutions)
    return found.serialize(format=ox.QueryResultsFormat.from_media_type(format.value)) or b""


# What could be taken for the end of a row, or of all.
HARD = st.text(alphabet=st.sampled_from(list('"\\{}[],\r\n\t<>&/ab')), max_size=8) | st.sampled_from(
    ["</result>", '"}},{"', '"bindings":[', "]}}", '""', '"\n"', "<results>"]
)


@given(st.lists(HARD, max_size=6), st.sampled_from(TABLES), st.integers(0, 7))
def test_a_cut_table_is_the_table_of_its_first_rows(texts: list[str], format: Format, most: int) -> None:
    body = written(texts, format)
    assert first_rows(body, format, most, whole=True) == (written(texts[:most], format), min(len(texts), most),
                                                          len(texts) > most)  # fmt: skip


@given(st.lists(HARD, min_size=1, max_size=6), st.sampled_from(TABLES), st.data())
def test_what_was_written_in_part_loses_its_last_row(texts: list[str], format: Format, data: st.DataObject) -> None:
    body = written(texts, format)
    start = len(written([], format)) + 1  # after the head
    stop = data.draw(st.integers(min(start, len(body) - 1), len(body) - 1))
    table, rows, cut = first_rows(body[:stop], format, 100, whole=False)
    assert cut
    assert table == written(texts[:rows], format)
