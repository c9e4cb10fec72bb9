"""Reads printed equations and computes what they say, with NumPy and SciPy alone.

Nothing here knows symcnn. The meaning of each sign is written down once more, from the tutorial and from what the
equations say of themselves: a column is an example, Σ₀₂ is a sum over axes, reshapes are shown as nothing, and the
shape at the side tells. Where an equation could be read in two ways, `Ambiguous` is raised.
"""

import re
from itertools import combinations

import numpy as np
from scipy import signal, special

BATCH = 7
"""N. No other axis may be as long: that is how a batch is known."""

_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉ₓ", "0123456789x")


class Ambiguous(Exception):
    """An equation that can be read in two ways; choose other sizes."""


class OneHot:
    """1[y], as wide as what it stands beside."""

    def __init__(self, labels):
        self.labels = labels

    def of(self, width):
        return np.eye(width)[self.labels.astype(int)]


class Turned:
    """aᵀ, of an array that holds an example a row: a matrix with an example a row, where a has one a column."""

    def __init__(self, array):
        self.array = array


class Maps(np.ndarray):
    """What a convolution gives: which of its first two axes comes first, only the shape at the side tells."""


class Reader:
    """Computes the right sides of equations, given the values of all names that they show.

    Parameters
    ----------
    values : {str: array}
        By printed name.
    functions : {str: callable}
        Of users' own node types.
    """

    def __init__(self, values, functions=None):
        self.values = dict(values)
        self.functions = functions or {}

    def value(self, right, shape):
        """What the right side of an equation is, in the shape that stands at the side."""
        self.tokens, self.at = self._tokens(right), 0
        found = self._logic()
        assert self.at == len(self.tokens), (right, self.tokens[self.at :])
        return fitted(found, tuple(BATCH if d is None else d for d in shape))

    def _tokens(self, text):
        names = "|".join(re.escape(n) for n in sorted(self.values, key=len, reverse=True))
        pattern = re.compile(
            rf"(?P<name>(?:{names})(?![^\W²ᵀ]|[′″‴]))"
            r"|(?P<sum>Σ[₀-₉]*)"
            r"|(?P<keyword>\w+=\w+(?:×\w+)*(?:\.\d+)?)"
            r"|(?P<size>(?:N|\d+)(?:×\d+)+|(?<=, )N(?=\)))|(?P<list>\[\d[\d+, ]*\])"
            r"|(?P<number>\d+(?:\.\d+)?(?:e[+-]?\d+)?)"
            r"|(?P<word>(?:and|or|xor|not|mod)\b)"
            r"|(?P<function>[A-Za-zσ]+(?:_[a-z]+|90)*(?:_\d[\d.]*)?[₀-₉ₓ]*)"
            r"|(?P<sign>\*(?:_full)?(?:_\d+)?|[-+−·*/^()\[\]|,:<>=≥≤²ᵀ⌊⌋])|(?P<space>\s+)"
        )
        found, at = [], 0
        while at < len(text):
            match = pattern.match(text, at)
            assert match, f"{text[at:]!r} in {text!r}"
            if match.lastgroup != "space":
                found.append((match.lastgroup, match[0]))
            at = match.end()
        return found

    def _next(self):
        return self.tokens[self.at][1] if self.at < len(self.tokens) else ""

    def _kind(self):
        return self.tokens[self.at][0] if self.at < len(self.tokens) else ""

    def _take(self, expected=None):
        token = self._next()
        assert expected is None or token == expected, (token, expected, self.tokens)
        self.at += 1
        return token

    def _logic(self):
        if self._next() == "not":
            self._take()
            return elementwise(np.logical_not, self._comparison())
        a, words = self._comparison(), {"and": np.logical_and, "or": np.logical_or, "xor": np.logical_xor}
        return elementwise(words[self._take()], a, self._comparison()) if self._next() in words else a

    def _comparison(self):
        a = self._addition()
        signs = {">": np.greater, "<": np.less, "≥": np.greater_equal, "≤": np.less_equal, "=": np.equal}
        if self._next() in signs:
            return elementwise(signs[self._take()], a, self._addition())
        return a

    def _addition(self):
        a = self._product()
        while self._next() in ("+", "−"):
            a = elementwise({"+": np.add, "−": np.subtract}[self._take()], a, self._product())
        return a

    def _product(self):
        a = self._factor()
        while self._next() in ("·", "/", "mod") or self._next().startswith("*"):
            sign = self._take()
            b = self._factor()
            if sign in ("·", "/", "mod"):
                a = elementwise({"·": np.multiply, "/": np.divide, "mod": np.remainder}[sign], a, b)
            else:
                a = convolved(a, b, "full" if "full" in sign else "valid")
        return a

    def _factor(self):
        if self._next() == "−":
            self._take()
            return elementwise(np.negative, self._factor())
        if self._kind() == "sum":
            axes = self._take().translate(_SUBSCRIPTS)[1:]
            return over(np.sum, self._product(), axes)
        a = self._power()
        while self._kind() in ("name", "number", "function") or self._next() == "(":
            a = product(a, self._power())
        return a

    def _power(self):
        a = self._atom()
        while self._next() in ("^", "²", "ᵀ", "["):
            sign = self._take()
            if sign == "^":
                a = elementwise(np.power, a, self._power())
            elif sign == "²":
                a = elementwise(np.square, a)
            elif sign == "ᵀ":
                a = transposed(a)
            else:
                a = self._indexed(a)
        return a

    def _indexed(self, a):
        """a[0:2, :, 1], a[:, [2, 0]], and 1[y]; softmax(z)[y] is the entry of each row at its label."""
        index = []
        while True:
            index.append(self._index())
            if self._take() == "]":
                break
        (first,) = index if len(index) == 1 else (None,)
        if isinstance(first, np.ndarray) and np.ndim(a) == 0 and a == 1:
            return OneHot(first)
        if isinstance(first, np.ndarray) and len(a) == BATCH == len(first):
            return a[np.arange(BATCH), first.astype(int)]
        return a[tuple(i.astype(int) if isinstance(i, np.ndarray) else i for i in index)]

    def _index(self):
        bounds, text = [], ""
        while self._next() not in (",", "]"):
            if self._kind() in ("name", "list"):
                return self._atom()
            text += self._take()
        bounds = [int(b) if b else None for b in text.split(":")]
        return slice(*bounds) if len(bounds) > 1 else bounds[0]

    def _atom(self):
        kind, token = self.tokens[self.at]
        self.at += 1
        if kind == "name":
            return self.values[token]
        if kind == "number":
            return np.float64(token)
        if kind == "list":
            return np.array([float(n) for n in token[1:-1].split(",")])
        if token in ("(", "|", "⌊"):
            inside = self._logic()
            self._take({"(": ")", "|": "|", "⌊": "⌋"}[token])
            return inside if token == "(" else elementwise({"|": np.abs, "⌊": np.floor}[token], inside)
        if token == "[":
            row = [self._comparison()]
            while self._next() == ",":
                self._take()
                row.append(self._comparison())
            self._take("]")
            return np.array(row)
        assert kind == "function", (token, self.tokens)
        return self._function(token)

    def _function(self, token):
        if token == "e" and self._next() == "^":
            return np.float64(np.e)
        if token == "N":
            return np.float64(BATCH)
        if token == "log" and self._next() != "(":
            return elementwise(np.log, self._power())
        self._take("(")
        arguments, keywords = [], {}
        while self._next() != ")":
            kind = self._kind()
            if kind == "keyword":
                name, _, given = self._take().partition("=")
                keywords[name] = float(given) if re.fullmatch(r"[\d.]+", given) else given
            elif kind == "size" or (
                kind == "list" and arguments and token.startswith(("pad", "dilate", "permute", "windows", "fold"))
            ):
                arguments.append(self._take())
            else:
                arguments.append(self._comparison())
            if self._next() == ",":
                self._take()
        self._take(")")
        name, amount = re.fullmatch(r"(.*?)(_\d[\d.]*|[₀-₉ₓ]*)", token).groups()
        if name in self.functions:
            return self.functions[name](*arguments, *([float(amount[1:])] if amount else []), **keywords)
        return called(name, amount.lstrip("_").translate(_SUBSCRIPTS), arguments, keywords)


