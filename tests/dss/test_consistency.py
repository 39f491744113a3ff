"""Comparison matrices and the consistency of judgements, on published matrices and against other programs."""

from itertools import combinations

import ahpy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from pymcdm.weights.subjective import AHP
from scipy.optimize import minimize

from dss.consistency import Consistency, consistency
from dss.pairwise import (
    Matrix,
    best_change,
    complete,
    components,
    consistency_ratio,
    known_pairs,
    log_least_squares,
    principal,
    random_index,
)
from dss.preferences import ALL_PAIRS, PAPER_PAIRS, SIGNED_SCALE, Preference, Preferences, weights
from ontology.records import Objective
from tests.dss.random_indices import simulated

NAN = float("nan")
SAATY_SCALE = (*(1 / k for k in range(9, 1, -1)), *range(1, 10))


def comparison_matrix(n: int, upper: list[float]) -> Matrix:
    matrix = np.eye(n)
    for (i, j), value in zip(combinations(range(n), 2), upper, strict=True):
        matrix[i, j], matrix[j, i] = value, 1 / value
    return matrix


# Buying a house, Saaty, "How to make a decision", European J. Operational Research 48 (1990), section 2: size,
# transport, neighbourhood, age, yard, modern facilities, condition, financing.
HOUSE = comparison_matrix(
    8,
    [
        *(5, 3, 7, 6, 6, 1 / 3, 1 / 4),
        *(1 / 3, 5, 3, 3, 1 / 5, 1 / 7),
        *(6, 3, 4, 6, 1 / 5),
        *(1 / 3, 1 / 4, 1 / 7, 1 / 8),
        *(1 / 2, 1 / 5, 1 / 6),
        *(1 / 5, 1 / 6),
        1 / 2,
    ],
)
EXAMPLE_3 = comparison_matrix(4, [1, 5, 2, 3, 4, NAN])  # Bozóki, Fülöp and Rónyai 2010, example 3


@st.composite
def complete_matrices(draw: st.DrawFn, ratios: st.SearchStrategy[float]) -> Matrix:
    n = draw(st.integers(3, 7))
    return comparison_matrix(n, [draw(ratios) for _ in combinations(range(n), 2)])


@st.composite
def matrices(draw: st.DrawFn) -> Matrix:
    """Random connected comparison matrices of 3 to 7 items with ratios between 1/9 and 9, some entries missing."""
    matrix = draw(complete_matrices(st.floats(1 / 9, 9)))
    return leave_out(matrix, draw(st.lists(st.sampled_from(known_pairs(matrix)), unique=True)))


def leave_out(matrix: Matrix, pairs: list[tuple[int, int]]) -> Matrix:
    """The matrix without these comparisons, as far as the others still connect all items."""
    left = matrix.copy()
    for i, j in pairs:
        if len(components(len(left), [pair for pair in known_pairs(left) if pair != (i, j)])) == 1:
            left[i, j] = left[j, i] = NAN
    return left


@st.composite
def judgements(draw: st.DrawFn, smallest: int = 0) -> Preferences:
    pairs = draw(st.lists(st.sampled_from(ALL_PAIRS), unique=True, min_size=smallest))
    return Preferences(tuple(Preference.between(*pair, draw(st.sampled_from(SIGNED_SCALE))) for pair in pairs))


def test_a_chain_gives_the_weights_that_multiply_out() -> None:
    assert_allclose(log_least_squares(comparison_matrix(3, [2, NAN, 3])), [0.6, 0.3, 0.1], rtol=1e-12)


def test_weights_of_a_complete_matrix_are_its_row_geometric_means() -> None:
    expected = np.prod(HOUSE, axis=1) ** (1 / 8)
    assert_allclose(log_least_squares(HOUSE), expected / expected.sum(), rtol=1e-12)


