"""A finished candidate: the file that was built, what was measured of it, and where it comes from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from device.measured import Measured
from optimizer.formats.check import NumericCheck
from optimizer.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class Made:
    """One file on the way to a candidate. `check` is against the first of the chain."""

    format: str
    sha256: str
    size_kib: float
    check: NumericCheck | None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Made:
        """What `asdict` gave."""
        return cls(**{**data, "check": None if data["check"] is None else NumericCheck(**data["check"])})


@dataclass(frozen=True, kw_only=True)
class Lineage:
    """Where a file comes from, in full: with the same data, seed and versions the same file is built again.

    `data_is_known`: they are the known set called `data_name`, and not a user's own of that name; `None` where an
    earlier version did not tell the two apart. `classes` is None where answers are numbers or labels, `outputs` is how
    many numbers the network gives for each example. `parent_sha256` is of the file it was converted from; `None` for
    the first of the chain. `own_sha256` is of the user's model, where there was one. `versions` are of the libraries
    that took part. `chain` are the files before this one, the first of the chain first.
    """

    data_name: str
    data_sha256: str
    data_description: str
    train_samples: int
    test_samples: int
    classes: int | None
    input_shape: tuple[int, ...]
    seed: int
    epochs: int
    training_seconds: float
    versions: Mapping[str, str]
    parent_sha256: str | None
    own_sha256: str | None
    own_label: str | None = None
    chain: tuple[Made, ...] = ()
    data_is_known: bool | None = None
    outputs: int | None = None  # None: of an earlier version, which knew classes only

    @property
    def first_sha256(self) -> str | None:
        """Of the file that the chain began with; `None` for that file itself."""
        return self.chain[0].sha256 if self.chain else self.parent_sha256


@dataclass(frozen=True, kw_only=True)
class MeasuredCandidate:
    """One file of a build. `parameters` are all numbers the network holds, `layers` those of Keras with weights.

    `macs` are the multiply-accumulates of one inference; `None` where the first file of the chain does not tell.
    """

    recipe: Recipe
    sha256: str
    measured: Measured
    check: NumericCheck
    parameters: int
    layers: int | None
    lineage: Lineage
    macs: int | None = None

    @property
    def network(self) -> str:
        """What its network is called: its name on the shelf, or what its user calls it."""
        return self.lineage.own_label or self.recipe.network

    def to_json(self) -> dict[str, Any]:
        """A JSON object; `from_json` reads it back."""
        return {
            "recipe": self.recipe.to_json(),
            "sha256": self.sha256,
            "measured": json.loads(self.measured.to_json()),
            "check": asdict(self.check),
            "parameters": self.parameters,
            "layers": self.layers,
            "lineage": asdict(self.lineage),
            "macs": self.macs,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> MeasuredCandidate:
        """What `to_json` gave. Raises ValueError, KeyError or TypeError for anything else."""
        lineage = dict(data["lineage"])
        lineage["input_shape"] = tuple(lineage["input_shape"])
        lineage["chain"] = tuple(Made.from_json(made) for made in lineage.get("chain", ()))
        return cls(
            recipe=Recipe.from_json(data["recipe"]),
            sha256=data["sha256"],
            measured=Measured.from_json(json.dumps(data["measured"])),
            check=NumericCheck(**data["check"]),
            parameters=data["parameters"],
            layers=data["layers"],
            lineage=Lineage(**lineage),
            macs=data.get("macs"),
        )
