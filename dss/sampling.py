"""Weights as uncertain as the judgements they rest on: many sets of weights that the same answers could stand for.

A judgement stands for anything within half a step of it on the scale 9 5 3 1 3 5 9, drawn evenly on the logarithms
between two steps; nothing lies beyond 9. What several people answered is drawn for each of them and then combined.
Comparisons that nobody made follow from the others where a chain of judgements joins the two objectives. Parts that no
chain joins are placed anywhere on the scale: each part's geometric mean is drawn evenly on the logarithms from 1/3 to
3, so that two parts differ by 9 times at most, and none is preferred.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from dss.groups import Group
from dss.pairwise import components, log_weight_operator
from dss.preferences import Preference, Strength
from ontology.records import Objective
from repository.projection import FloatArray

_STEPS = np.arange(-3.0, 4.0)
_LOGS = np.array([-math.log(s) for s in reversed(Strength) if s > 1] + [math.log(s) for s in Strength])


@dataclass(frozen=True)
class SampledWeights:
    """`shares` has one row a sample and one column an objective; each row sums to 1.

    `steps` has one row a sample and one column a judgement of `judgements` (whose it is, and what was said): how many
    steps, -½ to ½, the drawn value lies from what was said, towards the objective that matters more. `parts` is the
    number of groups of objectives that no judgement joins: 1 when the answers decide all weights.
    """

    shares: FloatArray
    steps: FloatArray
    judgements: tuple[tuple[str, Preference], ...]
    parts: int


def sampled_weights(group: Group, samples: int, rng: np.random.Generator) -> SampledWeights:
    """So many sets of weights that the group's judgements could stand for."""
    order, pairs = list(Objective), list(group.pairs())
    judgements = tuple((p.name, j) for p in group for j in p.preferences)
    # One row a judgement and one an objective here: the samples lie side by side, which is several times as fast.
    steps, of_pair = np.empty((len(judgements), samples)), [list[int]() for _ in pairs]
    for k, (_, judgement) in enumerate(judgements):
        steps[k] = rng.uniform(-0.5, min(0.5, _STEPS[-1] - _said(judgement)), samples)
        i, j = order.index(judgement.more), order.index(judgement.less)
        of_pair[pairs.index((min(i, j), max(i, j)))].append(k)
    operator = log_weight_operator(len(order), pairs)
    values = np.zeros((len(order), samples))
    # In this order on every machine, so that a seed gives the same to the last digit.
    for p, (first, _) in enumerate(pairs):
        log = np.zeros(samples)
        for k in of_pair[p]:
            judgement = judgements[k][1]
            drawn = np.interp(_said(judgement) + steps[k], _STEPS, _LOGS)
            log += drawn if order[first] == judgement.more else -drawn
        log /= len(of_pair[p])
        for of_objective, part in zip(values, operator[:, p], strict=True):
            of_objective += part * log
    parts = components(len(order), pairs)
    if len(parts) > 1:
        for part in parts:
            values[list(part)] += rng.uniform(-_LOGS[-1] / 2, _LOGS[-1] / 2, samples)
    shares = np.exp(values, out=values)
    shares /= shares.sum(axis=0)
    return SampledWeights(shares.T, steps.T, judgements, len(parts))


def _said(judgement: Preference) -> int:
    """Where on the scale a judgement stands that is not drawn."""
    return list(Strength).index(judgement.strength)
