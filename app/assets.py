"""Static files under names that change with their content, so that a browser may keep them for good.

The name holds one hash over the whole of static/: `/static/<hash>/css/base.css`. ES modules and style sheets that
import each other by relative paths stay below the same hash, so no file has to be rewritten and there is no build step.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

HASH_LENGTH = 12
FOREVER = "public, max-age=31536000, immutable"


def content_hash(folder: Path) -> str:
    """Hash over the names and bytes of all files below `folder`, as lower-case hexadecimal digits."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:HASH_LENGTH]


class Assets(StaticFiles):
    """Serves static/ below its hash.

    An outdated hash still answers, for pages opened before an upgrade, but what it answers is not kept.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder)
        self.hash = content_hash(folder)

    def url(self, path: str) -> str:
        """Address of one file, for templates."""
        return f"/static/{self.hash}/{path}"

    async def get_response(self, path: str, scope: Scope) -> Response:
        asked, _, rest = path.partition("/")
        response = await super().get_response(rest, scope)
        response.headers["Cache-Control"] = FOREVER if asked == self.hash else "no-cache"
        return response
