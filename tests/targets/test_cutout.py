from __future__ import annotations

import cv2
import numpy as np

from core.targets.camera import CameraTracker
from core.targets.cutout import Backdrop, Cutter, backdrop_for, moved
from core.targets.stage import Sample, Stage, find_stage
from core.targets.studio_backdrop import studio
from core.types import Alpha, Floor, Frame, Pose
from tests.targets.test_camera import SIZE, hand, room, seen

PLACE = room(3)


def person_at(x: float) -> tuple[Alpha, Pose]:
    mask = np.zeros(SIZE[::-1], np.uint8)
    cv2.ellipse(mask, (round(x), 130), (22, 80), 0, 0, 360, 255, -1, cv2.LINE_AA)
    landmarks = np.zeros((33, 4), np.float32)
    landmarks[:, :2] = (x, 130)
    landmarks[:11, 1] = 60
    landmarks[[11, 12], 1], landmarks[[23, 24], 1], landmarks[27:, 1] = 90, 140, 208
    landmarks[[11, 23], 0], landmarks[[12, 24], 0] = x + 15, x - 15
    landmarks[:, 3] = 1
    return mask, Pose(landmarks)


def film() -> tuple[list[tuple[Frame, Alpha, Pose]], Stage | None]:
    """Hand-held, letters burnt in, somebody walking across."""
    shots, camera = [], CameraTracker(SIZE)
    for i, step in enumerate(hand(60)):
        view, _ = seen(PLACE, **step)
        mask, pose = person_at(60 + 200 * i / 60)
        share = mask[..., None] / 255
        view = (view * (1 - share) + np.array([30, 30, 160]) * share).astype(np.uint8)
        cv2.putText(view, f"WORDS {i // 10}", (30, 225), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (255, 255, 255), 3)
        camera.add(view, mask)
        shots.append((view, mask, pose))
    return shots, find_stage([Sample(i, view, mask) for i, (view, mask, _) in enumerate(shots)], camera.path())


def test_nothing_but_the_person_moves_in_what_is_kept() -> None:
    shots, stage = film()
    assert stage is not None
    cutter = Cutter(stage, Backdrop(stage.picture, Floor(210, 210)))
    for i in (0, 25, 59):
        view, mask, pose = shots[i]
        there = moved(pose, stage.placed(i))
        cut = cutter.cut(cutter.bring(view, mask, i), there)
        away = cv2.dilate(cut.mask, np.ones((101, 101), np.uint8)) == 0
        assert away.mean() > 0.2
        apart = np.abs(cut.image[away].astype(int) - stage.picture[away])
        assert apart.mean() < 0.5, "letters and the wall's trembling are gone"
        assert np.percentile(apart, 99.5) < 25
        assert np.abs(cut.image[cut.mask == 255].mean(axis=0) - (30, 30, 160)).max() < 12
        x, y = there.xy[[23, 24]].mean(axis=0).astype(int)
        assert cut.mask[y, x] == 255


def test_where_nobody_is_the_stage_is_empty() -> None:
    shots, stage = film()
    assert stage is not None
    cutter = Cutter(stage, Backdrop(stage.picture, Floor(210, 210)))
    cut = cutter.cut(cutter.bring(*shots[3][:2], 3), None)
    assert np.array_equal(cut.image, stage.picture)
    assert cut.mask.max() == 0


def test_without_a_stage_the_person_stands_in_a_studio_with_a_shadow_under_the_feet() -> None:
    shots, _ = film()
    poses = [pose for _, _, pose in shots]
    backdrop = backdrop_for(None, None, SIZE, poses, [(view, mask) for view, mask, _ in shots])
    assert backdrop.picture.shape == (SIZE[1], SIZE[0], 3)
    assert abs(backdrop.floor.near - 208) < 3
    view, mask, pose = shots[30]
    cutter = Cutter(None, backdrop)
    cut = cutter.cut(cutter.bring(view, mask, 30), pose)
    assert np.array_equal(cut.image[:40], backdrop.picture[:40]), "nothing of the room"
    x, y = pose.xy[27].astype(int)
    below = slice(y + 3, y + 9), slice(x - 10, x + 11)
    assert (cut.image[below].astype(int) / backdrop.picture[below]).min() < 0.8


def test_a_pose_goes_with_its_frame() -> None:
    pose = person_at(100)[1]
    pose.landmarks[:, 2] = 8
    there = moved(pose, np.array([[2.0, 0, 5], [0, 2, 7], [0, 0, 1]]))
    assert np.allclose(there.xy, 2 * pose.xy + (5, 7), atol=1e-3)
    assert np.allclose(there.landmarks[:, 2], 16)


def test_a_studio_is_a_wall_and_a_floor_without_bands() -> None:
    picture = studio((320, 240), ground=210)
    assert picture.shape == (240, 320, 3)
    assert picture.min() > 90
    wall, floor = picture[60, 160].astype(int), picture[235, 160].astype(int)
    assert np.abs(wall - floor).max() > 4
    assert np.abs(np.diff(picture.astype(int).mean(axis=2), axis=0)).max() < 8, "no edge anywhere"
    assert np.array_equal(picture, studio((320, 240), ground=210))
    assert studio((320, 240), light=60.0).mean() < studio((320, 240), light=130.0).mean()
