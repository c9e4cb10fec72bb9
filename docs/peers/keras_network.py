"""Draw the tutorial's network with Keras. Run as: python keras_network.py FOLDER."""

import os
import sys
from importlib.metadata import version
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
from keras import layers

folder = Path(sys.argv[1])
print(
    f"Keras {version('keras')}, pydot {version('pydot')}, {keras.backend.backend()} {version(keras.backend.backend())}"
)
x = keras.Input((1, 28, 28), name="x")
z1 = layers.Conv2D(20, 9, data_format="channels_first", name="conv1")(x)
a1 = layers.Activation("sigmoid", name="sigmoid1")(z1)
p1 = layers.AveragePooling2D(2, data_format="channels_first", name="pool1")(a1)
z2 = layers.Dense(10, activation="softmax", name="out")(layers.Flatten(name="flatten")(p1))
model = keras.Model(x, z2, name="tutorial")
model.compile(loss="sparse_categorical_crossentropy")
for ending in ("svg", "png"):
    keras.utils.plot_model(
        model,
        to_file=folder / f"keras.{ending}",
        show_shapes=True,
        show_dtype=True,
        show_layer_names=True,
        show_layer_activations=True,
        show_trainable=True,
        dpi=60,
    )
