"""What keeps a critic Lipschitz: clipped weights, or a penalty on the norm of its gradient."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

Score = Callable[[Tensor], Tensor]  # images (N, ...) -> D's scores of them (N,)
Penalty = Callable[[Score, Tensor, Tensor], Tensor]  # (score, real, fake) -> a scalar that is added to D's loss


@torch.no_grad()
def clip_weights(D: nn.Module, c: float = 0.01) -> None:
    """Put every weight of D into [-c, c], in place: w <- clip(w, -c, c).

    Raises ValueError unless c > 0. Source: Arjovsky et al. 2017, Algorithm 1.
    """
    if c <= 0:
        raise ValueError(f"c bounds the weights: above 0, not {c}")
    for w in D.parameters():
        w.clamp_(-c, c)


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
    norms: Callable[[Score, Tensor], Tensor] = gradient_norms,
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
