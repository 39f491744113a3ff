"""How sure the first place is: cases that can be worked out, laws, and one loop over the samples beside it."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import flow
from dss.draws import PLACES, Draws, Table
from dss.groups import Group, Person
from dss.preferences import Preferences
from dss.ranking import Ranking, rank
from dss.ratings import Ratings
from dss.robustness import SAMPLES, Robustness, medians, robustness, robustness_of
from dss.sampling import sampled_weights
from dss.spread import Spread
from ontology.records import Objective
from ontology.requirement import Requirement
from repository.knowledge import Knowledge
from tests.dss.rated import judgements, only, ranked, rated, spread_of, tables

NONE = Preferences()


def found(ratings: Ratings, answers: Preferences, spread: Spread | None = None, samples: int = SAMPLES) -> Robustness:
    result = robustness(ranked(ratings, answers), ratings, answers, spread, samples=samples)
    assert result is not None
    return result


def within(share: float, samples: int = SAMPLES) -> object:
    """Four standard errors around a probability."""
    return pytest.approx(share, abs=4 * (share * (1 - share) / samples) ** 0.5)


def test_a_judgement_stands_for_half_a_step_either_way() -> None:
    """Weak is 3 : 1, drawn between step ½ and step 1½ of the scale 1 3 5 9.

    The first beats the second where performance weighs more than 3^0.75 times as much as cost, which is step 0.75: in
    three quarters of the draws.
    """
    weak = Preferences.from_text("performance-cost:3")
    pair = rated(only(performance=2, cost=1), only(performance=1, cost=1 + 3**0.75))
    result = found(pair, weak)
    assert result.winner == 0
    assert result.of(0).first == within(0.75)
    assert result.of(1).first == pytest.approx(1 - result.of(0).first)
    assert result.standard_error == pytest.approx(0.0043, abs=2e-4)


def test_the_judgement_that_matters_most_is_named_with_both_halves() -> None:
    """As above: with the judgement drawn weaker (steps ½ to 1) the first wins in half of the draws, else always."""
    answers = Preferences.from_text("performance-cost:3,security-latency:5")
    pair = rated(only(performance=2, cost=1), only(performance=1, cost=1 + 3**0.75))
    effect = found(pair, answers).judgement
    assert effect is not None
    assert effect.judgement == answers.judgements[0]
    assert effect.first_if_weaker == within(0.5, SAMPLES // 2)
    assert effect.first_if_stronger == 1
    assert effect.change == 1 - effect.first_if_weaker


def test_nothing_lies_beyond_absolute() -> None:
    shares = sampled_weights(
        Group.alone(Preferences.from_text("performance-cost:9")), 2000, np.random.default_rng(0)
    ).shares
    ratio = shares[:, 0] / shares[:, 3]
    assert ratio.max() <= 9 + 1e-9
    assert (ratio > 8.99).mean() < 0.02  # drawn evenly, not cut off at 9
    assert ratio.min() >= np.sqrt(5 * 9) - 1e-9  # half a step below, on the logarithms


def test_without_any_judgement_all_objectives_are_treated_alike() -> None:
    """Two mirror images: each is first in half of the draws; weights stay within 9 times of one another."""
    mirror = rated(only(performance=5, cost=1), only(performance=1, cost=5))
    result = found(mirror, NONE)
    assert result.of(0).first == within(0.5)
    assert result.drawn.unjoined_parts == 6
    shares = sampled_weights(Group.alone(NONE), 5000, np.random.default_rng(0)).shares
    assert (shares.max(axis=1) / shares.min(axis=1)).max() <= 9 + 1e-9
    assert shares.mean(axis=0) == pytest.approx([1 / 6] * 6, abs=0.01)


def test_central_weights_are_those_under_which_a_candidate_wins() -> None:
    mirror = rated(only(performance=5, cost=1), only(performance=1, cost=5))
    result = found(mirror, NONE)
    for row, liked, other in ((0, Objective.PERFORMANCE, Objective.COST), (1, Objective.COST, Objective.PERFORMANCE)):
        central = result.of(row).central_weights
        assert central is not None
        assert central[liked] > central[other]
        assert sum(central.values()) == pytest.approx(1)


def test_an_unknown_rating_is_one_draw_shared_by_all_that_lack_it() -> None:
    """A hundred equals without a known cost: each would be ahead of a known 4 in a quarter of the draws, and so are
    they together, because they share one draw. A draw for each would put one of them first nearly always.
    """
    rows = [only(cost=4)] + [only(cost=None) for _ in range(100)]  # type: ignore[arg-type]
    result = found(rated(*rows), NONE, samples=4000)
    assert result.of(0).first == within(0.75, 4000)
    assert result.of(1).first == within(0.25, 4000)
    assert all(result.of(row).first == 0 for row in range(2, 101))  # equal to 1, and after it in the ranking


def test_an_objective_that_nobody_has_evidence_for_is_never_drawn() -> None:
    pair = rated(only(performance=3), only(performance=2))
    result = found(pair, NONE)
    assert result.of(0).first == 1
    assert result.drawn.unknown_ratings == 0


def test_the_missing_figure_that_matters_most() -> None:
    """Rated 5 the second would be first always, rated 1 never; drawn evenly, in a quarter of the draws."""
    result = found(rated(only(cost=4), only()), NONE)
    assert result.measurement is not None
    assert (result.measurement.row, result.measurement.objective) == (1, Objective.COST)
    assert (result.measurement.first_if_worst, result.measurement.first_if_best) == (0, 1)
    assert result.of(1).first == within(0.25)


def test_the_spread_of_a_measurement() -> None:
    """3.0 and 2.9, each with a standard error of 0.1: the difference has √2 × 0.1, so Φ(1 / √2) = 0.760."""
    result = found(rated(only(performance=3), only(performance=2.9)), NONE, spread_of(2, performance=0.1))
    assert result.of(0).first == within(0.7602)
    assert result.drawn.measured_ratings == 2


def test_models_that_rest_on_the_same_measurement_are_off_together() -> None:
    one = spread_of(2, performance=0.1)
    together = Spread(one.down, one.up, one.voted, np.array([7, 7]))
    assert found(rated(only(performance=3), only(performance=2.9)), NONE, together).of(0).first == 1


def test_votes_that_disagree_are_drawn_for_each_candidate() -> None:
    spread = spread_of(2)
    voted = {o: np.full(2, 0.1 if o is Objective.PERFORMANCE else 0.0) for o in Objective}
    split = Spread(spread.down, spread.up, voted, spread.act)
    result = found(rated(only(performance=3), only(performance=2.9)), NONE, split)
    assert result.of(0).first == within(0.7602)
    assert result.drawn.voted_ratings == 2


def test_of_several_people_each_ones_judgement_is_drawn() -> None:
    """Ann says 3 : 1 and Ben 1 : 3, so that together it is 1 : 1 give or take, and the mirror images draw."""
    mirror = rated(only(performance=5, cost=1), only(performance=1, cost=5))
    group = Group(
        (
            Person("Ann", Preferences.from_text("performance-cost:3")),
            Person("Ben", Preferences.from_text("performance-cost:-3")),
        )
    )
    result = robustness(ranked(mirror, NONE), mirror, group)
    assert result is not None
    assert result.of(0).first == within(0.5)
    assert result.judgement is not None
    assert result.judgement.person in ("Ann", "Ben")


@settings(max_examples=30, deadline=None)
@given(tables(), judgements())
def test_the_laws(table: list[list[float | None]], answers: Preferences) -> None:
    """Each place is somebody's, chances are shares, and one that is matched or beaten everywhere is never first."""
    ratings = rated(*table)
    ranking = ranked(ratings, answers)
    result = found(ratings, answers, samples=200)
    for place in range(min(PLACES, len(table))):
        assert sum(c.places[place] for c in result.chances) == pytest.approx(1)
    for chance in result.chances:
        assert 0 <= chance.first <= sum(chance.places) <= 1 + 1e-9
    order = list(ranking.order)
    for i, one in enumerate(order):
        for other in order[:i]:
            pairs = zip(table[other], table[one], strict=True)
            if all((a is None and b is None) or (a is not None and b is not None and a >= b) for a, b in pairs):
                assert result.of(one).first == 0


