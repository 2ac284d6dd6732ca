"""BlazePose, MediaPipe's pose networks, run by OpenVINO.

The two networks lie in ``weights/pose_landmarker_full.task``: a detector that finds people in a whole picture, and a landmark
network that finds 33 landmarks in the square region around one of them. What surrounds the networks follows MediaPipe's graphs
``pose_detector`` and ``pose_landmarks_detector`` (regions from alignment points, weighted non-maximum suppression, refinement
on the heat maps), without their filters over time. Bazarevsky et al., "BlazePose", 2020.

The landmarks' last layer is computed here, in float32: as OpenVINO's bfloat16 output a coordinate around 200 would be
rounded to whole pixels of the region.
"""

from __future__ import annotations

import math
import tempfile
import threading
import zipfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from core import paths
from core.errors import DanceError
from core.inference.openvino_core import Precision, openvino_core, silent_openvino, supported_precision
from core.pose.detection import require_model
from core.pose.tiles import Part
from core.types import LANDMARKS, Frame

STREAMS: Final = 2
"""How many pictures the landmark network looks at side by side, one thread each, however many streams are open."""

_DETECTOR: Final = "pose_detector.tflite"
_LANDMARKER: Final = "pose_landmarks_detector.tflite"
_DETECTOR_SIDE: Final = 224
_STRIDES: Final = (8, 16, 32, 32, 32)
_SIDE: Final = 256
_POINTS: Final = 35  # 33 landmarks and the 2 alignment points of the next region; the network has 4 more
_VALUES: Final = 4  # x, y, z, visibility; the network has one more
_ALL_VALUES: Final = 5
_ALIGNMENT: Final = slice(33, 35)
_HEAT_SIDE: Final = 64
_HEAT_RADIUS: Final = 3

_SURE: Final = 0.5
_OVERLAP: Final = 0.3
_REGION_SCALE: Final = 2.5
_SMALLEST_REGION: Final = 4.0

_Layer: TypeAlias = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Weight (out, inputs) and bias (out,)."""

_opening = threading.Lock()


@dataclass(frozen=True, slots=True)
class Region:
    """The square around one person that the landmark network looks at: centre (x, y) and side in pixels, angle in radians."""

    x: float
    y: float
    side: float
    angle: float

    @classmethod
    def around(cls, hips: NDArray[np.float32], end: NDArray[np.float32]) -> Region | None:
        """Return the region for a person whose hips' middle is ``hips`` and whose extent along the body ends at ``end``.

        Both are (2,) pixels. None where they span no region.
        """
        x, y, end_x, end_y = (float(value) for value in (*hips, *end))
        side = _REGION_SCALE * math.hypot(end_x - x, end_y - y)
        if not (math.isfinite(x + y + side) and side >= _SMALLEST_REGION):
            return None
        return cls(x, y, side, math.pi / 2 - math.atan2(y - end_y, end_x - x))

    def matrix(self) -> NDArray[np.float64]:
        """Return (2, 3), from pixels of the network's input to those of the picture."""
        scale = self.side / _SIDE
        c, s = scale * math.cos(self.angle), scale * math.sin(self.angle)
        half = _SIDE / 2
        return np.array([[c, -s, self.x - half * (c - s)], [s, c, self.y - half * (s + c)]])


@dataclass(frozen=True, slots=True)
class Found:
    """What the landmark network found in a region.

    Attributes:
        landmarks: (33, 4) float32: x, y, z in pixels of the picture, visibility in [0, 1].
        region: where to look in the next frame; None where that cannot be said.
        presence: how sure it is that somebody is there, in [0, 1].
        mask: (height, width) float32 in [0, 1], where asked for.
    """

    landmarks: NDArray[np.float32]
    region: Region | None
    presence: float
    mask: NDArray[np.float32] | None


