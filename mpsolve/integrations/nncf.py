"""OpenVINO NNCF: its sensitivity criteria, and the 4 bit set that a layout names."""

from __future__ import annotations

from mpsolve.integrations.nncf_criterion import plugged_in, problem
from mpsolve.integrations.nncf_layout import compress, export

__all__ = ["compress", "export", "plugged_in", "problem"]
