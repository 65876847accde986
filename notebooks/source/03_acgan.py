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
# **Question.** The generator of notebook 1 draws what it likes. Can we ask it for a 3? Does it draw better if it is
# told what to draw, and what does the telling cost?
#
# An *auxiliary classifier GAN*, AC-GAN, gives the discriminator a second question. Beside "is this image real?" it is
# asked "which digit is it?", and the generator, which is told a digit, wants its drawings to be recognised. Here you
# build one, ask it for digits, and measure it as neither of two student reports did: against a plain GAN of the same
# size, over several seeds, class by class. You should have seen notebook 1.

# %%
import itertools
from dataclasses import replace
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
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
from gan_lab.show import plots
from gan_lab.show.widgets import Dashboard, class_explorer
from gan_lab.training import Game, play, sample

plt.style.use(plots.STYLE)

# %% [markdown]
# ## Parameters
#
# Two networks are reproduced: `A4` is report A's (28 x 28 images) and `B3` is report B's (32 x 32). Their own settings
# are in `notebooks/parameters/03_report_a.yaml` and `03_report_b.yaml`. What each `setting` is, section 5 says. Change a
# line, and run the notebook from here on: the next cell of code checks what you wrote.

# %% tags=["parameters"]
data_dir: str = ""  # the images; "" is the bundled digits [a folder, or one of MNIST, FashionMNIST, KMNIST]
system: str = "A4"  # whose networks to train [one of A4, B3]
setting: str = "AC-GAN"  # which game they play [one of AC-GAN, plain, real classes only, small embedding]
width: float = 0.25  # multiplies the number of G's hidden channels [above 0]
width_D: float = 0.5  # multiplies the number of D's hidden channels [above 0]
embedding: float = 0.4  # A4 only: its embedding of the labels starts between minus this and this [above 0]
channels: int = 1  # 1 for gray images, 3 for colour [one of 1, 3]
epochs: int = 60  # passes over the images [at least 1]
batch_size: int = 16  # images of each kind that D sees before a step [at least 2, at most the images in data_dir]
learning_rate: float = 1e-3  # Adam's step size, for both players [above 0]
beta1: float = 0.5  # Adam's memory of the gradient [at least 0, below 1]
judge_steps: int = 200  # steps in which a classifier learns from samples, for GAN-train [at least 1]
measure_every: int = 5  # epochs between two measurements [at least 1]
seed: int = 0  # of the weights, the noise and the order of the images [at least 0]
accelerator: str = "auto"  # where to train [one of auto, cpu, cuda, mps]
precision: str = "32-true"  # of the arithmetic [one of 32-true, 16-mixed, bf16-mixed]
run_dir: str = ""  # where the runs are kept; "" makes a folder in runs/ named after the parameters

# %% [markdown]
# ## 1. Images with names
#
# The images lie in one folder for each class. To a network a class is a number, its **label** $y$, from $0$ to $K - 1$
# if there are $K$ classes, whatever the folders are called. A part of the images is held out: no generator is trained
# on it.

# %% tags=["context"]
check_parameters(globals())

size = {"A4": 28, "B3": 32}[system]
images, held_out = load_with_held_out(data_dir, size=size, channels=channels)
K = len(images.classes)
judge = Judge(images, held_out, seed=seed)  # notebook 2 says how it judges

for label, name in enumerate(images.classes):
    print(
        f"label {label}: {name!r}, {(images.labels == label).sum()} images and {(held_out.labels == label).sum()} held out"
    )


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
# Report A's labels count from 1, as the digits do. With five classes, label 5 is then none of 0 to 4. Depending on the
# machine this is an error in the middle of the training, or a loss that is not a number. A set of images with such
# labels is therefore refused at once:

# %%
try:
    replace(images, labels=images.labels + 1)
except ValueError as refused:
    print(refused)

