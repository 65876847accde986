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
# # 1. DCGAN: learning to draw by being doubted
#
# **Question.** Can a network learn to draw digits if it never sees one, and all that it learns from is another network,
# which says how real each drawing looks, and which change of its pixels would make it look more real?
#
# This is the idea of a *generative adversarial network* (GAN): two networks play against each other. One draws, the other
# doubts. In this notebook you meet the two players, let them play on your own machine, watch the digits appear, and learn
# to read the curves, including the ways in which they are often misread.
#
# You need to know what a neural network, a loss and a gradient step are. Nothing is downloaded, and no GPU is needed.
#
# Run the cells one after the other, with Shift+Enter. Some are folded: they import, draw a picture, or check a sentence
# of the text against its number. (A line `#| fig-alt` describes a picture for those who do not see it.) Before a result
# you are asked to **predict** it. To see no answers before you run the cells, choose *Edit, Clear Outputs of All
# Cells*.
#
# **Time.** 30 minutes to read, 5 more for what is marked as deeper; three to compute, on two cores.
#
# Where it leads: nobody wrote the digits below. A small generator that comes with the course draws them when you run the
# cell; run it again, and it draws others. (It was trained longer than yours will be, with ideas of notebook 6.)

# %%
#| fig-alt: >
#|   A row of twelve digits, white on black, drawn by a trained generator. Many of them can be named.
import matplotlib.pyplot as plt
import torch

from gan_lab import pretrained

G = pretrained.digits()
x = G(torch.randn(12, G.z_dim))  # twelve images (12, 1, 32, 32), each made from random numbers
fig, ax = plt.subplots(figsize=(9, 0.8))
ax.imshow(torch.cat(list(x[:, 0]), dim=1), cmap="gray")
ax.set_axis_off()

# %% tags=["context", "hide-input"]
from copy import deepcopy
from functools import partial

import numpy as np
import torch.nn.functional as F
from lightning_fabric import Fabric
from matplotlib.image import imread
from torch import nn

from gan_lab.data.hold_out import load_with_held_out
from gan_lab.lessons import exercises
from gan_lab.lessons.claims import claim
from gan_lab.lessons.playground import playground
from gan_lab.losses import NonSaturating
from gan_lab.measure.judge import Judge
from gan_lab.networks import dcgan32, dcgan64, projection32
from gan_lab.parameters import check_parameters
from gan_lab.runs import Run
from gan_lab.show import plots
from gan_lab.show.diagrams import two_players
from gan_lab.show.film import film_of_training
from gan_lab.show.widgets import Dashboard, class_explorer, explorer
from gan_lab.training import Game, bare, play, sample

plt.style.use(plots.STYLE)

# %% [markdown]
# ## Play first
#
# Here the data are points in the plane, and both players are so small that you can watch them. **Blue dots** are real,
# **orange triangles** are drawn by the *generator* $G$. The ground is what the *discriminator* $D$ answers at each place:
# blue for "real", orange for "fake", and on the line it cannot tell. An **arrow** shows where $D$'s answer pulls a drawn
# point, and how strongly, up to a longest one. (Only every third triangle can have one.)
#
# Run the next cell and press **Play**. Then Reset, and:
#
# 1. press **Step of D** a few times, then **D × 10**. What happens to the ground? Now **Step of G**, ten times;
# 2. give $D$ steps ten times as large as $G$'s and press Play, then the other way round;
# 3. choose the data "grid", or draw some with the mouse. Are all heaps found? Does it stay so?
# 4. set $D$'s steps to 0.010, choose the loss "saturating", Reset, and press D × 10 five times. Where are the arrows? And
#    with the loss "non-saturating"?
#
# <details><summary>What you should see</summary>1: the ground turns blue at the dots and orange at the triangles, and the
# triangles go where it is blue. 4: with the saturating loss about half of the arrows are gone, since $D$ is sure there;
# with the non-saturating one all are long. Why, you will read below. 2 and 3 have no short answer: notebook 2 is about
# them. (The losses "Wasserstein" and "hinge" come in notebooks 4 and 6.)</details>
#
# All the rest of this notebook is this game, with images in place of points. (Where there is no kernel, a film is shown.)

# %%
#| fig-alt: >
#|   The game in the plane, as a film: orange triangles spread over the eight blue heaps of a ring.
playground()

# %% [markdown]
# ## Parameters
#
# Everything you may want to change stands in this one cell, and the first five lines are the ones to begin with. Change
# a line, and run the notebook from here on: the next cell of code checks what you wrote.
#
# `DCGAN` is a network by the guidelines that you will read below, small enough for a laptop. Two student reports on the
# same coursework are reproduced in this course, too; `B1` is the network of report B (32 x 32 images), `A1` that of
# report A (64 x 64).
#
# With images of your own (`data_dir`) the text still describes the bundled digits: read *class* where it says *digit*.
# A line *Does not hold here* names a sentence that is not true of your run.

