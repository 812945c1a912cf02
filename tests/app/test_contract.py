"""Every operation answers as the OpenAPI document says, whatever fits the document or does not.

The requests are generated from the document; half of them name a photo and a job that are there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hypothesis
import pytest
import requests
from hypothesis import strategies
from schemathesis import Case, GenerationMode, openapi
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.testclient import TestClient

from app.jobs import keys
from app.jobs.models import JobState, Series
from app.main import create_app
from app.settings import Settings
from app.studio import Studio
from tests.app import pictures

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# A few seconds for each operation; derandomised, so that a run which passed passes again.
EXAMPLES = hypothesis.settings(
    max_examples=60,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)
FEW = hypothesis.settings(EXAMPLES, max_examples=5)
SCHEMA = openapi.from_dict(create_app(Settings()).openapi())
OPERATIONS = [found.ok() for found in SCHEMA.get_all_operations()]


def can_be_violated(operation: Any) -> bool:
    """Whether a request can break the document's rules for it at all: any text is a job's id by its type."""
    parameters = operation.definition.raw.get("parameters", [])
    return "requestBody" in operation.definition.raw or any(
        each["schema"].get("type") != "string" or "enum" in each["schema"]
        for each in parameters
        if each["in"] != "header"
    )


WRITES = [operation for operation in OPERATIONS if operation.method != "get"]
VIOLABLE = [operation for operation in OPERATIONS if can_be_violated(operation)]


@pytest.fixture
def job_ids(client: TestClient, photo_id: str) -> list[str]:
    """Jobs in each state that answers differently: waiting, running, stopped, finished with preview and artwork."""
    studio: Studio = client.app.state.studio  # type: ignore[attr-defined]
    studio.records.saw_worker("tests", 64_000_000_000)
    wish = {"photo": photo_id, "styles": [{"id": "dusk"}]}
    waiting, running, stopped, finished = (client.post("/api/v1/jobs", json=wish).json()["id"] for _ in range(4))
    studio.records.request_cancel(stopped)
    for job_id in (running, finished):
        assert studio.records.claim(job_id, 3600, "tests", lambda _: True)
    job = studio.records.get(finished)
    picture = pictures.quarters()
    studio.storage.put(keys.artwork_key(job.id, job.fence), pictures.encoded(picture))
    studio.storage.put(keys.preview_key(job.id, job.fence, 1), pictures.encoded(picture, "WEBP"))
    fields = {
        "preview": 1,
        "preview_fence": job.fence,
        "artwork_width": picture.width,
        "artwork_height": picture.height,
    }
    studio.records.end(job, JobState.FINISHED, fields)
    return [waiting, running, stopped, finished]


@pytest.fixture
def series_id(client: TestClient, photo_id: str, job_ids: list[str]) -> str:
    """A series of the first and the last of those jobs: one waits, one is finished."""
    studio: Studio = client.app.state.studio  # type: ignore[attr-defined]
    series = Series(id="5" * 32, created_at=0, photos=[photo_id], jobs=[job_ids[0], job_ids[-1]])
    studio.storage.put(keys.series_key(series.id), series.model_dump_json().encode())
    return series.id


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_requests_that_fit_are_answered_as_documented(
    operation: Any, client: TestClient, photo_id: str, job_ids: list[str], series_id: str
) -> None:
    statuses = set()

    @EXAMPLES
    @hypothesis.given(
        case=operation.as_strategy(),
        job_id=strategies.none() | strategies.sampled_from(job_ids),
        photo=strategies.none() | strategies.just(photo_id),
    )
    def holds(case: Case, job_id: str | None, photo: str | None) -> None:
        name_what_is_there(case, job_id, photo, series_id)
        answer = send(client, case)
        statuses.add(answer.status_code)
        case.validate_response(answer, checks=CHECKS)

    holds()
    assert any(status < 400 for status in statuses), f"only refusals were met: {statuses}"


@pytest.mark.parametrize("operation", VIOLABLE, ids=lambda operation: operation.label)
def test_requests_that_do_not_fit_are_refused_as_documented(operation: Any, client: TestClient) -> None:
    @EXAMPLES
    @hypothesis.given(case=operation.as_strategy(GenerationMode.NEGATIVE))
    def holds(case: Case) -> None:
        case.validate_response(send(client, case), checks=[*CHECKS, negative_data_rejection])

    holds()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_answers_without_redis_are_documented(
    operation: Any, settings: Settings, photo_id: str, job_ids: list[str], series_id: str, tmp_path: Path
) -> None:
    nowhere = settings.model_copy(update={"redis_url": f"unix://{tmp_path}/nothing"})
    with TestClient(create_app(nowhere), raise_server_exceptions=False) as client:

        @FEW
        @hypothesis.given(case=operation.as_strategy(), job_id=strategies.sampled_from(job_ids))
        def holds(case: Case, job_id: str) -> None:
            name_what_is_there(case, job_id, photo_id, series_id)
            answer = send(client, case)
            assert answer.status_code != 500
            case.validate_response(answer, checks=CHECKS[1:])

        holds()


@pytest.mark.parametrize("operation", WRITES, ids=lambda operation: operation.label)
def test_refusal_of_another_site_is_documented(operation: Any, client: TestClient) -> None:
    @FEW
    @hypothesis.given(case=operation.as_strategy())
    def holds(case: Case) -> None:
        answer = send(client, case, {"Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == 403
        case.validate_response(answer, checks=CHECKS)

    holds()


def name_what_is_there(case: Case, job_id: str | None, photo: str | None, series_id: str) -> None:
    """Put ids that exist into a generated request, where there are any to put."""
    if job_id and "job_id" in case.path_parameters:
        case.path_parameters["job_id"] = job_id
        case.query.pop("v", None)
    if photo and "photo_id" in case.path_parameters:
        case.path_parameters["photo_id"] = photo
    if photo and "series_id" in case.path_parameters:
        case.path_parameters["series_id"] = series_id
    if photo and case.operation.label == "POST /api/v1/series":
        case.body |= {"photos": [photo], "styles": [{"id": "dusk"}]}
    if photo and case.operation.label == "POST /api/v1/jobs":
        case.body |= {"photo": photo, "styles": [{"id": "dusk"}]}
    if photo and case.operation.label == "POST /api/v1/photos":
        case.body = {"photo": pictures.landscape()}


def send(client: TestClient, case: Case, headers: dict[str, str] | None = None) -> Any:
    """Send a generated request to the running application, encoded by the library that the generator writes for."""
    request = requests.Request(**case.as_transport_kwargs(base_url="http://testserver", headers=headers)).prepare()
    return client.request(request.method, request.url, headers=dict(request.headers), content=request.body)
