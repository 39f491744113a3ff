"""What the wizard has been told, and the flat text of a link that holds all of it, both ways.

The address bar is the one place where this state lives: going back, a reload and a copied link all restore it.
Nothing here knows Streamlit.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote, unquote

from dss.groups import Group, Judged, Person, simplest
from dss.preferences import PreferenceError, Preferences
from ontology.requirement import Choices, Relation, Requirement, Step, specs
from ontology.requirement_json import Problem, RequirementError, from_link, to_link

PREFERENCES, RESULTS, BUILD = "preferences", "results", "build"
PAGES: tuple[str, ...] = (*(step.value for step in Step), PREFERENCES, RESULTS)
BUILDS, REGISTER = "builds", "register"  # pages that belong to no request
REPOSITORY, SPARQL = "repository", "sparql"  # others, which keep more of their state in their link
LONGEST_NAME = 200
LONGEST_DRAFT = 80  # characters of a wrong entry that are kept, so that it can be mended
_OURS = ("step", "prefs", "person", "title")
_STREAMLITS = ("embed", "embed_options")
_FIELDS = dict(specs())


@dataclass(frozen=True)
class Place:
    """A page beside the wizard's steps: one `job` or `model` by its name, or a `view` such as builds or sparql.

    `more` is what else its link says, for a page that keeps its state there.
    """

    kind: str
    name: str
    more: tuple[tuple[str, str], ...] = ()

    def parameters(self) -> dict[str, str]:
        """The parameters of its link: `?job=ID`, `?model=NAME`, `?view=builds`."""
        return {self.kind: self.name, **dict(self.more)}


def place_of(parameters: Mapping[str, str]) -> Place | None:
    """The place that a link names, if it names one; what else the link says is then left out."""
    given = known(parameters)
    for kind in ("job", "model"):
        if given.get(kind):
            return Place(kind, given[kind][:LONGEST_NAME])
    if given.get("view") in (REPOSITORY, SPARQL):
        return Place("view", given["view"], tuple((n, text) for n, text in given.items() if n != "view"))
    return Place("view", given["view"]) if given.get("view") in (BUILDS, REGISTER) else None


@dataclass(frozen=True)
class Draft:
    """An entry that cannot be used yet: what was written, and what to do about it."""

    text: str
    message: str


@dataclass(frozen=True)
class Asked:
    """One requirement with the preferences of one person or several, and the page on which it is being filled in.

    `person` is whose answers the page of preferences shows, "" for the first. `drafts` holds the fields whose entry is
    wrong; they limit nothing until they are mended. `notes` are problems that belong to no field.
    """

    requirement: Requirement
    group: Group
    page: str
    drafts: Mapping[str, Draft]
    notes: tuple[Problem, ...] = ()
    person: str = ""

    @property
    def who(self) -> str:
        """The name of the person whose answers are shown, "" for the only one who is not named."""
        return self.person or self.group.people[0].name

    @property
    def preferences(self) -> Preferences:
        """The answers of that person."""
        return next(p.preferences for p in self.group if p.name == self.who)

    @property
    def judged(self) -> Judged:
        """What the ranking follows: everybody's answers."""
        return simplest(self.group)

    @property
    def answers(self) -> int:
        """How many comparisons have been made, by all together."""
        return sum(len(p.preferences) for p in self.group)

    def with_preferences(self, preferences: Preferences) -> Asked:
        """Other answers of the person who is shown."""
        return replace(self, group=self.group.with_person(self.who, preferences))

    def with_group(self, group: Group, person: str = "") -> Asked:
        """Other people, one of them shown; nobody left is one person without answers."""
        kept = group if len(group) else Group.alone(Preferences())
        first = kept.people[0].name
        known = any(p.name == person for p in kept)
        return replace(self, group=kept, person=person if known and person != first else "")

    def parameters(self) -> dict[str, str]:
        """The parameters of the link that restores this, wrong entries included."""
        link = to_link(self.requirement)
        link |= {name: draft.text for name, draft in self.drafts.items()}
        if prefs := group_text(self.group):
            link["prefs"] = prefs
        if self.person:
            link["person"] = self.person
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
    group, wrong = _group(given.get("prefs", ""))
    person = given.get("person", "")
    if person and all(p.name != person for p in group):
        wrong.append(Problem("person", f"nobody here is called {person[:40]!r}; the first person is shown"))
        person = ""
    requirement, drafts, others = _requirement(given, choices)
    asked = Asked(requirement, group, page, drafts, (*notes, *wrong, *others))
    return asked.with_group(group, person)


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


def group_text(group: Group) -> str:
    """The form in a link: `performance-cost:5,…` for one without a name, else `Ann=performance-cost:5|Ben=…`.

    Characters of a name that could be taken for the link's own are written as in addresses (%7C).
    """
    if len(group) == 1 and not group.people[0].name:
        return group.people[0].preferences.to_text()
    return "|".join(f"{quote(p.name, safe=' ')}={p.preferences.to_text()}" for p in group)


def _group(text: str) -> tuple[Group, list[Problem]]:
    """Everybody's judgements that can be used, and what is wrong with the rest."""
    if "=" not in text:
        preferences, problems = _preferences(text)
        return Group.alone(preferences), problems
    group, problems = Group(()), []
    for part in text.split("|"):
        name, _, judgements = part.partition("=")
        preferences, wrong = _preferences(judgements)
        try:
            one = Group((*group.people, Person(unquote(name), preferences)))
            if not unquote(name):
                raise PreferenceError("a person's name is missing; write Ann=performance-cost:5")
        except PreferenceError as error:
            problems += [Problem("prefs", problem) for problem in error.problems]
        else:
            group = one
            problems += wrong
    return (group if len(group) else Group.alone(Preferences())), problems


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
