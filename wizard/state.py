"""What the wizard has been told, and the flat text of a link that holds all of it, both ways.

The address bar is the one place where this state lives: going back, a reload and a copied link all restore it.
Nothing here knows Streamlit.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace

from dss.preferences import PreferenceError, Preferences
from ontology.requirement import Choices, Relation, Requirement, Step, specs
from ontology.requirement_json import Problem, RequirementError, from_link, to_link

PREFERENCES, RESULTS, BUILD = "preferences", "results", "build"
PAGES: tuple[str, ...] = (*(step.value for step in Step), PREFERENCES, RESULTS)
BUILDS, REGISTER = "builds", "register"  # pages that belong to no request
LONGEST_NAME = 200
LONGEST_DRAFT = 80  # characters of a wrong entry that are kept, so that it can be mended
_OURS = ("step", "prefs", "title")
_STREAMLITS = ("embed", "embed_options")
_FIELDS = dict(specs())


@dataclass(frozen=True)
class Place:
    """A page beside the wizard's steps: one `job` or `model` by its name, or a `view`: builds, register."""

    kind: str
    name: str

    def parameters(self) -> dict[str, str]:
        """The parameters of its link: `?job=ID`, `?model=NAME`, `?view=builds`."""
        return {self.kind: self.name}


def place_of(parameters: Mapping[str, str]) -> Place | None:
    """The place that a link names, if it names one; what else the link says is then left out."""
    given = known(parameters)
    for kind in ("job", "model"):
        if given.get(kind):
            return Place(kind, given[kind][:LONGEST_NAME])
    return Place("view", given["view"]) if given.get("view") in (BUILDS, REGISTER) else None


@dataclass(frozen=True)
class Draft:
    """An entry that cannot be used yet: what was written, and what to do about it."""

    text: str
    message: str


@dataclass(frozen=True)
class Asked:
    """One requirement with preferences, and the page on which it is being filled in.

    `drafts` holds the fields whose entry is wrong; they limit nothing until they are mended. `notes` are problems
    that belong to no field.
    """

    requirement: Requirement
    preferences: Preferences
    page: str
    drafts: Mapping[str, Draft]
    notes: tuple[Problem, ...] = ()

    def parameters(self) -> dict[str, str]:
        """The parameters of the link that restores this, wrong entries included."""
        link = to_link(self.requirement)
        link |= {name: draft.text for name, draft in self.drafts.items()}
        if self.preferences.judgements:
            link["prefs"] = self.preferences.to_text()
        return {"step": self.page, **link}

    def turned_to(self, page: str) -> Asked:
        """The same on another page."""
        return replace(self, page=page)

    def with_requirement(self, requirement: Requirement) -> Asked:
        """Another requirement in its place."""
        return replace(self, requirement=requirement, notes=())

    def with_field(self, name: str, text: str, choices: Choices) -> Asked:
        """One field set to what was entered (empty: no limit); entries that were wrong are tried once more."""
        link = self.parameters()
        link.pop(name, None)
        if text.strip():
            link[name] = text.strip()[:LONGEST_DRAFT] if name in _FIELDS and not _FIELDS[name].vocabulary else text
        return restore(link, choices)


def given(requirement: Requirement) -> list[str]:
    """The names of the fields that were filled in, in the order of the steps."""
    blank = Requirement()
    return [name for name in _FIELDS if getattr(requirement, name) != getattr(blank, name)]


def known(parameters: Mapping[str, str]) -> dict[str, str]:
    """The parameters of an address without Streamlit's own."""
    return {name: text for name, text in parameters.items() if name.lower() not in _STREAMLITS}


def restore(parameters: Mapping[str, str], choices: Choices) -> Asked:
    """Read a link: what is right is kept, and every problem is told with the name of its field."""
    given = known(parameters)
    notes = [Problem(name, f"is no field of a requirement{_nearest(name)}") for name in given if not _is_known(name)]
    page = given.get("step", PAGES[0])
    if page not in (*PAGES, BUILD):
        notes.append(Problem("step", f"there is no step {page[:40]!r}; the steps are {', '.join(PAGES)}"))
        page = PAGES[0]
    preferences, wrong = _preferences(given.get("prefs", ""))
    requirement, drafts, others = _requirement(given, choices)
    return Asked(requirement, preferences, page, drafts, (*notes, *wrong, *others))


def _requirement(
    given: Mapping[str, str], choices: Choices
) -> tuple[Requirement, dict[str, Draft], tuple[Problem, ...]]:
    left, drafts = dict(given), dict[str, Draft]()
    others: list[Problem] = []
    for name, s in _FIELDS.items():
        if s.relation is Relation.IS_TRUE and left.get(name, "yes") != "yes":
            drafts[name] = Draft(left.pop(name)[:LONGEST_DRAFT], "expected 'yes', or leave it out")
    while True:
        try:
            return from_link(left, choices), drafts, tuple(others)
        except RequirementError as error:
            for problem in error.problems:
                name = problem.field.rpartition(".")[2]
                text = left.pop(name, "")
                if name in _FIELDS:
                    drafts[name] = Draft(text[:LONGEST_DRAFT], problem.message)
                else:
                    others.append(problem)


def _preferences(text: str) -> tuple[Preferences, list[Problem]]:
    """Every judgement that can be used, and what is wrong with the rest."""
    kept, problems = Preferences(), []
    for part in text.split(",") if text.strip() else []:
        try:
            kept = Preferences(kept.judgements + Preferences.from_text(part).judgements)
        except PreferenceError as error:
            problems += [Problem("prefs", problem) for problem in error.problems]
    return kept, problems


def _is_known(name: str) -> bool:
    return name in _FIELDS or name in _OURS


def _nearest(name: str) -> str:
    close = difflib.get_close_matches(name[:60], [*_FIELDS, *_OURS], n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else "; it was left out"