# What the signs mean ---------------------------------------------------------------------------


def fitted(value, shape):
    """A value in the shape that stands at the side: reshapes and broadcasting are not shown."""
    if isinstance(value, OneHot):
        value = value.of(shape[-1])
    value = ordered(settled(value), shape)
    if value.shape == shape:
        return value
    if value.size == np.prod(shape, dtype=int):
        return value.reshape(shape)
    return np.broadcast_to(placed(value, shape), shape)


def settled(value):
    return np.swapaxes(value.array, -1, -2) if isinstance(value, Turned) else np.asanyarray(value)


def ordered(value, shape):
    """Maps with the first two axes in the order of `shape`."""
    if not isinstance(value, Maps):
        return value
    swapped = np.swapaxes(value, 0, 1)
    return np.asarray(swapped if value.shape != shape == swapped.shape else value)


def placed(a, shape):
    """`a` with axes of length 1 put in, so that it broadcasts to `shape`: a bias to its channels."""
    if a.size == np.prod(shape, dtype=int):
        return a.reshape(shape)
    if a.ndim in (0, len(shape)):
        return a
    found = []
    for axes in combinations(range(len(shape)), a.ndim):
        if all(n in (1, shape[axis]) for n, axis in zip(a.shape, axes, strict=True)):
            full = [1] * len(shape)
            for n, axis in zip(a.shape, axes, strict=True):
                full[axis] = n
            found.append(tuple(full))
    if len(set(found)) != 1:
        raise Ambiguous(f"{a.shape} beside {shape}")
    return a.reshape(found[0])


