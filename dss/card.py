"""The result card: every line of the paper's Figure 8b for one model, each with how it is known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from dss.cost import NOT_KNOWN as NOT_KNOWN
from dss.cost import TotalCost, cost_of, money
from dss.explanation import of_original, shown
from dss.matching import Candidates
from ontology.records import Fact, Grade
from repository.projection import Coded, Projection


@dataclass(frozen=True)
class Line:
    """One line of the card. `details` is what "more details" opens; `evidence` is None for a plain description."""

    label: str
    text: str
    evidence: Grade | None = None
    source: str = ""
    carried_from: str | None = None
    details: tuple[tuple[str, str], ...] = field(default=())

    @property
    def known(self) -> bool:
        """Whether there is anything to say."""
        return self.text != NOT_KNOWN


@dataclass(frozen=True)
class Card:
    """A model as the result page shows it."""

    model: str
    title: str
    subtitle: str
    obtain: str
    licence: str
    lines: tuple[Line, ...]


def card(candidates: Candidates, row: int) -> Card:
    """The card of one model, with the total cost for this request."""
    p = candidates.projection
    model = p.models.iloc[row]
    cost = cost_of(candidates.requirement, p, row, candidates.cloud)
    device = _text(model["device"])
    network = p.label("net", model["network"]) if _text(model["network"]) else NOT_KNOWN
    optimization = p.label("opt", model["optimization"]) if _text(model["optimization"]) else NOT_KNOWN
    lines = (
        _total_cost(cost),
        Line("Purpose", p.label("purpose", model["purpose"]) if _text(model["purpose"]) else NOT_KNOWN),
        _rating(p, row),
        Line("Year created", _whole(p, "year_created", row)),
        Line("Field", _areas(p, row)),
        Line("Number of devices", f"{cost.devices:,}", details=_declared(p, row)),
        _device_price(cost),
        Line("Device", p.label("dev", device) if device else NOT_KNOWN, details=tuple(_specifications(p, device))),
        Line("Network", network, details=tuple(_network(p, row))),
        _cloud(candidates, p, row),
        _quality(p, row),
        _figure(p, row, "System latency", "system_latency_ms"),
        _figure(p, row, "Inference latency", "inference_latency_ms"),
        _figure(p, row, "Throughput", "throughput_per_s"),
        _figure(p, row, "Stability", "stability_percent"),
        _memory(p, row),
        *_energy(candidates, row),
        _figure(p, row, "Size of the file", "size_kib"),
        Line("Optimization methods", optimization, details=tuple(_techniques(p, row))),
    )
    runtime = p.label("rt", model["runtime"]) if _text(model["runtime"]) else "runtime not stated"
    return Card(
        model=str(model["model"]),
        title=f"{network} on {p.label('dev', device) if device else 'no stated device'}",
        subtitle=f"{optimization} · {runtime}",
        obtain=_text(model["obtain"]),
        licence=_text(model["licence"]) or NOT_KNOWN,
        lines=lines,
    )


def short(candidates: Candidates, row: int) -> str:
    """A model on one line: network, precision, runtime, device."""
    c = card(candidates, row)
    return f"{c.title} ({c.subtitle})"


def replaced(p: Projection, row: int) -> str:
    """`replaced by Full integer quantization, LiteRT on CPU`, as someone decided here; empty where it is not."""
    successor = p.models["replaced_by"].iat[row]
    if not _text(successor):
        return ""
    place = p.positions.get(successor)
    if place is None:
        return f"replaced by m:{successor}"
    said = (
        p.label(prefix, name)
        for prefix, name in (("opt", p.models["optimization"].iat[place]), ("rt", p.models["runtime"].iat[place]))
        if _text(name)
    )
    return f"replaced by {', '.join(said)}"


def written(fact: Fact) -> str:
    """A figure with unit and sensible digits."""
    if fact.unit == "ms":
        return written_ms(fact.value)
    unit = "per second" if fact.unit == "1/s" else fact.unit
    return f"{shown(fact.value)} {unit}".strip()


def written_ms(value: float) -> str:
    """A time in ms, below a tenth of one in µs: `12.3 ms`, `45 µs`."""
    return f"{shown(value * 1000)} µs" if 0 < value < 0.1 else f"{shown(value)} ms"


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(p: Projection, name: str, row: int) -> float | None:
    column = p.columns[name]
    assert not isinstance(column, Coded)
    return None if np.isnan(column[row]) else float(column[row])


def _whole(p: Projection, name: str, row: int) -> str:
    value = _number(p, name, row)
    return NOT_KNOWN if value is None else f"{value:.0f}"


def _total_cost(cost: TotalCost) -> Line:
    details = [("Devices", money(cost.hardware_usd))]
    if cost.other_usd is not None:
        details.append(("Other cost that the source declares", money(cost.other_usd)))
    details += [(f"Cloud for {cost.months} months", money(cost.cloud_usd)), ("Building the model", "$0 (it exists)")]
    if cost.low_usd != cost.high_usd:
        details.append(("It may lie between", f"{money(cost.low_usd)} and {money(cost.high_usd)}"))
        details += [
            (f"The price of the {part}" if part != "other cost" else "The other cost", s.meaning)
            for part, s in cost.spreads
        ]
    text = money(cost.total_usd)
    if cost.straddles:
        text = f"{text} (may lie on either side of your budget)"
    if cost.total_usd is None and cost.hardware_usd is not None:
        text = f"{NOT_KNOWN}; the devices alone cost {money(cost.hardware_usd)}"
    return Line("Total cost", text, _grade(cost.price_evidence), cost.price_source, details=tuple(details))


def _grade(name: str) -> Grade | None:
    return Grade(name) if name else None


def _device_price(cost: TotalCost) -> Line:
    return Line("Cost of each device", money(cost.device_price_usd), _grade(cost.price_evidence), cost.price_source)


def _rating(p: Projection, row: int) -> Line:
    value = _number(p, "user_rating", row)
    if value is None:
        return Line("Rating by users", "none yet")
    return Line(
        "Rating by users", f"{value:.1f} of 5", Grade.DECLARED, p.label("src", str(p.models["source"].iat[row]))
    )


def _areas(p: Projection, row: int) -> str:
    column = p.columns["application_area"]
    assert isinstance(column, Coded)
    names = column[row]
    if not isinstance(names, frozenset):
        return "not specific"
    broader = {w for n in names for w in p.with_broader("area", n) if w != n}
    narrow, wide = sorted(names - broader), sorted(names & broader)
    text = ", ".join(p.label("area", n) for n in narrow)
    return f"{text} ({', '.join(p.label('area', n) for n in wide)})" if wide else text


def _declared(p: Projection, row: int) -> tuple[tuple[str, str], ...]:
    total, number = _number(p, "declared_total_cost_usd", row), _number(p, "number_of_devices", row)
    if total is None or number is None:
        return ()
    return (("The source itself declares", f"{money(total)} for {number:.0f} devices"),)


_SPECIFICATIONS = (
    ("cpu", "Processor", ""), ("cpu_cores", "Cores", ""), ("clock_ghz", "Clock", "GHz"),
    ("accelerator", "Accelerator", ""), ("chipset", "Chipset", ""), ("ram_mib", "Memory", "MiB"),
    ("flash_mib", "Flash", "MiB"), ("camera", "Camera", ""), ("operating_system", "Operating system", ""),
    ("os_release", "Measured under", ""), ("framework", "Frameworks", ""), ("device_power_w", "Power", "W"),
    ("price_source", "Price from", ""), ("specification_source", "Specification from", ""),
)  # fmt: skip


def _specifications(p: Projection, device: str) -> Iterator[tuple[str, str]]:
    described = p.devices.get(device, {})
    kinds = described.get("device_type", ())
    if kinds:
        yield "Kind", ", ".join(p.label("dtype", k) for k in kinds)
    for name, label, unit in _SPECIFICATIONS:
        if name in described:
            value = described[name]
            yield label, f"{', '.join(value) if isinstance(value, tuple) else value} {unit}".strip()
    if described.get("sold_singly") == "false":
        yield "Note", "not sold singly: a reference design, an automotive platform or a stand-in"


def _network(p: Projection, row: int) -> Iterator[tuple[str, str]]:
    model = p.models.iloc[row]
    for label, text in (
        ("Runs with", p.label("rt", model["runtime"]) if _text(model["runtime"]) else ""),
        ("Weights", _text(model["weights_name"])),
        ("Input", _text(model["input_shape"])),
    ):
        if text:
            yield label, text
    for name, label in (("parameters", "Parameters"), ("macs", "Multiply-accumulates"), ("layers", "Layers")):
        value = _number(p, name, row)
        if value is not None:
            yield label, f"{value:,.0f}"
    for name in ("training_data_set", "activation"):
        column = p.columns[name]
        assert isinstance(column, Coded)
        names = column[row]
        if isinstance(names, frozenset):
            prefix, label = ("data", "Trained on") if name == "training_data_set" else ("", "Activation")
            yield label, ", ".join(sorted(p.label(prefix, n) for n in names))


def _cloud(candidates: Candidates, p: Projection, row: int) -> Line:
    if candidates.cloud is not None and candidates.cloud.name:
        cloud = candidates.cloud
        details = [("Monthly cost", money(cloud.monthly_usd))]
        details += [(k.replace("_", " ").capitalize(), str(v)) for k, v in cloud.described.items() if k != "label"]
        grade = _grade(cloud.described.get("price_evidence", ""))
        return Line("Cloud server", cloud.label, grade, cloud.described.get("price_source", ""), details=tuple(details))
    own = _text(p.models["cloud"].iat[row])
    if own:
        return Line("Cloud server", p.label("cloud", own), Grade.DECLARED, "its cost is within the declared other cost")
    return Line("Cloud server", "none needed: runs on the device")


def _figure(p: Projection, row: int, label: str, name: str) -> Line:
    fact = p.fact(row, name)
    return Line(label, NOT_KNOWN) if fact is None else _fact_line(p, label, fact)


def _fact_line(p: Projection, label: str, fact: Fact, details: tuple[tuple[str, str], ...] = ()) -> Line:
    more = list(details)
    if fact.samples is not None:
        more.append(("Samples", f"{fact.samples:,}"))
    if fact.obtained:
        more.append(("Dated", fact.obtained))
    if fact.detail:
        more.append(("Detail", fact.detail))
    return Line(label, written(fact), fact.evidence, fact.source, fact.carried_from, tuple(more))


def _quality(p: Projection, row: int) -> Line:
    accuracy = p.fact(row, "accuracy_percent")
    fact = accuracy or p.fact(row, "metric_value")
    if fact is None:
        return Line("Accuracy", NOT_KNOWN)
    metric, test_set = p.models["metric"].iat[row], p.models["test_set"].iat[row]
    name = p.label("metric", metric) if _text(metric) else "Accuracy"
    details = [("Measured on", p.label("data", test_set) if _text(test_set) else "a data set that is not named")]
    retained = _number(p, "retained_percent", row)
    if retained is not None:
        details.append(("Beside its float original", f"{retained:.1f} % {of_original(p, row)}"))
    line = _fact_line(p, "Accuracy", fact, tuple(details))
    label = name if name.startswith("Accuracy") else f"{'Quality' if accuracy is None else 'Accuracy'} ({name})"
    return Line(label, line.text, line.evidence, line.source, line.carried_from, line.details)


def _memory(p: Projection, row: int) -> Line:
    peak = p.fact(row, "peak_memory_mib")
    if peak is not None:
        return _fact_line(p, "Peak memory", peak)
    average = p.fact(row, "average_memory_mib")
    return Line("Memory", NOT_KNOWN) if average is None else _fact_line(p, "Average memory", average)


def _energy(candidates: Candidates, row: int) -> Iterator[Line]:
    """Few sources have it: a line in every card of the request, or in none, since cards stand side by side."""
    p = candidates.projection
    known = p.figure_rows["energy_mj"] >= 0
    if candidates.requirement.energy_mj_at_most is not None or known[candidates.matches].any():
        yield _figure(p, row, "Energy for one inference", "energy_mj")


def _techniques(p: Projection, row: int) -> Iterator[tuple[str, str]]:
    column = p.columns["technique"]
    assert isinstance(column, Coded)
    names = column[row]
    if isinstance(names, frozenset):
        yield "Techniques", ", ".join(sorted(p.label("tech", n) for n in names)) or "none, as a known fact"
    precision = p.columns["precision"]
    assert isinstance(precision, Coded)
    if isinstance(value := precision[row], frozenset):
        yield "Precision", ", ".join(value)
