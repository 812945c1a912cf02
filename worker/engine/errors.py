"""What can go wrong in the engine, typed, with the numbers that a caller needs to explain it."""


class EngineError(Exception):
    """Base of every error that the engine raises on purpose."""


class ExtractorUnavailableError(EngineError):
    """An extractor's weights are not here and could not be fetched, or are damaged."""


class UpscalerUnavailableError(EngineError):
    """The weights of the network that enlarges are not here, or are damaged."""


class DownloadError(EngineError):
    """A file could not be fetched; the message says from where, and why."""


class UnreachableError(DownloadError):
    """There is no connection to where the file lies."""


class BusyError(DownloadError):
    """The server wants to be left alone, for `pause_s` seconds if it said so."""

    def __init__(self, message: str, pause_s: float | None) -> None:
        super().__init__(message)
        self.pause_s = pause_s


class FingerprintMismatchError(EngineError):
    """A fingerprint was made with another extractor, or other weights, than the one that is to use it."""


class FingerprintFormatError(EngineError):
    """A file is not a fingerprint, or is damaged."""


class NetworkFormatError(EngineError):
    """A file is no image transformation network, or is damaged."""


class CheckpointMismatchError(EngineError):
    """A checkpoint belongs to a painting with another plan of stages."""


class NotFiniteError(EngineError):
    """The loss became infinite or not a number, also with a smaller step."""


class TooLargeError(EngineError):
    """The painting needs more memory than the device has."""

    def __init__(self, needed_bytes: int, available_bytes: int) -> None:
        super().__init__(f"needs {needed_bytes / 1e6:.0f} MB, {available_bytes / 1e6:.0f} MB are available")
        self.needed_bytes = needed_bytes
        self.available_bytes = available_bytes


class EmptyMaskError(EngineError):
    """A mask covers less than one pixel of the picture that it is for."""

    def __init__(self, covered: float, size: tuple[int, int]) -> None:
        super().__init__(f"the mask covers {covered:.2f} pixels of {size[0]} × {size[1]}")
        self.covered = covered
        self.size = size
