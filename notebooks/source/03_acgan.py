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
# # 3. AC-GAN: asking for a digit by name
#
# **Question.** Can we ask a GAN for a 3, and get a 3? Does it draw better if it is told what to draw, and what does the
# telling cost?
#
# In notebook 1 both players were told the label of each image, and nobody said why that works. Here a label is the
# subject. An *auxiliary classifier GAN*, AC-GAN, gives the discriminator a second question: beside "is this image
# real?" it is asked "which digit is it?". The generator, which is told a digit, wants its drawings to be recognised.
# You build one, ask it for digits, and compare it with a twin that is told the same and asked nothing. You should have
# seen notebook 1.
#
# **Time.** 35 minutes to read, 5 more for what is marked as deeper; about three to compute, on two cores.

# %% tags=["hide-input"]
import itertools
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from lightning_fabric import Fabric
from matplotlib.image import imread
from torch import nn

from gan_lab.data.hold_out import load_with_held_out
from gan_lab.lessons import exercises
from gan_lab.lessons.claims import claim
from gan_lab.losses import AuxiliaryClassifier, NonSaturating, Verdict
from gan_lab.measure import seeds
from gan_lab.measure.judge import Judge
from gan_lab.measure.per_class import gan_train
from gan_lab.networks import acgan28, acgan32
from gan_lab.parameters import check_parameters
from gan_lab.runs import Run
from gan_lab.shipped import RESULTS
from gan_lab.show import plots
from gan_lab.show.film import film_of_training
from gan_lab.show.two_heads import two_heads
from gan_lab.show.widgets import Dashboard, class_explorer
from gan_lab.training import Game, play, sample

plt.style.use(plots.STYLE)

# %% [markdown]
# ## Parameters
#
# `setting` is the game that is played; the section "Training" says what each one is. `system` is the pair of networks:
# `A4` for images of 28 x 28 pixels, `B3` for 32 x 32. (The names are those of notebook 7.) Change a line, and run the
# notebook from here on: the next cell of code checks what you wrote.
#
# With images of your own (`data_dir`) the text still describes the bundled digits: read *class* where it says *digit*.
# A line *Does not hold here* names a sentence that is not true of your run. The tables of ten seeds are of the
# digits, whatever `data_dir` is.

# %% tags=["parameters"]
data_dir: str = ""  # the images; "" is the bundled digits [a folder, or one of MNIST, FashionMNIST, KMNIST]
setting: str = "AC-GAN"  # which game they play [one of AC-GAN, plain, real classes only, small embedding]
system: str = "A4"  # whose networks to train [one of A4, B3]
epochs: int = 60  # passes over the images [at least 1]
seed: int = 0  # of the weights, the noise and the order of the images [at least 0]
# The others can stay as they are.
width: float = 0.25  # multiplies the number of G's hidden channels [above 0]
width_D: float = 0.5  # multiplies the number of D's hidden channels [above 0]
embedding: float = 0.4  # A4 only: its embedding of the labels starts between minus this and this [above 0]
channels: int = 1  # 1 for gray images, 3 for colour [one of 1, 3]
batch_size: int = 16  # images of each kind that D sees before a step [at least 2, at most the images in data_dir]
learning_rate: float = 1e-3  # Adam's step size, for both players [above 0]
beta1: float = 0.5  # Adam's memory of the gradient [at least 0, below 1]
judge_steps: int = 200  # steps in which a classifier learns from samples, for GAN-train [at least 1]
measure_every: int = 5  # epochs between two measurements [at least 1]
accelerator: str = "auto"  # where to train [one of auto, cpu, cuda, mps]
precision: str = "32-true"  # of the arithmetic [one of 32-true, 16-mixed, bf16-mixed]
run_dir: str = ""  # where the runs are kept; "" makes a folder in runs/ named after the parameters

# %% [markdown]
# ## Images with names
#
# The images lie in one folder for each class. To a network a class is a number, its **label** $y$, from $0$ to $K - 1$
# if there are $K$ classes, whatever the folders are called. A part of the images is held out: no generator is trained
# on it.

# %% tags=["context"]
check_parameters(globals())

nets = {"A4": acgan28, "B3": acgan32}
size = {"A4": 28, "B3": 32}[system]
images, held_out = load_with_held_out(data_dir, size=size, channels=channels)
K = len(images.classes)
for label, name in enumerate(images.classes):
    count, kept = ((some.labels == label).sum() for some in (images, held_out))
    print(f"label {label}: {name!r}, {count} images and {kept} held out")

# %% tags=["hide-input"]
#| fig-alt: >
#|   Twelve real images of each class, a row for each class.


def some_of_each(labels: torch.Tensor, n: int) -> torch.Tensor:
    """The indices of n images of each class, one class after another."""
    of_class = [(labels == k).nonzero().flatten() for k in range(K)]
    return torch.cat([index[torch.arange(n) % len(index)] for index in of_class])


def real_images(n: int) -> tuple[torch.Tensor, torch.Tensor]:
    """n images of each class and their labels, at random: neighbours in a folder may be nearly equal."""
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
    return images.batch(order[some_of_each(images.labels[order], n)])


fig, ax = plt.subplots(figsize=(8, 0.65 * K))
plots.grid(ax, real_images(12)[0], nrow=12, title="real images, a row for each class")
plt.show()

# %% [markdown]
# ## A second question for the discriminator
#
# In an AC-GAN (Odena, Olah and Shlens, 2017) the generator makes $G(z, y)$ from noise $z$ *and a label* $y$. The
# discriminator is not told the label. It has two **heads**, two last layers on the same features, and gives two answers:

