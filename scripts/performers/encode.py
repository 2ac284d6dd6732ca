"""Files from pictures: lossless intermediate, footage, masks, dances with sound, looping thumbnails."""

import subprocess
from pathlib import Path
from types import TracebackType

import numpy as np
from PIL import Image

from .camera import Size
from .meshes import Floats
from .renderer import Picture

BT709 = (
    "-vf", "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p",
    "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv",
)  # fmt: skip
LOOP_SECONDS, LOOP_FPS, LOOP_SIZE = 2.0, 12, 256
LOOP_BYTES = 150_000


def _ffmpeg(*arguments: str | Path) -> None:
    subprocess.run(["ffmpeg", "-y", "-v", "error", *map(str, arguments)], check=True)


class LosslessWriter:
    """Pictures of one size into a lossless file, from which everything else is encoded: colours as H.264, grey levels as FFV1.

    Not every libx264 knows grey; one that does not would make it luma of limited range, and levels would change.
    """

    def __init__(self, path: Path, size: Size, fps: int, *, grey: bool = False) -> None:
        raw = ["-f", "rawvideo", "-pix_fmt", "gray" if grey else "rgb24", "-s", f"{size[0]}x{size[1]}", "-r", str(fps)]
        grey_codec = ["ffv1", "-level", "3", "-g", "25", "-pix_fmt", "gray", "-color_range", "pc"]
        codec = grey_codec if grey else ["libx264rgb", "-qp", "0", "-preset", "ultrafast"]
        command = ["ffmpeg", "-y", "-v", "error", *raw, "-i", "-", "-c:v", *codec]
        self.process = subprocess.Popen([*command, str(path)], stdin=subprocess.PIPE)

    def __enter__(self) -> "LosslessWriter":
        return self

    def write(self, picture: Picture) -> None:
        """Append one picture."""
        if self.process.stdin is None:
            raise RuntimeError("ffmpeg was started without an input pipe")
        self.process.stdin.write(picture.tobytes())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.stdin is not None:
            self.process.stdin.close()
        status = self.process.wait()
        if status and error is None:
            raise RuntimeError(f"ffmpeg ended with status {status}")


def encode_footage(lossless: Path, output: Path) -> None:
    """Silent footage without visible loss; a key frame every second, so that any frame is reached fast."""
    _ffmpeg(
        "-i", lossless, *BT709, "-c:v", "libx264", "-crf", "14", "-preset", "slow", "-g", "25", "-movflags",
        "+faststart", output,
    )  # fmt: skip


def encode_mask(lossless: Path, output: Path) -> None:
    """The mask, white on black, nearly lossless."""
    _ffmpeg(
        "-i", lossless, *BT709, "-c:v", "libx264", "-crf", "6", "-preset", "slow", "-g", "25", "-movflags",
        "+faststart", output,
    )  # fmt: skip


def encode_parts(lossless: Path, output: Path) -> None:
    """A part map, its grey levels as they are."""
    _ffmpeg("-i", lossless, "-c:v", "copy", output)


def encode_dance(lossless: Path, sound: Path, output: Path) -> None:
    """A dance to choose as source: small, with sound, plays everywhere."""
    _ffmpeg(
        "-i", lossless, "-i", sound, *BT709, "-c:v", "libx264", "-profile:v", "high", "-crf", "22", "-preset", "slow",
        "-g", "250", "-c:a", "aac", "-b:a", "128k", "-ar", "48000", "-ac", "2", "-movflags", "+faststart", output,
    )  # fmt: skip


def read_pictures(video: Path, size: Size) -> Picture:
    """All pictures of a video scaled to `size`, (frames, height, width, 3) uint8."""
    command = ["ffmpeg", "-v", "error", "-i", str(video), "-vf", f"scale={size[0]}:{size[1]}:flags=lanczos"]
    raw = subprocess.run([*command, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], check=True, capture_output=True).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, size[1], size[0], 3)


def write_loop(lossless: Path, joints: Floats, size: Size, fps: int, output: Path) -> None:
    """An animated WebP of the stretch of the dance whose end is most like its start, below `LOOP_BYTES`."""
    start, length = find_loop(joints, fps)
    count = round(length / fps * LOOP_FPS)
    chosen = start + np.round(np.arange(count) * length / count).astype(int)
    pictures = read_pictures(lossless, (LOOP_SIZE, LOOP_SIZE * size[1] // size[0] // 2 * 2))[chosen]
    frames = [Image.fromarray(picture) for picture in pictures]
    for quality in (80, 70, 60, 50, 40, 30):
        frames[0].save(
            output, save_all=True, append_images=frames[1:], duration=round(1000 / LOOP_FPS), loop=0,
            quality=quality, method=6,
        )  # fmt: skip
        if output.stat().st_size < LOOP_BYTES:
            return
    raise RuntimeError(f"{output.name} does not fit into {LOOP_BYTES} bytes")


def find_loop(joints: Floats, fps: int) -> tuple[int, int]:
    """Start and length in frames of a lively stretch that ends as it starts; `joints` (frames, 13, 2) pixels."""
    best: tuple[float, int, int] | None = None
    velocity = np.gradient(joints, axis=0)
    for length in range(int((LOOP_SECONDS - 0.3) * fps), int((LOOP_SECONDS + 0.3) * fps) + 1):
        for start in range(len(joints) - length):
            end = start + length
            gap = np.abs(joints[end] - joints[start]).mean() + 3 * np.abs(velocity[end] - velocity[start]).mean()
            cost = gap - 2.0 * np.abs(velocity[start:end]).mean()
            if best is None or cost < best[0]:
                best = (float(cost), start, length)
    if best is None:
        raise ValueError(f"{len(joints)} frames are too few for a loop of {LOOP_SECONDS} s")
    return best[1], best[2]


def write_still(picture: Picture, output: Path, size: int | None = None) -> None:
    """One picture as PNG, scaled down to `size` when it is given."""
    image = Image.fromarray(picture)
    if size is not None:
        image = image.resize((size, size), Image.Resampling.LANCZOS)
    image.save(output, optimize=True)
