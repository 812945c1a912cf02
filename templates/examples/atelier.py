"""Asks an Atelier, with nothing but Python itself."""

import json
import os
import time
import urllib.error
import urllib.request
import uuid

ATELIER = os.environ.get("ATELIER", "http://127.0.0.1:8000")


class RefusedError(Exception):
    """`code` stays the same for programs; the sentence says what to do."""

    def __init__(self, problem):
        self.code = problem["code"]
        super().__init__(problem["detail"])


def ask(path, body=None, headers=None, method=None, tries=5):
    """The answer to a request. When too much is asked at once, it is asked again as soon as the answer says."""
    request = urllib.request.Request(ATELIER + path, body, headers or {}, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.read()
    except urllib.error.HTTPError as error:
        problem, wait_s = json.load(error), error.headers.get("Retry-After")
    if problem["status"] not in (429, 503) or not wait_s or tries == 1:
        raise RefusedError(problem)
    time.sleep(int(wait_s))
    return ask(path, body, headers, method, tries - 1)


def send(path, wish):
    """A wish as JSON. With the same key it is done once, however often it is sent."""
    headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
    return json.loads(ask(path, json.dumps(wish).encode(), headers))


def upload(path, name, picture):
    """The bytes of a picture as a form's file of that name."""
    edge = uuid.uuid4().hex
    head = f'--{edge}\r\nContent-Disposition: form-data; name="{name}"; filename="picture"\r\n\r\n'
    body = head.encode() + picture + f"\r\n--{edge}--\r\n".encode()
    return json.loads(ask(path, body, {"Content-Type": f"multipart/form-data; boundary={edge}"}))


def ended(path):
    """A job or a series when it has ended."""
    while (found := json.loads(ask(path)))["status"] in ("queued", "running"):
        time.sleep(1)
    return found