# %% tags=["hide-input"]
#| fig-alt: >
#|   Noise z and a label y go into G, which makes images. These and real images go into D, which gives two answers. To
#|   "real or fake?" D wants to be right and G wants it to be wrong. To "which class?" both want y.
torch.manual_seed(seed)
shown_labels = [0, K // 2, K - 1]
some, some_y = real_images(1)
with torch.no_grad():
    noise = torch.randn(16, nets[system].Generator.z_dim)
    untrained = nets[system].Generator(classes=K, channels=channels, width=width)
    first = untrained(noise, torch.tensor([*shown_labels, *[0] * 13]))
fig, ax = plt.subplots(figsize=(8.5, 4))
two_heads(ax, noise[0], some[shown_labels], first[:3], shown_labels)
plt.show()

# %% [markdown]
# The first answer is the score, as before; its sigmoid is $P(\text{real} \mid x)$. The second is $K$ numbers, the
# *logits* of the classes; their softmax, which makes them positive and their sum 1, is $P(y \mid x)$. So there are two
# sums of log-probabilities:
#
# $$ L_S = \mathbb{E}_{x}\big[\log P(\text{real} \mid x)\big] + \mathbb{E}_{z, y}\big[\log P(\text{fake} \mid G(z, y))\big] \qquad (1)$$
#
# $$ L_C = \mathbb{E}_{x, y}\big[\log P(y \mid x)\big] + \mathbb{E}_{z, y}\big[\log P(y \mid G(z, y))\big] \qquad (2)$$
#
# $\mathbb{E}_{x, y}$ is the average over the real images with their labels, $\mathbb{E}_{z, y}$ that over noise and
# labels, which are drawn as often as in the data. **$D$ maximises $L_S + L_C$, and $G$ maximises $L_C - L_S$.** So they
# fight about the first sum only. The second they increase together: $D$ learns to read, and $G$ learns to write
# legibly.
#
# In the code, `AuxiliaryClassifier` adds the class terms to any loss on scores. Around `NonSaturating` it is (1) and
# (2), with notebook 1's steeper form of $L_S$ for $G$. You write it yourself in exercise 1.
#
# **Predict.** $D$ knows nothing: its score is 0, and the five classes look equally probable to it. What do $D$ and $G$
# pay?

# %% tags=["nbval-check-output"]
knows_nothing = Verdict(score=torch.zeros(10), classes=torch.zeros(10, 5))  # what D says of 10 images
y = torch.arange(10) % 5
loss = AuxiliaryClassifier(NonSaturating())
d_pays, g_pays = loss.d_loss(knows_nothing, knows_nothing, y), loss.g_loss(knows_nothing, y)
print(f"d_loss = {d_pays:.4f}   2 log 2 + 2 log 5 = {2 * np.log(2) + 2 * np.log(5):.4f}")
print(f"g_loss = {g_pays:.4f}     log 2 +   log 5 = {np.log(2) + np.log(5):.4f}")

# %% [markdown]
# Each term costs the logarithm of the number of answers.
#
# ## Two ways to tell the generator
#
# How does a number such as $y = 2$ get into $G$, beside the noise? There are two usual ways.
#
# * **Append it** (`B3`, and the network of notebook 1). The label becomes a *one-hot* vector, $K$ numbers of which one is
#   1 and the others are 0, and $G$ gets $[z, \text{one-hot}(y)]$.
# * **Multiply by it** (`A4`). Each class has a learned vector $e_y$, its *embedding*, as long as $z$, and $G$ gets
#   $z \odot e_y$, the product number by number.
#
# Multiplying is the stranger way. The next cell fits a linear classifier, one layer, to what $G$ gets, and asks it for
# the class of noise that it has not seen. It also gets the *sizes* $|z \odot e_y|$, each number without its sign.
#
# **Predict.** Each number of $z$ is as often negative as positive. From which of the three can one linear layer read the
# class?

# %%
g = torch.Generator().manual_seed(seed)
z, y, e = torch.randn(6000, 100, generator=g), torch.arange(6000) % K, torch.randn(K, 100, generator=g)
gets = {
    "appended, [z, one-hot(y)]": torch.cat([z, F.one_hot(y, K)], 1),
    "multiplied, z * e_y": z * e[y],
    "its sizes, |z * e_y|": (z * e[y]).abs(),
}
names_right = {}
for name, x in gets.items():
    x, target = torch.cat([x, torch.ones(6000, 1)], 1), F.one_hot(y, K).float()
    linear = torch.linalg.lstsq(x[:5000], target[:5000]).solution
    names_right[name] = ((x[5000:] @ linear).argmax(1) == y[5000:]).double().mean().item()
    print(f"{name:26} a linear layer names {names_right[name]:4.0%} of the classes (chance {1 / K:.0%})")

# %% [markdown]
# Multiplied, each number is 0 on average *for every class*, so a linear layer can hardly tell the classes apart. What
# tells them apart is the *size* of the numbers. $G$ can find it out with its second layer, behind a ReLU: the size is
# $|a| = \mathrm{ReLU}(a) + \mathrm{ReLU}(-a)$.
#
# But then a class can also be told by **silence**: if $e_k$ shrinks to 0, $G$ gets zeros for class $k$. No other class
# gives zeros, so $G$ still knows which class it is. But $z$ has no effect any more, and $G$ draws one and the same image
# for it. A common start of an embedding, between $-0.05$ and
# $0.05$, is close to silence. Here it starts louder (the parameter `embedding`). The setting `small embedding` has the
# quiet start, and the section "A class that falls silent" shows what comes of it.

# %% tags=["claims"]
_, of_product, of_sizes = names_right.values()
claim("a linear layer can hardly tell the classes apart.", of_product < 2 / K)
claim("What tells them apart is the *size* of the numbers.", of_sizes > 0.95)

# %% [markdown]
# ### The players, layer by layer (deeper)
#
# What is about to play, with the shape of what each layer puts out for one image. Layers that make the same shape share a
# line; at the end of each line stand its parameters. `ResizeConv2d` doubles height and width, each pixel becoming four,
# and convolves; it does both at once, which is the same function for less than half of the arithmetic. `OneMapConv2d` is
# a convolution to a single map, written so that a CPU is quick at it.


# %% tags=["hide-input"]
@torch.no_grad()
def layers(title: str, parts: nn.Sequential, x: torch.Tensor) -> None:
    """Print the shapes that the layers make of x, with the layers that make them and their parameters."""
    print(f"{title}: {sum(p.numel() for p in parts.parameters()):,} parameters")
    rows = []
    for layer in parts.eval():
        x = layer(x)
        rows.append((tuple(x.shape[1:]), type(layer).__name__, sum(p.numel() for p in layer.parameters())))
    for shape, group in itertools.groupby(rows, key=lambda row: row[0]):
        _, names, counts = zip(*group, strict=True)
        print(f"    {'x'.join(map(str, shape)):10} {' > '.join(names):56} {sum(counts):>9,}")


G = nets[system].Generator(classes=K, channels=channels, width=width)
D = nets[system].Discriminator(classes=K, channels=channels, width=width_D)
if system == "A4":
    print(f"A4: the embedding of G: {G.embedding.weight.numel():,} parameters, the same number for each class")
layers(f"{system}: G" + " behind it" * (system == "A4"), G.layers, torch.zeros(1, G.layers[0].in_features))
layers(f"{system}: D below its heads", D.trunk, torch.zeros(1, *images.shape))
heads = [sum(p.numel() for p in head.parameters()) for head in (D.score, D.classes)]
print(f"{system}: the heads of D: score {heads[0]:,} parameters, classes {heads[1]:,}")

# %% [markdown]
# ## The measures, before there is anything to measure
#
# Whoever chooses the measure after the pictures finds what he looks for. So here they are. Three small classifiers of
# the real images look at the samples (notebook 1), and the held-out images are what they compare with.
#
# * **Kernel distance**: how far the samples are from the real images altogether; 0 is best. **Precision**: the share of
#   samples that lie where real images do.
# * **GAN-test**: of the samples made for class $k$, the share in which a classifier sees $k$. High if $G$ draws what is
#   asked, even if it is the same drawing every time.
# * **GAN-train**: a new classifier is trained *on samples only*, and tested on held-out real images. Low if the samples are
#   wrong, and somewhat lower if they do not show all that a class can look like (both: Shmelkov et al., 2018).
# * **Variety** of class $k$: the mean distance, in the classifiers' features (notebook 1), between two samples in which a
#   classifier sees $k$, over that between two real images of class $k$. Below 1, the samples of a class are more alike than the real ones. Bad drawings may
#   differ wildly, so a variety above 1 is no praise.
# * **Coverage** of class $k$: around every real image of the class lies, in the same features, the ball that reaches to its
#   fifth nearest neighbour in the class; coverage is the share of these balls that hold a sample, whichever class it was made for. Bad drawings
#   hardly raise it: only a real image that is unlike all others has a ball so large that it holds them.
#
# Half of the held-out images is kept to compare with. The other half, real images that nobody has seen, shows what can be
# reached:

# %%
judge = Judge(images, held_out, seed=seed)
each_class = max(2, judge.n // K)  # samples of each class that are drawn to be measured
y_many = torch.arange(K).repeat_interleave(each_class)
x_unseen, y_unseen = judge.unseen.batch(slice(None))
reachable = judge.by_class(x_unseen, y_unseen)
of_unseen = gan_train(x_unseen, y_unseen, judge.reference, steps=judge_steps, seed=seed)
print(f"unseen real images: kernel distance {judge.floor['kernel_distance']:.3f}, GAN-train {of_unseen:.1%}")
reachable[["GAN-test", "variety", "coverage"]].round(2)

# %% [markdown]
# ## Training
#
# Four games can be played; `setting` names the one that is played here.
#
# * **AC-GAN**: $L_S$ and $L_C$ as above.
# * **plain**: its twin without the class terms, (2) with weight 0. The layers, the first weights, the images and their
#   order are the same; $G$ still gets a label, but nothing makes it care. This is the plain GAN to compare with.
# * **real classes only**: $D$ learns the classes of real images, and is not asked for those of fakes; $G$ is. (Exercise
#   6.)
# * **small embedding**: the AC-GAN, but the embedding starts close to silence.

# %%
losses = {
    "AC-GAN": AuxiliaryClassifier(NonSaturating()),
    "plain": AuxiliaryClassifier(NonSaturating(), weight=0),
    "real classes only": AuxiliaryClassifier(NonSaturating(), fakes=False),
    "small embedding": AuxiliaryClassifier(NonSaturating()),
}

torch.manual_seed(seed)
G = nets[system].Generator(classes=K, channels=channels, width=width)
D = nets[system].Discriminator(classes=K, channels=channels, width=width_D)
if system == "A4" and setting != "small embedding":
    nn.init.uniform_(G.embedding.weight, -embedding, embedding)
how = dict(lr=learning_rate, betas=(beta1, 0.999), fused=True)
opt_G, opt_D = torch.optim.Adam(G.parameters(), **how), torch.optim.Adam(D.parameters(), **how)
fabric = Fabric(accelerator=accelerator, devices=1, precision=precision)
game = Game(G, D, losses[setting], opt_G, opt_D, fabric=fabric)

# %% [markdown]
# Every few epochs the samples are measured, always those of the same noise:

# %% tags=["hide-input"]
z_many = torch.randn(len(y_many), game.z_dim, generator=torch.Generator().manual_seed(seed + 1))


def measured(epoch: int) -> dict[str, float]:
    """The measures above, every few epochs and in the last; GAN-train in the last only."""
    if epoch % measure_every and epoch != epochs:
        return {}
    x = sample(game, z_many, y_many)
    of_all, each = judge(x), judge.by_class(x, y_many)
    found = {"kernel_distance": of_all["kernel_distance"], "real_enough": of_all["precision"]}
    found |= {"copying": of_all["copying_features"], "gan_test": each["GAN-test"].mean()}
    for measure in ("variety", "coverage"):
        found |= {measure: each[measure].mean(), f"least_{measure}": each[measure].min()}
    if epoch == epochs:
        found["gan_train"] = gan_train(x, y_many, judge.reference, steps=judge_steps, seed=seed)
    return found


# %% [markdown]
# **Predict.** $D$ answers two questions, "real or fake?" and "which class?". In the end, to which of the two will it give
# the right answer more often?

# %%
#| fig-alt: >
#|   The training as it stands at the end: the samples of the last epoch, a row for each class, and the curves of the
#|   losses.
facts = dict(setting=setting, width=width, width_D=width_D)
run = Run(f"{system}-{setting.replace(' ', '-')}", game, images, run_dir, batch_size=batch_size, seed=seed, **facts)
y_grid = torch.arange(K).repeat_interleave(10)  # a row for each class
z_grid = torch.randn(10, game.z_dim, generator=torch.Generator().manual_seed(seed)).repeat(K, 1)  # one z in a column

with Dashboard(run) as board:
    for epoch in run.epochs(epochs):
        async for played in board.watch(play(game, images, batch_size=batch_size, epoch=epoch, seed=seed)):
            run.log(played)
        if board.stopped:
            break
        run.picture(sample(game, z_grid, y_grid), nrow=10)
        run.save(partial(measured, epoch))

# %% [markdown]
# ## What it draws
#
# A row is a class that was asked for, a column is one noise $z$. First the training as a film, then four of the columns
# after more and more epochs:

# %% tags=["hide-input"]
#| fig-alt: >
#|   A film of ten samples of each class, a row for each class, from the first epoch to the last.
if not run.pictures:
    raise RuntimeError("nothing is drawn yet: let the cell above play at least one whole epoch")
film_of_training(run.pictures, alt="a film of ten samples of each class, from the first epoch to the last")

# %% tags=["hide-input"]
#| fig-alt: >
#|   Panels of samples, a row for each class, after more and more epochs: gray spots become strokes, strokes become
#|   digits, and each row becomes one digit.
shown = sorted({int(i) for i in np.geomspace(1, len(run.pictures), 6).round()})
fig, axes = plt.subplots(1, len(shown), figsize=(10, 0.46 * K))
for ax, epoch in zip(np.atleast_1d(axes), shown, strict=True):
    ax.imshow(imread(run.pictures[epoch - 1])[:, : 4 * (size + 2) + 2], interpolation="nearest")
    ax.set_axis_off()
    ax.set_title(f"epoch {epoch}", fontsize=9)

# %% tags=["hide-input"]
#| fig-alt: >
#|   Left, ten real images of each class; right, ten samples made for each class. A row is a class.
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 0.5 * K))
plots.grid(left, real_images(10)[0], nrow=10, title="real")
plots.grid(
    right, sample(game, z_grid, y_grid), nrow=10, title=f"{setting}, epoch {run.epoch}: a row is what was asked for"
)
plt.show()

