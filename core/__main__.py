"""``python -m core``: see ``core.cli``."""

from core.cli import app

if __name__ == "__main__":
    app()
