"""Repeated, failed, interrupted and simultaneous runs leave a program, its parameters and the machine as they were."""

import _thread
import gc
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import threadpoolctl

import symcnn as sc
import symcnn.engine.backend


def blas_threads():
    return [lib["num_threads"] for lib in threadpoolctl.threadpool_info()]


BLAS_THREADS = blas_threads()
"""Before any program has run."""

# Repeated calls, failed calls ---------------------------------------------------------------------


def network():
    x, y = sc.Input("x", (None, 1, 6, 6)), sc.Input("y", (None,), "int64")
    a = sc.max_pool(sc.sigmoid(sc.conv(x, 2, 3, seed=0, name="conv1")), 2)
    return sc.softmax_cross_entropy(sc.dense(a, 3, seed=1, name="out"), y)


def batch(n, seed=0):
    rng = np.random.default_rng(seed)
    return {"x": rng.standard_normal((n, 1, 6, 6)).astype("float32"), "y": rng.integers(0, 3, n)}


def test_repeated_calls_do_not_accumulate():
    J = network()
    f = sc.compile([J, *sc.grad(J, J.params)])
    first = f(batch(5))
    for n in (5, 1, 7, 2, 3, 4, 6, 5):
        f(batch(n, seed=n))
        for one, other in zip(f(batch(5)), first, strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_failed_call_leaves_the_program_as_it_was():
    J = network()
    f = sc.compile([J, *sc.grad(J, J.params)], guard=True)
    first = f(batch(5))
    wrong = [
        {**batch(5), "y": [9] * 5},
        {**batch(5), "y": [0] * 4},
        {**batch(5), "x": np.full((5, 1, 6, 6), np.nan)},
        {**batch(5), "x": None},
        {**batch(5), "x": np.full((5, 1, 6, 6), 1e300)},
        {"x": batch(5)["x"]},
        {**batch(5), "z": 0},
    ]
    for feeds in wrong:
        with pytest.raises(sc.errors.SymcnnError):
            f(feeds)
        for one, other in zip(f(batch(5)), first, strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_node_that_was_refused_is_not_kept():
    x = sc.Input("x", (None, 3))
    for _ in range(2):
        with pytest.raises(sc.errors.ShapeError):
            sc.Concat((x, x), 0)
    assert sc.Concat((x, x), 1) is sc.Concat((x, x), 1)


# Interrupts ----------------------------------------------------------------------------------------


class Interrupted(sc.Node):
    """The identity, until `stop` is set; not in any registry test: it has samples of its own."""

    z: sc.Node
    latex = "{z}"
    text = "{z}"
    stop = False

    def forward(self, xp, z):
        if Interrupted.stop:
            raise KeyboardInterrupt
        return xp.where(z > 0, z, z)

    def backward(self, delta):
        return (delta,)


def test_interrupt_in_the_middle_of_a_run(monkeypatch):
    x = sc.Input("x", (None, 3))
    w = sc.Param("w", np.ones(3, np.float32))
    J = sc.sum(Interrupted(sc.tanh(x * w)) * x)
    step = sc.train_step(J, sc.SGD(lr=0.1, momentum=0.5), backend="numpy")
    f = sc.compile([J, sc.grad(J, w)], backend="numpy")
    expected = f(x=np.ones((2, 3)))
    monkeypatch.setattr(Interrupted, "stop", True)
    for run in (f, step, f.profile, f.check_finite):
        with pytest.raises(KeyboardInterrupt):
            run(x=np.zeros((2, 3)))
    monkeypatch.setattr(Interrupted, "stop", False)
    assert gc.isenabled()
    assert step.iteration == 0
    np.testing.assert_array_equal(w.value, [1, 1, 1])
    for one, other in zip(f(x=np.ones((2, 3))), expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_interrupt_in_the_middle_of_the_update(monkeypatch):
    """All parameters are updated then, or none: never half of them."""
    params = [sc.Param(f"w{i}", np.ones(2)) for i in range(4)]
    f = sc.compile(sc.sum(params[0]), updates={p: 2 * p for p in params})
    f()
    put = symcnn.engine.backend._put_all

    def interrupted(writings):
        _thread.interrupt_main()
        put(writings)

    monkeypatch.setattr(symcnn.engine.backend, "_put_all", interrupted)
    with pytest.raises(KeyboardInterrupt):
        f()
    monkeypatch.undo()
    assert [p.value.tolist() for p in params] in ([[2, 2]] * 4, [[4, 4]] * 4)


def test_interrupt_while_a_graph_is_differentiated(monkeypatch):
    x = sc.Input("x", (3,))

    def interrupted(self, delta):
        raise KeyboardInterrupt

    monkeypatch.setattr(Interrupted, "backward", interrupted)
    J = sc.sum(Interrupted(x))
    with pytest.raises(KeyboardInterrupt):
        sc.grad(J, x)
    monkeypatch.undo()
    assert gc.isenabled()
    assert (x + 1).site.rule == ""
    np.testing.assert_array_equal(sc.compile(sc.grad(J, x))(), [1, 1, 1])


# Threads -------------------------------------------------------------------------------------------


def in_threads(count, work):
    """Run work(n) in threads at once; the first error is raised here."""
    barrier, errors = threading.Barrier(count), []

    def run(n):
        try:
            barrier.wait()
            work(n)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if errors:
        raise errors[0]


def test_threads_share_a_program():
    J = network()
    f = sc.compile([J, *sc.grad(J, J.params)], guard=True)
    sizes = [1, 2, 3, 5, 5, 8]
    expected = [f(batch(n, seed=i)) for i, n in enumerate(sizes)]

    def work(i):
        for _ in range(15):
            for one, other in zip(f(batch(sizes[i], seed=i)), expected[i], strict=True):
                np.testing.assert_array_equal(one, other)

    in_threads(len(sizes), work)
    assert blas_threads() == BLAS_THREADS


def test_threads_build_and_differentiate_graphs():
    x = sc.Input("x", (None, 3))
    made = [None] * 4

    def work(n):
        a = x
        for i in range(60):
            a = sc.tanh(a * (i + 1)) + a
        J = sc.sum(a)
        made[n] = (J, sc.grad(J, x))

    in_threads(4, work)
    assert len({id(J) for J, _ in made}) == 1
    assert len({id(g) for _, g in made}) == 1
    assert gc.isenabled()


def test_a_failing_thread_does_not_disturb_the_others():
    J = network()
    f = sc.compile(J, guard=True)
    expected = f(batch(4))

    def work(n):
        for _ in range(10):
            if n % 2:
                with pytest.raises(sc.errors.FeedError):
                    f({**batch(4), "y": [7] * 4})
            else:
                assert f(batch(4)) == expected

    in_threads(4, work)


def test_runs_that_overlap_leave_the_threads_of_blas_alone(monkeypatch):
    """The first run begins first and ends first: what the second one found must not be what is restored."""
    inside = {name: threading.Event() for name in ("first", "second")}
    first_is_done, x = threading.Event(), sc.Input("x", ())
    f = sc.compile(Interrupted(x))

    def wait(self, xp, z):
        me = threading.current_thread().name
        inside[me].set()
        assert (inside["second"] if me == "first" else first_is_done).wait(10)
        return z

    monkeypatch.setattr(Interrupted, "forward", wait)
    threads = {name: threading.Thread(target=lambda: f(x=1), name=name) for name in inside}
    threads["first"].start()
    assert inside["first"].wait(10)
    threads["second"].start()
    threads["first"].join()
    first_is_done.set()
    threads["second"].join()
    assert blas_threads() == BLAS_THREADS


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="signals of POSIX")
@pytest.mark.parametrize("backend", ["numpy", "native"])
def test_interrupts_in_pairs_leave_nothing_half_done(backend):
    done = subprocess.run(
        [sys.executable, Path(__file__).parent / "support" / "interrupts.py", "300", backend],
        capture_output=True,
        text=True,
        timeout=120,
    )
    caught, half, changed = map(int, re.findall(r"(\d+) (?:interrupts|half|settings)", done.stdout))
    assert caught > 300, done.stderr
    assert (half, changed) == (0, 0)
