"""Films one kind of footage: room, person, camera, light, sensor, file; and writes the truth beside it."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from core.targets.frame_store import FootageWriter
from core.targets.store import Target, load_target

from . import actors, textures
from .camera import FOCAL, Aim, Matrix, intrinsics, shifted, to_reference, turning
from .kinds import KINDS, STILL, WIDE, Kind
from .room import BACK, EYE, PITCH, Room, View, draw, furnished, seen_at
from .textures import Floats, Image

SECONDS: Final = 16.0
STANDING: Final = 1.2
"""Seconds at the end in which the performer stands quite still, though the camera need not: edges may not flicker then."""
_MASK_CRF: Final = 8.0
_WORDS: Final = (
    "and then we turn to the left", "one more time, slowly", "like this? yes, exactly like this",
    "keep your arms up", "the music starts again", "five, six, seven, eight",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Truth:
    """What is known of a clip.

    Attributes:
        to_reference: (N, 3, 3): pixels of each frame to those of the reference view, the room seen straight ahead.
        gains: (N, 3): factors of red, green and blue.
        person: (N,): which frame of the performer was filmed.
        place: (N, 3, 3): pixels of the performer's own frame to those of the clip's frame.
        size: (2,): width and height of the clip and of the reference view.
        wide_to_reference: (3, 3): pixels of the wide picture of the room to the reference view.
        lettering: (height, width) bool: where a frame of the clip has letters burnt in.
        changing: (height, width) bool: where the reference view has a screen or a clock.
        performer: id of the bundled performer.
        stage: whether there is one stage.
    """

    to_reference: Matrix
    gains: NDArray[np.float32]
    person: NDArray[np.int64]
    place: Matrix
    size: NDArray[np.int64]
    wide_to_reference: Matrix
    lettering: NDArray[np.bool_]
    changing: NDArray[np.bool_]
    performer: str
    stage: bool

    def save(self, path: Path) -> None:
        """As ``.npz``."""
        values = {name: np.asarray(getattr(self, name)) for name in self.__slots__}
        np.savez_compressed(path, allow_pickle=False, **values)

    @classmethod
    def load(cls, path: Path) -> Truth:
        """What :meth:`save` wrote."""
        with np.load(path, allow_pickle=False) as archive:
            values = {name: archive[name] for name in cls.__slots__}
        values["performer"], values["stage"] = str(values["performer"]), bool(values["stage"])
        return cls(**values)


def film(name: str, folder: Path, *, seconds: float = SECONDS, seed: int = 0) -> Path:
    """Make ``NAME.mp4`` in ``folder`` and beside it the truth; the clip's path.

    ``NAME.mask.mp4`` holds the person's alpha, picture by picture; ``NAME.npz`` a :class:`Truth`; ``NAME.room.png`` the empty
    room in the reference view and ``NAME.wide.png`` all of the room that is ever seen.
    """
    kind = KINDS[name] if name in KINDS else STILL[name]
    folder.mkdir(parents=True, exist_ok=True)
    with load_target(kind.performer) as target:
        scene = _Scene(kind, target, seconds, np.random.default_rng([seed, zlib.crc32(name.encode())]))
        clip = folder / f"{name}.mp4"
        with (
            _Recorder(clip, kind) as recorder,
            FootageWriter(
                folder / f"{name}.mask.mp4",
                kind.size,
                Fraction(kind.rate),
                masks=True,
                crf=_MASK_CRF,
                preset="veryfast",
            ) as masks,
        ):
            for picture, alpha in scene.frames():
                recorder.write(picture)
                masks.write(alpha)
        scene.truth().save(folder / f"{name}.npz")
        _save(folder / f"{name}.wide.png", scene.wide)
        _save(folder / f"{name}.room.png", scene.empty())
    return clip


def _save(path: Path, picture: Image) -> None:
    cv2.imwrite(str(path), picture[..., ::-1])


class _Recorder:
    """H.264 as a phone writes it."""

    def __init__(self, path: Path, kind: Kind) -> None:
        self._container = av.open(path, "w")
        options = {"preset": "veryfast", "g": "60"} | ({} if kind.bitrate else {"crf": "20"})
        self._stream = self._container.add_stream("libx264", rate=kind.rate, options=options)
        self._stream.width, self._stream.height = kind.size
        self._stream.pix_fmt = "yuv420p"
        if kind.bitrate:
            self._stream.bit_rate = kind.bitrate
        context = self._stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = 1

    def write(self, picture: Image) -> None:
        """The next frame."""
        coded = VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p", dst_colorspace="itu709")
        self._container.mux(self._stream.encode(coded))

    def __enter__(self) -> _Recorder:
        return self

    def __exit__(self, *problem: object) -> None:
        self._container.mux(self._stream.encode(None))
        self._container.close()


class _Scene:
    """Room, person and camera of one clip, computed beforehand; the frames are drawn one after the other."""

    def __init__(self, kind: Kind, target: Target, seconds: float, rng: np.random.Generator) -> None:
        self.kind, self._target, self._rng = kind, target, rng
        count = round(seconds * kind.rate)
        self.times = np.arange(count) / kind.rate
        self._path = kind.camera(rng, seconds)
        self._light = kind.light(rng) if kind.light else None
        first = _start(target, seconds)
        danced = np.minimum(self.times, max(seconds - STANDING, 0.0))
        self.person = first + (danced * float(target.rate)).astype(np.int64)
        self.matrices = np.stack([self._to_reference(t) for t in self.times])
        low, high = self._extent()
        self.wide_to_reference = shifted(*low)
        view = View(
            (int(high[0] - low[0]), int(high[1] - low[1])), shifted(*-low) @ intrinsics(kind.size), kind.run > 0
        )
        self._room = self._chosen_room(view)
        self.wide = draw(self._room, view, rng)
        self._panels = {
            name: shifted(*low) @ np.column_stack([_corners(patch, view), np.ones(4)]).T
            for name, patch in self._room.patches.items()
        }
        self._grain = rng.standard_normal((kind.size[1] + 64, kind.size[0] + 64, 3)).astype(np.float32)
        self._near = _near_thing(rng) if kind.near else None
        self._letters = [self._lettering(words) for words in _WORDS] if kind.burnt else []

    def frames(self) -> Iterator[tuple[Image, NDArray[np.uint8]]]:
        """Picture and alpha of each frame."""
        for index, seconds in enumerate(self.times.tolist()):
            who = actors.performer(self._target, int(self.person[index]))
            room = self._room_at(seconds)
            moments = [0.0] if not self.kind.shutter else [-0.33, 0.0, 0.33]
            picture, alpha = (
                np.zeros((*self.kind.size[::-1], 3), np.float32),
                np.zeros(self.kind.size[::-1], np.float32),
            )
            for moment in moments:
                seen, covered = self._exposed(room, who, seconds, seconds + moment * self.kind.shutter / self.kind.rate)
                picture += seen / len(moments)
                alpha += covered / len(moments)
            yield self._developed(picture, seconds), np.asarray(255.0 * alpha + 0.5, np.uint8)

    def truth(self) -> Truth:
        """What is known of it."""
        return Truth(
            to_reference=self.matrices,
            gains=np.stack([self._gains(t) for t in self.times.tolist()]),
            person=self.person,
            place=np.stack(
                [np.linalg.inv(m) @ self._place(t) for m, t in zip(self.matrices, self.times.tolist(), strict=True)]
            ),
            size=np.array(self.kind.size),
            wide_to_reference=self.wide_to_reference,
            lettering=self._lettered(),
            changing=self._changing(),
            performer=self.kind.performer,
            stage=self.kind.stage,
        )

    def empty(self) -> Image:
        """The room in the reference view."""
        return np.asarray(
            cv2.warpPerspective(self.wide, self.wide_to_reference, self.kind.size, flags=cv2.INTER_LINEAR), np.uint8
        )

    # ---- camera

    def _to_reference(self, seconds: float) -> Matrix:
        along = shifted(self.kind.run * seconds * FOCAL / BACK)
        return np.asarray(along @ to_reference(self._path(seconds), self.kind.size))

    def _extent(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The box of the reference view, in whole pixels, that holds all that is ever seen."""
        width, height = self.kind.size
        corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], float).T
        seen = np.concatenate([self.matrices @ corners, corners[None]])
        points = (seen[:, :2] / seen[:, 2:]).transpose(0, 2, 1).reshape(-1, 2)
        return np.floor(points.min(axis=0)) - 8, np.ceil(points.max(axis=0)) + 8

    def _place(self, seconds: float) -> Matrix:
        """The performer's pixels to the reference view."""
        wide = self.kind.size == WIDE
        scale, depth = (1.3, 3.1) if wide else (1.6, 2.5)
        x, y = self.kind.size[0] / 2, self.kind.size[1] / 2 + FOCAL * (EYE[1] / depth - np.tan(PITCH))
        standing = np.array([[scale, 0, x - 256 * scale], [0, scale, y - 497 * scale], [0, 0, 1]])
        aside = self._path(seconds).aside
        moved = shifted(-FOCAL * aside * (1 / depth - 1 / BACK))
        if not self.kind.follow:
            return np.asarray(moved @ standing)
        if self.kind.run:
            return np.asarray(shifted(self.kind.run * seconds * FOCAL / BACK) @ moved @ standing)
        yaw = float(np.mean([self._path(seconds - late).yaw for late in np.linspace(0, 0.8, 9)]))
        return np.asarray(turning(Aim(yaw=yaw), self.kind.size) @ moved @ standing)

    # ---- what is there

    def _chosen_room(self, view: View) -> Room:
        """Furnished; where screens are to flicker they are in view and beside the performer."""
        kind = self.kind
        for _ in range(60):
            room = furnished(self._rng, kind.half_width, kind.walls, kind.floors, furniture=kind.furniture)
            if not kind.moving:
                break
            panels = [_corners(patch, view)[:, 0] + self.wide_to_reference[0, 2] for patch in room.patches.values()]
            middle = kind.size[0] / 2
            if len(panels) == 2 and all(
                x.min() > 20 and x.max() < kind.size[0] - 20 and abs(x.mean() - middle) > 160 for x in panels
            ):
                break
        if not kind.moving:
            room.patches.clear()
        return room

    def _room_at(self, seconds: float) -> Floats | Image:
        """The wide picture at that time, uint8 where nothing in it moves."""
        if not self._panels and not self.kind.cat:
            return self.wide
        room = self.wide.astype(np.float32)
        for name, panel in self._panels.items():
            self._show(room, panel, _clock(seconds) if name == "clock" else _screen(seconds))
        if self.kind.cat:
            self._walk(room, seconds)
        return room

    def _show(self, room: Floats, panel: Matrix, picture: Image) -> None:
        height, width = picture.shape[:2]
        source = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
        wanted = (np.linalg.inv(self.wide_to_reference) @ panel)[:2].T.astype(np.float32)
        matrix = cv2.getPerspectiveTransform(source, wanted)
        layer = np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)]).astype(np.float32)
        layer[..., 3] /= 255.0
        actors.over(room, layer, matrix)

    def _walk(self, room: Floats, seconds: float) -> None:
        """A cat that comes by every seven seconds, to and fro."""
        turn, since = divmod(seconds, 7.0)
        back = bool(int(turn) % 2)
        share = (since - 1.0) / 5.0
        x = self.kind.size[0] * (1.1 - 1.2 * share if back else -0.1 + 1.2 * share)
        y = self.kind.size[1] / 2 + FOCAL * (EYE[1] / 3.7 - np.tan(PITCH))
        place = np.linalg.inv(self.wide_to_reference) @ shifted(x - 80, y - 84) @ np.diag([0.8, 0.8, 1.0])
        actors.over(room, actors.cat(seconds * 1.6, leftwards=back), place)

    # ---- a frame

    def _exposed(
        self, room: Floats | Image, who: actors.Cutout, seconds: float, moment: float
    ) -> tuple[Floats, Floats]:
        """What the camera sees at ``moment`` of the frame of ``seconds``: (height, width, 3), and the person's alpha."""
        to_frame = np.linalg.inv(self._to_reference(moment))
        size = self.kind.size
        picture = cv2.warpPerspective(
            room, to_frame @ self.wide_to_reference, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        ).astype(np.float32)
        place = to_frame @ self._place(seconds)
        alpha = np.zeros(size[::-1], np.float32)
        actors.over(picture, who.shadow, place)
        part, share = actors.over(picture, who.layer, place)
        alpha[part] = share
        if self._near is not None:
            part, share = actors.over(picture, self._near, self._near_place(moment, to_frame))
            alpha[part] *= 1 - share
        return picture, alpha

    def _near_place(self, moment: float, to_frame: NDArray[np.floating]) -> Matrix:
        """A plant 1.3 metres from the camera, in the lower left corner; one after the other where the camera runs along."""
        if self._near is None:
            raise ValueError("nothing stands near")
        height, width = self._near.shape[:2]
        travelled = self._path(moment).aside + self.kind.run * moment
        x = -FOCAL * travelled * (1 / 1.3 - 1 / BACK)
        if self.kind.run:
            x = x % (3.0 * self.kind.size[0]) - width + self.kind.run * moment * FOCAL / BACK
            return np.asarray(to_frame @ shifted(x, self.kind.size[1] - 0.8 * height + 20))
        return np.asarray(to_frame @ shifted(x - 0.45 * width, self.kind.size[1] - 0.8 * height + 20))

    def _gains(self, seconds: float) -> NDArray[np.float32]:
        return np.ones(3, np.float32) if self._light is None else np.asarray(self._light(seconds), np.float32)

    def _developed(self, picture: NDArray[np.floating], seconds: float) -> Image:
        """Light, the sensor's noise, and letters."""
        lit = picture * self._gains(seconds)
        if self.kind.noise:
            y, x = self._rng.integers(0, 64, 2).tolist()
            grain = self._grain[y : y + lit.shape[0], x : x + lit.shape[1]]
            lit = lit + self.kind.noise * (0.6 + 0.4 * np.sqrt(np.clip(lit, 0, 255) / 128.0)) * grain
        if self._letters:
            lit = lit.astype(np.float32)
            actors.over(lit, self._letters[int(seconds / 2.7) % len(self._letters)], np.eye(3))
        return textures.finished(np.asarray(lit, np.float32))

    def _lettering(self, words: str) -> Floats:
        """A line of subtitles and a logo, over the whole frame."""
        width, height = self.kind.size
        canvas = np.zeros((height, width, 4), np.uint8)
        (across, _), _ = cv2.getTextSize(words, cv2.FONT_HERSHEY_DUPLEX, 1.1, 2)
        at = (width - across) // 2, height - 36
        cv2.putText(canvas, words, at, cv2.FONT_HERSHEY_DUPLEX, 1.1, (8, 8, 8, 255), 8, cv2.LINE_AA)
        cv2.putText(canvas, words, at, cv2.FONT_HERSHEY_DUPLEX, 1.1, (250, 246, 190, 255), 2, cv2.LINE_AA)
        cv2.circle(canvas, (width - 80, 70), 40, (214, 40, 60, 255), -1, cv2.LINE_AA)
        cv2.putText(canvas, "TV", (width - 104, 84), cv2.FONT_HERSHEY_DUPLEX, 1.2, (255, 255, 255, 255), 3, cv2.LINE_AA)
        alpha = canvas[..., 3:].astype(np.float32) / 255.0
        alpha[:140, width - 140 :] *= 0.85
        return np.asarray(np.concatenate([canvas[..., :3] * alpha, alpha], axis=2), np.float32)

    def _lettered(self) -> NDArray[np.bool_]:
        covered = np.zeros(self.kind.size[::-1], np.bool_)
        for letters in self._letters:
            covered |= letters[..., 3] > 0
        return covered

    def _changing(self) -> NDArray[np.bool_]:
        canvas = np.zeros(self.kind.size[::-1], np.uint8)
        for panel in self._panels.values():
            cv2.fillConvexPoly(canvas, np.rint(panel[:2].T).astype(np.int32), 255)
        return np.asarray(cv2.dilate(canvas, np.ones((9, 9))) > 0)


