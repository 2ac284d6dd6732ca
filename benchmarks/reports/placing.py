"""Where the dancer's moves are placed on the performer's stage: cuts, close-ups, half bodies, walks, bodies upside down."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np

from core import paths
from core.types import Frame
from core.video.reader import VideoReader

RATE: Final = 25
_SHOT: Final = 48
"""Frames of one shot of a made clip."""


def dance_pictures(dance: str, first: int, count: int) -> list[Frame]:
    """Pictures of a bundled dance, from number ``first``."""
    with VideoReader(paths.BUNDLED_DANCES / f"{dance}.mp4", start=Fraction(first, RATE)) as reader:
        return [frame.image for frame, _ in zip(reader, range(count), strict=False)]


def write_clip(path: Path, pictures: Sequence[Frame]) -> None:
    """A silent H.264 file of these pictures."""
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"crf": "18", "preset": "veryfast"})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def nearer(picture: Frame, x: float, y: float, times: float) -> Frame:
    """The same view ``times`` as near: what lies around the point (shares of width and height), at the picture's size."""
    height, width = picture.shape[:2]
    view = np.array([[times, 0, width * (0.5 - times * x)], [0, times, height * (0.5 - times * y)]])
    return np.asarray(
        cv2.warpAffine(picture, view, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),
        np.uint8,
    )


def make_close_up(path: Path) -> None:
    """The whole dancer, her upper half, the whole of her again: three shots of one camera."""
    pictures = dance_pictures("lina-disco", 0, 3 * _SHOT)
    for i in range(_SHOT, 2 * _SHOT):
        pictures[i] = nearer(pictures[i], 0.5, 0.42, 2.2)
    write_clip(path, pictures)


def make_punch_in(path: Path) -> None:
    """A cut to the same view a quarter nearer, as edited clips have on the beat, and back."""
    pictures = dance_pictures("june-sway", 0, 3 * _SHOT)
    for i in range(_SHOT, 2 * _SHOT):
        pictures[i] = nearer(pictures[i], 0.5, 0.55, 1.25)
    write_clip(path, pictures)


def make_jump_cut(path: Path) -> None:
    """Half of a dance is left out between two frames of one camera."""
    write_clip(path, [*dance_pictures("omar-street", 0, _SHOT), *dance_pictures("omar-street", 150, _SHOT)])


def make_flashes(path: Path) -> None:
    """One camera throughout: a white frame, and lights that flicker four times a second."""
    pictures = dance_pictures("june-sway", 0, 3 * _SHOT)
    for i in range(30, 32):
        pictures[i] = np.full_like(pictures[i], 250)
    for i in range(60, 120):
        if i // 3 % 2:
            pictures[i] = cv2.convertScaleAbs(pictures[i], alpha=0.35)
    write_clip(path, pictures)


def make_dissolve(path: Path) -> None:
    """One dancer becomes another, elsewhere and of another size, within half a second."""
    first = dance_pictures("omar-street", 0, 2 * _SHOT)
    second = [nearer(picture, 0.65, 0.4, 0.62) for picture in dance_pictures("omar-street", 150, 2 * _SHOT)]
    over = 12
    mixed = [
        cv2.addWeighted(a, 1 - share, b, share, 0)
        for a, b, share in zip(first[-over:], second[:over], np.linspace(0, 1, over), strict=True)
    ]
    write_clip(path, [*first[:-over], *mixed, *second[over:]])


def make_half_body(path: Path) -> None:
    """Head to thighs, upright, as a desk camera or a selfie shows somebody."""
    pictures = dance_pictures("june-sway", 0, 75)
    write_clip(path, [np.ascontiguousarray(picture[:300, 80:400]) for picture in pictures])


def make_walk(path: Path) -> None:
    """A dancer who crosses a wide picture, two and a half body heights of it."""
    pictures = dance_pictures("june-sway", 0, 6 * RATE)
    clip = []
    for i, picture in enumerate(pictures):
        wide = np.full((480, 1280, 3), (216, 228, 220), np.uint8)
        left = round((1280 - 280) * i / (len(pictures) - 1))
        wide[100:480, left : left + 280] = cv2.resize(picture[:, 110:464], (280, 380), interpolation=cv2.INTER_AREA)
        clip.append(wide)
    write_clip(path, clip)


def make_handstand(path: Path) -> None:
    """A dancer upside down: the head and the hands are lowest."""
    write_clip(path, [np.ascontiguousarray(picture[::-1, ::-1]) for picture in dance_pictures("june-sway", 0, 100)])


def make_cartwheel(path: Path) -> None:
    """A dancer who stands for a second, turns over once in the plane of the picture, and stands again."""
    pictures = dance_pictures("june-sway", 100, 100)
    clip = []
    for i, picture in enumerate(pictures):
        degrees = 360 * float(np.clip((i - 30) / 40, 0, 1))
        turn = cv2.getRotationMatrix2D((270, 285), degrees, 0.8)
        clip.append(np.asarray(cv2.warpAffine(picture, turn, (640, 480), borderMode=cv2.BORDER_REPLICATE), np.uint8))
    write_clip(path, clip)
