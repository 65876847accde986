"""What keeps a critic Lipschitz: clipped weights, spectral norm, or a penalty on the norm of its gradient."""

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.utils.parametrizations import spectral_norm
from torch.nn.utils.parametrize import is_parametrized

Score = Callable[[Tensor], Tensor]  # images (N, ...) -> D's scores of them (N,)
Penalty = Callable[[Score, Tensor, Tensor], Tensor]  # (score, real, fake) -> a scalar that is added to D's loss
Norms = Callable[[Score, Tensor], Tensor]  # (score, x (N, ...)) -> the norm of the gradient at each image (N,)
Player = TypeVar("Player", bound=nn.Module)


@torch.no_grad()
def clip_weights(D: nn.Module, c: float = 0.01) -> None:
    """Put every weight of D into [-c, c], in place: w <- clip(w, -c, c).

    Raises ValueError unless c > 0. Source: Arjovsky et al. 2017, Algorithm 1.
    """
    if c <= 0:
        raise ValueError(f"c bounds the weights: above 0, not {c}")
    for w in D.parameters():
        w.clamp_(-c, c)


def spectrally_normed(D: Player, *, n_power_iterations: int = 1, eps: float = 1e-12) -> Player:
    """D, with each convolution, linear layer and embedding divided by its largest singular value: spectral norm.

        W <- W / sigma(W),  sigma(W) = max |W h| / |h| ~ u . W v
        u <- W v / |W v|,  v <- W^T u / |W^T u|              n_power_iterations times before each pass in training mode

    W: a layer's weights as a matrix (c_out, ...), those of a convolution reshaped to (c_out, c_in k_h k_w). eps keeps
    the norms above 0. The weights that learn, which optimisers, checkpoints and `clip_weights` see, are those before
    the division; u and v are buffers, and ride in the checkpoint. Clipping them as well bounds nothing more.

    Once u and v have converged, a linear layer stretches no difference, |W h - W h'| <= |h - h'|; until then u . W v
    is too small, and it may stretch a little. A convolution may in any case: each value of its input is read up to
    m = ceil(k_h / s) ceil(k_w / s) times at stride s (and dilation 1), so its bound is sqrt(m): 3 for k3 s1 or k5 s2.
    The product of the layers' bounds is a Lipschitz constant of a D whose other layers have 1, as leaky ReLU; batch
    norm has none, and dropout has 1 / (1 - p).
    D is changed in place, and returned. Raises ValueError if D has no such layer, or one that is parametrized already.
    Source: Miyato et al. 2018, section 2.1 and Algorithm 1.
    """
    layers = [
        (name, layer) for name, layer in D.named_modules() if isinstance(layer, _ConvNd | nn.Linear | nn.Embedding)
    ]
    if not layers:
        raise ValueError(f"{type(D).__name__} has no convolution and no linear layer to put spectral norm on")
    for name, layer in layers:
        if is_parametrized(layer):
            raise ValueError(f"D's layer {name} is parametrized already: put spectral norm on it once")
    for _, layer in layers:
        spectral_norm(layer, n_power_iterations=n_power_iterations, eps=eps)
    return D


def gradient_norms(score: Score, x: Tensor) -> Tensor:
    """The norm of the score's gradient at each image, |grad score(x_i)|: (N,). It can be differentiated once more.

    score: images -> (N,), each by its image alone.  x: (N, ...).
    """
    x = x if x.requires_grad else x.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(score(x).sum(), x, create_graph=True)
    norm: Tensor = gradient.flatten(1).norm(dim=1)
    return norm


