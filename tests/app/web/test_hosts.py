"""By which names the site answers: DNS rebinding lets a stranger's page ask by its own."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from app.main import create_app
from app.settings import Settings

HERE, LAN = "127.0.0.1", "192.0.2.7"
OURS = ["localhost", "localhost:8000", "LOCALHOST", "app.localhost:8000", "127.0.0.1:8000", "[::1]:8000", "localhost."]
STRANGE = ["evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example", "[", "a b"]


def statuses(settings: Settings, hosts: list[str], arrived_at: str = HERE, path: str = "/robots.txt") -> set[int]:
    """What is answered to requests for these names, over connections to this address of ours."""
    with TestClient(create_app(settings), base_url=f"http://{arrived_at}:8000") as client:
        return {client.get(path, headers={"Host": host}).status_code for host in hosts}


def test_this_machines_own_names_are_answered(settings: Settings) -> None:
    assert statuses(settings, [*OURS, ""]) == {200}


@pytest.mark.parametrize("path", ["/", "/api/v1/styles", "/metrics"])
def test_another_name_is_refused_where_only_this_machine_is_to_reach_the_site(settings: Settings, path: str) -> None:
    assert statuses(settings, STRANGE, path=path) == {421}


def test_the_refusal_names_the_setting_and_not_the_name(settings: Settings) -> None:
    with TestClient(create_app(settings), base_url=f"http://{HERE}") as client:
        answer = client.get("/api/v1/styles", headers={"Host": "evil.example"})
    assert (answer.status_code, answer.json()["code"]) == (421, "host-unknown")
    assert "ATELIER_HOSTS" in answer.json()["detail"]
    assert "evil" not in answer.text


@pytest.mark.parametrize(
    ("changes", "arrived_at"),
    [
        ({"host": "0.0.0.0"}, HERE),
        ({"host": "192.0.2.7"}, LAN),
        ({}, LAN),  # uvicorn was told to listen elsewhere than the settings say
        ({"trusted_proxies": "192.0.2.1"}, HERE),  # the proxy has a name that only its owner knows
        ({"hosts": "*"}, HERE),
    ],
)
def test_a_site_for_others_answers_to_any_name_unless_told(
    settings: Settings, changes: dict[str, str], arrived_at: str
) -> None:
    assert statuses(settings.model_copy(update=changes), [*STRANGE, *OURS], arrived_at) == {200}


@pytest.mark.parametrize("changes", [{}, {"host": "0.0.0.0"}, {"trusted_proxies": "192.0.2.1"}])
@pytest.mark.parametrize("arrived_at", [HERE, LAN])
def test_listed_names_are_the_only_ones(settings: Settings, changes: dict[str, str], arrived_at: str) -> None:
    listed = settings.model_copy(update=changes | {"hosts": "atelier.example, Other.example"})
    answered = ["atelier.example", "other.example:443", *OURS]  # probes ask by address
    assert statuses(listed, answered, arrived_at) == {200}
    assert statuses(listed, STRANGE, arrived_at) == {421}
