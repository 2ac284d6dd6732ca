"""What a performer's folder says about itself: ``manifest.json``, typed and versioned.

The manifest names every file of the performer by role, with its size and SHA-256. Nothing that it does not name is
read, exported or imported.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    ValidationError,
    model_validator,
)
from pydantic.functional_serializers import PlainSerializer
from pydantic_core import PydanticCustomError

from core.errors import PackInvalid
from core.utils.display_names import clean_line, clean_text

MANIFEST: Final = "manifest.json"
MAX_MANIFEST_BYTES: Final = 256 * 1024
MAX_FILES: Final = 63
MAX_FRAMES: Final = 20_000
MOST_PHOTOS: Final = 8
"""Frames of a performer who is made of photos; videos have more."""
MAX_SIDE: Final = 2048
MAX_RATE: Final = 120
MAX_FILE_BYTES: Final = 512 * 1024 * 1024
MAX_TOTAL_BYTES: Final = 768 * 1024 * 1024

FOOTAGE_GENERATORS: Final = ("nearest", "nearest-frame")
"""Generators that need the footage alone; every performer can be danced with them."""

WEIGHTS_FOLDER: Final = "weights"

_SLUG = re.compile(r"[a-z0-9-]{1,40}")
_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*")
_SUFFIXES: Final = {
    "poses": (".npz",),
    "frames": (".mp4",),
    "masks": (".mp4",),
    "plate": (".png",),
    "portrait": (".webp", ".png"),
}
_WEIGHT_SUFFIXES: Final = (".safetensors", ".json", ".xml")


def is_slug(text: str) -> bool:
    """Whether ``text`` can be an id: 1 to 40 of a-z, 0-9 and the hyphen, so it is a plain folder name anywhere."""
    return _SLUG.fullmatch(text) is not None


def _slug(text: str) -> str:
    if not is_slug(text):
        raise ValueError("an id is 1 to 40 of the characters a-z, 0-9 and -")
    return text


def _safe_path(text: str) -> str:
    """Plain names joined by slashes: no root, drive, dot segment or backslash can be spelt with them."""
    parts = text.split("/")
    if len(text) > 120 or len(parts) > 2 or not all(_PATH.fullmatch(part) for part in parts):
        raise ValueError("a file's path is a plain name, or weights/ and a plain name")
    if len(parts) == 2 and parts[0] != WEIGHTS_FOLDER:
        raise ValueError("the only folder inside a performer is weights/")
    if text.casefold() == MANIFEST:
        raise ValueError("the manifest does not name itself")
    return text


def _rate(value: object) -> Fraction:
    if isinstance(value, Fraction):
        rate = value
    elif isinstance(value, str) and re.fullmatch(r"\d{1,9}/\d{1,9}", value) and not value.endswith("/0"):
        rate = Fraction(value)
    else:
        raise ValueError('a frame rate is written as "25/1"')
    if not 0 < rate <= MAX_RATE:
        raise ValueError(f"a frame rate lies between 0 and {MAX_RATE} a second")
    return rate


def _cleaned(value: object) -> object:
    return clean_line(value) if isinstance(value, str) else value


def _cleaned_lines(value: object) -> object:
    return clean_text(value) if isinstance(value, str) else value


MAX_NAME: Final = 80
Line = Annotated[str, BeforeValidator(_cleaned)]
"""What people read: nothing in it is invisible or turns text round."""
Lines = Annotated[str, BeforeValidator(_cleaned_lines)]
Slug = Annotated[str, AfterValidator(_slug)]
SafePath = Annotated[str, AfterValidator(_safe_path)]
Rate = Annotated[
    Fraction, BeforeValidator(_rate), PlainSerializer(lambda r: f"{r.numerator}/{r.denominator}", return_type=str)
]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Role = Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,40}$")]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class FileEntry(_Model):
    """One file: its path inside the performer's folder, its SHA-256 and its size."""

    path: SafePath
    sha256: Digest
    bytes: int = Field(ge=0, le=MAX_FILE_BYTES)


class HeldOutErrors(_Model):
    """How far pictures of held-out moves are off: by a trained generator, and by re-cut footage that needs no training.

    Attributes:
        akd, recut_akd: mean distance of joints, in pixels at 256×256.
        l1, recut_l1: of the person's box at 64 pixels.
    """

    akd: float = Field(ge=0, allow_inf_nan=False)
    l1: float = Field(ge=0, allow_inf_nan=False)
    recut_akd: float = Field(ge=0, allow_inf_nan=False)
    recut_l1: float = Field(ge=0, allow_inf_nan=False)

    @property
    def worse(self) -> bool:
        """Whether training made nothing better: both the pose and the picture are worse than re-cut footage."""
        return self.akd > self.recut_akd and self.l1 > self.recut_l1


