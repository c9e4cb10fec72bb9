"""Small networks whose training steps go through most loops of the native engine."""

import symcnn as sc


def tutorial(x, y):
    """That of the tutorial, with fewer filters."""
    a = sc.mean_pool(sc.sigmoid(sc.conv(x, 5, 3, seed=0)), 2)
    return sc.softmax_cross_entropy(sc.dense(a, 3, seed=1), y)


def residual(x, y):
    """A branch around two convolutions."""
    a = sc.relu(sc.conv(x, 4, 3, pad=1, seed=0))
    b = a + sc.conv(sc.sigmoid(sc.conv(a, 4, 3, pad=1, seed=1)), 4, 3, pad=1, seed=2)
    return sc.softmax_cross_entropy(sc.dense(sc.max_pool(b, 2), 3, seed=3), y)


def lenet(x, y):
    """LeNet-5's way, with a table."""
    table = [[0, 1], [1, 2], [0, 1, 2, 3]]
    h = sc.mean_pool(sc.tanh(sc.conv(x, 4, 3, seed=0)), 2)
    h = sc.tanh(sc.conv(h, 3, 3, table=table, seed=1))
    h = sc.sigmoid(sc.dense(h, 7, seed=2))
    return sc.softmax_cross_entropy(sc.dense(h, 3, seed=3), y)


def strided(x, y):
    """Strides, padding, and pools that do not divide."""
    h = sc.softplus(sc.conv(x, 5, 4, stride=2, pad=2, seed=0))
    h = sc.max_pool(h, (2, 3), border="drop")
    return sc.softmax_cross_entropy(sc.dense(h, 3, bias=False, seed=1), y)


def joined(x, y):
    """Branches that are joined, of which parts are taken."""
    h = sc.concat([sc.relu(sc.conv(x, 4, 3, pad=1, seed=0)), sc.tanh(sc.conv(x, 5, 5, pad=2, seed=1)), x])
    h = sc.max(sc.take(h, [10, 3, 3, 0, 7], 1)[..., 1::2], axis=2)
    return sc.softmax_cross_entropy(sc.dense(sc.flatten(h), 3, seed=2), y)


def normalised(x, y):
    """Statistics of the batch between convolutions, a branch around one, dropout and a pool: what crosses stages."""
    a = sc.relu(sc.batch_norm(sc.conv(x, 4, 3, pad=1, seed=0)))
    b = sc.relu(a + sc.batch_norm(sc.conv(sc.dropout(a, 0.3, seed=1), 4, 3, pad=1, seed=2)))
    h = sc.batch_norm(sc.max_pool(sc.sigmoid(sc.batch_norm(sc.conv(b, 3, 3, seed=3))), 2, border="drop"))
    return sc.softmax_cross_entropy(sc.dense(h, 3, seed=4), y)


NETWORKS = [tutorial, residual, lenet, strided, joined, normalised]


def loss(make, channels=2, height=10, width=12):
    """The loss of one of them, over inputs x and y."""
    return make(sc.Input("x", (None, channels, height, width)), sc.Input("y", (None,), "int64"))
