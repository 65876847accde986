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
# **Question.** The DCGAN is from 2015. Since then, many ideas were published that should help a GAN, above
# all one that has few images. Which of them pays on a thousand images, in three minutes on a laptop?
#
# You meet eight ideas of ten years. Each is a small change of the same game, and you see what it gives over several
# seeds, in the same time and in the same number of rounds. Some give nothing here, and that is said, too. Then you
# train one yourself, in about a minute, and play with a generator that is trained already: it looks for the digit that
# you draw.
#
# You need notebook 1, and of notebook 2 what the judge measures.
#
# **Time.** 30 minutes to read; three to compute, on two cores.

# %% tags=["hide-input"]
import inspect
from functools import partial

import matplotlib.pyplot as plt
import pandas as pd
import torch
from IPython.display import display
from lightning_fabric import Fabric
from matplotlib.image import imread

from gan_lab import pretrained
from gan_lab.augmentation import spectrum
from gan_lab.data.hold_out import load_with_held_out
from gan_lab.latent import invert, slerp, truncated_noise
from gan_lab.lessons import exercises, ladder
from gan_lab.lessons.claims import claim
from gan_lab.measure import seeds
from gan_lab.measure.judge import Judge
from gan_lab.moves import affine, cutout, translate
from gan_lab.parameters import check_parameters
from gan_lab.runs import Run
from gan_lab.shipped import RESULTS
from gan_lab.show import plots
from gan_lab.show.drawing import inverter
from gan_lab.show.film import film
from gan_lab.show.widgets import Dashboard, class_explorer, explorer
from gan_lab.training import bare, play, sample

plt.style.use(plots.STYLE)

# %% [markdown]
# ## Parameters
#
# Change a line, and run the notebook from here on: the next cell of code checks what you wrote.
#
# With images of your own (`data_dir`) the text still describes the bundled digits: read *class* where it says *digit*.
# A line *Does not hold here* names a sentence that is not true of your run. The tables of ten seeds are of the
# digits, whatever `data_dir` is.

# %% tags=["parameters"]
data_dir: str = ""  # the images; "" is the bundled digits [a folder, or one of MNIST, FashionMNIST, KMNIST]
idea: str = "labels"  # which game is trained in section 8 [one of DCGAN, augmentation, adaptive, spectral norm, hinge, R1, R3GAN, labels]
epochs: int = 25  # passes over the images [at least 1]
search_steps: int = 100  # steps in which the noise of an image is looked for [at least 1]
seed: int = 0  # of the weights, the noise and the order of the images [at least 0]
# The others can stay as they are.
batch_size: int = 16  # images of each kind that D sees before a step [at least 2, at most the images in data_dir]
measure_every: int = 5  # epochs between two measurements of the quality [at least 1]
accelerator: str = "auto"  # where to train [one of auto, cpu, cuda, mps]
run_dir: str = ""  # where the runs are kept; "" makes a folder in runs/ named after the parameters

# %% [markdown]
# ## 1. The start, and how ideas are compared
#
# All games below have the same $G$ and the same $D$, except for the norm in $D$ and for the part that tells them a
# label. They are those of `gan_lab.networks.dcgan`: three convolutions of stride 2 on each side, by the guidelines of
# notebook 1. (Notebook 1's were also told the labels. Here labels are an idea of their own, in section 5, and the game
# *DCGAN* has none: its numbers are worse than those that you have seen there.) All have
# batches of 16 and Adam with steps of 0.001. The judge of notebook 2 compares samples with held-out images:
#
# * **kernel distance**: how far the samples are from the real images; 0 is best;
# * **coverage**: the share of the real images that have a sample near them;
# * **sure**: the share of the samples that the judge's classifiers can name, with a probability above 0.99;
# * **copying**: whether samples lie nearer to the training images than unseen real images do: 1/2 if they lie as near,
#   1 for copies, less if they lie farther away.
#
# For *coverage* and *sure* the goal is what unseen real images get, printed below, and for *copying* it is 1/2: nearer
# to the goal is better, and a value above it is not better than the goal. (Of *copying* this is no proof: a few copies among samples that lie far away
# give 1/2, too. Look at neighbours, as in notebook 1. With images of your own two goals are printed: yours is for section 8,
# that of the bundled digits for the tables of the other sections.)
#
# An idea is a function that sets up a game. This is the start:

# %%
check_parameters(globals())
images, held_out = load_with_held_out(data_dir, size=32)
K = len(images.classes)
judge = Judge(images, held_out, seed=seed)
judge_of_digits = Judge(*load_with_held_out(size=32), seed=seed) if data_dir else judge
print(f"{len(images)} images to train on. Unseen real images get:")
for one_judge in dict.fromkeys([judge, judge_of_digits]):
    sure = one_judge.sure(one_judge.unseen.batch(slice(None))[0])
    goal = "kernel distance {kernel_distance:.2f}, coverage {coverage:.0%}".format(**one_judge.floor)
    print(f"    {one_judge.images.name}: {goal}, sure {sure:.0%}")
