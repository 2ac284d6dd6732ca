from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from core.errors import NotAVideo, OutputFailed, OverLimit, UnusableInput
from core.services.file_store import MEGABYTE, FileLease, SessionFiles, StorageLimits, Workspace, display_name, sweep
from core.targets.manifest import is_slug
from tests.waiting import until


@pytest.fixture
def files(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "work")


def test_an_upload_is_copied_under_a_name_that_tells_nothing(files: Workspace) -> None:
    content = os.urandom(3 * MEGABYTE + 17)

    stored = files.take(io.BytesIO(content), "My Holiday.MP4", len(content), 5 * MEGABYTE).stored

    assert stored.path.read_bytes() == content
    assert stored.path.parent == files.folder
    assert "oliday" not in str(stored.path)
    assert len(stored.path.name) >= 20
    assert stored.name == "My Holiday.MP4"


@pytest.mark.skipif(os.name != "posix", reason="permissions of this kind are a Unix thing")
def test_nobody_else_can_look_in(files: Workspace) -> None:
    assert files.folder.stat().st_mode & 0o077 == 0


def test_what_is_too_large_is_refused_before_it_is_read(files: Workspace) -> None:
    class Unreadable(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise AssertionError("it was read")

    with pytest.raises(OverLimit, match=r"^big.mp4 is 2.1 MB: the limit here is 2 MB.$"):
        files.take(Unreadable(), "big.mp4", int(2.1 * MEGABYTE), 2 * MEGABYTE)
    assert list(files.folder.iterdir()) == []


def test_a_size_that_was_a_lie_is_found_out(files: Workspace) -> None:
    with pytest.raises(OverLimit, match="larger than"):
        files.take(io.BytesIO(bytes(3 * MEGABYTE)), "liar.mp4", 10, MEGABYTE)
    assert list(files.folder.iterdir()) == []


def test_a_full_disk_gives_a_sentence_and_leaves_nothing(files: Workspace) -> None:
    class Full(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OutputFailed, match=r"dance.mp4 could not be stored: the disk is full."):
        files.take(Full(), "dance.mp4", 10, MEGABYTE)
    assert list(files.folder.iterdir()) == []


def test_a_file_goes_with_its_last_holder(files: Workspace) -> None:
    session = files.take(io.BytesIO(b"video"), "a.mp4", 5, MEGABYTE)
    stored = session.stored
    job, result = stored.hold(), stored.hold()

    session.release()
    job.release()
    job.release()
    assert stored.path.is_file()

    result.release()
    assert not stored.path.exists()
    with pytest.raises(UnusableInput, match=r"a.mp4 is no longer here"):
        stored.hold()


def test_a_place_for_a_result_may_never_be_filled(files: Workspace) -> None:
    hold = files.new_file("result", ".mp4")
    assert not hold.stored.path.exists()
    hold.release()


def test_a_performers_folder_goes_with_its_last_holder(files: Workspace) -> None:
    visit = files.new_performer("anna.zip")
    folder = visit.stored.path
    assert folder.parent == files.performers
    assert is_slug(folder.name)
    (folder / "weights").mkdir(parents=True)
    (folder / "weights" / "a.json").write_text("{}")
    dance = visit.stored.hold()

    visit.release()
    assert folder.is_dir()
    dance.release()

    assert not folder.exists()
    with pytest.raises(UnusableInput, match=r"anna.zip is no longer here"):
        visit.stored.hold()
    files.new_performer("never made").release()


def test_what_cannot_be_deleted_disturbs_nobody(files: Workspace, caplog: pytest.LogCaptureFixture) -> None:
    def locked(_: Path) -> None:
        raise PermissionError(errno.EACCES, "open elsewhere")

    files.new_performer("anna.zip", locked).release()
    assert "open elsewhere" in caplog.text


def test_errors_speak_of_the_file_by_its_owners_name(files: Workspace) -> None:
    stored = files.take(io.BytesIO(b"x"), "mine.mp4", 1, MEGABYTE).stored

    with pytest.raises(NotAVideo, match=r"^mine.mp4 is empty; there is no file mine.mp4$"), stored.named():
        raise NotAVideo(f"{stored.path.name} is empty; there is no file {stored.path}")


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("dance.mp4", "dance.mp4"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\clip.mov", "clip.mov"),
        ("a\u202egpj.exe\x00\n.mp4", "agpj.exe.mp4"),
        ("", "your file"),
        ("...", "your file"),
        ("tänze 舞.webm", "tänze 舞.webm"),
    ],
)
def test_names_are_made_safe_to_show(given: str, shown: str) -> None:
    assert display_name(given) == shown


def test_long_names_keep_their_ends() -> None:
    shown = display_name("x" * 300 + ".mp4")
    assert len(shown) < 61
    assert shown.endswith(".mp4")


def test_what_a_crash_left_is_deleted_at_the_next_start(tmp_path: Path) -> None:
    root = tmp_path / "work"
    code = (
        "import io, os, sys; from pathlib import Path; from core.services.file_store import Workspace\n"
        "w = Workspace(Path(sys.argv[1])); w.take(io.BytesIO(b'abc'), 'a.mp4', 3, 100); print(w.folder); os._exit(9)"
    )
    died = subprocess.run([sys.executable, "-c", code, str(root)], capture_output=True, text=True, check=False)
    left = Path(died.stdout.strip())
    assert left.is_dir(), died.stderr
    assert list(left.iterdir())

    now = Workspace(root)

    assert not left.exists()
    assert now.folder.is_dir()


