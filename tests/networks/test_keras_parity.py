"""The networks compute what the reports' Keras code computes: same weights, same inputs, same outputs.

The two are mirror images (see `keras_defaults`), so kernels and pictures are turned by 180 degrees on the way.
"""

from collections.abc import Callable, Iterator
from math import prod

import keras_models
import pytest
import torch
from keras_models import keras  # on its torch backend
from torch import Tensor, nn

from gan_lab.layers import batch_norm1d, batch_norm2d, conv, conv_transpose, dense, embedding
from gan_lab.networks import acgan28, acgan32, dcgan32, dcgan64

GENERATORS = [
    pytest.param(keras_models.a1_generator, dcgan64.Generator, id="A1"),
    pytest.param(keras_models.b1_generator, dcgan32.Generator, id="B1"),
    pytest.param(keras_models.a4_generator, acgan28.Generator, id="A4"),
    pytest.param(keras_models.b3_generator, acgan32.Generator, id="B3"),
]
DISCRIMINATORS = [
    pytest.param(keras_models.a1_discriminator, dcgan64.Discriminator, id="A1"),
    pytest.param(keras_models.b1_discriminator, dcgan32.Discriminator, id="B1"),
    pytest.param(keras_models.a4_discriminator, acgan28.Discriminator, id="A4"),
    pytest.param(keras_models.b3_discriminator, acgan32.Discriminator, id="B3"),
]
MODES = pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])


@pytest.fixture(autouse=True)
def same_numbers_everywhere() -> Iterator[None]:
    torch.manual_seed(0)
    keras.utils.set_random_seed(0)
    with torch.no_grad(), keras.device("cpu"):
        yield


@MODES
@pytest.mark.parametrize(("build", "Generator"), GENERATORS)
def test_generator_is_the_reports(build: Callable[[], keras.Model], Generator: type[nn.Module], training: bool) -> None:
    model, G = build(), Generator().train(training)
    share_random_weights(model, G)
    z, y = torch.randn(4, 100), torch.tensor([0, 4, 2, 4])

    x = model([z, y] if len(model.inputs) == 2 else z, training=training)  # (N, H, W, C)

    assert_equal(G(z, y), mirrored(x.movedim(-1, 1)))
    assert_equal_moving_means(model, G)


@MODES
@pytest.mark.parametrize(("build", "Discriminator"), DISCRIMINATORS)
def test_discriminator_is_the_reports(
    build: Callable[[], keras.Model], Discriminator: type[nn.Module], training: bool
) -> None:
    model, D = build(), Discriminator().train(training)
    share_random_weights(model, D)
    x = torch.rand(4, *model.input_shape[1:]) * 2 - 1  # (N, H, W, C)

    heads = keras.tree.flatten(model(x, training=training))  # (N, 1), and (N, 5) from an AC-GAN

    for ours, report in zip(keras.tree.flatten(D(mirrored(x.movedim(-1, 1)))), heads, strict=True):
        assert_equal(ours, report.squeeze(1))
    assert_equal_moving_means(model, D)


@pytest.mark.parametrize(("build", "network"), GENERATORS + DISCRIMINATORS)
def test_dropout_rates_are_the_reports(build: Callable[[], keras.Model], network: type[nn.Module]) -> None:
    rates = [layer.rate for layer in build().layers if isinstance(layer, keras.layers.Dropout)]

    assert [m.p for m in network().modules() if isinstance(m, nn.Dropout)] == rates


@pytest.mark.parametrize(
    ("layer", "shape", "ours"),
    [
        pytest.param(keras.layers.Dense(200), (None, 300), dense(300, 200), id="dense"),
        pytest.param(keras.layers.Conv2D(50, 5), (None, 8, 8, 30), conv(30, 50), id="conv"),
        pytest.param(
            keras.layers.Conv2DTranspose(50, 5), (None, 8, 8, 30), conv_transpose(30, 50), id="conv_transpose"
        ),
        pytest.param(keras.layers.Embedding(200, 300), (None,), embedding(200, 300), id="embedding"),
    ],
)
def test_weights_start_as_keras_draws_them(layer: keras.Layer, shape: tuple[int | None, ...], ours: nn.Module) -> None:
    layer.build(shape)
    weight, *bias = ours.parameters()

    assert weight.abs().max().item() == pytest.approx(layer.weights[0].value.abs().max().item(), rel=1e-2)
    assert weight.std().item() == pytest.approx(layer.weights[0].value.std().item(), rel=2e-2)
    assert all((b == 0).all() for b in bias)