class BlazePose:
    """The networks for one stream of pictures. Cheap to make: what is compiled is shared. Not for two threads at once.

    Args:
        masks: also give each person's segmentation, which costs half as much again.
        precision: what the landmark network is computed in, where the processor can.
        model: the bundle that holds both networks.

    Raises:
        WeightsMissing: the bundle is not where it belongs.
        DanceError: OpenVINO is not installed.
    """

    def __init__(self, *, masks: bool = False, precision: Precision = "bf16", model: Path = paths.POSE_MODEL) -> None:
        # one at a time: two threads that begin at once would compile everything twice
        with _opening:
            networks = _networks(model, precision, masks)
        self._detector = _Request(networks.detector)
        self._landmarker = _Request(networks.landmarker)
        self._head = networks.head

    def detect(self, image: Frame, most: int, *, part: Part | None = None, sure: float = _SURE) -> list[Region]:
        """Return the regions of up to ``most`` people in the picture, the surest first.

        Args:
            part: look there only, and so nearer; regions are in pixels of the whole picture all the same.
            sure: the least score, in [0, 1].
        """
        corner = np.zeros(2, np.float32) if part is None else np.array([part.x, part.y], np.float32)
        image = image if part is None else part.of(image)
        height, width = image.shape[:2]
        scale = _DETECTOR_SIDE / max(height, width)
        margin = np.array([_DETECTOR_SIDE - width * scale, _DETECTOR_SIDE - height * scale], np.float32) / 2
        matrix = np.array([[scale, 0, margin[0]], [0, scale, margin[1]]], np.float32)
        size = (_DETECTOR_SIDE, _DETECTOR_SIDE)
        cv2.warpAffine(image, matrix, size, dst=self._detector.picture, flags=cv2.INTER_LINEAR)
        raw, logits = (output[0] for output in self._detector.run())
        scores = _sigmoid(logits[:, 0])
        kept = scores >= sure
        if not kept.any():
            return []
        points = [(p - margin) / scale + corner for p in _suppressed(raw[kept], _anchors()[kept], scores[kept], most)]
        regions = [Region.around(alignment[0], alignment[1]) for alignment in points]
        return [region for region in regions if region is not None]

    def landmarks(self, image: Frame, region: Region) -> Found:
        """Return what is in that region of the picture."""
        matrix = region.matrix()
        cv2.warpAffine(
            image,
            matrix,
            (_SIDE, _SIDE),
            dst=self._landmarker.picture,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        features, heat, *segmentation = self._landmarker.run()
        values, presence = self._head.apply(features.ravel())
        refine_on_heat_maps(values, heat[0])
        xy = (values[:, :2] @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
        landmarks = np.empty((LANDMARKS, 4), np.float32)
        landmarks[:, :2] = xy[:LANDMARKS]
        landmarks[:, 2] = values[:LANDMARKS, 2] * (region.side / _SIDE)
        landmarks[:, 3] = _sigmoid(values[:LANDMARKS, 3])
        following = Region.around(*xy[_ALIGNMENT])
        # laid back into the picture; outside of the region nobody is
        size = (image.shape[1], image.shape[0])
        masks = [cv2.warpAffine(_sigmoid(logits[0, :, :, 0]), matrix, size) for logits in segmentation]
        return Found(landmarks, following, presence, np.asarray(masks[0], np.float32) if masks else None)


def refine_on_heat_maps(values: NDArray[np.float32], heat: NDArray[np.float32]) -> None:
    """Move each point to the centre of mass of its heat map around it, where that is sure; in place.

    Args:
        values: (n, 2 or more) float32, x and y first, in pixels of the network's input.
        heat: (64, 64, n or more) logits.
    """
    cells = (values[:, :2] * (_HEAT_SIDE / _SIDE)).astype(np.int64)
    chosen = np.nonzero(((cells >= 0) & (cells < _HEAT_SIDE)).all(axis=1))[0]
    around = np.arange(-_HEAT_RADIUS, _HEAT_RADIUS + 1)
    columns, rows = cells[chosen, 0, None] + around, cells[chosen, 1, None] + around
    inside = _within(rows)[:, :, None] & _within(columns)[:, None, :]
    last = _HEAT_SIDE - 1
    where = rows.clip(0, last)[:, :, None], columns.clip(0, last)[:, None, :], chosen[:, None, None]
    weights = np.where(inside, _sigmoid(heat[where]), 0)
    sure = weights.max(axis=(1, 2), initial=0) >= _SURE
    chosen, columns, rows, weights = chosen[sure], columns[sure], rows[sure], weights[sure]
    total = weights.sum(axis=(1, 2))
    cell = _SIDE / _HEAT_SIDE
    values[chosen, 0] = cell * (weights.sum(axis=1) * columns).sum(axis=1) / total
    values[chosen, 1] = cell * (weights.sum(axis=2) * rows).sum(axis=1) / total


def _within(cells: NDArray[np.int64]) -> NDArray[np.bool_]:
    return np.asarray((cells >= 0) & (cells < _HEAT_SIDE))


def _sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -80, 80))), np.float32)


