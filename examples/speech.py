"""One-row maps: who is speaking? A convolution along time over the 12 cepstra of Japanese vowels.

    python examples/speech.py japanese_vowels_640.npz

The data (UCI Japanese Vowels, CC BY 4.0: 270 + 370 utterances of 9 speakers, up to 29 frames) are not part of the
package: they are at https://archive.ics.uci.edu/dataset/128/japanese+vowels as text. The .npz file holds them as
x_train and x_test (N, 12, frames), float32, the frames after the end of an utterance 0, and as y_train and y_test (N,),
the speakers 0 to 8.
"""

import argparse

import numpy as np

import symcnn as sc


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("data", help="the .npz file")
    options.add_argument("--epochs", type=int, default=40)
    chosen = options.parse_args()

    with np.load(chosen.data, allow_pickle=False) as file:
        train = {"x": file["x_train"][:, :, None, :], "y": file["y_train"].astype("int64")}
        test = {"x": file["x_test"][:, :, None, :], "y": file["y_test"].astype("int64")}

    channels, frames = train["x"].shape[1], train["x"].shape[3]
    x = sc.Input("x", (None, channels, 1, frames))
    y = sc.Input("y", (None,), dtype="int64")
    a1 = sc.relu(sc.conv(x, filters=32, size=(1, 6), name="conv1", seed=0))
    p1 = sc.max_pool(a1, (1, 4))
    scores = sc.dense(p1, 9, name="out", seed=1)
    J = sc.softmax_cross_entropy(scores, y)

    history = sc.fit(
        J,
        train,
        optimizer=sc.Adam(lr=0.002),
        epochs=chosen.epochs,
        batch=32,
        validation=test,
        metrics={"accuracy": sc.accuracy(scores, y)},
    )
    print(history)


if __name__ == "__main__":
    main()
