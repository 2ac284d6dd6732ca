"""Make the lists of exact versions anew: ``python -m scripts.make_locks`` (``pip install uv`` first; asks the package index).

``requirements-lock.txt`` has what requirements.txt and requirements-test.txt come to on Linux with Python 3.11 and an x86-64
processor, all but torch, whose CPU build comes from an index of its own (see scripts/setup.py). ``requirements-serve-lock.txt``
is the same for requirements-serve.txt, in the same versions. Each file that may be installed is named by its SHA-256.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
WHOLE, SERVING = "requirements-lock.txt", "requirements-serve-lock.txt"
FIXED = (
    "--generate-hashes", "--python-version", "3.11", "--python-platform", "x86_64-manylinux_2_28", "--no-annotate", "--quiet",
    "--no-emit-package", "torch", "--upgrade", "--custom-compile-command", "python -m scripts.make_locks",
)  # fmt: skip


def compile_lock(into: str, sources: list[str], *options: str) -> None:
    """Write one list.

    Raises:
        SystemExit: uv is not there, or found no set that fits.
    """
    uv = shutil.which("uv")
    if uv is None:
        raise SystemExit("make_locks: uv is missing: install it with `pip install uv`.")
    done = subprocess.run([uv, "pip", "compile", *FIXED, *options, *sources, "-o", into], cwd=PROJECT, check=False)
    if done.returncode:
        raise SystemExit(f"make_locks: {into} could not be made: uv's message is above.")


def main(argv: list[str] | None = None) -> None:
    """Make both."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--find-links", metavar="FOLDER", help="where torch's CPU build lies, if PyTorch's own index cannot be reached"
    )
    folder = parser.parse_args(argv).find_links
    torch = ["--torch-backend", "cpu"] if folder is None else ["--find-links", folder]
    compile_lock(WHOLE, ["requirements.txt", "requirements-test.txt"], *torch)
    compile_lock(SERVING, ["requirements-serve.txt"], "--constraint", WHOLE)


if __name__ == "__main__":
    main(sys.argv[1:])
