from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import reduce
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from core.conditioning.limb_fields import Box, points_on
from core.generators.realtime import exemplar_bank_of
from core.generators.registry import create_generator
from core.rendering.canvas import Canvas
from core.targets.frame_store import FootageWriter
from core.targets.manifest import MANIFEST, Manifest, file_entry
from core.targets.matte import body_shape
from core.targets.pose_file import save_poses
from core.targets.store import load_target
from core.types import Alpha, Frame, Pose
from core.warping.limb_warp import bend
from core.warping.outline import STANDARD, Outline, level_points, measure_outline
from core.warping.part_warp import snapshot, warp_parts
from tests.bodies import moved, standing
from tests.puppets import small_realtime_config, taken

UNIT = 80.0
SIZE = (480, 420)
STILL = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
CANVAS = Canvas(width=416, height=480, scale=1.0, left=-208.0, top=-260.0)
WHOLE = Box(0, 0, CANVAS.width, CANVAS.height)
LEFT_LEG, RIGHT_LEG = (25, 27, 29, 31), (26, 28, 30, 32)
CLOTH, BODY, STAGE = (200, 30, 160), (40, 90, 60), 235


def apart(pixels: float) -> Pose:
    """Somebody whose knees are that far to either side of where they stand, and their feet twice as far; arms held away."""
    pose = standing(x=210, floor=440)
    for side, knee, foot, arm in (
        (1, 25, LEFT_LEG[1:], (13, 15, 17, 19, 21)),
        (-1, 26, RIGHT_LEG[1:], (14, 16, 18, 20, 22)),
    ):
        pose = moved(pose, dx=side * pixels, joints=(knee,))
        pose = moved(pose, dx=side * 2 * pixels, joints=foot)
        pose = moved(pose, dx=side * 50, joints=arm)
    return pose


def xy(pose: Pose) -> NDArray[np.complex128]:
    return pose.xy[:, 0] + 1j * pose.xy[:, 1].astype(np.float64)


def skirt(pose: Pose, hem: float) -> Alpha:
    """Where somebody wears a skirt down to that level of their legs."""
    left, right = level_points(xy(pose), hem)
    hips = xy(pose)[[23, 24]]
    flare = 0.28 * UNIT
    corners = [hips[0] + 0.2 * UNIT, left + flare, right - flare, hips[1] - 0.2 * UNIT]
    shape = np.zeros(SIZE, np.uint8)
    cv2.fillConvexPoly(shape, np.array([(c.real, c.imag) for c in corners]).round().astype(np.int32), 255)
    return shape


def worn(pose: Pose, hem: float) -> tuple[Frame, Alpha]:
    """A picture of them, and their mask; a hem of 0 is trousers."""
    mask = body_shape(SIZE, pose)
    frame = np.full((*SIZE, 3), BODY, np.uint8)
    if hem:
        cloth = skirt(pose, hem)
        mask = np.maximum(mask, cloth)
        frame[cloth > 0] = CLOTH
    return frame, mask


def footage(hem: float, spread: Sequence[float] = tuple(range(0, 60, 2))) -> tuple[NDArray[np.float32], list[Alpha]]:
    poses = [apart(pixels) for pixels in spread]
    return np.stack([pose.landmarks for pose in poses]), [worn(pose, hem)[1] for pose in poses]


def between(pose: Pose, hem: float) -> NDArray[np.bool_]:
    """The middle between two legs, from the crotch to a little above the hem."""
    levels = [level_points(xy(pose), level) for level in np.linspace(0.35, hem - 0.2, 12)]
    shape = np.zeros(SIZE, np.uint8)
    for left, right in levels:
        ends = [left + (right - left) * share for share in (0.25, 0.75)]
        a, b = ([round(end.real), round(end.imag)] for end in ends)
        cv2.line(shape, a, b, 255, 3)
    return shape > 0


