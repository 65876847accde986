"""The reports' Keras networks, layer by layer as the reports list them, on Keras' torch backend.

Two things differ from the reports' code. The outputs of D are logits: the sigmoid is in our loss. And Keras 3 calls the
slope of a leaky ReLU `negative_slope`, which was `alpha`.
"""

import os

os.environ["KERAS_BACKEND"] = "torch"
os.environ["KERAS_HOME"] = os.devnull  # neither read nor write settings in the user's home

import keras
from keras import Input, Model, Sequential
from keras.layers import (
    BatchNormalization,
    Concatenate,
    Conv2D,
    Conv2DTranspose,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    LeakyReLU,
    Multiply,
    ReLU,
    Reshape,
    UpSampling2D,
    ZeroPadding2D,
)

if keras.backend.backend() != "torch":
    raise RuntimeError(f"these tests need Keras on torch, but it was already imported on {keras.backend.backend()}")


def a1_generator() -> Model:
    model = Sequential([Input((100,)), Dense(4 * 4 * 1024), Reshape((4, 4, 1024))])
    for c in 512, 256, 128, 3:
        model.add(Conv2DTranspose(c, 5, strides=2, padding="same"))
        model.add(ReLU())
        model.add(BatchNormalization())
    model.add(Conv2D(3, 5, padding="same", activation="tanh"))
    model.add(BatchNormalization())
    return model


def a1_discriminator() -> Model:
    model = Sequential([Input((64, 64, 3)), Conv2D(3, 5, padding="same"), LeakyReLU(0.2), BatchNormalization()])
    for c in 128, 256, 512, 1024:
        model.add(Conv2D(c, 5, strides=2, padding="same"))
        model.add(LeakyReLU(0.2))
        model.add(BatchNormalization())
    model.add(Flatten())
    model.add(Dropout(0.4))
    model.add(Dense(1))
    return model


def b1_generator() -> Model:
    return Sequential(
        [
            Input((100,)),
            Dense(8 * 8 * 256),
            BatchNormalization(),
            LeakyReLU(0.2),
            Reshape((8, 8, 256)),
            BatchNormalization(),
            Conv2DTranspose(64, 5, strides=2, padding="same"),
            BatchNormalization(),
            LeakyReLU(),
            Conv2DTranspose(1, 5, strides=2, padding="same", activation="tanh"),
        ]
    )


def b1_discriminator() -> Model:
    return Sequential(
        [
            Input((32, 32, 1)),
            Conv2D(64, 5, strides=2, padding="same"),
            LeakyReLU(),
            Dropout(0.3),
            Conv2D(128, 5, strides=2, padding="same"),
            LeakyReLU(),
            Dropout(0.3),
            Flatten(),
            Dense(1),
        ]
    )


def a4_generator() -> Model:
    z, y = Input((100,)), Input((), dtype="int64")
    h = Multiply()([z, Embedding(5, 100)(y)])
    h = Dense(7 * 7 * 128, activation="relu")(h)
    h = Reshape((7, 7, 128))(h)
    h = BatchNormalization(momentum=0.8)(h)
    for c in 128, 64:
        h = UpSampling2D()(h)
        h = Conv2D(c, 3, padding="same", activation="relu")(h)
        h = BatchNormalization(momentum=0.8)(h)
    return Model([z, y], Conv2D(1, 3, padding="same", activation="tanh")(h))


def a4_discriminator() -> Model:
    x = Input((28, 28, 1))
    h = Conv2D(16, 3, strides=2, padding="same")(x)
    h = LeakyReLU(0.2)(h)
    h = Dropout(0.25)(h)
    h = Conv2D(32, 3, strides=2, padding="same")(h)
    h = ZeroPadding2D(((0, 1), (0, 1)))(h)
    h = LeakyReLU(0.2)(h)
    h = Dropout(0.25)(h)
    h = BatchNormalization(momentum=0.8)(h)
    h = Conv2D(64, 3, strides=2, padding="same")(h)
    h = LeakyReLU(0.2)(h)
    h = Dropout(0.25)(h)
    h = BatchNormalization(momentum=0.8)(h)
    h = Conv2D(128, 3, padding="same")(h)
    h = LeakyReLU(0.2)(h)
    h = Dropout(0.25)(h)
    h = Flatten()(h)
    return Model(x, [Dense(1)(h), Dense(5)(h)])


def b3_generator() -> Model:
    z, y = Input((100,)), Input((), dtype="int64")
    h = Concatenate()([z, keras.ops.one_hot(y, 5)])
    h = Dense(8 * 8 * 256, activation="relu")(h)
    h = BatchNormalization()(h)
    h = Reshape((8, 8, 256))(h)
    h = BatchNormalization()(h)
    for c in 128, 64:
        h = UpSampling2D()(h)
        h = Conv2D(c, 3, padding="same", activation="relu")(h)
        h = BatchNormalization()(h)
    return Model([z, y], Conv2D(1, 3, padding="same", activation="tanh")(h))


def b3_discriminator() -> Model:
    x = Input((32, 32, 1))
    h = Conv2D(32, 3, strides=2, padding="same")(x)
    h = LeakyReLU(0.2)(h)
    h = Dropout(0.5)(h)
    for c, stride in (64, 1), (128, 2), (256, 1):
        h = Conv2D(c, 3, strides=stride, padding="same")(h)
        h = BatchNormalization()(h)
        h = LeakyReLU(0.2)(h)
        h = Dropout(0.5)(h)
    h = Flatten()(h)
    return Model(x, [Dense(1)(h), Dense(5)(h)])
