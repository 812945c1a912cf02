"""`atelier train-fast`: an image transformation network for one painting, trained on any folder of photos.

Beside the network lie its checkpoint, a log with a line for each of them, and a picture of samples. A training that was
stopped, however, goes on from its newest checkpoint by the same command, on the same examples: each step draws its own
by its number.
"""

from __future__ import annotations

import argparse
import copy
import functools
import hashlib
import json
import random
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from app.jobs.storage.opening import open_storage
from app.jobs.styles import find_styles
from app.settings import Settings
from worker import engine
from worker.engine.networks.transform_net import SUFFIX, About, TransformNet, about_network
from worker.engine.perceptual import NOISE_SIGMA, Loss, Matched, Perceptual, Weights, unsteadiness
from worker.job.styles import Painting, Paintings
from worker.machine import devices
from worker.shell.files import READABLE, UsageError, opened
from worker.shell.interrupts import Interrupts
from worker.shell.outputs import check_writable
from worker.shell.painting import MODELS, style_named, weighed, with_caches

SAMPLES, SAMPLE_SIDE = 4, 256
# Photos that are kept in memory, shrunk; and how many times as large as a crop they are then at most.
KEPT_PHOTOS, LARGEST = 512, 2.0
# Of the running mean of weights, which is what is saved.
AVERAGED = 0.998
# Of the crops, so many have hardly any contrast: norms amplify what there is in skies and walls.
FLAT_SHARE, FLAT_CONTRAST = 0.05, 0.05


@dataclass(frozen=True)
class Recipe:
    """What decides the result of a training; a checkpoint goes on with the same one only."""

    arch: str
    loss: str
    painting: str  # the SHA-256 of what was measured of it
    style_size: int
    crop: int
    batch: int
    learning_rate: float
    noise: float
    strength: float
    content_layers: dict[str, float] | None
    style_layers: dict[str, float] | None
    tv_weight: float
    extractor: str  # the SHA-256 of its weights
    seed: int


class Beside(NamedTuple):
    """The files of a training."""

    network: Path
    checkpoint: Path
    log: Path
    samples: Path

    @staticmethod
    def of(network: Path) -> Beside:
        return Beside(network, *(network.with_suffix(end) for end in (".checkpoint.pt", ".log.jsonl", ".samples.png")))


class Photos:
    """Crops of the pictures of a folder and of those below it; those that cannot be read are named once and skipped.

    The first ones are kept for samples, where there are many.
    """

    def __init__(self, folder: Path) -> None:
        """Find them.

        Raises:
            UsageError: there is no such folder, or no picture in it.
        """
        if not folder.is_dir():
            raise UsageError(f"--photos {folder} is no folder.")
        found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in READABLE and path.is_file())
        if not found:
            raise UsageError(f"There are no pictures in --photos {folder}; read are {', '.join(READABLE)}.")
        self._folder = folder
        self._for_samples = found[:SAMPLES]
        self._found = found[SAMPLES:] if len(found) > 4 * SAMPLES else found
        self._unreadable: set[Path] = set()
        self._shrunk = functools.lru_cache(KEPT_PHOTOS)(_shrunk)

    def batch(self, rng: random.Random, count: int, side: int) -> Tensor:
        """Crops [B, 3, side, side] in [0, 1].

        Raises:
            UsageError: no picture can be read.
        """
        return torch.cat([self._crop(rng, side) for _ in range(count)])

    def samples(self) -> list[Image.Image]:
        """Some whole photos, the same every time."""
        found = (self._read(path, SAMPLE_SIDE) for path in self._for_samples)
        return [photo for photo in found if photo]

    def _crop(self, rng: random.Random, side: int) -> Tensor:
        photo = None
        while photo is None:
            if len(self._unreadable.intersection(self._found)) == len(self._found):
                raise UsageError(f"Of the pictures in --photos {self._folder} none can be read.")
            photo = self._read(rng.choice(self._found), round(LARGEST * side))
        shortest = min(photo.size)
        ratio = max(side, shortest * rng.uniform(min(1.0, side / shortest), 1.0)) / shortest
        photo = photo.resize((round(photo.width * ratio), round(photo.height * ratio)), Image.Resampling.LANCZOS)
        left, top = rng.randint(0, photo.width - side), rng.randint(0, photo.height - side)
        crop = engine.to_tensor(photo.crop((left, top, left + side, top + side)))
        if rng.random() < 0.5:
            crop = crop.flip(3)
        if rng.random() < FLAT_SHARE:
            mean = crop.mean((2, 3), keepdim=True)
            crop = mean + FLAT_CONTRAST * (crop - mean)
        return crop.contiguous()

    def _read(self, path: Path, shortest: int) -> Image.Image | None:
        if path in self._unreadable:
            return None
        try:
            return self._shrunk(path, shortest)
        except UsageError as error:
            self._unreadable.add(path)
            tqdm.write(f"Left out: {error}", file=sys.stderr)
            return None