# %% [markdown]
# Cover the left side and name the digits on the right: would a stranger say what each row was asked to be? And are
# there as many different handwritings in a row as on the left?
#
# ### The curves of two heads
#
# A dotted line marks what a head that knows nothing pays: $\log 2$ for the score, $\log K$ for the classes.

# %% tags=["hide-input"]
#| fig-alt: >
#|   Four curves. Left, the head of the score: its loss stays near the dotted line, its accuracy not far above one
#|   half. Right, the head of the classes: its loss falls from the dotted line towards 0, its accuracy rises towards
#|   1.
rounds = run.rounds
fig, axes = plt.subplots(2, 2, figsize=(10, 5.4), layout="constrained")
pays = {"d_real": "on real", "d_fake": "on fake"}, {"class_real": "of real", "class_fake": "of fake"}
right = (
    {"acc_real": "real called real", "acc_fake": "fake called fake"},
    {"named_real": "of real", "named_fake": "of fake"},
)
for i, (head, answers) in enumerate((("score", 2), ("class", K))):
    plots.curves(axes[0, i], rounds, pays[i], ylabel="loss (nats)", smooth=60, title=f"{head} head: loss of D")
    axes[0, i].axhline(np.log(answers), color="black", linewidth=0.8, linestyle=":")
    axes[0, i].set_ylim(0, 2.2 * np.log(answers))
    plots.curves(axes[1, i], rounds, right[i], ylabel="share of the batch", smooth=60, title=f"{head} head: accuracy")
    axes[1, i].set_ylim(0, 1.02)
