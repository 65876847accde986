from collections.abc import Callable
from math import sqrt

import pytest
import torch
from torch import nn

from gan_lab.layers import conv, conv_transpose, dense, embedding
from gan_lab.losses import Verdict, score_of
from gan_lab.networks import acgan28, acgan32, dcgan, dcgan32, dcgan64, mlp, projection32, wgan64
from gan_lab.networks.width import scaled

Build = Callable[..., nn.Module]

IMAGE_NETWORKS = [
    pytest.param(dcgan64.Generator, dcgan64.Discriminator, (3, 64, 64), id="A1"),
    pytest.param(dcgan32.Generator, dcgan32.Discriminator, (1, 32, 32), id="B1"),
    pytest.param(acgan28.Generator, acgan28.Discriminator, (1, 28, 28), id="A4"),
    pytest.param(acgan32.Generator, acgan32.Discriminator, (1, 32, 32), id="B3"),
    pytest.param(wgan64.Generator, wgan64.Critic, (3, 64, 64), id="A5"),
    pytest.param(dcgan.Generator, dcgan.Discriminator, (1, 32, 32), id="DCGAN"),
    pytest.param(projection32.Generator, projection32.Discriminator, (1, 32, 32), id="projection"),
]
CONDITIONAL = pytest.mark.parametrize(
    "Generator",
    [
        pytest.param(acgan28.Generator, id="A4"),
        pytest.param(acgan32.Generator, id="B3"),
        pytest.param(projection32.Generator, id="projection"),
    ],
)
y = torch.tensor([0, 1, 4])


@pytest.mark.parametrize(
    ("build", "trainable", "statistics", "total"),
    [
        (lambda: dcgan64.Generator(), 18_870_515, 1_804, 18_872_319),
        (lambda: dcgan64.Generator(norm_after_tanh=False), 18_870_515 - 6, 1_804 - 6, 18_872_319 - 12),
        (lambda: dcgan64.Discriminator(), 17_235_179, 3_846, 17_239_025),
        (lambda: dcgan64.Discriminator(norm_input=False), 17_235_179 - 6, 3_846 - 6, 17_239_025 - 12),
        (lambda: dcgan32.Generator(), 2_099_457, 33_408, 2_132_865),
        (lambda: dcgan32.Discriminator(), 214_785, 0, 214_785),
        (lambda: acgan28.Generator(), 856_565, 640, 857_205),
        (lambda: acgan28.Generator().layers, 856_065, 640, 856_705),
        (lambda: acgan28.Discriminator(), 109_638, 192, 109_830),
        (lambda: acgan28.Discriminator().trunk, 97_344, 192, 97_536),
        (lambda: acgan32.Generator(), 2_139_777, 33_664, 2_173_441),
        (lambda: acgan32.Discriminator(), 487_046, 896, 487_942),
        (lambda: wgan64.Generator(), 3_576_704, 1_920, 3_578_624),
        (lambda: wgan64.Critic(), 2_765_568, 1_792, 2_767_360),
        (lambda: wgan64.Critic(norm=wgan64.layer_norm), 2_765_568, 0, 2_765_568),
        (lambda: wgan64.Critic(norm=nn.Identity), 2_763_776, 0, 2_763_776),
        (lambda: dcgan.Generator(), 369_601, 448, 370_049),
        (lambda: dcgan.Discriminator(), 167_009, 384, 167_393),
        (lambda: dcgan.Discriminator(norm=nn.Identity), 166_625, 0, 166_625),
        (lambda: projection32.Generator(), 379_841, 448, 380_289),
        (lambda: projection32.Discriminator(), 177_249, 384, 177_633),
        (lambda: projection32.Discriminator(norm=nn.Identity), 176_865, 0, 176_865),
        (lambda: mlp.Generator(), 527_874, 0, 527_874),
        (lambda: mlp.Critic(), 527_361, 0, 527_361),
    ],
)
def test_parameter_counts(build: Build, trainable: int, statistics: int, total: int) -> None:
    net = build()
    weights = sum(w.numel() for w in net.parameters())
    moments = sum(b.numel() for name, b in net.named_buffers() if not name.endswith("num_batches_tracked"))

    assert (weights, moments, weights + moments) == (trainable, statistics, total)


@pytest.mark.parametrize("width", [1.0, 0.25, 0.001])
@pytest.mark.parametrize(("Generator", "Discriminator", "shape"), IMAGE_NETWORKS)
def test_width_keeps_the_shapes(Generator: Build, Discriminator: Build, shape: tuple[int, ...], width: float) -> None:
    G, D = Generator(width=width), Discriminator(width=width)

    x = G(torch.randn(3, G.z_dim), y)
    verdict = D(x, y)

    assert x.shape == (3, *shape)
    assert score_of(verdict).shape == (3,)
    assert not isinstance(verdict, Verdict) or verdict.classes.shape == (3, 5)


