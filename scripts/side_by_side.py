"""One dance by every generator of a performer, side by side: ``python -m scripts.side_by_side``.

Makes ``assets/side-by-side.mp4``, which the About page plays: the source and each generator under its name, with the sound. Run
it again when a generator's weights have changed.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path

from core import paths
from core.bundled import dances
from core.generators.registry import create_generator, list_generators
from core.rendering.tile_grid import Mosaic
from core.targets.store import load_target
from core.transfer import SourceAnalysis, TransferOptions, transfer
from core.types import Frame
from core.video.reader import VideoReader
from core.video.writer import VideoWriter

TILE = 200
COARSE = 30
"""x264's quality, for a video that is small."""


def tracks(performer: str, dance: Path, options: TransferOptions, folder: Path) -> Iterator[tuple[str, Path]]:
    """The name of every generator and the video that it makes."""
    seen: SourceAnalysis | None = None
    with load_target(performer) as target:
        for spec in list_generators(list(target.manifest.generator_names())):
            path = folder / f"{spec.name}.mp4"
            generator = create_generator(spec.name, target)
            _, seen = transfer(dance, target, generator, path, options, seen=seen)
            yield spec.name, path


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--performer", default="mira")
    parser.add_argument("--dance", default="lina-disco")
    parser.add_argument("--start", type=float, default=2.0)
    parser.add_argument("--end", type=float, default=10.0)
    parser.add_argument("--out", type=Path, default=paths.SIDE_BY_SIDE)
    given = parser.parse_args()
    dance = dances.find(given.dance)
    if dance is None:
        raise SystemExit(f"There is no dance '{given.dance}'.")
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as opened:
        folder = Path(scratch)
        options = TransferOptions(start=given.start, end=given.end)
        made = [("source", dance), *tracks(given.performer, dance, options, folder)]
        readers = [
            opened.enter_context(
                VideoReader(path, start=given.start, end=given.end) if name == "source" else VideoReader(path)
            )
            for name, path in made
        ]
        mosaic = Mosaic([name for name, _ in made], (TILE, TILE))
        source = readers[0]
        with VideoWriter(
            given.out, size=mosaic.size, rate=source.info.rate, audio=source.sound(), crf=COARSE, preset="slow"
        ) as out:
            begin: Fraction | None = None
            for frames in zip(*readers, strict=False):
                begin = frames[0].time if begin is None else begin
                pictures: list[Frame] = [frame.image for frame in frames]
                out.write(mosaic.compose(pictures), frames[0].time - begin)


if __name__ == "__main__":
    main()
