"""The browser tab's icon, ``assets/icon.png``: the mark of ``core/ui/theme.py`` as pixels. ``python -m scripts.make_icon``."""

from __future__ import annotations

from PIL import Image, ImageDraw

from core import paths

CORAL = "#ff5a4e"
STROKES = (
    ((4, 5), (10, 12.5), (19, 12), (26, 7)),
    ((14.5, 12.5), (14, 19.5), (21, 23), (19, 30)),
    ((14, 19.5), (8, 24), (3, 28)),
)
HEAD, RADIUS, WIDTH = (15, 5.5), 4.8, 3.2
SIZE, FINER = 128, 8


def draw() -> Image.Image:
    """The mark on nothing, drawn large and shrunk so that its edges are smooth."""
    scale = SIZE * FINER / 32
    canvas = Image.new("RGBA", (SIZE * FINER, SIZE * FINER))
    pen = ImageDraw.Draw(canvas)

    def dot(x: float, y: float, radius: float) -> None:
        pen.ellipse(
            [(x - radius + 1) * scale, (y - radius) * scale, (x + radius + 1) * scale, (y + radius) * scale], CORAL
        )

    for stroke in STROKES:
        pen.line([((x + 1) * scale, y * scale) for x, y in stroke], CORAL, round(WIDTH * scale))
        for x, y in stroke:
            dot(x, y, WIDTH / 2)
    dot(*HEAD, RADIUS)
    return canvas.resize((SIZE, SIZE), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    draw().save(paths.ASSETS / "icon.png", optimize=True)