# %% [markdown]
# ## 2. A second question for the discriminator
#
# In an AC-GAN (Odena, Olah and Shlens, 2017) the generator makes $G(z, y)$ from noise $z$ *and a label* $y$. The
# discriminator has two **heads** on one trunk: the score, as before, whose sigmoid is $P(\text{real} \mid x)$, and $K$
# numbers, the *logits* of the classes, whose softmax is $P(y \mid x)$. There are two sums of log-probabilities:
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
# (2), with notebook 1's steeper form of $L_S$ for $G$. If $D$ knows nothing, each term costs the logarithm of the
# number of answers:

# %% tags=["nbval-check-output"]
knows_nothing = Verdict(score=torch.zeros(10), classes=torch.zeros(10, 5))  # what D says of 10 images
y = torch.arange(10) % 5
loss = AuxiliaryClassifier(NonSaturating())
print(
    f"d_loss = {loss.d_loss(knows_nothing, knows_nothing, y):.4f}   2 log 2 + 2 log 5 = {2 * np.log(2) + 2 * np.log(5):.4f}"
)
print(f"g_loss = {loss.g_loss(knows_nothing, y):.4f}     log 2 +   log 5 = {np.log(2) + np.log(5):.4f}")

# %% [markdown]
# ## 3. Two ways to say which digit
#
# The reports tell $G$ the label in two ways.
#
# * **Report B appends it**: the label becomes a one-hot vector, $K$ numbers of which one is 1, and $G$ gets
#   $[z, \text{one-hot}(y)]$.
# * **Report A multiplies by it**: each class has a learned vector $e_y$, its *embedding*, as long as $z$, and $G$ gets
#   $z \odot e_y$, the product number by number.
#
# Here are both pairs of networks at their full size. Layers that make the same shape share a line; at the end of each
# line stand its parameters. `ResizeConv2d` doubles height and width, each pixel becoming four, and convolves; it does
# both at once, which is the same function for less than half of the arithmetic. `OneMapConv2d` is a convolution to a
# single map, written so that a CPU is quick at it.

# %% tags=["context"]
nets = {"A4": acgan28, "B3": acgan32}


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


for name, net in nets.items():
    G, D = net.Generator(), net.Discriminator()
    layers(f"{name}: G", G.layers, torch.zeros(1, G.layers[0].in_features))
    layers(f"{name}: trunk of D", D.trunk, torch.zeros(1, 1, *{"A4": (28, 28), "B3": (32, 32)}[name]))
    heads = [sum(p.numel() for p in head.parameters()) for head in (D.score, D.classes)]
    print(f"    heads: score {heads[0]:,} parameters, classes {heads[1]:,}\n")

# %% [markdown]
# Multiplying is the stranger way. Since $z$ is as often negative as positive, the product is 0 on average *for every
# class*, so a linear layer can hardly tell the classes apart. What tells them apart is the *size* of the numbers. The
# cell fits a linear classifier to what $G$ gets, and asks it for the class of noise that it has not seen:

# %%
g = torch.Generator().manual_seed(seed)
z, y, e = torch.randn(6000, 100, generator=g), torch.arange(6000) % K, torch.randn(K, 100, generator=g)
gets = {
    "A4: z * e_y": z * e[y],
    "A4: |z * e_y|": (z * e[y]).abs(),
    "B3: [z, one-hot(y)]": torch.cat([z, torch.eye(K)[y]], 1),
}
names_right = {}
for name, x in gets.items():
    x, target = torch.cat([x, torch.ones(6000, 1)], 1), torch.eye(K)[y]
    linear = torch.linalg.lstsq(x[:5000], target[:5000]).solution
    right = ((x[5000:] @ linear).argmax(1) == y[5000:]).double().mean()
    print(f"{name:20} a linear layer names {right:4.0%} of the classes (chance {1 / K:.0%})")
    names_right[name] = right.item()

