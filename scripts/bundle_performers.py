"""From what ``scripts/performers`` rendered to what ships: ``python -m scripts.bundle_performers RENDERED``.

Builds ``assets/performers/ID`` for both performers with the exact stage and masks of the renderer, copies the dances with
their moving pictures to ``assets/dances``, all known joints to ``tests/data``, and makes the README's pictures.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from core import paths
from core.generators.base import default_generator
from core.generators.registry import create_generator
from core.rendering.compositing import cover
from core.targets.build import build_target
from core.targets.store import load_target
from core.transfer import TransferOptions, transfer
from core.types import Frame
from core.video.reader import VideoReader

PERFORMERS = {"mira": "Mira", "theo": "Theo"}
DANCES = ("lina-disco", "omar-street", "june-sway")
FRAMES_CRF = 24.0
"""The footage of one performer stays below 6 MB."""
LICENCE = "MIT"
SOURCE = "Rendered by scripts/performers: nobody was filmed."


def bundle(rendered: Path, performer: str) -> None:
    """One performer and their known joints."""
    build_target(
        rendered / f"{performer}.mp4",
        id=performer,
        name=PERFORMERS[performer],
        into=paths.BUNDLED_PERFORMERS,
        stage=rendered / f"{performer}_plate.png",
        masks=rendered / f"{performer}_mask.mp4",
        portrait=rendered / f"{performer}_portrait.png",
        licence=LICENCE,
        source_note=SOURCE,
        crf=FRAMES_CRF,
        replace=True,
    )
    keep_joints(rendered, performer)


def bundle_dances(rendered: Path) -> None:
    """All dances with their moving pictures and known joints, in place of those that were there."""
    paths.BUNDLED_DANCES.mkdir(parents=True, exist_ok=True)
    for old in paths.BUNDLED_DANCES.iterdir():
        if old.stem not in DANCES:
            old.unlink()
    for dance in DANCES:
        for ending in (".mp4", ".webp"):
            shutil.copyfile(rendered / f"{dance}{ending}", paths.BUNDLED_DANCES / f"{dance}{ending}")
        keep_joints(rendered, dance)


def keep_joints(rendered: Path, name: str) -> None:
    """What the tests know of a film."""
    known = json.loads((rendered / f"{name}_joints.json").read_text())
    joints = paths.PROJECT / "tests" / "data" / f"{name}_joints.npz"
    joints.parent.mkdir(exist_ok=True)
    np.savez_compressed(joints, xy=np.array(known["xy"], np.float16), fps=known["fps"])


def readme_picture(into: Path, start: float = 3.0, seconds: float = 4.0) -> None:
    """Source, skeleton and result side by side, moving: what the product does in one glance."""
    theo = load_target("theo")
    dance = paths.BUNDLED_DANCES / f"{DANCES[0]}.mp4"
    options = TransferOptions(layout="triptych", start=start, end=start + seconds)
    with tempfile.TemporaryDirectory() as folder:
        video = Path(folder) / "demo.mp4"
        best = default_generator(theo.manifest.generator_names())
        transfer(dance, theo, create_generator(best, theo), video, options)
        with VideoReader(video, max_side=720) as reader:
            frames = [Image.fromarray(frame.image) for frame in reader if frame.index % 2 == 0]
    into.parent.mkdir(parents=True, exist_ok=True)
    frames[0].save(into, save_all=True, append_images=frames[1:], duration=80, loop=0, quality=40, method=4)


def cast_picture(into: Path, height: int = 220) -> None:
    """Both performers and the three dancers, in moments all over their footage."""
    rows = []
    for performer in PERFORMERS:
        with load_target(performer) as target:
            rows.append([target.frames[int(i)] for i in np.linspace(0, len(target.frames) - 1, 8)[1:-1]])
    dances: list[Frame] = []
    for dance in DANCES:
        with VideoReader(paths.BUNDLED_DANCES / f"{dance}.mp4") as reader:
            frames = [frame.image for frame in reader]
        dances += [frames[len(frames) // 3], frames[-len(frames) // 5]]
    rows.append(dances)
    into.parent.mkdir(parents=True, exist_ok=True)
    sheet = np.vstack([np.hstack([cover(frame, (height, height)) for frame in row]) for row in rows])
    Image.fromarray(sheet).save(into, quality=70, method=6)


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rendered", type=Path)
    given = parser.parse_args()
    bundle_dances(given.rendered)
    for performer in PERFORMERS:
        bundle(given.rendered, performer)
        print(f"{performer} is bundled", flush=True)
    readme_picture(paths.ASSETS / "readme" / "dance.webp")
    cast_picture(paths.ASSETS / "readme" / "cast.webp")


if __name__ == "__main__":
    main()
