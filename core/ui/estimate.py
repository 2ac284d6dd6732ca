"""What a training will take on this computer, told before it begins."""

from __future__ import annotations

from typing import Final

import streamlit as st

from core.services.training_estimate import Throughput
from core.ui.app_services import app_services

_ASK_AGAIN_SECONDS: Final = 1.0


def show_estimate(generator: str, minutes: float, frames: int) -> None:
    """A line; this computer is tried out first where it was not yet."""
    training_estimator = app_services().training_estimator
    if training_estimator is None:
        return
    pace = training_estimator.pace(generator)
    waiting = pace is None and training_estimator.trying
    st.fragment(_tell, run_every=_ASK_AGAIN_SECONDS if waiting else None)(generator, minutes, frames, waiting=waiting)


def _tell(generator: str, minutes: float, frames: int, *, waiting: bool) -> None:
    training_estimator = app_services().training_estimator
    if training_estimator is None:
        return
    pace = training_estimator.pace(generator)
    if pace is not None:
        st.caption(estimate(pace, minutes, frames))
    elif training_estimator.trying:
        st.caption("Trying out how fast this computer learns…")
    if waiting and not training_estimator.trying:
        st.rerun()


def estimate(pace: Throughput, minutes: float, frames: int) -> str:
    """When it will be ready, and how much will have been learnt by then."""
    rounds, ready = pace.rounds(frames, minutes), pace.ready_after(frames, minutes) / 60
    often = f"{rounds:.0f} times" if rounds >= 1.5 else "once" if rounds >= 0.8 else "not even once"
    return (
        f"Here ({pace.device}): ready about {max(ready, 1):.0f} minutes after you press Train. "
        f"Each picture of you is learnt from {often}."
    )
