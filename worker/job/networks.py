"""Image transformation networks as a job knows them: what can be asked of one, and what a recipe says of it."""

from __future__ import annotations

from dataclasses import fields

from app.jobs.files.recipe import Network
from app.jobs.work import NETWORK_OPTIONS
from worker import engine


def beyond_networks(options: engine.PaintOptions) -> list[str]:
    """The options that are not as usual, and say nothing to a network."""
    usual = engine.PaintOptions()
    names = [field.name for field in fields(usual) if field.name not in NETWORK_OPTIONS]
    return [name for name in names if getattr(options, name) != getattr(usual, name)]


def told_of(network: engine.TransformNet) -> Network:
    """What a recipe says of a network."""
    return Network(name=f"transform-net {network.about.arch}", weights=network.weights_hash)