def test_example_3_of_bozoki_fulop_ronyai_2010() -> None:
    completed = complete(EXAMPLE_3)
    assert completed[2, 3] == pytest.approx(0.7303, abs=5e-5)
    assert_allclose(principal(completed)[1], [0.3738, 0.3920, 0.0985, 0.1357], atol=5.1e-5)
    assert_allclose(log_least_squares(EXAMPLE_3), [0.3742, 0.3916, 0.0988, 0.1353], atol=5.1e-5)


def test_saaty_1990_buying_a_house() -> None:
    eigenvalue, eigenvector = principal(HOUSE)
    assert eigenvalue == pytest.approx(9.669, abs=5e-4)
    assert_allclose(eigenvector, [0.173, 0.054, 0.188, 0.018, 0.031, 0.036, 0.167, 0.333], atol=6e-4)
    assert consistency_ratio(HOUSE) == pytest.approx((9.669 - 8) / 7 / 1.41, abs=5e-4)  # 0.169


def test_saaty_1977_wealth_of_nations() -> None:
    """ "A scaling method for priorities in hierarchical structures": US, USSR, China, France, UK, Japan, W. Germany."""
    upper = [
        *(4, 9, 6, 6, 5, 5),
        *(7, 5, 5, 3, 4),
        *(1 / 5, 1 / 5, 1 / 7, 1 / 5),
        *(1, 1 / 3, 1 / 3),
        *(1 / 3, 1 / 3),
        2,
    ]
    nations = comparison_matrix(7, upper)
    eigenvalue, eigenvector = principal(nations)
    assert eigenvalue == pytest.approx(7.61, abs=5e-3)
    assert_allclose(eigenvector, [0.427, 0.230, 0.021, 0.052, 0.052, 0.123, 0.094], atol=5.1e-4)
    assert consistency_ratio(nations) == pytest.approx(0.10 / 1.32, abs=2e-3)


def test_saaty_2003_names_neighbourhood_against_condition_in_the_house_matrix() -> None:
    # "Decision-making with the AHP: why is the principal eigenvector necessary", EJOR 145: 6 should become 1/2.
    change = best_change(HOUSE, SAATY_SCALE)
    assert change is not None
    assert (change.i, change.j, change.value) == (2, 6, 0.5)
    assert change.ratio == pytest.approx((8.811 - 8) / 7 / 1.41, abs=2e-4)  # 0.082; 0.083 with his later index 1.40


def test_random_index_falls_to_zero_where_only_a_tree_is_left() -> None:
    assert [random_index(n) for n in range(3, 9)] == [0.58, 0.90, 1.12, 1.24, 1.32, 1.41]
    assert random_index(6, 8) == 0.243  # seven judgements, as in the paper
    assert random_index(6, 10) == 0
    assert random_index(8, 7) == pytest.approx(1.41 * (1 - 14 / 42))
    with pytest.raises(ValueError, match="9 items with 0 missing"):
        random_index(9)


@pytest.mark.parametrize("n", [4, 5, 6])
def test_random_indices_are_near_the_published_line_and_fall(n: int) -> None:
    """Equation 3 of Ágoston and Csató 2022 (nearly linear), from RI(n, 0) simulated like the others."""
    most = (n - 1) * (n - 2) // 2
    complete_index = {4: 0.885, 5: 1.108, 6: 1.247}[n]
    indices = [random_index(n, m) for m in range(1, most + 1)]
    assert indices == sorted(indices, reverse=True)
    assert indices == pytest.approx([complete_index * (1 - m / most) for m in range(1, most + 1)], abs=0.015)


@pytest.mark.parametrize(("n", "missing"), [(4, 1), (5, 3), (6, 1), (6, 4), (6, 8)])
def test_random_index_is_the_mean_index_of_random_matrices(n: int, missing: int) -> None:
    mean, error = simulated(n, missing, 300)
    assert mean == pytest.approx(random_index(n, missing), abs=4 * error)


