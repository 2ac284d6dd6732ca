"""How a result is measured. Every table of the project, and every test that bounds quality, takes its numbers from here.

Errors are between an output and a reference picture of one size. Poses asked for are held against poses detected again on
the output. What is undefined (no pixel, no joint, no pair of frames) is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from core.pose import skeleton
from core.types import Alpha, Frame, Pose

SEED: Final = 64
"""Side in pixels of the pictures that the first results of this project were published on."""

SEEN: Final = 0.5
"""Visibility from which a joint counts as found."""

POSE_SIDE: Final = 256
"""Keypoint distances are in pixels of a picture whose longer side is this."""

_GROW: Final = 0.10
_PCK: Final = 0.05
_WINDOW: Final = 11
_SIGMA: Final = 1.5
_C1, _C2 = 0.01**2, 0.03**2
_FLICKER_MARGIN: Final = 8
_AROUND: Final = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _FLICKER_MARGIN + 1, 2 * _FLICKER_MARGIN + 1))
_FARNEBACK: Final = (0.5, 3, 15, 3, 5, 1.2, 0)

Floats: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]
Region: TypeAlias = tuple[slice, slice]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels; it may reach out of the picture."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def diagonal(self) -> float:
        """Length in pixels."""
        return math.hypot(self.right - self.left, self.bottom - self.top)

    def region(self, shape: tuple[int, ...]) -> Region:
        """Rows and columns of a picture of ``shape`` (height, width, ...) that it touches; empty when it lies outside."""
        rows = slice(max(math.floor(self.top), 0), max(min(math.ceil(self.bottom), shape[0]), 0))
        columns = slice(max(math.floor(self.left), 0), max(min(math.ceil(self.right), shape[1]), 0))
        return rows, columns


def person_box(pose: Pose) -> Box | None:
    """The tight box around the visible landmarks, grown by a tenth of its side on each side; None when none is visible."""
    points = pose.xy[pose.visibility >= SEEN]
    if not len(points):
        return None
    low, high = points.min(axis=0).astype(float), points.max(axis=0).astype(float)
    left, top = low - _GROW * (high - low)
    right, bottom = high + _GROW * (high - low)
    return Box(float(left), float(top), float(right), float(bottom))


def seed_scale(image: Frame) -> Frame:
    """The picture at height 64 (bilinear, antialiased), its middle 64 columns; all of them where there are fewer."""
    from PIL import Image

    height, width = image.shape[:2]
    wide = max(1, round(width * SEED / height))
    small = np.asarray(Image.fromarray(image).resize((wide, SEED), Image.Resampling.BILINEAR))
    left = _seed_margin(wide)
    return np.ascontiguousarray(small[:, left : left + SEED])


def seed_points(points: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """(..., 2) pixels of a picture of ``size`` (width, height), moved along to :func:`seed_scale`."""
    width, height = size
    wide = max(1, round(width * SEED / height))
    scale = np.array([wide / width, SEED / height], np.float32)
    return np.asarray(points * scale - np.array([_seed_margin(wide), 0], np.float32), np.float32)


def seed_box(box: Box, size: tuple[int, int]) -> Box:
    """A box of a picture of ``size`` (width, height), moved along to :func:`seed_scale`."""
    corners = np.array([[box.left, box.top], [box.right, box.bottom]], np.float32)
    (left, top), (right, bottom) = seed_points(corners, size).tolist()
    return Box(left, top, right, bottom)


def _seed_margin(wide: int) -> int:
    return max(0, (wide - SEED) // 2)


def l1(output: Frame, reference: Frame) -> float:
    """Mean absolute difference of pixels scaled to [-1, 1]; NaN for pictures without a pixel."""
    return _mean(_apart(output, reference)) * 2 / 255


def psnr(output: Frame, reference: Frame, inside: Flags | None = None) -> float:
    """Peak signal-to-noise ratio in dB, pixels in [0, 1]; infinite for equal pictures.

    Args:
        output: (height, width, 3) uint8.
        reference: the same.
        inside: (height, width) bool, the pixels that count; all by default.
    """
    squares = _apart(output, reference) ** 2
    error = _mean(squares if inside is None else squares[inside]) / 255**2
    return math.inf if error == 0 else -10 * math.log10(error) if error > 0 else error


def ssim(output: Frame, reference: Frame, inside: Flags | None = None) -> float:
    """Structural similarity: Wang, Bovik, Sheikh and Simoncelli, "Image Quality Assessment", IEEE TIP 2004.

    Gaussian window of 11 pixels with standard deviation 1.5, per channel, mean over the windows that lie whole in the
    picture; pixels in [0, 1]. Equal to scikit-image's ``structural_similarity`` with ``gaussian_weights=True,
    use_sample_covariance=False, data_range=1``.

    Args:
        output: (height, width, 3) uint8.
        reference: the same.
        inside: (height, width) bool, the windows' centres that count; all by default.

    Returns:
        The mean, NaN where not one window fits.
    """
    return mean_ssim(ssim_map(output, reference), inside)


def ssim_map(output: Frame, reference: Frame) -> NDArray[np.float32]:
    """(height, width): :func:`ssim` of the window around each pixel, the mean of its channels."""
    _check_same(output, reference)
    similar = _ssim_map(output.astype(np.float32) / np.float32(255), reference.astype(np.float32) / np.float32(255))
    return np.asarray(similar.mean(axis=2), np.float32)


def mean_ssim(
    similar: NDArray[np.float32], inside: Flags | None = None, region: Region = (slice(None), slice(None))
) -> float:
    """The mean of :func:`ssim_map` over the windows that lie whole in ``region`` and whose centres are ``inside``.

    One map does for several regions: that of a cut-out is the cut-out of the map.
    """
    edge = _WINDOW // 2
    rows, columns = (side.indices(length) for side, length in zip(region, similar.shape, strict=True))
    if min(rows[1] - rows[0], columns[1] - columns[0]) < _WINDOW:
        return math.nan
    whole = (slice(rows[0] + edge, rows[1] - edge), slice(columns[0] + edge, columns[1] - edge))
    return _mean(similar[whole] if inside is None else similar[whole][inside[whole]])


def _ssim_map(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    mean_a, mean_b = _windowed(a), _windowed(b)
    variance_a, variance_b = _windowed(a * a) - mean_a**2, _windowed(b * b) - mean_b**2
    covariance = _windowed(a * b) - mean_a * mean_b
    likeness = (2 * mean_a * mean_b + _C1) * (2 * covariance + _C2)
    return np.asarray(likeness / ((mean_a**2 + mean_b**2 + _C1) * (variance_a + variance_b + _C2)))


def _windowed(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(values, (_WINDOW, _WINDOW), _SIGMA), np.float32)


def sharpness_ratio(output: Frame, reference: Frame, region: Region = (slice(None), slice(None))) -> float:
    """Mean gradient magnitude of the output over that of the reference; below 1 is blur. NaN for a flat reference."""
    _check_same(output, reference)
    ideal = edge_strength(reference, region)
    return edge_strength(output, region) / ideal if ideal > 0 else math.nan


def edge_strength(image: Frame, region: Region = (slice(None), slice(None))) -> float:
    """Mean gradient magnitude (Sobel, luma) in grey levels: high where edges are sharp. NaN where the region is empty."""
    return _mean(_gradient(image)[region])


def _gradient(image: Frame) -> NDArray[np.float32]:
    luma = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return np.asarray(cv2.magnitude(cv2.Sobel(luma, cv2.CV_32F, 1, 0), cv2.Sobel(luma, cv2.CV_32F, 0, 1)), np.float32)


@dataclass(frozen=True, slots=True)
class PoseError:
    """How well outputs show the poses that were asked for. See :func:`pose_error`."""

    akd: float
    mkr: float
    pck: float


def pose_error(asked: Sequence[Pose | None], found: Sequence[Pose | None], size: tuple[int, int]) -> PoseError:
    """AKD, MKR and PCK@0.05 over a sequence, each a mean over joints; frames that ask for nobody do not count.

    ``akd`` is the mean distance over joints asked for and found, in pixels at 256×256 (longer side 256); ``mkr`` the share
    of joints asked for that were not found; ``pck`` the share found within 0.05 of the diagonal of the person box asked for.

    Args:
        asked: one for each frame.
        found: what was detected on the output, in the same pixels.
        size: (width, height) of the picture both are in.
    """
    distances = [np.empty(0)]
    wanted = near = 0
    for ask, find in zip(asked, found, strict=True):
        box = None if ask is None else person_box(ask)
        if ask is None or box is None:
            continue
        sought = _joints_seen(ask)
        wanted += int(sought.sum())
        if find is not None:
            both = sought & _joints_seen(find)
            apart = np.linalg.norm(_joints(ask) - _joints(find), axis=1)[both]
            distances.append(apart)
            near += int((apart <= _PCK * box.diagonal).sum())
    if not wanted:
        return PoseError(math.nan, math.nan, math.nan)
    every = np.concatenate(distances)
    return PoseError(_mean(every) * POSE_SIDE / max(size), 1 - len(every) / wanted, near / wanted)


def _joints(pose: Pose) -> Floats:
    return pose.xy[list(skeleton.JOINTS)].astype(np.float64)


def _joints_seen(pose: Pose) -> Flags:
    return np.asarray(pose.visibility[list(skeleton.JOINTS)] >= SEEN)


def static_flicker(frames: Iterable[Frame], masks: Iterable[Alpha]) -> float:
    """Mean change from frame to frame outside the person, in grey levels; 0 is ideal for a still camera.

    Args:
        frames: the output.
        masks: (height, width) uint8, the person in each.
    """
    changes = [change_outside(*before, *after) for before, after in pairwise(zip(frames, masks, strict=True))]
    return mean_known(changes)


def change_outside(before: Frame, mask_before: Alpha, after: Frame, mask_after: Alpha) -> float:
    """One pair's share of :func:`static_flicker`: what either mask covers, grown by 8 px, does not count."""
    covered = cv2.dilate(cv2.max(mask_before, mask_after), _AROUND) >= 128
    return _mean(cv2.absdiff(before, after)[~covered])