def bent(own: Pose, asked: Pose, hem: float, outline: Outline) -> Alpha:
    frame, mask = worn(own, hem)
    result = bend(frame, mask, own.landmarks, asked.landmarks, STILL, UNIT, outline=outline)
    assert result is not None
    alpha = np.zeros(SIZE, np.uint8)
    alpha[result.box] = result.alpha
    return alpha


def put_together(own: Pose, asked: Pose, hem: float, outline: Outline) -> NDArray[np.float64]:
    """(height, width, 4) of the canvas of the asked pose: all parts of one picture, laid over each other."""
    frame, mask = worn(own, hem)
    image = CANVAS.cut(np.dstack([cv2.bitwise_and(frame, frame, mask=mask), mask]), own)
    picture = snapshot(image, points_on(CANVAS, own), UNIT, outline)
    layers = warp_parts(points_on(CANVAS, asked), UNIT, [picture] * 6, WHOLE, outline)
    return reduce(lambda under, over: under * (1 - over[..., 3:] / 255) + over, layers.astype(float))


def test_trousers_hang_between_no_legs() -> None:
    found = measure_outline(*footage(0), UNIT)
    assert found.hem == 0
    assert all(found.wider(bone) == 1 for bone in ("trunk", "upper_arm", "forearm", "thigh", "shin"))


@pytest.mark.parametrize("hem", [0.7, 0.9, 1.3, 1.7])
def test_the_hem_of_a_skirt_is_found(hem: float) -> None:
    assert measure_outline(*footage(hem), UNIT).hem == pytest.approx(hem, abs=0.16)


def test_a_few_frames_in_which_something_else_is_between_the_legs_make_no_skirt() -> None:
    poses, masks = footage(0)
    for i in (24, 27, 29):
        masks[i] = np.maximum(masks[i], skirt(Pose(poses[i]), 1.5))
    assert measure_outline(poses, masks, UNIT).hem == 0


def test_wide_trousers_in_a_narrow_stance_are_no_skirt() -> None:
    poses, masks = footage(0, spread=tuple(np.linspace(0, 5, 30)))
    for pose, mask in zip(poses, masks, strict=True):
        for knee, ankle in ((25, 27), (26, 28)):
            ends = pose[[knee, ankle], :2].round().astype(int).tolist()
            cv2.line(mask, ends[0], ends[1], 255, 34)
    assert measure_outline(poses, masks, UNIT).hem == 0


@pytest.mark.parametrize("hem", [0.6, 0.95, 1.0, 1.05, 1.95, 2.0])
@pytest.mark.parametrize("spread", [0.0, 1e-4, 5000.0])
def test_strange_landmarks_tear_no_skirt_and_raise_nothing(hem: float, spread: float) -> None:
    own, outline = apart(20), Outline(hem=hem, thigh=0.5, shin=0.5, forearm=0.4)
    frame, mask = worn(own, hem)
    odd = own.landmarks.copy()
    odd[:, :3] = np.array([210, 240, 0]) + np.random.default_rng(2).normal(0, spread, (33, 3))
    for pair in ((own.landmarks, odd), (odd, own.landmarks), (odd, odd)):
        result = bend(frame, mask, *pair, STILL, UNIT, outline=outline)
        assert result is None or np.isfinite(result.image).all()
        first, second = (points_on(CANVAS, Pose(landmarks)) for landmarks in pair)
        image = CANVAS.cut(np.dstack([frame, mask]), own)
        picture = snapshot(image, first, UNIT, outline)
        assert warp_parts(second, UNIT, [picture] * 6, WHOLE, outline).shape == (3, CANVAS.height, CANVAS.width, 4)


@pytest.mark.parametrize("hem", [0.95, 1.0, 1.05, 2.0])
def test_in_their_own_pose_nothing_of_a_skirt_is_lost(hem: float) -> None:
    own, outline = apart(25), Outline(hem=hem, thigh=0.3, shin=0.3)
    mask = worn(own, hem)[1] > 0
    alpha, made = bent(own, own, hem, outline), put_together(own, own, hem, outline)
    assert (alpha[mask] > 128).mean() > 0.985
    assert not alpha[~mask].any()
    here = CANVAS.cut(mask.astype(np.uint8), own) > 0
    assert (made[here][:, 3] > 128).mean() > 0.985


