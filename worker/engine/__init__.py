"""The style transfer itself: photo and fingerprint in, pastiche out. This is the engine's public interface."""

from worker.engine.checkpoint import Checkpoint
from worker.engine.errors import (
    CheckpointMismatchError,
    EngineError,
    ExtractorUnavailableError,
    FingerprintFormatError,
    FingerprintMismatchError,
    NotFiniteError,
    TooLargeError,
)
from worker.engine.extractors import Extractor, load_extractor
from worker.engine.fingerprint import Fingerprint, blend, fingerprint_of, load_fingerprint
from worker.engine.images import upright
from worker.engine.paint import Iterate, PaintOptions, Pastiche, paint
from worker.engine.palette import Palette, palette_of
from worker.engine.pyramid import plan, planned_work
from worker.engine.texture import stand_in, synthesize
from worker.engine.weights import fetch_weights

__all__ = [
    "Checkpoint",
    "CheckpointMismatchError",
    "EngineError",
    "Extractor",
    "ExtractorUnavailableError",
    "Fingerprint",
    "FingerprintFormatError",
    "FingerprintMismatchError",
    "Iterate",
    "NotFiniteError",
    "PaintOptions",
    "Palette",
    "Pastiche",
    "TooLargeError",
    "blend",
    "fetch_weights",
    "fingerprint_of",
    "load_extractor",
    "load_fingerprint",
    "paint",
    "palette_of",
    "plan",
    "planned_work",
    "stand_in",
    "synthesize",
    "upright",
]