@pytest.mark.parametrize("momentum", [0.99, 0.8])
@pytest.mark.parametrize(("batch_norm", "shape"), [(batch_norm1d, (8,)), (batch_norm2d, (8, 3, 2))])
def test_moving_variance_is_keras_but_for_bessels_correction(
    batch_norm: Callable[[int, float], nn.Module], shape: tuple[int, ...], momentum: float
) -> None:
    """Keras averages the biased variance v of n values, PyTorch the unbiased one, v n / (n - 1)."""
    h = torch.randn(16, *shape)  # channels first
    n = h[:, 0].numel()
    norm = batch_norm(8, momentum)
    norm(h)
    layer = keras.layers.BatchNormalization(momentum=momentum)
    layer(h.movedim(1, -1), training=True)

    moved = layer.moving_variance.value - momentum  # both start at 1
    torch.testing.assert_close(norm.running_var - momentum, moved * n / (n - 1))
    torch.testing.assert_close(norm.running_mean, layer.moving_mean.value)


def share_random_weights(model: keras.Model, net: nn.Module) -> None:
    """Give both the same weights, none of them trivially 0 or 1, and take the chance out of dropout."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
        for w in layer.weights:
            if w.name in ("bias", "beta", "moving_mean"):
                w.assign(torch.randn(w.shape) / 10)
            elif w.name == "gamma":
                w.assign(torch.rand(w.shape) + 0.5)
            elif w.name == "moving_variance":  # about what these layers see, or the signal would fade on its way
                w.assign(torch.rand(w.shape) / 5 + 0.1)
    for module in net.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    for _, report, ours in paired_weights(model, net):
        ours.copy_(report)


def paired_weights(model: keras.Model, net: nn.Module) -> Iterator[tuple[str, Tensor, Tensor]]:
    """For each weight: Keras' name of it, Keras' value in PyTorch's layout, and PyTorch's tensor.

    Both list their layers in order, and in each layer weight, bias, moving mean and moving variance. PyTorch has the
    channels first and the kernels turned; where Keras flattens a map (H, W, C), PyTorch has flattened the
    turned map (C, H, W).
    """
    bends = [layer for layer in model.layers if isinstance(layer, keras.layers.Flatten | keras.layers.Reshape)]
    (shape,) = (bend.input.shape[1:] if len(bend.input.shape) == 4 else bend.output.shape[1:] for bend in bends)
    order = mirrored(torch.arange(prod(shape)).view(shape).movedim(-1, 0)).flatten()
    state = [tensor for name, tensor in net.state_dict().items() if not name.endswith("num_batches_tracked")]
    for w, ours in zip((w for layer in model.layers for w in layer.weights), state, strict=True):
        value = w.value
        if w.name == "kernel":
            value = value.movedim((-1, -2), (0, 1))
        if value.ndim == 4:
            value = mirrored(value)
        for axis, length in enumerate(value.shape):
            if length == len(order):
                value = value.index_select(axis, order)
        assert value.shape == ours.shape, w.path
        yield w.name, value, ours


def mirrored(x: Tensor) -> Tensor:
    """Maps (..., H, W), turned by 180 degrees."""
    return x.flip(-2, -1)


def assert_equal(ours: Tensor, report: Tensor) -> None:
    """Equal to 2e-4 of the outputs' spread: equal constants would prove nothing."""
    torch.testing.assert_close(ours, report, rtol=0, atol=2e-4 * report.std().item())


def assert_equal_moving_means(model: keras.Model, net: nn.Module) -> None:
    for name, report, ours in paired_weights(model, net):
        if name == "moving_mean":
            torch.testing.assert_close(ours, report, rtol=0, atol=1e-4)