plt.show()

# %%
last = rounds.query("epoch == epoch.max()").mean()
print("in the last epoch:")
print(f"D tells real from fake in {last[['acc_real', 'acc_fake']].mean():.0%} of the cases")
print(f"D names the class of {last['named_real']:.0%} of the real and of {last['named_fake']:.0%} of the fake images")

# %% [markdown]
# The left pair is the fight that you know from notebook 1. The right pair is no fight: with the class terms in the
# game, both curves of the class loss fall. Keep the last number in mind. It is often reported as *class accuracy*, and
# it says that $G$ and $D$ **agree** what a 3 is. Whether it is what *you* call a 3, only somebody else can tell.

# %% tags=["claims"]
pays = rounds.groupby("epoch")[["class_real", "class_fake"]].mean()
claim("both curves of the class loss fall.", setting == "plain" or (pays.iloc[-1] < pays.iloc[0] / 2).all())

# %% [markdown]
# ### Over time (deeper)
#
# Does $G$ learn to draw first, or to obey? The measures after more and more epochs:

# %% tags=["hide-input"]
#| fig-alt: >
#|   Three curves over the epochs: the kernel distance falls, GAN-test rises early, and coverage rises slowly.
quality = run.measured.set_index("epoch")
quality = quality[quality.columns.intersection(["kernel_distance", "gan_test", "coverage"])].dropna()
fig, axes = plt.subplots(1, 3, figsize=(10, 2.8), layout="constrained")
names = {
    "kernel_distance": ("kernel distance", "kernel distance"),
    "gan_test": ("GAN-test", "share of the samples"),
    "coverage": ("coverage", "share of the balls"),
}
for ax, (measure, (title, unit)) in zip(axes, names.items(), strict=True):
    ax.plot(quality.index, quality[measure], "o-", markersize=4)
    ax.set(title=title, xlabel="epochs played", ylabel=unit)
    ax.set(xlim=(0, 1.04 * quality.index.max()), ylim=(0, max(1.05, 1.1 * quality[measure].max())))
plt.show()

for epoch, found in quality.iloc[[len(quality) // 4, -1]].iterrows():
    print(f"epoch {epoch}: kernel distance {found['kernel_distance']:.2f}, GAN-test {found['gan_test']:.0%}", end=", ")
    print(f"coverage {found['coverage']:.0%}")

# %% [markdown]
# ## Class by class
#
# Now somebody else judges: the classifiers of the real images, which have never met $G$.

# %%
x_many = sample(game, z_many, y_many).cpu()
each = judge.by_class(x_many, y_many)
learnt = gan_train(x_many, y_many, judge.reference, steps=judge_steps, seed=seed)
print(f"GAN-train: a classifier that saw only samples names {learnt:.0%} of the real images")
print(f"GAN-test: the classifiers name {each['GAN-test'].mean():.0%} of the samples as asked", end=", ")
print(f"D's own class head named {last['named_fake']:.0%}")

# %% tags=["hide-input"]
#| fig-alt: >
#|   Left, a table of shares: what was asked for against what the classifiers see; nearly all lies on the diagonal.
#|   Right, two bars for each class, its variety and its coverage, with a black line each for unseen real images.
asked, seen = y_many, judge.probabilities(x_many).argmax(1)
table = torch.zeros(K, K).index_put_((asked, seen), torch.ones(len(asked)), accumulate=True) / each_class
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3.4), layout="constrained", width_ratios=(2, 3))
left.imshow(table, cmap="Greys", vmin=0, vmax=1)
for (i, j), share in np.ndenumerate(table.numpy()):
    left.text(j, i, f"{share:.0%}", ha="center", va="center", color="white" if share > 0.5 else "black", fontsize=8)
left.grid(False)
left.set(title="what the classifiers see", xlabel="seen", ylabel="asked for")
left.set_xticks(range(K), images.classes, fontsize=8)
left.set_yticks(range(K), images.classes, fontsize=8)
place = np.arange(K)
for i, (measure, hatch) in enumerate((("variety", ""), ("coverage", "//"))):
    right.bar(place + 0.4 * i, each[measure], 0.36, hatch=hatch, label=measure)
    right.hlines(reachable[measure], place + 0.4 * i - 0.18, place + 0.4 * i + 0.18, color="black")
right.set(title="samples; a black line marks unseen images", ylabel="ratio, or share")
right.set_ylim(0, 1.25 * max(1, each["variety"].max(), reachable["variety"].max()))
right.set_xticks(place + 0.2, images.classes, fontsize=8)
right.legend(ncols=2)
plt.show()

# %% [markdown]
# Compare the classes with one another. Is a class drawn well because it is easy, or because $G$ plays it safe and always
# draws the same? GAN-test alone cannot tell, variety and coverage can.
#
# ## Does it help? The AC-GAN and its plain twin
#
# One run proves nothing. So three of the four games, all but `real classes only`, were trained on the bundled digits
# with ten seeds, at the sizes above, and measured after the last epoch. The learning rate is the best of three for the
# AC-GAN and for the plain GAN, with two other seeds; it was not chosen anew for the small embedding. The table is
# `results/03_acgan.csv`; `results/README.md` has the command.
#
# **Predict.** The plain twin also gets the labels, but nothing makes it care. What will its GAN-test be, with five
# classes? And a classifier that learns from its samples only, what will it know about real digits?
#
# Here is what the two draw in the end, both of seed 14, with the same noise; a row is what was asked for:

