"""Render people without end, to learn what a body is: `python -m scripts.performers.crowd --out DIR [--count N]`.

Person N is always the same person. Build, skin, hair, clothes, room, moves: all drawn at random, from what `characters.py` is
made of and `sampler.py` samples. Their footage is sparse, `FPS // EVERY` pictures a second: people teach more than frames do.
The first `TROUSERED` people all wear trousers or shorts, and short or tied hair. Of those with higher numbers six in ten wear a
skirt, a dress, a coat or a kimono, and one in three has long loose hair.

Beside the footage of each person lie the empty stage, the mask, and which part of the body each pixel shows (`_parts.mkv`: grey
levels 32 apart, labels as in `parts.LABELS`; 0 where the mask is below one half). A run that was stopped goes on with the person
it was at.
"""

import argparse
import colorsys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from . import __main__ as performers
from .character import Character
from .characters import Bottom, CharacterSpec, Colour, Face, Hair, Room, Shoes, Skirt, Top
from .choreography import choreograph
from .encode import encode_footage, encode_mask, encode_parts, write_still
from .keys import TURN, Key, facing, mirrored
from .phrases import PHRASES, view
from .sampler import Item, Sample, realise

EVERY = 5
"""Of how many frames one is drawn."""
TROUSERED = 24
"""Of the first people, who wear nothing else."""
OUTFITS = ("trousers",) * 4 + ("skirt",) * 2 + ("dress",) * 2 + ("coat", "kimono")
"""Of every ten people with higher numbers, in an order of their own."""
PHRASED = ("side-steps", "sway", "kicks", "side-kicks", "knees", "lunges", "squat-claps", "crouch", "floor", "bend",
           "fast-hands", "one-knee", "walk", "roll", "point", "back-kicks")  # fmt: skip
TURNED = ("full-turn", "fast-turn")
LIGHTEST, DARKEST = np.array((0.76, 0.48, 0.38)), np.array((0.13, 0.065, 0.04))
"""Skin, linear RGB."""
HAIR_COLOURS: tuple[Colour, ...] = (
    (0.020, 0.015, 0.014), (0.060, 0.024, 0.013), (0.12, 0.055, 0.025), (0.30, 0.17, 0.07), (0.46, 0.33, 0.17),
    (0.25, 0.07, 0.025), (0.40, 0.36, 0.32),
)  # fmt: skip


