"""How long one picture of a generator takes, stage by stage, at the performer's own size.

    python -m benchmarks.realtime [--target mira] [--generators realtime unet-attn nearest] [--dance lina-disco] [--label TEXT]

Poses are those of a bundled dance, retargeted as a transfer does it; generators take turns, so that all of them meet the same
machine. Appends to ``results/realtime.csv``: median and 95th percentile of the wall time of a picture, its core-milliseconds, and
for ``realtime`` its stages. ``--smaller`` measures the smaller size that the live page falls back to as well.
``ONEDNN_MAX_CPU_ISA=AVX2`` in the environment makes a processor as slow as one without AVX-512; networks then compute in f32,
as on one that knows no bf16.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import dataclass, field

import numpy as np

from benchmarks.machine import append
from benchmarks.quality import analysed
from core.bundled import dances
from core.generators.base import FrameSelection, Generator
from core.generators.neural import LazyNetwork, NeuralGenerator
from core.generators.realtime import RealtimeGenerator, lay_mix, whole
from core.generators.registry import create_generator
from core.inference.runner import NetworkFiles
from core.networks.config import CONFIG, GRAPH, WEIGHTS
from core.pipeline import Clock, DancePipeline
from core.pose.video_analysis import Analysis
from core.targets.store import Target, load_target
from core.types import Pose

WARM = 40
ROUND = 25


@dataclass
class Times:
    """Of the pictures of one generator, in milliseconds."""

    wall: list[float] = field(default_factory=list)
    core: list[float] = field(default_factory=list)
    stages: dict[str, list[float]] = field(default_factory=dict)

    def row(self) -> dict[str, object]:
        """What goes into the table."""
        stages = {f"{name} ms": round(float(np.median(self.stages.get(name, [np.nan]))), 2) for name in STAGES}
        return {
            "pictures": len(self.wall),
            "p50 ms": round(float(np.median(self.wall)), 2),
            "p95 ms": round(float(np.percentile(self.wall, 95)), 2),
            # the clock of a process is coarse: a mean over rounds, not a median of pictures
            "core ms": round(float(np.mean(self.core)), 2),
            **stages,
        }


LIMIT = os.environ.get("ONEDNN_MAX_CPU_ISA", "")
STAGES = ("parts", "network", "compose")


def exact(target: Target, generator: NeuralGenerator) -> LazyNetwork:
    """Its network, computing in f32 whatever the processor knows."""
    files = NetworkFiles(*(target.weight_file(generator.config.generator, role) for role in (CONFIG, WEIGHTS, GRAPH)))
    return LazyNetwork(generator.config.model_copy(update={"precision": "f32"}), files)


def asked_of(target: Target, generator: Generator, analysis: Analysis) -> list[tuple[Pose, FrameSelection]]:
    """What a transfer would draw."""
    with DancePipeline(target, generator) as pipeline:
        plan = pipeline.analyse(analysis)
    return [(pose, choice) for pose, choice in zip(plan.asked, plan.choices, strict=True) if pose is not None]


def once_around(generator: Generator, asked: list[tuple[Pose, FrameSelection]], times: Times) -> None:
    """Draw some pictures."""
    began = time.process_time()
    for pose, choice in asked:
        start = time.perf_counter()
        generator.generate(pose, choice)
        times.wall.append((time.perf_counter() - start) * 1000)
    times.core.append((time.process_time() - began) * 1000 / len(asked))


def stages_of(
    generator: RealtimeGenerator, target: Target, asked: list[tuple[Pose, FrameSelection]], times: Times
) -> None:
    """The same, one stage after the other."""
    canvas = generator.config.canvas
    for pose, choice in asked:
        if not isinstance(choice, tuple):
            continue
        clock = Clock()
        with clock.stage("parts"):
            seen = generator.memory.seen(pose, choice, whole(canvas))
        with clock.stage("network"):
            mix = generator.network()(*(part[None] for part in (seen.fields, seen.told, seen.small)))[0]
        with clock.stage("compose"):
            lay_mix(mix, seen, canvas, pose, target.plate)
        for name, milliseconds in clock.milliseconds.items():
            times.stages.setdefault(name, []).append(milliseconds)


def main() -> None:
    """Measure and append."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", default="mira")
    parser.add_argument("--generators", nargs="+", default=["realtime", "unet-attn", "nearest"])
    parser.add_argument("--dance", default="lina-disco")
    parser.add_argument("--smaller", action="store_true")
    parser.add_argument("--label", default="")
    given = parser.parse_args()
    video = dances.find(given.dance)
    if video is None:
        raise SystemExit(f"There is no dance '{given.dance}'.")
    analysis = analysed(video)
    with load_target(given.target) as target:
        drawn: dict[str, Generator] = {name: create_generator(name, target) for name in given.generators}
        if given.smaller:
            smaller = {f"{name}, smaller": generator.smaller() for name, generator in drawn.items()}
            drawn |= {name: generator for name, generator in smaller.items() if generator is not None}
        for generator in drawn.values():
            if LIMIT and isinstance(generator, NeuralGenerator):
                generator.network = exact(target, generator)
        asked = {name: asked_of(target, generator, analysis) for name, generator in drawn.items()}
        times = {name: Times() for name in drawn}
        for name, generator in drawn.items():
            generator.warm_up()
            once_around(generator, asked[name], Times())
        for start in range(WARM, min(len(a) for a in asked.values()) - ROUND, ROUND):
            for name, generator in drawn.items():
                part = asked[name][start : start + ROUND]
                once_around(generator, part, times[name])
                if isinstance(generator, RealtimeGenerator):
                    stages_of(generator, target, part, times[name])
        for name in drawn:
            row = {"label": given.label, "target": given.target, "dance": given.dance, "generator": name,
                   "limit": LIMIT, **times[name].row()}  # fmt: skip
            append("realtime", row)
            print(row, flush=True)


if __name__ == "__main__":
    main()
