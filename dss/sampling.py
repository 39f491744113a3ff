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
    steps = np.zeros((samples, len(judgements)))
    logs, number = np.zeros((samples, len(pairs))), np.zeros(len(pairs))
    for k, (_, judgement) in enumerate(judgements):
        said = list(Strength).index(judgement.strength)
        highest = min(0.5, _STEPS[-1] - said)
        steps[:, k] = rng.uniform(-0.5, highest, samples)
        drawn = np.interp(said + steps[:, k], _STEPS, _LOGS)
        i, j = order.index(judgement.more), order.index(judgement.less)
        at = pairs.index((min(i, j), max(i, j)))
        logs[:, at] += drawn if i < j else -drawn
        number[at] += 1
    logs /= np.maximum(number, 1)
    operator = log_weight_operator(len(order), pairs)
    values = np.zeros((samples, len(order)))
    for k in range(len(pairs)):  # in this order on every machine, so that a seed gives the same to the last digit
        values += logs[:, k, None] * operator[None, :, k]
    parts = components(len(order), pairs)
    if len(parts) > 1:
        for part in parts:
            values[:, list(part)] += rng.uniform(-_LOGS[-1] / 2, _LOGS[-1] / 2, samples)[:, None]
    shares = np.exp(values)
    return SampledWeights(shares / shares.sum(axis=1, keepdims=True), steps, judgements, len(parts))