# %% tags=["claims"]
claim("a linear layer can hardly tell the classes apart.", names_right["A4: z * e_y"] < 2 / K)
claim("What tells them apart is the *size* of the numbers.", names_right["A4: |z * e_y|"] > 0.95)

# %% [markdown]
# A class can also be told by *silence*: if $e_k$ shrinks to 0, $G$ gets zeros for class $k$, which is plain enough, and
# whatever $z$ is, it then draws one and the same image. Keras starts embeddings between $-0.05$ and $0.05$, next to
# silence. In this notebook they start louder (the parameter `embedding`); the setting `small embedding` is the report's
# start, and section 10 shows what it does.
#
# ## 4. The measures, before there is anything to measure
#
# Whoever chooses the measure after the pictures finds what he looks for. So here they are. The judge of notebook 2 takes
# them in the features of three small classifiers of the real images, against held-out images.
#
# * **Kernel distance**: how far the samples are from the real images altogether; 0 is best. **Precision**: the share of
#   samples that lie where real images do.
# * **GAN-test**: of the samples made for class $k$, the share in which a classifier sees $k$. High if $G$ draws what
#   is asked, be it always the same drawing.
# * **GAN-train**: a new classifier is trained *on samples only*, and tested on held-out real images. High only if the
#   samples are right *and* as varied as the real images (both: Shmelkov et al., 2018).
# * **Variety** of class $k$: the mean distance between two samples in which a classifier sees $k$, over that between
#   two real images of class $k$. Below 1, the samples of a class are more alike than the real ones. Bad drawings may
#   differ wildly, so a variety above 1 is no praise.
# * **Coverage** of class $k$: around every real image of the class lies the ball that reaches to its fifth nearest
#   neighbour; coverage is the share of these balls that hold a sample. Bad drawings do not raise it.
#
# Half of the held-out images is kept to compare with. The other half, real images that nobody has seen, shows what can be
# reached:

