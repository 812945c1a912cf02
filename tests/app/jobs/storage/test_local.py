import errno
import os
import stat
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest

from app.jobs.storage import keys
from app.jobs.storage.local import LocalStorage
from app.jobs.storage.opening import open_storage
from app.jobs.storage.protocol import BlobExistsError, BlobNotFoundError
from app.settings import Settings

JOB = "ab" * 16


def test_what_was_put_is_there_and_nothing_else(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    storage.put(keys.manifest_key(JOB), b"one")
    storage.put(keys.manifest_key(JOB), b"two")
    assert storage.get(keys.manifest_key(JOB)) == b"two"
    assert storage.list(keys.job_prefix(JOB)) == [keys.manifest_key(JOB)]
    assert len(list(tmp_path.rglob("*.*"))) == 1


def test_a_write_that_fails_keeps_the_old_bytes_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = LocalStorage(tmp_path)
    storage.put("a/b", b"old")

    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        storage.put("a/b", b"new")
    assert storage.get("a/b") == b"old"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]


@pytest.mark.parametrize("replace", [True, False])
def test_a_name_lasts_before_anybody_is_told_that_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, replace: bool
) -> None:
    """The file is flushed before it has its name, and all folders on the way to it afterwards."""
    flushed: list[tuple[int, bool]] = []
    flush, path = os.fsync, tmp_path / keys.manifest_key(JOB)

    def noting(descriptor: int) -> None:
        flush(descriptor)
        flushed.append((os.fstat(descriptor).st_ino, path.exists()))

    monkeypatch.setattr("os.fsync", noting)
    LocalStorage(tmp_path).put(keys.manifest_key(JOB), b"one", replace=replace)
    way = [(each.stat().st_ino, True) for each in (path.parent, path.parent.parent, tmp_path)]
    assert flushed == [(path.stat().st_ino, False), *way]


def test_what_is_deleted_while_it_is_written_fails_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where a photo is deleted while a worker paints it; here between the new name and its folder's flush."""
    storage, rename = LocalStorage(tmp_path), os.replace

    def deleted_at_once(source: str, target: Path) -> None:
        rename(source, target)
        storage.delete_prefix(keys.job_prefix(JOB))

    monkeypatch.setattr("os.replace", deleted_at_once)
    storage.put(keys.manifest_key(JOB), b"one")
    assert storage.list("jobs/") == []


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EIO])
def test_a_share_that_flushes_no_folders_will_do_and_a_broken_disk_will_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    flush = os.fsync

    def only_files(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))
        flush(descriptor)

    monkeypatch.setattr("os.fsync", only_files)
    with nullcontext() if number == errno.EINVAL else pytest.raises(OSError, match="Input/output"):
        LocalStorage(tmp_path).put("a/b", b"one")


def test_a_file_is_written_in_pieces_and_is_there_at_the_end(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    storage.put("a/b", b"old")
    with storage.writing("a/b") as file:
        file.write(b"new")
        file.seek(1)
        assert file.read() == b"ew"
        assert storage.get("a/b") == b"old"
        assert storage.list("a/") == ["a/b"]
    assert storage.get("a/b") == b"new"


def test_a_file_whose_writing_is_broken_off_leaves_nothing(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    with pytest.raises(ValueError, match="closed"), storage.writing("a/b") as file:
        file.close()
    assert list((tmp_path / "a").iterdir()) == []
    storage.put("a/b", b"first")
    with pytest.raises(BlobExistsError), storage.writing("a/b", replace=False) as file:
        file.write(b"second")
    assert storage.get("a/b") == b"first"
    assert storage.list("a/") == ["a/b"]


def test_what_is_opened_is_a_real_file(tmp_path: Path) -> None:
    storage = open_storage(Settings(data=tmp_path))
    storage.put(keys.manifest_key(JOB), b"manifest")
    with storage.open(keys.manifest_key(JOB)) as file:
        assert os.pread(file.fileno(), 4, 2) == b"nife"


def test_a_reader_keeps_what_is_deleted_or_replaced(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    changes: list[Callable[[], object]] = [lambda: storage.put("a/b", b"other"), lambda: storage.delete_prefix("a/")]
    for change in changes:
        storage.put("a/b", b"whole")
        with storage.open("a/b") as file:
            assert file.read(2) == b"wh"
            change()
            assert file.read() == b"ole"
    with pytest.raises(BlobNotFoundError):
        storage.open("a/b")


def test_missing_blobs_and_deleted_folders(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    storage.put("a/b/c", b"x")
    storage.delete_prefix("a/")
    storage.delete_prefix("a/")
    assert not storage.exists("a/b/c")
    with pytest.raises(BlobNotFoundError):
        storage.get("a/b/c")


@pytest.mark.parametrize("key", ["../x", "/etc/passwd", "a/../../x", "a//b", "", "a/.hidden", "A", "a\x00b", "a\\b"])
def test_keys_that_nobody_generated_are_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(ValueError, match="not a key"):
        LocalStorage(tmp_path).put(key, b"x")


@pytest.mark.parametrize("job_id", ["", "..", "A" * 32, "0" * 31, "0" * 32 + "\n", "../" + "0" * 29])
def test_ids_that_nobody_generated_are_refused(job_id: str) -> None:
    with pytest.raises(ValueError, match="not an id"):
        keys.manifest_key(job_id)


def test_a_wrong_clock_takes_nothing_that_has_just_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage, now = LocalStorage(tmp_path), time.time()
    storage.put("a/b", b"one")
    with storage.writing("a/c") as file:
        file.write(b"half")
        monkeypatch.setattr(time, "time", lambda: now + 4 * 3600)
        assert storage.tidy("a/", 3600) == []
        assert abs(storage.age_s("a/b")) < 600
    assert storage.get("a/c") == b"half"
