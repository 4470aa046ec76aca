"""What can be set of a training run; without torch, so that options can be listed anywhere."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from offspec.options import Options


class Training(Options):
    """Of the optimiser and the machine; every trained detector has these."""

    minutes: float | None = Field(
        default=2.0,
        gt=0,
        le=1440,
        description="Time budget; null = the steps alone decide, which repeats exactly.",
    )
    steps: int = Field(
        default=20_000, ge=1, description="At most; the budget usually ends it before."
    )
    batch: int = Field(default=8, ge=1, le=256)
    learning_rate: float = Field(default=1e-3, gt=0, le=1)
    weight_decay: float = Field(default=1e-4, ge=0, le=1)
    patience: int = Field(
        default=10, ge=1, description="Checks on held-out normals without a gain before it stops."
    )
    check_every: int = Field(default=50, ge=1, description="Steps between such checks.")
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        default="auto", description="auto = bfloat16 on a GPU, float32 on a CPU."
    )
    folder: str | None = Field(
        default=None, description="Where log.jsonl and the checkpoint go; the same folder resumes."
    )