def test_wide_sleeves_are_wide() -> None:
    poses, masks = footage(0)
    for pose, mask in zip(poses, masks, strict=True):
        for elbow, wrist in ((13, 15), (14, 16)):
            ends = (pose[[elbow, wrist], :2] + (0, 4)).round().astype(int).tolist()
            cv2.line(mask, ends[0], ends[1], 255, 44)
    found = measure_outline(poses, masks, UNIT)
    assert found.wider("forearm") > 1.4
    assert found.wider("thigh") == found.wider("trunk") == 1


def test_where_nobody_is_or_nothing_is_told_the_body_is_a_standard_one() -> None:
    poses, masks = footage(0)
    assert measure_outline(np.full_like(poses, np.nan), masks, UNIT) == STANDARD
    assert measure_outline(poses[:0], [], UNIT) == STANDARD
    unseen = poses.copy()
    unseen[..., 3] = 0.1
    assert measure_outline(unseen, masks, UNIT) == STANDARD
    outside = poses.copy()
    outside[..., :2] += 1e6
    assert measure_outline(outside, masks, UNIT) == STANDARD
    assert measure_outline(poses, [np.zeros_like(mask) for mask in masks], UNIT) == STANDARD


@pytest.mark.parametrize("value", [-0.1, 2.1, float("nan"), float("inf")])
def test_a_hem_is_on_a_leg(value: float) -> None:
    with pytest.raises(ValidationError):
        Outline(hem=value)


@pytest.mark.parametrize("hem", [0.9, 1.5])
def test_a_skirt_is_not_split_where_legs_part(hem: float) -> None:
    """By either way of warping; cut like trousers, the same picture shows the stage between the legs."""
    own, asked = apart(8), apart(45)
    outline = measure_outline(*footage(hem), UNIT)
    middle = between(asked, hem)
    assert (bent(own, asked, hem, outline)[middle] > 240).all()
    here = CANVAS.cut(middle.astype(np.uint8), asked) > 0
    made = put_together(own, asked, hem, outline)
    assert (made[here][:, 3] > 240).all()
    np.testing.assert_allclose(made[here][:, :3].mean(0), CLOTH, atol=12)
    assert (bent(own, asked, hem, STANDARD)[middle] < 128).any()
    assert (put_together(own, asked, hem, STANDARD)[here][:, 3] < 128).any()


@pytest.mark.parametrize("hem", [0.9, 1.5])
def test_legs_come_out_below_a_hem(hem: float) -> None:
    own, asked = apart(8), apart(40)
    outline = measure_outline(*footage(hem), UNIT)
    alpha, made = bent(own, asked, hem, outline), put_together(own, asked, hem, outline)
    on_canvas = points_on(CANVAS, asked)
    for ankle in (27, 28):
        x, y = asked.xy[ankle].round().astype(int)
        assert alpha[y, x] > 240
        x, y = on_canvas[ankle, :2].round().astype(int)
        np.testing.assert_allclose(made[y, x], (*BODY, 255), atol=12)
    x, y = asked.xy[[27, 28]].mean(0).round().astype(int)
    assert alpha[y, x] == 0, "and the stage between the feet"


