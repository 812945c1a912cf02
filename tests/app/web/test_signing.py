"""What only this site can have said."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from app.web.signing import load_secret, sign, unsign


def test_signature_round_trip_and_forgeries() -> None:
    secret = b"s" * 32
    signed = sign(b"payload", secret, "purpose")
    assert unsign(signed, secret, "purpose") == b"payload"
    assert unsign(signed, secret, "another") is None
    for forged in [
        signed[:-2] + "AA",
        "x" + signed,
        signed.replace(".", ""),
        "",
        ".",
        "ä.ö",
        sign(b"payload", b"t" * 32, "purpose"),
    ]:
        assert unsign(forged, secret, "purpose") is None


def test_secret_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "new" / "cookie.key"
    secret = load_secret(path)
    assert len(secret) == 32
    assert load_secret(path) == secret
    assert path.stat().st_mode & 0o077 == 0
    assert list(path.parent.iterdir()) == [path]


def test_what_the_first_version_signed_is_read_and_no_forgery_of_it() -> None:
    secret, payload = b"s" * 32, b"payload"
    # As RFC 2104 has it, written out.
    inner, outer = (bytes(key ^ pad for key in secret.ljust(64, b"\0")) for pad in (0x36, 0x5C))
    tag = hashlib.sha256(outer + hashlib.sha256(inner + b"signed\0purpose\0payload").digest()).digest()
    signed = ".".join(base64.urlsafe_b64encode(each).rstrip(b"=").decode() for each in (payload, tag))
    assert unsign(signed, secret, "purpose") == payload
    assert unsign(signed, secret, "another") is None
    assert unsign(signed, b"t" * 32, "purpose") is None