def _start(target: Target, seconds: float) -> int:
    """The first frame of the performer's that is filmed: the same in all kinds, so that they can be compared."""
    return max((len(target.frames) - int(seconds * target.rate) - 1) // 2, 0)


def _corners(patch: tuple[float, float, float, float, float], view: View) -> Matrix:
    """(4, 2): a panel's corners in the wide picture, from the upper left one clockwise."""
    left, bottom, right, top, z = patch
    return seen_at(np.array([[left, top, z], [right, top, z], [right, bottom, z], [left, bottom, z]]), view)


def _near_thing(rng: np.random.Generator) -> Floats:
    picture, alpha = textures.plant(rng, (460, 520))
    share = cv2.GaussianBlur(alpha, (0, 0), 2.0).astype(np.float32)[..., None] / 255.0
    soft = cv2.GaussianBlur(picture, (0, 0), 2.0).astype(np.float32)
    return np.concatenate([soft, share], axis=2)


def _clock(seconds: float) -> Image:
    canvas = np.full((80, 180, 3), (16, 18, 20), np.uint8)
    whole = int(seconds) + 41
    cv2.putText(
        canvas,
        f"18:{3 + whole // 60:02}:{whole % 60:02}",
        (6, 52),
        cv2.FONT_HERSHEY_DUPLEX,
        1.15,
        (255, 70, 50),
        2,
        cv2.LINE_AA,
    )
    return canvas


def _screen(seconds: float) -> Image:
    """A film on a screen: another picture every second or so, something that moves in each, and light that flickers."""
    scene = int(seconds / 0.9)
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(str(scene).encode()).digest()[:4], "little"))
    canvas = textures.art(rng, (424, 240))
    x = int(424 * ((seconds / 0.9) % 1.0))
    cv2.circle(canvas, (x, int(rng.integers(60, 180))), 40, rng.integers(0, 255, 3).tolist(), -1, cv2.LINE_AA)
    bright = rng.uniform(0.5, 1.15) * (1 + 0.06 * np.sin(2 * np.pi * 11 * seconds))
    return textures.finished(canvas.astype(np.float32) * bright)