# %% tags=["hide-input"]
#| fig-alt: >
#|   Two grids of samples, a row for each digit that was asked for. Right, the AC-GAN: each row is its digit. Left,
#|   the plain twin: each row has all kinds of digits.


def side_by_side(*names: str) -> None:
    """The drawings of seed 14 that are kept in results/03_drawings, with what each row was asked to be."""
    _, axes = plt.subplots(1, len(names), figsize=(10, 2.75))
    for ax, name in zip(axes, names, strict=True):
        ax.imshow(imread(RESULTS / "03_drawings" / f"{name}.png"), interpolation="nearest")
        ax.set_title(name)
        ax.set_xticks([])
        ax.set_yticks([2 + 30 * k + 14 for k in range(5)], [f"asked for a {k + 1}" for k in range(5)])
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
        ax.grid(False)
    plt.show()


side_by_side("plain", "AC-GAN")

# %% [markdown]
# Runs of one seed start alike, so each game is compared with the plain GAN *of the same seed*. The last column says
# whether the AC-GAN's mean is higher or lower than the plain GAN's, and has a 95 % interval of the mean difference
# (Student's, for roughly normal differences): such an interval holds the truth in 95 of 100 such experiments. Where it
# holds 0, no difference is found. Who looks at many intervals finds something by chance; Holm's correction asks for
# more, the more there are. A star marks what is left after it, for all the comparisons of the table. GAN-test, variety
# and coverage are means over the classes.

# %% tags=["hide-input"]
table = seeds.table("03_acgan").query("setting in @losses")
measures = {
    "kernel_distance": "kernel distance",
    "real_enough": "precision",
    "gan_test": "GAN-test",
    "gan_train": "GAN-train",
    "variety": "variety",
    "least_variety": "variety of the least varied class",
    "coverage": "coverage",
    "least_coverage": "coverage of the least covered class",
}


def compared(measures: list[str], setting: str, against: str) -> pd.DataFrame:
    """Both means and the difference, seed by seed, a row for each measure, with Holm's correction for all of them."""
    two = table.query("setting in [@setting, @against]")
    rows = pd.concat([seeds.paired(two, measure, against=against).assign(measure=measure) for measure in measures])
    rows = rows[rows["setting"] == setting].set_index("measure")
    rows["p_holm"] = seeds.holm(rows["p"])
    return rows


def in_words(rows: pd.DataFrame, setting: str, against: str) -> pd.DataFrame:
    """The same as a reader wants it."""
    words = [f"{seeds.finding(row)} ({row.low:+.2f} to {row.high:+.2f})" for row in rows.itertuples()]
    columns = {against: (rows["mean"] - rows["difference"]).round(2), setting: rows["mean"].round(2)}
    return pd.DataFrame({**columns, "difference": words}).rename(index=measures).rename_axis(None)


# %%
acgan = compared(list(measures), "AC-GAN", against="plain")
print(f"{table['seed'].nunique()} seeds, {table['epochs'].max()} epochs each")
in_words(acgan, "AC-GAN", "plain")

# %% [markdown]
# With these seeds the AC-GAN is nearer to the real images than its plain twin and reaches more of them, and it draws
# what it is asked for, where the twin is at chance. That was seen with this network and these images; of others it says
# nothing. Its variety is smaller, but that is no loss: it is close to that of the real images, which is 1. The twin's
# is above it, and what is above may be bad drawings as well as bold ones. (That is the mean over the classes. The least
# varied class has less variety than that of real images.) To watch the twin, set `setting` to `plain`
# and run the notebook again.

# %% tags=["claims"]
claim(
    "With these seeds the AC-GAN is nearer to the real images than its plain twin and reaches more of them",
    acgan.loc["kernel_distance", "high"] < 0 < acgan.loc["coverage", "low"],
    acgan.loc["kernel_distance"],
    acgan.loc["coverage"],
)
at_chance = seeds.against_truth(table.query("setting == 'plain'")["gan_test"], 1 / 5)
claim(
    "it draws what it is asked for, where the twin is at chance.",
    acgan.loc["gan_test", "low"] > 0.5 and at_chance.verdict == "no difference found",
    acgan.loc["gan_test"],
    at_chance,
)
of_digits = Judge(*load_with_held_out(size=28))
of_real = of_digits.by_class(*of_digits.unseen.batch(slice(None)))["variety"].min()
least = seeds.against_truth(table.query("setting == 'AC-GAN'")["least_variety"], of_real)
claim("The least varied class has less variety than that of real images.", least.verdict == "lower", least)
claim("Its variety is smaller", acgan.loc["variety", "high"] < 0, acgan.loc["variety"])
beside_real = seeds.against_truth(table.query("setting == 'AC-GAN'")["variety"], 1)
claim(
    "it is close to that of the real images, which is 1.",
    0.9 < beside_real.low < 1 < beside_real.high < 1.1,
    beside_real,
)

# %% [markdown]
# ### Seed by seed (deeper)
#
# A mean hides how much the seeds differ. Each gray line below is one seed.

# %% tags=["hide-input"]
#| fig-alt: >
#|   Eight small pictures, one for each measure: the plain twin, the AC-GAN and the small embedding side by side, a
#|   gray line for each seed and a black bar for the mean.
games = ["plain", "AC-GAN", "small embedding"]
fig, axes = plt.subplots(2, 4, figsize=(11, 5), layout="constrained")
for ax, (measure, title) in zip(axes.flat, measures.items(), strict=True):
    wide = table.pivot(index="seed", columns="setting", values=measure)[games]
    place = np.arange(len(games))
    ax.plot(place, wide.T, "o-", color="grey", markersize=3, linewidth=0.6)
    ax.hlines(wide.mean(), place - 0.25, place + 0.25, color="black", linewidth=2)
    ax.set_title(title.replace(" of the", "\nof the"), fontsize=9)
    ax.set_xticks(place, [name.replace(" ", "\n") for name in games], fontsize=8)
    ax.set_ylim(bottom=0)
plt.show()

# %%
paired = pd.concat([seeds.paired(table, measure) for measure in measures])["correlation"].dropna()
print(f"correlation of two games of one seed: median {paired.median():+.2f}", end=", ")
print(f"negative in {(paired < 0).sum()} of {len(paired)}")