def _suppressed(
    raw: NDArray[np.float32], anchors: NDArray[np.float32], scores: NDArray[np.float32], most: int
) -> list[NDArray[np.float32]]:
    """Return the alignment points (4, 2) of each person, in pixels of the detector's input.

    Weighted non-maximum suppression: what overlaps the surest one is averaged with it by score.

    Args:
        raw: (n, 12): centre and size of a box, four points, all relative to the anchor, in pixels.
        anchors: (n, 2) in shares of the input.
        scores: (n,) in [0, 1].
        most: how many people at most.
    """
    shift = anchors * _DETECTOR_SIDE
    centres, sizes = raw[:, :2] + shift, raw[:, 2:4]
    points = raw[:, 4:].reshape(-1, 4, 2) + shift[:, None]
    low, high, areas = centres - sizes / 2, centres + sizes / 2, sizes.prod(axis=1)
    people: list[NDArray[np.float32]] = []
    left = np.argsort(-scores)
    while len(left) and len(people) < most:
        best = left[0]
        shared = (np.minimum(high[best], high[left]) - np.maximum(low[best], low[left])).clip(0).prod(axis=1)
        same = shared > _OVERLAP * (areas[best] + areas[left] - shared)
        same[0] = True
        people.append(np.average(points[left[same]], axis=0, weights=scores[left[same]]))
        left = left[~same]
    return people


@lru_cache(maxsize=1)
def _anchors() -> NDArray[np.float32]:
    """Return (2254, 2), centres of the detector's anchors in shares of its input; layers of one stride share a grid."""
    grids = []
    for stride in dict.fromkeys(_STRIDES):
        count = _DETECTOR_SIDE // stride
        line = (np.arange(count) + 0.5) / count
        grid = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
        grids.append(np.repeat(grid, 2 * _STRIDES.count(stride), axis=0))
    return np.concatenate(grids).astype(np.float32)


# ---- the networks


