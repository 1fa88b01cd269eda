"""The body of an answer, unpacked piece by piece within a limit."""

import zlib

from django.utils.translation import gettext as _

from ingest.decisions import Failure

from .guard import FetchError

_GZIP = {"gzip", "x-gzip"}
_PLAIN = {"", "identity", "none"}
# Asked for gzip or deflate, a server may not answer with these; what else stands there browsers ignore, and so do we.
_NOT_ASKED_FOR = {"br", "zstd", "compress", "x-compress", "dcb", "dcz"}


class Unpacker:
    """Unpacks one body; `limit` bytes of it at most, packed or unpacked.

    Raises FetchError: TOO_LARGE as soon as there is more, BAD_CONTENT for what is no such packing.
    """

    def __init__(self, coding: str, limit: int) -> None:
        codings = [name for part in coding.lower().split(",") if (name := part.strip()) not in _PLAIN]
        if len(codings) > 1:
            raise FetchError(Failure.BAD_CONTENT, _("compressed more than once"))
        self._coding = codings[0] if codings else ""
        if self._coding in _NOT_ASKED_FOR:
            raise FetchError(Failure.BAD_CONTENT, _("compressed with %(coding)s") % {"coding": self._coding})
        self._limit, self._packed = limit, 0
        self._inflater: zlib._Decompress | None = None
        self._body = bytearray()

    def add(self, data: bytes) -> None:
        """The next piece, as it came over the wire."""
        # What arrives is counted too: past its end, or in blocks of nothing, a stream goes on and unpacks to no more.
        self._packed += len(data)
        if self._packed <= self._limit:
            self._body += self._unpacked(data)
        if max(self._packed, len(self._body)) > self._limit:
            raise FetchError(Failure.TOO_LARGE, _("more than %(number)s MB") % {"number": self._limit // 1_000_000})

    def body(self) -> bytes:
        """All there was."""
        return bytes(self._body)

    def _unpacked(self, data: bytes) -> bytes:
        if self._inflater is None:
            if self._coding in _GZIP:
                self._inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
            elif self._coding == "deflate" and data:
                # Some servers leave the two bytes out that zlib puts before its stream; they begin with an 8.
                self._inflater = zlib.decompressobj(zlib.MAX_WBITS if data[0] & 15 == 8 else -zlib.MAX_WBITS)
            else:
                return data
        if self._inflater.eof:
            return b""
        try:
            # One byte more than is allowed, never what a bomb would make of it.
            return self._inflater.decompress(data, self._limit + 1 - len(self._body))
        except zlib.error:
            raise FetchError(Failure.BAD_CONTENT, _("broken compression")) from None
