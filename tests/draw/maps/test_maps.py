"""Which maps of a value are shown, how they lie, how large they are, and what is said of them."""

import numpy as np
import pytest
from pngs import cells, decoded

from symcnn.draw.maps.colours import Scale
from symcnn.draw.maps.maps import MOST, pictures, short, unusual

RNG = np.random.default_rng(0)


def expected(numbers, scale):
    return scale.palette()[scale.levels(numbers)]


def sizes(shape, **options):
    return [(p.width, p.height) for p in pictures(RNG.standard_normal(shape), "v", **options)]


def test_the_first_six_maps_on_one_scale():
    value = RNG.standard_normal((20, 10, 12))
    found = pictures(value, "z1 of example 0")
    assert len(found) == MOST == 6
    most = np.abs(value[:6]).max()
    for n, picture in enumerate(found):
        colours = cells(picture.uri, 10, 12)
        np.testing.assert_array_equal(colours, expected(value[n], Scale(-most, most, True)))
        text = f"z1 of example 0, map {n + 1} (6 of 20 are shown); blue −{most:.3g}, white 0, vermilion {most:.3g}"
        assert picture.title == text
        assert (picture.width, picture.height) == (48, 40) == decoded(picture.uri).shape[1::-1]


def test_what_is_never_below_0_from_its_smallest_to_its_largest_number():
    value = RNG.uniform(0.4, 0.6, (2, 5, 5))
    for n, picture in enumerate(pictures(value, "a1")):
        assert picture.title == f"a1, map {n + 1} of 2; dark blue {value.min():.3g}, yellow {value.max():.3g}"
        np.testing.assert_array_equal(
            cells(picture.uri, 5, 5), expected(value[n], Scale(value.min(), value.max(), False))
        )
    assert "white 0" in pictures(value, "δ(a1)", signed=True)[0].title


@pytest.mark.parametrize(
    ("shape", "found"),
    [
        ((), []),
        ((1, 1, 1), [(12, 12)]),
        ((10,), [(120, 12)]),
        ((32,), [(128, 8)]),
        ((1, 28, 28), [(84, 84)]),
        ((28, 28), [(84, 84)]),
        ((3, 28, 28), [(56, 56)] * 3),
        ((12, 1, 29), [(116, 48)]),
        ((12, 29, 1), [(116, 48)]),
        ((1, 1, 29), [(116, 8)]),
        ((120, 1, 1), [(144, 72)]),
        ((6, 1, 5, 5), [(55, 55)] * 6),
        ((4, 3, 1, 1), [(36, 48)]),
        ((32, 12, 1, 6), [(18, 96)]),
        ((2, 3, 4, 5, 6), [(54, 45)] * 6),
        ((0, 4, 4), []),
        ((3, 0), []),
    ],
)
def test_values_of_any_shape(shape, found):
    assert sizes(shape) == found


def test_a_vector_of_many_numbers_is_read_in_rows():
    value = np.arange(1.0, 51)
    (picture,) = pictures(value, "f6")
    assert "50 numbers in rows of 10" in picture.title and "dark blue 1, yellow 50" in picture.title
    np.testing.assert_array_equal(cells(picture.uri, 5, 10).reshape(50, 3), expected(value, Scale(1.0, 50.0, False)))
    (picture,) = pictures(np.arange(1.0, 48), "f6")
    alpha = decoded(picture.uri)[..., 3].reshape(5, 12, 10, 12)[:, 0, :, 0].ravel()
    assert alpha.tolist() == [255] * 47 + [0] * 3 and "dark blue 1, yellow 47" in picture.title


def test_maps_of_one_row_lie_below_each_other():
    value = RNG.standard_normal((12, 1, 29))
    (picture,) = pictures(value, "x")
    assert "12 maps of one row, each a row here" in picture.title
    most = np.abs(value).max()
    np.testing.assert_array_equal(cells(picture.uri, 12, 29), expected(value[:, 0], Scale(-most, most, True)))


