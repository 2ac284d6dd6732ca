"""What many people taught, made ready to be served: ``python -m core.training.ready GENERATOR FOLDER``.

In a process of its own, so that whoever serves needs no torch. The graph is one for every size of canvas; the canvas of the
config that is written stands for none, and its longer side is the size that the generator is taught at.
"""

from __future__ import annotations

import sys
from pathlib import Path

from core.canvas import Canvas
from core.errors import WeightsMissing
from core.networks.build import build
from core.networks.config import NetworkConfig, Training, block_of
from core.training.export import export
from core.training.recipes import recipe_of
from core.training.start import MANY, begin, start_for


def ready(generator: str, folder: Path) -> None:
    """Write config, weights and graph of a generator that copies as many people taught it.

    Raises:
        GeneratorNotFound: there is none of that name.
        WeightsMissing: nobody taught one like it.
        PackInvalid: what they taught is damaged.
    """
    recipe = recipe_of(generator)
    config = NetworkConfig(
        generator=generator,
        network=recipe.network,
        canvas=Canvas(width=recipe.size, height=block_of(recipe.network), scale=1.0, left=0.0, top=0.0),
        unit=recipe.size / 4,
        precision=recipe.precision,
        memory=(0,),
        training=Training(split="all", seed=0, epochs=0, minutes=0.0, validation_l1=None, begun_with=MANY),
    )
    start = start_for(config)
    if start is None:
        raise WeightsMissing(f"There is no start for {generator} to begin with: install this version again.")
    network = build(config)
    begin(network, start)
    export(config, network.state_dict(), folder)


if __name__ == "__main__":
    ready(sys.argv[1], Path(sys.argv[2]))
