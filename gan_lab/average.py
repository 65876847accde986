"""An average of the generator's weights: its images are steadier, and often better, than those of any one step."""

from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


def average_of(G: nn.Module, decay: float = 0.998) -> AveragedModel:
    """An exponential moving average (EMA) of G's weights, for Game(G, ..., average=average_of(G)).

        a_1 = w_1,  a_n = decay a_(n-1) + (1 - decay) w_n        w_n: G's weights after its n-th step

    It looks back over about 1 / (1 - decay) steps. Of w_1 the share decay^(n-1) is left, with 0.998 after 1000 steps
    14 %: for a short training choose a smaller decay. D is not averaged, and it plays against G, not the average.

    Batch norm's mean and variance are no weights: to average them too is a common fault. Their average belongs to no
    network: in a layer after w x the variance is w^2 var(x), and the average of squares is larger than the square of an
    average. Left out, they stay the 0 and 1 that they began with. Here they are G's latest, and `sample`, which draws
    with the average, estimates those of the average itself from fresh noise, see `fresh_statistics`.
    G: the generator, as it is given to Game. Raises ValueError unless 0 <= decay < 1.
    Source: Karras et al. 2018 (progressive growing), appendix A.1; Yazici et al. 2019.
    """
    if not 0 <= decay < 1:
        raise ValueError(f"decay is the share of the average that stays: at least 0 and below 1, not {decay}")
    return AveragedModel(G, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=False)  # type: ignore[no-untyped-call]