class GeneratorWeights(_Model):
    """A trained generator of this performer: which files, under what licence, made how."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,60}$")]
    files: dict[Role, FileEntry] = Field(min_length=1, max_length=16)
    licence: Line = Field(default="", max_length=200)
    recipe: Lines = Field(default="", max_length=4000)
    held_out: HeldOutErrors | None = None

    @model_validator(mode="after")
    def _only_weights(self) -> GeneratorWeights:
        for entry in self.files.values():
            if not entry.path.startswith(f"{WEIGHTS_FOLDER}/") or not entry.path.endswith(_WEIGHT_SUFFIXES):
                raise ValueError(f"{entry.path} is no weight file: those are weights/*.safetensors, *.json and *.xml")
        return self


_NO_MASKS: Final = "no_masks"

TargetRole: TypeAlias = Literal["poses", "frames", "masks", "plate", "portrait"]
"""What a file of a performer holds."""

StageKind: TypeAlias = Literal["footage", "studio", "picture"]
"""What the performer stands on: the stage that the footage shows, a plain studio, or a picture of another place."""


class Manifest(_Model):
    """Everything about a performer but the pixels."""

    schema_version: Literal[1] = 1
    id: Slug
    name: Line = Field(min_length=1, max_length=MAX_NAME)
    width: int = Field(ge=16, le=MAX_SIDE, multiple_of=2)
    height: int = Field(ge=16, le=MAX_SIDE, multiple_of=2)
    rate: Rate
    frames: int = Field(ge=1, le=MAX_FRAMES)
    stage: StageKind = "footage"
    licence: Line = Field(max_length=200)
    source: Lines = Field(
        default="", max_length=2000, description="Where the footage comes from and who agreed to its use."
    )
    consent: StrictBool | None = Field(
        default=None, description="Whether the person filmed agreed; None where nobody was asked."
    )
    created: datetime = Field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    files: dict[TargetRole, FileEntry]
    generators: tuple[GeneratorWeights, ...] = Field(default=(), max_length=16)

    @model_validator(mode="after")
    def _consistent(self) -> Manifest:
        for role in ("poses", "frames"):
            if role not in self.files:
                raise ValueError(f"the manifest names no {role}")
        if "masks" not in self.files:
            raise PydanticCustomError(_NO_MASKS, "the manifest names no masks")
        for role, entry in self.files.items():
            if "/" in entry.path or not entry.path.endswith(_SUFFIXES[role]):
                raise ValueError(f"{entry.path} cannot hold the {role}")
        entries = self.all_files()
        if len({entry.path.casefold() for entry in entries}) != len(entries) or len(entries) > MAX_FILES:
            raise ValueError(f"a performer has at most {MAX_FILES} files, each named once")
        if sum(entry.bytes for entry in entries) > MAX_TOTAL_BYTES:
            raise ValueError(f"a performer takes at most {MAX_TOTAL_BYTES >> 20} MB")
        if len({generator.name for generator in self.generators}) != len(self.generators):
            raise ValueError("a generator is named twice")
        return self

    def all_files(self) -> list[FileEntry]:
        """Every file but the manifest itself, in the order of their paths."""
        weights = [entry for generator in self.generators for entry in generator.files.values()]
        return sorted([*self.files.values(), *weights], key=lambda entry: entry.path)

    def generator_names(self) -> list[str]:
        """What this performer can be danced with."""
        return [*FOOTAGE_GENERATORS, *(generator.name for generator in self.generators)]

    @property
    def of_photos(self) -> bool:
        """Whether they are made of photos."""
        return self.frames <= MOST_PHOTOS

    def advised_names(self) -> list[str]:
        """The same without trained generators that draw held-out moves worse than footage that was only re-cut."""
        worse = {of.name for of in self.generators if of.held_out is not None and of.held_out.worse}
        return [name for name in self.generator_names() if name not in worse]

    def to_json(self) -> bytes:
        """The text of ``manifest.json``; what was never said is left out."""
        return (self.model_dump_json(indent=2, exclude_none=True) + "\n").encode()


def parse_manifest(text: bytes, where: str) -> Manifest:
    """The manifest in ``text``; ``where`` names it in a complaint.

    Raises:
        PackInvalid: too large, no JSON, or it says something that a manifest cannot say.
    """
    if len(text) > MAX_MANIFEST_BYTES:
        raise PackInvalid(f"The manifest of {where} is larger than {MAX_MANIFEST_BYTES >> 10} KB, so it is not used.")
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if first["type"] == _NO_MASKS:
            raise PackInvalid(
                f"{where} was made by an earlier version, without masks of the person: build it again from its footage."
            ) from error
        field = ".".join(str(part) for part in first["loc"]) or "its content"
        raise PackInvalid(f"The manifest of {where} cannot be used ({field}: {first['msg']}).") from error


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a performer's folder.

    Raises:
        PackInvalid: there is none, or it cannot be used.
    """
    path = folder / MANIFEST
    try:
        with path.open("rb") as file:
            text = file.read(MAX_MANIFEST_BYTES + 1)
    except OSError as error:
        raise PackInvalid(f"{folder.name} is no performer: its {MANIFEST} cannot be read.") from error
    return parse_manifest(text, folder.name)


def file_entry(path: Path, inside: str) -> FileEntry:
    """The entry for the file at ``path`` which lies at ``inside`` within the performer's folder."""
    return FileEntry(path=inside, sha256=sha256_of(path), bytes=path.stat().st_size)


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def locate(folder: Path, weights: Path, entry: FileEntry) -> Path:
    """Where a file of the manifest lies: ``weights/NAME`` in ``weights``, everything else in ``folder``."""
    name = entry.path.removeprefix(f"{WEIGHTS_FOLDER}/")
    return weights / name if name != entry.path else folder / entry.path