def elementwise(function, *given):
    width = next((np.shape(settled(g))[-1] for g in given if not isinstance(g, OneHot) and np.ndim(settled(g))), None)
    arrays = [g.of(width) if isinstance(g, OneHot) else settled(g) for g in given]
    longest = max(arrays, key=lambda a: a.ndim if not isinstance(a, Maps) else 0)
    arrays = [ordered(a, longest.shape) for a in arrays]
    longest = max(arrays, key=lambda a: a.ndim)
    return function(*(placed(a, longest.shape) for a in arrays))


def over(function, a, axes):
    """A sum, mean or maximum; axes that are not all of them stay with length 1."""
    a = settled(a)
    if not axes:
        return function(a)
    assert max(map(int, axes)) < a.ndim, "a sum over an axis that is not there"
    return function(a, axis=tuple(map(int, axes)), keepdims=True)


def transposed(a):
    return Turned(a) if a.shape[0] == BATCH else np.swapaxes(a, -1, -2)


def product(a, b):
    """The matrix product. A batch is a matrix with an example a column; stacks of matrices multiply as they are."""
    if 0 in (settled(a).ndim, settled(b).ndim):
        return elementwise(np.multiply, a, b)
    left, right = as_matrix(a), as_matrix(b)
    if left.ndim == 2 == right.ndim and left.shape[1] == right.shape[0]:
        found = left @ right
        return found.T if found.shape[1] == BATCH else found
    return settled(a) @ settled(b)


def as_matrix(a):
    if isinstance(a, Turned):
        return a.array.reshape(BATCH, -1)
    return a.reshape(BATCH, -1).T if a.ndim > 1 and a.shape[0] == BATCH else a


def convolved(a, k, mode):
    """Maps convolved with filters, in the plane; what both have (channels, images, filters) is summed over."""
    if a.ndim == 5:
        return np.stack([convolved(x, w, mode) for x, w in zip(a, k, strict=True)])
    ends = {(1, 1): (0, 0), (0, 0): (1, 1), (1, 0): (0, 1), (0, 1): (1, 0)}
    found = [pair for pair in ends if a.shape[pair[0]] == k.shape[pair[1]]]
    if len(found) != 1:
        raise Ambiguous(f"{a.shape} convolved with {k.shape}")
    (i, j), (left, right) = found[0], ends[found[0]]
    a, k = np.moveaxis(a, (left, i), (0, 1)), np.moveaxis(k, (right, j), (0, 1))
    maps = [[sum(signal.convolve2d(x, w, mode) for x, w in zip(xs, ws, strict=True)) for ws in k] for xs in a]
    return (np.swapaxes(maps, 0, 1) if left == 1 else np.array(maps)).view(Maps)


