"""What undoes itself: each rule fires, and the value stays."""

import numpy as np
import pytest

import symcnn as sc

X = sc.Input("x", (None, 2, 4, 6), "float64")
M = sc.Input("m", (4, 6), "float64")
K = sc.Input("k", (4, 3), "float64")
Y = sc.Input("y", (None, 2, 4, 5), "float64")
H = sc.Input("h", (None, 3), "float16")


@pytest.mark.parametrize(
    ("node", "simple"),
    [
        pytest.param(sc.Rot90(sc.Rot90(X)), X, id="rot90 twice"),
        pytest.param(sc.Swap(sc.Swap(X)), X, id="swap twice"),
        pytest.param(sc.Neg(sc.Neg(X)), X, id="neg twice"),
        pytest.param(sc.Transpose(sc.Transpose(X, (1, 2, 3, 0)), (3, 0, 1, 2)), X, id="transpose and back"),
        pytest.param(
            sc.Transpose(sc.Transpose(X, (1, 2, 3, 0)), (2, 0, 1, 3)), sc.Transpose(X, (3, 1, 2, 0)), id="transposes"
        ),
        pytest.param(sc.Transpose(X, (0, 1, 2, 3)), X, id="transpose to nothing"),
        pytest.param(
            sc.Transpose(sc.MatMul(sc.Transpose(M, (1, 0)), K), (1, 0)),
            sc.MatMul(sc.Transpose(K, (1, 0)), M),
            id="transpose of a product",
        ),
        pytest.param(
            sc.Transpose(sc.SumTo(sc.MatMul(sc.Transpose(X, (0, 1, 3, 2)), Y), (6, 5)), (1, 0)),
            sc.SumTo(sc.MatMul(sc.Transpose(Y, (0, 1, 3, 2)), X), (5, 6)),
            id="transpose of a sum of products",
        ),
        pytest.param(sc.Reshape(X, (None, 2, 4, 6)), X, id="reshape to itself"),
        pytest.param(sc.Reshape(sc.Reshape(X, (None, 48)), (None, 8, 6)), sc.Reshape(X, (None, 8, 6)), id="reshapes"),
        pytest.param(sc.Reshape(sc.Reshape(X, (None, 48)), (None, 2, 4, 6)), X, id="reshape and back"),
        pytest.param(sc.crop(sc.pad(X, 2), 2), X, id="crop what was padded"),
        pytest.param(
            sc.crop(sc.crop(M, ((1, 0), (0, 2))), ((0, 1), (1, 1))), sc.crop(M, ((1, 1), (1, 3))), id="two crops"
        ),
        pytest.param(sc.pad(sc.pad(X, 1), 2), sc.pad(X, 3), id="two pads"),
        pytest.param(sc.subsample(sc.Dilate(M, (2, 3), (8, 16)), (2, 3)), M, id="subsample what was dilated"),
        pytest.param(sc.SumTo(sc.SumTo(X, (2, 4, 6)), (6,)), sc.SumTo(X, (6,)), id="sums to"),
        pytest.param(sc.SumTo(X, X.shape), X, id="sum to itself"),
        pytest.param(sc.BroadcastTo(M, M.shape), M, id="broadcast to itself"),
        pytest.param(
            sc.broadcast_to(sc.broadcast_to(M, (2, 4, 6)), X.shape), sc.broadcast_to(M, X.shape), id="broadcasts"
        ),
        pytest.param(sc.Cast(X, "float64"), X, id="cast to itself"),
        pytest.param(sc.Cast(sc.Cast(H, "float64"), "float32"), sc.Cast(H, "float32"), id="cast by way of float64"),
        pytest.param(sc.Cast(sc.Cast(H, "float64"), "float16"), H, id="cast to float64 and back"),
    ],
)
def test_rule_fires(simplified, node, simple):
    assert simplified(node) is simple


@pytest.mark.parametrize(
    "node",
    [
        pytest.param(sc.crop(sc.pad(X, 2), 1), id="crop less than was padded"),
        pytest.param(sc.pad(sc.crop(X, 1), 1), id="pad what was cropped"),
        pytest.param(sc.Dilate(sc.subsample(M, (2, 3)), (2, 3), (4, 6)), id="dilate what was subsampled"),
        pytest.param(sc.subsample(sc.Dilate(M, (2, 2), (8, 12)), (1, 2)), id="subsample at another step"),
        pytest.param(sc.Cast(sc.Cast(X, "float16"), "float64"), id="cast by way of float16"),
        pytest.param(sc.Transpose(sc.MatMul(M, sc.Transpose(M, (1, 0))), (1, 0)), id="transpose of another product"),
        pytest.param(sc.Rot90(sc.Swap(X)), id="two that are not the same"),
        pytest.param(sc.upsample(sc.mean_pool(X, 2), 2), id="upsample what was pooled"),
    ],
)
def test_what_loses_something_stays(simplified, node):
    assert simplified(node) is node


def test_value_after_transposes_is_numpys():
    (simple,) = sc.simplify([sc.Transpose(sc.Transpose(X, (1, 2, 3, 0)), (2, 0, 1, 3))])
    x = np.random.default_rng(0).standard_normal((3, 2, 4, 6))
    expected = x.transpose(1, 2, 3, 0).transpose(2, 0, 1, 3)
    np.testing.assert_array_equal(sc.compile(simple)(x=x), expected)
