"""High dynamic range becomes sRGB: black, grey and paper white by the standards' own numbers, and order above."""

import itertools

import pytest

from app.reading.containers import code_points
from app.reading.hdr import HLG, PQ, TO_SRGB, displayed, from_hlg, from_pq

NARROW = TO_SRGB[1]


def test_pq_is_the_light_that_the_standard_says() -> None:
    """BT.2408, table 1: paper white of 203 cd/m² is at 58 % of the signal; ST 2084: all of it is 10 000 cd/m²."""
    white, most, none = from_pq(0.5807, 1.0, 0.0)
    assert white == pytest.approx(1.0, rel=0.01)
    assert most == pytest.approx(10_000 / 203)
    assert none == 0.0


def test_hlg_is_the_light_that_the_standard_says() -> None:
    """BT.2408, table 1: paper white is at 75 % of the signal; all of it is 1000 cd/m²."""
    assert from_hlg(0.75, 0.75, 0.75) == pytest.approx([1.0] * 3, rel=0.01)
    assert from_hlg(1.0, 1.0, 1.0) == pytest.approx([1000 / 203] * 3, rel=0.001)
    assert from_hlg(0.0, 0.0, 0.0) == [0.0] * 3


@pytest.mark.parametrize("transfer", [PQ, HLG])
@pytest.mark.parametrize("primaries", TO_SRGB)
def test_grey_stays_grey_grows_and_never_leaves_the_screen(primaries: int, transfer: int) -> None:
    shown = [displayed(TO_SRGB[primaries], transfer, *[step / 100] * 3) for step in range(101)]
    assert all(max(color) - min(color) < 0.005 for color in shown)
    assert all(low[0] <= high[0] + 1e-9 for low, high in itertools.pairwise(shown))
    assert shown[0] == (0.0, 0.0, 0.0)
    assert 0.98 < shown[-1][0] <= 1.0001


def test_light_below_the_knee_is_not_changed() -> None:
    """Half of paper white, 101.5 cd/m², is 0.5099 in PQ and 0.7354 in sRGB."""
    assert displayed(NARROW, PQ, *[0.5099] * 3) == pytest.approx([0.7354] * 3, abs=0.003)


@pytest.mark.parametrize(
    ("head", "signal"),
    [
        (b"....colrnclx\0\x09\0\x10\0\x09\x80", (9, 16)),
        (b"colrnclx\0\x0c\0\x12", (12, 18)),
        (b"colrnclx\0\x01\0\x0d\0\x06\x80", (1, 13)),  # sRGB itself
        (b"colrnclx\0\x63\0\x10\0\x09\x80", (99, 16)),  # primaries that are none
        (b"colrnclx\0\x09\0", None),
        (b"", None),
    ],
)
def test_the_signal_is_read_from_the_colour_box(head: bytes, signal: tuple[int, int] | None) -> None:
    assert code_points(head) == signal
