"""The page of a finished artwork: what it was made with, and ways to go on from there."""

from __future__ import annotations

import html
import re

import pytest
from starlette.testclient import TestClient

from tests.app import pictures
from tests.app.conftest import Paint
from tests.app.test_api import finish


@pytest.fixture
def finished(client: TestClient, paint: Paint) -> str:
    """A job with an artwork, which asked for a few things."""
    job_id = paint(style=["dusk", "checks"], weight=["0.7", "0.3"], strength="1.9", keep_colors="0.5", optimizer="adam")
    finish(client.app.state.studio, job_id, pictures.encoded(pictures.quarters(512, 384)))  # type: ignore[attr-defined]
    return job_id


def test_something_can_be_changed_with_all_the_rest_kept(client: TestClient, finished: str) -> None:
    page = client.get(f"/jobs/{finished}").text
    address = html.unescape(re.search(r'href="([^"]+)">Change something', page)[1])  # type: ignore[index]
    for field in ("style=dusk&weight=0.7", "style=checks&weight=0.3", "strength=1.9", "optimizer=adam"):
        assert field in address
    form = client.get(address).text
    assert re.search(r'name="strength" value="1.9" checked', form)
    assert re.search(r'<option value="adam" selected', form)
    assert re.search(r'name="photo_id"[^>]*value="\w{32}"', form)


def test_recipe_says_it_in_words_and_names_nobody(client: TestClient, finished: str) -> None:
    page = html.unescape(client.get(f"/jobs/{finished}").text)
    recipe = dict(re.findall(r"<dt>([^<]+)</dt><dd>(.+?)</dd>", page))
    assert recipe["Paintings"] == "Dusk & <Dawn> 70 %, Checks 30 %"
    assert recipe["Strength"] == "Bolder (1.9)"
    assert recipe["Colours"] == "Half and half"
    assert recipe["Way of painting"] == "Our studio’s"
    assert recipe["Optimiser"] == "Adam"
    assert "Pooling" not in recipe
    assert not re.search(r"[0-9a-f]{32}", " ".join(recipe.values()))
