"""Pieces of the page as HTML: cards, bars and counts. Every text is escaped here, at the border."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from dss.card import NOT_KNOWN, Card, Line
from dss.explanation import Explanation
from dss.matching import Counts
from dss.ranking import Ranking, Scored
from ontology.records import Grade, Objective
from wizard.theme import GRADE_COLOURS, OBJECTIVE_COLOURS
from wizard.words import MARKS

HIGHEST_SCORE = 5.0


def safe(text: object) -> str:
    """Text for HTML."""
    return escape(str(text), quote=True)


def note(html: str) -> str:
    """A remark that stands out a little. `html` is already safe."""
    return f'<div class="note">{html}</div>'


def help_text(text: str) -> str:
    """The short help under a field."""
    return f'<div class="help">{safe(text)}</div>'


def live_counts(found: Counts) -> str:
    """How many models match, as a number and as a share of all."""
    share, maybe = (100 * n / max(found.total, 1) for n in (found.matches, found.if_measured))
    more = (
        f"{found.if_measured:,} more would match if measured"
        if found.if_measured
        else "None is held back by a missing figure."
    )
    word = "model matches" if found.matches == 1 else "models match"
    return (
        f'<div class="{"big" if found.matches else "big none"}">{found.matches:,}</div>'
        f'<div><b>{word}</b> <span class="of">of {found.total:,} on record</span></div>'
        f'<div class="meter" role="img" aria-label="{share:.0f} percent match"><i style="width:{share:.2f}%"></i>'
        f'<i class="maybe" style="width:{maybe:.2f}%"></i></div><div class="of">{more}</div>'
    )


def eyebrow(text: str) -> str:
    """A small heading above the heading."""
    return f'<div class="why"><h4>{safe(text)}</h4></div>'


def pairs(title: str, rows: Iterable[tuple[str, str]]) -> str:
    """A short list of names and values."""
    lines = "".join(f"<div><span>{safe(a)}</span><span>{safe(b)}</span></div>" for a, b in rows)
    return f'<div class="pairs"><h4>{safe(title)}</h4>{lines}</div>'


def mark(grade: Grade | None, *, carried: bool = False, source: str = "") -> str:
    """The mark of a figure's evidence: shape and word, with its meaning when pointed at."""
    if grade is None:
        return ""
    m = MARKS[grade]
    title = m.meaning + (f"; {source}" if source else "")
    other = " ↷ other device" if carried else ""
    if carried:
        title += "; taken over from another device in the same precision and library"
    colour = GRADE_COLOURS[grade]
    return f'<span class="mark" style="color:{colour}" title="{safe(title)}">{m.shape} {m.word}{other}</span>'


def legend() -> str:
    """What the marks mean."""
    shown = "".join(
        f'<span title="{safe(m.meaning)}" style="color:{GRADE_COLOURS[g]}">{m.shape} {m.word}</span>'
        for g, m in MARKS.items()
    )
    return f'<div class="legend">Evidence, strongest first: {shown}</div>'


def card(c: Card, scored: Scored | None, heading: str, *, first: bool, under: Mapping[str, str] | None = None) -> str:
    """A model's card with every line of the paper's Figure 8b. `under` holds remarks that stand below a line."""
    score = ""
    if scored is not None:
        best = f"of 5, at best {scored.score_at_best:.2f}" if scored.score_at_best - scored.score > 0.005 else "of 5"
        score = f'<div class="score"><b>{scored.score:.2f}</b><small>{best}</small></div>'
    return (
        f'<section class="{"card" if first else "card other"}"><header><div><small>{safe(heading)}</small>'
        f"<h3>{safe(c.title)}</h3><p>{safe(c.subtitle)}</p></div>{score}</header>"
        + "".join(_line(line) + _remark((under or {}).get(line.label, "")) for line in c.lines)
        + "</section>"
    )


def _remark(text: str) -> str:
    return f'<div class="remark">{safe(text)}</div>' if text else ""


def _line(line: Line) -> str:
    details = list(line.details)
    if line.source:
        details.insert(0, ("Source", line.source))
    if line.carried_from:
        details.append(("Measured on another device", line.carried_from))
    if line.evidence is not None:
        details.append(("Evidence", f"{line.evidence.value}: {MARKS[line.evidence].meaning}"))
    label, _, measure = line.label.partition(" (")
    measure = measure.removesuffix(")")
    text = line.text.removesuffix(f" {measure}") if measure else line.text  # the label names the measure already
    grade = line.evidence if not text.startswith(NOT_KNOWN) else None
    kind = "line" if line.known and text != "none yet" else "line unknown"
    shown = (
        f'<span class="l">{safe(label if label == measure else line.label)}</span><span class="v">{safe(text)}</span>'
        f"<span>{mark(grade, carried=bool(line.carried_from), source=line.source)}</span>"
    )
    if not details:
        return f'<div class="{kind}"><div class="grid">{shown}<span></span></div></div>'
    rows = "".join(f"<dt>{safe(a)}</dt><dd>{safe(b)}</dd>" for a, b in details)
    return (
        f'<details class="{kind}"><summary class="grid">{shown}<span class="m">more details</span></summary>'
        f"<dl>{rows}</dl></details>"
    )