# %% [markdown]
# Two games of one seed start alike, and in the end no likeness is left that we can see: no gain from pairing is found
# here.
#
# ## What the class terms want
#
# Does an AC-GAN have to pay for its obedience with variety? Here is a case that can be computed. Let the real "images"
# be numbers, those of class 0 normal around $-1$ and those of class 1 around $+1$, both with deviation 1, so that the
# classes **overlap**. Let $p_y(x)$ be half the density of class $y$ (each class is half of the data), $q_y(x)$ half
# the density of the samples made for it, and $p$, $q$ their sums over $y$. Whatever $G$ does, let $D$ always give its best answers,
# those that maximise (1) and (2):
#
# $$ D^*(x) = \frac{p(x)}{p(x) + q(x)} \qquad (3)$$
#
# $$ P^*(y \mid x) = \frac{p_y(x) + q_y(x)}{p(x) + q(x)} \qquad (4)$$
#
# (3) is the best $D$ of notebook 2. For (4): at $x$, (2) is $\sum_y (p_y + q_y) \log P(y \mid x)$, since real images and
# samples with the label $y$ both ask for the answer $y$. Of all probabilities with the sum 1, those make this largest
# that are in proportion to $p_y + q_y$.
#
# $G$ may choose any $q_y$. It starts at the truth, $q_y = p_y$, and descends on $L_S - w L_C$, with a weight $w$ of the
# class terms. ($D^*$ and $P^*$ are held fixed in each step, as in any GAN.)
#
# **Predict.** At the truth the score cannot tell real from fake, and has nothing to complain about. Which samples made
# for class 1 will the class terms complain about?

# %%
x = torch.linspace(-5.975, 5.975, 240, dtype=torch.float64)  # not 0, where the classes tie
p = torch.stack([torch.exp(-((x - mean) ** 2) / 2) for mean in (-1, 1)])
p = p / p.sum(1, keepdim=True) / 2  # (2, 240): p_y(x)


def played_out(w: float, steps: int = 2000) -> torch.Tensor:
    """Where G ends that starts at the truth, with a D that always gives its best answers: q_y(x), (2, 240)."""
    logits = p.log().requires_grad_()
    opt = torch.optim.Adam([logits], lr=0.03)
    for _ in range(steps):
        q = torch.softmax(logits, 1) / 2
        with torch.no_grad():
            D, P = p.sum(0) / (p + q).sum(0), (p + q) / (p + q).sum(0)  # (3), (4)
        opt.zero_grad()
        (q * (torch.log(1 - D) - w * P.log())).sum().backward()
        opt.step()
    return (torch.softmax(logits, 1) / 2).detach()


made = {w: played_out(w) for w in (0.0, 0.1, 1.0, 3.0)}

# %% tags=["hide-input"]
#| fig-alt: >
#|   Four pictures, for a weight of 0, 0.1, 1 and 3. Two overlapping hills are the real classes. At 0 the samples
#|   follow them; with each other weight those of one class stay on the left of 0 and those of the other on the right.
fig, axes = plt.subplots(1, 4, figsize=(11, 2.9), sharey=True, layout="constrained")
for ax, (w, q) in zip(axes, made.items(), strict=True):
    for y, style in ((0, "-"), (1, "--")):
        ax.fill_between(x, 20 * p[y], alpha=0.2, hatch="//" if y else "", label=f"real, class {y}")
        ax.plot(x, 20 * q[y], style, label=f"made for {y}")
    one = 2 * q[1]
    mean, wrong = (one * x).sum(), one[x < 0].sum()
    deviation = (one * (x - mean) ** 2).sum().sqrt()
    ax.set(title=f"w = {w:g}", xlabel="x")
    print(
        f"w = {w:3}: made for class 1: mean {mean:.2f}, deviation {deviation:.2f}, on the other side of 0: {wrong:.0%}"
    )
axes[0].set_ylabel("half the density")
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8)
plt.show()

# %% [markdown]
# At $w = 0$ the truth is where $G$ stays. (That is only because it began there. Any other $q_0$ and $q_1$ with the sum
# $p$ would please the score as well: the plain twin begins elsewhere, and ends elsewhere.) With each of the other
# weights the two classes part at 0. The score sees all samples together, $q$, and so it does not mind *who* draws a
# doubtful $x$; the class terms do, and give each to the class that it resembles more. A 1 that looks more like a 7
# would be drawn when a 7 is asked for, and not when a 1 is. With a small weight the images themselves are all still
# there; at $w = 1$, the weight of the paper and of the games above, the doubtful ones have become fewer. With the
# largest weight $G$ also leaves the doubtful region around 0, though the score punishes that, and draws what is more
# typical than the real images. So **an AC-GAN draws too few of the images on which the classes overlap**, the fewer the
# larger the weight (Shu et al., 2017, show it; Gong et al., 2019, repair it with a second classifier). The way of
# notebook 1, where $D$ is told the class and names none, has no such term (exercise 2).

# %% tags=["claims"]
claim("At $w = 0$ the truth is where $G$ stays.", abs(made[0.0] - p).sum() < 0.05)
other_side = [2 * made[w][1][x < 0].sum() for w in (0.1, 1.0, 3.0)]
claim("With each of the other weights the two classes part at 0.", max(other_side) < 0.05)
sure = (p / p.sum(0)).max(0).values  # how sure the best classifier of the real images is at x
drawn = {w: q.sum(0) for w, q in made.items()}
doubtful = {w: (q[abs(x) < 0.5].sum() / p.sum(0)[abs(x) < 0.5].sum()).item() for w, q in drawn.items()}
claim(
    "at $w = 1$, the weight of the paper and of the games above, the doubtful ones have become fewer.",
    doubtful[3.0] < doubtful[1.0] < min(0.9, doubtful[0.1]),
)
claim(
    "With the largest weight $G$ also leaves the doubtful region around 0, though the score punishes that, and draws what "
    "is more typical than the real images.",
    doubtful[3.0] < 0.6 and doubtful[0.1] > 0.8 and (drawn[3.0] @ sure) > (p.sum(0) @ sure) + 0.03,
)

# %% [markdown]
# ### How much is there to lose? (deeper)
#
# How much do these classes overlap? The classifiers tell. These are the held-out images of each class to whose own class
# they give the highest and the lowest probability:

# %% tags=["hide-input"]
#| fig-alt: >
#|   Left, nine neat images of each class; right, nine odd ones of each class, some of which could be another digit.
p_class = judge.probabilities(held_out.batch(slice(None))[0])
nats = -p_class[torch.arange(len(held_out)), held_out.labels].log()
fig, axes = plt.subplots(1, 2, figsize=(9, 0.5 * K + 0.3), layout="constrained")
for ax, name, sign in zip(axes, ("most", "least"), (1, -1), strict=True):
    order = (sign * nats).argsort()
    chosen = order[some_of_each(held_out.labels[order], 9)]
    plots.grid(ax, held_out.batch(chosen)[0], nrow=9, title=f"the {name} typical real images")
plt.show()
in_doubt = (nats > np.log(2)).double().mean()
print(f"{(nats < 0.1).double().mean():.0%} of the real images cost these classifiers less than 0.1 nats;", end=" ")
print(f"{in_doubt:.1%} cost more than log 2")

# %% [markdown]
# An image that costs more than $\log 2$ is in doubt, or even taken for another class: the classifiers give its own
# class less than one half. (A part of these may be their own mistakes.) Few of these images are in doubt, so there is
# little to lose here.

