"""The site as an app of its reader’s machine: its manifest, its service worker, and what is seen without a network."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response
from starlette.requests import Request

from app.pages.receiving import RECEIVED
from app.services import Services, ServicesHere
from app.translation import _
from app.web.assets import Assets
from app.web.templates import template

router = APIRouter(include_in_schema=False)

EACH_TIME = {"Cache-Control": "no-cache"}
PAPER = "#f5efe4"  # the ground of static/pictures/icon.svg
WITHOUT_NETWORK = "/offline"
# What that page consists of; its scripts import no others.
SHEETS = "css/tokens+base+chrome.css", "css/wall.css"
SCRIPTS = tuple(
    f"js/{name}.js"
    for name in ("offline", "lib/elements", "lib/kept", "lib/moments", "lib/rest", "lib/root", "lib/words")
)


@router.get("/manifest.webmanifest")
def manifest(request: Request, services: ServicesHere) -> Response:
    """The site as an app (W3C's Web Application Manifest), which also takes photos from a phone's share menu."""
    assets: Assets = request.app.state.assets

    def icon(name: str, sizes: str, purpose: str = "any") -> dict[str, str]:
        kind = "svg+xml" if name.endswith(".svg") else "png"
        address = services.at(assets.url(f"pictures/{name}"))
        return {"src": address, "sizes": sizes, "type": f"image/{kind}", "purpose": purpose}

    icons = [
        icon("icon.svg", "any"),
        icon("icon-192.png", "192x192"),
        icon("icon-512.png", "512x512"),
        icon("icon-maskable.png", "512x512", "maskable"),
    ]
    told = {
        "id": services.at("/"),
        "name": "Atelier",
        "short_name": "Atelier",
        "description": _("A photo becomes a painting."),
        "start_url": services.at("/"),
        "scope": services.at("/"),
        "display": "standalone",
        "background_color": PAPER,
        "theme_color": PAPER,
        "categories": ["photo", "entertainment"],
        "icons": icons,
        "shortcuts": [
            {"name": _("Paint a photo"), "url": services.at("/")},
            {"name": _("Draw"), "url": services.at("/draw")},
            {"name": _("Your wall"), "url": services.at("/artworks")},
        ],
        "share_target": {
            "action": services.at(RECEIVED),
            "method": "POST",
            "enctype": "multipart/form-data",
            "params": {"files": [{"name": "photo", "accept": ["image/*"]}]},
        },
    }
    text = json.dumps(told, ensure_ascii=False)
    return Response(text, media_type="application/manifest+json", headers=EACH_TIME)


@router.get("/service-worker.js")
def service_worker(request: Request, services: ServicesHere) -> Response:
    """The script, with what it needs to know before it; another one, which undoes it, where `ATELIER_OFFLINE` is off.

    Browsers ask for it again whenever they open a page, and take one of which any byte is new.
    """
    assets: Assets = request.app.state.assets
    name = "service-worker" if services.settings.offline else "no-worker"
    script = (assets.folder / "js" / f"{name}.js").read_text()
    text = f"self.site = {json.dumps(site(services, assets))};\n{script}"
    return Response(text, media_type="text/javascript", headers=EACH_TIME)


def site(services: Services, assets: Assets) -> dict[str, Any]:
    """What the service worker knows of the site. Names of caches begin with its root: neighbours share their store."""
    shell = f"{services.at('/')}shell-"
    return {
        "shell": shell,
        "cache": shell + assets.hash,
        "kept": f"{services.at('/')}kept",
        "offline": services.at(WITHOUT_NETWORK),
        "api": services.at("/api/*"),
        "files": [services.at(assets.url(path)) for path in (*SHEETS, *SCRIPTS, "pictures/icon.svg")],
    }


@router.get(WITHOUT_NETWORK)
def offline(request: Request) -> Response:
    """The page that the service worker shows in the place of one that can't be reached."""
    return template(request, "offline.html", {})