@pytest.mark.parametrize(("Generator", "Discriminator", "shape"), IMAGE_NETWORKS)
def test_channels_are_the_images(Generator: Build, Discriminator: Build, shape: tuple[int, ...]) -> None:
    G, D = Generator(channels=2, width=0.1), Discriminator(channels=2, width=0.1)

    x = G(torch.randn(3, G.z_dim), y)

    assert x.shape == (3, 2, *shape[1:])
    assert score_of(D(x, y)).shape == (3,)


@pytest.mark.parametrize(
    "build",
    [
        pytest.param(lambda: dcgan64.Generator(width=0.1, norm_after_tanh=False), id="A1, sound"),
        pytest.param(dcgan32.Generator, id="B1"),
        pytest.param(acgan28.Generator, id="A4"),
        pytest.param(acgan32.Generator, id="B3"),
        pytest.param(dcgan.Generator, id="DCGAN"),
        pytest.param(lambda: wgan64.Generator(width=0.1), id="A5"),
    ],
)
def test_images_stay_in_range_however_large_the_noise(build: Build) -> None:
    G = build()
    x = G(1e6 * torch.randn(3, G.z_dim), y)

    assert x.abs().max() <= 1


def test_batch_norm_after_the_tanh_leaves_the_range() -> None:
    x = dcgan64.Generator(width=0.1, norm_after_tanh=True)(torch.randn(16, 100))

    assert x.abs().max() > 1
    assert x.mean().item() == pytest.approx(0, abs=1e-3)  # it standardises each batch instead
    assert x.std().item() == pytest.approx(1, abs=0.1)


def test_input_norm_hides_the_contrast_of_a_batch() -> None:
    """With biases 0 the first block is homogeneous, so batch norm divides a contrast c out again."""
    x, c = 16 * torch.randn(4, 3, 64, 64), 4
    report = dcgan64.Discriminator(width=0.1, norm_input=True).layers[:3]
    sound = dcgan64.Discriminator(width=0.1, norm_input=False).layers[:3]

    torch.testing.assert_close(report(c * x), report(x), rtol=0, atol=1e-3)
    torch.testing.assert_close(sound(c * x), c * sound(x))


def test_points_of_the_plane() -> None:
    G, D = mlp.Generator(z_dim=7, width=0.1), mlp.Critic(width=0.1)
    x = G(torch.randn(3, G.z_dim))

    assert x.shape == (3, 2)
    assert D(x).shape == (3,)


@CONDITIONAL
def test_the_label_decides_the_image(Generator: Build) -> None:
    G = Generator(classes=5, width=0.1).eval()
    z = torch.randn(1, 100).expand(3, -1)
    x = G(z, torch.tensor([0, 4, 4]))

    assert (x[0] - x[1]).abs().max() > 1e-2 * x[0].abs().max()
    torch.testing.assert_close(x[1], x[2])