# %% tags=["claims"]
claim("Few of these images are in doubt", in_doubt < 0.05)

# %% [markdown]
# ## A class that falls silent
#
# Variety can also be lost through the way in which $G$ is told the class. If the label is multiplied, $G$ knows the
# class by the *size* of the numbers in $z \odot e_y$. One class may be told by silence, $e_y = 0$, and then $z$ has no
# say. With a small start, silence is near.
#
# **Predict.** A class has one drawing that can be recognised, and $G$ makes it whatever $z$ is. Which of the measures
# above notice, and which do not?
#
# Here is the game with the small embedding, beside the AC-GAN of the same seed. This seed was chosen for the picture: of
# the ten games with a small embedding it has the least varied class.

# %% tags=["hide-input"]
#| fig-alt: >
#|   Two grids of samples, a row for each digit that was asked for. Left, the AC-GAN: ten different drawings in each row. Right,
#|   the small embedding: in one row the ten drawings are almost the same.
side_by_side("AC-GAN", "small embedding")


# %%
def differ(name: str) -> torch.Tensor:
    """How much the ten drawings of each row differ: the mean distance between two of them, in pixels."""
    gray = torch.tensor(imread(RESULTS / "03_drawings" / f"{name}.png")[2:, 2:, 0])
    tiles = gray.unfold(0, 28, 30).unfold(1, 28, 30).reshape(5, 10, 28 * 28)
    return torch.cdist(tiles, tiles).sum((1, 2)) / (10 * 9)


share = differ("small embedding") / differ("AC-GAN")
print("how much the ten drawings of a row differ with the small embedding, beside those of the AC-GAN:")
print(", ".join(f"asked for a {k + 1}: {row:.0%}" for k, row in enumerate(share)))

# %% [markdown]
# In one row the ten drawings differ, in pixels, less than a third as much as the AC-GAN's do. This is what a class near
# silence looks like: a row with almost the same drawing in each column. (The length of its $e_y$ was not kept. That of
# your own run is printed below.) Over the ten seeds:

# %%
quiet = ["least_variety", "least_coverage", "gan_train", "gan_test", "kernel_distance"]
small = compared(quiet, "small embedding", against="AC-GAN")
silent = table.query("setting == 'small embedding'")["least_variety"]
print(f"in {(silent < 0.5).sum()} of {len(silent)} games with a small embedding", end=" ")
print("one class has less than half of its variety")
in_words(small, "small embedding", "AC-GAN")

# %% [markdown]
# With the small start the least varied class has less variety, and fewer of the images of the least covered class are
# reached. GAN-train is lower too, but that is not left after the correction. GAN-test does not show it: no difference
# is found there. One drawing that can be recognised, over and over, is always right. In the kernel distance no
# difference is found either, and that says little: its interval is wide, and that of GAN-test is narrow.

# %% tags=["claims"]
claim(
    "In one row the ten drawings differ, in pixels, less than a third as much as the AC-GAN's do.", share.min() < 1 / 3
)
quietest = table.query("setting == 'small embedding'").set_index("seed")["least_variety"].idxmin()
claim("of the ten games with a small embedding it has the least varied class.", quietest == 14)
less = small.loc["least_variety"]
claim("With the small start the least varied class has less variety", less["high"] < 0, less)
taught = small.loc["gan_train"]
claim(
    "GAN-train is lower too, but that is not left after the correction.",
    taught["high"] < 0 and taught["p_holm"] > 0.05,
    taught,
)
fewer = small.loc["least_coverage"]
claim("fewer of the images of the least covered class are reached.", fewer["high"] < 0, fewer)
unseen_by_it = small.loc["gan_test"]
claim(
    "GAN-test does not show it: no difference is found there.",
    unseen_by_it["low"] < 0 < unseen_by_it["high"],
    unseen_by_it,
)

# %% [markdown]
# And your own run? If the network multiplies, look for a class whose embedding is short and whose variety is low:

# %%
if system == "A4":
    sizes = game.G.embedding.weight.detach().norm(dim=1).cpu()
    for k, name in enumerate(images.classes):
        print(f"this run, {name!r}: |e_y| = {sizes[k]:.2f}, variety {each['variety'].iloc[k]:.2f}")

# %% [markdown]
# ## A walk between classes (deeper)
#
# In training $G$ was only ever given whole classes. But what it gets are numbers, and numbers can lie between two
# classes: the share $t$ of one and $1 - t$ of the other. Choose a class and move its $z$ along the directions in which
# it changes most; then go over to another class with the same $z$. (Where there is no live kernel you see static
# walks.)

# %% tags=["hide-input"]
#| fig-alt: >
#|   Left, a row for each class, which changes along the direction in which its images change most. Right, a row for
#|   each class, which goes over to the next class with the same noise.
class_explorer(game, images.classes)

# %% [markdown]
# On the right side, does the digit change smoothly on its way, or does it snap from one class to the next? And does the
# same $z$ mean the same handwriting in different classes: slant, thickness, size? (On the left side the ends lie four
# standard deviations out, where hardly any $z$ falls. $G$ was almost never asked for these, and a digit may end there as
# something else.)
#
# ## What to take along
#
# * A GAN obeys if somebody makes it: $G$ is told a label, and $D$ is asked which class it sees. The label alone is not
#   enough: the plain twin is told it too, and draws what it is asked for no more often than by chance.
# * $D$ and $G$ fight about "real or fake?", and work together on "which class?". So the class head's own accuracy on
#   generated images says that they agree, and not that they are right.
# * Here the class terms bring the drawings nearer to the real images. They also want drawings that nobody can take for
#   another class, and so an AC-GAN draws too few of the images on which the classes overlap.
# * How $G$ is told matters: where the label is multiplied, a class can come near to silence, and then its drawings are
#   almost all the same.
# * That a drawing is right (GAN-test) says nothing about variety. Measure variety and coverage class by class, too.
#
# ## Exercises
#
# Those with a check tell you whether you are right. The others are open: try, and look.
#
# **1. The loss of an AC-GAN.** Write (1) and (2) as what $D$ and $G$ minimise, with the non-saturating form for $G$'s
# part of (1). `real` and `fake` are `Verdict`s: `real.score` has the shape (N,) and `real.classes`, the logits, (N, K);
# `y` are the labels, of the real images and of the fake ones. Then put yours where `losses` is made, and train with it.


# %%
class ClassTerms:
    measures = AuxiliaryClassifier(NonSaturating()).measures  # what is kept of a round, for the curves

    def d_loss(self, real, fake, y):
        # -(L_S + L_C)
        ### BEGIN SOLUTION
        minus_L_S = F.softplus(-real.score).mean() + F.softplus(fake.score).mean()
        return minus_L_S + F.cross_entropy(real.classes, y) + F.cross_entropy(fake.classes, y)
        ### END SOLUTION

    def g_loss(self, fake, y):
        # -log P(real | G(z, y)) - log P(y | G(z, y)), on average
        ### BEGIN SOLUTION
        return F.softplus(-fake.score).mean() + F.cross_entropy(fake.classes, y)
        ### END SOLUTION