# %%
each_class = max(2, judge.n // K)  # samples of each class that are drawn to be measured
y_many = torch.arange(K).repeat_interleave(each_class)
x_unseen, y_unseen = judge.unseen.batch(slice(None))
reachable = judge.by_class(x_unseen, y_unseen)
print(f"kernel distance {judge.floor['kernel_distance']:.3f}", end=", ")
print(f"GAN-train {gan_train(x_unseen, y_unseen, judge.reference, steps=judge_steps, seed=seed):.1%}")
reachable.round(2)

# %% [markdown]
# ## 5. Training
#
# Four games can be played; `setting` names the one that is played here.
#
# * **AC-GAN**: $L_S$ and $L_C$ as above.
# * **plain**: its twin without the class terms, (2) with weight 0. The layers, the first weights, the images and their
#   order are the same; $G$ still gets a label, but nothing makes it care. This is the plain GAN to compare with.
# * **real classes only**: $D$ learns the classes of real images, and is not asked for those of fakes; $G$ is. (Exercise 5.)
# * **small embedding**: the AC-GAN with report A's start of the embedding.
#
# Each grid has a row for each class, and each column has one $z$.


# %%
losses = {
    "AC-GAN": AuxiliaryClassifier(NonSaturating()),
    "plain": AuxiliaryClassifier(NonSaturating(), weight=0),
    "real classes only": AuxiliaryClassifier(NonSaturating(), fakes=False),
    "small embedding": AuxiliaryClassifier(NonSaturating()),
}


def new_game(setting: str) -> Game:
    """Both players before their first step, as `seed` makes them."""
    torch.manual_seed(seed)
    G = nets[system].Generator(classes=K, channels=channels, width=width)
    D = nets[system].Discriminator(classes=K, channels=channels, width=width_D)
    if system == "A4" and setting != "small embedding":
        nn.init.uniform_(G.embedding.weight, -embedding, embedding)
    opt_G, opt_D = (
        torch.optim.Adam(player.parameters(), lr=learning_rate, betas=(beta1, 0.999), fused=True) for player in (G, D)
    )
    fabric = Fabric(accelerator=accelerator, devices=1, precision=precision)
    return Game(G, D, losses[setting], opt_G, opt_D, fabric=fabric)


# %%
z_many = torch.randn(len(y_many), nets[system].Generator.z_dim, generator=torch.Generator().manual_seed(seed + 1))


def measured(game: Game, epoch: int) -> dict[str, float]:
    """The measures of section 4, every few epochs and in the last; GAN-train in the last only."""
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


# %%
game = new_game(setting)
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
        run.save(partial(measured, game, epoch))

# %% [markdown]
# ## 6. What it draws
#
# In each panel a row is a class and a column one noise $z$; the panels are four of the columns after more and more
# epochs.

# %%
if not run.pictures:
    raise RuntimeError("nothing is drawn yet: let the cell above play at least one whole epoch")
shown = sorted({int(i) for i in np.geomspace(1, len(run.pictures), 6).round()})
fig, axes = plt.subplots(1, len(shown), figsize=(10, 0.46 * K))
for ax, epoch in zip(np.atleast_1d(axes), shown, strict=True):
    ax.imshow(imread(run.pictures[epoch - 1])[:, : 4 * (size + 2) + 2], interpolation="nearest")
    ax.set_axis_off()
    ax.set_title(f"epoch {epoch}", fontsize=9)

fig, (left, right) = plt.subplots(1, 2, figsize=(10, 0.5 * K))
plots.grid(left, real_images(10)[0], nrow=10, title="real")
plots.grid(
    right, sample(game, z_grid, y_grid), nrow=10, title=f"{setting}, epoch {run.epoch}: a row is what was asked for"
)
plt.show()

# %% [markdown]
# Cover the left side and name the digits on the right: would a stranger say what each row was asked to be? And are
# there as many hands in a row as on the left?
#
# ### The curves of two heads
#
# A dotted line marks what a head pays that knows nothing: $\log 2$ for the score, $\log K$ for the classes.

# %%
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

last = rounds.query("epoch == epoch.max()").mean()
print(f"in the last epoch D tells real from fake in {last[['acc_real', 'acc_fake']].mean():.0%} of the cases,", end=" ")
print(f"and names the class of {last['named_real']:.0%} of the real and of {last['named_fake']:.0%} of the fake images")

# %% [markdown]
# The left pair is the fight that you know from notebook 1. The right pair is no fight: with the class terms in the
# game, both curves of the class loss fall. Keep the last number in mind. It is what report B calls *class accuracy*, and
# it says that $G$ and $D$ **agree** what a 3 is. Whether it is what *you* call a 3, only somebody else can tell.

# %% tags=["claims"]
pays = rounds.groupby("epoch")[["class_real", "class_fake"]].mean()
claim("both curves of the class loss fall.", setting == "plain" or (pays.iloc[-1] < pays.iloc[0] / 2).all())

# %% [markdown]
# ## 7. Over time

# %%
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
    ax.set(title=title, xlabel="epochs played", ylabel=unit, xlim=(0, None), ylim=(0, None))
plt.show()

for epoch, found in quality.iloc[[len(quality) // 4, -1]].iterrows():
    print(f"epoch {epoch}: kernel distance {found['kernel_distance']:.2f}, GAN-test {found['gan_test']:.0%}", end=", ")
    print(f"coverage {found['coverage']:.0%}")

# %% [markdown]
# ## 8. Class by class
#
# Now somebody else judges: the classifiers of the real images, which have never met $G$.

# %%
x_many = sample(game, z_many, y_many).cpu()
each = judge.by_class(x_many, y_many)
print(f"GAN-train {gan_train(x_many, y_many, judge.reference, steps=judge_steps, seed=seed):.0%}", end="; ")
print(
    f"of the samples, D's own class head named {last['named_fake']:.0%} as asked, the classifiers {each['GAN-test'].mean():.0%}"
)
beside = reachable[["variety", "coverage"]].add_suffix(", unseen images")
each.join(beside).round(2)

# %%
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
# Compare the rows with one another. Is a class drawn well because it is easy, or because $G$ plays it safe and always
# draws the same? GAN-test alone cannot tell, variety and coverage can.

# %% [markdown]
# ## 9. Does conditioning help, and what does it cost?
#
# One run proves nothing. So these games were trained with ten seeds, at the sizes above, and measured after the last
# epoch. The learning rate is the best of three for the AC-GAN and for the plain GAN, with two other seeds. The table is
# `results/03_acgan.csv`; `results/README.md` has the command. Runs of one seed start alike, so each game is compared with
# the plain GAN *of the same seed*. Each field has the mean, whether that is higher or
# lower than the plain GAN's, and Student's 95 % interval of the mean difference. Where it holds 0, no difference is found.
# A star marks a difference that is still there after Holm's correction for all the comparisons of the table. GAN-test,
# variety and coverage are means over the classes.

# %%
kinds = list(losses)
table = seeds.table("03_acgan").query("setting in @kinds")
print(
    f"{table['seed'].nunique()} seeds, {table['epochs'].max()} epochs each, widths {table['width'].max():g} and {table['width_D'].max():g}\n"
)
settings = ["plain", *(name for name in losses if name != "plain" and name in set(table["setting"]))]
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
change = pd.concat([seeds.paired(table, measure).assign(measure=measure) for measure in measures])
change["p_holm"] = seeds.holm(change["p"])
fields = {}
for row in change.itertuples():
    beside = f", {seeds.finding(row)} ({row.low:+.2f} to {row.high:+.2f})"
    fields[measures[row.measure], row.setting] = f"{row.mean:.2f}{beside if row.setting != 'plain' else ''}"
print(f"correlation of the runs of one seed: median {change['correlation'].median():+.2f},", end=" ")
print(f"negative in {(change['correlation'] < 0).sum()} of {change['correlation'].count()}")
pd.Series(fields).unstack()[settings].loc[list(measures.values())]

# %%
fig, axes = plt.subplots(2, 4, figsize=(11, 5), layout="constrained")
for ax, (measure, title) in zip(axes.flat, measures.items(), strict=True):
    wide = table.pivot(index="seed", columns="setting", values=measure)[settings]
    place = np.arange(len(settings))
    ax.plot(place, wide.T, "o-", color="grey", markersize=3, linewidth=0.6)
    ax.hlines(wide.mean(), place - 0.25, place + 0.25, color="black", linewidth=2)
    ax.set_title(title, fontsize=9)
    ax.set_xticks(place, [name.replace(" ", "\n") for name in settings], fontsize=7)
    ax.set_ylim(bottom=0)
fig.suptitle("one seed in each line; a bar is the mean over the seeds", fontsize=10)
plt.show()

# %% [markdown]
# Read it measure by measure, with section 4 at hand. Does the plain GAN's GAN-test differ from chance, one in $K$? (It
# gets labels, and nothing makes it care.) Is the AC-GAN nearer to the real images, in kernel distance, and does it reach more of
# them, in coverage? Variety says how different the samples of a class are from one another: the real images are at 1,
# and what is above may be bad drawings as well as bold ones.
#
# With these seeds the AC-GAN is nearer to the real images than its plain twin and reaches more of them, and it draws what
# it is asked for, where the twin is at chance. That holds for this network and these images, and for no others. To see what
# the plain GAN draws, set `setting` to `plain` and run the notebook again.

# %% tags=["claims"]
acgan = change[change["setting"] == "AC-GAN"].set_index("measure")
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

# %% [markdown]
# ## 10. What the class terms want
#
# Does an AC-GAN have to pay for its obedience with variety? Here is a case that can be computed. Let the real "images"
# be numbers, those of class 0 normal around $-1$ and those of class 1 around $+1$, both with deviation 1, so that the
# classes **overlap**. Let $p_y(x)$ be half the density of class $y$, $q_y(x)$ that of the samples made for it, and $p$,
# $q$ their sums over $y$. Whatever $G$ does, let $D$ always give its best answers, those that maximise (1) and (2):
#
# $$ D^*(x) = \frac{p(x)}{p(x) + q(x)} \qquad\qquad P^*(y \mid x) = \frac{p_y(x) + q_y(x)}{p(x) + q(x)} \qquad (3)$$
#
# $G$ may choose any $q_y$. It starts at the truth, $q_y = p_y$, and descends on $L_S - w L_C$, with a weight $w$ of the
# class terms.

# %%
x = torch.linspace(-6, 6, 241, dtype=torch.float64)
p = torch.stack([torch.exp(-((x - mean) ** 2) / 2) for mean in (-1, 1)])
p = p / p.sum(1, keepdim=True) / 2  # (2, 241): p_y(x)


def played_out(w: float, steps: int = 2000) -> torch.Tensor:
    """Where G ends that starts at the truth, with a D that always gives its best answers: q_y(x), (2, 241)."""
    logits = p.log().requires_grad_()
    opt = torch.optim.Adam([logits], lr=0.03)
    for _ in range(steps):
        q = torch.softmax(logits, 1) / 2
        with torch.no_grad():
            D, P = p.sum(0) / (p + q).sum(0), (p + q) / (p + q).sum(0)  # (3)
        opt.zero_grad()
        (q * (torch.log(1 - D) - w * P.log())).sum().backward()
        opt.step()
    return (torch.softmax(logits, 1) / 2).detach()


made = {w: played_out(w) for w in (0.0, 0.1, 1.0, 3.0)}
fig, axes = plt.subplots(1, 4, figsize=(11, 2.6), sharey=True, layout="constrained")
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
axes[0].set_ylabel("density")
axes[0].legend(fontsize=7)
plt.show()

# %% [markdown]
# At $w = 0$ the truth is where $G$ stays. With each of the other weights the two classes part at 0. The score sees all
# samples together, $q$, and so it does not mind *who* draws a doubtful $x$; the class terms do, and give each to the
# class that it resembles more. A 1 that could be taken for a 7 would not be drawn when a 1 is asked for. With the largest
# weight $G$ also leaves the doubtful region around 0, though the score punishes that, and draws what is more typical
# than the real images. So **an AC-GAN loses the images on which the classes overlap** (Shu et al., 2017, and Gong et
# al., 2019, who repair it).

# %% tags=["claims"]
claim("At $w = 0$ the truth is where $G$ stays.", abs(made[0.0] - p).sum() < 0.05)
other_side = [2 * made[w][1][x < 0].sum() for w in (0.1, 1.0, 3.0)]
claim("With each of the other weights the two classes part at 0.", max(other_side) < 0.05)
sure = (p / p.sum(0)).max(0).values  # how sure the best classifier of the real images is at x
drawn = {w: q.sum(0) for w, q in made.items()}
doubtful = {w: (q[abs(x) < 0.5].sum() / p.sum(0)[abs(x) < 0.5].sum()).item() for w, q in drawn.items()}
claim(
    "With the largest weight $G$ also leaves the doubtful region around 0, though the score punishes that, and draws what "
    "is more typical than the real images.",
    doubtful[3.0] < 0.6 and doubtful[0.1] > 0.8 and (drawn[3.0] @ sure) > (p.sum(0) @ sure) + 0.03,
)

# %% [markdown]
# How much is that with these digits? The classifiers tell. These are the held-out images of each class of which they are
# most and least sure:

# %%
p_class = judge.probabilities(held_out.batch(slice(None))[0])
nats = -p_class[torch.arange(len(held_out)), held_out.labels].log()
fig, axes = plt.subplots(1, 2, figsize=(9, 0.5 * K + 0.3), layout="constrained")
for ax, name, sign in zip(axes, ("most", "least"), (1, -1), strict=True):
    order = (sign * nats).argsort()
    chosen = order[some_of_each(held_out.labels[order], 9)]
    plots.grid(ax, held_out.batch(chosen)[0], nrow=9, title=f"the {name} typical real images")
plt.show()
print(
    f"{(nats < 0.1).double().mean():.0%} of the real images cost these classifiers less than 0.1 nats",
    end="; ",
)
in_doubt = (nats > np.log(2)).double().mean()
print(f"{in_doubt:.1%} cost more than log 2: these are in doubt")

# %% [markdown]
# Few of these digits are in doubt, so there is little to lose. A loss of variety, where section 9 finds one, needs
# another cause, and in report A's network there is one.

# %% tags=["claims"]
claim("Few of these digits are in doubt", in_doubt < 0.05)

# %% [markdown]
# ### A class that falls silent
#
# Section 3 showed how report A's generator is told the class: by the *size* of the numbers in $z \odot e_y$. Of two
# classes, one may be told by silence, $e_y = 0$, and then $z$ has no say. With the report's small start, silence is
# near.

# %%
small = {}
for measure in ("least_variety", "least_coverage", "gan_test", "kernel_distance"):
    row = seeds.paired(table, measure, against="AC-GAN").set_index("setting").loc["small embedding"]
    small[measure] = row
    print(
        f"{measures[measure]}: small embedding {row['mean']:.2f}, the AC-GAN's {row['mean'] - row['difference']:.2f};",
        end=" ",
    )
    print(
        f"difference {row['difference']:+.2f} ({row['low']:+.2f} to {row['high']:+.2f}): {seeds.verdict(row['low'], row['high'])}"
    )
silent = table.query("setting == 'small embedding'")["least_variety"]
print(
    f"in {(silent < 0.5).sum()} of {len(silent)} games with a small embedding one class has less than half of its variety"
)

if system == "A4":
    sizes = game.G.embedding.weight.detach().norm(dim=1).cpu()
    for k, name in enumerate(images.classes):
        print(f"this run, {name!r}: |e_y| = {sizes[k]:.2f}, variety {each['variety'].iloc[k]:.2f}")

# %% [markdown]
# With the report's start the least varied class has less variety, and fewer of the images of the least covered class are
# reached. A row of a grid with the same drawing in each column is what this looks like. GAN-test does not show it: no
# difference is found there. One good drawing, over and over, is always right.

# %% tags=["claims"]
less = small["least_variety"]["high"] < 0
claim("With the report's start the least varied class has less variety", less, small["least_variety"])
fewer = small["least_coverage"]["high"] < 0
claim("fewer of the images of the least covered class are reached.", fewer, small["least_coverage"])
unseen_by_it = small["gan_test"]["low"] < 0 < small["gan_test"]["high"]
claim("GAN-test does not show it: no difference is found there.", unseen_by_it, small["gan_test"])

# %% [markdown]
# ## 11. A walk between classes
#
# The network never saw a label but those of the classes, yet what it gets are numbers, and they can lie between two
# classes: the share $t$ of one and $1 - t$ of the other. Choose a class and move its $z$ along the directions in which
# it changes most; then go over to another class with the same $z$. (Where there is no live kernel you see static
# walks.)

# %%
class_explorer(game, images.classes)

# %% [markdown]
# On the right side, does the digit change smoothly on its way, or does it snap from one class to the next? And does the
# same $z$ mean the same hand in different classes: slant, thickness, size?

# %% [markdown]
# ## Exercises
#
# **1. The price of a whisper.** In section 10 a very small weight $w > 0$ would part the classes at 0 and leave $q = p$. So
# the samples made for class 1 would follow the right half of $p$, scaled to 1. What would be their deviation? Compute it,
# by hand or by numbers, and compare it with $w = 0.1$.

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
# <details><summary>Hint</summary>The right half of the mixture is the distribution of $|x|$ with $x \sim N(1, 1)$, so the
# mean of $x^2$ is 2. Its mean you get on a fine grid.</details>
#
# **2. Another way to condition: one cell, one GAN.** An AC-GAN's $D$ *names* the class. A conditional GAN (Mirza and
# Osindero, 2014) *tells* $D$ the class and asks only for a score: is this a real image **of class $y$**? There is no
# class term, and no typical digits are preferred. The projection discriminator (Miyato and Koyama, 2018) does so with
# the features $h(x)$ of the trunk and a learned vector $v_y$ for each class:
#
# $$ s(x, y) = a \cdot h(x) + b + v_y \cdot h(x) \qquad (4)$$
#
# Write it on A4's trunk, and train with it. `play` already passes the labels to $D$.


# %%
class Projection(nn.Module):
    def __init__(self, classes: int):
        super().__init__()
        D = nets[system].Discriminator(classes=classes, channels=channels, width=width_D)
        self.trunk, self.linear = D.trunk, D.score  # h(x), and a . h + b
        ### BEGIN SOLUTION
        self.v = nn.Embedding(classes, self.linear.in_features)
        ### END SOLUTION

    def forward(self, x, y):
        # self.trunk(x) is h
        ### BEGIN SOLUTION
        h = self.trunk(x)
        return self.linear(h).squeeze(1) + (self.v(y) * h).sum(1)
        ### END SOLUTION


# %%
exercises.check_conditional(Projection(K), images)

# %% [markdown]
# <details><summary>Hint</summary>In <code>__init__</code>: <code>self.v = nn.Embedding(classes,
# self.linear.in_features)</code>. In <code>forward</code> add <code>(self.v(y) * h).sum(1)</code>. Then a game is
# <code>Game(G, D, NonSaturating(), opt_G, opt_D)</code> with this $D$, and <code>for epoch in range(epochs): for played
# in play(game, images, batch_size=batch_size, epoch=epoch): pass</code> plays it. Measure it with
# <code>judge.by_class</code>. For Mirza and Osindero's, append a map of $K$ channels, 1 in channel $y$, to the
# image.</details>
#
# **3. Any source** (open). The class terms stand beside any loss on scores. Train `AuxiliaryClassifier(Wasserstein())` with
# `project=partial(clip_weights, c=0.03)` and `n_critic=3` (notebook 4). What do the weights of the two terms have to do
# with each other now?
# <details><summary>Hint</summary>A Wasserstein score has no unit: with other limits of the weights, (1) is larger or
# smaller, and so the class terms count less or more. <code>AuxiliaryClassifier(..., weight=...)</code> sets
# them.</details>
#
# **4. Between and beyond** (open). `sample(game, z, shares)` takes shares of the classes, (N, K). Draw half a 3 and half a 5;
# twice a 3 minus a 5; a fifth of everything. What does the classifier say, and how sure is it?
# <details><summary>Hint</summary><code>shares = 2 * torch.eye(K)[2] - torch.eye(K)[4]</code>, then
# <code>shares.expand(10, K)</code>.</details>
#
# **5. Half of $L_C$** (open). In (2) $D$ is asked for the classes of fakes as well, however bad they still are. Is that of use?
# Train `real classes only` with the seeds of section 9, and compare with `seeds.paired`.
# <details><summary>Hint</summary>In a terminal, <code>gan-lab sweep notebooks/03_acgan.ipynb -f
# notebooks/parameters/03_sweep.yaml --grid "setting=AC-GAN,real classes only" --grid seed=0,1,2,3,4 --out runs/half</code>,
# then <code>gan-lab table runs/half half.csv</code>; here, <code>seeds.paired(pd.read_csv("half.csv"),
# "kernel_distance", against="AC-GAN")</code>.</details>
