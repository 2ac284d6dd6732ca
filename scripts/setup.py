"""Set the project up and start it: ``python scripts/setup.py run`` (``py scripts\\setup.py run`` on Windows).

``make run`` and ``make test`` call this. Standard library only, and readable by an old Python, so that it can say what
is missing. Every step is skipped when its result is there: a second run looks at a stamp and starts at once.
"""

from __future__ import annotations

import argparse
import ctypes
import hashlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Mapping, NoReturn, Sequence  # noqa: UP035  (an old Python must get as far as its message)

PROJECT = Path(__file__).resolve().parent.parent
VENV = PROJECT / ".venv"
OLDEST_PYTHON = (3, 11)

CPU_INDEX = "https://download.pytorch.org/whl/cpu"
PROBE_SECONDS = 15.0

# What mediapipe 1.2 (EGL, GLES) and the Qt inside opencv-contrib-python 5 (GL, GLib) load from the system, with the
# Debian packages that hold them; packages.txt lists the same ones for hosts that read it.
LIBRARIES = {
    "libEGL.so.1": "libegl1",
    "libGLESv2.so.2": "libgles2",
    "libGL.so.1": "libgl1",
    "libgthread-2.0.so.0": "libglib2.0-0",
}
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LEFTOVERS = (".venv", ".pytest_cache", ".mypy_cache", ".ruff_cache", "build")
# Two processes: most tests keep one core busy. Whoever is done takes half of what the other has left, so that a file of slow
# tests does not keep one of them for minutes. A browser and its server fill two cores alone.
SHARED = ("-n", "2", "--dist", "worksteal")
TESTS = (
    ("-m", "not long and not browser", *SHARED),
    ("-m", "browser and not long"),
)
FAST = (("-m", "not long and not browser and not slow", *SHARED),)
NONE_CHOSEN = 5
CHECKS = (("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",))


class SetupError(Exception):
    """Something is missing; the message is one sentence that says what to do."""


def say(text: str) -> None:
    """Print at once, so that lines stay in order with those of the programs started from here."""
    print(text, flush=True)


def require_python(version: tuple[int, ...] = tuple(sys.version_info[:2])) -> None:
    """Refuse a Python that is too old.

    Raises:
        SetupError: it is.
    """
    if version[:2] < OLDEST_PYTHON:
        found, oldest = ".".join(map(str, version[:2])), ".".join(map(str, OLDEST_PYTHON))
        advice = f"install one, or name it (`make run PYTHON=python{oldest}`)"
        raise SetupError(f"Python {oldest} or newer is needed and this is {found}: {advice}.")


# ---- the system's packages


def is_root_with_apt() -> bool:
    """Whether Debian packages can be installed from here without asking anyone."""
    geteuid = getattr(os, "geteuid", None)
    return geteuid is not None and geteuid() == 0 and shutil.which("apt-get") is not None


def apt_install(packages: Sequence[str]) -> None:
    """Install Debian packages.

    Raises:
        SetupError: apt-get could not.
    """
    names = " ".join(packages)
    say(f"Installing {names} with apt-get")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
        if subprocess.run(["apt-get", "-qq", *step], env=environment, check=False).returncode:
            raise SetupError(f"apt-get could not install {names}: its message is above.")


