"""Teaching a network which part of the body each pixel shows.

It learns from rendered people, of whom it is known exactly, and is to serve for people who were filmed. So what it is shown is
changed at random each time: colours part by part, size, turn and side, sharpness, poses as noisy as detected ones, and pieces of
something else that a mask has taken for the person.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from core.conditioning.limb_fields import LABELS, Box, Points, limb_fields
from core.generators.segmentation import MOST_UNIT, SIDE, fitted, placed
from core.networks.segmenter import Segmenter
from core.pose import skeleton
from core.training.point_task import POSE_NOISE


def _other_side(name: str) -> str:
    left, right = "left", "right"
    return name.replace(left, right) if left in name else name.replace(right, left)


_SWAPPED: Final = np.array([0, 1, 2, 4, 3, 6, 5, 7], np.uint8)
"""The label of each in a mirrored picture."""
_MIDDLES: Final = (33, 34, 35, 37, 36, 38)
_MIRRORED: Final = np.array([*(skeleton.NAMES.index(_other_side(name)) for name in skeleton.NAMES), *_MIDDLES])
"""The point of :func:`core.conditioning.limb_fields.points_on` that each is in a mirrored picture."""
_WORTH: Final = (0.5, 1.0, 1.0, 2.0, 2.0, 1.0, 1.0, 1.0)
"""What an error costs for each label: arms are thin."""
_NOBODY: Final = 0.05
"""The same where the mask shows nobody."""
_TURN, _SIZES, _SHIFT = 20.0, (0.72, 1.08), 14.0
"""Degrees, factors and pixels by which what is shown is turned, resized and shifted at most."""


Batch: TypeAlias = tuple[Tensor, Tensor, Tensor]
"""Pictures (B, SIDE, SIDE, 4) uint8, fields, and labels (B, SIDE, SIDE) int64."""


@dataclass(frozen=True)
class LabelledPeople:
    """Pictures of people, and what each pixel shows.

    Attributes:
        pictures: (N, side, side, 4) uint8, colours times mask, and mask.
        labels: (N, side, side) uint8, see :data:`core.conditioning.limb_fields.LABELS`.
        points: (N, 39, 4) float32, of their poses, in those pixels.
        units: (N,) torso lengths in those pixels.
    """

    pictures: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    points: NDArray[np.float32]
    units: NDArray[np.float32]


def labelled(
    picture: NDArray[np.uint8], labels: NDArray[np.uint8], points: Points, unit: float
) -> LabelledPeople | None:
    """One picture of a person, cut out and resized as it is served; None where nobody is in it."""
    matrix = fitted(picture[..., 3], unit)
    if matrix is None:
        return None
    size = (SIDE, SIDE)
    own, unit = placed(points, matrix), unit * float(matrix[0, 0])
    soft = picture if matrix[0, 0] >= 1 else cv2.GaussianBlur(picture, (0, 0), 0.45 / matrix[0, 0])
    cut = cv2.warpAffine(soft, matrix, size, flags=cv2.INTER_LINEAR)
    names = cv2.warpAffine(labels, matrix, size, flags=cv2.INTER_NEAREST)
    return LabelledPeople(
        np.asarray(cut, np.uint8)[None], np.asarray(names, np.uint8)[None], own[None], np.array([unit], np.float32)
    )


def joined(people: list[LabelledPeople]) -> LabelledPeople:
    """All of them in one."""
    return LabelledPeople(
        *(np.concatenate([getattr(of, name) for of in people]) for name in LabelledPeople.__dataclass_fields__)
    )


def varied(
    people: LabelledPeople, i: int, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.uint8]]:
    """Picture (SIDE, SIDE, 4), fields and labels (SIDE, SIDE) of one of them, changed at random."""
    picture, labels, points, unit = people.pictures[i], people.labels[i], people.points[i], float(people.units[i])
    if rng.random() < 0.5:
        picture, labels = picture[:, ::-1], _SWAPPED[labels[:, ::-1]]
        points = points[_MIRRORED] * np.array([-1, 1, 1, 1], np.float32)
        points[:, 0] += SIDE - 1
    size = min(rng.uniform(*_SIZES), MOST_UNIT * _SIZES[1] / unit)
    middle = (SIDE - 1) / 2
    matrix = cv2.getRotationMatrix2D((middle, middle), rng.uniform(-_TURN, _TURN) * (rng.random() < 0.5), size)
    matrix[:, 2] += rng.uniform(-_SHIFT, _SHIFT, 2)
    picture = _recoloured(np.ascontiguousarray(picture), labels, rng)
    picture = cv2.warpAffine(picture, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR)
    labels = cv2.warpAffine(np.ascontiguousarray(labels), matrix, (SIDE, SIDE), flags=cv2.INTER_NEAREST)
    points = placed(points, matrix)
    unit *= float(size)
    points[:33, :3] += rng.normal(0, POSE_NOISE * unit, (33, 3)) * (1, 1, 2)
    picture, labels = _with_something_else(np.asarray(picture, np.uint8), np.asarray(labels, np.uint8), unit, rng)
    if rng.random() < 0.5:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 1.5)), np.uint8)
    return picture, limb_fields(points, unit, Box(0, 0, SIDE, SIDE)), labels


def _recoloured(picture: NDArray[np.uint8], labels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """The same with other colours: each part brighter, darker and tinted by itself, both of a pair alike."""
    cover = picture[..., 3:].astype(np.float32)
    colours = picture[..., :3].astype(np.float32)
    if rng.random() < 0.5:
        colours = colours[..., rng.permutation(3)]
    gains, lifts = np.ones((LABELS, 3), np.float32), np.zeros((LABELS, 3), np.float32)
    for together in ((1,), (2,), (3, 4), (5, 6), (7,)):
        if rng.random() < 0.6:
            gains[list(together)] = rng.uniform(0.3, 1.3) * rng.uniform(0.75, 1.25, 3)
            lifts[list(together)] = rng.uniform(-0.05, 0.35) * rng.uniform(0.5, 1, 3)
    # a skirt as the shirt or as the trousers, arms as the shirt: no edge between them
    colours = colours * gains[labels] + lifts[labels] * cover
    colours = (colours - 0.4 * cover) * rng.uniform(0.6, 1.2) + 0.4 * cover * rng.uniform(0.6, 1.3)
    colours += rng.normal(0, rng.uniform(0, 6), colours.shape).astype(np.float32) * (cover / 255)
    return np.concatenate([colours.clip(0, cover), cover], 2).astype(np.uint8)


def _with_something_else(
    picture: NDArray[np.uint8], labels: NDArray[np.uint8], unit: float, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The same with pieces that masks take for the person beside them, or miss of them."""
    for _ in range(int(rng.integers(0, 4))):
        edge = np.argwhere(cv2.Canny(picture[..., 3], 50, 150) > 0)
        if not len(edge):
            break
        y, x = edge[rng.integers(len(edge))].tolist()
        axes = (rng.uniform(0.05, 0.25, 2) * unit).astype(int) + 1
        spot = np.zeros(labels.shape, np.uint8)
        cv2.ellipse(spot, (x, y), axes.tolist(), float(rng.uniform(0, 180)), 0, 360, 255, cv2.FILLED, cv2.LINE_AA)
        if rng.random() < 0.3:
            picture = np.asarray(cv2.multiply(picture, cv2.merge([255 - spot] * 4), scale=1 / 255), np.uint8)
            continue
        beside = cv2.min(spot, 255 - picture[..., 3])
        colour = rng.integers(0, 256, 3)
        piece = np.concatenate([beside[..., None] / 255 * colour, beside[..., None]], 2).astype(np.uint8)
        picture = cv2.add(picture, piece)
    return picture, labels