# %%
exercises.check_class_terms(ClassTerms())

# %% [markdown]
# <details><summary>Hint</summary>For a score s, <code>F.logsigmoid(s)</code> is log P(real | x), and
# <code>F.logsigmoid(-s)</code> is log P(fake | x). <code>F.cross_entropy(verdict.classes, y)</code> is the mean of
# -log P(y | x). What is minimised has the other sign than what is maximised.</details>
#
# **2. Tell D, in place of asking it.** An AC-GAN's $D$ *names* the class. In a conditional GAN (Mirza and Osindero,
# 2014), as in notebook 1, $D$ *is told* the class and asked only for a score: is this a real image **of class $y$**?
# There is no class term, and no typical digits are preferred. The projection discriminator (Miyato and Koyama, 2018)
# does so with the vector of features $h(x)$ that goes into the last layer, that layer's weights $u$ and bias $b$, and a
# learned vector $v_y$ for each class, as long as $h(x)$. Its score is
#
# $$ s(x, y) = u \cdot h(x) + b + v_y \cdot h(x) \qquad (5)$$
#
# The first product asks whether $x$ looks real, the second whether it fits $y$.
# Write it on the features of this notebook's $D$, and train with it. `play` already passes the labels to $D$.


# %%
class Projection(nn.Module):
    def __init__(self, classes: int):
        super().__init__()
        D = nets[system].Discriminator(classes=classes, channels=channels, width=width_D)
        self.trunk, self.linear = D.trunk, D.score  # h(x), and u . h + b
        ### BEGIN SOLUTION
        self.v = nn.Embedding(classes, self.linear.in_features)
        nn.init.uniform_(self.v.weight, -0.05, 0.05)
        ### END SOLUTION

    def forward(self, x, y):
        # self.trunk(x) is h, (N, F); self.linear(h) is (N, 1), and .squeeze(1) makes it (N,)
        ### BEGIN SOLUTION
        h = self.trunk(x)
        return self.linear(h).squeeze(1) + (self.v(y) * h).sum(1)
        ### END SOLUTION


# %%
exercises.check_conditional(Projection(K), images)

# %% [markdown]
# <details><summary>Hint</summary>In <code>__init__</code>: <code>self.v = nn.Embedding(classes,
# self.linear.in_features)</code>, and let it start small, <code>nn.init.uniform_(self.v.weight, -0.05, 0.05)</code>. In
# <code>forward</code> add <code>(self.v(y) * h).sum(1)</code>. To train it, make $G$ anew as in the cell of the settings
# (for A4 with its embedding), then <code>D = Projection(K)</code>, then both optimisers from the weights of
# <i>these</i> two (the old ones would go on moving the old players), and <code>game = Game(G, D, NonSaturating(),
# opt_G, opt_D)</code>; <code>for epoch in range(epochs): for played in play(game, images, batch_size=batch_size,
# epoch=epoch): pass</code> plays it. Measure it with
# <code>judge.by_class</code>. For Mirza and Osindero's, append <i>K</i> channels to the image, 1 everywhere
# in channel <i>y</i> and 0 in the others.</details>
#
# **3. The price of a whisper.** In the section "What the class terms want" a very small weight $w > 0$ would part the
# classes at 0 and leave $q = p$. So the samples made for class 1 would follow the right half of $p$, scaled to 1. What
# would be their deviation? Compute it, by hand or by numbers, and compare it with $w = 0.1$.

# %%
deviation_of_half = None
### BEGIN SOLUTION
fine = np.linspace(0, 10, 100_001)
density = np.exp(-((fine - 1) ** 2) / 2) + np.exp(-((fine + 1) ** 2) / 2)
mean_of_half = (density * fine).sum() / density.sum()
deviation_of_half = np.sqrt(2 - mean_of_half**2)
### END SOLUTION

# %%
exercises.check_half(deviation_of_half)

# %% [markdown]
# <details><summary>Hint</summary>The right half of <i>p</i> is the distribution of |<i>x</i>|, where <i>x</i> is normal
# with mean 1 and deviation 1, so the mean of <i>x</i>² is 1 + 1 = 2. Its mean you get on a fine grid.</details>
#
# **4. Between and beyond** (open). `sample(game, z, shares)` takes shares of the classes, (N, K). Draw half a 3 and
# half a 5; twice a 3 minus a 5; a fifth of everything. What does the classifier say, and how sure is it?
# <details><summary>Hint</summary><code>shares = 2 * torch.eye(K)[2] - torch.eye(K)[4]</code>, then
# <code>drawn = sample(game, z[:10], shares.expand(10, K))</code> and <code>judge.probabilities(drawn)</code>.</details>
#
# **5. Any source** (open, after notebook 4). The class terms stand beside any loss on scores. Train
# `AuxiliaryClassifier(Wasserstein())` with `project=partial(clip_weights, c=0.03)` and `n_critic=3`. What do the
# weights of the two terms have to do with each other now?
# <details><summary>Hint</summary><code>from gan_lab.lipschitz import clip_weights</code>, <code>from gan_lab.losses
# import Wasserstein</code>. The two cells that show the score head then stop with a KeyError, since a critic has no
# accuracy: go on below them. A Wasserstein score has no unit: with other limits of the weights, the loss of the scores
# is larger or smaller, and so the class terms count less or more. <code>AuxiliaryClassifier(..., weight=...)</code>
# sets them.</details>
#
# **6. Half of $L_C$** (open). In (2) $D$ is asked for the classes of fakes as well, however bad they still are. Is that
# of use? Train `real classes only` with five seeds, and compare with `seeds.paired`.
# <details><summary>Hint</summary>In a terminal, in the folder of this notebook, <code>uv run gan-lab sweep 03_acgan -f
# 03_sweep --grid "setting=AC-GAN,real classes only" --grid seed=0,1,2,3,4 --out runs/half</code>, then <code>uv run gan-lab
# table runs/half half.csv</code>; here,
# <code>seeds.paired(pd.read_csv("half.csv"), "kernel_distance", against="AC-GAN")</code>.</details>
#
# ## Sources
#
# * M. Gong, Y. Xu, C. Li, K. Zhang, K. Batmanghelich, *Twin auxiliary classifiers GAN*, 2019.
# * M. Mirza, S. Osindero, *Conditional generative adversarial nets*, 2014.
# * T. Miyato, M. Koyama, *cGANs with projection discriminator*, 2018.
# * A. Odena, C. Olah, J. Shlens, *Conditional image synthesis with auxiliary classifier GANs*, 2017.
# * K. Shmelkov, C. Schmid, K. Alahari, *How good is my GAN?*, 2018.
# * R. Shu, H. Bui, S. Ermon, *AC-GAN learns a biased distribution*, 2017.