print(inspect.getsource(ladder.game_of))
print(inspect.getsource(ladder.plain))

# %% [markdown]
# ## 2. The first idea: draw with an average of $G$
#
# Each step of $G$ answers the last steps of $D$, so $G$ wanders. An *exponential moving average* of its weights $w_n$
# is steadier (Karras et al., 2018):
#
# $$ a_1 = w_1, \qquad a_n = \beta\, a_{n-1} + (1 - \beta)\, w_n \qquad (1)$$
#
# It looks back over about $1 / (1 - \beta)$ steps; here $\beta = 0.998$. $D$ plays against $G$, and we draw with the
# average. It costs next to nothing. (Batch norm's mean and variance are no weights. They are estimated anew for the
# average, from fresh noise; `gan_lab/average.py` says why.)
#
# ## 3. Augmentation: the same few images, seen in many ways
#
# With a thousand images $D$ learns them in part by heart, as notebook 1 showed: it gave them higher scores than real
# images that it had not seen. Now let every image, **real or fake**, be
# moved at random before $D$ sees it. With probability $p$ an image $x$ becomes $g(x)$, and the move $g$ is drawn for this
# image alone:

# %% tags=["hide-input"]
#| fig-alt: >
#|   Six images, each four times: as they are; shifted; turned, scaled and slanted; with a square cut out. Each time
#|   the move is another one.
few, _ = images.batch(torch.arange(0, len(images), max(1, len(images) // 6))[:6])
rows = few.repeat_interleave(4, 0)  # each image four times
torch.manual_seed(seed)
seen = {"as they are": rows, "shifted": translate(rows), "turned, scaled, slanted": affine(rows), "cut": cutout(rows)}
fig, axes = plt.subplots(1, 4, figsize=(11, 4.6))
for ax, (name, x) in zip(axes, seen.items(), strict=True):
    plots.grid(ax, x, nrow=4, title=name)
plt.show()

# %% [markdown]
# The games below shift, and turn, scale and slant. (The cut is shown beside them; none of them uses it.)

# %%
print(f"MOVES = {', '.join(move.__name__ for move in ladder.MOVES)}; P = {ladder.P}\n")
print(inspect.getsource(ladder.augmentation))

# %% [markdown]
# ### What leaks
#
# $G$ learns to draw what looks like the real images *after both were moved*. If $P$ is the distribution of the images,
# $D$ sees
#
# $$ T P = (1 - p)\, P + p\, \mathbb{E}_g[\, g P\, ] \qquad (2)$$
#
# where $gP$ is the distribution of moved images. If $T$ can be undone, then $T P_{fake} = T P_{real}$ only where
# $P_{fake} = P_{real}$, and nothing is lost. If it cannot, $G$ may draw moved images, and $D$ cannot tell: the
# augmentation **leaks**. Take the mirror, and let $a$ be the share of an image as it is, $b$ that of its mirror image.
# $T$ makes $\big((1 - p)\, a + p\, b,\; p\, a + (1 - p)\, b\big)$ of $(a, b)$, a matrix of 2 x 2: the sum $a + b$ stays, and
# the difference $a - b$ is multiplied by $1 - 2 p$. These two factors, $1$ and $1 - 2 p$, are its eigenvalues. $T$ can be
# undone if none of them is 0. In general let the moves be $g = 0, \dots, n - 1$, where move 0 changes nothing, and move
# $g$ after move $h$ is move $g + h$ (modulo $n$), like the quarter turns of a square. If move $g$ has the probability
# $d_g$, $T$ is a matrix of $n \times n$, and its eigenvalues are a Fourier transform:
#
# $$ \lambda_k = 1 - p + p \sum_{g=0}^{n-1} d_g\, e^{-2 \pi i k g / n}, \qquad k = 0, \dots, n - 1 \qquad (3)$$
#
# **Predict.** At which $p$ does the mirror leak? (It has $n = 2$, $d_0 = 0$ and $d_1 = 1$.)

# %%
p_of = torch.linspace(0, 1, 101)
none = [0.0] * 13
cycles = {
    "a mirror": torch.tensor([0.0, 1.0]),
    # d[g] for g = 0, ..., 15: shifts on a ring of 16 places, where a shift by -1 is one by 15
    "a shift by -1, 0 or 1 of 16": torch.tensor([1 / 3, 1 / 3, *none, 1 / 3]),
    "a shift by a - b, both 0 or 1": torch.tensor([1 / 2, 1 / 4, *none, 1 / 4]),
}
least = {name: torch.stack([spectrum(d, float(p)).abs().min() for p in p_of]) for name, d in cycles.items()}

# %% tags=["hide-input"]
#| fig-alt: >
#|   The least absolute value of the eigenvalues over p, for three cycles of moves: a mirror's falls to 0 at one half and
#|   rises again; a shift drawn evenly reaches 0 at three quarters, and twice more; one drawn as a difference only at 1.
fig, ax = plt.subplots(figsize=(7, 3))
for (name, smallest), style in zip(least.items(), ("-", "--", ":"), strict=True):
    ax.plot(p_of, smallest, style, label=name)
ax.set(title="how near the nearest eigenvalue is to 0", xlabel="p", ylabel=r"least $|\lambda_k|$", ylim=(0, None))
ax.legend(fontsize=8)
plt.show()

# %% [markdown]
# Below $p = 1/2$ nothing leaks, whatever the moves: the images that were not moved are the larger part, and the others
# cannot cancel them. So none of the three curves is 0 there. (The game above has two moves, one after the other, each
# with $p = 0.4$. Only $0.6^2 = 36$ % of its images are not moved at all, and still nothing leaks: each of the two can
# be undone, so both can.) A mirror leaks at exactly $1/2$: then half of the images are mirrored, and nobody can say
# which half. The shift by $-1$, 0 or 1 leaks first at $3/4$, and twice more where other eigenvalues pass through 0.
# Drawn as $a - b$, with $a$ and $b$ drawn independently and in the same way, it leaks nowhere below $p = 1$. `translate`
# and `affine` of `gan_lab/moves.py` are drawn so (and digits have a margin, so that a shift pushes nothing out of the
# frame). The other moves there leak nowhere below $p = 1$, either; their docstrings say why. `Augmented` refuses a $p$ at
# which a move may leak.

# %% tags=["claims"]
claim("none of the three curves is 0 there.", min(v[p_of < 0.5].min() for v in least.values()) > 0.01)
claim("A mirror leaks at exactly $1/2$", least["a mirror"][50] < 1e-6 < least["a mirror"][49])
even, difference = least["a shift by -1, 0 or 1 of 16"], least["a shift by a - b, both 0 or 1"]
claim("shift by $-1$, 0 or 1 leaks first at $3/4$", even[75] < 1e-6 < even[:75].min())
claim("it leaks nowhere below $p = 1$.", (difference >= 1 - p_of - 1e-6).all())

# %% [markdown]
# ### How large should $p$ be?
#
# *Adaptive* augmentation finds it (Karras et al., 2020). (From here on $D(x)$ is the score itself, as in the code.)
# While $D$ is too sure of the training images, $p$ grows, and else it falls. With the score $D(x)$ and the average
# $\mathbb{E}_x$ over the last few batches of real images,
#
# $$ r = \mathbb{E}_x\big[\operatorname{sign} D(x)\big], \qquad p \leftarrow p + \delta\, \operatorname{sign}(r - 0.6) \qquad (4)$$
#
# where $p$ begins at 0, is kept between 0 and 0.8, and $\delta$ is so small that it takes 80,000 images at least to 0.8.

# %% [markdown]
# ## 4. Three ways to hold the discriminator
#
# A $D$ that may be as steep as it likes becomes sure of every image. Its slope at the fakes, which $G$ follows, then says
# how sure it is, and not how far away the real images are (notebook 2). So its steepness is limited. In place of $D$'s
# batch norm:
#
# * **Spectral norm** (Miyato et al., 2018): each layer's weights $W$ are divided by their largest singular value, the
#   most by which $W$ can lengthen a vector: $W / \sigma(W)$, where $\sigma$ is not the sigmoid. It is often used
#   with the **hinge loss** (Lim and Ye, 2017). Here the game *spectral norm* still has the loss of notebook 1, and the
#   game *hinge* has both. In the hinge loss $D$ pays for a score only until it is beyond 1 for real images, and
#   beyond $-1$ for fake ones: $\mathbb{E}_x[\max(0, 1 - D(x))] + \mathbb{E}_z[\max(0, 1 + D(G(z)))]$. $G$ minimises
#   $-\mathbb{E}_z[D(G(z))]$, as in notebook 4.
# * **R1** (Mescheder et al., 2018) is a penalty on the slope of $D$ at the real images, with the gradient $\nabla$ in
#   $x$: $\tfrac{\gamma}{2}\, \mathbb{E}_x\big[\lVert \nabla D(x) \rVert^2\big]$.
# * **R3GAN** (Huang et al., 2024) has R1, the same at the fake images (R2), and the loss of Jolicoeur-Martineau
#   (2018), which compares each fake image with a real one: $\mathbb{E}\big[\log(1 + e^{-(D(x) - D(G(z)))})\big]$ for
#   $D$, and for $G$ the same with $D(x)$ and $D(G(z))$ exchanged. (The paper's R3GAN also has a new, larger network.
#   Here only its loss and penalties are played, with the network of all the others.)
#
# ## 5. Labels
#
# The images come with labels $y$, and in this notebook nobody has used them so far. Now, as in notebook 1, both players
# are told (Mirza and Osindero, 2014):
# $G(z, y)$ draws an image of class $y$, and $D$ answers whether $x$ is a real image *of class $y$*. It does so with the
# features $h(x)$ that go into its last layer, this layer's weights $u$ and bias $b$, and a learned vector $v_y$ for each
# class (Miyato and Koyama, 2018):
#
# $$ D(x, y) = u \cdot h(x) + b + v_y \cdot h(x) \qquad (5)$$
#
# The first two terms are the score of a $D$ that is told nothing.
#
# ## 6. Which idea pays?
#
# **Predict.** Average, augmentation, adaptive augmentation, spectral norm, hinge, R1, R3GAN, labels. Which two will
# help most? Which will do nothing?
#
# Each game was trained with several seeds on the bundled digits, for as many rounds as are three minutes on two cores.
# Here is what one of the seeds draws in the end. The first sample of every idea is drawn from the same $z$, and so on.
# (*Labels* is asked for 1, 2, 3, 4, 5 in turn.)

# %% tags=["hide-input"]
#| fig-alt: >
#|   Two rows of twenty digits for each idea. With labels nearly all can be named; with the plain game many cannot.
fig, axes = plt.subplots(len(ladder.IDEAS), 1, figsize=(10, 9.6))
for ax, name in zip(axes, ladder.IDEAS, strict=True):
    ax.imshow(imread(RESULTS / "06_drawings" / f"{name}.png"), cmap="gray")
    ax.set_title(name, loc="left", fontsize=9)
    ax.set_axis_off()
plt.show()

# %% [markdown]
# Now the numbers. A round of R3GAN costs more than twice as much as one of the DCGAN, because of its two penalties,
# each of which differentiates a gradient once more. So each game is measured after as many rounds as it plays in three
# minutes, and all of them also after the same number of rounds. Each idea is compared with the one that it is built on,
# seed by seed. (The row *DCGAN* is the average of section 2: the same trainings, drawn with the average and with $G$
# itself. All other rows have the average, too, and from *augmentation* on the same augmentation, with $p = 0.4$ except for
# *adaptive*. The learning rate and $\gamma$, 1 for R1 and R2, were chosen with two other seeds; another
# choice might suit an idea better.)

# %%
table = seeds.table("06_ladder")
measures = {"kernel_distance": "kernel distance", "coverage": "coverage", "sure": "sure", "copying_features": "copying"}


def rungs(n: int, at: str) -> pd.DataFrame:
    """What each idea changes, for n images."""
    return ladder.climbed(table.query("images == @n and at == @at"), measures)


in_time, in_rounds = rungs(1005, "180 s"), rungs(1005, "steps")

# %% tags=["hide-input"]
#| fig-alt: >
#|   Four plots, one for each measure. For each idea two dots with intervals, in three minutes and in equal rounds:
#|   what it changes beside the idea that it is built on. In coverage, sure and copying the largest changes are those of
#|   labels; in kernel distance the average's interval is the widest.
fig, axes = plt.subplots(1, 4, figsize=(11, 4), sharey=True, layout="constrained")
for ax, (measure, name) in zip(axes, measures.items(), strict=True):
    for rows, label, shift in ((in_time, "in three minutes", -0.15), (in_rounds, "in equal rounds", 0.15)):
        better = {"kernel_distance": "lower", "copying_features": "nearer to 1/2"}.get(measure, "higher")
        title = f"{name}\n({better} is better)"
        plots.differences(ax, rows[rows["measure"] == measure], by="idea", title=title, label=label, shift=shift)
    ax.set_xlabel("difference", fontsize=8)
axes[0].set_yticks(range(8), [f"{idea}\nbeside {below}" for idea, below in ladder.BELOW.items()], fontsize=7)
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
plt.show()

# %% [markdown]
# A dot is the mean difference, a bar its 95 % interval; the dot is full where the interval misses 0. In brackets stands
# what is better, up to the goals of section 1. (*Labels* passes that of *sure* in equal rounds, and with fewer images. It
# is asked for each class equally often, as the real images have them, which alone lowers the kernel distance a little.)
# In numbers, for
# three minutes: the mean, and what the interval of the difference says. Among 32 comparisons one or two miss 0 by
# chance alone. A star marks a difference that is left after Holm's correction for all of them (notebook 2); one without
# a star is a hint.


# %% tags=["hide-input"]
def in_words(rows: pd.DataFrame) -> pd.DataFrame:
    """A row an idea, a column a measure: the mean, the verdict, and the interval of the difference."""
    said = [f"{r.mean:.2f}, {seeds.finding(r)} ({r.low:+.2f} to {r.high:+.2f})" for r in rows.itertuples()]
    wide = rows.assign(said=said, name=rows["measure"].map(measures)).pivot(index="idea", columns="name", values="said")
    return wide.loc[list(dict.fromkeys(rows["idea"])), list(measures.values())].rename_axis(None, axis=1)


print(f"{table.query('images == 1005')['seed'].nunique()} seeds")
in_words(in_time)

# %% [markdown]
# **Labels pay most.** $G$ covers more of the real images, and far more of its samples can be named.
#
# **The average** costs next to nothing. After three minutes, in each of the ten seeds the average covers more than $G$
# itself, and yet the interval holds 0. One of the games was caught in a bad moment, when $G$ itself covered 20 % of the
# real images, and the average of the same $G$ 68 %. This one large gain makes the interval wide: Student's takes roughly
# normal differences. (Ten equal signs come by chance once in 512 times; among 32 comparisons this is a hint.) In kernel
# distance no difference is found. After equal rounds, which are fewer, the average covers more.
#
# **Spectral norm or R1, used instead of $D$'s batch norm, pays, but not at once.** After three minutes the kernel distance is lower
# with spectral norm, and with R1, than with batch norm. After the first minute they cover less of the real images than
# batch norm does. (These two games also do without $D$'s batch norm, and under R1 $D$'s weights begin larger. A game
# without batch norm and without a hold was not played, so which of the two pays is not known.)

# %%
after_a_minute = rungs(1005, "60 s")
in_words(after_a_minute)

# %% [markdown]
# **Of some ideas no reliable gain in kernel distance is found after three minutes.** Hinge beside spectral norm: in kernel
# distance no difference is found. Augmentation, with a thousand images: it is lower, but that is not left after the
# correction. More of its samples can be named, and that is left. Adaptive augmentation covers less than the fixed $p$,
# and the gap grows from the first minute to the third. Its $p$ begins at 0, and passes 0.4 after a minute at the
# soonest. That alone is no explanation: fewer of its samples can be named than of the DCGAN's, which has no
# augmentation at all (a small difference, for which we looked afterwards). How far $p$ came, the table does not say.
# R3GAN covers less than R1 alone. In three minutes it plays fewer rounds, but after equal rounds it covers less, too (a
# hint).

# %% tags=["claims"]
of_time, of_minute = (rows.set_index(["idea", "measure"]) for rows in (in_time, after_a_minute))
told = [of_time.loc[("labels", measure)] for measure in ("coverage", "sure")]
more = all(row["low"] > 0 for row in told)
claim(
    "$G$ covers more of the real images, and far more of its samples can be named.",
    more and told[1]["low"] > 0.2,
    *told,
)
averaged = [of_time.loc[("DCGAN", measure)] for measure in ("kernel_distance", "coverage")]
of_distance, of_coverage = (seeds.finding(row)[:2] == "no" for row in averaged)
claim("and yet the interval holds 0.", of_coverage, averaged[1])
claim("In kernel distance no difference is found. After equal rounds", of_distance, averaged[0])
both = table.query("images == 1005 and at == '180 s'").pivot(index="seed", columns="idea", values="coverage")
gain = both["DCGAN"] - both["DCGAN, no average"]
claim("in each of the ten seeds the average covers more than $G$ itself", len(gain) == 10 and (gain > 0).all())
worst = both.loc[both["DCGAN, no average"].idxmin()].round(2)
claim(
    "when $G$ itself covered 20 % of the real images, and the average of the same $G$ 68 %.",
    worst["DCGAN, no average"] == 0.20 and worst["DCGAN"] == 0.68,
)
equal = in_rounds.set_index(["idea", "measure"]).loc[("DCGAN", "coverage")]
more = equal["low"] > 0 and equal["p_holm"] < 0.05
claim("After equal rounds, which are fewer, the average covers more.", more, equal)
held = [of_time.loc[(idea, "kernel_distance")] for idea in ("spectral norm", "R1")]
lower = all(row["high"] < 0 for row in held)
claim(
    "After three minutes the kernel distance is lower with spectral norm, and with R1, than with batch norm.",
    lower,
    *held,
)
early = [of_minute.loc[(idea, "coverage")] for idea in ("spectral norm", "R1")]
less = all(row["high"] < 0 for row in early)
claim("After the first minute they cover less of the real images than batch norm does", less, *early)

# %% tags=["claims"]
hinged, moved = (of_time.loc[(idea, "kernel_distance")] for idea in ("hinge", "augmentation"))
claim(
    "Hinge beside spectral norm: in kernel distance no difference is found.", seeds.finding(hinged)[:2] == "no", hinged
)
claim("it is lower, but that is not left after the correction.", moved["high"] < 0 and moved["p_holm"] > 0.05, moved)
named = of_time.loc[("augmentation", "sure")]
claim("More of its samples can be named, and that is left.", named["low"] > 0 and named["p_holm"] < 0.05, named)
slow, early = (rows.loc[("adaptive", "coverage")] for rows in (of_time, of_minute))
claim("Adaptive augmentation covers less than the fixed $p$", slow["high"] < 0, slow)
claim("the gap grows from the first minute to the third.", slow["difference"] < early["difference"] - 0.02)
ended = table.query("images == 1005 and at == '180 s' and idea in ['adaptive', 'DCGAN']")
(below,) = seeds.paired(ended, "sure", by="idea", against="DCGAN").query("idea == 'adaptive'").itertuples()
claim("fewer of its samples can be named than of the DCGAN's", below.high < 0, below)
costly, equal = (rows.set_index(["idea", "measure"]).loc[("R3GAN", "coverage")] for rows in (in_time, in_rounds))
claim("R3GAN covers less than R1 alone", costly["high"] < 0, costly)
claim("after equal rounds it covers less, too (a hint).", equal["high"] < 0 and equal["p_holm"] > 0.05, equal)

# %% [markdown]
# ## 7. Fewer images still
#
# The same with 300 and with 100 images, as many of each class, in one minute. The judge is that of all the thousand
# images. So *copying* asks here whether samples lie near any of the thousand: it finds exact copies of the hundred, and
# near-copies less well.
#
# **Predict.** Without which idea does the game with 100 images fail?

# %%
fewer = {n: rungs(n, "60 s") for n in (300, 100)}
for n, rows in fewer.items():
    print(f"{n} images, {table.query('images == @n')['seed'].nunique()} seeds")
    display(in_words(rows))

# %% [markdown]
# With 100 images and without augmentation the average of $G$ draws no sample that can be named in five of the ten
# trainings, and in the best one 35 % of them. ($G$ itself draws none in five trainings, too; in three both draw none.) With
# augmentation more can, and at least 30 % in each. With 300 images it gives nothing that we find, in
# kernel distance. Labels, on top of augmentation, let far more samples be named, with 300 images and with 100.

# %% tags=["claims"]
of_100, of_300 = (fewer[n].set_index(["idea", "measure"]) for n in (100, 300))
minute = table.query("images == 100 and at == '60 s'").pivot(index="seed", columns="idea", values="sure")
plain, raw = minute["DCGAN"], minute["DCGAN, no average"]
claim("no sample that can be named in five of the ten trainings", (plain == 0).sum() == 5 and len(plain) == 10)
claim("$G$ itself draws none in five trainings, too; in three both draw none.", (raw == 0).sum() == 5)
claim("in three both draw none.", ((raw == 0) & (plain == 0)).sum() == 3)
claim("in the best one 35 % of them.", f"{plain.max():.0%}" == "35%")
with_moves = table.query("images == 100 and idea == 'augmentation' and at == '60 s'")["sure"]
moved, told = of_100.loc[("augmentation", "sure")], [of.loc[("labels", "sure")] for of in (of_300, of_100)]
claim("With augmentation more can, and at least 30 % in each.", moved["low"] > 0 and with_moves.min() >= 0.3, moved)
nothing = of_300.loc[("augmentation", "kernel_distance")]
claim("With 300 images it gives nothing that we find, in kernel distance.", seeds.finding(nothing)[:2] == "no", nothing)
most = all(row["low"] > 0 and row["difference"] > 0.3 for row in told)
claim("Labels, on top of augmentation, let far more samples be named, with 300 images and with 100.", most, *told)

# %% [markdown]
# ## 8. Train one
#
# `idea` names the game; its average draws after each epoch, ten samples of each class in a row where it is told the
# class.

# %%
torch.manual_seed(seed)
game = ladder.IDEAS[idea](images, fabric=Fabric(accelerator=accelerator, devices=1))
rules = ladder.rules(idea)
run = Run(idea, game, images, run_dir, batch_size=batch_size, seed=seed, round=rules)
y, y_rows = torch.arange(judge.n) % K, torch.arange(K).repeat_interleave(10)
z, z_rows = (torch.randn(len(n), game.z_dim, generator=torch.Generator().manual_seed(seed + 1)) for n in (y, y_rows))


def measured(epoch: int) -> dict[str, float]:
    if epoch % measure_every and epoch != epochs:
        return {}
    x = sample(game, z, y).clamp(-1, 1)
    return judge(x)[["kernel_distance", "coverage"]].to_dict() | {"sure": judge.sure(x)}


# %%
#| fig-alt: >
#|   The training as it stands at the end: the curves of its losses, and ten samples of each class in a row.
with Dashboard(run) as board:
    for epoch in run.epochs(epochs):
        async for played in board.watch(play(game, images, batch_size=batch_size, epoch=epoch, seed=seed, round=rules)):
            run.log(played)
        if board.stopped:
            break
        run.picture(sample(game, z_rows, y_rows), nrow=10)
        run.save(partial(measured, epoch))

# %%
last = run.measured.dropna(subset=["kernel_distance"]).iloc[-1]
print(f"after epoch {last['epoch']:.0f}: kernel distance {last['kernel_distance']:.3f}", end=", ")
print(f"coverage {last['coverage']:.0%}, sure {last['sure']:.0%}")

# %% tags=["hide-input"]
#| fig-alt: >
#|   Left, a row for each class, which changes along the direction in which its drawings change most. Right, a row for
#|   each class, which goes over to the next one with the same noise. (Without classes: walks along the directions in
#|   which the drawings change most, a row each.)
if hasattr(bare(game.G), "classes"):  # it is told a class
    class_explorer(game, images.classes)
else:
    explorer(game)

# %% [markdown]
# ## 9. What to do with a generator
#
# `gan_lab.pretrained` has two generators that were trained for ten thousand rounds on the bundled digits, one that draws
# digits as they come and one that is asked for a digit. What follows needs no training.
#
# **Truncation** (Brock et al., 2019). Draw $z$ without its rare values, $|z_i| \le c$.
#
# **Predict.** What happens to
# precision, the share of samples that lie where real images do, and what to coverage?

# %%
G_asked = pretrained.digits_by_class()
noises = {most: truncated_noise(judge_of_digits.n, G_asked.z_dim, most) for most in (3.0, 1.0, 0.3)}
truncated = {most: judge_of_digits(G_asked(z, torch.arange(len(z)) % 5)) for most, z in noises.items()}

# %% tags=["hide-input"]
#| fig-alt: >
#|   Three grids of digits: the smaller c, the cleaner the digits, and the more they are alike.
fig, axes = plt.subplots(1, 3, figsize=(11, 3))
for ax, (most, noise) in zip(axes, noises.items(), strict=True):
    title = f"c = {most:g}: precision {truncated[most]['precision']:.0%}, coverage {truncated[most]['coverage']:.0%}"
    plots.grid(ax, G_asked(noise[:40], torch.arange(5).repeat_interleave(8)), title=title)
plt.show()

# %% [markdown]
# The smaller $c$, the more samples lie where real images do, and the fewer of the real images are covered: what is rare
# is given up. It costs no training, so the pictures of a paper may be truncated. Ask for the $c$.

# %% tags=["claims"]
precision, covered = ([truncated[most][of] for most in (3.0, 1.0, 0.3)] for of in ("precision", "coverage"))
trade = precision == sorted(precision) and covered == sorted(covered, reverse=True)
claim(
    "The smaller $c$, the more samples lie where real images do, and the fewer of the real images are covered",
    trade and covered[-1] < covered[0] / 1.5,
)

# %% [markdown]
# **Inversion** (Zhu et al., 2016). Which $z$ draws *this* image $x$? Look for it by gradient descent on
#
# $$ \frac{1}{m} \lVert G(z) - x \rVert^2 + \frac{\rho}{Z} \lVert z \rVert^2 \qquad (6)$$
#
# with $m$ pixels, $Z$ entries of $z$, and a small $\rho$: the second term keeps $z$ where $G$ was trained. Draw a
# digit from 1 to 5, and see the nearest one that $G$ can draw. Then draw a 7, or a face. (Where there is no live
# kernel, held-out digits stand in for your drawings.)

# %%
#| fig-alt: >
#|   Eight held-out digits, and below each the nearest one that the generator can draw.
G_free = pretrained.digits()
_, held_out_digits = load_with_held_out(size=32)
eight, _ = held_out_digits.batch(torch.arange(0, len(held_out_digits), len(held_out_digits) // 8)[:8])
inverter(G_free, eight, steps=search_steps)

# %% [markdown]
# **A film.** From the $z$ of one held-out digit to that of another, along the sphere (notebook 1), and so on around:

# %%
stops, error = invert(G_free, eight[::2], steps=search_steps)
t = torch.linspace(0, 1, 13)[:-1]
walk = torch.cat([slerp(a[None], b[None], t) for a, b in zip(stops, stops.roll(-1, 0), strict=True)])
film(G_free(walk), alt="a film in which one handwritten digit turns into the next, four in turn")

# %% [markdown]
# ## What to take along
#
# * Use what you know of your images: with a thousand of them, labels raised the coverage and the share that can be named most.
# * With a hundred images, and no labels, the average of $G$ drew nothing that can be named in half of the games without
#   augmentation, and in none of those with it; below $p = 1/2$ augmentation does not leak.
# * Spectral norm or R1, used instead of $D$'s batch norm, pays if there is time for it.
# * Compare ideas in the same time *and* in the same number of rounds, over several seeds. Some of them give nothing
#   here, and may do so elsewhere.
#
# ## Exercises
#
# **1. The average.** Write (1): the average of a list of weights, which begins with the first of them. (A step of
# `gan_lab/average.py` does one turn of your loop.)


# %%
def average(weights: list[torch.Tensor], beta: float) -> torch.Tensor:
    a = weights[0]
    ### BEGIN SOLUTION
    for w in weights[1:]:
        a = beta * a + (1 - beta) * w
    ### END SOLUTION
    return a


# %%
exercises.check_average(average)

# %% [markdown]
# <details><summary>Hint</summary>The average keeps the share <code>beta</code> of itself and takes <code>1 - beta</code>
# of the new weights. Write <code>a = ...</code>, and not <code>a += ...</code>, which would change the first
# weights.</details>
#
# **2. When does it leak?** By (3), what is the smallest $p$ at which one of the eigenvalues is 0? Do it by hand for a
# mirror; for one of the quarter turns 1, 2 and 3, each as likely; and for one of 0, 1, 2 and 3.

# %%
leaks_at = {"a mirror": None, "1, 2 or 3 quarter turns": None, "0 to 3 quarter turns": None}
### BEGIN SOLUTION
leaks_at = {"a mirror": 1 / 2, "1, 2 or 3 quarter turns": 3 / 4, "0 to 3 quarter turns": 1}
### END SOLUTION

# %%
exercises.check_leaks_at(leaks_at)

# %% [markdown]
# <details><summary>Hint</summary>The sum over all four quarter turns is 0 for each $k \ne 0$, so the sum over the turns
# 1, 2 and 3 is $-1$. With $d_g = 1/3$ it is $-1/3$, and $\lambda_k = 1 - p - p/3$.</details>
#
# **3. A move of your own.** Write `erase`: of each image a square of 8 x 8 pixels becomes black, at a place that is drawn
# for this image. `Augmented` takes it as it is, for $p < 1/2$. Where would it leak?


# %%
def erase(x: torch.Tensor) -> torch.Tensor:
    """x: (N, C, H, W) in [-1, 1] -> the same shape."""
    ### BEGIN SOLUTION
    row, column = torch.randint(x.shape[2] - 7, (2, len(x), 1, 1, 1))
    i = torch.arange(x.shape[2])
    inside = (i[:, None] >= row) & (i[:, None] < row + 8) & (i >= column) & (i < column + 8)
    return torch.where(inside, -1.0, x)
    ### END SOLUTION


# %%
exercises.check_erase(erase)

# %% [markdown]
# <details><summary>Hint</summary>Draw the corners of all squares at once, <code>torch.randint(25, (2, len(x), 1, 1,
# 1))</code>. Where <code>i = torch.arange(32)</code>, <code>(i[:, None] >= row) & (i[:, None] < row + 8)</code> are the
# rows of each square, (N, 1, 32, 1). <code>torch.where</code> does the rest. It leaks at $p = 1$ only: to erase the
# same square twice is to erase it once, see <code>cutout</code> in <code>gan_lab/moves.py</code>. (<code>Augmented</code>
# cannot know this: it refuses from 1/2 on what is not marked by <code>safe_below_1</code>.)</details>
#
# **4. The loss of pairs.** Write R3GAN's loss: the $i$-th real image of a batch is compared with the $i$-th fake one.
# $D$'s is in section 4; $G$'s is the same with the scores exchanged.


# %%
class Pairs:
    def d_loss(self, real, fake, y):
        ### BEGIN SOLUTION
        return torch.nn.functional.softplus(fake - real).mean()
        ### END SOLUTION

    def g_loss(self, fake, y, real):
        ### BEGIN SOLUTION
        return torch.nn.functional.softplus(real - fake).mean()
        ### END SOLUTION


# %%
exercises.check_pairs(Pairs())

# %% [markdown]
# <details><summary>Hint</summary>$\log(1 + e^{-t})$ is <code>torch.nn.functional.softplus(-t)</code>, which never
# overflows. The game is then <code>ladder.game_of(*ladder.players_without_norm(images), Pairs(), penalty=...)</code>, and
# <code>play(..., round=relativistic_round)</code> gives $G$'s loss the real scores.</details>
#
# **5. An idea of your own** (open). Nearly everything here is a function that sets up a game (two ideas also change the rules
# of a round, see `ladder.rules`). Write one that combines what paid: labels with hinge, labels with R1, a wider network.
# Train it as in section 8, and compare it with `labels` after as many epochs, over three seeds.
# <details><summary>Hint</summary>Write <code>def mine(images, **more)</code> after <code>ladder.labels</code>. In a new cell
# above section 8's first one: <code>ladder.IDEAS["mine"] = mine; idea = "mine"</code>. Run section 8 from there, with
# <code>seed = 0</code>, 1 and 2, and the same with <code>idea = "labels"</code>. Three seeds are a hint and no proof: do the
# differences of the three pairs agree in sign?</details>
#
# ## Sources
#
# * A. Brock, J. Donahue, K. Simonyan, *Large scale GAN training for high fidelity natural image synthesis*, 2019.
# * N. Huang, A. Gokaslan, V. Kuleshov, J. Tompkin, *The GAN is dead; long live the GAN! A modern GAN baseline*, 2024.
# * A. Jolicoeur-Martineau, *The relativistic discriminator: a key element missing from standard GAN*, 2018.
# * T. Karras, T. Aila, S. Laine, J. Lehtinen, *Progressive growing of GANs for improved quality, stability, and
#   variation*, 2018.
# * T. Karras, M. Aittala, J. Hellsten, S. Laine, J. Lehtinen, T. Aila, *Training generative adversarial networks with
#   limited data*, 2020.
# * J. H. Lim, J. C. Ye, *Geometric GAN*, 2017.
# * L. Mescheder, A. Geiger, S. Nowozin, *Which training methods for GANs do actually converge?*, 2018.
# * M. Mirza, S. Osindero, *Conditional generative adversarial nets*, 2014.
# * T. Miyato, T. Kataoka, M. Koyama, Y. Yoshida, *Spectral normalization for generative adversarial networks*, 2018.
# * T. Miyato, M. Koyama, *cGANs with projection discriminator*, 2018.
# * J.-Y. Zhu, P. Krähenbühl, E. Shechtman, A. Efros, *Generative visual manipulation on the natural image manifold*, 2016.
