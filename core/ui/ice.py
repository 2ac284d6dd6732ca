"""How a browser that is not on this computer finds its way here: STUN and TURN servers, from secrets or the environment.

On one computer, and mostly within one house, none are needed. Across the internet a TURN server carries the pictures where no
direct way is open. Looked up in ``.streamlit/secrets.toml`` first, then in the environment, the first that is there wins:

``DANCE_ICE_SERVERS``
    The servers themselves, as WebRTC spells them: JSON, ``[{"urls": "turn:host:3478", "username": "u", "credential": "c"}]``.
    In secrets it may be a list of tables.
``DANCE_TURN_URL`` and ``DANCE_TURN_SECRET``
    A coturn of one's own with ``use-auth-secret``: credentials that hold for a day are made from the secret.
``CLOUDFLARE_TURN_KEY_ID`` and ``CLOUDFLARE_TURN_KEY_API_TOKEN``
    Cloudflare's TURN service, which has a free share; its credentials are asked for over HTTPS and last two hours.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import os
from collections.abc import Mapping
from time import time
from typing import Any, Final, TypeAlias

import streamlit as st
from streamlit.errors import StreamlitSecretNotFoundError

from core.errors import DanceError

logger = logging.getLogger(__name__)

IceServer: TypeAlias = dict[str, Any]

SERVERS: Final = "DANCE_ICE_SERVERS"
TURN_URL: Final = "DANCE_TURN_URL"
TURN_SECRET: Final = "DANCE_TURN_SECRET"
CLOUDFLARE_ID: Final = "CLOUDFLARE_TURN_KEY_ID"
CLOUDFLARE_TOKEN: Final = "CLOUDFLARE_TURN_KEY_API_TOKEN"

_DAY = 24 * 3600


def ice_servers() -> list[IceServer]:
    """The servers to tell browser and server of; none by default, so that nothing outside is asked.

    Raises:
        DanceError: what was set cannot be used; the message names it.
    """
    if given := _setting(SERVERS):
        return _parsed(given)
    url, secret = _setting(TURN_URL), _setting(TURN_SECRET)
    if url or secret:
        if not (url and secret):
            raise DanceError(f"{TURN_URL} and {TURN_SECRET} go together: set both.")
        return [coturn(str(url), str(secret))]
    key, token = _setting(CLOUDFLARE_ID), _setting(CLOUDFLARE_TOKEN)
    if key or token:
        if not (key and token):
            raise DanceError(f"{CLOUDFLARE_ID} and {CLOUDFLARE_TOKEN} go together: set both.")
        return _cloudflare(str(key), str(token))
    return []


def coturn(url: str, secret: str, *, now: float | None = None) -> IceServer:
    """Credentials for a coturn with ``use-auth-secret`` (draft-uberti-behave-turn-rest-00), good for a day."""
    username = str(int(time() if now is None else now) + _DAY)
    digest = hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()
    return {"urls": url, "username": username, "credential": base64.b64encode(digest).decode()}


def _setting(name: str) -> Any:
    try:
        if name in st.secrets:
            return st.secrets[name]
    except StreamlitSecretNotFoundError:
        # there is no secrets file, which is the usual case
        pass
    return os.environ.get(name)


def _parsed(given: Any) -> list[IceServer]:
    try:
        servers = json.loads(given) if isinstance(given, str) else given
        parsed = [dict(server) for server in servers]
    except (ValueError, TypeError):
        parsed = []
    if not parsed or not all(isinstance(server.get("urls"), str | list) for server in parsed):
        raise DanceError(f'{SERVERS} cannot be used: write a list like [{{"urls": "stun:stun.example.org:3478"}}].')
    return [{key: _plain(value) for key, value in server.items()} for server in parsed]


def _plain(value: Any) -> Any:
    # secrets hand out mappings and lists of their own kinds
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return value if isinstance(value, str) else list(value)


def _cloudflare(key: str, token: str) -> list[IceServer]:
    from streamlit_webrtc import get_cloudflare_ice_servers

    try:
        servers: list[IceServer] = get_cloudflare_ice_servers(key, token)
    except ValueError as error:
        logger.warning("no TURN credentials from Cloudflare: %s", error)
        raise DanceError(
            f"Cloudflare gave no TURN credentials: check {CLOUDFLARE_ID} and {CLOUDFLARE_TOKEN}, and that it can be reached."
        ) from error
    return servers
