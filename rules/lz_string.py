"""Decompress LZ-string, the format in which some session recorders pack JSON into a text parameter."""

from __future__ import annotations

from typing import Final

_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_BITS: Final = {char: f"{value:06b}" for value, char in enumerate(_ALPHABET)} | {"-": f"{63:06b}", "_": f"{63:06b}"}
MAX_INPUT_CHARS: Final = 100_000
MAX_OUTPUT_CHARS: Final = 200_000


def from_lz_string(text: str) -> str | None:
    """Return what `compressToBase64` or `compressToEncodedURIComponent` packed; None if `text` is neither.

    Random text fails after a few symbols, so trying costs little. Longer texts than 100,000 characters are
    left alone, and output beyond 200,000 is cut.
    """
    bare = text.rstrip("=$")
    if not bare or len(bare) > MAX_INPUT_CHARS:
        return None
    try:
        return _decompress(_Bits("".join([_BITS[char] for char in bare])))
    except (KeyError, EOFError):
        return None


class _Bits:
    """A row of bits, read as numbers with the lowest bit first."""

    def __init__(self, row: str) -> None:
        self._row = row + "0" * 6
        self._at = 0

    def take(self, count: int) -> int:
        end = self._at + count
        if end > len(self._row):
            raise EOFError
        number = int(self._row[self._at : end][::-1], 2)
        self._at = end
        return number


def _decompress(bits: _Bits) -> str | None:
    words: list[str] = ["", "", ""]  # 0 and 1 announce a new character, 2 is the end
    first = bits.take(2)
    if first > 1:
        return None
    previous = chr(bits.take(16 if first else 8))
    words.append(previous)
    output = [previous]
    length = 1
    width, room = 3, 4
    while length < MAX_OUTPUT_CHARS:
        code = bits.take(width)
        if code == 2:
            return "".join(output)
        if code < 2:
            words.append(chr(bits.take(16 if code else 8)))
            code = len(words) - 1
            room -= 1
            if room == 0:
                room = 1 << width
                width += 1
        if code < len(words):
            entry = words[code]
        elif code == len(words):
            entry = previous + previous[0]
        else:
            return None
        output.append(entry)
        length += len(entry)
        words.append(previous + entry[0])
        previous = entry
        room -= 1
        if room == 0:
            room = 1 << width
            width += 1
    return "".join(output)
