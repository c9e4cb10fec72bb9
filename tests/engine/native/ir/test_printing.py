"""Functions as text: what is written where it is used is what it was where it stood."""

import symcnn as sc
from symcnn.engine.native.cpu import Cpu
from symcnn.engine.native.ir.loops import FLOAT, INDEX, POINTER, Builder, Type
from symcnn.engine.native.ir.printing import printed
from symcnn.engine.native.runtime.compiled import Compiled


def body(b):
    return [line.strip() for line in printed(b.function).splitlines()[1:]]


def test_registers_that_change_places_keep_their_order():
    b = Builder("swap", {"x": POINTER})
    (x,) = b.parameters
    first, second = b.register(b.load(x, 0, Type(FLOAT))), b.register(b.load(x, 1, Type(FLOAT)))
    before = b.get(first)
    b.set(first, b.get(second))
    b.set(second, before)
    assert body(b) == [
        *("r0 <- x[0] : float", "r1 <- x[1] : float"),
        *("v0 = r0 : float", "r0 <- r1 : float", "r1 <- v0 : float"),
    ]


def test_what_is_loaded_before_a_store_is_not_loaded_after_it():
    b = Builder("f", {"x": POINTER})
    (x,) = b.parameters
    early, same = b.load(x, 0, Type(FLOAT)), b.load(x, 1, Type(FLOAT))
    b.store(x, 0, same)
    b.store(x, 1, b.binary("fadd", early, b.load(x, 2, Type(FLOAT))))
    assert body(b) == ["v0 = x[0] : float", "x[0] = x[1] : float", "x[1] = fadd v0 x[2] : float"]


def test_what_is_read_twice_has_a_name():
    b = Builder("f", {"x": POINTER})
    (x,) = b.parameters
    v = b.load(x, 0, Type(FLOAT, 4))
    b.store(x, 4, b.binary("fmul", v, v))
    assert body(b) == ["v0 = x[0] : <4 x float>", "x[4] = fmul v0 v0 : <4 x float>"]


def test_indices_keep_their_brackets():
    """The text of an index is Python's, so Python can say what it is."""
    b = Builder("f", {"x": POINTER, "n": INDEX, "m": INDEX})
    x, n, m = b.parameters
    first = (n + m * 2) * 3 - (n - (m - 1)) % 4
    second = b.smaller(b.larger(0, 3 - n), n + m) * 5 - (n // 3) * 2
    b.store(x, first, b.load(x, second, Type(FLOAT)))
    (line,) = body(b)
    written, read = (part[part.index("[") + 1 : part.rindex("]")] for part in line.split(" = "))
    assert written == "(n + m * 2) * 3 - (n - (m - 1)) % 4"
    for values in ({"n": 5, "m": 2}, {"n": 11, "m": 7}):
        k, j = values["n"], values["m"]
        assert eval(read, values) == min(max(0, 3 - k), k + j) * 5 - k // 3 * 2


def test_a_long_index_has_a_name():
    b = Builder("f", {"x": POINTER, "n": INDEX})
    x, n = b.parameters
    place = n
    for k in range(2, 9):
        place = (place + 1000 * k) * (k + 1000)
    b.store(x, place, b.number(1))
    name, store = body(b)[-2:]
    assert name.startswith("v0 = ")
    assert name.endswith(" : i64")
    assert "v0" in store
    assert all(len(line) < 90 for line in body(b))


def test_loops_calls_and_addresses():
    b = Builder("f", {"x": POINTER, "n": INDEX}, title="a title")
    x, n = b.parameters
    with b.loop(b.larger(0, n - 2), n, 4) as i:
        b.store(b.offset(x, 64, "i8"), i, b.splat(b.load(b.offset(x, n), i, Type(FLOAT)), 4))
        b.call("g", n, i + 1, 7)
    assert printed(b.function).splitlines() == [
        "f(x, n)  # a title",
        "  for i0 in max(0, n - 2) .. n step 4",
        "    (x + 64 bytes)[i0] = splat (x + n floats)[i0] : <4 x float>",
        "    g(n, i0 + 1, 7)",
    ]


def test_a_whole_training_step_prints():
    x, y = sc.Input("x", (None, 2, 9, 9)), sc.Input("y", (None,), "int64")
    z = sc.conv(sc.max_pool(sc.conv(x, 3, 2, seed=0), 2), 2, 3, pad=1, stride=2, seed=1)
    step = sc.train_step(sc.softmax_cross_entropy(sc.dense(z, 3, seed=2), y), sc.Adam())
    text = str(Compiled.written(step.program.plan, Cpu.of("haswell", "+avx2,+fma")).lowered)
    assert "<8 x float>" in text
    assert "object at" not in text
    assert max(map(len, text.splitlines())) < 250
