"""How fast this computer trains, found out by doing it for five seconds: ``python -m core.training.throughput_probe GENERATOR``.

A little of all that making and training a performer is, on a performer there is. The last line on standard output is JSON: the
fields of :class:`core.services.training_estimate.Throughput`.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import Final

import numpy as np
import psutil

from core.pose.estimator import PoseEstimator
from core.services.training_estimate import Throughput
from core.targets.camera import CameraTracker
from core.targets.cutout import NEIGHBOURS, Backdrop, Cutter
from core.targets.split import Split, Subset
from core.targets.stage import Stage
from core.targets.store import Target, list_targets, load_target
from core.training.worker import give_way
from core.types import Floor

SECONDS: Final = 5.0
_FRAMES: Final = 40
_CUT: Final = 10
_UNCOUNTED: Final = 1.5
"""Seconds of training in which memory is asked for and kernels are chosen."""


def trial(generator: str, seconds: float = SECONDS) -> Throughput:
    """Cut out, prepare, and train for so long.

    Raises:
        DanceError: nothing is trained like that, or there is nobody to try it on.
    """
    import torch

    from core.training.train import TrainingConfig, lesson
    from core.training.trainer import TrainingBudget, TrainingProgress

    who = next(summary.id for summary in list_targets())
    with load_target(who) as target, tempfile.TemporaryDirectory() as scratch:
        # the examples of a few frames must not take the place of all
        os.environ["DANCE_CACHE"] = scratch
        frames = np.flatnonzero(target.found)
        frames = frames[np.linspace(0, len(frames) - 1, _FRAMES).astype(int)]
        cutting = _cutting(target, frames[:_CUT].tolist())
        few = np.zeros(target.manifest.frames, np.bool_)
        few[frames] = True
        ready: list[float] = []
        order = TrainingConfig(generator, length=TrainingBudget(minutes=60.0))
        begun = lesson(
            Subset(target, few),
            order,
            Path(scratch),
            Split(few, np.zeros_like(few)),
            lambda _: ready.append(perf_counter()),
        )
        speeds: list[float] = []
        trainer = begun.trainer

        def watch(moment: TrainingProgress) -> None:
            if moment.minutes * 60 > _UNCOUNTED:
                speeds.append(moment.frames_per_second)

        trainer.watch = watch
        end = perf_counter() + seconds
        trainer.stop = lambda: perf_counter() > end
        trainer.run()
        device = (
            torch.cuda.get_device_name() if trainer.fabric.device.type == "cuda" else f"{psutil.cpu_count()} processors"
        )
    return Throughput(
        generator=generator,
        device=device,
        cutting=cutting,
        preparing=(ready[-1] - ready[0]) / max(len(ready) - 1, 1),
        learning=float(np.median(speeds)) if speeds else 0.0,
    )


def _cutting(target: Target, frames: list[int]) -> float:
    """Seconds to find and cut out the person in one of these frames, and to see how the camera moved."""
    known = np.ones(target.plate.shape[:2], np.bool_)
    stage = Stage(target.plate, known, (np.eye(3),), np.eye(3), still=True)
    camera, cutter = (
        CameraTracker(target.size),
        Cutter(stage, Backdrop(target.plate, Floor(target.height, target.height))),
    )
    with PoseEstimator(masks=True, tracking=True) as estimator:
        estimator.detect(target.frames[frames[0]], 0)
        began = perf_counter()
        for place, i in enumerate(frames[1:], 1):
            found = estimator.detect(image := target.frames[i], place * 40)
            if found is not None and found.mask is not None:
                mask = np.asarray(found.mask * 255, np.uint8)
                camera.add(image, mask)
                shown = cutter.bring(image, mask, 0)
                cutter.cut(shown, found.pose, [shown] * 2 * NEIGHBOURS)
        return (perf_counter() - began) / (len(frames) - 1)


def main() -> None:
    """See the module's docstring."""
    logging.basicConfig(level=logging.WARNING)
    # libraries write to standard output as they like
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    give_way()
    out.write(json.dumps(asdict(trial(sys.argv[1]))) + "\n")
    out.flush()


if __name__ == "__main__":
    main()