@dataclass(frozen=True, slots=True)
class _Head:
    """The last layers that give points and presence: one matrix, (141, features), and what is added to its product."""

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]

    def apply(self, features: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
        """Return the (35, 4) values of the points and the presence in [0, 1]."""
        # by einsum: BLAS would share so small a product among threads that wait for each other
        out = np.einsum("of,f->o", self.weight, features) + self.bias
        return out[:-1].reshape(_POINTS, _VALUES), float(_sigmoid(out[-1:])[0])


class _Request:
    """One run at a time of a compiled network; ``picture`` (height, width, 3) uint8 is filled in before each."""

    def __init__(self, compiled: Any) -> None:
        given = np.zeros(tuple(compiled.input(0).shape), np.uint8)
        self.picture: Frame = given[0]
        self._request = compiled.create_infer_request()
        self._request.set_input_tensor(silent_openvino().Tensor(given, shared_memory=True))
        self._outputs = [self._request.get_output_tensor(i).data for i in range(len(compiled.outputs))]

    def run(self) -> list[NDArray[np.float32]]:
        """Compute, and return the outputs; the next run writes over them."""
        self._request.start_async()
        self._request.wait()
        return self._outputs


@dataclass(frozen=True, slots=True)
class _Networks:
    """Both networks, compiled."""

    detector: Any
    landmarker: Any
    head: _Head


@lru_cache(maxsize=4)
def _networks(model: Path, precision: Precision, masks: bool) -> _Networks:
    """Compile the networks of a bundle; a landmark network without masks is a third smaller."""
    require_model(model)
    try:
        openvino = silent_openvino()
    except ImportError as error:
        raise DanceError(
            "Finding people needs OpenVINO: run `make install`, or set DANCE_POSE_ENGINE=mediapipe."
        ) from error
    whole = _read(model, _LANDMARKER)
    points, presence = (_last_convolution(whole.outputs[i]) for i in range(2))
    outputs = [points.input(0).get_source_output(), whole.outputs[3], *([whole.outputs[2]] if masks else [])]
    head = _head(_constants(points), _constants(presence))
    landmarker = openvino.Model(outputs, whole.get_parameters(), "landmarks")
    return _Networks(_detector(model), _compiled(landmarker, 0.0, 255.0, precision, STREAMS), head)


def _head(points: _Layer, presence: _Layer) -> _Head:
    """Return the rows that are read, of both layers in one."""
    wanted = np.arange(len(points[1])).reshape(-1, _ALL_VALUES)[:_POINTS, :_VALUES].ravel()
    return _Head(*(np.concatenate([p[wanted], here]) for p, here in zip(points, presence, strict=True)))


@lru_cache(maxsize=4)
def _detector(model: Path) -> Any:
    return _compiled(_read(model, _DETECTOR), 127.5, 127.5, "bf16", 1)


def _read(bundle: Path, name: str) -> Any:
    """Read one network of the bundle; OpenVINO reads this format from a file of its own only."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, zipfile.ZipFile(bundle) as archive:
        return openvino_core().read_model(archive.extract(name, folder))


def _compiled(model: Any, mean: float, scale: float, precision: Precision, streams: int) -> Any:
    """Compile a network that takes a (1, height, width, 3) uint8 picture; each stream is one thread."""
    preprocess = silent_openvino().preprocess
    steps = preprocess.PrePostProcessor(model)
    steps.input(0).tensor().set_element_type(silent_openvino().Type.u8)
    steps.input(0).preprocess().convert_element_type(silent_openvino().Type.f32).mean(mean).scale(scale)
    options = {
        "INFERENCE_PRECISION_HINT": supported_precision(precision),
        "NUM_STREAMS": streams,
        "INFERENCE_NUM_THREADS": streams,
        # pinned to a core, a stream would wait for whatever else runs there
        "ENABLE_CPU_PINNING": False,
    }
    return openvino_core().compile_model(steps.build(), "CPU", options)


def _last_convolution(output: Any) -> Any:
    """Return the convolution that an output comes from."""
    node = output.get_node()
    while node.get_type_name() != "Convolution":
        node = node.input(0).get_source_output().get_node()
    return node


def _constants(convolution: Any) -> _Layer:
    """Return weight (out, inputs) and bias (out,) of a convolution that covers its whole input."""
    (added,) = (port.get_node() for port in convolution.output(0).get_target_inputs())
    sources = [convolution.input(1).get_source_output(), added.input(1).get_source_output()]
    folded = openvino_core().compile_model(
        silent_openvino().Model(sources, [], "constants"), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    weight, bias = (np.array(value, np.float32) for value in folded({}).values())
    return weight.reshape(len(weight), -1), bias.ravel()