# %% tags=["parameters"]
data_dir: str = ""  # the images; "" is the bundled digits [a folder, or one of MNIST, FashionMNIST, KMNIST]
epochs: int = 40  # passes over the images [at least 1]
batch_size: int = 16  # images of each kind that D sees before a step [at least 2, at most the images in data_dir]
learning_rate: float = 4e-4  # Adam's step size, for both players [above 0]
seed: int = 0  # of the weights, the noise and the order of the images [at least 0]
# The others can stay as they are.
system: str = "DCGAN"  # which networks to train [one of DCGAN, A1, B1]
width: float = 1.0  # multiplies the number of hidden channels [above 0]
channels: int = 1  # 1 for gray images, 3 for colour [one of 1, 3]
beta1: float = 0.5  # Adam's memory of the gradient [at least 0, below 1]
real_target: float = 1.0  # what D is asked to answer for a real image [at least 0, at most 1]
zero_one: bool = False  # scale the images to 0..1, as report A did, and not to -1..1
report_norms: bool = False  # A1 only: batch norm after G's tanh and on D's input too, as in report A
measure_every: int = 5  # epochs between two measurements of the quality [at least 1]
accelerator: str = "auto"  # where to train [one of auto, cpu, cuda, mps]
precision: str = "32-true"  # of the arithmetic [one of 32-true, 16-mixed, bf16-mixed]
run_dir: str = ""  # where the runs are kept; "" makes a folder in runs/ named after the parameters

# %% [markdown]
# ## The real images
#
# The bundled images are handwritten digits, 1 to 5. To a network an image is a block of numbers: here each pixel is a
# number between $-1$ (black) and $1$ (white), unless you asked for 0 to 1. Some images are **held out**: nobody is
# trained on them, so that they can be compared with what was learnt.

# %%
check_parameters(globals())

size = 64 if system == "A1" else 32
value_range = (0.0, 1.0) if zero_one else (-1.0, 1.0)
images, held_out = load_with_held_out(data_dir, size=size, channels=channels, value_range=value_range)
print(f"{len(images)} images of shape {images.shape} (channels, height, width), classes {', '.join(images.classes)}")
print(f"{len(held_out)} more are held out")
K = len(images.classes)

# %% tags=["hide-input"]
#| fig-alt: >
#|   Two rows of sixteen real images.
real, _ = images.batch(torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))[:32])
fig, ax = plt.subplots(figsize=(9, 2.7))
plots.grid(ax, real, nrow=16, value_range=value_range, title="32 of the real images")

# %% [markdown]
# ## The game
#
# * The **generator** $G$ turns a vector of random numbers $z$, drawn from a normal distribution, into an image $G(z)$.
# * The **discriminator** $D$ looks at an image $x$ and answers with a probability $D(x)$ that it is real.
#
# What the two hand to each other, with images of each kind ($G$ is still untrained):

# %%
torch.manual_seed(seed)
if system == "DCGAN":
    G = projection32.Generator(classes=K, channels=channels, width=width)
    D = projection32.Discriminator(classes=K, channels=channels, width=width)
elif system == "A1":
    G = dcgan64.Generator(channels=channels, width=width, norm_after_tanh=report_norms)
    D = dcgan64.Discriminator(channels=channels, width=width, norm_input=report_norms)
else:
    G = dcgan32.Generator(channels=channels, width=width)
    D = dcgan32.Discriminator(channels=channels, width=width)

# %% tags=["hide-input"]
#| fig-alt: >
#|   Noise z goes into G, which makes images. These and real images go into D, which gives each a score, above 0 for
#|   real and below 0 for fake. One broken arrow leads from the score back to D, which learns to tell the two kinds
#|   apart; others lead from the score through D and the generated images to G, which learns what would look real.
untrained = deepcopy(G).train()  # batch norm by this batch, as in training
with torch.no_grad():
    noise = torch.randn(16, G.z_dim)
    first = untrained(noise, torch.arange(16) % K) if system == "DCGAN" else untrained(noise)
fig, ax = plt.subplots(figsize=(8.5, 4))
two_players(ax, noise[0], real[:3], first[:3], value_range=value_range)

# %% [markdown]
# $D$ wants to be right about both kinds of image, real ones $x$ and generated ones $G(z)$. $G$ wants $D$ to be wrong.
# Both pull on one number, the **value** of the game (Goodfellow et al., 2014):
#
# $$\min_G \max_D \; V(D, G) = \mathbb{E}_{x}\big[\log D(x)\big] + \mathbb{E}_{z}\big[\log\big(1 - D(G(z))\big)\big] \qquad (1)$$
#
# where $\mathbb{E}_x$ is the average over the real images and $\mathbb{E}_z$ the average over the noise. The first term
# is large when $D$ says "real" to real images, the second when it says "fake" to generated ones.
#
# In the code $D$ returns a **score** $s$, any real number, and the probability is $D = \sigma(s) = 1 / (1 + e^{-s})$, the
# sigmoid. A score of 0 means "I cannot tell". What $D$ minimises, `d_loss`, is $-V$. (With the parameter `real_target`
# below 1, it is asked to be only that sure of a real image.) If it cannot tell at all, it pays $\log 2$ for each kind of
# image. Losses are counted in nats, the unit of the natural logarithm. The code uses one rule again and again:
# $1 - \sigma(s) = \sigma(-s)$. So $\log D$ is `F.logsigmoid(s)`, and $\log(1 - D)$ is `F.logsigmoid(-s)`, which is the
# same as `-F.softplus(s)`, with softplus$(s) = \log(1 + e^s)$.

