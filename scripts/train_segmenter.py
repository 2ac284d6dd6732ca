"""Train the network that says which part each pixel shows: ``python -m scripts.train_segmenter RENDERED [--minutes M]``.

``RENDERED`` is what ``scripts.performers.crowd`` made, with its part maps. Everybody but the last two is learnt from; they say
how well it sees somebody new. ``weights/segmenter`` keeps it.
"""

from __future__ import annotations

import argparse
import logging
import math
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Final

import av
import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from core import paths
from core.conditioning.limb_fields import points_on
from core.evaluation.flaws import part_numbers
from core.generators.realtime import person_of_frame
from core.generators.segmentation import MOST_UNIT, SIDE
from core.networks.config import NetworkConfig, SegmenterConfig
from core.networks.segmenter import Segmenter
from core.pipeline import performer_statistics
from core.rendering.canvas import Canvas
from core.targets.extent import fit_canvas
from core.targets.store import Target
from core.training.export import export
from core.training.labels import Batch, LabelledPeople, LabelTask, joined, labelled, shares_right
from core.types import Pose
from core.utils.prefetch import prefetch
from scripts.train_start import HELD_OUT, performers

MINUTES: Final = 20.0
BATCH: Final = 8
RATE: Final = 2e-3
WARM: Final = 0.1


def of_person(target: Target, maps: Path) -> LabelledPeople:
    """All pictures of a rendered person, with what each pixel shows."""
    unit = performer_statistics(target).near[1]
    canvas = fit_canvas(target, 640, unit, 32)
    found = []
    with av.open(str(maps)) as container:
        for i, frame in enumerate(container.decode(video=0)):
            pose = target.pose(i) if i < target.manifest.frames else None
            if pose is None:
                continue
            one = labelled(
                person_of_frame(target, canvas, i),
                _cut(part_numbers(np.asarray(frame.to_ndarray(), np.uint8)[..., None]), canvas, pose),
                points_on(canvas, pose),
                unit / canvas.scale,
            )
            if one is not None:
                found.append(one)
    return joined(found)


def _cut(labels: NDArray[np.uint8], canvas: Canvas, pose: Pose) -> NDArray[np.uint8]:
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(labels, canvas.matrix(pose), (canvas.width, canvas.height), flags=flags), np.uint8)


def train(people: LabelledPeople, strangers: LabelledPeople, minutes: float) -> Segmenter:
    """Train a network for so long, by Adam with one cycle of the learning rate (Smith, arXiv 1708.07120)."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    network = Segmenter(SegmenterConfig())
    network.to(memory_format=torch.channels_last)
    task = LabelTask(people)
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=1e-3)
    began, told, losses = monotonic(), 0.0, []

    def batches() -> Iterator[Batch]:
        while True:
            yield task.batch(rng.integers(0, len(people.pictures), BATCH), rng)

    for batch in prefetch(batches(), depth=3):
        share = (monotonic() - began) / 60 / minutes
        if share >= 1:
            break
        for group in optimiser.param_groups:
            group["lr"] = _rate(share)
        optimiser.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16):
            loss = task.loss(network, batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        losses.append(loss.item())
        if monotonic() - told > 60:
            told = monotonic()
            print(f"{share:.0%}: step {len(losses)}, loss {np.mean(losses[-100:]):.4f}", flush=True)
    network.eval()
    print("intersection over union of strangers:", np.round(shares_right(network, strangers), 3).tolist(), flush=True)
    return network


def _rate(share: float) -> float:
    """The learning rate after that share of the training: rising for a tenth of it, then falling along a cosine."""
    warm = min(share / WARM, 1)
    return RATE * warm * (0.02 + 0.49 * (1 + math.cos(math.pi * max(share - WARM, 0) / (1 - WARM))))


def main() -> None:
    """See the module's docstring."""
    logging.basicConfig(level=logging.WARNING)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rendered", type=Path)
    parser.add_argument("--minutes", type=float, default=MINUTES)
    parser.add_argument(
        "--work", type=Path, default=paths.cache_root() / "start", help="performers of the rendered people"
    )
    parser.add_argument("--out", type=Path, default=paths.SEGMENTER)
    given = parser.parse_args()
    everybody = [
        of_person(target, given.rendered / f"{target.id}_parts.mkv")
        for target in performers(given.rendered, given.work / "performers")
    ]
    network = train(joined(everybody[:-HELD_OUT]), joined(everybody[-HELD_OUT:]), given.minutes)
    config = NetworkConfig(
        generator="segmenter",
        network=SegmenterConfig(),
        canvas=Canvas(width=SIDE, height=SIDE, scale=1, left=-SIDE / 2, top=-SIDE / 2),
        unit=MOST_UNIT,
        precision="bf16",
    )
    given.out.mkdir(parents=True, exist_ok=True)
    export(config, network.state_dict(), given.out)


if __name__ == "__main__":
    main()
