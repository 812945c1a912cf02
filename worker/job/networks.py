"""What a recipe says of an image transformation network."""

from __future__ import annotations

from app.jobs.files.recipe import Network
from worker import engine


def told_of(network: engine.TransformNet) -> Network:
    """What a recipe says of a network."""
    return Network(name=f"transform-net {network.about.arch}", weights=network.weights_hash)
