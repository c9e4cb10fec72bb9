"""How filters slide along an axis, beside the sum written out."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from symcnn.engine.sliding import Slide

SLIDES = st.builds(
    Slide,
    length=st.integers(1, 7),
    taps=st.integers(1, 5),
    results=st.integers(1, 9),
    step=st.integers(1, 4),
    gap=st.integers(1, 4),
    before=st.integers(-3, 6),
    spread=st.integers(1, 4),
)


def written_out(slide, x, w):
    """The definition, one product after the other."""
    z = np.zeros(slide.results)
    for i, k in np.ndindex(slide.results, slide.taps):
        unit, rest = divmod(slide.step * i + slide.gap * k - slide.before, slide.spread)
        if rest == 0 and 0 <= unit < slide.length:
            z[i] += w[k] * x[unit]
    return z


@given(SLIDES)
def test_phases_make_every_product_once(slide):
    rng = np.random.default_rng(0)
    x, w = rng.integers(1, 9, slide.length), rng.integers(1, 9, slide.taps)
    z, seen = np.zeros(slide.results), []
    for phase in slide.phases():
        seen += phase.results
        inside = True
        for (j, i), (t, k) in ((a, b) for a in enumerate(phase.results) for b in enumerate(phase.taps)):
            unit = phase.origin + phase.across * j + phase.along * t
            inside &= 0 <= unit < slide.length
            z[i] += w[k] * x[unit] if 0 <= unit < slide.length else 0
        assert inside or not phase.inside
        assert inside == phase.inside or not phase.taps
    assert sorted(seen) == list(range(slide.results))
    np.testing.assert_array_equal(z, written_out(slide, x, w))
