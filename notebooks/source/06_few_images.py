# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 6. Few images: which idea pays?
#
# **Question.** The DCGAN of notebook 1 is from 2015. Since then many ideas were published that should help a GAN, above
# all one that has few images. Which of them pays on a thousand images, in three minutes on a laptop?
#
# You meet seven ideas of ten years. Each is one change of the same game, and you see what it gives over ten seeds, at
# equal seconds and at equal rounds. Some give nothing here, and that is said, too. Then you train the best of them, in
# less than a minute, and play with a generator that is trained already: it looks for the digit that you draw.
#
# You need notebook 1, and of notebook 2 what the judge measures.

# %%
import inspect
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from torch import nn

from gan_lab import pretrained
from gan_lab.augmentation import Augmented, spectrum
from gan_lab.data.hold_out import load_with_held_out
from gan_lab.latent import invert, slerp, truncated_noise
from gan_lab.lessons import exercises, ladder
from gan_lab.lessons.claims import claim
from gan_lab.measure import seeds
from gan_lab.measure.judge import Judge
from gan_lab.moves import affine, cutout, translate
from gan_lab.parameters import check_parameters
from gan_lab.runs import Run
from gan_lab.show import plots
from gan_lab.show.drawing import inverter
from gan_lab.show.widgets import Dashboard, class_explorer, explorer
from gan_lab.training import play, sample

plt.style.use(plots.STYLE)

# %% [markdown]
# ## Parameters

# %% tags=["parameters"]
data_dir: str = ""  # the images; "" is the bundled digits [a folder, or one of MNIST, FashionMNIST, KMNIST]
idea: str = "labels"  # which game is trained in section 7 [one of DCGAN, augmentation, adaptive, spectral norm, hinge, R1, R3GAN, labels]
epochs: int = 25  # passes over the images [at least 1]
measure_every: int = 5  # epochs between two measurements of the quality [at least 1]
search_steps: int = 100  # steps in which the noise of an image is looked for [at least 1]
seed: int = 0  # of the weights, the noise and the order of the images [at least 0]
accelerator: str = "auto"  # where to train [one of auto, cpu, cuda, mps]
run_dir: str = ""  # where the runs are kept; "" makes a folder in runs/ named after the parameters

# %% [markdown]
# ## 1. The start, and what it is compared with
#
# All games below have one network, `gan_lab.networks.dcgan`, three convolutions of stride 2 on each side, by the guidelines
# of notebook 1. All have batches of 16, Adam with steps of 0.001, and the judge of notebook 2, with held-out images.
# **Kernel distance**: 0 is best. **Coverage**: the share of real images that have a drawing near them. **Sure**: the share
# of the drawings of whose class the judge's classifiers are sure. **Copying**: 1/2 is right, 1 is a copier.
#
# An idea is one function that sets up a game. This is the start, and the first idea:

# %%
check_parameters(globals())
images, held_out = load_with_held_out(data_dir, size=32)
K = len(images.classes)
judge = Judge(images, held_out, seed=seed)
print(f"{len(images)} images to train on; unseen real images get kernel distance", end=" ")
print(f"{judge.floor['kernel_distance']:.2f}, coverage {judge.floor['coverage']:.0%}\n")
print(inspect.getsource(ladder.plain))
print(inspect.getsource(ladder.augmentation))

# %% [markdown]
# ## 2. An average of G
#
# Each step of $G$ answers the last steps of $D$, so $G$ trembles. An *exponential moving average* of its weights $w_n$ is
# steadier (Karras et al., 2018):
#
# $$ a_1 = w_1, \qquad a_n = \beta\, a_{n-1} + (1 - \beta)\, w_n \qquad (1)$$
#
# It looks back over about $1 / (1 - \beta)$ steps; here $\beta = 0.998$. $D$ plays against $G$, and we draw with the average.
# It costs next to nothing. (Batch norm's mean and variance must not be averaged like weights: they are estimated anew, from
# fresh noise. `gan_lab/average.py` says why.)
#
# ## 3. Augmentation: the same few images, seen in many ways
#
# With a thousand images $D$ soon knows each of them (notebook 1 showed it). If every image, **real or fake**, is moved at
# random before $D$ sees it, there is more to know. With probability $p$ an image $x$ becomes $g(x)$, by a move $g$ drawn for
# this image alone:

