"""The shared address as a picture that a phone's camera reads."""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.etree import ElementTree

from starlette.testclient import TestClient

from app.pages.qr import QUIET_ZONE, qr_code
from app.services import Services
from tests.app import pictures
from tests.app.api.test_jobs import finish
from tests.app.conftest import Paint

ADDRESS = "https://atelier.example/s/" + "0123456789abcdef" * 2
FINDER = ["1111111", "1000001", "1011101", "1011101", "1011101", "1000001", "1111111"]


def modules(drawing: str) -> list[str]:
    """The rows of dark (1) and light (0) modules of a drawing, by its one path of horizontal strokes."""
    (path,) = ElementTree.fromstring(drawing).iter("path")
    side = int(re.search(r'viewBox="0 0 (\d+) \1"', drawing)[1])  # type: ignore[index]
    rows = [["0"] * side for _ in range(side)]
    x, y = 0.0, 0.0
    for command, numbers in re.findall(r"([Mmh])([-.\d ]+)", path.attrib["d"]):
        values = [float(each) for each in numbers.split()]
        if command == "h":
            rows[int(y)][int(x) : int(x + values[0])] = ["1"] * int(values[0])
            x += values[0]
        else:
            x, y = (values[0], values[1]) if command == "M" else (x + values[0], y + values[1])
    return ["".join(row) for row in rows]


def mask_pattern(rows: list[str]) -> int:
    """Which mask was laid over the data (ISO/IEC 18004, 7.9.1: format information, itself masked)."""
    bits = "".join(rows[8][column] for column in (2, 3, 4))
    return int(bits, 2) ^ 0b101


def text_of(rows: list[str]) -> str:
    """The text in a code of version 3 to 6 of byte mode and one or two blocks at level M, read without correction.

    Source: ISO/IEC 18004:2015, 7.7.3 (placement), 7.8.2 (masks), 7.4 (modes), table 9 (blocks).
    """
    side = len(rows)
    version = (side - 17) // 4
    masks: list[Callable[[int, int], int]] = [
        lambda r, c: (r + c) % 2, lambda r, c: r % 2, lambda r, c: c % 3, lambda r, c: (r + c) % 3,
        lambda r, c: (r // 2 + c // 3) % 2, lambda r, c: r * c % 2 + r * c % 3,
        lambda r, c: (r * c % 2 + r * c % 3) % 2, lambda r, c: ((r + c) % 2 + r * c % 3) % 2,
    ]  # fmt: skip
    mask = masks[mask_pattern(rows)]
    aligned = side - 7  # the middle of the only alignment pattern

    def is_data(r: int, c: int) -> bool:
        in_finder = (r < 9 and c < 9) or (r < 9 and c >= side - 8) or (r >= side - 8 and c < 9)
        return not (in_finder or r == 6 or c == 6 or (abs(r - aligned) < 3 and abs(c - aligned) < 3))

    bits = ""
    columns = [c for c in range(side - 1, 0, -2) if c > 6] + [5, 3, 1]
    for turn, right in enumerate(columns):
        for r in range(side - 1, -1, -1) if turn % 2 == 0 else range(side):
            for c in (right, right - 1):
                if is_data(r, c):
                    bits += str(int(rows[r][c]) ^ (mask(r, c) == 0))
    words = [int(bits[at : at + 8], 2) for at in range(0, len(bits) - 7, 8)]
    blocks, each = {3: (1, 44), 4: (2, 32), 5: (2, 43), 6: (4, 27)}[version]
    data = bytes(words[block + blocks * place] for block in range(blocks) for place in range(each))
    stream = "".join(f"{byte:08b}" for byte in data)
    assert stream[:4] == "0100", "bytes"
    length = int(stream[4:12], 2)
    return bytes(int(stream[12 + 8 * at : 20 + 8 * at], 2) for at in range(length)).decode()


def test_the_drawing_holds_the_address() -> None:
    drawn = modules(qr_code(ADDRESS))
    assert not any("1" in row for row in drawn[:QUIET_ZONE])
    rows = [row[QUIET_ZONE:-QUIET_ZONE] for row in drawn[QUIET_ZONE:-QUIET_ZONE]]
    assert [row[:7] for row in rows[:7]] == [row[-7:] for row in rows[:7]] == [row[:7] for row in rows[-7:]] == FINDER
    assert text_of(rows) == ADDRESS


def test_it_brings_no_style_and_no_script() -> None:
    # The policy of the pages would refuse both.
    assert not re.search(r"style=|<script|<style|on\w+=|width=|href", qr_code(ADDRESS))


def test_the_page_of_what_is_shared_shows_it(client: TestClient, services: Services, paint: Paint) -> None:
    job_id = paint()
    finish(services, job_id, pictures.encoded(pictures.quarters(320, 240)))
    assert "share__code" not in client.get(f"/jobs/{job_id}").text
    client.post(f"/jobs/{job_id}/share")
    page = client.get(f"/jobs/{job_id}").text
    address = re.search(r'id="address" value="([^"]+)"', page)[1]  # type: ignore[index]
    drawing = re.search(r"<svg[^>]*share__code.*?</svg>", page, re.DOTALL)
    assert drawing
    assert drawing[0] == qr_code(address)
