"""The folder of compiled objects: what is read from it is run, so nothing is read that another user could have written.

The folder is the user's own and absolute, or there is none. In it, a file is taken if it is regular, the user's, and
nobody else may write it, and if its checksum is that of its key and its code. Whatever does not fit is compiled anew.
No failure here is an error.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import time
from dataclasses import dataclass
from itertools import count

_FORMAT = b"symcnn object 2\n"
_DIGEST = 32
_LIMIT = 256
"""MiB that are kept, unless SYMCNN_CACHE_LIMIT says otherwise."""
_EVERY = 32
"""Each process looks through the folder at its first writing, and then once in so many."""
_HALF_WRITTEN = 3600
"""After so many seconds, what is half written is nobody's any more."""
_AT_ONCE = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""How files are opened: no link is followed, and no pipe waited for."""
_writings = count()
_OTHERS = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True)
class Store:
    """A folder of objects by their keys.

    Parameters
    ----------
    folder : str or None
        An absolute path; with None, nothing is found and nothing is kept.

    Examples
    --------
    >>> Store(None).read(b"key") is None
    True
    """

    folder: str | None

    @classmethod
    def of_user(cls) -> Store:
        """The one that the environment names: SYMCNN_CACHE, else ``symcnn`` in the user's own cache folder.

        A path that is not absolute would depend on where a program is started, and archives may bring such a folder.
        """
        given = os.environ.get("SYMCNN_CACHE")
        if given:
            return cls(given if os.path.isabs(given) else None)
        base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
        return cls(os.path.join(base, "symcnn") if os.path.isabs(base) else None)

    def read(self, key: bytes) -> bytes | None:
        """The object that was kept under `key`, if it is there, whole, and by this user."""
        if self.folder is None or not _is_safe_folder(self.folder):
            return None
        try:
            handle = os.open(self._path(key), os.O_RDONLY | _AT_ONCE)
        except (OSError, ValueError):
            return None
        try:
            if not _is_safe_file(os.fstat(handle)):
                return None
            with os.fdopen(handle, "rb", closefd=False) as file:
                content = file.read()
            with contextlib.suppress(OSError, NotImplementedError):
                os.utime(handle if os.utime in os.supports_fd else self._path(key))  # the latest use: the oldest go
        except OSError:
            return None
        finally:
            os.close(handle)
        return _unpacked(content, key)

    def write(self, key: bytes, code: bytes) -> None:
        """Keep an object: written aside and then renamed, so that no other process reads half of it."""
        if self.folder is None:
            return
        with contextlib.suppress(OSError, ValueError):
            os.makedirs(os.path.dirname(self.folder), exist_ok=True)
            with contextlib.suppress(FileExistsError):
                os.mkdir(self.folder, 0o700)
            if not _is_safe_folder(self.folder):
                os.chmod(self.folder, 0o700)  # of another user's, this fails
                if not _is_safe_folder(self.folder):
                    return
            self._put(self._path(key), _packed(code, key))
            if next(_writings) % _EVERY == 0:
                self.trim()

    def _put(self, path: str, content: bytes) -> None:
        assert self.folder is not None
        aside = os.path.join(self.folder, f"{os.getpid()}-{os.urandom(8).hex()}.tmp")
        handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _AT_ONCE, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.replace(aside, path)
        except OSError:
            os.unlink(aside)

    def trim(self) -> None:
        """Take away what was used longest ago, until no more than the limit is left, and what was left half written."""
        assert self.folder is not None
        found = []
        with contextlib.suppress(OSError), os.scandir(self.folder) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    known = entry.stat(follow_symlinks=False)
                    if stat.S_ISREG(known.st_mode) and entry.name.endswith((".o", ".tmp")):
                        found.append((known.st_mtime, known.st_size, entry.path))
        left = sum(size for _, size, _ in found)
        most, now = _limit(), time.time()
        for used, size, path in sorted(found):
            if left <= most and not (path.endswith(".tmp") and now - used > _HALF_WRITTEN):
                continue
            with contextlib.suppress(OSError):
                os.unlink(path)
                left -= size

    def _path(self, key: bytes) -> str:
        assert self.folder is not None
        return os.path.join(self.folder, hashlib.sha256(key).hexdigest() + ".o")


def _limit() -> int:
    """Bytes that are kept; what is no number leaves it as it is."""
    try:
        return int(float(os.environ.get("SYMCNN_CACHE_LIMIT") or _LIMIT) * (1 << 20))
    except (ValueError, OverflowError):
        return _LIMIT << 20


def _packed(code: bytes, key: bytes) -> bytes:
    """An object as a file: its format, a checksum of all that follows, the length of the key, the key, the code."""
    rest = len(key).to_bytes(8, "little") + key + code
    return _FORMAT + hashlib.sha256(_FORMAT + rest).digest() + rest


def _unpacked(content: bytes, key: bytes) -> bytes | None:
    """The code in a file, if that is one of this format, whole, and for this key."""
    start = len(_FORMAT) + _DIGEST
    head, rest = content[:start], memoryview(content)[start:]
    want = len(key).to_bytes(8, "little") + key
    if head[: len(_FORMAT)] != _FORMAT or rest[: len(want)] != want:
        return None
    digest = hashlib.sha256(_FORMAT)
    digest.update(rest)
    return bytes(rest[len(want) :]) if digest.digest() == head[len(_FORMAT) :] else None


def _is_safe_file(known: os.stat_result) -> bool:
    """Whether it is a file of this user that nobody else may write."""
    return stat.S_ISREG(known.st_mode) and _is_mine(known)


def _is_safe_folder(path: str) -> bool:
    """Whether it is a folder of this user that nobody else may write.

    Those above it need not be asked: whatever is put in its place by somebody else is not this user's.
    """
    try:
        known = os.stat(path)
    except (OSError, ValueError):
        return False
    return stat.S_ISDIR(known.st_mode) and _is_mine(known)


def _is_mine(known: os.stat_result) -> bool:
    """Whether it is this user's, and nobody else may write it; Windows has no such bits."""
    return not hasattr(os, "geteuid") or (known.st_uid == os.geteuid() and not known.st_mode & _OTHERS)
