"""From LLVM's text to functions that can be called, with compiled objects kept in the user's cache folder (`store`)."""

from __future__ import annotations

import hashlib
import time
import weakref
from collections.abc import Callable, Iterable
from typing import Any

from ..cpu import Cpu
from ..interrupts import shielded
from .address_space import check_address_space
from .object_store import Store

_OPTIONS = "passes 2, code 2"
"""How LLVM is told to work; to be changed where `target_machine` or `optimised` is."""


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
        options = [llvmlite.__version__, str(llvm.llvm_version_info), machine.triple, cpu.name, cpu.features, _OPTIONS]
        key = "\0".join([*options, hashlib.sha256(text.encode()).hexdigest()]).encode()
        store = Store.of_user()
        found = store.read(key)
        check_address_space(0 if found is not None else len(text))
        code = _compiled(text, machine) if found is None else found
        if found is None:
            store.write(key, code)
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