def _shrunk(path: Path, shortest: int) -> Image.Image:
    """A photo whose shorter side is at most so many pixels."""
    photo = opened(path)
    ratio = shortest / min(photo.size)
    if ratio >= 1:
        return photo
    return photo.resize((round(photo.width * ratio), round(photo.height * ratio)), Image.Resampling.LANCZOS)


class Training:
    """A network that is being trained."""

    def __init__(self, recipe: Recipe, loss: Loss, photos: Photos, device: torch.device, dtype: torch.dtype) -> None:
        """Begin with random weights, the recipe's seed's.

        Raises:
            ValueError: its architecture is none.
        """
        self.recipe, self._loss, self._photos = recipe, loss, photos
        self._device, self._dtype = device, dtype
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            self.network = TransformNet(About(arch=recipe.arch)).to(device)
        self.mean = copy.deepcopy(self.network).requires_grad_(False)
        self._optimizer = torch.optim.Adam(self.network.parameters(), lr=recipe.learning_rate)
        self.steps, self.seconds = 0, 0.0

    def step(self) -> float:
        """Take one step, and return its loss. Ctrl-C comes before its weights change, or after all of them have.

        Raises:
            NotFiniteError: the loss is none; nothing was changed.
            UsageError: no picture can be read.
        """
        began, recipe = time.monotonic(), self.recipe
        rng = random.Random(recipe.seed * 1_000_003 + self.steps)  # noqa: S311 - no cryptography
        with Interrupts() as interrupts:
            photos = self._photos.batch(rng, recipe.batch, recipe.crop).to(self._device)
            drawn = self._drawn(photos)
            loss = self._loss(drawn, photos)
            if recipe.noise:
                generator = torch.Generator().manual_seed(rng.getrandbits(60))
                noise = NOISE_SIGMA * torch.randn(photos.shape, generator=generator).to(self._device)
                loss = loss + recipe.noise * unsteadiness(drawn, self._drawn(photos + noise))
            self._optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            found = loss.item()
            if not torch.tensor(found).isfinite():
                raise engine.NotFiniteError(
                    f"The loss of step {self.steps + 1} is not finite. Train with a lower --learning-rate."
                )
            interrupts.hold()
            self._optimizer.step()
            # At first the mean of all weights so far, but for the random ones.
            share = max(1 - AVERAGED, 1 / (1 + self.steps / 2))
            for mean, value in zip(self.mean.parameters(), self.network.parameters(), strict=True):
                mean.lerp_(value.detach(), share)
            self.steps += 1
            self.seconds += time.monotonic() - began
        return found

    def _drawn(self, photos: Tensor) -> Tensor:
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._dtype == torch.bfloat16):
            drawn: Tensor = self.network(photos)
        return drawn.float()

    def keep(self, path: Path) -> None:
        """Write all that is needed to go on; whole or not at all.

        Raises:
            OSError: it cannot be written.
        """
        parts = {"network": self.network.state_dict(), "mean": self.mean.state_dict()}
        state = parts | {"optimizer": self._optimizer.state_dict(), "recipe": asdict(self.recipe)}
        partial = path.with_name(f".partial-{path.name}")
        try:
            torch.save(state | {"steps": self.steps, "seconds": self.seconds}, partial)
            partial.replace(path)
        except RuntimeError as error:  # torch's word for a full disk
            raise OSError(f"{path} could not be written: {error}") from error
        finally:
            partial.unlink(missing_ok=True)

    def go_on(self, path: Path) -> None:
        """Go on from a checkpoint.

        Raises:
            UsageError: it is damaged, or of another recipe.
        """
        again = "Name another file with -o, or begin anew with --again."
        try:
            state: dict[str, Any] = torch.load(path, map_location=self._device, weights_only=True)
            begun: dict[str, Any] = state["recipe"]
            other = [name for name, value in asdict(self.recipe).items() if begun.get(name) != value]
            if not other:
                self.network.load_state_dict(state["network"])
                self.mean.load_state_dict(state["mean"])
                self._optimizer.load_state_dict(state["optimizer"])
                self.steps, self.seconds = state["steps"], state["seconds"]
        except Exception as error:  # whatever torch makes of a file that is none of its own
            raise UsageError(f"{path} is damaged ({error}). {again}") from error
        if other:
            now = asdict(self.recipe)
            told = ", ".join(f"{name.replace('_', ' ')} ({begun.get(name)}, now {now[name]})" for name in other)
            raise UsageError(f"{path} was begun with another {told}. {again}")


