"""The server's protocol, which answers with a sentence of ours what never gets as far as the application."""

from __future__ import annotations

from uvicorn.protocols.http.h11_impl import H11Protocol

# Read by people and in the logs of proxies, so plain ASCII. Of what can't be read, a missing Host is what happens.
UNREADABLE = (
    "This request can't be read. If a proxy sent it: it has to pass on the Host header, "
    'in nginx with "proxy_set_header Host $http_host;".\n'
)


class Protocol(H11Protocol):
    """h11, which bounds a request's headers; httptools, which uvicorn prefers, takes any number of them."""

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - it says less than we do
        super().send_400_response(UNREADABLE)