# %% tags=["nbval-check-output"]
cannot_tell = torch.zeros(8)  # the scores of 8 images
print(f"d_loss at score 0: {NonSaturating().d_loss(cannot_tell, cannot_tell):.4f}   2 log 2 = {2 * np.log(2):.4f}")

# %% [markdown]
# Remember this number: it is where the curve of $D$ lies in an even game.
#
# ## The players, and why they look like this
#
# A *deep convolutional* GAN, DCGAN, follows a recipe that Radford et al. (2015) found by trying many:
#
# 1. no pooling: $D$ shrinks the image by convolutions that move two pixels at a time (stride 2), and $G$ enlarges it by
#    transposed convolutions, which run the other way, so both learn how;
# 2. batch normalisation (each feature gets the same mean and variance over the batch) in both, **except** on $G$'s
#    output and on $D$'s input;
# 3. no fully connected hidden layers (except $G$'s first one, which turns the noise into 4 x 4 pixels of many channels);
# 4. ReLU in $G$, tanh on its output; in $D$ LeakyReLU, which lets a part of negative values through.
#
# The network `DCGAN` does so. One thing is added (Mirza and Osindero, 2014): both players are told the **label** $y$ of
# the image, which digit it is to be. $G(z, y)$ draws a $y$, and $D(x, y)$ answers whether $x$ is a real image *of a
# $y$*. With labels a thousand images are enough to draw, in a few minutes, digits of which many can be named; notebook
# 3 is about them. So in the code a $y$ stands beside each image. The equations are written without it.
#
# The reports' networks have no labels. Here is what is about to play, layer by layer, with the shape that leaves each
# layer for a batch of two.


# %% tags=["hide-input"]
@torch.no_grad()
def layers(player: nn.Module, x: torch.Tensor) -> None:
    """Print each layer of a player, its parameters, and the shape it turns x into."""
    player.eval()  # only looking: batch norm should not learn from it
    print(f"{type(player).__name__}: {sum(p.numel() for p in player.parameters()):,} parameters")
    for layer in player.trunk if hasattr(player, "trunk") else player.layers:
        x = layer(x)
        count = sum(p.numel() for p in layer.parameters())
        inside = " > ".join(type(part).__name__ for part in (layer if isinstance(layer, nn.Sequential) else [layer]))
        print(f"    {inside:42} {count:>12,}   {tuple(x.shape)}")


two = torch.randn(2, G.z_dim)
layers(G, torch.cat([two, torch.eye(K)[:2]], 1) if system == "DCGAN" else two)  # noise, and beside it the label
layers(D, real[:2])
if system == "DCGAN":
    told = sum(w.numel() for w in D.v.parameters())
    print(f"    the score: one linear map of these features, {D.linear.in_features + 1:,} parameters,", end=" ")
    print(f"and one for each class, {told:,}")

# %% [markdown]
# ## The generator's loss: why it does not simply minimise $V$
#
# Only the second term of (1) depends on $G$. To minimise $V$ would be to minimise $\log(1 - D(G(z)))$. But suppose that
# the drawings are poor and that $D$ is sure of itself: the scores of fakes are very negative. There this loss is *flat*:
# it has **saturated**, and its gradient is nearly 0. The remedy is in the same paper: let $G$ maximise
# $\log D(G(z))$ instead. It wants the same, and its slope is steepest where $G$ is worst:
#
# $$ \text{saturating: } \log(1 - \sigma(s)) \qquad\qquad \text{non-saturating: } -\log \sigma(s) \qquad (2)$$
#
# A loss is a small class with two methods. This is the saturating one; training with it is exercise 3.
#
# **Predict.** A fake has a score of $-6$: $D$ is sure that it is fake. Which of the two losses is steeper there, and how
# many times?


# %%
class Saturating(NonSaturating):
    """The generator of eq. (1) to the letter: it minimises E[log(1 - D(G(z)))]."""

    def g_loss(self, fake, y=None):
        return -F.softplus(fake).mean()  # log(1 - sigmoid(s)) = -log(1 + e^s)


# %% tags=["hide-input"]
#| fig-alt: >
#|   Left, both losses over the score of a fake: the saturating one is flat where the score is very negative. Right,
#|   how hard each pulls there: the non-saturating one with nearly 1, the saturating one hardly at all.
score = torch.linspace(-8, 8, 401, requires_grad=True)
pulls = {}
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3))
for name, g_loss in (("non-saturating", NonSaturating().g_loss), ("saturating", Saturating().g_loss)):
    value = torch.stack([g_loss(s[None]) for s in score])
    (slope,) = torch.autograd.grad(value.sum(), score)
    left.plot(score.detach(), value.detach(), label=name)
    right.plot(score.detach(), slope.abs(), label=name)
    pulls[name] = slope[(score + 6).abs().argmin()].abs().item()
    print(f"{name:15} |slope| at score -6: {pulls[name]:.4f}")
