"""What happens inside ``realtime``, as a picture for ``docs/realtime.md``.

    python -m benchmarks.inside [--target mira] [--frames N...] [--out docs/realtime.webp]

For some frames that the blocks split holds out, from left to right: the pose; the parts that were looked up and warped, laid over
each other; what of them is copied (red trunk and head, green legs, blue arms) and what is drawn (white); what the network draws;
the result; and the footage.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from core import paths
from core.generators.part_retrieval import pick
from core.generators.realtime import RealtimeGenerator, insides, lay_mix, whole
from core.generators.registry import create_generator
from core.pose.draw import draw_pose
from core.targets.split import split_of
from core.targets.store import Target, load_target
from core.types import Frame

HEIGHT = 320


def row_of(performer: Target, generator: RealtimeGenerator, i: int) -> list[Frame]:
    """The pictures of one frame, all of the canvas."""
    pose = performer.pose(i)
    if pose is None:
        raise SystemExit(f"Nobody is in frame {i}.")
    memory, canvas = generator.memory, generator.config.canvas
    chosen = memory.frames_at(pick(memory.recall.costs(pose.landmarks)))
    seen = memory.seen(pose, chosen, whole(canvas))
    mix = generator.network()(*(part[None] for part in (seen.fields, seen.told, seen.small)))[0]
    found = insides(mix, seen, canvas)
    made = lay_mix(mix, seen, canvas, pose, performer.plate).image
    size = (performer.width, performer.height)
    on_canvas = [canvas.cut(picture, pose) for picture in (draw_pose(pose, size), made, performer.frames[i])]
    return [on_canvas[0], found.warped, found.origin, found.drawn, *on_canvas[1:]]


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", default="mira")
    parser.add_argument("--frames", type=int, nargs="+")
    parser.add_argument("--out", type=Path, default=paths.PROJECT / "docs" / "realtime.webp")
    given = parser.parse_args()
    with load_target(given.target) as performer:
        generator = create_generator("realtime", performer)
        if not isinstance(generator, RealtimeGenerator):
            raise SystemExit("That is another generator.")
        held_out = np.flatnonzero(split_of(performer, "blocks").held_out & performer.found)
        frames = given.frames or held_out[np.linspace(0, len(held_out) - 1, 5).astype(int)[1:-1]].tolist()
        lines = []
        for i in frames:
            pictures = row_of(performer, generator, i)
            scale = HEIGHT / pictures[0].shape[0]
            small = [cv2.resize(p, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) for p in pictures]
            lines.append(np.hstack(small))
    coded = cv2.imencode(".webp", np.vstack(lines)[..., ::-1], [cv2.IMWRITE_WEBP_QUALITY, 82])[1]
    given.out.write_bytes(coded.tobytes())


if __name__ == "__main__":
    main()
