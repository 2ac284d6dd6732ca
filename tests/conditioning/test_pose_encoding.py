from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from core.conditioning import pose_encoding
from core.pipeline import performer_statistics
from core.pose import skeleton
from core.rendering.canvas import Canvas
from core.targets.extent import fit_canvas
from core.targets.split import split_of
from core.targets.store import load_target
from core.types import Pose
from tests.bodies import moved, standing
from tests.puppets import TORSO, dance


def canvas_of(**changes: Any) -> Canvas:
    whole = {"width": 64, "height": 48, "scale": 2.77, "left": -80.0, "top": -60.0}
    return Canvas.model_validate(whole | changes)


@pytest.mark.parametrize("scale", [0.6, 1.0, 2.77])
def test_points_lie_where_the_matrix_puts_their_pixels(scale: float) -> None:
    canvas, pose = canvas_of(scale=scale), dance(5)[4]
    points = pose_encoding.canvas_points(canvas, pose, TORSO)
    assert points.shape == (48, 64, 2)
    hips = pose.xy[list(skeleton.HIPS)].mean(0)
    matrix = canvas.matrix(pose)
    for row, column in ((0, 0), (47, 63), (10, 31)):
        pixel = matrix @ (column, row, 1)
        # landmarks count from the corner of the first pixel, pixels from its middle
        np.testing.assert_allclose(points[row, column] * TORSO + hips, pixel + 0.5, atol=2e-3)