left.set(title="the generator's loss", xlabel="score s of a fake image", ylabel="loss (nats)")
right.set(title="how hard it pulls", xlabel="score s of a fake image", ylabel="|slope| (nats per unit of score)")
left.legend()
plt.show()

# %% [markdown]
# On the left side of these pictures, where $D$ is sure of a fake, only one of the two pulls. At $s = -6$ it pulls $e^6$
# times as hard, some 400 times: the size of its slope is $1 - \sigma(s)$, that of the saturating one $\sigma(s)$, and
# $(1 - \sigma(s)) / \sigma(s) = e^{-s}$. (Adam
# divides a step by the size of the latest gradients, so $G$'s steps need not be 400 times smaller. But within a batch
# the saturating loss looks most at the drawings that $D$ already believes, and hardly at the worst ones.) At a score of
# 0, where $D$ cannot tell, the non-saturating loss is $\log 2$.

# %% tags=["claims"]
claim("only one of the two pulls", pulls["non-saturating"] > 0.9 and pulls["saturating"] < 0.01)

# %% [markdown]
# ## How good are the drawings?
#
# The losses do not measure that, as you will see. So every few epochs a **judge** compares the drawings with held-out
# images.
#
# Three small classifiers of the images turn each image into 64 numbers, its *features*. The **kernel distance** says
# how far the drawings lie from the real images in these features: lower is better, and real images in place of the
# drawings get about 0. (Two sets that are drawn independently get 0 on average. Ours have equally many images of each
# class, which makes them a little more alike: about -0.01.) **Coverage** is the share of the real images that have a
# drawing near them. (Notebook 2 takes both apart. With the features of a network called
# Inception the first is known as KID; ours are others, and so are the numbers.) Of the held-out images the judge keeps
# one half to compare with. The other half, real images that nobody has seen, shows what can be reached:

# %%
judge = Judge(images, held_out, seed=seed)
print(f"unseen real images in place of drawings: kernel distance {judge.floor['kernel_distance']:.2f}, ", end="")
print(f"coverage {judge.floor['coverage']:.0%}")

# %% [markdown]
# ## A round, in ten lines
#
# All of a GAN's training is this, over and over: a step of $D$, with $G$ fixed, then a step of $G$, with $D$ fixed. Here
# is one round, on one batch, with copies of the two players. A step of an optimiser is always the same three calls:
# forget the old gradients, go backward from the loss, step.

# %%
my_G, my_D = deepcopy(G).train(), deepcopy(D).train()  # in training, batch norm goes by the batch
adam_G, adam_D = (torch.optim.Adam(p.parameters(), lr=learning_rate, betas=(beta1, 0.999)) for p in (my_G, my_D))
x, label = images.batch(torch.randperm(len(images))[:batch_size])
y = [label] if system == "DCGAN" else []  # what both are told beside z and x; the reports' networks are told nothing

# D's step
x_fake = my_G(torch.randn(batch_size, G.z_dim), *y).detach()  # detached: D's step does not reach G
d_loss = -F.logsigmoid(my_D(x, *y)).mean() - F.logsigmoid(-my_D(x_fake, *y)).mean()  # -V, eq. (1)
adam_D.zero_grad()
d_loss.backward()
adam_D.step()

# G's step
x_fake = my_G(torch.randn(batch_size, G.z_dim), *y)  # new noise, and not detached: G's step goes through D
g_loss = -F.logsigmoid(my_D(x_fake, *y)).mean()  # the right one of eq. (2)
adam_G.zero_grad()
g_loss.backward()
adam_G.step()
print(f"d_loss {d_loss.item():.2f}, g_loss {g_loss.item():.2f}")

# %% [markdown]
# And this is what `play` does, from the course's package: it plays one round after another, with any loss, and yields
# what happened. The loop around it is yours.
#
# ## Training
#
# (The loop says `async for`, so that the notebook can listen to the Stop button in between; a plain `for` without the
# dashboard trains as well.) The run writes everything into a folder: the losses of each round, a picture and a checkpoint
# after each epoch. Press **Stop** whenever you like and run the cell again: it goes on after the last whole epoch. If you
# change the loss, a network or a rate, and run the cells from there on, you get another run in another folder; the former
# one is kept. To train the same once more, say `Run(..., fresh=True)`.

# %%
loss = NonSaturating(real_target=real_target)
learning_rate_D = learning_rate
opt_G = torch.optim.Adam(G.parameters(), lr=learning_rate, betas=(beta1, 0.999), fused=True)  # fused: the same, faster
opt_D = torch.optim.Adam(D.parameters(), lr=learning_rate_D, betas=(beta1, 0.999), fused=True)
fabric = Fabric(accelerator=accelerator, devices=1, precision=precision)  # on which device, in which arithmetic
game = Game(G, D, loss, opt_G, opt_D, fabric=fabric)
run = Run(system, game, images, run_dir, batch_size=batch_size, seed=seed)
z = torch.randn(64, game.z_dim, generator=torch.Generator().manual_seed(seed))  # the same 64 noises after every epoch
z_many = torch.randn(judge.n, game.z_dim, generator=torch.Generator().manual_seed(seed + 1))
y, y_many = torch.arange(64) % K, torch.arange(judge.n) % K  # every digit in turn