def test_the_same_to_the_last_digit_and_another_seed_differs() -> None:
    rows = np.random.default_rng(3).uniform(1, 5, (30, 6)).tolist()
    ratings, answers = rated(*rows), Preferences.from_text("performance-cost:3,latency-security:-3")
    ranking = ranked(ratings, answers)
    once, twice = (robustness(ranking, ratings, answers, spread_of(30, performance=0.2)) for _ in range(2))
    assert once == twice
    other = robustness(ranking, ratings, answers, spread_of(30, performance=0.2), seed=5)
    assert other is not None and once is not None
    assert other.chances != once.chances


@settings(max_examples=12, deadline=None)
@given(tables(), judgements())
def test_a_plain_loop_over_the_samples_counts_the_same(table: list[list[float | None]], answers: Preferences) -> None:
    """The ranking's own code on the ratings and weights of each sample, one by one."""
    ratings, samples, seed = rated(*table), 40, 11
    ranking = ranked(ratings, answers)
    result = robustness(ranking, ratings, answers, samples=samples, seed=seed)
    assert result is not None
    assert {c.row: c.places for c in result.chances} == one_by_one(ranking, ratings, answers, samples, seed)


def one_by_one(
    ranking: Ranking, ratings: Ratings, answers: Preferences, samples: int, seed: int
) -> dict[int, tuple[float, ...]]:
    used = [o for o in Objective if o not in ranking.set_aside]
    weighted = sampled_weights(Group.alone(answers), samples, np.random.default_rng([seed, 0]))
    drawn = Draws.of(weighted.shares[:, [list(Objective).index(o) for o in used]], seed)
    # Names in the ranking's order decide between equals, as they do there.
    names = np.array([f"{ranking.order.index(row):03}" for row in range(len(ranking.order))], dtype=object)
    counts: Counter[tuple[int, int]] = Counter()
    for k in range(samples):
        values = {
            o: np.where(np.isnan(ratings.values[o]), drawn.shared[used.index(o), k], ratings.values[o])
            if o in used
            else ratings.values[o]
            for o in Objective
        }
        sample = Ratings(values, ratings.figures, ratings.votes)
        again = rank(np.arange(len(names)), sample, dict(zip(Objective, weighted.shares[k], strict=True)), names)
        counts.update((s.row, s.place) for s in again.scored if s.place <= PLACES)
    rows = {row for row, _ in counts}
    return {row: tuple(counts[row, place] / samples for place in range(1, PLACES + 1)) for row in rows}


