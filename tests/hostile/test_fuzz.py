"""Ten thousand damaged photos: each ends as a photo or as a refusal, and none ends its decoder."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from tests.hostile import fuzz, oddities

COUNT, SEED = 10_000, 1891


def test_damaged_photos_end_as_photos_or_refusals(tmp_path: Path) -> None:
    *_, tally = fuzz.run(COUNT, SEED, tmp_path)
    assert tally.findings == []
    assert tally.total == COUNT
    # The damage must neither spare all files nor spoil all of them.
    assert tally.photos > COUNT / 20
    assert tally.refusals["photo-damaged"] > COUNT / 4
    assert len(tally.refusals) >= 5


def test_undamaged_seeds_are_photos(tmp_path: Path) -> None:
    decoder, tally = fuzz.Decoder(), fuzz.Tally()
    originals = fuzz.seeds()
    faults = [fuzz.try_one(decoder, data, tally) for data in originals]
    decoder.close()
    assert faults == [""] * len(originals)
    assert tally.photos == len(originals)


def test_the_same_seed_gives_the_same_files() -> None:
    originals = [oddities.ARITHMETIC, oddities.hidden_color()]
    first, again, other = ([fuzz.damaged(seed, number, originals) for number in range(50)] for seed in (5, 5, 6))
    assert first == again
    assert first != other


@pytest.mark.parametrize(("number", "status"), [(11, -11), (9, -9)])
def test_a_file_that_ends_its_decoder_is_a_finding_and_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, status: int
) -> None:
    answered = fuzz.Decoder.answer

    def dying(self: fuzz.Decoder, data: bytes) -> bytes:
        if data == b"deadly":
            self._child.send_signal(number)
            self._child.wait()
        return answered(self, data)

    monkeypatch.setattr(fuzz.Decoder, "answer", dying)
    good = io.BytesIO()
    Image.new("RGB", (20, 20)).save(good, "PNG")
    files = [good.getvalue(), b"deadly", good.getvalue()]
    monkeypatch.setattr(fuzz, "damaged", lambda _seed, place, _originals: files[place])
    *_, tally = fuzz.run(len(files), 1, tmp_path)
    assert tally.photos == 2
    assert tally.findings == [f"{tmp_path / '1-1.bin'}: the decoder ended with {status}"]
    assert (tmp_path / "1-1.bin").read_bytes() == b"deadly"
