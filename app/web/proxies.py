"""What a proxy in front may say, and what it needs to hear an answer."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

USUAL_PORTS = {"", "80", "443"}


class ListedProxies(ProxyHeadersMiddleware):
    """Believes the forwarded address, scheme, name and port of listed proxies, and of nobody else."""

    # Starlette and uvicorn write the same types differently.
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # type: ignore[override]
        client = scope.get("client")
        if scope["type"] == "http" and (client[0] if client else None) in self.trusted_hosts:
            name = forwarded_name(Headers(scope=scope))
            if name:
                MutableHeaders(scope=scope)["host"] = name
        await super().__call__(scope, receive, send)  # type: ignore[arg-type]


def forwarded_name(headers: Headers) -> str:
    """The name and port that the visitor asked for as the proxy says; empty where it says nothing.

    Of several, the last one was written by the proxy that is listed.
    """
    said = headers.get("x-forwarded-host", headers.get("host", ""))
    name = said.rpartition(",")[2].strip()
    port = headers.get("x-forwarded-port", "").rpartition(",")[2].strip()
    has_port = ":" in name.rpartition("]")[2]  # an IPv6 address in brackets has colons of its own
    return name if not name or has_port or port in USUAL_PORTS else f"{name}:{port}"


class WholeBodies:
    """Takes in the rest of a request that is answered before all of it was read, and ends the answer only then.

    A server that closes a connection on which bytes still arrive cuts off its own answer. A proxy that keeps no
    connections open, as nginx does unless told otherwise, then shows its own page (502) instead of what was said.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        names = {name for name, _ in scope["headers"]} if scope["type"] == "http" else set()
        # Most have no body (RFC 9112, section 6.3); and who waits to be asked for it sends none after an answer.
        if b"expect" in names or not {b"content-length", b"transfer-encoding"} & names:
            return await self.app(scope, receive, send)
        is_whole = False

        async def receive_noting() -> Message:
            nonlocal is_whole
            message = await receive()
            is_whole = not message.get("more_body", False)
            return message

        async def send_at_the_end(message: Message) -> None:
            if message["type"] == "http.response.body" and not message.get("more_body", False) and not is_whole:
                await send({**message, "more_body": True})
                while not is_whole:
                    await receive_noting()
                message = {"type": "http.response.body"}
            await send(message)

        return await self.app(scope, receive_noting, send_at_the_end)
