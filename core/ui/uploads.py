"""Taking in what a visitor uploads, so that nothing of it is left when that fails."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core.errors import DanceError, OverLimit
from core.services.file_store import FileLease
from core.ui.error_messages import in_one_sentence
from core.ui.server import was_refused
from core.ui.visitor_state import VisitorState

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

logger = logging.getLogger(__name__)


def take_upload(visitor: VisitorState, role: str, upload: UploadedFile, take: Callable[[], FileLease]) -> bool:
    """Put an upload on the visitor's shelf, or keep a sentence that says why not; either way its memory is given back.

    Args:
        here: the visit.
        role: on the shelf, and of the sentence in ``here.refused``.
        upload: what Streamlit gave. Its uploader must not be shown again: it would still name it.
        take: stores it; leaves nothing where it raises.
    """
    try:
        require_content(upload)
        hold = take()
    except Exception as error:
        if not isinstance(error, DanceError):
            logger.exception("an upload could not be taken in")
        visitor.refused[role] = in_one_sentence(error)
        return False
    finally:
        give_back(upload)
    visitor.refused.pop(role, None)
    visitor.session_files.put(role, hold)
    return True


def require_content(upload: UploadedFile) -> None:
    """Make sure that an upload was not refused while it came (see :class:`core.ui.server.UploadMemory`).

    Raises:
        OverLimit: it was.
    """
    if was_refused(upload.file_id):
        raise OverLimit(f"There was no room for {upload.name} just now: please try again in a minute.")


def give_back(*uploads: UploadedFile) -> None:
    """Give back the memory in which Streamlit holds whole uploads until the visitor is gone."""
    context = get_script_run_ctx(suppress_warning=True)
    for upload in uploads:
        if context is not None and isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
            context.uploaded_file_mgr.remove_file(context.session_id, upload.file_id)
        upload.close()