def loads(library: str) -> bool:
    """Whether the system's loader finds a shared library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def missing_libraries(libraries: Mapping[str, str] = LIBRARIES) -> dict[str, str]:
    """Those of the shared libraries, with their Debian packages, that a Linux lacks. Other systems have their own."""
    if sys.platform != "linux":
        return {}
    return {library: package for library, package in libraries.items() if not loads(library)}


def ensure_libraries() -> None:
    """Have the shared libraries before anything imports mediapipe or cv2.

    Raises:
        SetupError: some are missing and cannot be installed from here.
    """
    missing = missing_libraries()
    if missing and is_root_with_apt():
        apt_install(list(missing.values()))
        missing = missing_libraries()
    if missing:
        raise SetupError(
            f"mediapipe and OpenCV need {', '.join(missing)}, missing on this system: "
            f"install them with `sudo apt-get install {' '.join(missing.values())}` (the names on Debian and Ubuntu)."
        )


# ---- the Python environment


def venv_python(venv: Path) -> Path:
    """The interpreter of a virtual environment."""
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def venv_version(venv: Path) -> str | None:
    """Version (``3.12``) of the Python that a working virtual environment was made with."""
    config = venv / "pyvenv.cfg"
    if not (config.is_file() and venv_python(venv).exists()):
        return None
    found = re.search(r"^version\w* *= *(\d+\.\d+)", config.read_text(encoding="utf-8"), re.MULTILINE)
    return found.group(1) if found else None


def fingerprint(files: Sequence[Path]) -> str:
    """Changes with what decides about an installation: the requirements, the Python, the machine."""
    digest = hashlib.sha256(f"{sys.version_info[:2]} {platform.system()} {platform.machine()}".encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def ensure_venv(venv: Path) -> None:
    """Have a virtual environment of this Python; one of another Python is replaced.

    Raises:
        SetupError: it cannot be made.
    """
    version = ".".join(map(str, sys.version_info[:2]))
    if importlib.util.find_spec("ensurepip") is None:  # Debian and Ubuntu keep it in a package of its own
        package = f"python{version}-venv"
        if not is_root_with_apt():
            raise SetupError(f"This Python cannot make environments: install it with `sudo apt-get install {package}`.")
        apt_install([package])
    say(f"Making {venv} with Python {version}")
    replace = ["--clear"] if venv_version(venv) != version else []
    if subprocess.run([sys.executable, "-m", "venv", *replace, str(venv)], check=False).returncode:
        raise SetupError(f"Python could not make an environment in {venv}: its message is above.")


def has_nvidia_gpu() -> bool:
    """Whether an NVIDIA driver is at work here."""
    return Path("/dev/nvidia0").exists() or shutil.which("nvidia-smi") is not None


def has_distribution(python: Path, pin: str) -> bool:
    """Whether ``name==version`` is installed (a local part such as ``+cpu`` counts as the same version)."""
    name, version = pin.split("==")
    code = f"import importlib.metadata as m; raise SystemExit(m.version({name!r}).split('+')[0] != {version!r})"
    return subprocess.run([str(python), "-c", code], capture_output=True, check=False).returncode == 0


def index_offers(python: Path, pin: str, index: str, seconds: float = PROBE_SECONDS) -> bool:
    """Whether a package index answers in time and has a CPU build of ``name==version``."""
    name, version = pin.split("==")
    quick = ["--retries", "0", "--timeout", "5"]
    ask = [str(python), "-m", "pip", "index", "versions", name, "--index-url", index, *quick]
    try:
        answer = subprocess.run(ask, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return False
    return f"{version}+cpu" in answer.stdout


def install_cpu_torch(python: Path, requirements: Path, index: str = CPU_INDEX) -> None:
    """On a Linux without an NVIDIA GPU take PyTorch's own CPU build: the usual one there brings gigabytes of CUDA."""
    pin = re.search(r"^torch==\S+", requirements.read_text(encoding="utf-8"), re.MULTILINE)
    if pin is None or sys.platform != "linux" or has_nvidia_gpu() or has_distribution(python, pin.group()):
        return
    install = [str(python), "-m", "pip", "install", "--no-deps", "--index-url", index, "--retries", "0", pin.group()]
    if not index_offers(python, pin.group(), index) or subprocess.run(install, check=False).returncode:
        say(f"{index} cannot be used from here: torch comes from the usual package index.")


def ensure_requirements(files: Sequence[Path], venv: Path = VENV) -> None:
    """Have everything installed that the requirement files name; nothing is looked up while they stay as they were.

    Raises:
        SetupError: pip could not install them.
    """
    # what is installed with all of the files is so with the first alone: pip is asked once for all of them
    stamps = {venv / f".installed-{files[n].name}": fingerprint(files[: n + 1]) for n in range(len(files))}
    stamp, wanted = list(stamps.items())[-1]
    if venv_python(venv).exists() and stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return
    ensure_venv(venv)
    python = venv_python(venv)
    install_cpu_torch(python, files[0])
    names = [argument for file in files for argument in ("-r", str(file))]
    if subprocess.run([str(python), "-m", "pip", "install", *names], check=False).returncode:
        raise SetupError(f"pip could not install {files[-1].name}: its message is above; run the same command again.")
    for stamp, wanted in stamps.items():
        stamp.write_text(wanted, encoding="utf-8")


# ---- the browser of the tests


def find_browser(venv: Path = VENV) -> str | None:
    """Path of a Chromium: the system's own, or else the one that Playwright downloaded."""
    for name in BROWSERS:
        found = shutil.which(name)
        if found:
            return found
    code = "from playwright.sync_api import sync_playwright as s\nwith s() as p: print(p.chromium.executable_path)"
    answer = subprocess.run([str(venv_python(venv)), "-c", code], capture_output=True, text=True, check=False)
    path = answer.stdout.strip()
    return path if path and Path(path).exists() else None


