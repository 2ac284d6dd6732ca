"""Whom the server answers, what it does when it starts, and how much memory uploads may take."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import psutil
import pytest
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from streamlit import config
from streamlit.proto.Common_pb2 import FileURLs
from streamlit.runtime import Runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFile, UploadedFileRec

from core.errors import OverLimit
from core.settings import settings
from core.ui.server import BROWSER, ONLY_HERE, BrowserRecognition, LoopbackOnly, UploadMemory, was_refused
from core.ui.uploads import require_content
from tests.browser.serving import Server, serving
from tests.waiting import PATIENCE, until


def own_addresses() -> list[str]:
    """IPv4 addresses under which others would reach this computer."""
    found = [a.address for of in psutil.net_if_addrs().values() for a in of if a.family == socket.AF_INET]
    return [address for address in found if not address.startswith("127.")]


def ask(server: Server, host: str) -> tuple[int, str]:
    """Status and text of the front page, asked for at that address of this computer."""
    url = server.url.replace("127.0.0.1", host)
    try:
        with urlopen(url, timeout=PATIENCE) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as refused:
        return refused.code, refused.read().decode()


@pytest.fixture(params=["local", "hosted"])
def started(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    """A server by plain `streamlit run app.py`, in whose work folder lies what a killed one left.

    The hosted one is so by its secrets, as Streamlit Cloud has it.
    """
    left = tmp_path / "app" / "work" / "1999999999-1000000000-0123456789abcdef"
    left.mkdir(parents=True)
    (left / "somebody.mp4").write_bytes(b"video")
    secrets = tmp_path / "home" / ".streamlit" / "secrets.toml"
    secrets.parent.mkdir(parents=True)
    secrets.write_text('DANCE_HOSTED = "1"\n' if request.param == "hosted" else "")
    home = {"HOME": str(tmp_path / "home"), "USERPROFILE": str(tmp_path / "home")}
    with serving(tmp_path / "app", address=None, **home) as running:
        until(running.healthy, what="the server")
        yield running


def test_it_tidies_up_before_anybody_comes_and_answers_whom_it_should(
    started: Server, request: pytest.FixtureRequest
) -> None:
    hosted = "hosted" in request.node.callspec.id
    assert started.files() == [], "what a killed server left is gone though nobody came"
    assert len(list(started.work.iterdir())) == 1, "its own folder"
    assert ask(started, "127.0.0.1")[0] == 200
    for address in own_addresses():
        status, text = ask(started, address)
        assert status == (200 if hosted else 403), address
        assert hosted or text == ONLY_HERE
    started.stop()
    assert list(started.work.iterdir()) == []


class Inner:
    """An application that notes who came through."""

    def __init__(self) -> None:
        self.passed: list[Scope] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.passed.append(scope)


def send_to(app: Any, body: list[bytes] | None = None, **scope: Any) -> list[dict[str, Any]]:
    """What the application answers to a request of that kind, whose body comes in those parts."""
    said: list[dict[str, Any]] = []
    parts = [b""] if body is None else body

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

    async def send(message: Any) -> None:
        said.append(dict(message))

    asyncio.run(app({"type": "http", "method": "GET", "path": "/", "headers": []} | scope, receive, send))
    return said


@pytest.mark.parametrize(
    ("client", "passes"),
    [
        (("127.0.0.1", 1), True),
        (("127.8.8.8", 1), True),
        (("::1", 1), True),
        (("::ffff:127.0.0.1", 1), True),
        (("192.168.1.7", 1), False),
        (("::ffff:192.168.1.7", 1), False),
        (("fe80::1%eth0", 1), False),
        (("8.8.8.8", 1), False),
        (("nonsense", 1), False),
        (None, False),
    ],
)
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_only_this_computer_is_answered(kind: str, client: tuple[str, int] | None, passes: bool) -> None:
    inner = Inner()
    said = send_to(LoopbackOnly(inner), type=kind, client=client)
    assert bool(inner.passed) == passes
    if not passes:
        assert said[0] == {"type": "websocket.close", "code": 1008} if kind == "websocket" else said[0]["status"] == 403


def test_an_address_opens_it(monkeypatch: pytest.MonkeyPatch) -> None:
    inner = Inner()
    monkeypatch.setattr(config, "is_manually_set", lambda option: option == "server.address")
    send_to(LoopbackOnly(inner), client=("192.168.1.7", 1))
    assert inner.passed


def test_a_hosted_app_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    inner = Inner()
    monkeypatch.setenv("DANCE_HOSTED", "1")
    settings.cache_clear()
    send_to(LoopbackOnly(inner), client=("192.168.1.7", 1))
    assert inner.passed


def test_a_setting_that_cannot_be_used_opens_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    inner = Inner()
    monkeypatch.setenv("DANCE_HOSTED", "perhaps")
    settings.cache_clear()
    assert send_to(LoopbackOnly(inner), client=("192.168.1.7", 1))[0]["status"] == 403
    assert not inner.passed


@pytest.fixture
def uploads(monkeypatch: pytest.MonkeyPatch) -> MemoryUploadedFileManager:
    """What Streamlit holds of uploads; one visit may have 2 MB, all of them 3."""
    held = MemoryUploadedFileManager("/_stcore/upload_file")

    class Running:
        uploaded_file_mgr = held

    monkeypatch.setattr(Runtime, "exists", lambda: True)
    monkeypatch.setattr(Runtime, "instance", Running)
    for name, value in {"HOSTED": "1", "MAX_UPLOAD_MB": "2", "UPLOAD_MEMORY_MB": "3"}.items():
        monkeypatch.setenv(f"DANCE_{name}", value)
    settings.cache_clear()
    return held


HEAD = b'--x\r\nContent-Disposition: form-data; name="a"; filename="a.mp4"\r\nContent-Type: video/mp4\r\n\r\n'


class Storing:
    """An application that reads forms to their end."""

    def __init__(self) -> None:
        self.given: list[bytes] = []
        self.lengths: list[int] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        form = await Request(scope, receive).form()
        (file,) = form.values()
        assert isinstance(file, UploadFile)
        assert file.filename == "a.mp4"
        self.given.append(await file.read())
        self.lengths.append(int(dict(scope["headers"])[b"content-length"]))
        await PlainTextResponse("", status_code=204)(scope, receive, send)


def put(app: Any, session: str, size: int, *, file: str = "file") -> bool:
    """Whether an upload of that many bytes comes through with them; otherwise it comes through empty."""
    storing: Storing = app._app
    content = bytes(size)
    body = HEAD + content + b"\r\n--x--\r\n"
    parts = [body[i : i + 50_000] for i in range(0, len(body), 50_000)]
    headers = [
        (b"content-length", str(len(body)).encode()),
        (b"content-type", b"multipart/form-data; boundary=x"),
    ]
    said = send_to(app, parts, method="PUT", path=f"/_stcore/upload_file/{session}/{file}", headers=headers)
    assert said[0]["status"] == 204
    assert not parts, "the browser is heard out"
    assert storing.given[-1] in (content, b"")
    return storing.given[-1] == content


def test_uploads_take_so_much_memory_and_no_more(uploads: MemoryUploadedFileManager) -> None:
    app = UploadMemory(Storing())
    mine = [UploadedFileRec(f"{n}", "a.mp4", "video/mp4", bytes(1 << 20)) for n in range(2)]
    assert put(app, "me", 2 << 20)
    uploads.add_file("me", mine[0])
    assert put(app, "me", 1 << 20)
    assert not put(app, "me", 3 << 19, file="second"), "more than one visit may have"
    assert was_refused("second")
    assert not was_refused("file")
    uploads.add_file("me", mine[1])
    assert put(app, "you", 1 << 20)
    assert not put(app, "you", 3 << 19), "more than all together may have"
    uploads.remove_file("me", "0")
    assert put(app, "you", 3 << 19)


def test_an_upload_that_was_refused_is_told_by_its_name(uploads: MemoryUploadedFileManager) -> None:
    app = UploadMemory(Storing())
    assert not put(app, "me", 3 << 20, file="large")
    given = UploadedFile(UploadedFileRec("large", "a.mp4", "video/mp4", b""), FileURLs())
    with pytest.raises(OverLimit, match=r"^There was no room for a\.mp4 just now: please try again in a minute\.$"):
        require_content(given)
    require_content(UploadedFile(UploadedFileRec("small", "a.mp4", "video/mp4", b""), FileURLs()))


def test_what_is_no_form_is_refused_with_an_error(uploads: MemoryUploadedFileManager) -> None:
    app = UploadMemory(Inner())
    for body in ([b""], [b"only bytes"], [b"\r\n\r\n"], [b"x" * 100_000] * 3):
        said = send_to(app, list(body), method="PUT", path="/_stcore/upload_file/me/file")
        assert said[0]["status"] == 413
    assert app._app.passed == []  # type: ignore[attr-defined]


def test_only_so_many_refusals_are_remembered(uploads: MemoryUploadedFileManager) -> None:
    app = UploadMemory(Inner())
    for n in range(1100):
        path, length = f"/_stcore/upload_file/me/refused-{n}", [(b"content-length", b"9000000")]
        send_to(app, [HEAD + b"\r\n--x--\r\n"], method="PUT", path=path, headers=length)
    assert was_refused("refused-1099")
    assert not was_refused("refused-0")


def test_an_upload_that_is_still_coming_counts(uploads: MemoryUploadedFileManager) -> None:
    answers: list[bool] = []

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        if not answers:
            answers.append(app._is_too_much("me", 1 << 20))

    app = UploadMemory(slow)
    headers = [(b"content-length", str(2 << 20).encode())]
    assert send_to(app, method="PUT", path="/_stcore/upload_file/me/file", headers=headers) == []
    assert answers == [True]
    assert not app._coming


def test_one_that_does_not_say_how_large_it_is_counts_as_the_largest(uploads: MemoryUploadedFileManager) -> None:
    said = send_to(UploadMemory(Inner()), method="PUT", path="/_stcore/upload_file/me/file")
    assert said[0]["status"] == 413


def test_a_browser_gets_a_secret_once_and_only_with_a_page() -> None:
    async def page(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("", media_type="text/html" if scope["path"] == "/" else "text/css")(
            scope, receive, send
        )

    def given(**scope: Any) -> list[str]:
        headers = send_to(BrowserRecognition(page), **scope)[0]["headers"]
        return [value.decode() for name, value in headers if name == b"set-cookie"]

    (first,), (second,) = given(), given()
    assert first != second
    assert re.fullmatch(rf"{BROWSER}=[\w-]{{22}}; Path=/; HttpOnly; SameSite=Lax", first)
    assert given(path="/a.css") == []
    assert given(headers=[(b"cookie", first.split(";")[0].encode())]) == []