def tof(output: Iterable[Frame], reference: Iterable[Frame]) -> float:
    """tOF of TecoGAN (Chu et al., SIGGRAPH 2020): mean distance between both videos' optical flows.

    In pixels at 256×256, as ``akd``: larger pictures are made smaller first.
    """
    pairs = pairwise(zip(output, reference, strict=True))
    return mean_known([flow_error(before, after) for before, after in pairs])


def flow_error(before: tuple[Frame, Frame], after: tuple[Frame, Frame]) -> float:
    """One pair's share of :func:`tof`; ``before`` and ``after`` are (output, reference) each. Farnebäck's flow."""
    apart = _flow(before[0], after[0]) - _flow(before[1], after[1])
    return _mean(np.linalg.norm(apart, axis=2))


def _flow(before: Frame, after: Frame) -> NDArray[np.float32]:
    grey = [_at_flow_scale(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)) for image in (before, after)]
    return np.asarray(cv2.calcOpticalFlowFarneback(grey[0], grey[1], None, *_FARNEBACK), np.float32)


def _at_flow_scale(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Its longer side at most ``POSE_SIDE``: flows of larger pictures take longer than everything else together."""
    scale = POSE_SIDE / max(grey.shape)
    if scale >= 1:
        return grey
    size = (round(grey.shape[1] * scale), round(grey.shape[0] * scale))
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)


def jitter(poses: Sequence[Pose | None], torso: float) -> float:
    """Mean norm of the third difference of the 13 joints over time, in torso lengths per frame³.

    Args:
        poses: one for each frame; four in a row are needed wherever it is taken.
        torso: length of the torso in pixels.
    """
    third = _third_differences(poses)
    return _mean(third[~np.isnan(third)]) / torso


def jitters(poses: Sequence[Pose | None], torso: float) -> Floats:
    """(frames,): what :func:`jitter` is the mean of, for the four frames that end with each; NaN where they are not four."""
    return np.asarray(_third_differences(poses)[1:].mean(axis=1) / torso)


def _third_differences(poses: Sequence[Pose | None]) -> Floats:
    """(frames + 1, joints): norms, of four frames before the first on."""
    nobody = np.full((len(skeleton.JOINTS), 2), np.nan)
    track = np.stack([nobody] * 4 + [nobody if pose is None else _joints(pose) for pose in poses])
    return np.asarray(np.linalg.norm(np.diff(track, 3, axis=0), axis=2))


def mean_known(values: Iterable[float]) -> float:
    """Mean of those that are numbers; NaN where none is."""
    return _mean(np.array([value for value in values if not math.isnan(value)]))


def _mean(values: NDArray[np.floating] | NDArray[np.uint8]) -> float:
    return float(values.mean(dtype=np.float64)) if values.size else math.nan


def _apart(output: Frame, reference: Frame) -> Floats:
    """Absolute differences in grey levels."""
    _check_same(output, reference)
    return np.abs(output.astype(np.float64) - reference)


def _check_same(output: Frame, reference: Frame) -> None:
    if output.shape != reference.shape:
        raise ValueError(f"pictures of one size are compared, not {output.shape} with {reference.shape}")
