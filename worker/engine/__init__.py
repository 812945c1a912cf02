"""The style transfer itself: photo and fingerprint in, pastiche out. This is the engine's public interface."""

from worker.engine.colors.masks import mask_of_color
from worker.engine.colors.palette import Palette, palette_of
from worker.engine.descent.checkpoint import Checkpoint
from worker.engine.errors import (
    BusyError,
    CheckpointMismatchError,
    DownloadError,
    EmptyMaskError,
    EngineError,
    ExtractorUnavailableError,
    FingerprintFormatError,
    FingerprintMismatchError,
    NetworkFormatError,
    NotFiniteError,
    TooLargeError,
    UnreachableError,
    UpscalerUnavailableError,
)
from worker.engine.feedforward import transferred
from worker.engine.finish import Finish, Picture
from worker.engine.images import to_tensor
from worker.engine.networks.download import Remote, download
from worker.engine.networks.extractors import Extractor, load_extractor
from worker.engine.networks.transform_net import TransformNet, load_transform_net
from worker.engine.networks.upscale import Upscaler, doublings, load_upscaler
from worker.engine.networks.weights import fetch_weights
from worker.engine.options import CHOICES, LIMITS, USUAL, Needs, PaintOptions, decodes, needs, plan, work_of
from worker.engine.paint import Iterate, Pastiche, paint
from worker.engine.presets import PRESETS, Preset
from worker.engine.repaint import repaint
from worker.engine.room import Room
from worker.engine.scene import Region, Scene, regions_of
from worker.engine.style.fingerprint import Fingerprint, blend, fingerprint_of, load_fingerprint
from worker.engine.style.parts import PartMap, Parts, load_parts, parts_of, save_parts
from worker.engine.style.patches import Exemplar

__all__ = [
    "CHOICES",
    "LIMITS",
    "PRESETS",
    "USUAL",
    "BusyError",
    "Checkpoint",
    "CheckpointMismatchError",
    "DownloadError",
    "EmptyMaskError",
    "EngineError",
    "Exemplar",
    "Extractor",
    "ExtractorUnavailableError",
    "Fingerprint",
    "FingerprintFormatError",
    "FingerprintMismatchError",
    "Finish",
    "Iterate",
    "Needs",
    "NetworkFormatError",
    "NotFiniteError",
    "PaintOptions",
    "Palette",
    "PartMap",
    "Parts",
    "Pastiche",
    "Picture",
    "Preset",
    "Region",
    "Remote",
    "Room",
    "Scene",
    "TooLargeError",
    "TransformNet",
    "UnreachableError",
    "Upscaler",
    "UpscalerUnavailableError",
    "blend",
    "decodes",
    "doublings",
    "download",
    "fetch_weights",
    "fingerprint_of",
    "load_extractor",
    "load_fingerprint",
    "load_parts",
    "load_transform_net",
    "load_upscaler",
    "mask_of_color",
    "needs",
    "paint",
    "palette_of",
    "parts_of",
    "plan",
    "regions_of",
    "repaint",
    "save_parts",
    "to_tensor",
    "transferred",
    "work_of",
]