def drawn() -> torch.Tensor:
    """Many samples, always of the same noise, cut to the range that a screen can show."""
    return sample(game, z_many, y_many).clamp(*value_range)


def measured(epoch: int) -> dict[str, float]:
    """What is kept of an epoch beside its losses: the quality, every few epochs and after the last."""
    if epoch % measure_every and epoch != epochs:
        return {}
    return judge(drawn())[["kernel_distance", "coverage"]].to_dict()


# %% [markdown]
# **Predict.** After how many epochs will you recognise the first digit? Will $D$'s loss go up or down while the drawings
# get better? And $G$'s?

# %%
#| fig-alt: >
#|   The training as it stands at the end: the samples of the last epoch, and the curves of the losses.
with Dashboard(run) as board:
    for epoch in run.epochs(epochs):
        async for played in board.watch(play(game, images, batch_size=batch_size, epoch=epoch, seed=seed)):
            run.log(played)
        if board.stopped:
            break
        run.picture(sample(game, z, y))
        run.save(partial(measured, epoch))  # measured(epoch) is called when the epoch is kept

# %% [markdown]
# ## What it learnt
#
# The same eight noise vectors, drawn after more and more epochs. No real image was ever shown to $G$: it has only felt,
# through $D$, in which direction its pixels should move.

# %% tags=["hide-input"]
#| fig-alt: >
#|   Six rows of eight samples, from the first epoch to the last, always of the same noise: gray spots become strokes,
#|   and strokes become digits.
if not run.pictures:
    raise RuntimeError("nothing is drawn yet: let the cell above play at least one whole epoch")
shown = sorted({int(i) for i in np.geomspace(1, len(run.pictures), 6).round()})
fig, axes = plt.subplots(len(shown), 1, figsize=(7, 0.95 * len(shown)))
for ax, epoch in zip(np.atleast_1d(axes), shown, strict=True):
    row = imread(run.pictures[epoch - 1])[: size + 4]  # the first row of that epoch's grid
    ax.imshow(row, interpolation="nearest")
    ax.set_axis_off()
    ax.set_title(f"epoch {epoch}", fontsize=9)

# %% [markdown]
# The same as a film, of four rows (all of them are in the run's folder, as `samples.mp4`):

# %% tags=["hide-input"]
#| fig-alt: >
#|   A film of 32 samples, from the first epoch to the last, always of the same noise.
film_of_training(run.pictures, height=4 * (size + 2) + 2, alt="a film of 32 samples, from the first epoch to the last")
film = plots.animation(run.pictures, run.folder / "samples.mp4")

# %% tags=["hide-input"]
#| fig-alt: >
#|   Left, 64 real images; right, 64 images that G drew at the end of the training.
some, _ = images.batch(torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))[:64])
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 4.8))
plots.grid(left, some, value_range=value_range, title="real")
plots.grid(right, sample(game, z, y), value_range=value_range, title=f"generated, epoch {run.epoch}")

# %% [markdown]
# Look at the generated digits beside the real ones. Which would you take for real? Is each digit drawn in many
# handwritings? A generator that draws only what $D$ has not yet learnt to doubt, one drawing over and over, has
# *collapsed*.
#
# So much for the eye. Here is the number, after more and more epochs:

# %% tags=["hide-input"]
#| fig-alt: >
#|   The kernel distance of the drawings falls with the epochs, quickly at first, towards the line of unseen real
#|   images near 0.
at = run.measured.reindex(columns=["epoch", "kernel_distance"]).dropna()
fig, ax = plt.subplots(figsize=(6, 2.6))
ax.plot(at["epoch"], at["kernel_distance"], marker="o", label="drawings")
ax.axhline(judge.floor["kernel_distance"], color="black", linewidth=1.5, linestyle="--", label="unseen real images")
ax.set(
    title="quality while it trains",
    xlabel="epochs played",
    ylabel="kernel distance (lower is better)",
    ylim=(min(0, judge.floor["kernel_distance"]) - 0.05, None),
)
ax.xaxis.get_major_locator().set_params(integer=True)
ax.legend()
plt.show()

# %%
numbers = ["kernel_distance", "coverage", "precision", "copying_pixels", "copying_features"]
found = judge.beside(drawn()).loc[numbers]
found.round(2)

# %%
sure_of = {"drawings": judge.sure(drawn()), "unseen real images": judge.sure(judge.unseen.batch(slice(None))[0])}
print("\n".join(f"the classifiers are sure of {share:.0%} of the {name}" for name, share in sure_of.items()))

# %% [markdown]
# Would a stranger name the drawings? We can only ask classifiers. The classifiers, which have never seen a drawing of
# $G$, are sure of more than half as many drawings as real images ("sure" means that one digit has a probability above
# 0.99). That is a hint and no proof: they know nothing but these five digits, and can be sure of a scribble, too.
#
# In the table above the first column is for the drawings, the second for real images that nobody has seen, the third
# for the training images themselves, the last for noise. The kernel distance says how far the drawings still are from
# real images, the coverage how many of the real images have a drawing like them, the precision how many drawings lie
# where real images do. A generator that knew the training images by heart would get the third column: only *copying*
# tells it from a perfect one. It is the chance that a drawing lies nearer to the training images than an unseen image
# does, so a generator that has learnt the distribution gets 0.5, and a copier 1 (but five copies among ten drawings, and
# five that lie far away, give 0.5, too); below 0.5 the drawings lie farther from the training images than unseen
# images do. Compare two trainings by these numbers, and by more than one seed (notebook 2), and not by their losses.

