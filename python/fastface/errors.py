"""The few errors fastface raises on purpose; `except FastfaceError` catches them all."""


class FastfaceError(Exception):
    """Base of every error that fastface raises for a reason the user can act on."""


class PhotoError(FastfaceError):
    """A photo cannot be read: missing, empty, truncated, too large or not an image we accept."""


class ModelError(FastfaceError):
    """A model file is missing, has the wrong hash or cannot run; the message says what to do."""


class LibraryError(FastfaceError):
    """The library cannot be opened or written: newer version, read-only, locked or disk full."""


class OlderFormatError(LibraryError):
    """The library is of an earlier version, and was opened to be read only."""


class NotFoundError(FastfaceError):
    """The person, photo or face that was asked for is not in the library."""


class AmbiguousError(NotFoundError):
    """Several people, or one of a similar name, may be meant.  candidates: their ids."""

    def __init__(self, message: str, candidates: tuple[str, ...]) -> None:
        super().__init__(message)
        self.candidates = candidates


class MetadataError(FastfaceError):
    """Names in or beside a photo cannot be read or written; the message names the file."""


class ScanInterrupted(KeyboardInterrupt):
    """Ctrl-C during a scan; what was finished is kept, and the message says how to go on."""
