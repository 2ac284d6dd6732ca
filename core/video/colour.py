"""Decoded pictures of any kind to RGB uint8: size, matrix, range and, for HDR and wide gamut, tone mapping."""

from __future__ import annotations

import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Final, Literal, TypeAlias

import numpy as np
from av.filter import Graph
from av.video.format import VideoFormat
from av.video.frame import VideoFrame as Picture
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter
from numpy.typing import NDArray

from core.types import Frame

Curve: TypeAlias = Literal["pq", "hlg", "sdr"]
Floats: TypeAlias = NDArray[np.float64]

_RGB, _BT709, _UNSPECIFIED, _BT601, _BT2020, _BT2020_CONSTANT = 0, 1, 2, 6, 9, 10
_KNOWN_MATRICES = frozenset({_BT709, 4, 5, _BT601, 7, _BT2020})
_PRIMARIES_2020 = 9
_CURVES: dict[int, Curve] = {16: "pq", 18: "hlg"}
_DEEP = "gbrp16le"  # the one integer format that lut3d maps with vector instructions: 4 ms for 1280x720, not 23
_LUT_SIDE = 33
_TICK = Fraction(1, 1000)

_WHITE = 203.0
"""Candela a square metre at which SDR is full: ITU-R BT.2408's diffuse white. Highlights are rolled off below it."""
_PEAK = 1000.0
"""Candela a square metre of the brightest highlight that is kept; phones and most films are graded to it."""
_LUMA_2020 = np.array([0.2627, 0.6780, 0.0593])
_TO_709 = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]])


EXACT: Final = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
"""How FFmpeg makes RGB of YUV where colours are to be right: its usual way is a grey level too dark, and five times as quick."""


class Converter:
    """Makes RGB arrays of one size from decoded pictures. Keeps its scaler, so use one for each video.

    ``size`` is (width, height) of the stored picture after scaling, before it is turned: ``turns`` quarter turns
    counterclockwise after an optional left-right ``flip``. ``exact`` colours take 4 ms more of a picture of 1280x720.
    """

    def __init__(self, size: tuple[int, int], *, turns: int = 0, flip: bool = False, exact: bool = False) -> None:
        self._interpolation = EXACT if exact else Interpolation.BILINEAR
        self._size = size
        self._turns = turns
        self._flip = flip
        self._scaler = VideoReformatter()
        self._mappers: dict[Curve, _Mapper] = {}

    def __call__(self, picture: Picture) -> Frame:
        """(height, width, 3) uint8 RGB, contiguous, its own memory."""
        _settle_matrix(picture)
        curve = _curve(picture)
        small = self._scale(picture, "rgb24" if curve is None else _DEEP)
        if curve is not None:
            small = self._mapper(curve)(small)
        return self._turned(np.asarray(small.to_ndarray(), np.uint8))

    def _scale(self, picture: Picture, pixel_format: str) -> Picture:
        # One thread: the other core is busy with poses, and a pool for each video costs memory.
        return self._scaler.reformat(
            picture,
            width=self._size[0],
            height=self._size[1],
            format=pixel_format,
            dst_color_range=ColorRange.JPEG,
            interpolation=self._interpolation,
            threads=1,
        )

    def _mapper(self, curve: Curve) -> _Mapper:
        if curve not in self._mappers:
            self._mappers[curve] = _Mapper(curve, self._size)
        return self._mappers[curve]

    def _turned(self, image: Frame) -> Frame:
        if self._flip:
            image = image[:, ::-1]
        return np.ascontiguousarray(np.rot90(image, self._turns))


def _settle_matrix(picture: Picture) -> None:
    """Name the colour matrix where the file does not, as players do: BT.709 for HD, BT.601 below."""
    if picture.format.is_rgb or picture.format.has_palette or picture.colorspace in _KNOWN_MATRICES:
        return
    if picture.colorspace == _BT2020_CONSTANT or picture.color_primaries == _PRIMARIES_2020:
        picture.colorspace = _BT2020
    else:
        picture.colorspace = _BT709 if picture.height > 576 or picture.width > 1024 else _BT601


def _curve(picture: Picture) -> Curve | None:
    """Which mapping a picture needs before it can be shown as SDR BT.709; None for nearly all."""
    if picture.format.has_palette or _depth(picture.format) < 9:
        return None
    curve = _CURVES.get(picture.color_trc)
    if curve is None and picture.color_primaries == _PRIMARIES_2020:
        return "sdr"
    return curve