# %% tags=["claims"]
of_drawings, of_unseen, of_copies, of_noise = (found[name] for name in ("samples", "unseen", "copies", "noise"))
near = of_drawings["kernel_distance"] < of_noise["kernel_distance"] / 40
claim("watch the digits appear", near and of_drawings["precision"] > 0.6 and of_drawings["coverage"] > 0.5)
half_as_many = sure_of["drawings"] > sure_of["unseen real images"] / 2
claim(
    "The classifiers, which have never seen a drawing of $G$, are sure of more than half as many drawings as real images",
    half_as_many,
)
apart = (of_copies - of_unseen).abs()
claim(
    "only *copying* tells it from a perfect one",
    apart[["kernel_distance", "coverage", "precision"]].max() < 0.1
    and apart[["copying_pixels", "copying_features"]].min() > 0.3,
)

# %% [markdown]
# ## Reading the curves, and misreading them
#
# The two halves of $D$'s loss, and the loss of $G$; a dotted line marks what each would be if $D$ could not tell, here
# $\log 2$. On the right **accuracy**, the share of the images that $D$ calls what they are: real ones with a score
# above 0, fake ones with a score below 0.

# %% tags=["hide-input"]
#| fig-alt: >
#|   Three plots over the epochs, noisy, and none of them settles. D's two halves lie below log 2, G's loss above it. D is right about
#|   real and about fake images far more often than in one half of the cases.
rounds = run.rounds
smooth = max(10, len(rounds) // 50)
fig, axes = plt.subplots(1, 3, figsize=(11, 3.3))
halves = {"d_real": "on real", "d_fake": "on fake"} if "d_real" in rounds else {"d_loss": "D"}  # what the loss keeps
plots.curves(axes[0], rounds, halves, ylabel="loss", smooth=smooth, title="D's loss")
plots.curves(axes[1], rounds, {"g_loss": "G"}, ylabel="loss", smooth=smooth, title="G's loss")
if isinstance(loss, NonSaturating):  # where a score of 0 means that D cannot tell
    for ax, of in zip(axes[:2], (loss.d_real, loss.g_loss), strict=True):
        ax.axhline(of(torch.zeros(1)).item(), color="black", linewidth=1, linestyle=":")
if "acc_real" in rounds:
    accuracies = {"acc_real": "real", "acc_fake": "fake"}
    plots.curves(axes[2], rounds, accuracies, ylabel="share of the batch", smooth=smooth, title="D is right about")
    axes[2].set(ylim=(0, 1.25), yticks=(0, 0.5, 1))
else:
    axes[2].set_axis_off()  # a loss without a zero has no accuracy
plt.show()

# %%
by_epoch = rounds.groupby("epoch")[["d_loss", "g_loss"]].mean().join(at.set_index("epoch"))
steps = by_epoch[["g_loss", "kernel_distance"]].dropna().diff().iloc[1:]
alike = (steps["g_loss"] * steps["kernel_distance"] > 0).sum()
print(f"from row to row, g_loss moves the same way as the kernel distance in {alike} of {len(steps)} steps")
by_epoch.dropna().round(3)

# %% [markdown]
# * **A GAN's loss does not measure the quality of its images.** Each player's loss is measured by an opponent who learns
#   as well. Read the table from row to row: the kernel distance says whether the digits got better. How often does
#   `g_loss` move the same way? A coin would do so in half of the steps. So few steps prove little, so look also at the
#   row where `g_loss` is lowest, and at the last one: since then the drawings got nearer, and $G$ pays more.
# * **High accuracy of $D$ is no failure of $G$**, and 50 % no proof of success: a $D$ that tosses a coin reaches it too.
# * **Accuracy forgets by how much.** Scores of 0.01 and of 10 count the same.
#
# There is one more trap. $D$ has seen the training images many times. Is it judging *digits*, or does it remember these
# very images? The images that were held out of training tell the two apart.
#
# **Predict.** Three kinds of image: those $D$ was trained on, real ones that it has never seen, and generated ones. Which
# will get the highest scores? Where will the unseen ones lie?

# %% tags=["claims"]
measured_rows = by_epoch.dropna()
cheapest, newest = measured_rows.loc[measured_rows["g_loss"].idxmin()], measured_rows.iloc[-1]
nearer = newest["kernel_distance"] < cheapest["kernel_distance"] / 2
claim("since then the drawings got nearer, and $G$ pays more.", nearer and newest["g_loss"] > cheapest["g_loss"] + 0.2)


# %%
@torch.no_grad()
def scores(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """D's scores of the images x with labels y, as in the game: in batches drawn at random, all real or all generated."""
    D, order, n = deepcopy(bare(game.D)).train(), torch.randperm(len(x)), min(batch_size, len(x))
    parts = [(x[index], y[index]) for index in order.split(n) if len(index) == n]
    device = game.fabric.device
    return torch.cat([D(part.to(device), labels.to(device)) for part, labels in parts]).float().cpu()


said = {"training images": scores(*images.batch(slice(None)))}
said["held-out images"] = scores(*held_out.batch(slice(None)))
said["generated images"] = scores(sample(game, z_many, y_many), y_many)

# %% tags=["hide-input"]
#| fig-alt: >
#|   Three histograms of D's scores: training images on the right, generated images on the left, and held-out images
#|   between them.
everywhere = torch.cat(list(said.values()))
bins = np.linspace(everywhere.min().item(), everywhere.max().item(), 61)
fig, ax = plt.subplots(figsize=(8, 3))
for hatch, (name, s) in zip(("", "//", ".."), said.items(), strict=False):
    ax.hist(s, bins=bins, density=True, alpha=0.55, hatch=hatch, label=name)
    print(f"{name}: called real {(s > 0).float().mean():.0%}, mean score {s.mean():.2f}")
ax.set(title="D's scores", xlabel="score", ylabel="density (per unit of score)")
ax.legend()
plt.show()

# %% [markdown]
# Compare two gaps. If the held-out images lie where the training images do, $D$ has learnt what digits look like. If
# they lie where the generated ones do, it only knows its own images by heart. In between it has learnt something of
# both. (This is $D$ after its last step, at one moment, on all images. The accuracies above were taken in each round,
# of its batch and before $D$'s step, and those two can differ much.)

# %% [markdown]
# ## A walk through the latent space (deeper)
#
# $G$ has learnt a map from noise to images. Is it a list of remembered pictures, or a landscape? Walk from one noise
# vector to another (the space of all $z$ is called the *latent space*) and see. A straight line leads through vectors
# that $G$ hardly ever met: in many dimensions, $Z$ of them, almost all of a normal distribution lies near a sphere of
# radius $\sqrt{Z}$, and the middle of the line lies well inside. So we also walk along the sphere, from $z_0$ at $t = 0$
# to $z_1$ at $t = 1$, with the angle $\omega$ between the two. (The label stays.)
#
# **Predict.** Will the drawings in the middle of the straight line, where $z$ is too short, differ from those on the
# sphere?
#
# $$ z(t) = \frac{\sin((1-t)\,\omega)}{\sin \omega}\, z_0 + \frac{\sin(t\,\omega)}{\sin \omega}\, z_1 \qquad (3)$$

# %%
start, end = (F.normalize(one, dim=0) * game.z_dim**0.5 for one in z[:2])  # both on that sphere
t = torch.linspace(0, 1, 13)[:, None]
omega = torch.acos(F.cosine_similarity(start, end, dim=0))
line = (1 - t) * start + t * end
sphere = (torch.sin((1 - t) * omega) * start + torch.sin(t * omega) * end) / torch.sin(omega)

# %% tags=["hide-input"]
#| fig-alt: >
#|   Two rows of thirteen drawings of one digit, which change step by step from the first to the last: along the
#|   straight line above, along the sphere below.
fig, axes = plt.subplots(2, 1, figsize=(9, 2.4))
for ax, name, path in zip(axes, ("straight line", "along the sphere"), (line, sphere), strict=True):
    plots.grid(ax, sample(game, path, torch.full((13,), 2 % K)), nrow=13, value_range=value_range, title=name)
    print(
        f"{name}: |z| from {path.norm(dim=1)[0]:.1f} to {path.norm(dim=1)[-1]:.1f}, in the middle {path.norm(dim=1)[6]:.1f}"
    )

# %% tags=["claims"]
radius = game.z_dim**0.5
near_the_sphere = ((z.norm(dim=1) / radius - 1).abs() < 0.25).float().mean()
claim(r"almost all of a normal distribution lies near a sphere of radius $\sqrt{Z}$", near_the_sphere > 0.95)
claim("the middle of the line lies well inside", line[6].norm() < 0.8 * radius)

# %% [markdown]
# If the image changes smoothly all the way, the map is a landscape. (That does not rule out copies at its landmarks.)
# Compare the middles of the two rows: a $z$ that is too short need not give a poorer drawing. In notebook 6 it gives a
# more typical one, and less variety.
#
# With the sliders you can walk yourself: choose a digit, and move along the directions in which it changes most, or
# over to another digit with the same $z$. (Where there is no live kernel you see static walks.)

# %% tags=["hide-input"]
#| fig-alt: >
#|   Left, a row for each digit, which changes along the direction in which its drawings change most. Right, a row for
#|   each digit, which goes over to the next one with the same noise.
if system == "DCGAN":
    class_explorer(game, images.classes, value_range=value_range)
else:
    explorer(game, value_range=value_range)

# %% [markdown]
# ## What to take along
#
# * A GAN is two networks and one value: $D$ climbs it, $G$ goes down. A round is a step of each.
# * $G$ never sees a real image. All that it learns comes through $D$'s gradient, so its loss must not be flat where $D$
#   is sure: take the non-saturating one.
# * Losses and accuracies measure each player against the other. They say little about the drawings.
# * To know how good drawings are, compare them with real images that nobody was trained on, and ask for copies.
#
# The networks of the two reports are trained by the same notebook with other parameters: here report B's at half its
# width, and report A's with all its settings. (A1 takes hours on a laptop. Notebook 7 says what is wrong in these
# networks.)
#
# ```
# uv run gan-lab run notebooks/01_dcgan.ipynb -p system B1 -p width 0.5 -p epochs 55 -p batch_size 32
# uv run gan-lab run notebooks/01_dcgan.ipynb -f notebooks/parameters/report_a.yaml
# ```
#
# ## Exercises
#
# Those with a check tell you whether you are right. The others are open: try, and look.
#
# **1. The rules of a game.** Goodfellow et al. let $D$ take $k$ steps, each on another batch, before $G$ takes one. Write
# these rules as a function of a game and its batches, in your own lines: for each batch a step of $D$ on real images
# and on new fakes, and after the last batch one step of $G$. The losses are those of the game, and both players are
# told the labels: `game.G(z, y)`, `game.D(x, y)`.


# %%
def my_round(game, batches):
    # for x, y in batches (one of them; in notebook 4 there are n_critic): a step of D, which pays
    # game.loss.d_loss(game.D(x, y), game.D(x_fake, y), y), with x_fake from new noise, torch.randn(len(y), game.z_dim)
    # then a step of G, which pays game.loss.g_loss(..., y)
    ### BEGIN SOLUTION
    for x, y in batches:
        x_fake = game.G(torch.randn(len(y), game.z_dim), y).detach()
        d_loss = game.loss.d_loss(game.D(x, y), game.D(x_fake, y), y)
        game.opt_D.zero_grad()
        d_loss.backward()
        game.opt_D.step()
    g_loss = game.loss.g_loss(game.D(game.G(torch.randn(len(y), game.z_dim), y), y), y)
    game.opt_G.zero_grad()
    g_loss.backward()
    game.opt_G.step()
    ### END SOLUTION


# %%
exercises.check_round(my_round)

# %% [markdown]
# <details><summary>Hint</summary>A step of an optimiser is three lines: forget the old gradients, go backward from the
# loss, step. $G$ pays for $D$'s scores of images from new noise, which are not detached. <code>one_round</code> in
# <code>gan_lab/training.py</code> is the same and tells what happened, as a <code>Round</code>; <code>play(...,
# round=my_round)</code> plays yours if it returns one, too; tell the run the same,
# <code>Run(..., round=my_round)</code>.</details>
#
# **2. A GAN of your own.** Least-squares GANs (Mao et al., 2017) replace the logarithms: $D$ minimises
# $\tfrac12 \mathbb{E}_x[(s - 1)^2] + \tfrac12 \mathbb{E}_z[s^2]$ and $G$ minimises $\tfrac12 \mathbb{E}_z[(s - 1)^2]$.
# Write the class. Then put it where `loss` is made, and train with it.


# %%
class LeastSquares:
    def d_loss(self, real, fake, y):
        ### BEGIN SOLUTION
        return (real - 1).square().mean() / 2 + fake.square().mean() / 2
        ### END SOLUTION

    def g_loss(self, fake, y):
        ### BEGIN SOLUTION
        return (fake - 1).square().mean() / 2
        ### END SOLUTION


# %%
exercises.check_least_squares(LeastSquares())

# %% [markdown]
# <details><summary>Hint</summary>One line each, such as <code>(real - 1).square().mean() / 2</code>. To train, run again
# from the cell that builds $G$ and $D$. In this game "cannot tell" is a score of 1/2. So there are no accuracies, which
# count scores above 0: look at the losses and at the kernel distance.</details>
#
# **3. Saturation** (open). Train with `Saturating()` in place of `NonSaturating()`. Look at the accuracy of $D$ on
# fakes and at the samples after five epochs.
# <details><summary>Hint</summary>One name changes, where <code>loss</code> is made. Run again from the cell that builds
# $G$ and $D$, so that both begin anew; with another loss it is another run, and gets a folder of its own.</details>
#
# **4. A map of the digits** (open). Set `z_dim = 2` on the generator class before it is built, and draw $G(z)$ on a
# grid of $z$ from $-2$ to $2$, for one digit and for another. What has a place in the plane, and what lies between?
# <details><summary>Hint</summary><code>projection32.Generator.z_dim = 2</code> before the cell that builds $G$ and $D$;
# at the end <code>torch.cartesian_prod</code> of two <code>torch.linspace</code> is the grid of $z$.</details>
#
# **5. One network too strong** (open). Give $D$ a learning rate ten times that of $G$, then the other way round.
# Predict the two accuracy curves before you look.
# <details><summary>Hint</summary><code>learning_rate_D</code> stands where the optimisers are made. Run again from the
# cell that builds $G$ and $D$.</details>
#
# **6. The best digits of your class** (open). If your class has a board, it shows what the cell below draws, beside the
# drawings of the others, with their kernel distance and coverage. Copies of real images come last. What would you change,
# in three minutes of training? Hand the notebook in with the folder of its run.

# %%
# board
samples = drawn()
