"""What only this site can have said: a secret, signatures, and ids that follow from it."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from itsdangerous import BadData, Signer
from itsdangerous.encoding import base64_decode, base64_encode

from app.jobs.storage.local import make_last


def load_secret(path: Path) -> bytes:
    """The 32 bytes that sign cookies, made at the first start and readable by the owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    if not path.exists():
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(32))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(fresh, path)  # Of several processes that start at once, the first one's secret stays.
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
        make_last(path.parent)  # all ids of repeated requests follow from it
    return path.read_bytes()


def derived_id(secret: bytes, *parts: str) -> str:
    """An id of 128 bits that follows from `parts`, and that nobody without the secret can tell: 32 hex digits.

    The first part says what it is for.
    """
    return hmac.new(secret, "\0".join(parts).encode(), hashlib.sha256).hexdigest()[:32]


def sign(payload: bytes, secret: bytes, purpose: str) -> str:
    """`payload` and its signature in a form that fits a cookie; for another purpose it counts for nothing."""
    return _signer(secret, purpose).sign(base64_encode(payload)).decode()


def unsign(signed: str, secret: bytes, purpose: str) -> bytes | None:
    """The payload of `sign`, or None where it was not signed with `secret` and for this purpose."""
    try:
        return base64_decode(_signer(secret, purpose).unsign(signed))
    except BadData:
        return _unsign_former(signed, secret, purpose)


def _signer(secret: bytes, purpose: str) -> Signer:
    # Ids are derived from the same secret, and none of them for a purpose that begins like this.
    return Signer(secret, b"signed\0" + purpose.encode(), key_derivation="hmac", digest_method=hashlib.sha256)


def _unsign_former(signed: str, secret: bytes, purpose: str) -> bytes | None:
    """The payload as it was signed before itsdangerous did: browsers keep such cookies for a year."""
    text, _, tag = signed.partition(".")
    try:
        payload, told = base64_decode(text), base64_decode(tag)
    except BadData:
        return None
    known = hmac.digest(secret, b"\0".join([b"signed", purpose.encode(), payload]), "sha256")
    return payload if hmac.compare_digest(told, known) else None