def train_fast(args: argparse.Namespace, settings: Settings) -> None:
    """Train a network, or go on with it. Ctrl-C keeps it as it is by then.

    Raises:
        UsageError: something that was typed does not fit.
        KeyboardInterrupt: it was stopped.
    """
    files = Beside.of(args.output)
    _check_output(files, args.again)
    photos = Photos(args.photos)
    with with_caches(settings) as cached:
        training, about = _begun(args, cached, photos)
    if files.checkpoint.exists() and not args.again:
        training.go_on(files.checkpoint)
    elif args.again:
        files.log.unlink(missing_ok=True)
    if training.steps >= args.steps:
        print(f"{args.output} has had {training.steps} steps; more --steps train it on.")
        return
    found: list[float] = []
    with tqdm(total=args.steps, initial=training.steps, desc="training", unit="step") as bar:
        try:
            while training.steps < args.steps:
                found.append(training.step())
                bar.set_postfix_str(f"loss {sum(found[-50:]) / len(found[-50:]):.4g}", refresh=False)
                bar.update()
                if training.steps % args.every == 0 and training.steps < args.steps:
                    _write(training, about, photos, files, found)
        except KeyboardInterrupt:
            _write(training, about, photos, files, found)
            bar.close()
            print(f"{args.output}: stopped after {training.steps} steps; the same command goes on.")
            raise
        _write(training, about, photos, files, found)
    print(f"{args.output}: {training.steps} steps, {files.network.stat().st_size / 1e6:.2f} MB")


def _check_output(files: Beside, again: bool) -> None:
    if files.network.suffix != SUFFIX:
        raise UsageError(f"-o {files.network} should end in {SUFFIX}.")
    check_writable(files)
    if files.network.exists():
        try:
            about_network(files.network)
        except engine.NetworkFormatError as error:
            raise UsageError(f"-o {files.network} is there already, and not overwritten: {error}") from error
        if not (again or files.checkpoint.exists()):
            raise UsageError(
                f"{files.network} is there already, without the checkpoint from which to go on. Name another file with "
                "-o, or begin anew with --again."
            )


