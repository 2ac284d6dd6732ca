"""The known answers that ship, from what ``scripts/performers`` rendered: ``python -m scripts.make_answers RENDERED``.

Makes ``assets/answers/PERFORMER_DANCE.mp4`` of every bundled performer and dance, small, and says how far each is from what was
rendered; and ``PERFORMER_DANCE_parts.mp4`` beside it, the part maps, without loss. The Compare page shows the answers and holds
results against them. ``--only-parts`` leaves the answers as they are.
"""

from __future__ import annotations

import argparse
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from benchmarks.quality import answers
from core import paths
from core.bundled import dances
from core.evaluation import metrics
from core.evaluation.evaluate import Sample
from core.evaluation.flaws import PART_STEP, part_numbers
from core.types import Frame
from core.video.reader import VideoReader
from core.video.writer import VideoWriter
from scripts.bundle_performers import PERFORMERS

SMALL = 30
"""x264's quality. The stage stands still, so nearly all that is lost is lost on the person."""
KEYFRAMES = 150
"""Pictures between two keyframes: six seconds. Each holds the whole stage, and costs as much as many others."""


def make_answer(rendered: Path, dance: Path, into: Path, crf: int) -> None:
    """One answer, each picture at the time of the dance's."""
    with (
        VideoReader(rendered) as pictures,
        VideoReader(dance) as danced,
        VideoWriter(
            into, size=pictures.size, rate=danced.info.rate, crf=crf, preset="veryslow", keyframe_interval=KEYFRAMES
        ) as out,
    ):
        for picture, moment in zip(pictures, danced, strict=True):
            out.write(picture.image, moment.time)


def make_parts(rendered: Path, dance: Path, into: Path) -> None:
    """The part maps of one answer, each at the time of the dance's picture: lossless H.264 in grey, which the page can read.

    They have half as many pixels to a side: parts are large, and the files a third.
    """
    clock = Fraction(1, 90_000)
    with (
        VideoReader(rendered) as maps,
        VideoReader(dance) as danced,
        av.open(str(into), "w") as out,
    ):
        options = {"qp": "0", "preset": "veryslow", "g": str(KEYFRAMES)}
        stream = out.add_stream("libx264", rate=danced.info.rate, options=options)
        stream.width, stream.height = (-(-side // 2) for side in maps.size)
        stream.pix_fmt, stream.time_base, stream.codec_context.time_base = "gray", clock, clock
        stream.codec_context.color_range = 2  # all 256 levels
        for picture, moment in zip(maps, danced, strict=True):
            grey = np.ascontiguousarray(part_numbers(picture.image[::2, ::2]) * np.uint8(PART_STEP))
            frame = av.VideoFrame.from_ndarray(grey, format="gray")
            frame.color_range = 2
            frame.pts, frame.time_base = round(moment.time / clock), clock
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def deviation(made: Path, stem: Path) -> str:
    """How far an answer is from the rendered one, whose files begin with ``stem``: means over its pictures."""
    with VideoReader(made) as pictures:
        rows = [errors(picture.image, sample) for picture, sample in zip(pictures, answers(stem), strict=True)]
    psnr, ssim, sharpness, l1_box, l1_frame = (metrics.mean_known(column) for column in zip(*rows, strict=True))
    return (
        f"person box: PSNR {psnr:.1f} dB, SSIM {ssim:.3f}, sharpness {sharpness:.3f}, L1 at seed scale {l1_box:.4f}; "
        f"whole picture: L1 at seed scale {l1_frame:.4f}"
    )


def errors(output: Frame, sample: Sample) -> tuple[float, float, float, float, float]:
    """PSNR, SSIM, sharpness and L1 at seed scale in the person box of one picture, and L1 at seed scale of all of it."""
    ideal = sample.output
    box = None if sample.known is None else metrics.person_box(sample.known)
    if box is None:
        raise ValueError("an answer has known joints in every picture")
    region = box.region(output.shape)
    small, small_ideal = metrics.seed_scale(output), metrics.seed_scale(ideal)
    seed = metrics.seed_box(box, (output.shape[1], output.shape[0])).region(small.shape)
    return (
        metrics.psnr(output[region], ideal[region]),
        metrics.mean_ssim(metrics.ssim_map(output, ideal), region=region),
        metrics.sharpness_ratio(output, ideal, region),
        metrics.l1(small[seed], small_ideal[seed]),
        metrics.l1(small, small_ideal),
    )


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rendered", type=Path, help="what `python -m scripts.performers --answer ...` made")
    parser.add_argument("--crf", type=int, default=SMALL, help="x264's quality, lower is better and larger")
    parser.add_argument("--out", type=Path, default=paths.ANSWERS)
    parser.add_argument("--only-parts", action="store_true", help="make the part maps alone")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    total = 0
    for performer in PERFORMERS:
        for dance in dances.list_dances():
            stem = given.rendered / f"{performer}_{dance.id}"
            if not stem.with_suffix(".mp4").is_file():
                raise SystemExit(f"{stem.name}.mp4 is not in {given.rendered}: render it with scripts.performers.")
            made = given.out / f"{stem.name}.mp4"
            if not given.only_parts:
                make_answer(stem.with_suffix(".mp4"), dance.video, made, given.crf)
                print(f"{made.name}: {deviation(made, stem)}", flush=True)
            parts = made.with_name(f"{stem.name}_parts.mp4")
            make_parts(stem.with_name(f"{stem.name}_parts.mkv"), dance.video, parts)
            size = made.stat().st_size + parts.stat().st_size
            total += size
            print(f"{made.name} and {parts.name}: {size} bytes", flush=True)
    print(f"together {total} bytes at crf {given.crf}")


if __name__ == "__main__":
    main()
