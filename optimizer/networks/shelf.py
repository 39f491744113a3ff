"""The networks that can be trained here, by hand. Larger ones are left out: they want hours, not minutes."""

from __future__ import annotations

from optimizer.networks.contract import NetworkSpec
from optimizer.networks.mlp import MLP
from optimizer.networks.report_cnn import REPORT_CNN
from optimizer.networks.small_mobilenet import SMALL_MOBILENET

NETWORKS: dict[str, NetworkSpec] = {n.name: n for n in (REPORT_CNN, MLP, SMALL_MOBILENET)}
