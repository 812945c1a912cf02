"""An address as a picture that a phone's camera reads."""

from __future__ import annotations

import segno
from markupsafe import Markup

QUIET_ZONE = 4  # modules without anything around it (ISO/IEC 18004, section 5.3.8)


def qr_code(address: str) -> Markup:
    """A QR code as an SVG to stand in a page; it has no size of its own."""
    drawn = segno.make_qr(address, error="m").svg_inline(border=QUIET_ZONE, omitsize=True, svgclass="share__code")
    return Markup(drawn)  # noqa: S704 - a drawing, in which the address is no text
