"""The server around the pages: what happens when it starts and stops, and whom it answers."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import re
import secrets
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import config
from streamlit.runtime import Runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager

from core.errors import DanceError
from core.services.operator_server import OperatorServer
from core.settings import Settings, settings
from core.utils.log_lines import start_logging

if TYPE_CHECKING:
    from streamlit import App

logger = logging.getLogger(__name__)

ONLY_HERE: Final = (
    "This app answers only the computer that it runs on. Whoever runs it can open it to a network: "
    "its README says how, under “Run it”.\n"
)
BROWSER: Final = "dance_browser"
"""Name of the cookie that holds a browser's secret."""
TOO_MUCH: Final = "There is no room for this just now: please try again in a minute.\n"
_UPLOAD: Final = re.compile(r"/_stcore/upload_file/(?P<session>[^/]+)/(?P<file>[^/]+)$")
_WRAPPING: Final = 1024
"""Bytes of a request that are not the file."""
_HEAD_END: Final = b"\r\n\r\n"
_MOST_HEAD: Final = 1 << 16
_MOST_REFUSED: Final = 1000
_POLICY_VIOLATION: Final = 1008


@asynccontextmanager
async def lifespan(_app: App) -> AsyncIterator[None]:
    """Make the shared things when the server starts, which deletes what a killed one left, and close them when it stops."""
    # only now: Streamlit complains of things that are kept before there is a server
    from core.ui.app_services import app_services

    begin_log()
    try:
        made = app_services()
    except DanceError as error:
        # every page says it to whoever comes, until it is mended and the server started again
        logger.error("the app cannot work yet: %(reason)s", {"reason": str(error)})
        yield
        return
    with ExitStack() as open_here:
        limits = settings()
        if limits.operator_port is not None:
            try:
                operator = OperatorServer(made.status, limits.operator_address, limits.operator_port)
                open_here.callback(operator.close)
            except DanceError as error:
                logger.error("%(reason)s", {"reason": str(error)})
        try:
            yield
        finally:
            await asyncio.to_thread(made.close)


def begin_log() -> None:
    """Write the log as the settings say; as text to standard error where they cannot be used, which the pages say."""
    try:
        limits = settings()
    except DanceError:
        limits = Settings.model_construct()
    start_logging(limits.log_format, limits.log_file)


def guards() -> list[Middleware]:
    """What every request passes before Streamlit sees it, the first one first."""
    return [Middleware(LoopbackOnly), Middleware(UploadMemory), Middleware(BrowserRecognition)]


class LoopbackOnly:
    """Refuses who comes from another computer, unless the server was opened to a network.

    It is open where the app is hosted, or where somebody said at which address it shall listen: then the operating system
    keeps out who does not come to that address. Streamlit would otherwise answer everybody who reaches the computer, and a
    host that starts the app by ``streamlit run app.py`` needs just that, so that no address can stand in config.toml.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] not in {"http", "websocket"} or _is_open() or _is_here(scope.get("client")):
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await PlainTextResponse(ONLY_HERE, status_code=403)(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})


class UploadMemory:
    """Refuses an upload while those of the same visit, or of all, take so much memory that it would be too much.

    Streamlit keeps an upload in memory until a page has taken it in, and for ever where none does. Of an answer that is an
    error its uploader shows the number alone: so a refused upload is read and forgotten, and an empty file of its name handed
    on in its place, of which the page says what became of it (:func:`was_refused`).
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._coming: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        upload = _UPLOAD.search(scope["path"]) if scope["type"] == "http" and scope["method"] == "PUT" else None
        if upload is None:
            await self._app(scope, receive, send)
            return
        session, size = upload["session"], _length(scope)
        if self._is_too_much(session, size):
            await self._refuse(scope, receive, send, upload["file"])
            return
        self._coming[session] += size
        try:
            await self._app(scope, receive, send)
        finally:
            self._coming[session] -= size
            if not self._coming[session]:
                del self._coming[session]

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, file: str) -> None:
        """Hand an empty file on, or answer with an error where the request is no form that holds one."""
        body = await _form_without_content(receive)
        if not body:
            await PlainTextResponse(TOO_MUCH, status_code=413)(scope, receive, send)
            return
        _refused[file] = None
        while len(_refused) > _MOST_REFUSED:
            del _refused[next(iter(_refused))]
        waiting = [body]

        async def receive_form() -> Message:
            if waiting:
                return {"type": "http.request", "body": waiting.pop(), "more_body": False}
            return await receive()

        length = b"content-length"
        headers = [(name, value) for name, value in scope["headers"] if name != length]
        headers.append((length, str(len(body)).encode()))
        await self._app({**scope, "headers": headers}, receive_form, send)

    def _is_too_much(self, session: str, size: int) -> bool:
        held = _held_uploads()
        mine = held.get(session, 0) + self._coming[session]
        everybodys = sum(held.values()) + self._coming.total()
        try:
            limits = settings()
        except DanceError:
            # the pages say what is wrong with them
            return True
        return mine + size > limits.visit_upload_memory_bytes or everybodys + size > limits.upload_memory_bytes


class BrowserRecognition:
    """Gives each browser a secret that it keeps until it is closed, by which it is known again after a reload."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and the secret back with a page."""
        if scope["type"] != "http" or BROWSER in HTTPConnection(scope).cookies:
            await self._app(scope, receive, send)
            return

        async def give(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("content-type", "").startswith("text/html"):
                    secret = secrets.token_urlsafe(16)
                    headers.append("set-cookie", f"{BROWSER}={secret}; Path=/; HttpOnly; SameSite=Lax")
            await send(message)

        await self._app(scope, receive, give)


_refused: dict[str, None] = {}
"""Streamlit's ids of the files that were refused, the latest last."""


def was_refused(file: str) -> bool:
    """Whether the upload of that ``file_id`` is empty because there was no room for it."""
    return file in _refused


async def _form_without_content(receive: Receive) -> bytes:
    """Read a form that uploads a file to its end; returns the same form of an empty file, nothing where it is none."""
    head, more = b"", True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return b""
        if _HEAD_END not in head and len(head) < _MOST_HEAD:
            head += message.get("body", b"")
        more = message.get("more_body", False)
    fields, end, _ = head.partition(_HEAD_END)
    boundary = fields.partition(b"\r\n")[0]
    return fields + end + b"\r\n" + boundary + b"--\r\n" if end and boundary.startswith(b"--") else b""


def _length(scope: Scope) -> int:
    """How many bytes a request says that it brings; one that does not say so may bring as many as Streamlit takes."""
    given = Headers(scope=scope).get("content-length", "")
    most = int(config.get_option("server.maxUploadSize")) << 20
    return max(int(given) - _WRAPPING, 0) if given.isdecimal() else most


def _held_uploads() -> dict[str, int]:
    """Bytes that Streamlit holds of uploads, by session."""
    uploads = Runtime.instance().uploaded_file_mgr if Runtime.exists() else None
    if not isinstance(uploads, MemoryUploadedFileManager):
        return {}
    return {
        session: sum(len(file.data) for file in list(files.values()))
        for session, files in list(uploads.file_storage.items())
    }


def _is_open() -> bool:
    try:
        return settings().hosted or config.is_manually_set("server.address")
    except DanceError:
        return config.is_manually_set("server.address")


def _is_here(client: tuple[str, int] | None) -> bool:
    """Whether that peer is this computer, or a proxy on it that does not say for whom it asks."""
    if client is None:
        return False
    try:
        address = ipaddress.ip_address(client[0].partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)
