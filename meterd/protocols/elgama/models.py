"""The meter types of the manual, chapter 17.3, by their number."""

from __future__ import annotations

# `meter_model` → the name of its profile.
MODELS = ("epqm-lzqm", "epqs", "gama300", "gama100", "its-cl")
MODEL_NAMES = ("EPQM/LZQM", "EPQS", "GAMA300", "GAMA100", "ITS cl")
