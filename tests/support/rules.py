"""Forward rules as users write them, each with what the native engine must make of it.

``NATIVE``: machine code, for it is arithmetic on each element. Any other text stands in the reason for which the rule
is left to NumPy.
"""

import copy
import datetime
import enum
import functools
import math
import operator
import os
import random
import time
import warnings

import numpy as np
import scipy.special
from numpy.random import rand

import symcnn as sc

NATIVE = "native"
SLOPE = 0.25
STATE = {"scale": 1.5}
WEIGHTS = np.array([1.0, 2.0, 3.0], "float32")
GENERATOR = np.random.default_rng(0)
RULES = []
"""(name, rule of xp and z, what becomes of it)."""


def rule(becomes):
    def keep(function):
        RULES.append((function.__name__, function, becomes))
        return function

    return keep


def node_type(name, function):
    """An element-wise type with this rule, over floats."""

    def forward(self, xp, z):
        return function(xp, z)

    body = {"__annotations__": {"z": sc.Node}, "forward": forward, "__module__": __name__}
    return type(sc.Node)(name, (sc.Node,), body)


# Arithmetic -------------------------------------------------------------------------------------------


@rule(NATIVE)
def square(xp, z):
    return z * z


@rule(NATIVE)
def waves(xp, z):
    return xp.sin(1000 * z) + xp.cos(z) + xp.expm1(xp.atan(z)) + xp.round(z)


@rule(NATIVE)
def polynomial(xp, z):
    return 1 + z * (2 - z / 3) - z**3


@rule(NATIVE)
def softplus(xp, z):
    return xp.logaddexp(z, 0 * z)


@rule(NATIVE)
def swish(xp, z):
    return z / (1 + xp.exp(-z))


@rule(NATIVE)
def gelu_by_tanh(xp, z):
    return 0.5 * z * (1 + xp.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)))


@rule(NATIVE)
def mish(xp, z):
    return z * xp.tanh(xp.log1p(xp.exp(z)))


@rule(NATIVE)
def leaky(xp, z):
    return xp.where(z > 0, z, 0.01 * z)


@rule(NATIVE)
def hard_tanh(xp, z):
    return xp.maximum(xp.minimum(z, 1.0 + 0 * z), -1.0)


@rule(NATIVE)
def band(xp, z):
    return xp.where((z > -1) & ~(z >= 1), z, xp.zeros_like(z))


@rule(NATIVE)
def gaussian(xp, z):
    return xp.exp(-(z**2) / 2) / xp.sqrt(2 * xp.pi + 0 * z)


@rule(NATIVE)
def loop_of_known_length(xp, z):
    total = xp.ones_like(z)
    for n in range(1, 5):
        total = total + z**n / math.factorial(n)
    return total


@rule(NATIVE)
def in_place_on_a_new_value(xp, z):
    out = z * 2
    out += 1
    out *= z
    return out


@rule(NATIVE)
def a_function_within(xp, z):
    def twice(a):
        return a + a

    return twice(twice(z))


@rule(NATIVE)
def reduced_by_operator(xp, z):
    return functools.reduce(operator.mul, [z] * 3)


@rule(NATIVE)
def condition_on_a_known_number(xp, z):
    return z if math.pi > 3 else -z


def helper(xp, a):
    return xp.abs(a) + 1


@rule(NATIVE)
def helper_of_the_module(xp, z):
    return helper(xp, z) / 2


@rule(NATIVE)
def swallowed_by_nothing(xp, z):
    try:
        return xp.log(xp.abs(z) + 1)
    except ValueError:
        return z


# What an array is asked -------------------------------------------------------------------------------


@rule("its rule cannot be traced")
def number_of_axes(xp, z):
    return z * float(np.ndim(z))


@rule("its rule cannot be traced")
def number_of_axes_by_attribute(xp, z):
    return z * z.ndim


@rule("its rule cannot be traced")
def number_of_elements(xp, z):
    return z / np.size(z)


@rule("its rule cannot be traced: it asks for .size")
def number_of_elements_by_attribute(xp, z):
    return z / z.size