def test_many_candidates_are_left_out_without_changing_any_chance() -> None:
    rng = np.random.default_rng(8)
    rows: list[list[float | None]] = [
        [None if rng.random() < 0.1 else v for v in row] for row in rng.uniform(1, 5, (900, 6)).tolist()
    ]
    ratings, answers = rated(*rows), Preferences.from_text("performance-cost:5,cost-latency:3,security-cost:1")
    ranking, spread = ranked(ratings, answers), spread_of(900, performance=0.2)
    result = robustness(ranking, ratings, answers, spread, samples=300)
    assert result is not None
    assert result.ranked == 900
    assert result.compared < 300
    used = list(Objective)
    weighted = sampled_weights(Group.alone(answers), 300, np.random.default_rng([result.seed, 0]))
    table = Table.of(np.array(ranking.order), used, ratings, spread)
    draws = Draws.of(weighted.shares / weighted.shares.sum(axis=1, keepdims=True), result.seed)
    scores = np.vstack([some.copy() for _, some in draws.scores(table)]).T
    for place, best in enumerate(np.argsort(-scores, axis=0, kind="stable")[:PLACES]):
        whole = Counter(int(table.rows[j]) for j in best)
        assert {c.row: round(c.places[place] * 300) for c in result.chances if c.places[place]} == whole


