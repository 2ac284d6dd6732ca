"""Where on the body every pixel of some frames lies: `python -m scripts.performers.surface --frames FILE --out DIR`.

The right answer to a question that is asked of networks, *which spot of the surface does this pixel show?*, so that what an exact
answer is worth can be measured (`benchmarks/uv_correspondence.py`). Nothing that is made here ships.

The surface is flattened as a cube's is: each part of the body (`parts.LABELS`) is seen, in its rest pose, from six sides, which
makes six charts a part, and each triangle lies on the one that it faces most. A pony tail, which has no rest pose, is unrolled.
"""

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path

import moderngl
import numpy as np

from .__main__ import FPS, camera_of, centred, dance_of
from .camera import Camera
from .character import Character
from .characters import CHARACTERS
from .choreography import sink_smoothly
from .keys import Key
from .motion import Pose
from .parts import LABELS
from .renderer import SURFACES, Renderer, _columns

SIDES = 6
TAIL_CHART = len(LABELS) * SIDES
CHARTS = TAIL_CHART + 1
"""Number `part * SIDES + 2 * axis + 1`, or without the 1 where the surface faces down the axis; the pony tail's is the last."""
STEP = 0.0001
"""Metres from one value of a stored coordinate to the next."""
MIDDLE = 1 << 15
"""The stored value of coordinate 0."""
Surface = np.ndarray
"""(height, width, 3) uint16: two coordinates, and the number of the chart plus 1; 0 where no outer side of the body is seen."""


class SurfaceRenderer(Renderer):
    """Draws where on the body every pixel lies; pixels are sampled in their middles."""

    def _targets(self) -> None:
        super()._targets()
        depth = self.context.depth_renderbuffer(self.size)
        self.places = self.context.framebuffer([self.context.texture(self.size, 4, dtype="f4")], depth)

    def _programs(self) -> None:
        super()._programs()
        shared = ("common.glsl", "regions.glsl")
        self.locate = {
            material: self._program(
                "surface.frag",
                material,
                *shared,
                *(f"{name}.glsl" for name in SURFACES[material]),
                TAIL_CHART=TAIL_CHART,
            )
            for material in {layer.material for layer in self.character.layers}
        }
        self.all_programs += list(self.locate.values())

    def _meshes(self) -> None:
        super()._meshes()
        self.draw_places = [mesh.array(self.locate[mesh.material]) for mesh in self.person]

    def surface(self, pose: Pose) -> Surface:
        """Where on the body every pixel of the character in `pose` lies."""
        for mesh, moved in zip(self.person, self.character.skin(pose), strict=True):
            mesh.write(moved)
        self._set(list(self.locate.values()), {"view_projection": _columns(self.view_projection)})
        self.context.enable(moderngl.DEPTH_TEST)
        self.context.disable(moderngl.CULL_FACE)
        self.context.depth_func = "<"
        self.places.use()
        self.places.clear(0, 0, 0, 0, depth=1.0)
        for array in self.draw_places:
            array.render()
        pixels = np.frombuffer(self.places.read(components=4, dtype="f4"), np.float32)
        return stored(pixels.reshape(self.size[1], self.size[0], 4)[::-1])


def stored(places: np.ndarray) -> Surface:
    """What the shader wrote, (height, width, 4) float32, as it is kept."""
    seen = (places[..., 3] > 0) & (places[..., 2] >= 0)
    coordinates = np.round(places[..., :2] / STEP) + MIDDLE
    kept = np.dstack([coordinates, places[..., 2] + 1])
    return np.where(seen[..., None], kept, 0).astype(np.uint16)


def surfaces(
    character: Character, camera: Camera, dance: list[Key], frames: Iterable[int]
) -> Iterator[tuple[int, Surface]]:
    """Some frames of a dance, in order; hair swings through all of them."""
    wanted = set(frames)
    character.settle(character.rig.pose(dance[0]), 1 / FPS)
    renderer = SurfaceRenderer(character, camera)
    with renderer:
        for number, channels in enumerate(dance[: max(wanted) + 1]):
            pose = character.rig.pose(channels)
            character.step(pose, 1 / FPS)
            if number in wanted:
                yield number, renderer.surface(pose)


def main() -> None:
    """Parse the command line and render."""
    parser = argparse.ArgumentParser(prog="python -m scripts.performers.surface", description=__doc__)
    parser.add_argument("--performer", default="mira", choices=[n for n, spec in CHARACTERS.items() if not spec.dance])
    parser.add_argument("--dance", choices=[spec.dance for spec in CHARACTERS.values() if spec.dance],
                        help="of the performer in this dance, instead of their own footage")  # fmt: skip
    parser.add_argument("--frames", type=Path, required=True, help="a text file with the numbers of the frames")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True, help="where baked bodies are kept")
    given = parser.parse_args()
    character = Character(CHARACTERS[given.performer], given.cache)
    if given.dance:
        dancer = next(spec for spec in CHARACTERS.values() if spec.dance == given.dance)
        dance = centred(sink_smoothly(dance_of(Character(dancer, given.cache)), character.rig, FPS), character)
    else:
        dance = dance_of(character)
    given.out.mkdir(parents=True, exist_ok=True)
    frames = [int(number) for number in given.frames.read_text().split()]
    for number, surface in surfaces(character, camera_of(character, dance), dance, frames):
        np.savez_compressed(given.out / f"{number:05d}.npz", surface=surface)


if __name__ == "__main__":
    main()
