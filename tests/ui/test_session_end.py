"""What goes when a browser is closed, with a real server and a visitor who has no browser: only the line of one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from tests.browser.serving import Server, serving, until

PATIENCE = 60.0
SCRIPT = """
import os
import threading
from pathlib import Path

import streamlit as st

from core.utils.memory_budget import give_back_memory
from core.ui import session_end

session_end.GRACE_SECONDS = 2.0
told = Path(os.environ["TOLD"])


class Owned:
    def __init__(self):
        (told / "held").touch()

    def __del__(self):
        (told / "freed").touch()


if "owned" not in st.session_state:
    st.session_state["owned"] = Owned()
st.session_state.setdefault("visits", 0)
st.session_state["visits"] += 1


def left():
    (told / "left").touch()
    # as the app does, in a thread of its own
    threading.Timer(0.5, give_back_memory).start()


session_end.notice_leaving(left)
(told / f"run-{st.session_state['visits']}").touch()
"""


@pytest.fixture
def told(tmp_path: Path) -> Path:
    folder = tmp_path / "told"
    folder.mkdir()
    return folder


@contextmanager
def line_of(server: Server, session: str = "") -> Iterator[str]:
    """A visitor's line, open inside; the id of their session, once the page has begun to run."""
    spoken = ["streamlit", "nothing", session] if session else ["streamlit"]
    address = f"{server.url.replace('http', 'ws')}/_stcore/stream"
    with connect(address, subprotocols=[Subprotocol(word) for word in spoken]) as line:
        ask = BackMsg()
        ask.rerun_script.query_string = ""
        line.send(ask.SerializeToString())
        told = ForwardMsg()
        while not told.HasField("new_session"):
            told.ParseFromString(bytes(line.recv(PATIENCE, decode=False)))
        yield told.new_session.initialize.session_id


def test_a_closed_browsers_session_is_given_back(tmp_path: Path, told: Path) -> None:
    script = tmp_path / "app.py"
    script.write_text(SCRIPT)
    with serving(tmp_path / "server", script=str(script), TOLD=str(told), PYTHONPATH=".") as server:
        until(server.healthy, PATIENCE)
        with line_of(server) as session:
            until((told / "run-1").exists, PATIENCE)

        # the line is cut, and the browser is back soon
        with line_of(server, session) as same:
            until((told / "run-2").exists, PATIENCE)
            assert same == session
            begin = monotonic()
            while monotonic() < begin + 4:
                sleep(0.1)
                assert not (told / "left").exists()
                assert not (told / "freed").exists()

        until((told / "left").exists, PATIENCE)
        until((told / "freed").exists, PATIENCE)
        assert server.healthy()