def main() -> None:
    """Parse the command line and render."""
    parser = argparse.ArgumentParser(prog="python -m scripts.performers.crowd", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for everything that is made")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "performer-bodies")
    parser.add_argument("--first", type=int, default=0, help="number of the first person")
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--every", type=int, default=EVERY, help="of how many frames one is drawn")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    for number in range(given.first, given.first + given.count):
        render(person(number), given.cache, given.out, given.every)


def render(spec: CharacterSpec, cache: Path, out: Path, every: int = EVERY) -> None:
    """Footage, plate, mask and parts of one person; nothing where they are there."""
    if (out / f"{spec.id}.mp4").exists():
        return
    character = Character(spec, cache)
    keys = realise(routine(spec.seed), character, performers.camera_of(character, []), spec.seed)
    dance = choreograph(keys, spec.bpm, performers.FPS, spec.seed)
    with tempfile.TemporaryDirectory(dir=out) as scratch:
        film = performers.film_of(character, dance, Path(scratch), every)
        made = Path(scratch)
        encode_mask(film.mask, made / f"{spec.id}_mask.mp4")
        encode_parts(film.parts, made / f"{spec.id}_parts.mkv")
        write_still(film.plate, made / f"{spec.id}_plate.png")
        encode_footage(film.lossless, made / f"{spec.id}.mp4")
        for name in ("_mask.mp4", "_parts.mkv", "_plate.png", ".mp4"):  # the footage last: it says that all is there
            (made / f"{spec.id}{name}").replace(out / f"{spec.id}{name}")


def routine(seed: int) -> list[Item]:
    """About 48 seconds: every side of the body, sampled poses and phrases towards random headings."""
    rng = np.random.default_rng([seed, 1])
    items: list[Item] = []
    for eighth in rng.permutation(8).tolist():
        heading = (eighth - 4) * TURN / 8
        ahead = abs(heading) < TURN / 7
        items += view(heading)
        items.append(Sample(7 if ahead else 4, heading))
        for name in rng.choice(PHRASED, 2 if ahead else 1, replace=False):
            items += facing(_either(PHRASES[str(name)][:4], rng), heading)
    items += _either(PHRASES[str(rng.choice(TURNED))], rng)
    return items


def _either(phrase: list[Key], rng: np.random.Generator) -> list[Key]:
    return mirrored(phrase) if rng.random() < 0.5 else phrase


def person(number: int) -> CharacterSpec:
    """The person of that number."""
    if number < TROUSERED:
        return _in_trousers(number)
    rng = np.random.default_rng([number, 9])
    ten, place = divmod(number, len(OUTFITS))
    outfit = str(np.random.default_rng([ten, 11]).permutation(OUTFITS)[place])
    woman = rng.random() < {"skirt": 0.9, "dress": 1.0}.get(outfit, 0.45)
    spec = _in_trousers(number, woman=bool(woman))
    if rng.random() < (0.5 if woman else 0.12):
        spec = replace(spec, hair=replace(spec.hair, style="loose", length=float(rng.uniform(0.20, 0.40))))
    return replace(spec, **OTHERWISE[outfit](spec, rng)) if outfit in OTHERWISE else spec


def _skirted(spec: CharacterSpec, rng: np.random.Generator) -> dict[str, Any]:
    """A skirt into which a shirt is tucked."""
    waist = float(rng.uniform(0.11, 0.17))
    pattern = str(rng.choice(("plain", "plain", "bands", "checks", "flowers", "pleats")))
    skirt = _skirt(rng, pattern, _colour(rng), waist)
    top = replace(
        spec.top, hem=waist - 0.04, offset=float(rng.uniform(0.005, 0.009)), slope=float(rng.uniform(0.2, 0.42))
    )
    return {"skirt": skirt, "top": top, "bottom": _under(rng, skirt)}


def _dressed(spec: CharacterSpec, rng: np.random.Generator) -> dict[str, Any]:
    """A dress: a skirt and a top of one cloth; one in four with wide sleeves."""
    worn = _skirted(spec, rng)
    skirt = replace(
        worn["skirt"],
        pattern=str(rng.choice(("plain", "plain", "pleats"))),
        belt=float(rng.choice((0.0, 0.0, 0.035, 0.05))),
    )
    top = replace(worn["top"], pattern="plain", colour=skirt.colour, accent=skirt.accent, roughness=skirt.roughness)
    if rng.random() < 0.25:
        top = replace(top, sleeve=1.15, wide=float(rng.uniform(0.08, 0.15)))
    return {"skirt": skirt, "top": top, "bottom": worn["bottom"]}


def _coated(spec: CharacterSpec, rng: np.random.Generator) -> dict[str, Any]:
    """A coat or a long cardigan, open over a shirt and trousers; to the thigh, the knee or the calf."""
    waist, colour, rough = float(rng.uniform(0.10, 0.15)), _colour(rng), float(rng.uniform(0.7, 0.9))
    skirt = Skirt(
        pattern="plain", colour=colour, accent=_colour(rng), length=float(rng.choice((0.42, 0.62, 0.82))),
        flare=float(rng.uniform(0.06, 0.16)), waist=waist, roughness=rough, opening=float(rng.uniform(0.5, 0.9)),
    )  # fmt: skip
    top = replace(
        spec.top, pattern="open", colour=colour, accent=_colour(rng), sleeve=1.93, offset=0.013, slope=0.08,
        hem=waist - 0.05, roughness=rough,
    )  # fmt: skip
    return {"skirt": skirt, "top": top}


def _in_kimono(spec: CharacterSpec, rng: np.random.Generator) -> dict[str, Any]:
    """A wide robe to the ankles with a sash and wide sleeves."""
    waist, colour, rough = float(rng.uniform(0.15, 0.20)), _colour(rng), float(rng.uniform(0.5, 0.85))
    pattern = str(rng.choice(("plain", "flowers", "bands")))
    skirt = Skirt(
        pattern=pattern, colour=colour, accent=_colour(rng), length=float(rng.uniform(0.85, 0.98)),
        flare=float(rng.uniform(0.10, 0.20)), waist=waist, roughness=rough, belt=float(rng.uniform(0.07, 0.11)),
    )  # fmt: skip
    top = replace(
        spec.top, pattern="wrapped", colour=colour, accent=skirt.accent, sleeve=1.15, offset=0.010, slope=0.2,
        hem=waist - 0.04, roughness=rough, wide=float(rng.uniform(0.11, 0.19)),
    )  # fmt: skip
    return {"skirt": skirt, "top": top, "bottom": _under(rng, skirt)}


OTHERWISE: dict[str, Callable[[CharacterSpec, np.random.Generator], dict[str, Any]]] = {
    "skirt": _skirted, "dress": _dressed, "coat": _coated, "kimono": _in_kimono,
}  # fmt: skip
"""By outfit, what of a person in trousers is something else."""


def _skirt(rng: np.random.Generator, pattern: str, colour: Colour, waist: float) -> Skirt:
    """Short, to the knee, to the calf or to the ankle; narrow or wide."""
    length = float(rng.choice((0.40, 0.58, 0.58, 0.76, 0.93)) + rng.uniform(-0.03, 0.03))
    narrow = length < 0.7 and pattern != "pleats" and rng.random() < 0.35
    flare = rng.uniform(0.0, 0.08) if narrow else rng.uniform(0.15, 0.30 if length > 0.7 else 0.5)
    return Skirt(pattern, colour, _colour(rng), length, float(flare), waist, float(rng.uniform(0.6, 0.9)))


def _under(rng: np.random.Generator, skirt: Skirt) -> Bottom:
    """Tight, below a skirt: short in its colour, or leggings."""
    leggings = rng.random() < 0.35
    return Bottom(
        pattern="denim",
        colour=_colour(rng, bright=(0.05, 0.5)) if leggings else skirt.colour,
        accent=skirt.accent,
        end=float(rng.uniform(1.6, 1.93)) if leggings else 0.35,
        offset=0.003,
        slope=0.0,
        waist=skirt.waist - 0.02,
        roughness=0.8,
    )


def _in_trousers(number: int, *, woman: bool | None = None) -> CharacterSpec:
    rng = np.random.default_rng([number, 7])
    drawn = bool(rng.random() < 0.5)
    woman = drawn if woman is None else woman
    african, asian, caucasian = rng.dirichlet((0.6, 0.6, 0.6))
    return CharacterSpec(
        id=f"crowd-{number:03d}",
        phenotype={
            "gender": 0.97 if woman else 0.03,
            **{name: float(rng.uniform(*ends)) for name, ends in {
                "age": (0.5, 0.95), "muscle": (0.3, 0.8), "weight": (0.25, 0.85), "height": (0.25, 0.75),
                "proportions": (0.45, 0.9), "cupsize": (0.3, 0.65), "firmness": (0.3, 0.8),
            }.items()},
            "african": float(african), "asian": float(asian), "caucasian": float(caucasian),
        },
        face=_face(rng, woman, 0.15 * asian + 0.85 * african),
        hair=_hair(rng, woman),
        top=_top(rng),
        bottom=_bottom(rng),
        shoes=Shoes(_colour(rng), _colour(rng), _colour(rng, 0.3, (0.5, 1.0))),
        room=_room(rng),
        bpm=float(rng.uniform(100, 126)),
        seed=1000 + number,
    )  # fmt: skip


def _face(rng: np.random.Generator, woman: bool, dark: float) -> Face:
    depth = float(np.clip(dark + rng.normal(0, 0.1), 0, 1))
    red, green, blue = (LIGHTEST + depth * (DARKEST - LIGHTEST)).tolist()
    smile = float(rng.uniform(0, 0.85))
    return Face(
        skin=(red, green, blue),
        lips=(red * 0.9, green * (0.4 if woman else 0.62), blue * (0.55 if woman else 0.7)),
        iris=((0.07, 0.04, 0.02), (0.20, 0.13, 0.06), (0.12, 0.20, 0.26))[int(rng.integers(3))],
        lip_strength=float(rng.uniform(0.4, 0.85)),
        brow_strength=float(rng.uniform(0.5, 1.0)),
        made_up=woman,
        expression={"mouthSmileLeft": smile, "mouthSmileRight": smile},
    )


def _hair(rng: np.random.Generator, woman: bool) -> Hair:
    style = str(rng.choice(("ponytail", "bun", "bob", "afro", "short") if woman else ("short", "short", "afro", "bun")))
    beard = 0.0 if woman or rng.random() < 0.5 else float(rng.uniform(0.2, 0.5))
    return Hair(style, HAIR_COLOURS[int(rng.integers(len(HAIR_COLOURS)))], float(rng.uniform(0.008, 0.011)), beard)


def _top(rng: np.random.Generator) -> Top:
    return Top(
        pattern=str(rng.choice(("plain", "stripes", "dots", "emblem"))),
        colour=_colour(rng),
        accent=_colour(rng),
        sleeve=float(rng.choice((0.42, 0.62, 0.8, 1.5, 1.8, 1.93))),
        offset=float(rng.uniform(0.006, 0.014)),
        slope=float(rng.uniform(0.06, 0.42)),
        hem=float(rng.uniform(-0.06, 0.03)),
        neck=float(rng.uniform(0.004, 0.04)),
        roughness=float(rng.uniform(0.6, 0.9)),
    )


def _bottom(rng: np.random.Generator) -> Bottom:
    return Bottom(
        pattern=str(rng.choice(("side-stripe", "denim"))),
        colour=_colour(rng),
        accent=_colour(rng),
        end=float(rng.choice((0.8, 1.5, 1.86, 1.9, 1.96, 1.98))),
        offset=float(rng.uniform(0.005, 0.012)),
        slope=float(rng.uniform(0.02, 0.12)),
        waist=float(rng.uniform(0.03, 0.085)),
        roughness=float(rng.uniform(0.7, 0.9)),
    )


def _room(rng: np.random.Generator) -> Room:
    high = _colour(rng)
    dark = _colour(rng, 0.4, (0.05, 0.7))
    by = float(rng.uniform(1.2, 1.7))
    return Room(
        wall=str(rng.choice(("gallery", "panelled", "curtain", "brick", "window"))),
        floor=str(rng.choice(("boards", "concrete", "tiles"))),
        wall_top=high,
        wall_bottom=_lighter(high, float(rng.uniform(1.0, 1.6))),
        accent=_colour(rng),
        floor_dark=dark,
        floor_light=_lighter(dark, by),
    )


def _colour(rng: np.random.Generator, most_vivid: float = 1.0, bright: tuple[float, float] = (0.08, 0.97)) -> Colour:
    """Any colour, grey ones as likely as vivid ones, even to the eye from dark to bright; linear RGB."""
    value = float(rng.uniform(*bright))
    vivid = most_vivid * float(rng.random()) if rng.random() < 0.75 else 0.0
    red, green, blue = colorsys.hsv_to_rgb(float(rng.random()), vivid, value)
    return red**2.2, green**2.2, blue**2.2


def _lighter(colour: Colour, times: float) -> Colour:
    red, green, blue = (min(channel * times, 0.95) for channel in colour)
    return red, green, blue


if __name__ == "__main__":
    main()
