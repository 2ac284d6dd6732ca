"""The result in another format or shape: the same dance made again, without looking at it again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import streamlit as st

from core.errors import DanceError
from core.rendering.reframing import Shape
from core.settings import settings
from core.ui.app_services import app_services
from core.ui.dance_job import DanceRequest, start
from core.ui.options import choose_of
from core.ui.text import plain
from core.ui.visitor_state import VisitorState, current_visitor
from core.video.formats import FORMATS, OutputFormat

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.transfer import SourceAnalysis

_Framing: TypeAlias = Literal["as it is"] | Shape
_SHAPES: Final[dict[_Framing, str]] = {"as it is": "As it is", "9:16": "9:16", "1:1": "1:1", "16:9": "16:9"}
_FORMATS: Final[dict[str, OutputFormat]] = {known.name: known for known in FORMATS}
_MOTION: Final = {".bvh": ("Motion, BVH", "text/plain"), ".json": ("Motion, JSON", "application/json")}


def show_export(request: DanceRequest) -> None:
    """What else can be made of a result, in one control."""
    visitor = current_visitor()
    with st.popover("Export", icon=":material/ios_share:", key="export", width="stretch"):
        wanted = _choose(request)
        if st.button("Make it", key="export-make", type="primary", disabled=wanted == request, width="stretch"):
            _start(visitor, wanted)
        st.caption("The dance is not looked at again: it takes a quarter of the time.")
        seen = visitor.seen(request)
        if seen is not None:
            _motion_downloads(request, seen)


def _choose(request: DanceRequest) -> DanceRequest:
    name = choose_of("Format", {name: known.title for name, known in _FORMATS.items()}, "export-format")
    shape: Shape | None = None
    if request.layout == "result":
        chosen = choose_of("Shape, framed around the performer", _SHAPES, "export-shape")
        shape = None if chosen == "as it is" else chosen
    wanted = _FORMATS[name]
    able = wanted.transparent and request.layout == "result"
    transparent = able and st.toggle("Transparent background", key="export-transparent")
    background = request.background
    if transparent:
        background = "transparent"
    elif background == "transparent":
        background = "stage"
    label = st.toggle("Label it “AI-generated”", value=settings().labels_results, key="export-label")
    return replace(
        request, format=wanted, shape=shape, label=label, background=background,
        backdrop=None if background in {"transparent", "stage"} else request.backdrop,
    )  # fmt: skip


def _start(visitor: VisitorState, wanted: DanceRequest) -> None:
    try:
        visitor.dances.put(start(app_services(), wanted, visitor.seen(wanted)))
    except DanceError as error:
        st.error(plain(str(error)))
    else:
        st.rerun()


def _motion_downloads(request: DanceRequest, seen: SourceAnalysis) -> None:
    for ending, (title, mime) in _MOTION.items():
        st.download_button(
            title, data=_motion_of(seen, ending), file_name=request.file_name(ending, "motion"), mime=mime,
            key=f"export-motion{ending}", on_click="ignore", icon=":material/download:", width="stretch",
        )  # fmt: skip


def _motion_of(seen: SourceAnalysis, ending: str) -> Callable[[], bytes]:
    """The motion's file, made when it is asked for."""

    def made() -> bytes:
        from core.pipeline import dancer_of
        from core.pose.motion_export import as_bvh, as_json
        from core.transfer import frame_rate

        _, poses = dancer_of(seen.analysis)
        make = as_bvh if ending == ".bvh" else as_json
        return make(poses, seen.analysis.seconds, frame_rate(seen.analysis.times)).encode()

    return made
