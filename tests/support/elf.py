"""The names that an object file defines, and those it leaves to others: the symbol table of an ELF file."""

import struct
from typing import NamedTuple

_SYMTAB, _GLOBAL = 2, 1


class Section(NamedTuple):
    """What the table of sections says."""

    kind: int
    offset: int
    size: int
    link: int


def symbols(code: bytes) -> tuple[set[str], set[str]]:
    """The global names in a 64-bit object: those defined there, and those that must be found elsewhere."""
    assert code[:6] == b"\x7fELF\x02\x01", "no ELF of 64 bits, least byte first"
    (start,), (width, count) = struct.unpack_from("<Q", code, 40), struct.unpack_from("<HH", code, 58)
    sections = []
    for n in range(count):
        _, kind, _, _, offset, size, link = struct.unpack_from("<IIQQQQI", code, start + n * width)
        sections.append(Section(kind, offset, size, link))
    defined, missing = set(), set()
    for table in (s for s in sections if s.kind == _SYMTAB):
        for at in range(table.offset, table.offset + table.size, 24):
            name, info, _, section = struct.unpack_from("<IBBH", code, at)
            if info >> 4 == _GLOBAL:
                begin = sections[table.link].offset + name
                word = code[begin : code.index(b"\0", begin)].decode()
                (defined if section else missing).add(word)
    return defined, missing