def ensure_browser() -> None:
    """Have a Chromium for the browser tests; where it cannot be installed from here, say how, and go on without.

    Raises:
        SetupError: apt-get could not install it.
    """
    if find_browser():
        return
    if is_root_with_apt():
        apt_install(["chromium"])
        return
    command = f"{venv_python(VENV)} -m playwright install chromium"
    say(f"The browser tests need Chromium, which is missing here: install it with `{command}`.")


# ---- the commands


def listen(extra: Sequence[str], environment: Mapping[str, str] = os.environ) -> list[str]:
    """Streamlit's option to answer this computer alone; none where an address is given, or where the app is hosted."""
    given = any(argument.split("=")[0] == "--server.address" for argument in extra)
    hosted = environment.get("DANCE_HOSTED", "").lower() in ("1", "true", "t", "yes", "y", "on")
    if given or hosted or "STREAMLIT_SERVER_ADDRESS" in environment:
        return []
    return ["--server.address", "127.0.0.1"]


def install(test: bool) -> Path:
    """Everything up to the point where the app, or the tests, can start; returns the environment's interpreter."""
    require_python()
    serving, testing = PROJECT / "requirements.txt", PROJECT / "requirements-test.txt"
    ensure_requirements([serving, testing] if test else [serving])
    ensure_libraries()
    if test:
        ensure_browser()
    return venv_python(VENV)


def become(command: list[str]) -> NoReturn:
    """Go on as another program, so that its signals, output and exit status are its own."""
    if os.name != "nt":
        os.execv(command[0], command)
    try:
        raise SystemExit(subprocess.run(command, check=False).returncode)
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def check(python: Path) -> None:
    """Lint and types; ends the program at the first that finds something."""
    commands = [[str(python), "-m", module, *arguments] for module, *arguments in CHECKS]
    # the last one takes most of the time, on one core: the others have said their say meanwhile
    *quick, slow = commands
    say(" ".join(["$", *slow[2:]]))
    with subprocess.Popen(slow) as types:
        for command in quick:
            say(" ".join(["$", *command[2:]]))
            status = subprocess.run(command, check=False).returncode
            if status:
                types.terminate()
                raise SystemExit(status)
    if types.returncode:
        raise SystemExit(types.returncode)


def test(python: Path, runs: Sequence[Sequence[str]], extra: Sequence[str]) -> NoReturn:
    """Run the tests that each of ``runs`` chooses, and end the program with pytest's status."""
    commands = [[str(python), "-m", "pytest", *words, *extra] for words in runs]
    try:
        statuses = [subprocess.run(command, check=False).returncode for command in commands]
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    raise SystemExit(overall(statuses))


def overall(statuses: Sequence[int]) -> int:
    """The first status that tells of a failure; that no test was chosen is one only where it is so of every run."""
    ran = [status for status in statuses if status != NONE_CHOSEN]
    return next((status for status in ran if status), 0) if ran else NONE_CHOSEN


def clean() -> None:
    """Remove the environment and the caches of tools."""
    for name in LEFTOVERS:
        shutil.rmtree(PROJECT / name, ignore_errors=True)


def perform(command: str, extra: Sequence[str]) -> None:
    """Do one of the commands."""
    os.chdir(PROJECT)
    if command == "clean":
        return clean()
    python = install(test=command not in ("run", "install"))
    if command in ("test", "test-fast", "check"):
        check(python)
    if command == "run":
        become([str(python), "-m", "streamlit", "run", "app.py", *listen(extra), *extra])
    if command in ("test", "test-fast"):
        test(python, TESTS if command == "test" else FAST, extra)
    if command == "test-long":
        become([str(python), "-m", "pytest", "-m", "long", *extra])
    return None


def main(argv: Sequence[str] | None = None) -> None:
    """Read the command line; what goes wrong on purpose ends in one sentence on stderr."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("command", choices=["run", "install", "test", "test-fast", "test-long", "check", "clean"])
    parser.add_argument("extra", nargs=argparse.REMAINDER, help="goes on to streamlit or pytest")
    arguments = parser.parse_args(argv)
    try:
        perform(arguments.command, arguments.extra)
    except SetupError as error:
        raise SystemExit(f"setup: {error}") from None


if __name__ == "__main__":
    main()