@settings(max_examples=40, deadline=None)
@given(complete_matrices(st.sampled_from(SAATY_SCALE)))
def test_ahpy_and_pymcdm_agree_on_complete_matrices(matrix: Matrix) -> None:
    n = len(matrix)
    eigenvalue, eigenvector = principal(matrix)
    other = AHP(matrix=matrix)
    assert_allclose(eigenvector, other(), atol=1e-9)
    assert eigenvalue == pytest.approx(n + other.get_cr() * AHP.RI_M[n - 1] * (n - 1), abs=1e-8)

    compare = ahpy.Compare("m", {(i, j): matrix[i, j] for i, j in known_pairs(matrix)}, 9, "saaty")
    assert_allclose(eigenvector, [compare.local_weights[i] for i in range(n)], atol=1e-7)
    its_index = {3: 0.52, 4: 0.89, 5: 1.11, 6: 1.25, 7: 1.35}[n]
    assert consistency_ratio(matrix) * random_index(n) == pytest.approx(compare.consistency_ratio * its_index, abs=1e-7)


@settings(max_examples=40, deadline=None)
@given(matrices())
def test_completion_reaches_the_minimum_that_scipy_finds(matrix: Matrix) -> None:
    i, j = np.nonzero(np.triu(np.isnan(matrix)))

    def largest_eigenvalue(logs: Matrix) -> float:
        filled = matrix.copy()
        filled[i, j], filled[j, i] = np.exp(logs), np.exp(-logs)
        return float(np.linalg.eigvals(filled).real.max())

    ours = complete(matrix)
    reached = largest_eigenvalue(np.log(ours[i, j]))
    if len(i):
        best = minimize(largest_eigenvalue, np.zeros(len(i)), method="BFGS", options={"gtol": 1e-8})
        assert reached <= best.fun + 1e-9
        assert reached == pytest.approx(best.fun, abs=1e-6)
    assert_allclose(ours[~np.isnan(matrix)], matrix[~np.isnan(matrix)])


def test_ahpy_completes_example_3_alike() -> None:
    stated = {(i, j): EXAMPLE_3[i, j] for i, j in known_pairs(EXAMPLE_3)}
    compare = ahpy.Compare("m", stated, 6, "saaty", tolerance=1e-8)
    assert_allclose(principal(complete(EXAMPLE_3))[1], [compare.local_weights[k] for k in range(4)], atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0.05, 1), min_size=3, max_size=8), st.data())
def test_a_consistent_matrix_has_ratio_0_and_gives_its_weights_back(values: list[float], data: st.DataObject) -> None:
    shares = np.array(values) / sum(values)
    matrix = np.outer(shares, 1 / shares)
    np.fill_diagonal(matrix, 1)
    pairs = list(combinations(range(len(values)), 2))
    matrix = leave_out(matrix, data.draw(st.lists(st.sampled_from(pairs), unique=True)))
    assert_allclose(log_least_squares(matrix), shares, rtol=1e-9)
    assert consistency_ratio(matrix) == pytest.approx(0, abs=1e-9)
    assert_allclose(complete(matrix), np.outer(shares, 1 / shares), rtol=1e-6)


@settings(max_examples=40, deadline=None)
@given(matrices())
def test_adding_a_comparison_that_says_what_the_weights_say_changes_no_weight(matrix: Matrix) -> None:
    before = log_least_squares(matrix)
    for i, j in np.argwhere(np.isnan(matrix)):
        matrix[i, j], matrix[j, i] = before[i] / before[j], before[j] / before[i]
    assert_allclose(log_least_squares(matrix), before, rtol=1e-9)


