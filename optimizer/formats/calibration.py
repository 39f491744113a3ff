"""Examples from which a quantizer takes the ranges of activations."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from optimizer.data import Data

REPRESENTATIVES = 200
"""How many; TensorFlow's guide says "around 100-500"."""


def representatives(data: Data) -> NDArray[np.float32]:
    """At most 200 of the examples to learn from, spread evenly over them; never any of the test: (n, …)."""
    every = max(1, len(data.x_train) // REPRESENTATIVES)
    return data.x_train[::every][:REPRESENTATIVES]
