"""The names of blobs: in one module, and taken apart as they were put together."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.jobs.storage import keys
from tests.bench import ROOT

HERE = ROOT / "app" / "jobs" / "storage" / "keys.py"
FOLDERS = (*keys.TIDIED, keys.FINGERPRINTS)
FILES = ("photo.jpg", "photo.json", "painting.jpg", "painting.json", "job.json", "series.json", "canvas.tif")
JOB, PHOTO = "a" * 32, "b" * 32


def literals(path: Path) -> Iterator[tuple[int, str]]:
    """Texts that a module's code writes out, with their lines; its docstrings are none."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.lineno, node.value


def is_name_of_a_blob(text: str) -> bool:
    """Addresses of pages are none: they begin with a slash."""
    return text.startswith(FOLDERS) or (text.rpartition("/")[2] in FILES)


def test_names_of_blobs_stand_in_one_module_alone() -> None:
    modules = [path for part in ("app", "worker") for path in sorted((ROOT / part).rglob("*.py")) if path != HERE]
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text!r}"
        for path in modules
        for line, text in literals(path)
        if is_name_of_a_blob(text)
    ]
    assert len(modules) > 100
    assert not found


def test_names_are_found_where_they_may_stand(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(
        '"""photos/ and job.json"""\nkey = f"photos/{id}/" + "/painting.jpg"\npage = "/photos/thumb.webp"\n'
    )
    assert {text for _, text in literals(module) if is_name_of_a_blob(text)} == {"photos/", "/painting.jpg"}


@pytest.mark.parametrize(
    ("key", "folder"),
    [
        (keys.manifest_key(JOB), keys.job_prefix(JOB)),
        (keys.preview_key(JOB, 3, 12), keys.job_prefix(JOB)),
        (keys.mask_meta_key(PHOTO, JOB), keys.photo_prefix(PHOTO)),
        (keys.fingerprint_key(keys.own_fingerprint_prefix(PHOTO), "compact-0"), keys.painting_prefix(PHOTO)),
        (keys.series_key(JOB), keys.series_prefix(JOB)),
        (keys.share_key(JOB), keys.share_prefix(JOB)),
    ],
)
def test_a_blob_belongs_to_the_thing_whose_folder_it_is_in(key: str, folder: str) -> None:
    assert keys.folder_of(key) == folder
    assert keys.kind_of(key) == keys.kind_of(folder) == folder.split("/")[0]
    assert keys.id_of(key) == keys.id_of(folder) == folder.split("/")[1]


def test_names_are_taken_apart_as_they_were_put_together() -> None:
    listed = [keys.manifest_key(JOB), keys.preview_key(JOB, 3, 12), keys.checkpoint_key(JOB, 10)]
    assert keys.ids_of([*listed, "jobs/stray", "jobs/x/y"]) == {JOB}
    assert keys.fences_of(listed) == {3, 10}
    assert [keys.preview_of(key) for key in listed] == [None, (3, 12), None]
    assert [keys.is_manifest(key) for key in listed] == [True, False, False]
    assert [keys.is_checkpoint(key) for key in listed] == [False, False, True]
    assert keys.deletion(keys.deletion_key("photos", PHOTO)) == ("photos", PHOTO)


def test_fingerprints_lie_where_earlier_releases_kept_them() -> None:
    own, other = keys.own_fingerprint_prefix(PHOTO), keys.fingerprint_prefix("0" * 64)
    assert keys.fingerprint_key(own, "vgg19-01234567") == f"paintings/{PHOTO}/fingerprint.vgg19-01234567.safetensors"
    whole = f"fingerprints/{'0' * 64}.compact-0123.max.correlated.safetensors"
    assert keys.fingerprint_key(other, "compact-0123", "max.correlated") == whole
    assert keys.stand_in_key(other) == f"fingerprints/{'0' * 64}.stand-in.png"


@pytest.mark.parametrize("name", ["", "../" * 3, "A" * 32, "a" * 31, "a" * 32 + "\n"])
def test_nothing_that_somebody_sent_becomes_a_name(name: str) -> None:
    for made in (keys.photo_prefix, keys.manifest_key, keys.share_key, lambda sent: keys.deletion_key("jobs", sent)):
        with pytest.raises(ValueError, match="is not an id"):
            made(name)
