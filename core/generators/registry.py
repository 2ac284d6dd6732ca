"""Generators by name."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Final

from core.errors import GeneratorNotFound, WeightsMissing
from core.generators.base import Generator, GeneratorSpec
from core.targets.store import Target

logger = logging.getLogger(__name__)

PLUGINS: Final = "dance.generators"
"""Entry point group in which an installed package names a function; it is called once and registers what the package brings."""

_MAKERS: dict[str, tuple[GeneratorSpec, Callable[[Target], Generator]]] = {}


def register(spec: GeneratorSpec, maker: Callable[[Target], Generator]) -> None:
    """Make a generator known under its spec's name; ``maker`` makes it for a performer."""
    _MAKERS[spec.name] = (spec, maker)


def list_generators(trained: list[str] | None = None) -> list[GeneratorSpec]:
    """All generators, or those that a performer with weights for ``trained`` can use."""
    _load()
    specs = [spec for spec, _ in _MAKERS.values()]
    return specs if trained is None else [s for s in specs if not s.needs_weights or s.name in trained]


def create_generator(name: str, target: Target) -> Generator:
    """The generator called ``name`` for one performer.

    Raises:
        GeneratorNotFound: there is none of that name; the message lists those there are.
        WeightsMissing: the performer was never trained for it.
    """
    _load()
    if name not in _MAKERS:
        raise GeneratorNotFound(f"Generator '{name[:40]}' is not known: there are {', '.join(sorted(_MAKERS))}.")
    spec, maker = _MAKERS[name]
    if spec.needs_weights and name not in target.manifest.generator_names():
        raise WeightsMissing(f"{target.name} has no weights for '{name}': choose another generator or train it.")
    return maker(target)


@functools.cache
def _load() -> None:
    """Register what ships, then what installed packages bring. Deferred, so that importing the registry alone stays cheap."""
    from core.generators import nearest, neural, realtime  # noqa: F401

    for plugin in entry_points(group=PLUGINS):
        try:
            plugin.load()()
        except Exception:
            # a package of somebody else's must not take the app down with it
            logger.exception("the generator package %s could not be loaded", plugin.value)
