"""Adding what was trained to a performer."""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from core.errors import OutputFailed, PackInvalid, TargetNotFound
from core.targets.manifest import (
    MANIFEST,
    WEIGHTS_FOLDER,
    GeneratorWeights,
    HeldOutErrors,
    Manifest,
    file_entry,
    read_manifest,
)
from core.targets.store import Place, changing, find_place
from core.utils.output_files import aside, sweep_leftovers


def add_generator(
    target_id: str, name: str, files: Mapping[str, Path], *, licence: str, recipe: str, root: Path | None = None
) -> None:
    """Give a performer a trained generator, in place of one of the same name.

    The files are copied beside the performer's other weights; the manifest that names them replaces the old one last.

    Args:
        target_id: a performer there is.
        name: of the generator.
        files: role to file.
        licence: what may be done with the weights.
        recipe: how to train them again.
        root: a further folder of performers to look in.

    Raises:
        TargetNotFound: there is no such performer.
        PackInvalid: the performer's folder is damaged, or cannot take in another generator.
        OutputFailed: no permission, no room.
    """
    with changing(target_id):
        place = find_place(target_id, *(() if root is None else (root,)))
        if place is None:
            raise TargetNotFound(f"There is no performer '{target_id[:60]}' to give '{name}' to.")
        _add(place, name, files, licence, recipe)


def note_held_out(target_id: str, name: str, errors: HeldOutErrors, root: Path | None = None) -> None:
    """Write down how a trained generator of a performer draws moves that it was not given.

    Raises:
        TargetNotFound: there is no such performer, or it has no such generator.
        PackInvalid: the performer's folder is damaged.
        OutputFailed: no permission, no room.
    """
    with changing(target_id):
        place = find_place(target_id, *(() if root is None else (root,)))
        if place is None:
            raise TargetNotFound(f"There is no performer '{target_id[:60]}' any more.")
        old = read_manifest(place.folder)
        trained = next((of for of in old.generators if of.name == name), None)
        if trained is None:
            raise TargetNotFound(f"{old.name} has no '{name}' any more.")
        new = _with(old, trained.model_copy(update={"held_out": errors}))
        parts = {place.folder / MANIFEST: aside(place.folder / MANIFEST)}
        try:
            parts[place.folder / MANIFEST].write_bytes(new.to_json())
            _put(parts)
        except OSError as error:
            raise OutputFailed(
                f"What was found out about '{name}' could not be kept: {error.strerror or error}."
            ) from error


def _add(place: Place, name: str, files: Mapping[str, Path], licence: str, recipe: str) -> None:
    target_id = place.folder.name
    old = read_manifest(place.folder)
    mark = f"-{secrets.token_hex(3)}" if place.own else ""
    places = {role: place.weights / f"{_stem(name, file)}{mark}{file.suffix}" for role, file in files.items()}
    parts = {path: aside(path) for path in [*places.values(), place.folder / MANIFEST]}
    try:
        place.weights.mkdir(parents=True, exist_ok=True)
        for folder in (place.folder, place.weights):
            sweep_leftovers(folder)
        for role, file in files.items():
            shutil.copyfile(file, parts[places[role]])
        entries = {role: file_entry(parts[kept], f"{WEIGHTS_FOLDER}/{kept.name}") for role, kept in places.items()}
        new = _with(old, GeneratorWeights(name=name, files=entries, licence=licence, recipe=recipe))
        parts[place.folder / MANIFEST].write_bytes(new.to_json())
        _put(parts)
    except ValidationError as error:
        raise PackInvalid(f"'{target_id}' cannot take in '{name}': {error.errors()[0]['msg']}.") from error
    except OSError as error:
        raise OutputFailed(f"The weights of '{name}' could not be kept: {error.strerror or error}.") from error
    finally:
        for part in parts.values():
            # a folder that is none can hold nothing that was left
            with contextlib.suppress(NotADirectoryError):
                part.unlink(missing_ok=True)
    _forget(old, name, place.weights, list(places.values()))


def _stem(generator: str, file: Path) -> str:
    """Names of weights begin with their generator's, so that no two generators share a file."""
    return generator if file.stem == generator else f"{generator}-{file.stem}"


def _put(parts: Mapping[Path, Path]) -> None:
    """Put what is staged beside each path in its place, the manifest last; when that fails half way, put back what was there."""
    before = {path: path.read_bytes() if path.is_file() else None for path in parts}
    done: list[Path] = []
    try:
        for path, part in parts.items():
            part.replace(path)
            done.append(path)
    except OSError:
        for path in done:
            content = before[path]
            path.unlink() if content is None else path.write_bytes(content)
        raise


def _with(manifest: Manifest, added: GeneratorWeights) -> Manifest:
    others = [generator for generator in manifest.generators if generator.name != added.name]
    generators = tuple(sorted([*others, added], key=lambda generator: generator.name))
    return Manifest.model_validate(manifest.model_dump() | {"generators": generators})


def _forget(old: Manifest, name: str, weights: Path, copied: list[Path]) -> None:
    """Remove the files of the generator that was replaced."""
    for generator in old.generators:
        if generator.name == name:
            for entry in generator.files.values():
                path = weights / entry.path.removeprefix(f"{WEIGHTS_FOLDER}/")
                if path not in copied:
                    path.unlink(missing_ok=True)
