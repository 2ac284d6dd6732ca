"""Rendered people in frames as they are drawn; only where the renderer is installed (``scripts/performers/requirements.txt``)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import platformdirs
import pytest
from numpy.typing import NDArray
from PIL import Image

pytest.importorskip("moderngl", reason="needs scripts/performers/requirements.txt")
pytest.importorskip("anny", reason="needs scripts/performers/requirements.txt")

from scripts.performers import __main__ as performers
from scripts.performers import crowd
from scripts.performers.character import Character
from scripts.performers.characters import CHARACTERS
from scripts.performers.keys import Key, key
from scripts.performers.parts import HEAD, LABELS, LEFT_ARM, LEFT_LEG, RIGHT_ARM, RIGHT_LEG, SKIRT, TRUNK
from scripts.performers.renderer import Renderer

BODIES = Path(platformdirs.user_cache_dir("everybody-dance-now", appauthor=False)) / "bodies"
KNOWN = Path(__file__).parent / "data" / "mira_frame.png"
"""Mira as she was drawn before there were skirts, at a quarter of the size."""
PEOPLE = range(crowd.TROUSERED, crowd.TROUSERED + 60)
STANDING = key("side")
Image8 = NDArray[np.uint8]


def drawn(character: Character, pose: Key) -> tuple[Image8, Image8, Image8]:
    """Picture, coverage and parts of one frame."""
    posed = character.rig.pose({**pose, "blink": 0.0})
    character.settle(posed, 1 / performers.FPS)
    with Renderer(character, performers.camera_of(character, [])) as renderer:
        picture, coverage = renderer.frame(posed)
        return picture, coverage, renderer.parts()


@pytest.fixture(scope="module")
def mira() -> Character:
    return Character(CHARACTERS["mira"], BODIES)


@pytest.fixture(scope="module")
def skirted() -> Character:
    """Somebody in a long skirt."""
    number = next(n for n in PEOPLE if (skirt := crowd.person(n).skirt) and not skirt.opening and skirt.length > 0.8)
    return Character(crowd.person(number), BODIES)


def test_mira_is_drawn_as_she_always_was(mira: Character) -> None:
    picture, _, _ = drawn(mira, key("up", "hip", yaw=0.3))
    small = np.asarray(Image.fromarray(picture).resize((128, 128), Image.Resampling.BOX), float)
    known = np.asarray(Image.open(KNOWN).convert("RGB"), float)
    assert np.abs(small - known).max() <= 2


def test_parts_lie_where_the_mask_is(mira: Character, skirted: Character) -> None:
    for character in (mira, skirted):
        _, coverage, parts = drawn(character, STANDING)
        # between the levels that rounding may put on either side of one half
        assert (parts[coverage > 130] > 0).all()
        assert (parts[coverage < 125] == 0).all()
        assert parts.max() < len(LABELS)


def test_left_and_right_are_the_persons_own(mira: Character) -> None:
    _, _, parts = drawn(mira, STANDING)
    middle = {part: np.argwhere(parts == part).mean(0) for part in range(TRUNK, SKIRT)}
    assert middle[LEFT_ARM][1] > middle[TRUNK][1] > middle[RIGHT_ARM][1], "she faces the camera"
    assert middle[LEFT_LEG][1] > middle[RIGHT_LEG][1]
    assert middle[HEAD][0] < middle[TRUNK][0] < middle[LEFT_LEG][0]
    assert not (parts == SKIRT).any()


@pytest.mark.parametrize("pose", [STANDING, key("up", "low", fLx=0.1, fLz=0.5, fLy=-0.5), key("front", pz=-0.35)])
def test_a_long_skirt_hides_thighs_and_knees(skirted: Character, pose: Key) -> None:
    _, _, parts = drawn(skirted, pose)
    rows, columns = np.nonzero(parts == SKIRT)
    assert len(rows) > 4000
    inside = parts[rows.min() : int(np.percentile(rows, 70)), columns.min() : columns.max()]
    legs = np.isin(inside, (LEFT_LEG, RIGHT_LEG)).sum()
    assert legs < 0.01 * (inside == SKIRT).sum()


def test_about_half_wear_no_trousers_and_a_third_long_hair() -> None:
    people = [crowd.person(number) for number in PEOPLE]
    assert 0.45 <= np.mean([person.skirt is not None for person in people]) <= 0.7
    assert 0.2 <= np.mean([person.hair.length > 0 for person in people]) <= 0.45
    assert any(person.skirt and person.skirt.opening for person in people)
    assert any(person.top.wide for person in people)


def test_a_person_is_always_the_same_and_the_first_wear_trousers() -> None:
    assert crowd.person(31) == crowd.person(31)
    assert all(crowd.person(n).skirt is None and not crowd.person(n).hair.length for n in range(crowd.TROUSERED))
