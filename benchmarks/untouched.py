"""A page that passes the camera through untouched: what the live page's latency is measured against."""

from __future__ import annotations

import streamlit as st
from av.video.frame import VideoFrame
from streamlit_webrtc import webrtc_streamer

from core.ui.live_view import CAMERA, SCREEN, WORDS


def same(frame: VideoFrame) -> VideoFrame:
    """The picture as it came."""
    return frame


st.title("Untouched")
webrtc_streamer(
    key="untouched",
    rtc_configuration={"iceServers": []},
    media_stream_constraints={"video": CAMERA, "audio": False},
    video_frame_callback=same,
    video_html_attrs=SCREEN,
    translations=WORDS,
    media_toggle_controls=False,
)
