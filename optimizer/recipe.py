"""What to build: a network, a format, and how to train. Plain data that a job keeps as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from device.runtimes import RUNTIMES
from optimizer.formats.shelf import FORMATS
from optimizer.networks.own import OWN
from optimizer.networks.shelf import NETWORKS

EPOCHS = 30
BATCH = 64
LEARNING_RATE = 1e-3  # Adam's own (Kingma & Ba 2015)
PATIENCE = 5


class RecipeError(ValueError):
    """A recipe asks for something that is on no shelf, or with a value that makes no sense."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One candidate. `epochs` is the most that are trained; training ends earlier when it no longer learns.

    `runtime` runs the file, by the name on the shelf; `None` is the first that takes it. Candidates with the same
    network and the same way of training share one training, those of one format also the file. Raises RecipeError.
    """

    network: str
    format: str
    seed: int = 0
    epochs: int = EPOCHS
    batch: int = BATCH
    learning_rate: float = LEARNING_RATE
    patience: int = PATIENCE
    reason: str = ""
    runtime: str | None = None

    def __post_init__(self) -> None:
        if self.network not in NETWORKS and self.network != OWN:
            raise RecipeError(f"no network {self.network!r}; there are {', '.join((*NETWORKS, OWN))}")
        if self.format not in FORMATS:
            raise RecipeError(f"no format {self.format!r}; there are {', '.join(FORMATS)}")
        takers = [r.name for r in RUNTIMES if FORMATS[self.format].suffix in r.formats]
        if self.runtime is not None and self.runtime not in takers:
            raise RecipeError(
                f"{self.runtime!r} runs no {FORMATS[self.format].suffix} file; {self.format} runs with "
                f"{', '.join(takers) or 'nothing on the shelf'}"
            )
        if min(self.epochs, self.batch, self.patience) < 1 or not 0 < self.learning_rate < 1 or self.seed < 0:
            raise RecipeError(
                f"epochs {self.epochs}, batch {self.batch}, patience {self.patience}, learning rate "
                f"{self.learning_rate:g}, seed {self.seed}: the first three are at least 1, the rate lies between 0 "
                "and 1, the seed is not negative"
            )

    @property
    def name(self) -> str:
        """Short, and fit for a file's name."""
        return f"{self.network}-{self.format}{f'-{self.runtime}' if self.runtime else ''}"

    @property
    def training(self) -> tuple[str, int, int, int, float, int]:
        """What two recipes must have in common to share a training."""
        return self.network, self.seed, self.epochs, self.batch, self.learning_rate, self.patience

    def to_json(self) -> dict[str, Any]:
        """A JSON object; `from_json` reads it back."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Recipe:
        """Raises RecipeError for an object that is no recipe."""
        unknown = set(data) - {f.name for f in fields(cls)}
        if unknown:
            raise RecipeError(f"a recipe has no {', '.join(sorted(unknown))}")
        try:
            return cls(**data)
        except TypeError as error:
            raise RecipeError(f"not a recipe: {error}") from error
