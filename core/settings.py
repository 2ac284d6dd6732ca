"""Limits and choices of an installation, read once from the environment (``DANCE_...``) and validated."""

from __future__ import annotations

import os
from functools import lru_cache

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.devices import Device
from core.errors import DanceError

_MEMORY_MB, _HOSTED_MEMORY_MB = 400, 250


class Settings(BaseModel):
    """Every field can be set by an environment variable: ``DANCE_`` and the field's name in capitals."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_upload_mb: int = Field(200, ge=1, le=4096, description="Largest upload a page takes.")
    max_seconds: float = Field(180.0, gt=0, description="Longest stretch of a video a page dances in one go.")
    max_pixels: int = Field(3840 * 2160, ge=64 * 64, description="Largest picture a page decodes.")
    analysis_side: int = Field(1280, ge=256, description="Longer side in pixels at which a source is looked at.")
    result_minutes: float = Field(60.0, gt=0, description="How long a finished result is kept for its link.")
    device: Device = Field("auto", description="Where networks run: cpu, cuda, mps, or auto, which measures.")
    live_at_once: int = Field(2, ge=0, description="People who dance live at once; others are asked to wait.")
    hosted: bool = Field(
        False, description="A public app: nobody trains here, and imported performers are their visitor's alone."
    )
    memory_mb: int | None = Field(
        None, ge=0, description="Memory for opened performers, networks and what was seen: 400, or 250 when hosted."
    )
    jobs_at_once: int = Field(1, ge=1, description="Transfers that run side by side; others wait in line.")

    @property
    def memory_bytes(self) -> int:
        """What ``memory_mb`` comes to."""
        megabytes = self.memory_mb if self.memory_mb is not None else _HOSTED_MEMORY_MB if self.hosted else _MEMORY_MB
        return megabytes * 1_000_000


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process.

    Raises:
        DanceError: a variable holds a value that cannot be used; the message names it.
    """
    given = {
        name: os.environ[f"DANCE_{name.upper()}"]
        for name in Settings.model_fields
        if f"DANCE_{name.upper()}" in os.environ
    }
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        raise DanceError(f"DANCE_{str(first['loc'][0]).upper()} cannot be used: {first['msg']}.") from error
