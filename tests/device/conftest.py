"""The files of the small network, made once for all tests of device/."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.device.nets import by_hand, inputs

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="session")
def nets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the network's files and, beside each, what its runtime answered."""
    folder = tmp_path_factory.mktemp("nets")
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "KERAS_BACKEND": "tensorflow"}
    made = subprocess.run(
        [sys.executable, "-m", "tests.device.nets", str(folder)],
        cwd=ROOT, env=os.environ | quiet, capture_output=True, text=True, check=False, timeout=180,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr[-3000:]
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """300 samples with the network's own answers as labels, except that every fourth is wrong: 75 % right."""
    x = inputs(300)
    y = by_hand(x).argmax(axis=1)
    y[::4] = (y[::4] + 1) % 3
    np.savez(tmp_path / "data.npz", x=x, y=y)
    return tmp_path / "data.npz"