@CONDITIONAL
@pytest.mark.parametrize(
    ("labels", "complaint"),
    [
        (None, r"call G\(z, y\)"),
        (torch.tensor([0, 1, 5]), "label 5 is not one of the 5 classes"),
        (torch.tensor([0, -1, 4]), "label -1 is not one of the 5 classes"),
        (torch.tensor([0, 1]), r"shape \(3,\).*not \(2,\)"),
        (torch.tensor([[0], [1], [4]]), r"shape \(3,\).*not \(3, 1\)"),
    ],
)
def test_labels_missing_or_out_of_range(Generator: Build, labels: torch.Tensor | None, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Generator(classes=5, width=0.01)(torch.randn(3, 100), labels)


@CONDITIONAL
def test_shares_of_one_class_are_its_label_and_half_of_two_classes_is_half_way(Generator: Build) -> None:
    """In what the first layer sees, which is linear in the shares."""
    G, z, seen = Generator(width=0.05).eval(), torch.randn(3, 100), []
    G.layers[0].register_forward_pre_hook(lambda layer, inputs: seen.append(inputs[0]))
    one_hot = torch.eye(5)[y]

    torch.testing.assert_close(G(z, one_hot), G(z, y))
    first, second, middle = torch.tensor([0, 1, 4]), torch.tensor([3, 3, 2]), (one_hot + torch.eye(5)[[3, 3, 2]]) / 2
    seen.clear()
    for labels in (first, second, middle):
        G(z, labels)
    torch.testing.assert_close(seen[2], (seen[0] + seen[1]) / 2)


@CONDITIONAL
def test_shares_of_another_number_of_classes(Generator: Build) -> None:
    with pytest.raises(ValueError, match=r"need shape \(3, 5\), not \(3, 4\)"):
        Generator(classes=5, width=0.01)(torch.randn(3, 100), torch.zeros(3, 4))


@pytest.mark.parametrize("norm", [wgan64.layer_norm, nn.Identity])
def test_critic_scores_each_image_by_itself(norm: Callable[[int], nn.Module]) -> None:
    D = wgan64.Critic(width=0.1, norm=norm)
    x = torch.randn(4, 3, 64, 64)

    torch.testing.assert_close(D(x)[:1], D(x[:1]))


def test_the_dcgan_follows_the_guidelines_of_its_paper() -> None:
    """Radford et al. 2015, section 3 and "details of adversarial training"."""
    torch.manual_seed(0)
    G, D = dcgan.Generator(), dcgan.Discriminator()
    inner = {"G": list(G.modules()), "D": list(D.modules())}
    for modules in inner.values():
        for layer in modules:
            assert "Pool" not in type(layer).__name__
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                assert (layer.kernel_size, layer.stride, layer.padding) == ((4, 4), (2, 2), (1, 1))
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
                n = layer.weight.numel()
                assert layer.weight.std().item() == pytest.approx(0.02, abs=4 * 0.02 / sqrt(2 * n))
                assert layer.weight.mean().item() == pytest.approx(0, abs=4 * 0.02 / sqrt(n))
    assert isinstance(G.layers[-1], nn.Tanh)
    assert [type(layer) for layer in inner["G"] if type(layer).__module__.endswith("activation")] == [
        *[nn.ReLU] * 3,
        nn.Tanh,
    ]
    slopes = [layer.negative_slope for layer in inner["D"] if isinstance(layer, nn.LeakyReLU)]
    assert slopes == [0.2] * 3 and not any(isinstance(layer, nn.ReLU | nn.Sigmoid) for layer in inner["D"])
    # Batch norm on all hidden layers, and neither on G's output nor on D's input
    assert [layer.num_features for layer in inner["G"] if isinstance(layer, nn.BatchNorm2d)] == [128, 64, 32]
    assert [layer.num_features for layer in inner["D"] if isinstance(layer, nn.BatchNorm2d)] == [64, 128]
    assert sum(isinstance(layer, nn.Linear) for layer in inner["G"] + inner["D"]) == 2


def test_batch_norm_ties_a_score_to_the_batch() -> None:
    torch.manual_seed(0)
    D = wgan64.Critic(width=0.1, norm=nn.BatchNorm2d)
    x = torch.randn(4, 3, 64, 64)
    others = torch.cat([x[:1], 10 * x[1:]])

    assert (D(x)[0] - D(others)[0]).abs() > 0.1 * D(x)[0].abs()


def test_layer_norm_is_over_all_of_an_image() -> None:
    h = torch.randn(4, 8, 5, 5)

    torch.testing.assert_close(wgan64.layer_norm(8)(h), nn.functional.layer_norm(h, (8, 5, 5)))


@pytest.mark.parametrize(
    ("layer", "bound"),
    [
        (dense(300, 200), sqrt(6 / (300 + 200))),
        (conv(30, 50, kernel=5), sqrt(6 / (30 * 25 + 50 * 25))),
        (conv_transpose(30, 50, kernel=5), sqrt(6 / (30 * 25 + 50 * 25))),
        (embedding(300, 200), 0.05),
        (mlp.hidden(300, 200)[0], sqrt(6 / 300)),
    ],
)
def test_weights_start_uniform(layer: nn.Module, bound: float) -> None:
    weight, *biases = layer.parameters()

    assert weight.abs().max().item() == pytest.approx(bound, rel=1e-3)
    assert weight.std().item() == pytest.approx(bound / sqrt(3), rel=0.02)
    assert all((b == 0).all() for b in biases)


@pytest.mark.parametrize("layer", [wgan64.conv(64, 128), wgan64.conv_transpose(64, 128)])
def test_wgan_weights_start_normal(layer: nn.Module) -> None:
    assert layer.weight.std().item() == pytest.approx(0.02, rel=0.02)
    assert layer.bias is None


def test_scaled_channels() -> None:
    assert scaled(0.25, 1024, 512, 2) == (256, 128, 1)
    with pytest.raises(ValueError, match="width"):
        scaled(0.0, 64)


def test_projection_adds_the_class_vector_times_the_features() -> None:
    D, x = projection32.Discriminator(classes=5, width=0.1, norm=nn.Identity), torch.randn(3, 1, 32, 32)
    h, v = D.trunk(x), D.v.weight

    expected = [D.linear.weight[0] @ h[n] + D.linear.bias[0] + v[y[n]] @ h[n] for n in range(3)]
    torch.testing.assert_close(D(x, y), torch.stack(expected))


def test_a_discriminator_by_projection_asks_for_the_class() -> None:
    with pytest.raises(ValueError, match=r"call D\(x, y\)"):
        projection32.Discriminator(width=0.1)(torch.randn(3, 1, 32, 32))