@rule("its rule cannot be traced")
def shape_of_a_value(xp, z):
    return z * np.shape(z)[-1]


@rule("its rule cannot be traced: it asks for .shape")
def rows_of_the_batch(xp, z):
    return z / z.shape[0]


@rule("its rule cannot be traced: it asks for its length")
def length(xp, z):
    return z * len(z)


@rule("its rule cannot be traced")
def length_or_one(xp, z):
    try:
        n = len(z)
    except Exception:
        n = 1
    return z * n


@rule("its rule cannot be traced: it asks for .mean")
def mean_of_all(xp, z):
    return z - 0 * z.mean()


@rule("its rule cannot be traced")
def a_condition_on_values(xp, z):
    return z if z.sum() > 0 else -z


@rule("its rule cannot be traced: a branch that depends on a number")
def a_condition_on_the_value(xp, z):
    return z * (2 if (z > 0 if xp is not np else True) else 3)


@rule("its rule cannot be traced")
def a_condition_on_all(xp, z):
    return z * 2 if np.all(z > 100) else z * 3


@rule("its rule cannot be traced")
def any_negative(xp, z):
    return xp.where(z < 0, z, 2 * z) if np.any(z < 0) else z


@rule("its rule cannot be traced")
def elements_one_by_one(xp, z):
    out = np.empty_like(z)
    for i in np.ndindex(z.shape):
        out[i] = z[i] ** 2
    return out


@rule("its rule cannot be traced")
def rows_one_by_one(xp, z):
    return np.stack([row * 2 for row in z]) if len(z) else z


@rule("its rule cannot be traced")
def a_copy_in_place(xp, z):
    out = z.copy()
    out[out < 0] = 0
    return out


@rule("its rule cannot be traced")
def a_deep_copy_in_place(xp, z):
    out = copy.deepcopy(z)
    out[...] = z * 3
    return out


@rule("its rule cannot be traced")
def numpy_array_of_it(xp, z):
    return np.asarray(z) * 2


@rule("its rule cannot be traced")
def numpy_function(xp, z):
    return np.exp(z)


@rule("its rule cannot be traced")
def numpy_clip(xp, z):
    return np.clip(z, -1, 1)


@rule("its rule cannot be traced")
def clip_of_the_namespace(xp, z):
    return xp.clip(z, -1, 1)


@rule("its rule cannot be traced")
def vectorized(xp, z):
    return np.vectorize(lambda v: v * 2 if v > 0 else v, otypes=[z.dtype])(z)


@rule("its rule cannot be traced")
def of_scipy(xp, z):
    return scipy.special.expit(z)


@rule("its rule cannot be traced")
def python_float(xp, z):
    return z * 0 + float(np.float32(z.ravel()[0]) if z.size else 0)


@rule("its rule cannot be traced: it asks for its text")
def its_text(xp, z):
    return z * 2 if "Stand" in f"{z!r}" else z


@rule("its rule cannot be traced")
def its_type_by_name(xp, z):
    return z * 2 if type(z).__name__ == "ndarray" else z * 3


@rule("another way for arrays")
def an_instance_of_array(xp, z):
    return z * 2 if isinstance(z, np.ndarray) else z * 3


@rule("another way for arrays")
def for_numpy_only(xp, z):
    return z * 2 if xp is np else z * 3


@rule(NATIVE)
def an_instance_of_array_that_does_not_matter(xp, z):
    return z * 2 if isinstance(z, np.ndarray) else z + z


@rule("another way for arrays")
def a_namespace_without_clip(xp, z):
    return xp.clip(z, -1, 1) if hasattr(xp, "clip") else z


@rule("its rule cannot be traced")
def by_getattr(xp, z):
    return z * getattr(z, "ndim", 1)


@rule("its rule cannot be traced: it asks for .T")
def a_transpose(xp, z):
    return z.T.T


@rule(NATIVE)
def remainder(xp, z):
    return z % 2


