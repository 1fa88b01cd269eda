"""The hash of a text by which duplicates are found. For the children that read pages: it loads what they load."""

import struct
from functools import lru_cache
from hashlib import blake2b

from trafilatura.deduplication import sample_tokens

# Hashes of shorter texts say too little: a handful of words decides over many bits.
MIN_WORDS = 50
_SIGN = 1 << 63
_SIZE = 1 << 64
_LANE = struct.Struct("<I")
_SPREAD = [b"".join(_LANE.pack(byte >> bit & 1) for bit in range(8)) for byte in range(256)]


def fingerprint(text: str) -> int | None:
    """The text's 64-bit simhash as the signed number Postgres stores; None for a text too short to tell."""
    if len(text.split()) < MIN_WORDS:
        return None
    unsigned = simhash(text)
    return unsigned - _SIZE if unsigned >= _SIGN else unsigned


def simhash(text: str) -> int:
    """The 64 bits of trafilatura's Simhash, in a fifth of the time: its 64 counters are one number here.

    Each bit of a token's hash is spread to a lane of 32 bits, so that one addition of two numbers counts 64 bits. A bit
    of the result is set when at least half of the tokens have it.
    """
    tokens = sample_tokens(text, 64)
    counts = sum(map(_spread, tokens))
    half = (len(tokens) + 1) // 2
    lanes = counts.to_bytes(256, "little")
    return sum(1 << bit for bit, (count,) in enumerate(_LANE.iter_unpack(lanes)) if count >= half)


@lru_cache(maxsize=1 << 14)
def _spread(token: str) -> int:
    """The bits of the token's hash, each in a lane of its own."""
    return int.from_bytes(
        b"".join(map(_SPREAD.__getitem__, blake2b(token.encode(), digest_size=8).digest()[::-1])), "little"
    )