# %%
few = images.batch(torch.arange(0, len(images), max(1, len(images) // 6))[:6])[0]
moves = {"shifted": translate, "turned, scaled, slanted": affine, "cut": cutout}
fig, axes = plt.subplots(1, 4, figsize=(11, 3), layout="constrained")
torch.manual_seed(seed)
plots.grid(axes[0], few.repeat_interleave(4, 0), nrow=4, title="as they are")
for ax, (name, move) in zip(axes[1:], moves.items(), strict=True):
    plots.grid(ax, move(few.repeat_interleave(4, 0)), nrow=4, title=name)
plt.show()

# %% [markdown]
# ### What leaks
#
# $G$ learns to draw what looks like the real images *after both were moved*. If $P$ is the distribution of the images, $D$
# sees
#
# $$ T P = (1 - p)\, P + p\, \mathbb{E}_g[\, g P\, ] \qquad (2)$$
#
# If $T$ can be undone, $T P_{fake} = T P_{real}$ only where $P_{fake} = P_{real}$, and nothing is lost. If it cannot, $G$ may
# draw moved images, and $D$ cannot tell: the augmentation **leaks**. $T$ can be undone if none of its eigenvalues is 0. For
# moves that form a cycle, such as quarter turns, the eigenvalues are a Fourier transform:

# %%
p_of = torch.linspace(0, 1, 101)
cycles = {
    "a mirror": torch.tensor([0.0, 1.0]),
    "a quarter turn": torch.tensor([0.0, 1.0, 0.0, 0.0]),
    "0, 1, 2 or 3 quarter turns": torch.full((4,), 0.25),
    "a shift by 0 to 3 of 16": torch.tensor([0.25] * 4 + [0.0] * 12),
}
fig, ax = plt.subplots(figsize=(7, 3))
least = {name: torch.stack([spectrum(drawn, float(p)).abs().min() for p in p_of]) for name, drawn in cycles.items()}
for name, smallest in least.items():
    ax.plot(p_of, smallest, label=name)
ax.axvline(0.5, color="black", linewidth=0.8, linestyle=":")
ax.set(title="what the augmentation leaves of the weakest part", xlabel="p", ylabel="smallest |eigenvalue|")
ax.legend(fontsize=8)
plt.show()

# %% [markdown]
# Below $p = 1/2$ nothing leaks, whatever the moves. A mirror leaks at exactly $1/2$: then nobody can say which half of the
# images was mirrored. `Augmented` refuses a $p$ at which its moves may leak.

# %% [markdown]
# **How large should $p$ be?** *Adaptive* augmentation (Karras et al., 2020) finds it: $p$ grows while $D$ is too sure of the
# training images, and falls while it is not,
#
# $$ r = \mathbb{E}_x\big[\operatorname{sign} D(x)\big], \qquad p \leftarrow p \pm \text{a little, as } r > 0.6 \text{ or } r < 0.6 \qquad (3)$$
#
# where $D(x)$ is the score.
#
# ## 4. A discriminator that is held
#
# Four ideas keep $D$ from being steep, in place of batch norm:
#
# * **Spectral norm** (Miyato et al., 2018): each layer is divided by its largest singular value, $W \leftarrow W / \sigma(W)$.
# * **Hinge loss**, which is used with it (Lim and Ye, 2017): $D$ pays for a score only until it is beyond 1 or $-1$,
#   $\mathbb{E}_x[\max(0, 1 - D(x))] + \mathbb{E}_z[\max(0, 1 + D(G(z)))]$.
# * **R1** (Mescheder et al., 2018): a penalty on the slope at real images,
#   $\tfrac{\gamma}{2} \mathbb{E}_x\big[\lVert \nabla D(x) \rVert^2\big]$.
# * **R3GAN** (Huang et al., 2024): R1, the same at fake images (R2), and a loss that compares each fake image with a real
#   one, $\mathbb{E}\big[\log(1 + e^{-(D(x) - D(G(z)))})\big]$.
#
# ## 5. Labels
#
# The images come with labels, and so far nobody has used them. Both players are told the class $y$ (Mirza and Osindero,
# 2014): $G(z, y)$ draws a $y$, and $D$ answers whether $x$ is a real image *of a $y$*, with a learned vector $v_y$ for each
# class and the features $h(x)$ of its last layer (Miyato and Koyama, 2018):
#
# $$ D(x, y) = a \cdot h(x) + b + v_y \cdot h(x) \qquad (4)$$
#
# ## 6. Which idea pays?
#
# Each game was played with ten seeds. A round of R1 or of R3GAN costs more than another, because it differentiates twice;
# so each is measured after as many rounds as three minutes are worth on two cores (`results/06_cost.csv`), and all of them
# after the same number of rounds. (Gamma and the learning rate were chosen with two other seeds; another choice might suit
# an idea better.) An idea is compared with the rung that it stands on, seed by seed:

# %%
table, cost = seeds.table("06_ladder"), seeds.table("06_cost").set_index("idea")["ms"]
below = {
    "DCGAN": "DCGAN, no average",  # with the average, beside the same training without
    "augmentation": "DCGAN",
    "adaptive": "augmentation",
    "spectral norm": "augmentation",
    "hinge": "spectral norm",
    "R1": "augmentation",
    "R3GAN": "augmentation",
    "labels": "augmentation",
}
measures = {"kernel_distance": "kernel distance", "coverage": "coverage", "sure": "sure", "copying_features": "copying"}


def ladder_rows(n: int, at: str) -> pd.DataFrame:
    """What each idea changes of each measure beside the rung below it, for n images."""
    rows = table.query("images == @n and at == @at")
    found = [
        seeds.paired(rows[rows["idea"].isin([idea, rung])], measure, by="idea", against=rung)
        .query("idea == @idea")
        .assign(measure=measure)
        for idea, rung in below.items()
        for measure in measures
        if idea in set(rows["idea"])
    ]
    found = pd.concat(found)
    found["p_holm"] = seeds.holm(found["p"])
    return found


def shown(rows: pd.DataFrame) -> pd.DataFrame:
    """The same, as one reads it."""
    fields = {
        (row.idea, measures[row.measure]): f"{row.mean:.3f}, {seeds.finding(row)} ({row.low:+.3f} to {row.high:+.3f})"
        for row in rows.itertuples()
    }
    return pd.Series(fields).unstack()[list(measures.values())].loc[list(dict.fromkeys(rows["idea"]))]


in_time, in_steps = ladder_rows(1005, "180 s"), ladder_rows(1005, "steps")
shown(in_time)

# %%
shown(in_steps)

# %% [markdown]
# ## 7. Fewer images still
#
# The same with 100 and with 300 images, in one minute:

# %%
for n in (100, 300):
    display(shown(ladder_rows(n, "60 s")))

# %% [markdown]
# ## 8. Train one
#
# `idea` names the game. Its average draws after each epoch.

# %%
torch.manual_seed(seed)
game = ladder.IDEAS[idea](images)
batch_size = min(ladder.BATCH, len(images))
rules = ladder.rules(idea)
run = Run(idea, game, images, run_dir, batch_size=batch_size, seed=seed, round=rules)
z_many, y_many = torch.randn(judge.n, game.z_dim, generator=torch.Generator().manual_seed(seed + 1)), torch.arange(judge.n) % K
y_grid = torch.arange(K).repeat_interleave(10)


def measured(epoch: int) -> dict[str, float]:
    if epoch % measure_every and epoch != epochs:
        return {}
    return judge(sample(game, z_many, y_many).clamp(-1, 1))[["kernel_distance", "coverage"]].to_dict()


with Dashboard(run) as board:
    for epoch in run.epochs(epochs):
        async for played in board.watch(play(game, images, batch_size=batch_size, epoch=epoch, seed=seed, round=rules)):
            run.log(played)
        if board.stopped:
            break
        run.picture(sample(game, z_many[: len(y_grid)], y_grid), nrow=10)
        run.save(partial(measured, epoch))

# %% [markdown]
# ## 9. What to do with a generator
#
# `gan_lab.pretrained` has two generators that were trained for ten thousand rounds; `generators.md` beside them says how good
# they are. No training is needed for what follows.
#
# **Truncation** (Brock et al., 2019). Draw $z$ without its rare values, $|z_i| \le c$: the images are more typical, and less
# various.

# %%
G = pretrained.digits_by_class()
fig, axes = plt.subplots(1, 3, figsize=(11, 3), layout="constrained")
quality = {}
for ax, most in zip(axes, (3.0, 1.0, 0.3), strict=True):
    found = judge(G(truncated_noise(judge.n, G.z_dim, most), torch.arange(judge.n) % 5))
    quality[most] = found
    plots.grid(ax, G(truncated_noise(40, G.z_dim, most), torch.arange(5).repeat_interleave(8)), title=f"c = {most:g}")
    print(f"c = {most:3g}: precision {found['precision']:.0%}, coverage {found['coverage']:.0%}")
plt.show()

# %% [markdown]
# **Inversion** (Zhu et al., 2016). Which $z$ draws *this* image? Look for it by descent on
#
# $$ \frac{1}{P} \lVert G(z) - x \rVert^2 + \frac{\lambda}{Z} \lVert z \rVert^2 \qquad (5)$$
#
# with $P$ pixels and $Z$ entries of $z$; the second term keeps $z$ where $G$ was trained. Draw a digit, and see the nearest
# one that $G$ can draw. (Where there is no live kernel, held-out images stand in.)

# %%
unseen = held_out.batch(torch.arange(0, len(held_out), len(held_out) // 8)[:8])[0]
inverter(pretrained.digits(), unseen, steps=search_steps)

# %% [markdown]
# **A film of a walk.** From the $z$ of one held-out image to that of another, along the sphere (notebook 1):

# %%
D_ = pretrained.digits()
z_of, error = invert(D_, unseen[[0, 4]], steps=search_steps)
walk = D_(slerp(z_of[:1], z_of[1:], torch.linspace(0, 1, 16)))
fig, ax = plt.subplots(figsize=(11, 1.2))
plots.grid(ax, torch.cat([unseen[[0]], walk, unseen[[4]]]), nrow=18, title="a held-out image, the walk, another held-out image")
plt.show()

# %% [markdown]
# ## Exercises