def test_cloth_over_crossed_legs_is_not_turned_inside_out() -> None:
    own, hem = apart(12), 1.6
    asked = moved(moved(own, dx=-75, joints=LEFT_LEG[1:]), dx=75, joints=RIGHT_LEG[1:])
    frame, mask = worn(own, hem)
    frame[:, :210][frame[:, :210, 0] == CLOTH[0]] = (250, 250, 0)
    outline = measure_outline(*footage(hem), UNIT)
    result = bend(frame, mask, own.landmarks, asked.landmarks, STILL, UNIT, outline=outline)
    image = CANVAS.cut(np.dstack([cv2.bitwise_and(frame, frame, mask=mask), mask]), own)
    trunk = warp_parts(
        points_on(CANVAS, asked), UNIT, [snapshot(image, points_on(CANVAS, own), UNIT, outline)] * 6, WHOLE, outline
    )[0]
    assert result is not None
    for picture, left, top in ((result.image, result.box[1].start, result.box[0].start), (trunk[..., :3], 2, 0)):
        y, x = np.nonzero(np.abs(picture.astype(int) - (250, 250, 0)).max(-1) < 40)
        low = y + top > np.quantile(y + top, 0.7)
        assert (x[low] + left < 210 + 12).mean() > 0.97


def test_trousers_are_cut_as_ever() -> None:
    own, asked = apart(8), apart(45)
    measured = measure_outline(*footage(0), UNIT)
    assert (bent(own, asked, 0, measured) == bent(own, asked, 0, STANDARD)).all()
    assert (put_together(own, asked, 0, measured) == put_together(own, asked, 0, STANDARD)).all()


def performer(folder: Path, hem: float) -> Path:
    """Footage of them as a performer, whose legs hardly part."""
    poses = [apart(pixels) for pixels in np.linspace(0, 30, 24)]
    size = (SIZE[1], SIZE[0])
    folder.mkdir(parents=True)
    with (
        FootageWriter(folder / "frames.mp4", size, Fraction(8), crf=8) as frames,
        FootageWriter(folder / "masks.mp4", size, Fraction(8), masks=True, crf=8) as masks,
    ):
        for pose in poses:
            frame, mask = worn(pose, hem)
            frame[mask == 0] = STAGE
            frames.write(frame)
            masks.write(mask)
    save_poses(folder / "poses.npz", np.stack([pose.landmarks for pose in poses]), np.zeros(len(poses), np.int32))
    cv2.imwrite(str(folder / "plate.png"), np.full((*SIZE, 3), STAGE, np.uint8))
    roles = {"poses": "poses.npz", "frames": "frames.mp4", "masks": "masks.mp4", "plate": "plate.png"}
    manifest = Manifest.model_validate(
        {
            "id": folder.name, "name": "Skirt", "width": size[0], "height": size[1], "rate": Fraction(8), "frames": len(poses),
            "licence": "CC0", "files": {role: file_entry(folder / name, name) for role, name in roles.items()},
        }
    )  # fmt: skip
    (folder / MANIFEST).write_bytes(manifest.to_json())
    return folder


def test_nearest_and_realtime_keep_a_performers_skirt_whole(tmp_path: Path) -> None:
    performer(tmp_path / "skirt", 0.9)
    with load_target("skirt", tmp_path) as target:
        assert target.outline.hem == pytest.approx(0.9, abs=0.16)
        asked = apart(50)
        middle = between(asked, 0.9)
        picture = create_generator("nearest", target).generate(asked, 6)
        assert (picture.alpha[middle] > 200).all()
        assert np.abs(picture.image[middle].astype(int) - STAGE).min() > 30, "nothing of the stage"
        config = small_realtime_config().model_copy(
            update={"canvas": CANVAS, "unit": UNIT, "memory": (0, 6, 12), "outline": target.outline}
        )
        here = CANVAS.cut(middle.astype(np.uint8), asked) > 0
        for outline, whole in ((target.outline, True), (STANDARD, False)):
            memory = exemplar_bank_of(target, config.model_copy(update={"outline": outline}))
            seen = memory.seen(asked, taken(6), WHOLE)
            cover = np.zeros((CANVAS.height, CANVAS.width), np.uint8)
            cover[seen.box.rows, seen.box.columns] = seen.parts[..., 3].max(0)
            assert (cover[here] > 200).all() == whole