def test_of_each_filter_its_strongest_channel_and_the_same_of_its_gradient():
    w, gradient = RNG.standard_normal((3, 4, 5, 5)), RNG.standard_normal((3, 4, 5, 5))
    for n, channel in enumerate((2, 0, 3)):
        w[n, channel, 1, 1] = -9
    for value in (w, gradient):
        chosen = np.stack([value[0, 2], value[1, 0], value[2, 3]])
        most = np.abs(chosen).max()
        for n, picture in enumerate(pictures(value, "W2", "filter", signed=True, like=w)):
            np.testing.assert_array_equal(cells(picture.uri, 5, 5), expected(chosen[n], Scale(-most, most, True)))
            assert f"W2, filter {n + 1} of 3, its strongest input channel {(3, 1, 4)[n]} of 4;" in picture.title
    w[1, 2, 0, 0] = np.nan
    assert "channel 3 of 4; 1 NaN" in pictures(w, "W2", "filter", like=w)[1].title


def test_large_maps_show_the_strongest_number_of_each_block():
    value = RNG.standard_normal((150, 224))
    value[149, 223] = 50
    value[0, 5] = -60
    value[70, 100] = np.nan
    (picture,) = pictures(value, "x")
    assert "150×224 numbers, each pixel the strongest of 3×4; 1 NaN; blue −60, white 0, vermilion 60" in picture.title
    blocks = decoded(picture.uri)[..., :3]
    assert blocks.shape == (50, 56, 3) and (picture.width, picture.height) == (56, 50)
    assert blocks[49, 55].tolist() == expected(np.array([50.0]), Scale(-60.0, 60.0, True))[0].tolist()
    assert blocks[0, 1].tolist() == [0x00, 0x72, 0xB2] and blocks[23, 25].tolist() == [255, 0, 255]
    cut = value[30:33, 40:44].ravel()
    strongest = cut[np.argmax(np.abs(cut))]
    assert blocks[10, 10].tolist() == expected(np.array([strongest]), Scale(-60.0, 60.0, True))[0].tolist()


def test_nan_and_infinity_do_not_spoil_the_scale():
    value = np.array([[1.0, -1.0, 0.0], [np.nan, np.inf, -np.inf]])
    (picture,) = pictures(value, "v")
    assert picture.title == "v, 2×3 numbers; 1 NaN; 1 Inf; 1 −Inf; blue −1, white 0, vermilion 1"
    clean = pictures(np.array([[1.0, -1.0, 0.0]] * 2), "v")[0]
    np.testing.assert_array_equal(decoded(picture.uri)[:12], decoded(clean.uri)[:12])


@pytest.mark.parametrize("dtype", ["float16", "float64", "int64", "uint8", "bool"])
def test_numbers_of_any_kind(dtype):
    value = np.array([[0, 1], [1, 1]]).astype(dtype)
    (picture,) = pictures(value, "v")
    assert cells(picture.uri, 2, 2)[:, :, 0].tolist() == [[0x00, 0xFE], [0xFE, 0xFE]]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0"), (-0.0, "0"), (0.0410, "0.041"), (123.456, "123"), (1234.5, "1.23e3"),
        (-1e-7, "−1e−7"), (1e100, "1e100"),
        (np.nan, "NaN!"), (np.inf, "Inf!"), (-np.inf, "−Inf!"), (1, "1"), (5e-324, "4.94e−324"),
    ],
)  # fmt: skip
def test_short_numbers(number, text):
    assert short(number) == text


def test_what_is_unusual():
    assert unusual(np.array([1, 2])) == unusual(np.zeros((0, 2))) == unusual(np.array([True])) == []
    assert unusual(np.full((40, 50), np.nan)) == ["all NaN"]
    assert unusual(np.concatenate([np.full(1200, np.nan), [0.0, np.inf]])) == ["1,200 NaN", "1 Inf"]
