"""Which files may be HEIC, by the brands that ISO/IEC 23008-12 and the AV1 image format give."""

from __future__ import annotations

import pytest

from app.reading import heic


@pytest.mark.parametrize("brand", [b"heic", b"heix", b"hevc", b"heim", b"mif1", b"msf1"])
def test_files_of_boxes_may_be_heic(brand: bytes) -> None:
    assert heic.may_be(b"\0\0\0\x18ftyp" + brand)


@pytest.mark.parametrize(
    "head", [b"", b"\0\0\0\x18ftypavif", b"\0\0\0\x18ftypavis", b"\xff\xd8\xff\xe0\0\x10JFIF\0\1", b"ftypheic\0\0\0\0"]
)
def test_no_other_file_is_taken_for_it(head: bytes) -> None:
    assert not heic.may_be(head)