def swatch(objective: Objective) -> str:
    """An objective with its colour."""
    return (
        f'<i class="swatch" style="background:{OBJECTIVE_COLOURS[objective]}"></i>{safe(objective.value.capitalize())}'
    )


def contributions(scored: Scored, ranking: Ranking) -> str:
    """Weight × rating for each objective, as bars that sum to the score."""
    stack = "".join(
        f'<i style="width:{100 * c.points / HIGHEST_SCORE:.2f}%;background:{OBJECTIVE_COLOURS[c.objective]}" '
        f'title="{safe(c.objective.value)} {c.points:.2f}"></i>'
        for c in scored.contributions
    )
    rows = ""
    for c in sorted(scored.contributions, key=lambda c: -c.points):
        if c.objective in ranking.set_aside:
            rows += f'<tr><td>{swatch(c.objective)}</td><td colspan="4">undecided: too little evidence</td></tr>'
            continue
        width = 100 * c.points / max(max(x.points for x in scored.contributions), 1e-9)
        rating = f"{c.rating:.1f}" if c.rating is not None else "no evidence, counted as 1"
        style = f"width:{width:.1f}%;background:{OBJECTIVE_COLOURS[c.objective]}"
        opened = ' class="open"' if c.rating is None else ""
        rows += (
            f"<tr><td>{swatch(c.objective)}</td><td>{c.weight:.0%}</td><td>{rating}</td><td>{c.points:.2f}</td>"
            f'<td class="bar"><i{opened} style="{style}"></i></td></tr>'
        )
    return (
        f'<div class="stack" role="img" aria-label="score {scored.score:.2f} of 5">{stack}</div>'
        '<table class="bars"><tr><th>Objective</th><th>Weight</th><th>× Rating</th><th>= Points</th><th></th></tr>'
        f'{rows}<tr class="sum"><td>Score</td><td></td><td></td><td>{scored.score:.2f}</td><td></td></tr></table>'
    )


def weights(shares: Mapping[Objective, float]) -> str:
    """How much each objective counts, as bars."""
    most = max(shares.values())
    rows = "".join(
        f"<tr><td>{swatch(o)}</td><td>{shares[o]:.0%}</td>"
        f'<td class="bar"><i style="width:{100 * shares[o] / most:.1f}%;background:{OBJECTIVE_COLOURS[o]}"></i></td>'
        "</tr>"
        for o in sorted(shares, key=lambda o: -shares[o])
    )
    return f'<table class="bars">{rows}</table>'


def each_one(shares: Sequence[tuple[str, Mapping[Objective, float]]]) -> str:
    """Several people's weights: a stacked bar for each, the objectives in one order."""
    rows = "".join(
        f'<div class="person"><span>{safe(name)}</span><div class="stack" role="img" aria-label="'
        + safe(", ".join(f"{o} {given[o]:.0%}" for o in Objective))
        + '">'
        + "".join(
            f'<i style="width:{100 * given[o]:.2f}%;background:{OBJECTIVE_COLOURS[o]}" title="{safe(o.value)} '
            f'{given[o]:.0%}"></i>'
            for o in Objective
        )
        + "</div></div>"
        for name, given in shares
    )
    key = " ".join(f"<span>{swatch(o)}</span>" for o in Objective)
    return f'<div class="people">{rows}<div class="legend">{key}</div></div>'


def plan(title: str, steps: Iterable[tuple[str, str]]) -> str:
    """What is done in which order, each with its reason."""
    lines = "".join(f"<li><b>{safe(name)}</b>: {safe(why)}</li>" for name, why in steps)
    return f'<div class="plan"><h5>{safe(title)}</h5><ol>{lines}</ol></div>'


def told(sentences: Iterable[str]) -> str:
    """Sentences as a list."""
    return '<ul class="told">' + "".join(f"<li>{safe(s)}</li>" for s in sentences) + "</ul>"


def log(lines: Iterable[str]) -> str:
    """What was done, oldest first."""
    return '<ul class="log">' + "".join(f"<li>{safe(line)}</li>" for line in lines) + "</ul>"


def weakest(explanation: Explanation) -> str:
    """The weakest evidence under the recommendation."""
    if explanation.weakest is None:
        return ""
    return f'<div class="legend">Weakest evidence that this rests on: {mark(explanation.weakest)}</div>'


def near(title: str, misses: Iterable[str], more: str = "") -> str:
    """A model that comes close, with all that it misses; `more` stands below, smaller."""
    lines = "".join(f"<li>{safe(m)}</li>" for m in misses)
    small = f"<small>{safe(more)}</small>" if more else ""
    return f'<div class="near"><h5>{safe(title)}</h5><ul>{lines}</ul>{small}</div>'