@settings(max_examples=40, deadline=None)
@given(matrices(), st.data())
def test_the_order_of_the_items_does_not_matter(matrix: Matrix, data: st.DataObject) -> None:
    order = np.array(data.draw(st.permutations(range(len(matrix)))))
    shuffled = matrix[np.ix_(order, order)]
    assert_allclose(log_least_squares(shuffled), log_least_squares(matrix)[order], rtol=1e-9)
    assert consistency_ratio(shuffled) == pytest.approx(consistency_ratio(matrix), abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(matrices())
def test_asking_everything_the_other_way_round_inverts_the_weights_and_keeps_the_ratio(matrix: Matrix) -> None:
    inverted = 1 / log_least_squares(matrix)
    assert_allclose(log_least_squares(matrix.T.copy()), inverted / inverted.sum(), rtol=1e-9)
    assert consistency_ratio(matrix.T.copy()) == pytest.approx(consistency_ratio(matrix), abs=1e-9)


def test_separate_parts_are_joined_with_equal_geometric_means() -> None:
    # Parts {0, 1} with 4 : 1 and {2}: logs ln 2, -ln 2 and 0, so weights 2 : 1/2 : 1.
    matrix = comparison_matrix(3, [4, NAN, NAN])
    assert_allclose(log_least_squares(matrix), [4 / 7, 1 / 7, 2 / 7], rtol=1e-12)
    with pytest.raises(ValueError, match=r"no comparison joins the parts \[0, 1\] and \[2\]"):
        complete(matrix)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.ones((2, 3)), r"square, got shape \(2, 3\)"),
        (np.array([[2.0]]), r"must be 1, got 2\.0"),
        (np.array([[1, NAN], [1, 1]]), "both be given or both be nan"),
        (np.array([[1, 3], [3, 1.0]]), r"reciprocal of the other, got 3\.0 and 3\.0"),
        (np.array([[1, -2], [-0.5, 1.0]]), "must be positive"),
    ],
)
def test_an_array_that_is_no_comparison_matrix_is_refused(matrix: Matrix, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        log_least_squares(matrix)


def test_no_cycle_nothing_to_contradict() -> None:
    assert consistency(Preferences()) == Consistency(ratio=0, judgements=0, checks=0)
    assert "you have not compared anything" in consistency(Preferences()).in_words()
    tree = Preferences.from_text("performance-cost:9,cost-latency:-9,latency-security:9")
    assert consistency(tree) == Consistency(ratio=0, judgements=3, checks=0)
    assert "no answer can be checked" in consistency(tree).in_words()


def test_the_papers_seven_judgements_agree_well() -> None:
    found = consistency(
        Preferences.from_text(
            "performance-cost:5,latency-security:-3,security-complexity:1,complexity-performance:-5,"
            "cost-reliability:1,reliability-latency:1,cost-latency:3"
        )
    )
    assert found.checks == 2  # seven judgements, five would connect six objectives
    assert found.acceptable
    assert found.look_again is None
    assert found.in_words() == "Your answers agree well (ratio 0.06; up to 0.10 is fine)."


def test_a_triangle_checked_by_hand() -> None:
    # A triangle with ratios a, b and c from end to end has eigenvalue 1 + d + 1/d with d = (ab / c)^(1/3).
    # Performance : cost = 5, cost : latency = 3, performance : latency = 1/3, so d = 45^(1/3). The last two imply
    # performance : cost = 1/9, which is on the scale; no other single change fits exactly.
    found = consistency(Preferences.from_text("performance-cost:5,cost-latency:3,performance-latency:-3"))
    d = 45 ** (1 / 3)
    assert found.ratio == pytest.approx((d + 1 / d - 2) / 2 / 0.58)  # 1.58
    assert found.look_again is not None
    assert found.look_again.judgement.in_words() == "performance over cost: strong"
    assert found.look_again.better.in_words() == "cost over performance: absolute"
    assert found.look_again.implied == pytest.approx(1 / 9)
    assert found.look_again.ratio == pytest.approx(0, abs=1e-9)
    assert found.in_words() == (
        "Some answers pull against each other (ratio 1.58; up to 0.10 is fine). Look again at performance against "
        "cost: 'absolute' in favour of cost would fit better than 'strong' in favour of performance "
        "(the ratio would be 0.00)."
    )


def test_one_answer_that_is_too_strong_is_named_with_the_value_that_fits() -> None:
    # All six count the same, except for one slip: performance absolutely over cost.
    answers = Preferences(tuple(Preference.between(*pair, 1) for pair in ALL_PAIRS))
    found = consistency(answers.with_judgement(Preference.between(*PAPER_PAIRS[0], 9)))
    assert found.in_words() == (
        "Some answers pull against each other (ratio 0.104; up to 0.10 is fine). Look again at performance against "
        "cost: 'equal' would fit better than 'absolute' (the ratio would be 0.00)."
    )


@pytest.mark.parametrize("asked", ["performance-latency", "latency-performance"])
def test_an_equal_that_should_not_be_says_in_favour_of_which(asked: str) -> None:
    # Performance counts nine times as much as each of the others, except for one slip.
    answers = Preferences(tuple(Preference.between(a, b, signed_for_performance(a, b)) for a, b in ALL_PAIRS))
    slip = Preferences.from_text(f"{asked}:1").judgements[0]
    found = consistency(answers.with_judgement(slip))
    assert found.look_again is not None
    assert found.look_again.in_words() == (
        f"Look again at {slip.more} against {slip.less}: 'absolute' in favour of performance would fit better than "
        "'equal' (the ratio would be 0.00)."
    )


def signed_for_performance(first: Objective, second: Objective) -> int:
    return {first: 9, second: -9}.get(Objective.PERFORMANCE, 1)


def test_a_change_that_is_not_enough_says_so() -> None:
    answers = Preferences(tuple(Preference.between(*pair, 1) for pair in ALL_PAIRS))
    for k in range(3):
        answers = answers.with_judgement(Preference.between(*PAPER_PAIRS[k], 9))
    assert "still above the limit, so there is more to look at" in consistency(answers).in_words()


def test_parts_that_nothing_joins_are_judged_by_the_worst() -> None:
    triangle = "performance-cost:3,cost-latency:3,performance-latency:-3"
    fine = "reliability-security:3,security-complexity:3,reliability-complexity:5"
    both = consistency(Preferences.from_text(f"{triangle},{fine}"))
    assert both.ratio == pytest.approx(consistency(Preferences.from_text(triangle)).ratio)
    assert both.checks == 2
    assert both.look_again is not None
    assert both.look_again.ratio == pytest.approx(consistency(Preferences.from_text(fine)).ratio)


@settings(max_examples=60, deadline=None)
@given(judgements())
def test_the_advice_holds_what_it_promises_and_no_other_single_change_does_better(answers: Preferences) -> None:
    found = consistency(answers)
    assert (found.look_again is None) >= found.acceptable
    if found.look_again is None:
        return
    advice = found.look_again
    assert consistency(answers.with_judgement(advice.better)).ratio == pytest.approx(advice.ratio, abs=1e-8)
    assert advice.ratio < found.ratio
    for judgement in answers:
        for value in SIGNED_SCALE:
            other = answers.with_judgement(Preference.between(judgement.more, judgement.less, value))
            assert consistency_ratio(other.matrix()) >= advice.ratio - 1e-8


@settings(max_examples=40, deadline=None)
@given(judgements(smallest=1))
def test_a_judgement_said_the_other_way_round_is_the_same_judgement(answers: Preferences) -> None:
    turned = Preferences(tuple(Preference.between(j.less, j.more, j.signed(j.less)) for j in answers))
    assert weights(turned).shares == pytest.approx(weights(answers).shares)
    assert consistency(turned).ratio == pytest.approx(consistency(answers).ratio, abs=1e-9)


def test_a_ratio_just_above_the_limit_is_not_shown_as_the_limit() -> None:
    assert "ratio 0.1004;" in Consistency(ratio=0.1004, judgements=7, checks=2).in_words()
    assert "ratio 0.102;" in Consistency(ratio=0.102, judgements=7, checks=2).in_words()
    assert "ratio 0.10;" in Consistency(ratio=0.0999, judgements=7, checks=2).in_words()
