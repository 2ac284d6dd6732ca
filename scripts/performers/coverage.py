"""Where hands, elbows, knees and feet have been: `python -m scripts.performers.coverage JOINTS.json... --out PICTURE.png`.

One row for each file, one map for each view (front, side, back) of arms and of legs. The middle of a map is the middle of
the hips, its half width `REACH` torso lengths; brightness is how often a joint was there, on a logarithmic scale. Where a map
is black a network trained on that footage has seen nothing.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from .character import JOINTS
from .meshes import Floats

REACH, CELLS, SCALE = 2.6, 52, 4
ARMS, LEGS = (3, 4, 5, 6), (9, 10, 11, 12)
"""Elbows and wrists, knees and ankles; indices into `JOINTS`."""
VIEWS = ("front", "side", "back")
FACING = 0.38
"""Width of the shoulders in torso lengths, above which someone faces the camera or turns the back on it."""


def centred(xy: Floats) -> Floats:
    """Joints (frames, 13, 2) in pixels as torso lengths from the middle of the hips."""
    hips = xy[:, [JOINTS.index("l_hip"), JOINTS.index("r_hip")]].mean(1)
    shoulders = xy[:, [JOINTS.index("l_shoulder"), JOINTS.index("r_shoulder")]].mean(1)
    torso = np.percentile(np.linalg.norm(shoulders - hips, axis=1), 85)
    return (xy - hips[:, None]) / torso


def view_of(joints: Floats) -> Floats:
    """0 front, 1 side, 2 back for each frame of `centred` joints."""
    across = joints[:, JOINTS.index("l_shoulder"), 0] - joints[:, JOINTS.index("r_shoulder"), 0]
    return np.where(across > FACING, 0, np.where(across < -FACING, 2, 1))


def density(points: Floats) -> Floats:
    """How often points (n, 2) fall into each cell, (CELLS, CELLS), rows from top to bottom."""
    edges = np.linspace(-REACH, REACH, CELLS + 1)
    return np.histogram2d(points[:, 1], points[:, 0], bins=(edges, edges))[0]


def visited(xy: Floats) -> dict[str, int]:
    """Number of cells visited, by view and limb."""
    joints = centred(xy)
    views = view_of(joints)
    return {
        f"{view} {name}": int((density(joints[views == k][:, limb].reshape(-1, 2)) > 0).sum())
        for k, view in enumerate(VIEWS)
        for name, limb in (("arms", ARMS), ("legs", LEGS))
    }


def picture(titles: list[str], films: list[Floats]) -> Image.Image:
    """Maps of all films, one film a row."""
    side = CELLS * SCALE
    sheet = Image.new("RGB", ((side + 6) * 6, (side + 22) * len(films)), (18, 18, 22))
    pen = ImageDraw.Draw(sheet)
    for row, (title, xy) in enumerate(zip(titles, films, strict=True)):
        joints = centred(xy)
        views = view_of(joints)
        for k, view in enumerate(VIEWS):
            for j, (name, limb) in enumerate((("arms", ARMS), ("legs", LEGS))):
                at = ((k * 2 + j) * (side + 6), row * (side + 22))
                seen = int((views == k).sum())
                pen.text((at[0] + 4, at[1] + 4), f"{title}: {name}, {view} ({seen} frames)", fill=(235, 235, 235))
                sheet.paste(_map(density(joints[views == k][:, limb].reshape(-1, 2))), (at[0], at[1] + 20))
    return sheet


def _map(counts: Floats) -> Image.Image:
    bright = np.log1p(counts) / np.log1p(60)
    colour = np.stack([bright * 1.4 - 0.15, bright * 1.1, 0.25 + bright * 0.5], -1) * (counts > 0)[..., None]
    pixels = (np.clip(colour, 0, 1) * 255).astype(np.uint8)
    pixels[CELLS // 2, :] = np.maximum(pixels[CELLS // 2, :], 40)
    pixels[:, CELLS // 2] = np.maximum(pixels[:, CELLS // 2], 40)
    return Image.fromarray(pixels).resize((CELLS * SCALE, CELLS * SCALE), Image.Resampling.NEAREST)


def main() -> None:
    """Draw the maps and print how many cells were visited."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("joints", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    films = [np.array(json.loads(path.read_text())["xy"]) for path in given.joints]
    titles = [path.stem.removesuffix("_joints") for path in given.joints]
    picture(titles, films).save(given.out, optimize=True)
    for title, film in zip(titles, films, strict=True):
        print(title, visited(film))


if __name__ == "__main__":
    main()
