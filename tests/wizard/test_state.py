"""The link that holds everything: what is right is kept, what is wrong is told with its field."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dss.groups import Group, Person
from dss.preferences import ALL_PAIRS, SIGNED_SCALE, Pair, Preference, Preferences
from ontology.records import Grade
from ontology.requirement import Requirement, specs
from wizard.state import BUILD, PAGES, Asked, Place, place_of, restore

CHOICES = {
    "area": {"medical": "Medical", "retail": "Retail"},
    "purpose": {"object-detection": "Object detection"},
    "net": {"resnet-50": "ResNet-50", "vgg-16": "VGG-16"},
    "metric": {"map": "mAP"},
}


def test_a_link_restores_step_fields_and_preferences() -> None:
    link = {
        "step": "device",
        "title": "Company ABC",
        "business_focus": "medical",
        "budget_usd": "14000",
        "devices": "10",
        "networks": "resnet-50|vgg-16",
        "camera": "yes",
        "prefs": "performance-cost:5,latency-security:-3",
    }
    asked = restore(link, CHOICES)
    assert asked.requirement == Requirement(
        title="Company ABC",
        business_focus=("medical",),
        budget_usd=14000.0,
        devices=10,
        networks=("resnet-50", "vgg-16"),
        camera=True,
    )
    assert asked.page == "device"
    assert [j.in_words() for j in asked.preferences] == ["performance over cost: strong", "security over latency: weak"]
    assert (asked.drafts, asked.notes) == ({}, ())
    assert asked.parameters() == link


def test_a_bad_link_keeps_the_good_fields_and_names_the_others() -> None:
    asked = restore(
        {
            "step": "nowhere",
            "budget_usd": "-5",
            "networks": "<script>alert(1)</script>",
            "camera": "banana",
            "devices": "10",
            "budgte": "4",
            "title": "x" * 201,
            "prefs": "performance-cost:4,latency-security:-3,latency-security:5",
        },
        CHOICES,
    )
    assert asked.requirement == Requirement(devices=10)
    assert asked.page == "project"
    assert {name: draft.text for name, draft in asked.drafts.items()} == {
        "budget_usd": "-5",
        "networks": "<script>alert(1)</script>",
        "camera": "banana",
    }
    assert asked.drafts["budget_usd"].message == "must be more than 0 USD, got -5; leave it out for no limit"
    assert [(n.field, n.message) for n in asked.notes] == [
        ("budgte", "is no field of a requirement; did you mean budget_usd?"),
        ("step", f"there is no step 'nowhere'; the steps are {', '.join(PAGES)}"),
        ("prefs", "'performance-cost:4': '4' is not on the scale, use one of -9, -5, -3, 1, 3, 5, 9"),
        (
            "prefs",
            "security and latency are compared twice (security over latency: weak; latency over security: strong): "
            "keep one of the two",
        ),
        ("title", "must be one line of text, at most 200 characters"),
    ]
    assert len(asked.preferences) == 1


def test_a_wrong_entry_limits_nothing_until_it_is_mended() -> None:
    asked = restore({"budget_usd": "14000"}, CHOICES).with_field("budget_usd", "a lot", CHOICES)
    assert asked.requirement.budget_usd is None
    assert asked.drafts["budget_usd"].text == "a lot"
    mended = asked.with_field("budget_usd", "14k USD", CHOICES)
    assert mended.requirement.budget_usd == 14000.0
    assert not mended.drafts


def test_a_wrong_entry_is_tried_again_when_another_field_mends_it() -> None:
    asked = restore({}, CHOICES).with_field("metric_value_at_least", "45", CHOICES)
    assert asked.requirement.metric_value_at_least is None
    mended = asked.with_field("metric", "map", CHOICES)
    assert mended.requirement.metric_value_at_least == 45.0
    assert not mended.drafts


def test_an_empty_entry_takes_the_limit_back() -> None:
    asked = restore({"budget_usd": "14000", "devices": "10"}, CHOICES)
    assert asked.with_field("budget_usd", "  ", CHOICES).requirement == Requirement(devices=10)


def test_streamlits_own_parameters_are_no_problem() -> None:
    assert restore({"embed": "true", "step": "cloud"}, CHOICES).notes == ()


def test_a_link_to_a_build_or_a_model_names_a_place_and_nothing_else_does() -> None:
    assert place_of({"job": "20261120-063749-4f06ff", "devices": "3"}) == Place("job", "20261120-063749-4f06ff")
    assert place_of({"model": "local-1"}) == Place("model", "local-1")
    assert place_of({"view": "builds", "embed": "true"}) == Place("view", "builds")
    assert place_of({"view": "elsewhere"}) is place_of({"step": "build"}) is place_of({"job": ""}) is None


@given(st.sampled_from(["job", "model"]), st.text(min_size=1, max_size=200))
def test_every_place_survives_its_link(kind: str, name: str) -> None:
    assert place_of(Place(kind, name).parameters()) == Place(kind, name)


def judged(pairs: list[Pair]) -> st.SearchStrategy[tuple[Preference, ...]]:
    signed = st.sampled_from(SIGNED_SCALE)
    return st.tuples(*(st.builds(Preference.between, *map(st.just, pair), signed) for pair in pairs))


judgements = st.lists(st.sampled_from(ALL_PAIRS), unique=True).flatmap(judged)
requirements = st.builds(
    Requirement,
    title=st.text(max_size=20).filter(str.isprintable).map(str.strip),
    budget_usd=st.none() | st.floats(1e-3, 1e9),
    devices=st.integers(1, 1_000_000),
    networks=st.sets(st.sampled_from(["resnet-50", "vgg-16"])).map(lambda s: tuple(sorted(s))),
    camera=st.booleans(),
    evidence=st.sampled_from([g for g in Grade if g is not Grade.PREDICTED]),
    accuracy_percent_at_least=st.none() | st.floats(0.001, 100),
)


@given(requirements, judgements, st.sampled_from([*PAGES, BUILD]))
def test_every_state_survives_the_link(requirement: Requirement, made: tuple[Preference, ...], page: str) -> None:
    asked = Asked(requirement, Group.alone(Preferences(made)), page, {})
    assert restore(asked.parameters(), CHOICES) == asked


def test_several_people_each_have_a_name_in_the_link() -> None:
    link = {"step": "preferences", "prefs": "Ann=performance-cost:5|Ben=latency-security:-3", "person": "Ben"}
    asked = restore(link, CHOICES)
    assert [p.name for p in asked.group] == ["Ann", "Ben"]
    assert (asked.who, [j.in_words() for j in asked.preferences]) == ("Ben", ["security over latency: weak"])
    assert asked.parameters() == link
    assert "person" not in asked.with_group(asked.group, "Ann").parameters()  # the first is shown anyway
    alone = asked.with_group(asked.group.without("Ben"), "Ben")
    assert (alone.who, alone.parameters()["prefs"]) == ("Ann", "Ann=performance-cost:5")
    assert alone.with_group(alone.group.without("Ann")).parameters() == {"step": "preferences"}


def test_people_that_cannot_be_used_are_told_and_the_others_stay() -> None:
    asked = restore({"prefs": "Ann=performance-cost:4|Ann=cost-latency:3|=cost-latency:3", "person": "Eve"}, CHOICES)
    assert [(p.name, len(p.preferences)) for p in asked.group] == [("Ann", 0)]
    assert [(n.field, n.message) for n in asked.notes] == [
        ("prefs", "'performance-cost:4': '4' is not on the scale, use one of -9, -5, -3, 1, 3, 5, 9"),
        ("prefs", "two people are called 'Ann': give each a name of their own"),
        ("prefs", "'' is no name for a person: use 1 to 80 characters, without spaces at the ends"),
        ("person", "nobody here is called 'Eve'; the first person is shown"),
    ]


names = st.text(min_size=1, max_size=12).filter(lambda n: n.isprintable() and n == n.strip())


@given(st.dictionaries(names, judgements, min_size=1, max_size=4), st.data())
def test_everybodys_answers_survive_the_link(made: dict[str, tuple[Preference, ...]], data: st.DataObject) -> None:
    group = Group(tuple(Person(name, Preferences(answers)) for name, answers in made.items()))
    asked = restore({}, CHOICES).with_group(group, data.draw(st.sampled_from(list(made))))
    assert restore(asked.parameters(), CHOICES) == asked


@given(
    st.dictionaries(st.sampled_from([*dict(specs()), "step", "prefs", "person", "title", "x"]), st.text(max_size=60))
)
def test_no_link_breaks_the_page_and_its_wrong_entries_survive_too(link: dict[str, str]) -> None:
    asked = restore(link, CHOICES)
    again = restore(asked.parameters(), CHOICES)
    assert again.requirement == asked.requirement
    assert {n: d.text for n, d in again.drafts.items()} == {n: d.text for n, d in asked.drafts.items()}