def windows(x, p, q):
    """(..., p q, height / p, width / q): the units of each window, in row-major order."""
    return np.stack([x[..., u::p, v::q] for u in range(p) for v in range(q)], axis=-3)


def put_back(units, p, q):
    *lead, _, height, width = units.shape
    x = np.zeros((*lead, height * p, width * q))
    for n in range(p * q):
        x[..., n // q :: p, n % q :: q] = units[..., n, :, :]
    return x


def called(name, amount, given, keywords):
    """A function of the notation; `amount` is what stands below its name."""
    plain = {
        "σ": special.expit, "tanh": np.tanh, "exp": np.exp, "log": np.log, "sqrt": np.sqrt, "sign": np.sign,
        "abs": np.abs, "where": np.where, "erf": special.erf, "round": np.rint, "sin": np.sin, "cos": np.cos,
        "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "sinh": np.sinh, "cosh": np.cosh,
        "asinh": np.arcsinh, "arsinh": np.arcsinh,
    }  # fmt: skip
    if name in plain:
        return elementwise(plain[name], *given)
    if name in ("max", "min") and len(given) == 2:
        return elementwise({"max": np.maximum, "min": np.minimum}[name], *given)
    x, *rest = (settled(g) if not isinstance(g, str) else g for g in given)
    if name in ("windows", "fold"):
        return overlapping(name, [int(n) for n in amount.split("x")], x, rest)
    if "x" in amount:
        return windowed(name, *map(int, amount.split("x")), x, *rest)
    if name in ("mean", "max", "min", "var"):
        return over({"mean": np.mean, "max": np.max, "min": np.min, "var": np.var}[name], x, amount)
    if name in ("pad", "crop", "subsample", "dilate"):
        return spatial(name, amount, x, rest)
    others = {
        "reshape": lambda: fitted(x, sizes(rest[0])),
        "spread": lambda: fitted(x, sizes(rest[0])),
        "softmax": lambda: special.softmax(x, axis=-1),
        "rot90": lambda: np.flip(x, (-2, -1)),
        "swap": lambda: np.swapaxes(x, int(amount or 0), int(amount or 0) + 1),
        "permute": lambda: np.transpose(x, [int(n) for n in rest[0][1:-1].split(",")]),
        "concat": lambda: np.concatenate([x, *rest], axis=int(amount)),
        "argmax": lambda: np.argmax(x, axis=-1),
        "first_max": lambda: first_max(x, [int(n) for n in amount] or range(x.ndim)),
        "in_training": lambda: x,
        "uniform": lambda: uniform(int(x), sizes(rest[0]), *map(int, rest[1:]), keywords["real"]),
        "flip": lambda: np.flip(x, [int(n) for n in amount]),
        "cumsum": lambda: np.cumsum(x, int(amount)),
        "cumsum_from_end": lambda: np.flip(np.cumsum(np.flip(x, int(amount)), int(amount)), int(amount)),
        "gather": lambda: np.take_along_axis(x, rest[0].astype(int), int(keywords["axis"])),
        "scatter": lambda: scattered(x, rest[0].astype(int), int(keywords["axis"]), int(keywords["size"])),
        "put": lambda: put(x, rest[0].astype(int), int(keywords["axis"]), int(keywords["size"])),
    }
    return others[name]()


def sizes(text):
    return tuple(BATCH if n == "N" else int(n) for n in text.split("×"))


def windowed(name, p, q, x, *switches):
    if name in ("mean", "max"):
        return {"mean": np.mean, "max": np.max}[name](windows(x, p, q), axis=-3)
    if name == "switches":
        return np.argmax(windows(x, p, q), axis=-3)
    if name == "upsample" and not switches:
        return np.kron(x, np.ones((p, q)))
    numbers = np.arange(p * q)[:, None, None]
    hit = numbers == np.expand_dims(switches[0], -3)
    if name == "upsample":
        return put_back(np.where(hit, np.expand_dims(x, -3), 0), p, q)
    assert name == "pick"
    return np.sum(np.where(hit, windows(x, p, q), 0), axis=-3)


def overlapping(name, size, x, rest):
    """windows(x, [steps], [dilation], [border], fill) laid side by side, and what adds them up again."""
    steps, gaps, around, fill = (*rest, *("[1, 1]", "[0, 0]", 0)[len(rest) - 1 :])[:4]
    (s, t), (d, e) = ([int(n) for n in text[1:-1].split(",")] for text in (steps, gaps))
    border = [tuple(map(int, n.split("+") * 2))[:2] for n in around[1:-1].split(",")]
    every = [(0, 0)] * (x.ndim - 2) + border
    maps = np.pad(x, every, constant_values=fill) if name == "windows" else np.zeros((*x.shape[:-2], *sizes(fill)))
    maps = maps if name == "windows" else np.pad(maps, every)
    rows = range(0, maps.shape[-2] - (size[0] - 1) * d, s)
    columns = range(0, maps.shape[-1] - (size[1] - 1) * e, t)
    places = np.ix_(
        [y + u * d for y in rows for u in range(size[0])], [z + v * e for z in columns for v in range(size[1])]
    )
    if name == "windows":
        return maps[(..., *places)]
    np.add.at(maps, (..., *places), x)
    return maps[tuple(slice(a, n - b) for n, (a, b) in zip(maps.shape, every, strict=True))]


def spatial(name, amount, x, rest):
    """pad_2(x) acts on the last two axes; pad(x, [0, 1+2]) says it for each axis: before+after."""
    if amount:
        every = [(0, 0)] * (x.ndim - 2) + [(int(amount),) * 2] * 2
    else:
        every = [tuple(map(int, n.split("+") * 2))[:2] for n in rest.pop(0)[1:-1].split(",")]
    if name == "pad":
        return np.pad(x, every)
    if name == "crop":
        return x[tuple(slice(a, n - b) for n, (a, b) in zip(x.shape, every, strict=True))]
    steps = tuple(slice(None, None, n[0] or 1) for n in every)
    if name == "subsample":
        return x[steps]
    sizes = [int(n) for n in rest[0].split("×")]
    wide = np.zeros((*x.shape[: x.ndim - len(sizes)], *sizes))
    wide[steps] = x
    return wide


def first_max(x, axes):
    rest = [axis for axis in range(x.ndim) if axis not in axes]
    hit = np.zeros(x.shape, bool)
    for place in np.ndindex(*(x.shape[axis] for axis in rest)):
        index = [slice(None)] * x.ndim
        for axis, n in zip(rest, place, strict=True):
            index[axis] = n
        part = x[tuple(index)]
        hit[tuple(index)].reshape(-1) if part.ndim == 0 else None
        view = hit[tuple(index)]
        view[np.unravel_index(np.argmax(part), part.shape)] = True
    return hit


def put(x, index, axis, size):
    found = np.zeros((*x.shape[:axis], size, *x.shape[axis + index.ndim :]))
    np.add.at(found, (slice(None),) * axis + (index,), x)
    return found


def scattered(x, index, axis, size):
    found = np.zeros((*x.shape[:axis], size, *x.shape[axis + 1 :]))
    for place in np.ndindex(x.shape):
        found[(*place[:axis], index[place], *place[axis + 1 :])] += x[place]
    return found


def uniform(step, shape, key, layer, real):
    """The first 24 bits of Philox 4x32-10 at each place: Salmon et al. (2011)."""
    assert real == "float32"
    found = np.zeros((shape[0], int(np.prod(shape[1:]))))
    for example, element in np.ndindex(*found.shape):
        a, b, c, d, k, m = element // 4, example, step % 2**32, layer, key % 2**32, key // 2**32
        for n in range(10):
            one, two = 0xD2511F53 * a, 0xCD9E8D57 * c
            now = (k + n * 0x9E3779B9) % 2**32, (m + n * 0xBB67AE85) % 2**32
            a, b, c, d = two // 2**32 ^ b ^ now[0], two % 2**32, one // 2**32 ^ d ^ now[1], one % 2**32
        found[example, element] = (a, b, c, d)[element % 4] // 2**8 / 2**24
    return found.reshape(shape)
