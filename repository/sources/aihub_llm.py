"""The language models of Qualcomm AI Hub: tokens a second, and how long they read before they write.

A short prompt is read in the least time printed, one that fills the context in the greatest. Some models print the
very figures of another, such as a network trained further; the later row says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

from ontology.records import Grade, Model, Performance, Record, TrainedNetwork
from repository.sources.names import Names
from repository.sources.rows import Outcome, Room, Row, table

LANGUAGE = "aihub_llm.csv"
_FIGURES = ("precision", "device", "runtime", "context_length", "tokens_per_second", "time_to_first_token_min_ms")


def read(folder: Path, names: Names, source: str, released: date) -> Iterator[Row]:
    """One Row for each row of the table in `folder`, for the source of that name."""
    told: set[str] = set()
    first: dict[tuple[str, ...], str] = {}
    for number, row in table(folder, LANGUAGE):
        model_id = row["model_id"]
        alike = first.setdefault(tuple(row[column] for column in _FIGURES), row["model"])
        figures = _performance(row, names, source, released, "" if alike == row["model"] else alike)
        records: list[tuple[Room, Record]] = []
        if model_id not in told:
            told.add(model_id)
            trained = TrainedNetwork(
                name=f"aihub-{model_id}".lower(),
                label=f"{row['model']} (AI Hub)",
                network=names.network(source, model_id),
                weights_name=row["model"],
            )
            records.append((Room.NETWORKS, trained))
        records += [(Room.MODELS, _model(row, figures.name, names, source)), (Room.MODELS, figures)]
        yield Row(LANGUAGE, number, Outcome.LOADED, records=tuple(records))


def _performance(row: Mapping[str, str], names: Names, source: str, released: date, alike: str) -> Performance:
    shortest, longest = row["time_to_first_token_min_ms"], row["time_to_first_token_max_ms"]
    detail = f"{row['source_path']}; the first token comes after {shortest} to {longest} ms, by the prompt's length"
    if alike:
        detail += f"; the same figures are printed for {alike}"
    return Performance(
        name=f"{_name(row, names)}-run",
        tokens_per_s=float(row["tokens_per_second"]),
        time_to_first_token_ms=float(shortest),
        context_length=int(row["context_length"]),
        evidence=Grade.PUBLISHED,
        source=source,
        source_detail=detail,
        obtained=released,
        current=True,
    )


def _model(row: Mapping[str, str], figures: str, names: Names, source: str) -> Model:
    device, runtime = names.device(row["device"]), names.runtime(row["runtime"], row["compute_unit"])
    return Model(
        name=_name(row, names),
        label=f"{row['model']} {row['precision']}, {names.label('rt', runtime)}, {names.label('dev', device)}",
        source=source,
        network=names.network(source, row["model_id"]),
        trained_network=f"aihub-{row['model_id']}".lower(),
        optimization=names.optimization(row["precision"]),
        device=device,
        runtime=runtime,
        purpose=names.purpose_of(source, row["model_id"], "Text Generation"),
        obtain=f"https://aihub.qualcomm.com/models/{row['model_id']}",
        performance=(figures,),
    )


def _name(row: Mapping[str, str], names: Names) -> str:
    return f"aihub-{row['model_id']}-{row['precision']}-{row['runtime']}-{names.device(row['device'])}".lower()