def _begun(args: argparse.Namespace, settings: Settings, photos: Photos) -> tuple[Training, About]:
    """A training at its beginning, and what is to be said of its network."""
    low, high = (round(each * args.crop) for each in engine.LIMITS["brush"])
    if args.loss == "studio" and not low <= args.style_size <= high:
        raise UsageError(f"With --crop {args.crop} --style-size should be from {low} to {high}.")
    device = devices.choose(settings.device)

    def load(name: str) -> engine.Extractor:
        return engine.load_extractor(name, MODELS, settings.models_cache, device.torch)

    extractor = load(args.extractor if args.extractor != "auto" else settings.extractor)
    style = style_named(args.painting, {each.id: each for each in find_styles(own=settings.styles)})
    content, style_layers = (_weights(getattr(args, name), name) for name in ("content_layers", "style_layers"))
    weights = Weights(content, style_layers, args.tv_weight)
    kind = Matched if args.loss == "studio" else Perceptual
    paintings = Paintings(open_storage(settings), settings.styles, settings.originals_cache, load)
    fingerprint = paintings.fingerprint(Painting(style), extractor, kind.needs(extractor, weights))
    loss: Loss
    if args.loss == "studio":
        loss = Matched(fingerprint, args.style_size, extractor, args.strength)
    else:
        loss = Perceptual(fingerprint, args.style_size, extractor, weights)
    measured = hashlib.sha256()
    for statistics in fingerprint.at(args.style_size).values():
        measured.update(statistics.moment.cpu().numpy().tobytes())
    recipe = Recipe(
        args.arch, args.loss, measured.hexdigest(), args.style_size, args.crop, args.batch, args.learning_rate,
        args.noise, args.strength, content, style_layers, args.tv_weight, extractor.weights_hash, args.seed,
    )  # fmt: skip
    about = About(
        args.arch, style.title, style.artist, style.commons, args.loss, extractor.name, extractor.weights_hash,
        args.style_size,
    )  # fmt: skip
    return Training(recipe, loss, photos, device.torch, extractor.dtype), about


def _weights(typed: list[str] | None, name: str) -> dict[str, float] | None:
    return dict(weighed(each, name) for each in typed) if typed else None


def _write(training: Training, about: About, photos: Photos, files: Beside, found: list[float]) -> None:
    """Keep the network as it is, its checkpoint, a line in its log from the losses `found`, and what it draws.

    Raises:
        KeyboardInterrupt: Ctrl-C came meanwhile; all is written.
        NotFiniteError: its weights have become infinite; the last checkpoint stays.
        OSError: it cannot be written.
    """
    if not training.steps:
        return
    with Interrupts() as interrupts:
        interrupts.hold()
        _write_all(training, about, photos, files, found)
        found.clear()


def _write_all(training: Training, about: About, photos: Photos, files: Beside, found: list[float]) -> None:
    files.network.parent.mkdir(parents=True, exist_ok=True)
    told = asdict(about) | {"steps": training.steps, "seconds": round(training.seconds)}
    training.mean.save(files.network, About(**told))
    training.keep(files.checkpoint)
    if found:
        entry = {"step": training.steps, "seconds": round(training.seconds, 1), "loss": sum(found) / len(found)}
        with files.log.open("a") as log:
            log.write(json.dumps(entry) + "\n")
    _sheet(training.mean, photos.samples()).save(files.samples)


def _sheet(network: TransformNet, photos: list[Image.Image]) -> Image.Image:
    """Photos in a row, and below each what is made of it."""
    pairs = []
    for photo in photos:
        drawn = engine.Picture(engine.transferred(photo, network, SAMPLE_SIDE)).image()
        pairs.append((photo.resize(drawn.size), drawn))
    width = sum(drawn.width for _, drawn in pairs)
    height = max((drawn.height for _, drawn in pairs), default=0)
    sheet = Image.new("RGB", (max(1, width), max(1, 2 * height)))
    left = 0
    for photo, drawn in pairs:
        sheet.paste(photo, (left, 0))
        sheet.paste(drawn, (left, height))
        left += drawn.width
    return sheet
