"""`atelier paint --network`: photos through an image transformation network."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from PIL import Image

from app.jobs.files.recipe import Ingredient, Recipe, version
from app.jobs.files.strips import Picture
from app.jobs.work import NETWORK_OPTIONS
from worker import engine
from worker.engine.networks.transform_net import SUFFIX
from worker.job.networks import told_of
from worker.machine.devices import Device
from worker.shell.files import UsageError, mask_in

# Below the folder of models: those that ship, each by its style's id.
SHIPPED = "fast"
# Flags whose options have other names, and those that are no options of the engine.
FLAGS = {"content_layers": "content_layer", "style_layers": "style_layer"}


@dataclass(frozen=True)
class ByNetwork:
    """A network, and all that photos are painted with beside it."""

    network: engine.TransformNet
    options: engine.PaintOptions
    keep: Image.Image | None
    color_mask: Image.Image | None
    room: engine.Room
    upscaler: engine.Upscaler | None = None

    @staticmethod
    def of(
        args: argparse.Namespace, options: engine.PaintOptions, models: Path, device: Device, room: engine.Room
    ) -> ByNetwork:
        """What was typed, loaded.

        Raises:
            UsageError: there is no such network, or an option was typed that says nothing to one.
            NetworkFormatError: it is another kind of file, or damaged.
            UpscalerUnavailableError: the network that is to enlarge is not here.
        """
        typed = beyond_networks(options)
        typed += ["mask"] if args.mask else []
        typed += ["extractor"] if args.extractor != "auto" else []
        if typed:
            flags = ", ".join("--" + FLAGS.get(name, name).replace("_", "-") for name in typed)
            raise UsageError(
                f"{flags} says nothing to a network, which was trained once for all: leave it out, or paint by --style."
            )
        network = engine.load_transform_net(network_file(args.network, models), device.torch)
        keep, color_mask = (mask_in(path) if path else None for path in (args.keep, args.color_mask))
        upscaler = engine.load_upscaler(models, device.torch) if options.resample == "network" else None
        return ByNetwork(network, options, keep, color_mask, room, upscaler)

    def painted(self, photo: Image.Image, watch: Callable[[float], None]) -> Picture:
        """The picture of a photo; `watch` is told what share of it is done."""
        scene = engine.Scene(photo, (), self.keep, self.color_mask, upscaler=self.upscaler)
        canvas = engine.transferred(photo, self.network, self.options.size, self.room, watch)
        return engine.Finish(scene, self.options)(canvas)

    def recipe(self, keep_transparency: bool) -> Recipe:
        """What every artwork's file says of it."""
        about = self.network.about
        return Recipe(
            atelier=version(),
            styles=[Ingredient(title=about.title, artist=about.artist)],
            network=told_of(self.network),
            options=as_typed(self.options, NETWORK_OPTIONS),
            keep=self.keep is not None,
            color_mask=self.color_mask is not None,
            keep_transparency=keep_transparency,
            upscaler=self.upscaler.weights_hash if self.upscaler else None,
        )


def as_typed(options: engine.PaintOptions, names: tuple[str, ...] | None = None) -> dict[str, Any]:
    """The options, or those of these names, without what was left to a preset."""
    named = names or tuple(field.name for field in fields(options))
    return {name: value for name in named if (value := getattr(options, name)) is not None}


def network_file(name: str, models: Path) -> Path:
    """The file of a network: as it was named, or one that ships.

    Raises:
        UsageError: there is none; the message names those that ship.
    """
    shipped = {path.stem: path for path in sorted((models / SHIPPED).glob(f"*{SUFFIX}"))}
    if name in shipped and not Path(name).exists():
        return shipped[name]
    if not Path(name).is_file():
        those = f"Those that ship are {', '.join(shipped)}." if shipped else "`atelier train-fast` makes networks."
        raise UsageError(f"There is no network {name!r}, and no such file. {those}")
    return Path(name)


def beyond_networks(options: engine.PaintOptions) -> list[str]:
    """The options that are not as usual, and say nothing to a network."""
    usual = engine.PaintOptions()
    names = [field.name for field in fields(usual) if field.name not in NETWORK_OPTIONS]
    return [name for name in names if getattr(options, name) != getattr(usual, name)]