@st.composite
def candidates(draw: st.DrawFn) -> tuple[Table, Draws]:
    """Ratings on a coarse grid, so that many are equal; acts that several rest on; votes; and how they are drawn."""
    size, objectives = draw(st.integers(1, 8)), draw(st.integers(0, 4))

    def column(values: list[float]) -> np.ndarray:
        drawn = [draw(st.sampled_from(values)) for _ in range(size * objectives)]
        return np.array(drawn, dtype=float).reshape(size, objectives)

    act = np.array([draw(st.integers(-1, 2)) for _ in range(size)])
    by_act = (act >= 0)[:, None]
    down, up = column([0.0, -0.5, -2.0]) * by_act, column([0.0, 0.25, 3.0]) * by_act
    table = Table(np.arange(size) * 7, column([1.0, 2.5, 5.0, np.nan]), down, up, column([0.0, 0.0, 0.7]), act)
    return table, Draws.of(np.random.default_rng(5).uniform(0.1, 1, (90, objectives)), seed=3)


@settings(max_examples=60, deadline=None)
@given(candidates(), st.sampled_from([0, 1_000, 4_000]))
def test_scores_are_those_of_each_candidate_by_itself(drawn: tuple[Table, Draws], beside: int) -> None:
    """To the last digit: the middle, moved by the act's error and the votes', cut off at 1 and 5, times the weight."""
    table, draws = drawn
    found = np.vstack([some.copy() for _, some in draws.scores(table, beside)])
    expected = np.zeros((90, len(table.rows)))
    for o, (share, shared) in enumerate(zip(draws.shares, draws.shared, strict=True)):
        for j, middle in enumerate(table.middle[:, o]):
            z = draws.errors(2, int(table.act[j])) if table.act[j] >= 0 else np.zeros(90)
            moved = middle + np.where(z > 0, z * table.up[j, o], -z * table.down[j, o])
            if table.voted[j, o]:
                moved += draws.errors(3, int(table.rows[j]), o) * table.voted[j, o]
            expected[:, j] += share * (shared if np.isnan(middle) else np.clip(moved, 1, 5))
    assert np.array_equal(found, expected)


@given(st.lists(st.lists(st.floats(-1, 1), min_size=5, max_size=5), min_size=2, max_size=6))
def test_medians_are_those_of_numpy(columns: list[list[float]]) -> None:
    rows = np.array(columns).T
    assert np.array_equal(medians(rows), np.median(rows, axis=1))


def test_nothing_ranked_and_too_few_samples() -> None:
    nobody = rated()
    assert robustness(ranked(nobody, NONE), nobody, NONE) is None
    alone = rated([3.0] * 6)
    with pytest.raises(ValueError, match="two samples or more, got 1"):
        robustness(ranked(alone, NONE), alone, NONE, samples=1)
    assert found(alone, NONE).of(0).first == 1


def test_candidates_about_which_nothing_at_all_is_known(tiny: Knowledge) -> None:
    nothing = rated(only(), only())
    assert found(nothing, NONE).of(0).first == 1  # all objectives are set aside: the ranking's order stands
    candidates = flow.find_candidates(Requirement(task=("object-detection",)), tiny)
    result = robustness_of(candidates, flow.rank_candidates(candidates, NONE), NONE)
    assert result is not None
    assert result.of(result.winner).first == 1


def test_on_the_tiny_graph_the_cheap_fast_one_wins_when_those_count(tiny: Knowledge) -> None:
    answers = Preferences.from_text(
        "cost-performance:9,latency-performance:9,reliability-performance:1,security-performance:1,complexity-performance:1"
    )
    candidates = flow.find_candidates(Requirement(task=("image-classification",)), tiny)
    result = robustness_of(candidates, flow.rank_candidates(candidates, answers), answers)
    assert result is not None
    assert tiny.projection.models["model"].iat[result.winner] == "a"
    assert result.of(result.winner).first > 0.9
    assert result.drawn.measured_ratings > 0  # accuracies on 500 pictures
