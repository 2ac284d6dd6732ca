"""Limits and choices of an installation, read once from the environment (``DANCE_...``) and validated."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import DanceError
from core.inference.device_selection import Device

PoseEngine: TypeAlias = Literal["openvino", "mediapipe"]
LogFormat: TypeAlias = Literal["text", "json"]
_MEMORY_MB, _HOSTED_MEMORY_MB = 400, 250


class Settings(BaseModel):
    """Every field can be set by an environment variable: ``DANCE_`` and the field's name in capitals."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    max_upload_mb: int = Field(200, ge=1, le=4096, description="Largest upload a page takes.")
    max_seconds: float = Field(
        180.0, gt=0, le=86_400, description="Longest stretch of a video a page dances in one go."
    )
    max_frames: int = Field(10_800, ge=1, description="Most pictures of a video that a page dances in one go.")
    max_rate: float = Field(
        60.0, gt=0, le=1000, description="Pictures a second that a page dances; of more, some are left out."
    )
    max_pixels: int = Field(3840 * 2160, ge=64 * 64, description="Largest picture a page decodes.")
    analysis_side: int = Field(1280, ge=256, description="Longer side in pixels at which a source is looked at.")
    result_minutes: float = Field(
        60.0, gt=0, le=525_600, description="How long a finished result is kept for its link."
    )
    disk_mb: int | None = Field(
        None, ge=64, description="Most that uploads and results take on the disk together: 8192, hosted 2048."
    )
    visit_disk_mb: int | None = Field(
        None, ge=64, description="Most that those of one visit take: all of the disk's, hosted 512."
    )
    upload_memory_mb: int | None = Field(
        None, ge=1, description="Most that uploads take in memory until they are stored: 1024, hosted 512."
    )
    visit_results: int = Field(12, ge=1, description="Finished results that are kept for one visit.")
    device: Device = Field("auto", description="Where networks run: cpu, cuda, mps, or auto, which measures.")
    pose_engine: PoseEngine = Field(
        "openvino",
        description="What finds people: openvino, or mediapipe, whose library reports its use to its makers.",
    )
    live_at_once: int = Field(2, ge=0, description="People who dance live at once; others are asked to wait.")
    hosted: bool = Field(
        False, description="A public app: nobody trains here, and imported performers are their visitor's alone."
    )
    memory_mb: int | None = Field(
        None, ge=0, description="Memory for networks, opened performers and what was seen: 400, or 250 when hosted."
    )
    jobs_at_once: int = Field(1, ge=1, description="Transfers that run side by side; others wait in line.")

    log_format: LogFormat = Field(
        "text", description="Log lines for people, or one JSON object a line that holds nobody's file name."
    )
    log_file: Path | None = Field(None, description="Where log lines go; to standard error where it is None.")
    operator_port: int | None = Field(
        None,
        ge=1,
        le=65_535,
        description="Where the operator's status page and Prometheus' figures are; nowhere if None.",
    )
    operator_address: str = Field(
        "127.0.0.1", min_length=1, description="Address at which that port listens. Whoever reaches it can read it."
    )

    label_results: bool | None = Field(
        None, description="Whether results say “AI-generated” in a corner unless asked otherwise: no, hosted yes."
    )

    @property
    def labels_results(self) -> bool:
        """``label_results``, or what it is where nobody said it."""
        return self.hosted if self.label_results is None else self.label_results

    @property
    def disk_bytes(self) -> int:
        """``disk_mb``, or what it is where nobody said it, in bytes."""
        return (self.disk_mb or (2048 if self.hosted else 8192)) << 20

    @property
    def visit_disk_bytes(self) -> int:
        """``visit_disk_mb``, or what it is where nobody said it, in bytes; never more than there is for all."""
        wanted = self.visit_disk_mb or (512 if self.hosted else None)
        return self.disk_bytes if wanted is None else min(wanted << 20, self.disk_bytes)

    @property
    def upload_memory_bytes(self) -> int:
        """``upload_memory_mb``, or what it is where nobody said it, in bytes; one upload always has room."""
        return max(self.upload_memory_mb or (512 if self.hosted else 1024), self.max_upload_mb) << 20

    @property
    def visit_upload_memory_bytes(self) -> int:
        """What one visit may have of that: all of it, and on a public app what its largest upload takes."""
        return self.max_upload_mb << 20 if self.hosted else self.upload_memory_bytes

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