@rule("its rule cannot be traced")
def an_array_of_numbers(xp, z):
    return z * np.array([1, 2, 3], z.dtype)


@rule("its rule cannot be traced")
def a_number_of_numpys(xp, z):
    return z * np.float32(2)


@rule("its rule cannot be traced")
def mixed_dtypes(xp, z):
    return (z.astype(np.float64) * 2).astype(z.dtype)


@rule(NATIVE)
def its_dtype(xp, z):
    return z * (2 if z.dtype == np.float32 else 3)


@rule("its rule cannot be traced")
def whole_part(xp, z):
    return z.astype("int64").astype(z.dtype)


@rule(NATIVE)
def a_boolean_as_numbers(xp, z):
    return xp.astype(z > 0, z.dtype) * z


# What can change between two runs -----------------------------------------------------------------


@rule("it reads SLOPE, which can change")
def global_number(xp, z):
    return z * SLOPE


@rule("it reads STATE, which can change")
def global_state(xp, z):
    return z * STATE["scale"]


@rule("it reads WEIGHTS, which can change")
def global_array(xp, z):
    return z * WEIGHTS.tolist()[0]


def helper_with_state(a):
    return a * STATE["scale"]


@rule("it reads STATE, which can change")
def state_behind_a_helper(xp, z):
    return helper_with_state(z)


@rule("it reads STATE, which can change")
def state_in_a_lambda(xp, z):
    return (lambda a: a + STATE["scale"])(z)


@rule("it changes SLOPE")
def a_counter(xp, z):
    global SLOPE
    SLOPE = 0.25
    return z * 2


@functools.cache
def coefficient(n):
    return math.sqrt(n)


@rule(NATIVE)
def a_cached_helper(xp, z):
    return z * coefficient(2)


@rule("it uses the module random")
def random_number(xp, z):
    return z * random.random()


@rule("it uses the module random")
def a_random_way(xp, z):
    return z if random.random() < 0.5 else -z


@rule("it draws random numbers")
def random_number_of_numpys(xp, z):
    return z + float(np.random.rand())  # noqa: NPY002


@rule("it draws random numbers")
def noise_of_a_new_generator(xp, z):
    return z + float(np.random.default_rng().normal())


@rule("rand")
def a_random_function(xp, z):
    return z + float(rand())  # noqa: NPY002


@rule("it reads GENERATOR, which can change")
def noise_of_a_generator(xp, z):
    return z + float(GENERATOR.normal())


@rule("it uses the module time")
def the_clock(xp, z):
    return z + 0 * time.time()


@rule("it uses the module os")
def the_environment(xp, z):
    return z * float(os.environ.get("SYMCNN_TEST_SCALE", "1"))


@rule("it uses the module datetime")
def the_day(xp, z):
    return z + 0 * datetime.date.today().year


@rule("it calls print")
def a_print(xp, z):
    print("here")
    return z * 2


@rule("it uses the module warnings")
def a_warning(xp, z):
    with warnings.catch_warnings():
        pass
    return z * 2


class Kind(enum.Enum):
    TWICE = 2


@rule(NATIVE)
def a_member_of_an_enum(xp, z):
    return z * 2 if Kind.TWICE is Kind.TWICE else z


class Settings:
    scale = 2.0


@rule("it uses the class Settings")
def an_attribute_of_a_class(xp, z):
    return z * Settings.scale


def closing_over(value):
    def closure(xp, z):
        return z * value

    return closure


RULES.append(("closure", closing_over(2.0), "it reads value, which can change"))
RULES.append(("closure_over_a_list", lambda xp, z: z * [1.0, 2.0][1], NATIVE))
RULES.append(("default_argument", lambda xp, z, k=3.0: z * k, NATIVE))
RULES.append(("default_list", lambda xp, z, k=[3.0]: z * k[0], "a default of <lambda>"))
RULES.append(("partial", functools.partial(lambda k, xp, z: z * k, 2.0), NATIVE))
RULES.append(("partial_of_a_list", functools.partial(lambda k, xp, z: z * k[0], [2.0]), "which can change"))