class LabelTask:
    """Loss of a :class:`core.networks.segmenter.Segmenter`."""

    def __init__(self, people: LabelledPeople) -> None:
        self._people = people
        self._worth = torch.tensor(_WORTH)

    def batch(self, chosen: NDArray[np.int64], rng: np.random.Generator) -> Batch:
        """Pictures, fields and labels of some people, changed at random."""
        every = [varied(self._people, int(i), rng) for i in chosen]
        pictures, fields, labels = (torch.from_numpy(np.stack(kind)) for kind in zip(*every, strict=True))
        return pictures, fields, labels.long()

    def loss(self, network: Segmenter, batch: Batch) -> Tensor:
        """Cross entropy over the pixels of the person, and a little of it elsewhere."""
        pictures, fields, labels = batch
        apart = functional.cross_entropy(
            network.logits(pictures, fields).float(), labels, self._worth, reduction="none"
        )
        weight = torch.where(pictures[..., 3] > 0, 1.0, _NOBODY)
        return (apart * weight).sum() / weight.sum()


@torch.no_grad()
def shares_right(network: nn.Module, people: LabelledPeople) -> NDArray[np.float64]:
    """(LABELS,): intersection over union of each label, where masks show somebody."""
    both, either = np.zeros(LABELS), np.zeros(LABELS)
    for i in range(len(people.pictures)):
        fields = limb_fields(people.points[i], float(people.units[i]), Box(0, 0, SIDE, SIDE))
        found = (
            network(torch.from_numpy(people.pictures[i : i + 1]), torch.from_numpy(fields[None]))[0].argmax(0).numpy()
        )
        here = people.pictures[i, ..., 3] > 127
        for label in range(LABELS):
            said, true = (found == label) & here, (people.labels[i] == label) & here
            both[label] += (said & true).sum()
            either[label] += (said | true).sum()
    return np.asarray(both / np.maximum(either, 1), np.float64)