def gradient_penalty(
    score: Score,
    real: Tensor,
    fake: Tensor,
    weight: float = 10.0,
    *,
    one_sided: bool = False,
    norms: Norms = gradient_norms,
) -> Tensor:
    """The penalty of WGAN-GP, on random points between real and fake images.

        x_hat = t x + (1 - t) G(z),  one t ~ U[0, 1] for each image
        penalty = weight * mean( (|grad score(x_hat)| - 1)^2 ),  one norm for each image

    one_sided: only norms above 1 are penalised, (max(0, |grad| - 1))^2.
    norms: what finds the norms; for many critics `gan_lab.layers.gradient_norms` finds the same at half the price.
    score: images -> (N,).  real, fake: (N, ...), of one shape -> scalar.  Raises ValueError if their shapes differ.
    Source: Gulrajani et al. 2017, eq. (3) and Algorithm 1; one-sided: ibid., section 4.
    """
    if real.shape != fake.shape:
        raise ValueError(f"real and fake images pair up: {tuple(real.shape)} is not the shape {tuple(fake.shape)}")
    t = torch.rand(len(real), *[1] * (real.dim() - 1), device=real.device)
    x_hat = t * real + (1 - t) * fake
    excess = norms(score, x_hat) - 1  # (N,)
    if one_sided:
        excess = excess.clamp(min=0)
    return weight * excess.square().mean()


def r1(score: Score, real: Tensor, fake: Tensor, gamma: float = 10.0, *, norms: Norms = gradient_norms) -> Tensor:
    """The penalty R1: D is to be flat at the real images.

        R1 = gamma / 2 * E_x[ |grad D(x)|^2 ],  |grad D(x)|^2 a sum over the pixels of one image

    Where real and fake images are the same, D should ask G for nothing more. Without a penalty the Dirac-GAN circles
    around that point, and with R1 it spirals into it, see `gan_lab.theory.dirac_gan.r1`.

    A `Game` refuses a D with batch norm under R1 and R2, as under `gradient_penalty`, and for the same reason: the
    equation is of a D that judges each image by itself. With batch norm an image moves the other scores too, and what
    they lose is taken from what it gains. A D that ends in batch norm has one sum of scores for all batches, and so
    R1 = 0 however steep it is. Layer norm ties no images together.
    score: images -> (N,).  real, fake: (N, ...) -> scalar; fake is not used.
    norms: what finds the norms, see `gradient_penalty`.  Source: Mescheder et al. 2018, section 4.1; Roth et al. 2017.
    """
    return gamma / 2 * norms(score, real).square().mean()


def r2(score: Score, real: Tensor, fake: Tensor, gamma: float = 10.0, *, norms: Norms = gradient_norms) -> Tensor:
    """The penalty R2: D is to be flat at the fake images.

        R2 = gamma / 2 * E_z[ |grad D(G(z))|^2 ]

    All else is as in `r1`; here real is not used. R3GAN has both, sum_of(r1, r2). Source: Mescheder et al. 2018,
    section 4.1; both together: Huang et al. 2024, section 2.
    """
    return gamma / 2 * norms(score, fake).square().mean()


def sum_of(*penalties: Penalty) -> Penalty:
    """One penalty that is the sum of these: sum_of(partial(r1, gamma=1), partial(r2, gamma=1)).

    Raises ValueError if one has a `state_dict`, which a checkpoint would not find in here.
    """
    if stateful := [penalty for penalty in penalties if hasattr(penalty, "state_dict")]:
        raise ValueError(f"{type(stateful[0]).__name__} has a state, which would not be kept: write the sum into it")

    def sum_of_penalties(score: Score, real: Tensor, fake: Tensor) -> Tensor:
        return torch.stack([penalty(score, real, fake) for penalty in penalties]).sum()

    return sum_of_penalties


def refuse_batch_norm(D: nn.Module) -> None:
    """Raises ValueError, naming the layer, if D has batch norm: under a penalty its scores must not be tied together.

    Source: Gulrajani et al. 2017, section 4, "No critic batch normalization".
    """
    for name, layer in D.named_modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d | nn.SyncBatchNorm):
            raise ValueError(
                f"D has batch norm ({name}, a {type(layer).__name__}) under a penalty. The penalty is on D's gradient "
                "at each image by itself, and batch norm makes a score depend on all images of the batch. Build D with "
                "layer norm (gan_lab.networks.wgan64.layer_norm) or without norm (nn.Identity), or insist: "
                "Game(..., allow_batch_norm=True)"
            )
