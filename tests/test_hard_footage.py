from __future__ import annotations

from pathlib import Path

import numpy as np

from core.targets.store import load_target
from scripts.hard_footage import actors, camera, textures
from scripts.hard_footage.camera import Aim, Hand, eased, intrinsics, to_reference
from scripts.hard_footage.film import Truth
from scripts.hard_footage.kinds import KINDS, STILL, WIDE
from scripts.hard_footage.room import BACK, Room, View, draw, furnished, seen_at


def test_a_turned_camera_sees_the_same_point_elsewhere() -> None:
    """What lies straight ahead of a camera that looks 5 degrees to the right lies there in the reference view."""
    size = WIDE
    middle = np.array([size[0] / 2, size[1] / 2, 1.0])
    for aim in (Aim(yaw=5.0), Aim(yaw=5.0, roll=20.0), Aim(yaw=5.0, zoom=1.4)):
        x, y, w = to_reference(aim, size) @ middle
        np.testing.assert_allclose(x / w, size[0] / 2 + camera.FOCAL * np.tan(np.radians(5.0)), atol=1e-6)
        np.testing.assert_allclose(y / w, size[1] / 2, atol=1e-6)


def test_a_zoomed_camera_shows_less() -> None:
    corner = to_reference(Aim(zoom=2.0), WIDE) @ [0.0, 0.0, 1.0]
    np.testing.assert_allclose(corner[:2] / corner[2], (WIDE[0] / 4, WIDE[1] / 4))


def test_hands_are_unsteady_and_the_same_each_time() -> None:
    one, same = (Hand(np.random.default_rng(4), 1.0, 0.1) for _ in range(2))
    yaws = [one(t).yaw for t in np.arange(0, 20, 0.1)]
    assert 0.4 < np.std(yaws) < 2.0
    assert one(3.3) == same(3.3)


def test_easing_stands_still_at_its_points() -> None:
    points = [(1.0, 2.0), (3.0, 6.0)]
    assert [eased(t, points) for t in (0.0, 1.0, 2.0, 3.0, 9.0)] == [2.0, 2.0, 4.0, 6.0, 6.0]


def small_room(seed: int) -> tuple[Room, View]:
    view = View((160, 90), np.diag([0.125, 0.125, 1.0]) @ intrinsics(WIDE))
    return furnished(np.random.default_rng(seed), 3.6, "brick", "tiles"), view


def test_a_room_is_the_same_for_the_same_seed_and_full_of_things() -> None:
    pictures = []
    for seed in (1, 1, 2):
        room, view = small_room(seed)
        pictures.append(draw(room, view, np.random.default_rng(seed)))
    assert np.array_equal(pictures[0], pictures[1])
    assert np.abs(pictures[0].astype(int) - pictures[2]).mean() > 10
    assert pictures[0].std() > 25


def test_things_are_drawn_where_they_stand() -> None:
    """A red panel on the wall is red where the view says that it lies."""
    room, view = small_room(3)
    red = textures.finished(textures.flat(4, 4, (255, 0, 0)))
    box = room.boxes[0]
    room.boxes = [*room.boxes[:6], type(box)((-0.3, 1.0, BACK - 0.1), (0.3, 1.5, BACK), red, shines=True)]
    picture = draw(room, view, np.random.default_rng(0))
    x, y = seen_at(np.array([[0.0, 1.25, BACK - 0.1]]), view)[0].astype(int)
    assert picture[y, x, 0] > 200
    assert picture[y, x, 1:].max() < 40


def test_a_performer_laid_on_their_own_stage_is_the_footage() -> None:
    with load_target("theo") as theo:
        assert theo.masks is not None
        assert theo.plate is not None
        who = actors.performer(theo, 100)
        picture = theo.plate.astype(np.float32)
        part, alpha = actors.over(picture, who.layer, np.eye(3))
        assert 0 <= part[0].start < part[0].stop <= theo.height
        inside = theo.masks[100] > 250
        assert np.abs(picture - theo.frames[100])[inside].mean() < 1.0
        assert alpha.max() == 1.0
        assert who.shadow[..., 3].max() > 0.2
        assert who.shadow[:300, :, 3].max() == 0.0


def test_a_cat_walks_both_ways() -> None:
    assert not np.array_equal(actors.cat(0.0, leftwards=False), actors.cat(0.25, leftwards=False))
    np.testing.assert_array_equal(actors.cat(0.0, leftwards=True)[:, ::-1], actors.cat(0.0, leftwards=False))


def test_the_truth_is_read_as_it_was_written(tmp_path: Path) -> None:
    truth = Truth(
        to_reference=np.tile(np.eye(3), (2, 1, 1)),
        gains=np.ones((2, 3), np.float32),
        person=np.array([5, 6]),
        place=np.tile(np.eye(3), (2, 1, 1)),
        size=np.array(WIDE),
        wide_to_reference=np.eye(3),
        lettering=np.zeros((4, 4), np.bool_),
        changing=np.ones((4, 4), np.bool_),
        performer="theo",
        stage=True,
    )
    truth.save(tmp_path / "clip.npz")
    again = Truth.load(tmp_path / "clip.npz")
    assert (again.performer, again.stage) == ("theo", True)
    np.testing.assert_array_equal(again.person, truth.person)
    np.testing.assert_array_equal(again.changing, truth.changing)


def test_there_is_one_kind_without_a_stage_and_all_have_something_to_be_compared_with() -> None:
    assert [name for name, kind in KINDS.items() if not kind.stage] == ["running"]
    for kind in KINDS.values():
        assert any(s.performer == kind.performer and s.size == kind.size for s in STILL.values())
