"""What every format on the shelf says of itself: how a file of the chain becomes one that a device can run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ontology.records import Optimization

if TYPE_CHECKING:
    from optimizer.data import Data


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What a tuned format may spend: `trials` or `seconds`, whichever ends first. The file is for `threads` threads.

    `told` hears how far it is, such as "trial 8 of 64, 2 of 3 operators tuned, together 0.061 ms".
    """

    trials: int = 64
    seconds: float = 120.0
    threads: int = 1
    told: Callable[[str], None] | None = field(default=None, compare=False)


Convert = Callable[[Path, "Data", Path, Budget], None]
"""`convert(parent, data, out, budget)`: writes `out` from the file `parent`, which is of the format's source."""


class ConversionError(ValueError):
    """A network could not be converted, or the file does not compute what the network computes."""


@dataclass(frozen=True)
class Format:
    """One way to store a trained network.

    `optimization` is the local name of its `opt:`, `techniques` those of its `tech:` (none: stored as trained), and
    `library` the one that runs it, as in requirements. `tolerance` is the largest difference of a score from the
    network's own that is accepted, for scores up to 1 (larger ones: relative to the largest); `None` where the format
    rounds on purpose and only the share of equal predictions says something. `convert` writes the file; it may raise
    any fault of a converter.

    `source` is the format whose file it is made from, `None` for the trained network itself; `also_from` are others
    that do as well, for a user's own file that cannot be made into the first. `proposed`: a build proposes it by
    itself. `tuned`: its making spends a budget. `runs_here`: false for code of another processor, which is made, and
    neither checked nor measured.
    """

    name: str
    label: str
    suffix: str
    library: str
    optimization: str
    techniques: tuple[str, ...]
    precision: str
    weight_bits: int | None
    activation_bits: int | None
    tolerance: float | None
    why: str
    convert: Convert
    source: str | None = None
    also_from: tuple[str, ...] = ()
    proposed: bool = False
    tuned: bool = False
    runs_here: bool = True

    @property
    def record(self) -> Optimization:
        """The `opt:` of the graph."""
        return Optimization(
            name=self.optimization,
            label="No optimization (float)" if not self.techniques else self.label,
            technique=self.techniques,
            precision=self.precision,
            weight_bits=self.weight_bits,
            activation_bits=self.activation_bits,
        )