@pytest.mark.parametrize("step", [2, 4])
def test_a_coarse_point_is_the_middle_of_its_square(step: int) -> None:
    canvas, pose = canvas_of(), dance(1)[0]
    fine = pose_encoding.canvas_points(canvas, pose, TORSO)
    coarse = pose_encoding.canvas_points(canvas, pose, TORSO, step)
    assert coarse.shape == (48 // step, 64 // step, 2)
    means = fine.reshape(48 // step, step, 64 // step, step, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(coarse, means, atol=1e-4)


def test_the_person_alone_is_the_same_anywhere_on_the_stage() -> None:
    canvas, pose = canvas_of(), standing()
    there = moved(pose, 37.25, -12.5)
    told = [pose_encoding.encode(p.landmarks, 80.0) for p in (pose, there)]
    assert told[0].shape == (26,)
    np.testing.assert_allclose(told[0], told[1], atol=1e-5)
    points = [pose_encoding.canvas_points(canvas, p, 80.0) for p in (pose, there)]
    np.testing.assert_array_equal(points[0], points[1])
    near = [pose_encoding.around_person(canvas, p, 80.0) for p in (pose, moved(pose, 64, -16))]
    np.testing.assert_array_equal(near[0], near[1])


def test_many_poses_at_once_are_each_alone() -> None:
    many = np.stack([pose.landmarks for pose in dance(6)])
    told = pose_encoding.encode(many, TORSO)
    assert told.shape == (6, 26)
    for row, pose in zip(told, many, strict=True):
        np.testing.assert_allclose(row, pose_encoding.encode(pose, TORSO), rtol=1e-6)


def test_a_canvas_far_from_the_person_holds_nothing_of_them() -> None:
    assert pose_encoding.around_person(canvas_of(left=9e4), standing(), 80.0).sum() == 0


@pytest.mark.parametrize("name", ["mira", "theo"])
def test_the_region_that_is_asked_holds_the_person(name: str) -> None:
    """What lies outside is never drawn."""
    with load_target(name) as target:
        unit = performer_statistics(target).near[1]
        canvas = fit_canvas(_some(target), 192, unit)
        assert max(canvas.width, canvas.height) == 192
        shares, asked = [], []
        for i in np.flatnonzero(target.found)[7::61]:
            pose = Pose(np.array(target.poses[i]))
            mask = canvas.cut(target.masks[int(i)], pose)
            near = pose_encoding.around_person(canvas, pose, unit)
            shares.append(mask[near].sum(dtype=float) / max(mask.sum(dtype=float), 1))
            asked.append(near.mean())
    assert len(shares) > 15
    assert min(shares) >= 0.97, min(shares)
    assert float(np.mean(shares)) >= 0.995, shares
    assert float(np.mean(asked)) < 0.5, "and it spares most of the canvas"


def _some(target: Any) -> Any:
    """A performer of whom every twentieth frame is known: decoding all takes seconds."""
    from core.targets.split import Subset

    kept = np.zeros(target.manifest.frames, np.bool_)
    kept[::20] = True
    return Subset(target, kept & split_of(target, "all").train)


TRUNK_FRONT, TRUNK_BACK, FACE, LEFT_ARM, RIGHT_ARM, LEFT_LEG, RIGHT_LEG, ACROSS, ALONG = range(pose_encoding.STICKS)
ARM = {"left": (11, 13, 15, 17, 19, 21), "right": (12, 14, 16, 18, 20, 22)}


def stage_canvas(pose: Pose, *, left: float = 0.0, top: float = 0.0, **changes: Any) -> Canvas:
    """Pixel for pixel of the puppet's stage from ``left`` and ``top`` of it, wherever ``pose`` has its hips."""
    x, y = pose.xy[list(skeleton.HIPS)].mean(0).astype(np.float64)
    whole = {"width": 128, "height": 128, "scale": 1.0, "left": left - x, "top": top - y}
    return Canvas.model_validate(whole | changes)


def sticks_of(pose: Pose, **changes: Any) -> NDArray[np.int64]:
    """The stick image on ``stage_canvas``, in numbers that can be subtracted."""
    return pose_encoding.stick_image(stage_canvas(pose, **changes), pose, TORSO).astype(np.int64)


CLOSE: dict[str, Any] = {"width": 512, "height": 512, "scale": 0.25}
"""So near that sticks are several pixels wide, and have a middle of one brightness."""


def deep(pose: Pose, **depths: float) -> Pose:
    """The pose with z of ``joint_N`` in torso lengths."""
    landmarks = pose.landmarks.copy()
    for name, z in depths.items():
        landmarks[int(name.removeprefix("joint_")), 2] = z * TORSO
    return Pose(landmarks)


def placed(pose: Pose, places: dict[int, tuple[float, float]]) -> Pose:
    landmarks = pose.landmarks.copy()
    for joint, xy in places.items():
        landmarks[joint, :2] = xy
    return Pose(landmarks)


def centre(picture: NDArray[Any]) -> NDArray[np.float64]:
    """x and y of the centre of brightness, in pixels."""
    rows, columns = np.indices(picture.shape)
    return np.asarray([(picture * columns).sum(), (picture * rows).sum()] / picture.sum())


@pytest.mark.parametrize(("width", "height"), [(64, 48), (128, 256)])
def test_a_stick_image_is_half_the_size_of_its_canvas(width: int, height: int) -> None:
    sticks = pose_encoding.stick_image(canvas_of(width=width, height=height), dance(1)[0], TORSO)
    assert sticks.shape == (9, height // 2, width // 2)
    assert sticks.dtype == np.uint8
    assert sticks.flags.c_contiguous


@pytest.mark.parametrize("scale", [0.6, 1.0, 2.3])
def test_sticks_lie_where_the_picture_has_its_limbs(scale: float) -> None:
    """A straight arm as a stick, against a picture of the same arm that is cut as pictures are."""
    canvas = canvas_of(width=128, height=128, scale=scale, left=-53.3, top=-71.2)
    pose = dance(5)[4]
    hand = (pose.xy[11] + (10.0, 22.0)).tolist()
    pose = placed(pose, dict.fromkeys((15, 17, 19, 21), hand) | {13: ((pose.xy[11] + hand) / 2).tolist()})
    picture = np.zeros((128, 128), np.uint8)
    # landmarks count from the corner of the first pixel, OpenCV from its middle
    ends = [np.rint((xy - 0.5) * 16).astype(int).tolist() for xy in (pose.xy[11], np.array(hand))]
    cv2.line(picture, ends[0], ends[1], 255, 3, cv2.LINE_AA, 4)
    seen = canvas.cut(picture, pose)
    told = pose_encoding.stick_image(canvas, pose, TORSO)[LEFT_ARM]
    larger = cv2.resize(told, (canvas.width, canvas.height), interpolation=cv2.INTER_NEAREST)
    off = centre(larger) - centre(seen)
    assert np.abs(off).max() < 2, off
    for x in np.linspace(0.15, 0.85, 8):
        # centre lines, and not only centres
        row = round(float(centre(seen)[1] + (x - 0.5) * 22 / scale))
        assert abs(centre(larger[row : row + 1])[0] - centre(seen[row : row + 1])[0]) < 2


@pytest.mark.parametrize(
    ("joints", "layer"),
    [
        (ARM["left"][1:], LEFT_ARM), (ARM["right"][1:], RIGHT_ARM), ((25, 27, 29, 31), LEFT_LEG),
        ((26, 28, 30, 32), RIGHT_LEG), ((0,), FACE), ((19,), LEFT_ARM), ((32,), RIGHT_LEG),
    ],
)  # fmt: skip
def test_each_limb_has_a_layer_of_its_own(joints: tuple[int, ...], layer: int) -> None:
    pose = dance(1)[0]
    change = np.abs(sticks_of(moved(pose, 5, -3, joints)) - sticks_of(pose)).max(axis=(1, 2))
    assert np.flatnonzero(change).tolist() == [layer]


def test_left_and_right_are_told_apart() -> None:
    """Somebody whose left is their right: the same lines, in the other layers."""
    pose = dance(9)[8]
    turned = pose.landmarks.copy()
    for left in range(11, 33, 2):
        turned[[left, left + 1]] = pose.landmarks[[left + 1, left]]
    here, there = sticks_of(pose), sticks_of(Pose(turned))
    np.testing.assert_array_equal(there[[RIGHT_ARM, LEFT_ARM, RIGHT_LEG, LEFT_LEG]], here[3:7])
    assert np.abs(here[LEFT_ARM] - here[RIGHT_ARM]).max() > 100


def test_a_nearer_limb_is_brighter() -> None:
    pose = dance(1)[0]
    depths = (-0.8, -0.2, 0.2, 0.8)
    bright = [int(sticks_of(deep(pose, joint_11=z, joint_13=z, joint_15=z))[LEFT_ARM].max()) for z in depths]
    assert bright == sorted(bright, reverse=True)
    assert len(set(bright)) == 4
    far = sticks_of(deep(pose, **{f"joint_{j}": 50 for j in ARM["left"]}))[LEFT_ARM]
    assert far.max() >= 60, "and is still seen far away"


@pytest.mark.parametrize("z", [-1.0, 1.0])
def test_a_nearer_part_hides_a_farther_one(z: float) -> None:
    """A forearm laid back over the upper arm, in front of it and behind it."""
    pose = dance(1)[0]
    shoulder = pose.xy[11].tolist()
    folded = placed(pose, dict.fromkeys((15, 17, 19, 21), shoulder))
    both = sticks_of(deep(folded, joint_15=z), **CLOSE)[LEFT_ARM]
    x, y = (pose.xy[11] + pose.xy[13]).round().astype(int)
    upper = int(sticks_of(pose, **CLOSE)[LEFT_ARM, y, x])
    assert upper > 60
    assert (both[y, x] > upper + 20) if z < 0 else (both[y, x] == upper)
    assert sticks_of(deep(folded, joint_15=1.0, joint_13=1.5), **CLOSE)[LEFT_ARM, y, x] < upper - 20, (
        "and are told apart"
    )


def test_places_on_the_trunk_are_told() -> None:
    """Brighter to the person's right and to their shoulders, however they stand, and only on the trunk."""
    upright = dance(1)[0]
    turned = upright.landmarks.copy()
    middle = upright.xy[[11, 12, 23, 24]].mean(0)
    turned[:, :2] = (upright.xy - middle) @ np.array([[0.0, 1.0], [-1.0, 0.0]], np.float32) + middle
    for pose in (upright, Pose(turned)):
        sticks = sticks_of(pose).astype(int)
        trunk = np.maximum(sticks[TRUNK_FRONT], sticks[TRUNK_BACK]) > 0
        assert trunk.any()
        assert not sticks[[ACROSS, ALONG]][:, ~trunk].any()
        assert sticks[[ACROSS, ALONG]][:, trunk].min() >= 30
        rows, columns = np.nonzero(trunk)
        places = np.column_stack([columns, rows])
        right = pose.xy[[12, 24]].mean(0) - pose.xy[[11, 23]].mean(0)
        up = pose.xy[[11, 12]].mean(0) - pose.xy[[23, 24]].mean(0)
        for layer, way in ((ACROSS, right), (ALONG, up)):
            assert np.corrcoef(sticks[layer][trunk], places @ way)[0, 1] > 0.98


def test_a_trunk_outside_of_the_picture_is_no_failure() -> None:
    pose = moved(dance(1)[0], 5000, -5000)
    assert not sticks_of(pose).any()


def test_front_and_back_of_the_trunk_are_two_layers() -> None:
    pose = dance(1)[0]
    away = pose.landmarks.copy()
    away[[11, 12, 23, 24]] = pose.landmarks[[12, 11, 24, 23]]
    front, back = sticks_of(pose), sticks_of(Pose(away))
    assert front[TRUNK_FRONT].max() > 200
    assert front[TRUNK_BACK].max() < 20
    assert back[TRUNK_FRONT].max() < 20
    assert back[TRUNK_BACK].max() > 200
    middle = float(pose.xy[[11, 12], 0].mean())
    aside = placed(pose, {j: (middle, float(pose.xy[j, 1])) for j in (11, 12)})
    levels = sticks_of(aside)[: TRUNK_BACK + 1].max(axis=(1, 2))
    np.testing.assert_allclose(levels, 128, atol=15, err_msg="seen from the side it is half of each")


def test_the_head_tells_where_it_looks() -> None:
    pose = dance(1)[0]
    ahead, behind = deep(pose, joint_0=-0.3), deep(pose, joint_0=0.3)
    assert sticks_of(ahead, **CLOSE)[FACE].max() > sticks_of(behind, **CLOSE)[FACE].max() + 40
    left, right = (sticks_of(moved(ahead, dx, 0, (0,)), **CLOSE)[FACE] for dx in (-6, 6))
    brightest = [centre(np.where(face == face.max(), 1, 0))[0] for face in (left, right)]
    assert brightest[1] - brightest[0] > 6


@pytest.mark.parametrize("step", [(0.5, 0.0), (0.0, 0.5), (-0.5, 0.5)])
def test_half_a_pixel_is_seen(step: tuple[float, float]) -> None:
    pose = dance(1)[0]
    here, there = sticks_of(pose), sticks_of(moved(pose, *step))
    for layer in (TRUNK_FRONT, FACE, LEFT_ARM, RIGHT_ARM, LEFT_LEG, RIGHT_LEG):
        shift = 2 * (centre(there[layer]) - centre(here[layer]))
        np.testing.assert_allclose(shift, step, atol=0.25)


def test_what_goes_beyond_the_canvas_is_cut_off_there() -> None:
    """A small canvas shows what a large one shows in the same place."""
    pose = dance(1)[0]
    whole = sticks_of(pose)
    for left, top in ((32, 32), (16, 64), (64, 0)):
        part = sticks_of(pose, width=48, height=48, left=float(left), top=float(top))
        expected = whole[:, top // 2 : top // 2 + 24, left // 2 : left // 2 + 24]
        assert expected.max() > 100
        # OpenCV shortens a line before it draws it
        assert np.abs(part - expected).mean() < 1
        empty = cv2.dilate((expected.max(0) > 0).astype(np.uint8), np.ones((3, 3), np.uint8)) == 0
        assert part[:, empty].max(initial=0) == 0, "and nothing where the large one has nothing"


@pytest.mark.parametrize("away", [(300, 0), (-300, 0), (0, 400), (8e4, -8e4)])
def test_somebody_beside_the_canvas_is_not_drawn(away: tuple[float, float]) -> None:
    assert sticks_of(moved(dance(1)[0], *away)).max() == 0


def test_the_sticks_of_a_person_are_the_same_anywhere_on_the_stage() -> None:
    pose, canvas = dance(1)[0], canvas_of(width=128, height=128, scale=1.0, left=-64.0, top=-64.0)
    here, there = (pose_encoding.stick_image(canvas, p, TORSO) for p in (pose, moved(pose, 16, -32)))
    np.testing.assert_array_equal(here, there)
    assert np.abs(sticks_of(pose) - sticks_of(moved(pose, 16, -32))).max() > 100
