"""Set-up: the two commands, what they install, and what they say when something is missing."""

from __future__ import annotations

import http.server
import os
import re
import subprocess
import sys
import threading
import tomllib
from collections.abc import Callable, Iterator
from importlib.metadata import distributions
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit import config as streamlit_config

from core.settings import Settings
from scripts import setup
from tests.conftest import SLOW, pytest_collection_modifyitems
from tests.waiting import PATIENCE

PROJECT = setup.PROJECT
SERVING = (PROJECT / "requirements.txt").read_text(encoding="utf-8")


def theme() -> dict[str, Any]:
    content = tomllib.loads((PROJECT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    return dict(content["theme"])


def luminance(colour: str) -> float:
    """Relative luminance of ``#rrggbb`` as WCAG 2 defines it."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


# ---- what gets installed


def test_exactly_one_opencv_is_installed() -> None:
    names = {distribution.name.lower().replace("_", "-") for distribution in distributions()}
    assert {name for name in names if name.startswith("opencv")} == {"opencv-contrib-python"}


@pytest.mark.parametrize("name", ["streamlit", "mediapipe", "torch", "av", "streamlit-webrtc"])
def test_what_breaks_with_its_next_version_is_pinned(name: str) -> None:
    assert re.search(rf"^{name}==[\d.]+$", SERVING, re.MULTILINE)


def test_requirements_name_no_host() -> None:
    for file in PROJECT.glob("requirements*.txt"):
        assert not re.search(r"https?://|--(extra-)?index-url|--find-links", file.read_text(encoding="utf-8")), file


def test_hosts_that_read_packages_txt_get_the_same_libraries() -> None:
    listed = (PROJECT / "packages.txt").read_text(encoding="utf-8").split()
    assert sorted(listed) == sorted(setup.LIBRARIES.values())


# ---- what is said when something is missing


def test_old_python_is_refused_in_one_sentence() -> None:
    setup.require_python((3, 11))
    with pytest.raises(setup.SetupError, match=r"^Python 3\.11 or newer is needed and this is 3\.10: [^.]+"):
        setup.require_python((3, 10))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux leaves these libraries to the system")
def test_missing_library_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    libraries = {**setup.LIBRARIES, "libnosuchthing.so.7": "libnosuchthing7"}
    assert setup.missing_libraries(libraries) == {"libnosuchthing.so.7": "libnosuchthing7"}
    monkeypatch.setattr(setup, "missing_libraries", lambda: setup.LIBRARIES)
    monkeypatch.setattr(setup, "is_root_with_apt", lambda: False)
    with pytest.raises(
        setup.SetupError, match=r"libEGL\.so\.1.* apt-get install libegl1 libgles2 libgl1 libglib2\.0-0"
    ):
        setup.ensure_libraries()


def test_setup_error_ends_the_command_with_status_1_and_one_line() -> None:
    code = "import sys; sys.version_info = (3, 9, 0); from scripts import setup; setup.main(['run'])"
    ended = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith("setup: Python 3.11 or newer is needed")
    assert ended.stderr.count("\n") == 1


# ---- the second run


@pytest.fixture(scope="module")
def small_environment(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A real environment in which requirements that ask for nothing are installed."""
    folder = tmp_path_factory.mktemp("setup")
    requirements = folder / "requirements.txt"
    requirements.write_text("# nothing\n", encoding="utf-8")
    setup.ensure_requirements([requirements], folder / "venv")
    return folder / "venv", requirements


def test_second_run_starts_nothing_and_a_change_does(
    small_environment: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    venv, requirements = small_environment
    assert setup.venv_version(venv) == f"{sys.version_info[0]}.{sys.version_info[1]}"
    started: list[str] = []
    actual = subprocess.run

    def counted(command: list[str], **options: bool) -> subprocess.CompletedProcess[bytes]:
        started.append(" ".join(command))
        return actual(command, check=options["check"])

    monkeypatch.setattr(subprocess, "run", counted)
    setup.ensure_requirements([requirements], venv)
    assert started == []
    requirements.write_text("# nothing, in other words\n", encoding="utf-8")
    setup.ensure_requirements([requirements], venv)
    assert any("pip install" in command for command in started)


def test_failed_install_leaves_no_stamp(small_environment: tuple[Path, Path], tmp_path: Path) -> None:
    venv, _ = small_environment
    broken = tmp_path / "broken.txt"
    broken.write_text(f"{(tmp_path / 'absent.whl').as_uri()}\n", encoding="utf-8")
    with pytest.raises(setup.SetupError, match=r"broken\.txt"):
        setup.ensure_requirements([broken], venv)
    assert not (venv / ".installed-broken.txt").exists()


def test_what_was_installed_for_the_tests_is_enough_for_the_app(
    small_environment: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both lists at once, so that pip is asked once; and then neither again."""
    venv, requirements = small_environment
    testing = requirements.with_name("requirements-test.txt")
    testing.write_text("# nothing either\n", encoding="utf-8")
    requirements.write_text("# nothing at all\n", encoding="utf-8")
    installed: list[str] = []
    actual = subprocess.run

    def counted(command: list[str], **options: bool) -> subprocess.CompletedProcess[bytes]:
        installed.extend(word for word in command if word == "install")
        return actual(command, check=options["check"])

    monkeypatch.setattr(subprocess, "run", counted)
    setup.ensure_requirements([requirements, testing], venv)
    setup.ensure_requirements([requirements], venv)
    setup.ensure_requirements([requirements, testing], venv)
    assert installed == ["install"]


# ---- the tests


@pytest.mark.parametrize(
    ("path", "slow"), [("test_cli.py", True), ("training/test_train.py", True), ("utils/test_display_names.py", False)]
)
def test_the_fast_run_leaves_out_whole_files_of_slow_tests(path: str, slow: bool) -> None:
    marks: list[pytest.MarkDecorator] = []
    item: Any = SimpleNamespace(path=PROJECT / "tests" / path, add_marker=marks.append)
    pytest_collection_modifyitems([item])
    assert [mark.name for mark in marks] == ["slow"] * slow
    assert item.path.is_file()
    ((_, chosen, *_),) = setup.FAST
    assert {"not slow", "not browser"} <= set(chosen.split(" and "))


def test_what_is_said_to_be_slow_is_there() -> None:
    assert [name for name in SLOW if not (PROJECT / "tests" / name).exists()] == []


@pytest.mark.parametrize(
    ("statuses", "whole"), [((0, 0), 0), ((0, 5), 0), ((5, 0), 0), ((1, 0), 1), ((0, 2), 2), ((5, 1), 1), ((5, 5), 5)]
)
def test_a_failure_in_any_run_of_the_tests_is_one_of_all(statuses: tuple[int, int], whole: int) -> None:
    assert setup.overall(statuses) == whole


# ---- PyTorch's index of CPU builds

Answer = Callable[[http.server.BaseHTTPRequestHandler], None]


def send_cpu_build(request: http.server.BaseHTTPRequestHandler) -> None:
    tag = f"cp{sys.version_info[0]}{sys.version_info[1]}"
    page = "".join(
        f'<a href="torch-2.13.0%2Bcpu-{tag}-{tag}-{system}.whl">torch</a>'
        for system in ("manylinux_2_17_x86_64", "manylinux_2_17_aarch64", "macosx_11_0_arm64", "win_amd64")
    ).encode()
    request.send_response(200)
    request.send_header("Content-Type", "text/html")
    request.send_header("Content-Length", str(len(page)))
    request.end_headers()
    request.wfile.write(page)


def send_nothing(request: http.server.BaseHTTPRequestHandler) -> None:
    request.send_error(404)


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Answer], str]]:
    """Starts a package index on this machine; pip asks nothing else meanwhile."""
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_NO_INDEX"):
        monkeypatch.delenv(name, raising=False)
    servers: list[http.server.ThreadingHTTPServer] = []

    def start(answer: Answer) -> str:
        handler = type(
            "Index", (http.server.BaseHTTPRequestHandler,), {"do_GET": answer, "log_message": lambda *_: None}
        )
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/whl/cpu"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_index_with_a_cpu_build_is_taken(serve: Callable[[Answer], str]) -> None:
    index = serve(send_cpu_build)
    assert setup.index_offers(Path(sys.executable), "torch==2.13.0", index)
    assert not setup.index_offers(Path(sys.executable), "torch==2.13.1", index)


def test_index_that_is_away_or_silent_costs_seconds(serve: Callable[[Answer], str]) -> None:
    assert not setup.index_offers(Path(sys.executable), "torch==2.13.0", serve(send_nothing))
    released = threading.Event()

    def keep_waiting(_: http.server.BaseHTTPRequestHandler) -> None:
        released.wait(PATIENCE)

    try:
        assert not setup.index_offers(Path(sys.executable), "torch==2.13.0", serve(keep_waiting), seconds=1.0)
    finally:
        released.set()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems' usual index has CPU builds")
def test_without_the_index_one_line_says_so(
    serve: Callable[[Answer], str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    index = serve(send_nothing)
    monkeypatch.setattr(setup, "has_nvidia_gpu", lambda: False)
    monkeypatch.setattr(setup, "has_distribution", lambda *_: False)
    setup.install_cpu_torch(Path(sys.executable), PROJECT / "requirements.txt", index)
    printed = capfd.readouterr()
    assert printed.out.splitlines() == [f"{index} cannot be used from here: torch comes from the usual package index."]
    assert printed.err == ""


# ---- how the app is served


def test_streamlit_knows_every_option() -> None:
    content = tomllib.loads((PROJECT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    ours = set(_named(content))
    assert {"server.maxUploadSize", "theme.light.primaryColor"} <= ours
    assert ours <= set(streamlit_config.get_config_options())


def _named(content: dict[str, Any], section: str = "") -> Iterator[str]:
    """The options of a file, each with the sections that it stands in."""
    for name, value in content.items():
        if isinstance(value, dict):
            yield from _named(value, f"{section}{name}.")
        else:
            yield f"{section}{name}"


@pytest.mark.parametrize(
    ("extra", "environment", "local"),
    [
        ([], {}, True),
        (["--server.port", "8600"], {"DANCE_HOSTED": "0"}, True),
        (["--server.address", "0.0.0.0"], {}, False),
        (["--server.address=::"], {}, False),
        ([], {"STREAMLIT_SERVER_ADDRESS": "0.0.0.0"}, False),
        ([], {"DANCE_HOSTED": "1"}, False),
    ],
)
def test_it_listens_for_this_computer_unless_asked_otherwise(
    extra: list[str], environment: dict[str, str], local: bool
) -> None:
    assert setup.listen(extra, environment) == (["--server.address", "127.0.0.1"] if local else [])


def test_no_traceback_is_shown() -> None:
    content = tomllib.loads((PROJECT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert content["client"]["showErrorDetails"] == "none"


def test_server_takes_what_the_pages_take() -> None:
    content = tomllib.loads((PROJECT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert content["server"]["maxUploadSize"] == Settings.model_fields["max_upload_mb"].default


@pytest.mark.parametrize("colour", ["textColor", "primaryColor", "linkColor"])
@pytest.mark.parametrize("ground", ["backgroundColor", "secondaryBackgroundColor"])
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_text_can_be_read(scheme: str, colour: str, ground: str) -> None:
    colours = theme()[scheme]
    assert contrast(colours[colour], colours[ground]) >= 4.5
