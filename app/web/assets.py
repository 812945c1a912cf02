"""Static files under names that change with their content, so that a browser may keep them for good.

The name holds one hash over the whole of static/: `/static/<hash>/css/base.css`. ES modules that import each other by
relative paths stay below the same hash, so no file has to be rewritten and there is no build step. Several style sheets
are one request: `/static/<hash>/css/tokens+base.css`.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from app.web.caching import FOREVER

HASH_LENGTH = 12
SHEETS = re.compile(r"css/([a-z]+(?:\+[a-z]+)+)\.css")


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
        self.folder = folder
        self.hash = content_hash(folder)

    def url(self, path: str) -> str:
        """Address of one file, for templates."""
        return f"/static/{self.hash}/{path}"

    async def get_response(self, path: str, scope: Scope) -> Response:
        asked, _, rest = path.partition("/")
        response = self._joined(rest, scope["method"]) or await super().get_response(rest, scope)
        response.headers["Cache-Control"] = FOREVER if asked == self.hash else "no-cache"
        return response

    def _joined(self, path: str, method: str) -> Response | None:
        """Several style sheets in one, each at most once; None for anything else."""
        asked = SHEETS.fullmatch(path)
        if asked is None or method not in {"GET", "HEAD"}:
            return None
        sheets = tuple(self.folder / "css" / f"{name}.css" for name in asked[1].split("+"))
        if len(set(sheets)) < len(sheets) or not all(sheet.is_file() for sheet in sheets):
            return None
        return Response(joined(sheets), media_type="text/css")


@lru_cache(maxsize=64)
def joined(files: tuple[Path, ...]) -> bytes:
    """The bytes of these files, one after the other."""
    return b"".join(file.read_bytes() for file in files)
