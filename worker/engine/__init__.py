"""The style transfer itself: photo and fingerprint in, pastiche out. This is the engine's public interface."""

from worker.engine.checkpoint import Checkpoint
from worker.engine.download import Remote, download
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
from worker.engine.extractors import Extractor, load_extractor
from worker.engine.feedforward import transferred
from worker.engine.fingerprint import Fingerprint, blend, fingerprint_of, load_fingerprint
from worker.engine.finish import Finish, Picture
from worker.engine.images import to_tensor
from worker.engine.masks import mask_of_color
from worker.engine.options import CHOICES, LIMITS, USUAL, Needs, PaintOptions, decodes, needs, plan, work_of
from worker.engine.paint import Iterate, Pastiche, paint
from worker.engine.palette import Palette, palette_of
from worker.engine.presets import PRESETS, Preset
from worker.engine.repaint import repaint
from worker.engine.room import Room
from worker.engine.scene import Region, Scene, regions_of
from worker.engine.transform_net import TransformNet, load_transform_net
from worker.engine.upscale import Upscaler, doublings, load_upscaler
from worker.engine.weights import fetch_weights

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
    "load_transform_net",
    "load_upscaler",
    "mask_of_color",
    "needs",
    "paint",
    "palette_of",
    "plan",
    "regions_of",
    "repaint",
    "to_tensor",
    "transferred",
    "work_of",
]
