"""Training within a time limit: seeded, epoch by epoch, ending when nothing more is learnt."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from optimizer.recipe import Recipe

if TYPE_CHECKING:
    import keras

    from optimizer.data import Data

VALIDATION_SHARE = 0.1


class TrainingError(RuntimeError):
    """A network did not learn; the message says what was seen."""


@dataclass(frozen=True)
class Epoch:
    """One pass over the examples. `validation_accuracy_percent` is on examples that are neither learnt nor tested."""

    number: int
    loss: float
    validation_loss: float
    validation_accuracy_percent: float


@dataclass(frozen=True)
class Trained:
    """`epochs` begun, the last possibly cut by time; the weights are those of the best of them."""

    epochs: int
    best: Epoch
    seconds: float


def make_repeatable(seed: int) -> None:
    """Same seed, same weights. On a GPU not every operation has a repeatable kernel, so there only the seed is set."""
    import keras
    import tensorflow as tf

    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    if not tf.config.list_physical_devices("GPU"):
        tf.config.experimental.enable_op_determinism()


def train(
    model: keras.Model, data: Data, recipe: Recipe, seconds: float, stop: Callable[[], bool]
) -> Generator[Epoch, None, Trained]:
    """Trains `model` in place and yields each epoch; returns what came of it.

    Ends after `recipe.epochs`, after `recipe.patience` epochs without a lower validation loss, when `seconds` have
    passed, or when `stop()` says so; the last two end also within an epoch. Raises TrainingError when the loss is no
    number, or when time ran out before one step.
    """
    import keras

    began = time.monotonic()
    order = np.random.default_rng(recipe.seed).permutation(len(data.x_train))
    held = max(1, round(len(order) * VALIDATION_SHARE))
    validation, learnt = order[:held], order[held:]
    x, y = data.x_train[learnt], data.y_train[learnt]
    x_validation, y_validation = data.x_train[validation], data.y_train[validation]
    model.compile(
        optimizer=keras.optimizers.Adam(recipe.learning_rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    limit = _limit(began + seconds, stop)
    best: Epoch | None = None
    weights: list[Any] = []
    number = 0
    while number < recipe.epochs and not (number and (time.monotonic() - began >= seconds or stop())):
        number += 1
        history = model.fit(x, y, batch_size=recipe.batch, epochs=1, verbose=0, callbacks=[limit])
        loss, accuracy = model.evaluate(x_validation, y_validation, batch_size=256, verbose=0)
        epoch = Epoch(number, float(history.history["loss"][-1]), float(loss), 100.0 * float(accuracy))
        if not (np.isfinite(epoch.loss) and np.isfinite(epoch.validation_loss)):
            raise TrainingError(
                f"the loss became {epoch.loss:g} in epoch {number}; try a learning rate below {recipe.learning_rate:g}"
            )
        if best is None or epoch.validation_loss < best.validation_loss:
            best, weights = epoch, model.get_weights()
        yield epoch
        if number - best.number >= recipe.patience:
            break
    if best is None:
        raise TrainingError("no epoch was trained")
    model.set_weights(weights)
    return Trained(number, best, time.monotonic() - began)


def _limit(until: float, stop: Callable[[], bool]) -> keras.callbacks.Callback:
    """Ends an epoch in the middle when time is up or `stop` says so (looked at twice a second at most)."""
    import keras

    class Limit(keras.callbacks.Callback):  # type: ignore[misc,unused-ignore]
        looked = 0.0

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            now = time.monotonic()
            if now >= until:
                self.model.stop_training = True
            elif now - self.looked > 0.5:
                self.looked = now
                self.model.stop_training = stop()

    return Limit()
