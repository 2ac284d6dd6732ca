from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from core.conditioning.limb_fields import FIELDS, LABELS, points_on
from core.generators.segmentation import SIDE
from core.networks.config import SegmenterConfig
from core.networks.segmenter import Segmenter
from core.training.labels import LabelledPeople, LabelTask, joined, labelled, shares_right, varied
from tests.bodies import standing
from tests.warping.test_cut import CANVAS, TORSO, hand_before_the_hip, painted


@pytest.fixture(scope="module")
def people() -> LabelledPeople:
    found = []
    for pose in (standing(), hand_before_the_hip()):
        points = points_on(CANVAS, pose)
        image, shares = painted(points)
        one = labelled(image, shares.argmax(0).astype(np.uint8), points, TORSO)
        assert one is not None
        found.append(one)
    return joined(found)


def test_a_person_is_shown_as_they_are_served(people: LabelledPeople) -> None:
    assert people.pictures.shape == (2, SIDE, SIDE, 4)
    for i in range(2):
        person = people.pictures[i, ..., 3] > 250
        assert person.any(axis=0).sum() < SIDE
        assert (people.labels[i][person] > 0).mean() > 0.98
        left_wrist = np.rint(people.points[i, 15, :2]).astype(int)
        assert people.labels[i, left_wrist[1], left_wrist[0]] == 3
    nobody = np.zeros((64, 64, 4), np.uint8)
    assert labelled(nobody, np.zeros((64, 64), np.uint8), people.points[0], 20.0) is None


def test_what_is_learnt_from_stays_true_however_it_is_changed(people: LabelledPeople) -> None:
    """Mirrored, turned, resized: a landmark lies on the part that it belongs to."""
    rng = np.random.default_rng(3)
    for _ in range(40):
        picture, fields, labels = varied(people, 0, rng)
        assert picture.shape == (SIDE, SIDE, 4)
        assert fields.shape == (FIELDS, SIDE // 8, SIDE // 8)
        assert (picture[..., :3] <= picture[..., 3:]).all(), "colours are times the mask"
        left, right = (np.argwhere(labels == label).mean(0) for label in (3, 4))
        # the left arm of who faces the camera is on the right of the picture, of their mirror image as well
        nearness = fields.reshape(-1, 6, *fields.shape[1:])[[1, 6], 0]
        for segment, middle in zip(nearness, (left, right), strict=True):
            cell = np.unravel_index(segment.argmax(), segment.shape)
            assert np.abs(np.array(cell) * 8 + 3.5 - middle).max() < 60
        assert left[1] > right[1]


def test_a_network_learns_to_tell_parts(people: LabelledPeople) -> None:
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    task = LabelTask(people)
    network = Segmenter(SegmenterConfig(widths=(8, 8, 8, 8, 8)))
    optimizer = torch.optim.Adam(network.parameters(), 5e-3)
    batch = task.batch(np.array([0, 1]), rng)
    losses = []
    for _ in range(12):
        loss = task.loss(network, batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.8 * losses[0]


class _Told(nn.Module):
    """Says what it is told to."""

    def __init__(self, answers: list[np.ndarray]) -> None:
        super().__init__()
        self._answers = iter(answers)

    def forward(self, picture: Tensor, fields: Tensor) -> Tensor:
        """See the class."""
        labels = torch.from_numpy(next(self._answers)).long()
        return nn.functional.one_hot(labels, LABELS).permute(2, 0, 1)[None].float()


def test_what_is_right_is_counted(people: LabelledPeople) -> None:
    labels = people.labels
    perfect = shares_right(_Told(list(labels)), people)
    np.testing.assert_allclose(perfect[1:7], 1)
    swapped = [np.choose(one, [0, 1, 2, 4, 3, 5, 6, 7]).astype(np.uint8) for one in labels]
    confused = shares_right(_Told(swapped), people)
    np.testing.assert_allclose(confused[[3, 4]], 0)
    np.testing.assert_allclose(confused[[1, 2, 5, 6]], 1)