def test_folders_of_the_living_and_of_strangers_stay(tmp_path: Path) -> None:
    living = Workspace(tmp_path)
    other = tmp_path / "not-ours"
    other.mkdir()

    assert sweep(tmp_path) == 0
    assert living.folder.is_dir()
    assert other.is_dir()


def test_a_new_process_with_an_old_number_does_not_keep_the_old_folder(tmp_path: Path) -> None:
    born = int(psutil.Process().create_time()) - 86_400
    reused = tmp_path / f"{os.getpid()}-{born}-0123456789abcdef"
    reused.mkdir()

    assert sweep(tmp_path) == 1
    assert not reused.exists()


def test_closing_deletes_the_folder(files: Workspace) -> None:
    files.take(io.BytesIO(b"abc"), "a.mp4", 3, MEGABYTE)
    files.close()
    assert not files.folder.exists()


def test_a_work_folder_that_cannot_be_made_gives_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputFailed, match="DANCE_WORK"):
        Workspace(tmp_path / "file" / "work")


class TestShelf:
    def test_what_is_replaced_is_let_go(self, files: Workspace) -> None:
        session_files = SessionFiles()
        first, second = (files.take(io.BytesIO(b"abc"), name, 3, MEGABYTE) for name in ("a", "b"))

        session_files.put("upload", first)
        session_files.put("upload", second)

        assert not first.stored.path.exists()
        assert session_files.get("upload") is second.stored
        session_files.drop("upload")
        assert not second.stored.path.exists()
        assert session_files.get("upload") is None

    def test_who_stays_away_loses_what_they_held(self, files: Workspace) -> None:
        session_files = SessionFiles(grace_seconds=0.05)
        hold = files.take(io.BytesIO(b"abc"), "a", 3, MEGABYTE)
        session_files.put("upload", hold)

        session_files.away()

        until(lambda: not hold.stored.path.exists())

    def test_who_comes_back_in_time_finds_it(self, files: Workspace) -> None:
        session_files, left = SessionFiles(grace_seconds=2.0), SessionFiles(grace_seconds=2.0)
        hold, lost = (files.take(io.BytesIO(b"abc"), name, 3, MEGABYTE) for name in ("a", "b"))
        session_files.put("upload", hold)
        left.put("upload", lost)

        session_files.away()
        session_files.back()
        left.away()
        until(lambda: not lost.stored.path.exists())

        assert hold.stored.path.exists()
        session_files.clear()


class TestRoom:
    """So much may lie here and no more."""

    @pytest.fixture
    def old(self) -> list[FileLease]:
        """What may be freed, the oldest first."""
        return []

    @pytest.fixture
    def small(self, tmp_path: Path, old: list[FileLease]) -> Workspace:
        """Room for ten megabytes, six of them for one owner."""

        def free(owner: str | None) -> bool:
            found = next((hold for hold in old if owner in {None, hold.stored.owner}), None)
            if found is not None:
                old.remove(found)
                found.release()
            return found is not None

        return Workspace(tmp_path / "small", StorageLimits(10 * MEGABYTE, 6 * MEGABYTE, free))

    def put(self, files: Workspace, size: int, owner: str = "") -> FileLease:
        return files.take(io.BytesIO(bytes(size * MEGABYTE)), "a.mp4", size * MEGABYTE, 100 * MEGABYTE, owner=owner)

    def test_the_oldest_goes_first_and_only_as_much_as_is_needed(self, small: Workspace, old: list[FileLease]) -> None:
        old += [self.put(small, 3), self.put(small, 3), self.put(small, 3)]
        first, second, third = (hold.stored.path for hold in old)

        self.put(small, 4)

        assert [path.exists() for path in (first, second, third)] == [False, True, True]
        assert small.used() == 10 * MEGABYTE

    def test_one_owner_is_bounded_by_what_is_theirs(self, small: Workspace, old: list[FileLease]) -> None:
        old += [self.put(small, 3, "me"), self.put(small, 3, "you")]
        mine, yours = (hold.stored.path for hold in old)

        self.put(small, 4, "me")

        assert not mine.exists()
        assert yours.exists()
        assert small.used("me") == 4 * MEGABYTE

    def test_where_nothing_can_be_freed_it_is_refused_before_it_is_read(self, small: Workspace) -> None:
        kept = [self.put(small, 5, "me"), self.put(small, 4, "you")]

        with pytest.raises(OverLimit, match=r"no room for a\.mp4: all that is yours may take 6 MB here\. Wait"):
            self.put(small, 2, "me")
        with pytest.raises(OverLimit, match=r"no room for a\.mp4 here just now: please try again"):
            self.put(small, 2, "somebody else")

        assert sorted(small.folder.iterdir()) == sorted(hold.stored.path for hold in kept)

    def test_what_is_being_made_counts_for_what_it_may_become_until_it_is_made(self, small: Workspace) -> None:
        made = small.new_file("result", ".mp4", size=8 * MEGABYTE)
        with pytest.raises(OverLimit):
            self.put(small, 3)

        made.stored.path.write_bytes(bytes(MEGABYTE))
        made.stored.settle()

        assert small.used() == MEGABYTE
        self.put(small, 3)
        made.release()
        assert small.used() == 3 * MEGABYTE

    def test_all_of_a_performers_folder_counts(self, small: Workspace) -> None:
        guest = small.new_performer("anna", owner="me", size=MEGABYTE)
        (guest.stored.path / "weights").mkdir(parents=True)
        (guest.stored.path / "weights" / "a").write_bytes(bytes(2 * MEGABYTE))
        assert small.used("me") == 2 * MEGABYTE
