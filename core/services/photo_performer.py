"""A performer of one to eight photos who dances at once, by what many people taught: nothing of their own is trained."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np

from core.errors import WeightsMissing
from core.networks.config import CONFIG, GRAPH, WEIGHTS, NetworkConfig, Training, block_of
from core.networks.start import MANY, STARTS, StartConfig, read_start
from core.pipeline import performer_statistics
from core.targets.build import build_target
from core.targets.extent import fit_canvas
from core.targets.photo import AnalyzedPhoto, PhotoFootage
from core.targets.store import Target, load_target
from core.targets.weights import add_generator

logger = logging.getLogger(__name__)

GENERATOR: Final = "realtime"
_RECIPE: Final = "python -m core target build PHOTO"


def build_from_photos(
    photos: Sequence[AnalyzedPhoto],
    *,
    id: str,
    name: str,
    into: Path | None = None,
    progress: Callable[[float], None] = lambda _: None,
    **more: Any,
) -> Target:
    """Make a performer of photos, whom ``realtime`` draws at once, and open them.

    Args:
        photos: of one person (:func:`core.targets.photo.look_at`), the first of which is seen most.
        id, name, into, progress: as :func:`core.targets.build.build_target` takes them.
        more: further arguments of it.

    Raises:
        DanceError: as :class:`core.targets.photo.PhotoFootage` and :func:`core.targets.build.build_target` raise; where
            only the network is missing, the performer is there without it, and a warning in the log.
    """
    footage = PhotoFootage(photos)
    build_target(footage, id=id, name=name, into=into, progress=lambda share: progress(0.9 * share), **more).close()
    roots = () if into is None else (into,)
    try:
        give_start(id, into)
    except WeightsMissing as error:
        logger.warning("%s can only be re-cut: %s", name, error)
    progress(1.0)
    return load_target(id, *roots)


@contextmanager
def passing_performer(
    photos: Sequence[AnalyzedPhoto], progress: Callable[[float], None] = lambda _: None
) -> Iterator[Target]:
    """A performer of photos for one dance: nothing of them is kept."""
    with (
        tempfile.TemporaryDirectory(prefix="photo-") as folder,
        build_from_photos(photos, id="photo", name="Photo", into=Path(folder), progress=progress) as performer,
    ):
        yield performer


def give_start(target_id: str, root: Path | None = None) -> None:
    """Give a performer what many people taught as their ``realtime``, all of their frames its memory.

    Args:
        target_id: a performer of few frames.
        root: a further folder of performers to look in.

    Raises:
        WeightsMissing: what many people taught is not where it belongs.
        TargetNotFound, PackInvalid, OutputFailed: as :func:`core.targets.weights.add_generator`.
    """
    taught = read_start(GENERATOR, STARTS)
    if taught is None:
        raise WeightsMissing(f"{GENERATOR}.json of the start is missing: install this version again.")
    with load_target(target_id, *(() if root is None else (root,))) as target:
        config, licence = _config_for(taught, target), target.licence
    with tempfile.TemporaryDirectory() as folder:
        described = Path(folder) / f"{GENERATOR}.json"
        described.write_text(config.to_json())
        weights, graph = (STARTS / f"{GENERATOR}{suffix}" for suffix in (".safetensors", ".xml"))
        roles = {CONFIG: described, WEIGHTS: weights, GRAPH: graph}
        add_generator(target_id, GENERATOR, roles, licence=licence, recipe=_RECIPE, root=root)


def _config_for(taught: StartConfig, target: Target) -> NetworkConfig:
    """The config of what was taught, for a performer's body and frames."""
    unit = performer_statistics(target).near[1]
    return NetworkConfig(
        generator=GENERATOR,
        network=taught.network,
        canvas=fit_canvas(target, taught.size, unit, block_of(taught.network)),
        unit=unit,
        precision=taught.precision,
        memory=tuple(int(frame) for frame in np.flatnonzero(target.found)),
        outline=target.outline,
        training=Training(split="all", seed=0, epochs=0, minutes=0.0, validation_l1=None, begun_with=MANY),
    )