def _depth(pixel_format: VideoFormat) -> int:
    return max(component.bits for component in pixel_format.components)


class _Mapper:
    """FFmpeg's ``lut3d`` (tetrahedral, vectorised) and a table of ours, several times as fast as NumPy."""

    def __init__(self, curve: Curve, size: tuple[int, int]) -> None:
        with tempfile.TemporaryDirectory(prefix="dance-lut-") as folder:
            cube = Path(folder) / "map.cube"
            _write_cube(cube, tone_map(_grid(), curve))
            self._graph = self._build(cube, size)

    @staticmethod
    def _build(cube: Path, size: tuple[int, int]) -> Graph:
        graph = Graph()
        graph.threads = 1
        source = graph.add_buffer(width=size[0], height=size[1], format=VideoFormat(_DEEP), time_base=_TICK)
        nodes = [
            source,
            graph.add("lut3d", file=str(cube), interp="tetrahedral"),
            graph.add("format", pix_fmts="rgb24"),
            graph.add("buffersink"),
        ]
        graph.link_nodes(*nodes)
        graph.configure()
        return graph

    def __call__(self, picture: Picture) -> Picture:
        self._graph.vpush(picture)
        return self._graph.vpull()


def _grid() -> Floats:
    """(side**3, 3) in [0, 1], red fastest as the .cube format wants it."""
    axis = np.linspace(0.0, 1.0, _LUT_SIDE)
    blue, green, red = np.meshgrid(axis, axis, axis, indexing="ij")
    return np.stack([red, green, blue], axis=-1).reshape(-1, 3)


def _write_cube(path: Path, table: Floats) -> None:
    lines = "\n".join(f"{red:.5f} {green:.5f} {blue:.5f}" for red, green, blue in table.tolist())
    path.write_text(f"LUT_3D_SIZE {_LUT_SIDE}\n{lines}\n")


def tone_map(signal: Floats, curve: Curve) -> Floats:
    """BT.2020 signals to BT.709 ones for a normal screen, both (n, 3) in [0, 1].

    HDR is brought to light (PQ: SMPTE ST 2084; HLG: ITU-R BT.2100 with its system gamma at 1000 cd/m2), highlights are
    rolled off by the spline of ITU-R BT.2390 on the largest channel, which keeps the hue, then colours outside BT.709
    are drawn towards their own grey until they fit.
    """
    if curve == "sdr":
        light = signal**2.4
    else:
        nits = _pq_to_nits(signal) if curve == "pq" else _hlg_to_nits(signal)
        peak = nits.max(axis=1, keepdims=True)
        light = nits * _roll_off(peak) / np.maximum(peak, 1e-6) / _WHITE
    return np.asarray(_into_gamut(light) ** (1 / 2.4))


def _pq_to_nits(signal: Floats) -> Floats:
    power = signal ** (1 / 78.84375)
    light = np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)
    return np.asarray(10_000 * light ** (1 / 0.1593017578125))


def _nits_to_pq(nits: Floats) -> Floats:
    power = (nits / 10_000) ** 0.1593017578125
    return np.asarray(((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375)


def _hlg_to_nits(signal: Floats) -> Floats:
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    luma = scene @ _LUMA_2020
    return np.asarray(_PEAK * scene * np.maximum(luma, 1e-9)[:, None] ** 0.2)


def _roll_off(nits: Floats) -> Floats:
    """BT.2390's EETF from 0 to ``_PEAK`` down to 0 to ``_WHITE``, light in and out in cd/m2."""
    top = _nits_to_pq(np.array(_PEAK))
    limit = _nits_to_pq(np.array(_WHITE)) / top
    knee = 1.5 * limit - 0.5
    level = np.minimum(_nits_to_pq(nits) / top, 1.0)
    t = np.clip((level - knee) / (1 - knee), 0, 1)
    spline = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (-2 * t**3 + 3 * t**2) * limit
    return _pq_to_nits(np.where(level < knee, level, spline) * top)


def _into_gamut(light: Floats) -> Floats:
    """Linear BT.2020 to linear BT.709 in [0, 1], drawn towards grey of the same brightness where it does not fit."""
    grey = np.clip(light @ _LUMA_2020, 0, 1)[:, None]
    off = light @ _TO_709.T - grey
    room = np.where(off > 0, 1 - grey, grey)
    fit = np.where(np.abs(off) > room, room / np.maximum(np.abs(off), 1e-9), 1.0).min(axis=1, keepdims=True)
    return np.asarray(np.clip(grey + off * fit, 0, 1))
