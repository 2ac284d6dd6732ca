"""A performer of one to eight photos who dances at once, by what many people taught: nothing of their own is trained."""

from __future__ import annotations

import logging
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import numpy as np

from core import paths
from core.errors import DanceError, WeightsMissing
from core.locks import in_turn
from core.networks.config import CONFIG, GRAPH, WEIGHTS, NetworkConfig, RealtimeConfig, block_of, read_config
from core.outputs import aside, sweep_leftovers
from core.pipeline import performer_statistics
from core.runtime import NetworkFiles
from core.targets.build import build_target
from core.targets.extent import fit_canvas
from core.targets.store import Target, load_target
from core.targets.trained import add_generator
from core.warping.outline import STANDARD

logger = logging.getLogger(__name__)

GENERATOR: Final = "realtime"
_READY: Final = "core.training.ready"
_SECONDS: Final = 180.0
_RECIPE: Final = "python -m core target build PHOTO"


def build_from_photos(
    photos: Sequence[Path],
    *,
    id: str,
    name: str,
    into: Path | None = None,
    progress: Callable[[float], None] = lambda _: None,
    **more: Any,
) -> Target:
    """Make a performer of photos, whom ``realtime`` draws at once, and open them.

    Args:
        photos: one to eight of one person, the first of which is seen most.
        id, name, into, progress: as :func:`core.targets.build.build_target` takes them.
        more: further arguments of it.

    Raises:
        DanceError: as :func:`core.targets.build.build_target` raises; where only the network cannot be made ready, the
            performer is there without it, and a warning in the log.
    """
    build_target(photos, id=id, name=name, into=into, progress=lambda share: progress(0.9 * share), **more).close()
    roots = () if into is None else (into,)
    try:
        give_start(id, into)
    except WeightsMissing as error:
        logger.warning("%s can only be re-cut: %s", name, error)
    progress(1.0)
    return load_target(id, *roots)


@contextmanager
def passing_performer(photos: Sequence[Path], progress: Callable[[float], None] = lambda _: None) -> Iterator[Target]:
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
        WeightsMissing: the network cannot be made ready.
        TargetNotFound, PackInvalid, OutputFailed: as :func:`core.targets.trained.add_generator`.
    """
    taught, files = start_files()
    with load_target(target_id, *(() if root is None else (root,))) as target:
        config, licence = _config_for(taught, target), target.licence
    with tempfile.TemporaryDirectory() as folder:
        described = Path(folder) / files.config.name
        described.write_text(config.to_json())
        roles = {CONFIG: described, WEIGHTS: files.weights, GRAPH: files.graph}
        add_generator(target_id, GENERATOR, roles, licence=licence, recipe=_RECIPE, root=root)


def _config_for(taught: NetworkConfig, target: Target) -> NetworkConfig:
    """The config of what was taught, for a performer's body and frames."""
    unit = performer_statistics(target).near[1]
    size = max(taught.canvas.width, taught.canvas.height)
    own = {
        "canvas": fit_canvas(target, size, unit, block_of(taught.network)),
        "unit": unit,
        "memory": tuple(int(frame) for frame in np.flatnonzero(target.found)),
        "outline": target.outline if isinstance(taught.network, RealtimeConfig) else STANDARD,
    }
    return NetworkConfig.model_validate(taught.model_copy(update=own).model_dump())


def start_files() -> tuple[NetworkConfig, NetworkFiles]:
    """What many people taught, ready to be served; made once for each version of it, in the cache (some seconds).

    Raises:
        WeightsMissing: it cannot be made.
        OutputFailed: the cache cannot be written.
    """
    root = paths.cache_root() / "start"
    folder = root / f"{GENERATOR}-{_version()}"
    with in_turn("start", paths.cache_root()):
        if not folder.is_dir():
            _make_ready(folder)
    files = NetworkFiles(*(folder / f"{GENERATOR}{suffix}" for suffix in (".json", ".safetensors", ".xml")))
    return read_config(files.config), files


def _version() -> str:
    """Of what was taught: other weights, another name."""
    found = sha256()
    for suffix in (".json", ".safetensors"):
        path = paths.WEIGHTS / "start" / f"{GENERATOR}{suffix}"
        try:
            found.update(path.read_bytes())
        except OSError as error:
            raise WeightsMissing(f"{path.name} of the start is missing: install this version again.") from error
    return found.hexdigest()[:16]


def _make_ready(folder: Path) -> None:
    part = aside(folder)
    try:
        part.mkdir(parents=True)
        sweep_leftovers(folder.parent)
        subprocess.run(
            [sys.executable, "-m", _READY, GENERATOR, str(part)],
            check=True, capture_output=True, timeout=_SECONDS, cwd=paths.PROJECT,
        )  # fmt: skip
        part.rename(folder)
    except subprocess.SubprocessError as error:
        told = getattr(error, "stderr", None) or b""
        logger.warning("the start was not made ready: %s", told.decode(errors="replace").strip()[-500:])
        raise WeightsMissing("What many people taught could not be made ready: it needs torch once.") from error
    except OSError as error:
        raise DanceError(f"The cache {folder.parent} cannot be written: {error.strerror or error}.") from error
