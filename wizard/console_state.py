"""What the console's link says: a named question with what was chosen, or a query of one's own.

Nothing here knows Streamlit.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import dropwhile

from ontology.records import figure_kinds
from ontology.requirement import Choices
from repository.guard import LONGEST
from repository.questions import ANY, BadParameter, Parameter, Question, UnknownQuestion, bound, question

QUESTION, WRITTEN, PACKED = "question", "query", "q"  # in a link: a name, a text as it is, a text made shorter
OURS = frozenset({"view", QUESTION, WRITTEN, PACKED})  # so no parameter of a question may be called like this
_NONE = {"tech": {"none": "known to be without"}}  # may be asked for, and is no choice of a requirement


@dataclass(frozen=True)
class Opened:
    """What the console shows. `given` holds the parameters as a link writes them, none at its default."""

    question: Question | None = None
    given: Mapping[str, str] = field(default_factory=dict)
    own: str = ""
    problems: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The SPARQL, without the prefixes that may be left out and without the question's header."""
        if self.question is None:
            return self.own
        lines = bound(self.question, self.given).splitlines()
        return "\n".join(dropwhile(lambda line: line.startswith(("PREFIX ", "#")), lines))

    def link(self) -> dict[str, str]:
        """What the address says beside the view."""
        if self.question is not None:
            return {QUESTION: self.question.name, **self.given}
        return {PACKED: packed(self.own)} if self.own.strip() else {}

    def with_value(self, name: str, value: str) -> Opened:
        """One parameter of the question set."""
        assert self.question is not None
        default = {p.name: p.default for p in self.question.parameters}
        given = {**self.given, name: value}
        return replace(self, given={n: v for n, v in given.items() if v != default[n]}, problems=())


def opened(more: Mapping[str, str], choices: Choices) -> Opened:
    """Read a link; what is wrong with it is told, and the rest is kept."""
    if QUESTION in more:
        return _question(more, choices)
    if WRITTEN in more:
        return Opened(own=more[WRITTEN][:LONGEST])
    if PACKED in more:
        text = unpacked(more[PACKED])
        if text is None:
            return Opened(problems=("The query in this link is damaged; ask for the link once more.",))
        return Opened(own=text)
    return Opened()


def _question(more: Mapping[str, str], choices: Choices) -> Opened:
    try:
        asked = question(more[QUESTION])
    except UnknownQuestion:
        return Opened(problems=(f"There is no question {more[QUESTION][:60]!r}; choose one from the list.",))
    found, problems = Opened(asked), list[str]()
    known = {p.name: p for p in asked.parameters}
    for name, text in more.items():
        if name in OURS:
            continue
        parameter = known.get(name)
        if parameter is None:
            problems.append(f"This question has no parameter {name[:40]!r}; it was left out.")
            continue
        options = of(parameter, choices)
        if options is not None and text not in options:
            problems.append(f"{parameter.meaning}: {text[:60]!r} is not known here; the default is used.")
            continue
        try:
            bound(asked, {name: text})
        except BadParameter as error:
            problems.append(f"{error}; the default is used.")
        else:
            found = found.with_value(name, text)
    return replace(found, problems=tuple(problems))


def of(parameter: Parameter, choices: Choices) -> dict[str, str] | None:
    """What may be chosen for a parameter, with labels; None where it is typed in."""
    if parameter.kind == "figure":
        return {kind.name: kind.name.replace("_", " ") for kind in figure_kinds()}
    if parameter.kind in ("number", "integer"):
        return None
    named = choices.get(parameter.kind, {})
    first = {ANY: "any"} if parameter.optional else {}
    return {**first, **_NONE.get(parameter.kind, {}), **named}


def packed(text: str) -> str:
    """A query for an address: compressed, in letters that need no escaping."""
    return base64.urlsafe_b64encode(zlib.compress(text.encode(), 9)).decode().rstrip("=")


def unpacked(text: str) -> str | None:
    """The query again; None for what `packed` did not make, or made of more than may be asked."""
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        engine = zlib.decompressobj()
        found = engine.decompress(data, 4 * LONGEST)  # no more, however much is packed into it
        return found.decode() if engine.eof else None
    except (binascii.Error, zlib.error, ValueError):
        return None
