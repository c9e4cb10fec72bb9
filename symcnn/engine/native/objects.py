"""From LLVM's text to functions that can be called, with compiled objects kept in the user's cache folder.

A cache that is missing, stale, corrupt or read-only is never an error: then the text is compiled.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import time
import weakref
from collections.abc import Callable, Iterable
from typing import Any

from .cpu import Cpu, cache_folder
from .shield import shielded

_FORMAT = b"symcnn object 1\n"


class Library:
    """Compiled functions; they can be called as long as this lives.

    Parameters
    ----------
    text : str
        A module in LLVM's language.
    cpu : Cpu
        What it is compiled for.
    names : iterable of str
        The functions that will be called.
    late : callable, optional
        Called once if that takes longer than a second.

    Attributes
    ----------
    addresses : {str: int}
        Of these functions.
    cached : bool
        Whether the object came from the cache.
    nbytes : int
        The size of the object.
    seconds : float
        How long it took to compile, or to load.
    """

    def __init__(self, text: str, cpu: Cpu, names: Iterable[str], late: Callable[[], object] | None = None) -> None:
        start = time.perf_counter()
        self.cached, self.nbytes, self.addresses = shielded(lambda: self._load(text, cpu, names), late)
        self.seconds = time.perf_counter() - start

    def _load(self, text: str, cpu: Cpu, names: Iterable[str]) -> tuple[bool, int, dict[str, int]]:
        import llvmlite
        import llvmlite.binding as llvm

        machine = target_machine(cpu)
        key = "\0".join(
            [llvmlite.__version__, str(llvm.llvm_version_info), machine.triple, cpu.name, cpu.features, text]
        )
        path = os.path.join(cache_folder(), hashlib.sha256(key.encode()).hexdigest() + ".o")
        found = _read(path)
        code = _compiled(text, machine) if found is None else found
        if found is None:
            _write(path, code)
        engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
        engine.add_object_file(llvm.object_file.ObjectFileRef.from_data(code))
        engine.finalize_object()
        _engines[:] = [held for held in _engines if held[0]() is not None]
        _engines.append((weakref.ref(self), engine))
        return found is not None, len(code), {name: engine.get_function_address(name) for name in names}


_engines: list[tuple[weakref.ref[Library], Any]] = []
"""What holds the machine code of each library. Those of libraries that are no more go when the next one is loaded: in
its thread, as interrupts could come between the lines that free them."""


def target_machine(cpu: Cpu) -> Any:
    """LLVM's compiler for `cpu`, of this machine's architecture or another."""
    import llvmlite.binding as llvm

    if cpu.triple == llvm.get_process_triple():
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
    else:
        llvm.initialize_all_targets()
        llvm.initialize_all_asmprinters()
    target = llvm.Target.from_triple(cpu.triple)
    return target.create_target_machine(cpu=cpu.name, features=cpu.features, opt=2, jit=True)


def optimised(text: str, machine: Any) -> Any:
    """The module, after LLVM's passes: the loops are unrolled and made of vectors already."""
    import llvmlite.binding as llvm
    from llvmlite.binding.newpassmanagers import NewPassManager

    module = llvm.parse_assembly(text)
    module.triple, module.data_layout = machine.triple, str(machine.target_data)  # names in objects depend on them
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    options.loop_unrolling = options.loop_vectorization = options.slp_vectorization = False
    builder = llvm.create_pass_builder(machine, options)
    passes = builder.getModulePassManager()
    passes.run(module, builder)
    NewPassManager._dispose(passes)  # llvmlite forgets to: of its two bases, that which does nothing comes first
    passes.detach()
    return module


def _compiled(text: str, machine: Any) -> bytes:
    return bytes(machine.emit_object(optimised(text, machine)))


def _read(path: str) -> bytes | None:
    """The object at `path`, if one is there and is whole."""
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError:
        return None
    start = len(_FORMAT) + 32
    whole = content.startswith(_FORMAT) and hashlib.sha256(content[start:]).digest() == content[len(_FORMAT) : start]
    return content[start:] if whole else None


def _write(path: str, code: bytes) -> None:
    """Keep the object: written aside and then renamed, so that no other process reads half of it."""
    with contextlib.suppress(OSError):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        handle, aside = tempfile.mkstemp(dir=os.path.dirname(path))
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_FORMAT + hashlib.sha256(code).digest() + code)
            os.replace(aside, path)
        except OSError:
            os.unlink(aside)
