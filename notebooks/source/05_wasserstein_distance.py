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
# # 5. The Wasserstein distance, seen and computed
#
# **Question.** A generator makes a cloud of images, and the data are another cloud. How far apart are the two? The
# answer decides what the generator can learn: where the distance is flat, its gradient is zero, and training stands
# still.
#
# A GAN measures with the Jensen-Shannon divergence, a Wasserstein GAN with the Wasserstein distance. This notebook
# takes both apart, from four piles of earth to the critic of a WGAN. Every number in it is computed where it stands.
#
# You should have read notebooks 1 and 4. You do not need measure theory: a *distribution* (of probability) is a list of
# numbers, none below 0, that sum to 1, one for each place, until a section says otherwise.
#
# **Time.** 45 minutes to read, 20 more for what is marked as deeper; about two to compute, on two cores.

# %% tags=["hide-input"]
import copy
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import ot
import torch
from lightning_fabric import Fabric
from scipy.cluster.vq import kmeans2
from scipy.optimize import linprog
from torch import nn

from gan_lab.data.images import load_images
from gan_lab.lessons import exercises, piles
from gan_lab.lessons.claims import claim
from gan_lab.lipschitz import clip_weights, gradient_penalty
from gan_lab.losses import NonSaturating, Wasserstein
from gan_lab.measure.seeds import against_truth, interval
from gan_lab.parameters import check_parameters
from gan_lab.show import plots, transport_plots
from gan_lab.show.colours import FAKE, NEITHER, REAL
from gan_lab.theory import dirac_gan
from gan_lab.theory.divergences import js, kl, total_variation
from gan_lab.theory.transport import earth_mover, wasserstein1
from gan_lab.training import Game, play

plt.style.use(plots.STYLE)

# %% [markdown]
# ## Parameters
#
# Change a line, and run the notebook from here on: the next cell of code checks what you wrote.
#
# With images of your own (`data_dir`) the text still describes the bundled digits: read *class* where it says *digit*.
# A line *Does not hold here* names a sentence that is not true of your run.

# %% tags=["parameters"]
seed: int = 0  # every random number follows from it [at least 0]
data_dir: str = ""  # for sections 7 to 9; "" is the bundled digits [a folder, or one of MNIST, FashionMNIST, KMNIST]
epochs: int = 25  # how long the generator of section 7 is trained [at least 3]
steps: int = 600  # of a discriminator or critic; twice as many in section 7, half as many in section 9 [at least 20]
largest_sample: int = 512  # points in the largest sample of section 8 [at least 64, at most 2000]

# %%
check_parameters(globals())

torch.manual_seed(seed)
rng = np.random.default_rng(seed)
images = load_images(data_dir, size=16)

# %% [markdown]
# ## 1. Piles of earth
#
# Four piles of earth stand at the places 0, 1, 2, 3. They hold $P = (3, 2, 1, 4)$ shovelfuls, and are wanted as
# $Q = (1, 2, 4, 3)$. Carrying one shovelful from place $i$ to place $j$ is work $|i - j|$.
#
# **Predict.** How much work does it take, if you are clever?
#
# On a line there is a short answer. Look at the gap between place $i$ and place $i + 1$. To its left there are
# $P_0 + \dots + P_i$ shovelfuls, and $Q_0 + \dots + Q_i$ are wanted there. The surplus
#
# $$\delta_i = \sum_{k \le i} (P_k - Q_k) \qquad (1)$$
#
# has to be carried across this gap, whatever else you do (to the left, if it is negative), and nobody has to carry more
# than that. Each gap is one step wide, so the least work is
#
# $$W(P, Q) = \sum_i |\delta_i| . \qquad (2)$$

# %% tags=["nbval-check-output", "context"]
P, Q = np.array([3, 2, 1, 4]), np.array([1, 2, 4, 3])
delta = np.cumsum(P - Q)  # (1)
W = np.abs(delta).sum()  # (2)

print(f"carried across each gap: delta = {delta}")
print(f"W = {' + '.join(str(d) for d in abs(delta))} = {W} shovelfuls x steps")
print(f"as probabilities: W = {W} / {P.sum()} = {W / P.sum()} steps")

# %% tags=["hide-input"]
#| fig-alt: >
#|   Left, the four piles as they are and as they are wanted, side by side. Right, a bar for each gap between two
#|   places: what must cross it, upwards to the right and downwards to the left.
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3))
transport_plots.heaps(left, P, Q)
left.set_title("The piles as they are, and as they are wanted", fontsize=10)
right.bar(np.arange(3) + 0.5, delta[:3], width=0.9, color=NEITHER)
right.axhline(0, color="black", linewidth=0.8)
right.set(xlabel="place", ylabel="$\\delta$ (shovelfuls, to the right)", xticks=range(4), yticks=range(-1, 3))
right.set_title("What must cross each gap: the area is W", fontsize=10)
plt.show()

# %% [markdown]
# The work is the area between 0 and the bars of $\delta$. Counted in shovelfuls it grows with the amount of earth.
# Divided by the total, the piles become probabilities, and $W$ becomes *the average distance that a unit of probability
# is carried*, here in steps. That is the Wasserstein-1 distance of notebook 4, printed as W1 below, and the form used
# for GANs. Its unit is that of the axis on which the points lie: meters for places, gray levels for pixels. (Exercise 1
# asks you to write (1) and (2) for any piles.)
#
# ## 2. The plan
#
# Images do not lie on a line, so we need a way without gaps. Let us write down *who goes where*: a **plan** (or
# coupling) is a table whose entry $\gamma_{ij} \ge 0$ says how much goes from place $i$ to place $j$. Row $i$ must sum
# to what is there, column $j$ to what is wanted. Among all plans, take the cheapest:
#
# $$\begin{aligned} W(P, Q) &= \min_{\gamma \ge 0} \sum_{ij} \gamma_{ij} c_{ij} \\
#   \text{with} & \quad \sum_j \gamma_{ij} = P_i, \quad \sum_i \gamma_{ij} = Q_j . \end{aligned} \qquad (3)$$
#
# Here $c_{ij} = |i - j|$, but any distance will do. What is minimised is linear in $\gamma$, and so are the conditions:
# (3) is a **linear program**, and a solver finds its exact minimum.

# %%
places = np.arange(4)
cost = np.abs(places[:, None] - places)  # (4, 4): c[i, j] = |i - j|

leaves = np.kron(np.eye(4), np.ones(4))  # (4, 16): row i sums gamma[i, :]
arrives = np.kron(np.ones(4), np.eye(4))  # (4, 16): row j sums gamma[:, j]
program = linprog(cost.ravel(), A_eq=np.vstack([leaves, arrives]), b_eq=np.concatenate([P, Q]))

print(f"least work {program.fun:g}, with the plan")
print(program.x.reshape(4, 4).round().astype(int))

# %% [markdown]
# From now on `earth_mover(P, Q, cost)` does this for us, and hands back the distance and the plan.

# %%
best = earth_mover(P, Q, cost)

# %% tags=["hide-input"]
#| fig-alt: >
#|   Left, the plan as arrows from the piles above to the piles below, wide where much is carried. Right, the same
#|   plan as a matrix with its sums; what lies on the diagonal stays where it is.
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6))
transport_plots.coupling_arrows(left, best.plan, title=f"An optimal plan: {best.distance:g} shovelfuls x steps")
transport_plots.coupling_matrix(right, best.plan, title="The same plan as a matrix")
plt.show()

# %% [markdown]
# What lies on the diagonal of the matrix stays where it is (gray arrows), the rest moves. The rows sum to $P$, the
# columns to $Q$. The two plans you have just seen may differ: two shovelfuls can go from 0 to 2, or from 0 to 1 while
# two others go from 1 to 2. The work is the same. *The distance is unique, the plan is not.*

# %% tags=["claims"]
straight = [[1, 0, 2, 0], [0, 2, 0, 0], [0, 0, 1, 0], [0, 0, 1, 3]]
relayed = [[1, 2, 0, 0], [0, 0, 2, 0], [0, 0, 1, 0], [0, 0, 1, 3]]
both = [np.sum(plan * cost) for plan in (straight, relayed)]
claim("The work is the same.", np.allclose([*both, program.fun], best.distance))

# %% [markdown]
# Now you. Shovel the piles into the wanted shape, and watch what your moves waste: the work so far, plus the least work
# that is still needed, minus the least work from the start. (Without a live notebook, the picture shows an optimum.)

# %%
#| fig-alt: >
#|   The piles after an optimal plan, beside the piles that are wanted, with the moves that were made and their work.
piles.by_hand(P, Q)

# %% [markdown]
# ## 3. Other rulers
#
# A GAN does not measure work. Its ruler belongs to another family, the *divergences*, which compare *place with place*
# and never ask how far apart two places are. For distributions $p$ and $q$:
#
# | | definition | range |
# |---|---|---|
# | Kullback-Leibler | $\mathrm{KL}(p\,\Vert\,q) = \sum_i p_i \log \frac{p_i}{q_i}$ | $0$ to $\infty$ |
# | reverse KL | $\mathrm{KL}(q\,\Vert\,p)$ | $0$ to $\infty$ |
# | Jensen-Shannon | $\mathrm{JSD}(p, q) = \frac12 \mathrm{KL}(p\,\Vert\,m) + \frac12 \mathrm{KL}(q\,\Vert\,m), \quad m = \frac{p + q}{2}$ | $0$ to $\log 2$ |
# | total variation | $\mathrm{TV}(p, q) = \frac12 \sum_i \lvert p_i - q_i \rvert$ | $0$ to $1$ |
# | Wasserstein | (3) | $0$ to the farthest distance |
#
# The logarithm is the natural one, so the unit of the first three is the nat.
#
# **Predict.** The same four piles are put at other places, both $p$ and $q$ in the same way. Which of the five change?

# %% tags=["nbval-check-output"]
p, q = P / P.sum(), Q / Q.sum()
shuffle = [2, 0, 3, 1]  # the same piles at other places


def rulers(p, q, cost):
    return {
        "KL(p||q)": kl(p, q),
        "KL(q||p)": kl(q, p),
        "JSD": js(p, q),
        "TV": total_variation(p, q),
        "W": earth_mover(p, q, cost).distance,
    }


# %% tags=["nbval-check-output", "hide-input"]
print("                       " + "".join(f"{name:>10}" for name in rulers(p, q, cost)))
for name, (a, b) in {
    "the piles": (p, q),
    "the piles, shuffled": (p[shuffle], q[shuffle]),
    "q has lost a mode": ([0.5, 0, 0, 0.5], [1, 0, 0, 0]),
    "p has lost a mode": ([1, 0, 0, 0], [0.5, 0, 0, 0.5]),
}.items():
    print(f"{name:<23}" + "".join(f"{value:10.4f}" for value in rulers(a, b, cost).values()))

# %% [markdown]
# * Shuffling the places changes only $W$. The others do not know which places are neighbours.
# * KL is not symmetric. It is infinite as soon as $p$ has mass where $q$ has none. So a model $q$ that misses a mode of
#   the data $p$ is punished without limit by $\mathrm{KL}(p\,\|\,q)$, which is why a model fitted by maximum likelihood
#   leaves no mode out. The reverse KL charges $\log 2$ for losing half of the data.

# %% tags=["claims"]
*before, W_before = rulers(p, q, cost).values()
*after, W_after = rulers(p[shuffle], q[shuffle], cost).values()
claim("Shuffling the places changes only $W$.", np.allclose(before, after) and abs(W_before - W_after) > 0.05)
lost = kl([1, 0, 0, 0], [0.5, 0, 0, 0.5])
claim(r"The reverse KL charges $\log 2$ for losing half of the data.", np.isclose(lost, np.log(2)))

# %% [markdown]
# Next, slide a heap, nine places wide, away from itself and watch all five.
#
# **Predict.** Which of the five still tell *far* from *very far* once the heaps no longer overlap?

# %%
heap = np.convolve(np.ones(5), np.ones(5)) / 25  # a triangle, nine places wide
shifts = np.arange(0, 21)
line = np.arange(30)
apart = np.abs(line[:, None] - line)
here = np.pad(heap, (0, 21))
curves = [rulers(here, np.roll(here, shift), apart) for shift in shifts]

# %% tags=["hide-input"]
#| fig-alt: >
#|   Four plots over the shift of a heap. KL jumps from 0 to infinity at the first step. JSD and TV rise while the
#|   heaps overlap and are flat from there on. W rises evenly all the way.
panels = {"KL(p||q) and KL(q||p)": "nats", "JSD": "nats", "TV": "probability", "W": "places"}
fig, axes = plt.subplots(1, 4, figsize=(12, 2.8))
for ax, (name, unit) in zip(axes, panels.items(), strict=True):
    value = np.array([curve[name.split(" ")[0]] for curve in curves])  # both KL are 0, then infinite
    ax.plot(shifts, np.where(np.isinf(value), 1, value), "o", markersize=3.5)
    ax.set(xlabel="shift (places)", ylabel=unit, title=name)
axes[0].set_yticks([0, 1], ["0", "∞"])
plt.show()

# %% [markdown]
# KL is infinite from the first step on, in both directions, because one place is already missing. JSD and TV grow while
# the heaps overlap, then they are flat: *far* and *very far* are the same to them. $W$ is the way itself, with the same
# slope everywhere. A generator learns by going down such a curve, and where it is flat there is nothing to go down.

# %% tags=["claims"]
one_way, back, jsd, tv, way = np.array([list(curve.values()) for curve in curves]).T
claim("KL is infinite from the first step on, in both directions", np.isinf([one_way[1:], back[1:]]).all())
grow = all((np.diff(value[:10]) > 0).all() and np.allclose(value[9:], value[-1]) for value in (jsd, tv))
claim("JSD and TV grow while the heaps overlap, then they are flat", grow)  # the heap is nine places wide
claim("$W$ is the way itself, with the same slope everywhere.", np.allclose(way, shifts))

# %% [markdown]
# ### What a discriminator measures
#
# A GAN's discriminator maximises $L(D) = \sum_i p_i \log D_i + q_i \log (1 - D_i)$ (notebook 1). How large can it get
# (Goodfellow et al., 2014)?
#
# 1. Each $D_i$ can be chosen by itself. The derivative, $\frac{p_i}{D_i} - \frac{q_i}{1 - D_i}$, is 0 at
#    $D^*_i = \frac{p_i}{p_i + q_i}$.
# 2. With $m = \frac{p + q}{2}$, this is $D^*_i = \frac{p_i}{2 m_i}$ and $1 - D^*_i = \frac{q_i}{2 m_i}$.
# 3. So $L(D^*)$ is $\sum_i p_i \log \frac{p_i}{m_i}$ plus $\sum_i q_i \log \frac{q_i}{m_i}$ minus $2 \log 2$: a $\log 2$
#    is taken out of each logarithm, and $p$ and $q$ sum to 1.
# 4. The two sums are $\mathrm{KL}(p\,\|\,m)$ and $\mathrm{KL}(q\,\|\,m)$, together twice the JSD:
#
# $$L(D^*) = 2\,\mathrm{JSD}(p, q) - 2 \log 2 . \qquad (4)$$
#
# Many texts, the printed WGAN paper among them, write the JSD without its two factors $\frac12$. Which one fits (4)?

# %% tags=["nbval-check-output"]
D = p / (p + q)
L = np.sum(p * np.log(D) + q * np.log(1 - D))
m = (p + q) / 2
without = kl(p, m) + kl(q, m)

print(f"L(D*)                          = {L:.5f}")
print(f"2 JSD - 2 log 2, with 1/2      = {2 * js(p, q) - 2 * np.log(2):.5f}")
print(f"2 JSD - 2 log 2, without 1/2   = {2 * without - 2 * np.log(2):.5f}")

# %% [markdown]
# (4) needs the halves. As a thing to minimise, twice the JSD does no harm. But it does not fit (4). Nor does it fit
# the statement that two distributions without a common place have JSD $\log 2$, which the WGAN paper makes too (Example
# 1): without the halves it would be $2 \log 2$.

# %% tags=["claims"]
with_halves, without_halves = 2 * js(p, q) - 2 * np.log(2), 2 * without - 2 * np.log(2)
claim("(4) needs the halves.", np.isclose(L, with_halves) and abs(L - without_halves) > 0.1)

# %% [markdown]
# ## 4. Two parallel lines
#
# The example that started the Wasserstein GAN (Arjovsky et al. 2017, Example 1). The data lie on a vertical line at
# $x = 0$, uniformly between heights 0 and 1. The generator produces the same line at $x = \theta$: one parameter, and
# the right answer is $\theta = 0$. Each line stands here as a column of points.
#
# **Predict.** At $\theta = 0.05$ the generator is nearly right. What do KL, JSD and $W$ say there, and at $\theta = 0.5$?

# %%
height = np.linspace(0, 1, 20)


def column(theta):
    return np.stack([np.full_like(height, theta), height], axis=1)  # (20, 2)


def on_all_places(x, y):
    """The points of x and of y as two distributions on all the places that occur."""
    every, place = np.unique(np.concatenate([x, y]), axis=0, return_inverse=True)
    count = [np.bincount(part, minlength=len(every)) for part in np.split(place.ravel(), [len(x)])]
    return count[0] / len(x), count[1] / len(y)


theta = np.linspace(-1, 1, 41)
data = column(0)
values = {
    "KL (nats)": [kl(*on_all_places(data, column(t))) for t in theta],
    "JSD (nats)": [js(*on_all_places(data, column(t))) for t in theta],
    "W (units of x)": [wasserstein1(data, column(t)) for t in theta],
}

# %% tags=["hide-input"]
#| fig-alt: >
#|   Left, the two vertical lines. Middle, over theta: KL is infinite and JSD is log 2 everywhere but at 0, W is the
#|   absolute value of theta. Right, the derivatives: JSD has 0, W has -1 or 1, KL none.
fig, axes = plt.subplots(1, 3, figsize=(11, 3.2))
axes[0].plot(*data.T, ".-", label="data, at 0")
axes[0].plot(*column(0.6).T, ".--", label="generator, at $\\theta$")
axes[0].annotate("", (0.05, 0.5), (0.55, 0.5), arrowprops={"arrowstyle": "->"})
axes[0].set(xlabel="x", ylabel="height", xlim=(-1, 1), ylim=(-0.1, 1.4), title="The two lines")
axes[0].legend(loc="upper center", ncols=2)
away = abs(theta) > 0.07  # at 0 itself there is no derivative
for (name, value), marker in zip(values.items(), "^os", strict=True):
    value = np.array(value)
    axes[1].plot(theta, np.where(np.isinf(value), 1.25, value), marker, markersize=3.5, linestyle="none", label=name)
    if np.isfinite(value).all():
        axes[2].plot(theta[away], np.gradient(value, theta)[away], marker, markersize=3.5, linestyle="none", label=name)
    else:
        axes[2].plot([], [], marker, linestyle="none", label=f"{name}: none")
axes[1].set_yticks([0, 0.25, 0.5, 0.75, 1, 1.25], ["0", "0.25", "0.5", "0.75", "1", "∞"])
axes[1].set(xlabel="$\\theta$", ylabel="value", title="Values", ylim=(-0.05, 1.9))
axes[2].set(xlabel="$\\theta$", ylabel="d value / d$\\theta$", title="Derivatives", ylim=(-1.1, 2))
for ax in axes[1:]:
    ax.legend(loc="upper center")
plt.show()

# %% tags=["nbval-check-output", "hide-input"]
for t in (-0.5, 0.0, 0.05, 0.5):
    a, b = on_all_places(data, column(t))
    print(
        f"theta {t:5.2f}:  KL {kl(a, b):.4f}  JSD {js(a, b):.4f}  TV {total_variation(a, b):.4f}"
        f"  W {wasserstein1(data, column(t)):.4f}"
    )
print(f"log 2 = {np.log(2):.4f}")

# %% [markdown]
# Unless the lines coincide exactly, KL is infinite and JSD is $\log 2$, at any distance: gradient descent on either
# learns nothing. $W = |\theta|$, with slope 1 toward the answer.
#
# This is more than an example. When distributions approach each other in KL, they do so in JSD and TV; when they do in
# these, they do in $W$; the reverse does not hold in general (Theorem 2 of the paper, for distributions on a compact
# set). For a generator that is a feed-forward network, $W$ is continuous in its weights and has a derivative almost
# everywhere, which need not hold for JSD and KL (Theorem 1 and Corollary 1).

# %% tags=["claims"]
infinite, ceiling, work = (np.array(value)[abs(theta) > 1e-9] for value in values.values())
blind = np.isinf(infinite).all() and np.allclose(ceiling, np.log(2))
claim(r"Unless the lines coincide exactly, KL is infinite and JSD is $\log 2$, at any distance", blind)
claim(r"$W = |\theta|$, with slope 1 toward the answer.", np.allclose(work, abs(theta[abs(theta) > 1e-9])))

# %% [markdown]
# ## 5. Prices instead of plans
#
# For all the images that a generator can draw, (3) is hopeless: a plan has an entry for every *pair* of images. The WGAN
# goes at the same number from another side.
#
# Suppose a carter, a man who carries goods in a cart, offers to do the work for you. He has two price lists: $f_i$ for
# each shovelful that he picks up at place $i$, and $g_j$ for each that he delivers at place $j$ (a price may be
# negative). You accept only if no trip costs more than doing it yourself: $f_i + g_j \le c_{ij}$. Within that, he earns
# as much as he can:
#
# $$\begin{aligned} & \max_{f, g} \; \sum_i f_i P_i + \sum_j g_j Q_j \\ & \text{with} \quad f_i + g_j \le c_{ij} . \end{aligned} \qquad (5)$$
#
# **He can never earn more than $W$.** Take any prices that you accept, and your best plan $\gamma$. Its rows sum to $P$
# and its columns to $Q$, so his bill can be split into trips, and each trip is charged at most what it costs:
#
# $$\begin{aligned} \sum_i f_i P_i + \sum_j g_j Q_j &= \sum_{ij} \gamma_{ij} (f_i + g_j) \\
#   &\le \sum_{ij} \gamma_{ij} c_{ij} = W . \end{aligned}$$
#
# **Duality** of linear programs says more: the best carter earns exactly $W$.

# %% tags=["nbval-check-output"]
carter = linprog(  # linprog minimises, so we hand it minus (5)
    -np.concatenate([P, Q]), A_ub=np.hstack([leaves.T, arrives.T]), b_ub=cost.ravel(), bounds=(None, None)
)
f, g = np.split(carter.x, 2)
f, g = f - f[0], g + f[0]  # a constant can move from one list to the other: let f start at 0

print(f"least work (3): {best.distance:g}     most income (5): {-carter.fun:g}")
print(f"f = {f}\ng = {g}")

# %% tags=["hide-input"]
for i, j in np.argwhere(best.plan > 0):
    print(f"{best.plan[i, j]:g} from {i} to {j}: price f + g = {f[i] + g[j]:g}, cost {cost[i, j]}")

# %% [markdown]
# Every trip that the plan makes is charged its full cost. That is how two answers to different questions prove each
# other: no carter can earn more, no plan can cost less.

# %% tags=["claims"]
charged = [np.isclose(f[i] + g[j], cost[i, j]) for i, j in np.argwhere(best.plan > 0)]
claim("Every trip that the plan makes is charged its full cost.", all(charged))
claim("the best carter earns exactly $W$.", np.isclose(-carter.fun, best.distance))
claim("he may as well choose $g = -f$, as he did just now.", np.allclose(g, -f))

# %% [markdown]
# ### One list is enough
#
# Both lists speak of the same places, and he may as well choose $g = -f$, as he did just now. In four steps:
#
# 1. Take any lists $f$, $g$ that you accept. Raise each price $f_i$ as far as you allow, to $f_i = \min_j (c_{ij} -
#    g_j)$. He earns no less.
# 2. *Now $f$ never changes by more than the distance.* Let the minimum for place $k$ be taken at $j$, so that
#    $f_k = c_{kj} - g_j$. For any other place, $f_i \le c_{ij} - g_j$ by step 1, and
#    $c_{ij} \le c_{ik} + c_{kj}$, the triangle inequality. Together, $f_i \le c_{ik} + f_k$.
# 3. *So you accept $-f$ in the place of $g$*: step 2 says $f_i + (-f_k) \le c_{ik}$ for all pairs.
# 4. *And he earns no less with it.* With $j = i$ in step 1, $f_i \le c_{ii} - g_i = -g_i$, so $-f_i \ge g_i$.
#
# A function that never changes by more than the distance, $f_i - f_j \le c_{ij}$ for all pairs, is called
# **1-Lipschitz**. So, with the maximum over all of these,
#
# $$W(P, Q) = \max_f \; \sum_i f_i P_i - \sum_i f_i Q_i , \quad (6)$$
#
# the **Kantorovich-Rubinstein duality**. It holds for all distributions with a finite mean distance (Villani 2009,
# Theorem 5.10 and Remark 6.5). Then the sums are averages, $W = \max_f \, \mathbb{E}_{x \sim P} f(x) - \mathbb{E}_{y
# \sim Q} f(y)$: what a WGAN's critic is trained to maximise, with the data as $P$ and what the generator makes as $Q$.
# ($W$ is the same in both directions; $f$ only changes its sign.)
#
# **Predict.** How much more does $f$ earn if it may change by twice the distance? By half of it?


# %% tags=["nbval-check-output"]
def lipschitz_dual(K):
    """(6) for functions that change by at most K times the distance; returns the maximum and the function."""
    differences = leaves.T - arrives.T  # (16, 4): row (i, j) is f_i - f_j
    program = linprog(-(P - Q), A_ub=differences, b_ub=K * cost.ravel(), bounds=(None, None))
    return -program.fun, program.x - program.x[0]


for K in (0.5, 1, 2, 5):
    value, f = lipschitz_dual(K)
    print(f"K = {K:<4g} maximum {value:5.2f} = {value / W:g} W      f = {f + 0.0}")

# %%
f = lipschitz_dual(1)[1]

# %% tags=["hide-input"]
#| fig-alt: >
#|   Left, the best 1-Lipschitz function over the four places: slopes of +1 and -1. Right, a bar for each gap: what
#|   the function earns there, minus its slope times what crosses the gap; together it is W.
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3))
left.plot(places, f, "o-")
left.set(xlabel="place", ylabel="f (steps)", xticks=places, title="The best f: slopes +1 and -1")
for i, slope in enumerate(np.diff(f)):
    left.text(i + 0.6, f[i] + slope / 2, f"{slope:+g}", va="bottom" if slope < 0 else "top")
earned = -np.diff(f) * delta[:3]
bars = right.bar(places[:3] + 0.5, earned, color=REAL, width=0.9)
labels = [f"{-slope:+g} x {d:+d}" for slope, d in zip(np.diff(f), delta[:3], strict=True)]
right.bar_label(bars, labels, label_type="center", color="white")
right.set(xlabel="place", ylabel="- slope of f x $\\delta$", xticks=places)
right.set_title(f"What f earns at each gap: together {earned.sum():g}")
plt.show()

# %% [markdown]
# $f$ falls with the full slope 1 where earth must go right and rises where it must go left, so each unit of earth earns
# 1 at each gap it crosses: the sum over the gaps is (2) again. Only differences of $f$ count; adding a constant to all
# of it changes nothing in (6). So a critic's *score* is no probability: it has no zero, and "accuracy at threshold 0"
# says nothing about it.
#
# The best $K$-Lipschitz $f$ earns $K$ times as much. If we know $K$, we divide. A WGAN that clips its weights knows only
# that *some* $K$ exists; section 6 shows how much that leaves open.

# %% tags=["claims"]
full = np.allclose(np.diff(f), -np.sign(delta[:3]))
claim("$f$ falls with the full slope 1 where earth must go right and rises where it must go left", full)
times = [np.isclose(lipschitz_dual(K)[0], K * W) for K in (0.5, 1, 2, 5)]
claim("The best $K$-Lipschitz $f$ earns $K$ times as much.", all(times))

# %% [markdown]
# ## 6. A discriminator and a critic
#
# The data are $\mathcal{N}(-4, 1)$, the generator produces $\mathcal{N}(4, 1)$. In this section distributions have
# densities; think of very many narrow places. First what is exact, summed over a fine grid.

# %% tags=["nbval-check-output"]
x = np.linspace(-14, 14, 28001)
dx = x[1] - x[0]
p_real, p_fake = (np.exp(-((x - mean) ** 2) / 2) / np.sqrt(2 * np.pi) for mean in (-4, 4))

distance = np.abs(np.cumsum(p_real - p_fake) * dx).sum() * dx  # (1) and (2)
flat = np.log(2) - js(p_real * dx, p_fake * dx)
D_star = p_real / (p_real + p_fake)

print(f"W1 = {distance:.4f}")
print(f"log 2 - JSD = {flat:.1e}")
print(f"D*(4) = {D_star[x.searchsorted(4)]:.1e}")

# %% [markdown]
# JSD is within that small number of its ceiling, and $D^*(4)$ is the probability with which the best discriminator
# takes the middle of the fake heap for real.
#
# Now train two opponents of this generator, which stays fixed: a discriminator, and a critic with the gradient penalty
# of Gulrajani et al. (2017; notebook 4). The loop is D's half of the game in the other notebooks.


# %%
def mlp(inputs, hidden=64, activation=nn.ReLU):
    first, second = nn.Linear(inputs, hidden), nn.Linear(hidden, hidden)
    return nn.Sequential(first, activation(), second, activation(), nn.Linear(hidden, 1), nn.Flatten(0))


def rounds(D, loss, real, fake, *, lr, steps=steps, penalty=None, project=None, optimizer=torch.optim.Adam):
    """D descends on its loss, the generator fixed: yields the number of each step before it is made.

    real and fake are functions that draw a batch.
    """
    opt = optimizer(D.parameters(), lr)
    for step in range(steps):
        yield step
        x, x_fake = real(), fake()
        d_loss = loss.d_loss(D(x), D(x_fake), None)
        if penalty:
            d_loss = d_loss + penalty(D, x, x_fake)
        opt.zero_grad()
        d_loss.backward()
        opt.step()
        if project:
            project(D)


# %%
def real_1d():
    return torch.randn(256, 1) - 4


def fake_1d():
    return torch.randn(256, 1) + 4


def value_and_slope(D, x):
    """D's score on the grid x, and its derivative."""
    points = torch.tensor(x, dtype=torch.float32)[:, None].requires_grad_()
    score = D(points)
    (slope,) = torch.autograd.grad(score.sum(), points)
    return score.detach().double().numpy(), slope[:, 0].double().numpy()


discriminator, critic = mlp(1), mlp(1)
for _ in rounds(discriminator, NonSaturating(), real_1d, fake_1d, lr=1e-3):
    pass
for _ in rounds(critic, Wasserstein(), real_1d, fake_1d, lr=1e-3, penalty=gradient_penalty):
    pass

# %% [markdown]
# The generator moves a fake point against the gradient of what it minimises. With a score $s(x)$ and the sigmoid of it,
# $D = \sigma(s) = 1 / (1 + e^{-s})$, whose derivative by $x$ is $D\,(1 - D)\,s'$, that gradient has the length
#
# $$\begin{aligned} \left|\tfrac{d}{dx} \log(1 - D)\right| &= D\,|s'| \\
#   \left|\tfrac{d}{dx} (-\log D)\right| &= (1 - D)\,|s'| \\
#   \left|\tfrac{d}{dx} (-f)\right| &= |f'| \end{aligned} \qquad (7)$$
#
# for the saturating GAN, the non-saturating GAN and the WGAN.
#
# **Predict.** At the fake points, around 4, $D$ is nearly 0. Which of the three pushes is left? And which change if both
# opponents are trained three times as long?

# %%
grid = np.linspace(-8, 8, 401)


def outputs_and_pushes():
    """The outputs D and f on the grid, and the three lengths (7)."""
    (s, ds), (f, df) = value_and_slope(discriminator, grid), value_and_slope(critic, grid)
    D = 1 / (1 + np.exp(-s))
    return D, f, {"saturating": D * abs(ds), "non-saturating": (1 - D) * abs(ds), "critic": abs(df)}


# %%
D, f, pushes = outputs_and_pushes()

# %% tags=["hide-input"]
#| fig-alt: >
#|   Left, the two heaps, the trained discriminator, which steps from 1 to 0 between them, and the trained critic,
#|   which falls evenly. Right, the push that a fake point gets, on a logarithmic scale: at the fake points that of
#|   the saturating loss is smallest, the critic's is about 1.4.
fig, (left, right) = plt.subplots(1, 2, figsize=(11, 3.8))
for density, color, name, mean in (p_real, REAL, "data", -4), (p_fake, FAKE, "generator", 4):
    left.fill_between(x, density, color=color, alpha=0.25, linewidth=0)
    left.text(mean, 0.43, name, ha="center", color=color, weight="bold")
left.plot(x, D_star, "-", color="#bbbbbb", linewidth=4, label="best discriminator $D^*$")
left.plot(grid, D, "-", color="black", label="trained discriminator $D$")
left.plot(grid, (f - np.interp(0, grid, f)) / 16 + 0.5, "--", color="#3a9a5b", label="trained critic, $f / 16 + 1/2$")
left.set(xlim=(-8, 8), ylim=(-0.15, 1.6), xlabel="x", ylabel="output", title="What each of them says")
left.legend(loc="upper right")
right.axvspan(2, 6, color=FAKE, alpha=0.12, linewidth=0)
for (name, push), line, color in zip(pushes.items(), ("-", ":", "--"), ("black", "black", "#3a9a5b"), strict=True):
    right.semilogy(grid, push, line, color=color, label=name)
right.set(xlim=(-8, 8), ylim=(1e-9, 1e3), xlabel="x of a fake point", ylabel="length of its gradient (1 / unit of x)")
right.set_title("The push that a fake point gets (shaded: where they are)")
right.legend(loc="upper left", ncols=3)
plt.show()

# %% [markdown]
# That is after the first training. Now train both on, for twice as many steps more:

# %% tags=["hide-input"]
there = np.abs(grid - 4) <= 2  # where the fake points are


def report(when):
    _, _, pushes = outputs_and_pushes()
    push = {name: push[there] for name, push in pushes.items()}
    with torch.no_grad():
        estimate = (critic(real_1d()).mean() - critic(fake_1d()).mean()).item()
    ranges = "".join(f"{length.min():11.1e} to {length.max():.1e}" for length in push.values())
    print(f"{when:>10} steps {ranges}    estimate of W1 {estimate:.2f}")
    return push, estimate


# %%
print(f"{'':<16}" + "".join(f"{'push, ' + name:>22}" for name in pushes))
push, estimate = report(steps)
for _ in rounds(discriminator, NonSaturating(), real_1d, fake_1d, lr=1e-3, steps=2 * steps):
    pass
for _ in rounds(critic, Wasserstein(), real_1d, fake_1d, lr=1e-3, steps=2 * steps, penalty=gradient_penalty):
    pass
longer, longer_estimate = report(3 * steps)
predicted = distance * (1 + distance / 20)
print(f"exact W1 {distance:.2f};  predicted by (8): slope {1 + distance / 20:.2f}, estimate {predicted:.2f}")

# %% [markdown]
# The discriminator is a step, and flat where the fake points are (as in Figure 2 of Arjovsky et al. 2017), so the
# saturating GAN pushes them with almost nothing, the less the longer $D$ is trained. The non-saturating loss gets a
# push out of the same discriminator, the slope of its score, and that grows as $D$ is trained. (The best score is $\log
# (p / q) = -8 x$ here, of slope 8. For two distributions that share no place there is no best one: a steeper score is
# always better.) The critic falls evenly, from one heap to the other: a push that neither fades nor explodes. After
# three times the training it is much the same.
#
# But its slope is not 1, and its estimate is too large. The best critic $f^*$ has slope 1 along the ways of the best
# plan (Gulrajani et al. 2017, Proposition 1), and that is why the penalty asks for slope 1. But it asks, it does not
# enforce. Take the multiples $a f^*$ of the best critic. Here $f^*(x) = -x$, so their slope is $a$ wherever the penalty
# looks. They report $a W$ and pay the penalty $\lambda (a - 1)^2$, so the critic maximises $a W - \lambda (a - 1)^2$.
# The derivative, $W - 2 \lambda (a - 1)$, is 0 at
#
# $$a = 1 + \frac{W}{2 \lambda}, \qquad (8)$$
#
# where it reports $a W = W + W^2 / (2 \lambda)$, with $\lambda = 10$ here. The trained critic comes near this. The
# farther apart the distributions, the more it exaggerates.

# %% tags=["claims"]
fading = longer["saturating"].max() < push["saturating"].max() < 0.03
claim("so the saturating GAN pushes them with almost nothing, the less the longer $D$ is trained.", fading)
growing = longer["non-saturating"].min() > 1.1 * push["non-saturating"].max()
claim("the slope of its score, and that grows as $D$ is trained.", growing)
bounded = [length.min() > 0.5 and length.max() < 2 for length in (push["critic"], longer["critic"])]
claim("a push that neither fades nor explodes.", all(bounded))
same = abs(longer["critic"].mean() / push["critic"].mean() - 1) < 0.2
claim("After three times the training it is much the same.", same)
too_steep = min(push["critic"].min(), longer["critic"].min()) > 1.1
exaggerates = too_steep and min(estimate, longer_estimate) > 1.15 * distance
claim("But its slope is not 1, and its estimate is too large.", exaggerates)
claim("The trained critic comes near this.", abs(longer_estimate / predicted - 1) < 0.1)

# %% [markdown]
# ### What clipping leaves open (deeper)
#
# The first WGAN has no penalty; it *clips* every weight to $[-c, c]$ after each step. Such a network is $K$-Lipschitz
# for some $K$ that depends on $c$ and on its shape, and its estimate is at most $K\,W$. Same data, same network, five
# values of $c$, and a learning rate of $c/20$, so that each critic crosses its range in some tens of steps at most.
#
# **Predict.** From the smallest to the largest $c$ is a factor of 100. By what factor does the estimate change?

# %%
clips = [0.01, 0.03, 0.1, 0.3, 1.0]
estimates = []
for c in clips:
    clipped = mlp(1)
    how = {"lr": c / 20, "project": lambda D, c=c: clip_weights(D, c), "optimizer": torch.optim.RMSprop}
    for _ in rounds(clipped, Wasserstein(), real_1d, fake_1d, steps=steps // 2, **how):
        pass
    estimates.append((clipped(real_1d()).mean() - clipped(fake_1d()).mean()).item())

# %% tags=["hide-input"]
#| fig-alt: >
#|   On two logarithmic scales, the estimate of the clipped critic rises steeply with the clipping bound, below a
#|   dotted line of the largest slope possible and across the horizontal line of the true distance.
fig, ax = plt.subplots(figsize=(6.5, 3.4))
ax.loglog(clips, estimates, "o-", label="estimate of the clipped critic")
steepest = 64 * 64 * np.array(clips) ** 3  # exercise 4
ax.loglog(clips, steepest * distance, ":", color=NEITHER, label="largest slope possible, times W")
ax.axhline(distance, color=FAKE, linestyle="--", label=f"W1 = {distance:.0f}")
ax.set(xlabel="clipping bound c", ylabel="critic's estimate (unit unknown)", title="One distance, five answers")
ax.legend()
plt.show()

# %% tags=["hide-input"]
for c, estimate in zip(clips, estimates, strict=True):
    print(f"c = {c:<5g} estimate {estimate:10.4f}   so K is at least {estimate / distance:.2g}")

# %% [markdown]
# One distance, and the largest answer is more than ten thousand times the smallest, by the choice of $c$ and of a
# learning rate that goes with it. So the number on the loss curve of a clipped WGAN is at best a distance in an unknown
# unit, and not even that is sure: the clipped networks are only some of the $K$-Lipschitz functions. Along one training
# its rise and fall may mean something. Between two settings, or against a number from a paper, it means nothing.
# (Exercise 4 derives the dotted line.)

# %% tags=["claims"]
spread = max(estimates) > 1e4 * min(estimates) > 0
claim("the largest answer is more than ten thousand times the smallest, by the choice of $c$", spread)

# %% [markdown]
# ## 7. Thin clouds in a wide space
#
# Are real and generated images like two heaps that do not touch? A generator turns a short vector $z$ into an image, so
# what it can make is a thin sheet in the space of all images, of no more dimensions than $z$ has. The data are believed
# to be thin too: of the many ways to change the pixels of a digit, only few give an image that still is a digit. Two
# thin sheets in a wide space may miss each other, and where they cross, unless they lie on each other, the crossing is
# thinner still, of probability 0. Then some discriminator is *perfect*: right with probability 1, and with gradient 0
# at almost every point of both sheets (Arjovsky and Bottou 2017, Theorem 2.2).
#
# Take two curves in the plane. They even cross.
#
# **Predict.** How often will a trained $D$ be wrong, and where? How steep is it at most points of the curves?


# %%
def curve(n, real):
    t = 4 * torch.rand(n) - 2
    return torch.stack([t, 0.8 * torch.sin(2.5 * t) if real else 0.4 * t], dim=1)  # (n, 2)


planar = mlp(2, 128)
for _ in rounds(planar, NonSaturating(), lambda: curve(256, True), lambda: curve(256, False), steps=2 * steps, lr=3e-3):
    pass

points = torch.cat([curve(2000, True), curve(2000, False)]).requires_grad_()
score = planar(points)
(slope,) = torch.autograd.grad(torch.sigmoid(score).sum(), points)
right_answer = (score > 0) == (torch.arange(4000) < 2000)

# %% tags=["hide-input"]
#| fig-alt: >
#|   Left, two curves that cross, over the answer of a trained discriminator: light around the data, dark around the
#|   generator's curve. Right, a histogram of its gradient's length at points of both curves: for most points it is
#|   very small.
u, v = np.meshgrid(np.linspace(-2.1, 2.1, 220), np.linspace(-1.1, 1.4, 150))
with torch.no_grad():
    D = torch.sigmoid(planar(torch.tensor(np.stack([u.ravel(), v.ravel()], 1), dtype=torch.float32))).view(u.shape)

fig, (left, right) = plt.subplots(1, 2, figsize=(11, 3.6), width_ratios=(1.5, 1))
picture = left.pcolormesh(u, v, D, cmap="Greys_r", vmin=-0.3, vmax=1.3, shading="auto", rasterized=True)
left.plot(*curve(250, True).T, ".", color=REAL, markersize=5, label="data")
left.plot(*curve(120, False).T, "x", color=FAKE, markersize=4.5, label="generator")
left.set(xlabel="$x_1$", ylabel="$x_2$", ylim=(-1.1, 1.4), title="A trained D: lighter is more real")
left.grid(False)
left.legend(loc="upper left", ncols=2)
fig.colorbar(picture, label="D (probability)", boundaries=np.linspace(0, 1, 101), ticks=[0, 0.5, 1])
right.hist(slope.norm(dim=1).clamp(min=1e-6).log10().numpy(), bins=40, color=REAL)
right.set(xlabel="length of $\\nabla_x D$ at points of both curves", ylabel="points", title="At most points D is flat")
right.set_xticks([-6, -4, -2, 0], ["$\\leq 10^{-6}$", "$10^{-4}$", "$10^{-2}$", "1"])
plt.show()

# %% tags=["hide-input"]
x1 = points[:, 0].detach()
between_curves = (0.8 * torch.sin(2.5 * x1) - 0.4 * x1).abs()  # how far apart they are above each point's x1
between_at_errors = (between_curves * ~right_answer).max()
print(f"right for {right_answer.float().mean():.1%} of the points of both curves")
print(f"where it errs the curves lie at most {between_at_errors:.2f} apart, elsewhere up to {between_curves.max():.2f}")
print(f"median length of the gradient of D there: {slope.norm(dim=1).median():.1e}")

# %% [markdown]
# $D$ errs only next to the crossings, where few of the points lie. At most points of both curves its gradient is 0,
# to the precision of the machine: pushing a fake point along it moves the point nowhere.

# %% tags=["claims"]
few_errors = between_at_errors < 0.3 and right_answer.float().mean() > 0.97
claim("$D$ errs only next to the crossings, where few of the points lie.", bool(few_errors))
flat_there = slope.norm(dim=1).median() < 1e-7
claim("At most points of both curves its gradient is 0, to the precision of the machine", flat_there)

# %% [markdown]
# ### The same on images (deeper)
#
# Now the experiment of Arjovsky and Bottou (2017), with images of 16 x 16 pixels and small networks, so that it is
# quick. Train a GAN, and keep its generator early, midway and at the end. Then fix one of them, start a **new**
# discriminator, and while it learns, measure the gradient that the generator *would* get: its length, and whether the
# next batch says the same. For that, take the gradients $g_1, \dots, g_5$ of five independent batches. Their *direction*
# is steady if the cosine of the angle between two of them is near 1. A gradient has one number for each weight of $G$. For
# the *deviation* of the gradients take the variance of each of these numbers over the five batches, add the variances up,
# and take the square root: it has the unit of a length, so it can be compared with the length of their mean.


# %%
class Generator(nn.Sequential):
    """Noise (N, 32) to images (N, 1, 16, 16); the label is not used."""

    z_dim = 32

    def __init__(self):
        super().__init__(
            nn.Linear(32, 1024), nn.BatchNorm1d(1024), nn.ReLU(), nn.Unflatten(1, (64, 4, 4)),
            nn.ConvTranspose2d(64, 32, 4, 2, 1), nn.BatchNorm2d(32), nn.ReLU(),
            nn.ConvTranspose2d(32, 1, 4, 2, 1), nn.Tanh(),
        )  # fmt: skip

    def forward(self, z, y=None):
        return super().forward(z)


class Discriminator(nn.Sequential):
    """Images (N, 1, 16, 16) to scores (N,); the label is not used."""

    def __init__(self):
        super().__init__(
            nn.Conv2d(1, 32, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(32, 64, 4, 2, 1), nn.LeakyReLU(0.2),
            nn.Flatten(), nn.Linear(1024, 1), nn.Flatten(0),
        )  # fmt: skip

    def forward(self, x, y=None):
        return super().forward(x)


# %%
G, D = Generator(), Discriminator()
opt_G, opt_D = (torch.optim.Adam(player.parameters(), 1e-3, (0.5, 0.999)) for player in (G, D))
game = Game(G, D, NonSaturating(), opt_G, opt_D, fabric=Fabric(accelerator="cpu", devices=1))

kept = {}
for epoch in range(epochs):
    for _ in play(game, images, batch_size=min(32, len(images)), epoch=epoch, seed=seed):
        pass
    if epoch + 1 in (1, round(0.4 * epochs), epochs):
        kept[epoch + 1] = copy.deepcopy(G).eval()

# %% tags=["hide-input"]
#| fig-alt: >
#|   Three rows of twelve samples: what the generator draws early, midway and at the end of its training.
z = torch.randn(12, 32)
fig, axes = plt.subplots(len(kept), 1, figsize=(7.5, 0.95 * len(kept)))
for ax, (epoch, G) in zip(axes, kept.items(), strict=True):
    plots.grid(ax, G(z), nrow=12, title=f"epoch {epoch}: what the kept generator makes")
plt.show()


# %%
def image_batch(n=64):
    return images.batch(torch.randint(len(images), (n,)))[0]


def image_mlp():
    first, second = nn.Linear(256, 256), nn.Linear(256, 256)
    return nn.Sequential(
        nn.Flatten(), first, nn.LeakyReLU(0.2), second, nn.LeakyReLU(0.2), nn.Linear(256, 1), nn.Flatten(0)
    )


def batch_gradient(G, D, loss):
    """The gradient that G gets of the loss on a fresh batch, all weights in one vector."""
    grads = torch.autograd.grad(loss(D(G(torch.randn(64, 32)))), list(G.parameters()))
    return torch.cat([grad.flatten() for grad in grads])


def length_and_agreement(g):
    """Of gradients (n, weights): median length, mean cosine between two of them, deviation / length of their mean."""
    n, unit = len(g), nn.functional.normalize(g, dim=1)
    cosine = (unit.sum(0).square().sum() - n) / (n * (n - 1))  # of all pairs; each with itself has cosine 1
    deviation = g.var(0).sum().sqrt()
    return g.norm(dim=1).median().item(), cosine.item(), (deviation / g.mean(0).norm()).item()


losses = {
    "saturating": lambda score: -nn.functional.softplus(score).mean(),  # log(1 - D)
    "non-saturating": lambda score: nn.functional.softplus(-score).mean(),  # -log D
}

# %%
every = max(1, steps // 6)
pools = {epoch: G(torch.randn(8192, 32)).detach() for epoch, G in kept.items()}  # the generators are fixed: draw once
measured = {epoch: {name: [] for name in losses} for epoch in kept}
found_out = {}
for epoch, G in kept.items():
    D, pool = image_mlp(), pools[epoch]
    for step in rounds(
        D, NonSaturating(), image_batch, lambda x=pool: x[torch.randint(8192, (64,))], lr=5e-4, steps=2 * steps
    ):
        if step % every == 0:
            for name, loss in losses.items():
                gradients = torch.stack([batch_gradient(G, D, loss) for _ in range(5)])
                measured[epoch][name].append((step, *length_and_agreement(gradients)))
    with torch.no_grad():
        right = D(image_batch(1000)) > 0, D(G(torch.randn(1000, 32))) < 0
    found_out[epoch] = real, fake = [part.float().mean().item() for part in right]
    print(f"generator of epoch {epoch:>2}: the new D is right for {real:.1%} of real and {fake:.1%} of fake images")

# %% tags=["hide-input"]
#| fig-alt: >
#|   Three plots over the steps of a new discriminator, a curve for each of the three generators: the length of the
#|   saturating gradient, that of the non-saturating one, which grows, and the cosine between two batches of the
#|   latter, which comes near 1.
fig, axes = plt.subplots(1, 3, figsize=(12, 3.4))
panels = {
    "Saturating: the gradient": ("saturating", 1, "$|\\nabla_\\theta \\, E \\log(1 - D(G(z)))|$"),
    "Non-saturating: the gradient": ("non-saturating", 1, "$|\\nabla_\\theta \\, E (-\\log D(G(z)))|$"),
    "Non-saturating: its direction": ("non-saturating", 2, "cosine between two batches"),
}
for ax, (title, (name, column_of, label)) in zip(axes, panels.items(), strict=True):
    for epoch, marker in zip(kept, "o^s", strict=False):
        rows = np.array(measured[epoch][name])
        ax.plot(rows[:, 0], rows[:, column_of], marker=marker, markersize=3.5, label=f"generator of epoch {epoch}")
    ax.set(xlabel="steps of the new discriminator", ylabel=label, title=title)
for ax in axes[:2]:
    ax.set_yscale("log")
axes[2].set_ylim(None, 1.005)
axes[2].legend(loc="lower right")
plt.show()

# %% tags=["hide-input"]
print(f"{'':<39}{'length':^27}{'cosine of two':>16}{'deviation / length':>22}")
print(f"{'':<39}{'at first':>9}{'at most':>9}{'late':>9}{'at first':>10}{'late':>6}{'at first':>16}{'late':>6}")
first, most, late = {}, {}, {}  # (length, cosine, deviation / length); "late" is the median over the second half
for epoch, of in measured.items():
    for name, rows in of.items():
        rows, who = np.array(rows)[:, 1:], (epoch, name)
        first[who], most[who], late[who] = rows[0], rows[:, 0].max(), np.median(rows[len(rows) // 2 :], axis=0)
        (length, cosine, deviation), (length_late, cosine_late, deviation_late) = first[who], late[who]
        print(f"generator of epoch {epoch:>2}, {name:<16}{length:9.1e}{most[who]:9.1e}{length_late:9.1e}", end="")
        print(f"{cosine:10.3f}{cosine_late:6.3f}{deviation:16.2f}{deviation_late:6.2f}")

# %% [markdown]
# (*At first* is before the new discriminator's first step, *at most* the largest length, *late* the median over the
# second half of its steps.)
#
# At the end the new discriminator separates the two clouds, even from the last generator. (The real images are those
# that it was trained on, so a part of this may be remembering.) Against the first one, whose images anybody can tell,
# the saturating gradient dies at once. Against the last one it first grows many times over, while $D$ becomes steep
# between clouds that lie close, and then falls unevenly; the steps made here do not suffice to see its end. It dies
# *because* the discriminator becomes good: Theorem 2.4 of Arjovsky and Bottou bounds the gradient by how far $D$, in
# its values and slopes, still is from the perfect one. Its direction tells no such clear story: against the two better
# generators, two batches agree less than at first; against the first one, where the gradient dies at once, the directions
# agree a little better, but the lengths differ more from batch to batch. (The cosine does not see lengths, and the
# deviation does. So both can grow.)
#
# The non-saturating gradient does not die. It grows by a factor of more than 30 (the table says how much), although the
# generator stands still: it tells how long $D$ was trained, not how far the data are. Its direction, though, becomes
# *steadier*: two batches agree better than at first, and the deviation, which grows as well, grows less than the length.
# (Its variance grows too, as Arjovsky and Bottou saw, and faster than its length. But a variance has the unit of a length
# squared, so that says nothing about the direction.)
#
# Hence the old advice "do not train D too well", and the trouble with it: how well is too well? A critic that is kept
# Lipschitz need not be held back like this: in section 6, three times the training left its push as it was.

# %% tags=["claims"]
start, *_, end = kept
separated = min(min(rates) for rates in found_out.values()) > 0.9
claim("At the end the new discriminator separates the two clouds, even from the last generator.", separated)
lengths = np.array(measured[start]["saturating"])[:, 1]
claim("the saturating gradient dies at once.", lengths[1] < lengths[0] / 10)
grown = most[end, "saturating"] > 5 * first[end, "saturating"][0]
claim("Against the last one it first grows many times over", grown)
unfinished = late[end, "saturating"][0] > first[end, "saturating"][0] / 2
claim("the steps made here do not suffice to see its end.", unfinished)
_, *better = kept
fell = [first[epoch, "saturating"][1] - late[epoch, "saturating"][1] for epoch in better]
claim("against the two better generators, two batches agree less than at first", min(fell) > 0)
risen = late[start, "saturating"][1] > first[start, "saturating"][1]
claim("against the first one, where the gradient dies at once, the directions agree a little better", risen)
differ = late[start, "saturating"][2] > first[start, "saturating"][2]
claim("but the lengths differ more from batch to batch.", risen and differ)
before, after = (np.array([table[epoch, "non-saturating"] for epoch in kept]) for table in (first, late))
claim("It grows by a factor of more than 30", (after[:, 0] > 30 * before[:, 0]).all())
claim("two batches agree better than at first", (after[:, 1] > before[:, 1]).all())
growth, of_deviation = after[:, 0] / before[:, 0], after[:, 0] * after[:, 2] / (before[:, 0] * before[:, 2])
less = ((of_deviation > 1) & (of_deviation < growth)).all()
claim("the deviation, which grows as well, grows less than the length.", less)
claim("and faster than its length.", (of_deviation**2 > growth).all())
held = 0.7 < longer["critic"].mean() / push["critic"].mean() < 1.4
claim("in section 6, three times the training left its push as it was.", held)

# %% [markdown]
# ### Noise on both (deeper)
#
# One cure keeps JSD and makes the sheets thick: add noise $\mathcal{N}(0, \sigma^2)$ to the real *and* to the generated
# images. The parallel lines of section 4 become two Gaussian ridges, and only their profile across matters.

# %%
across = np.linspace(-6, 6, 2401)


def ridge(place, sigma):
    profile = np.exp(-(((across - place) / sigma) ** 2) / 2)
    return profile / profile.sum()


gaps = np.linspace(-1, 1, 81)

# %% tags=["hide-input"]
#| fig-alt: >
#|   Left, the JSD of the two lines over theta, for four sizes of noise: smooth valleys, the wider the more noise
#|   there is. Right, its derivatives, which reach farther with more noise.
fig, (left, right) = plt.subplots(1, 2, figsize=(10.5, 3.4))
for sigma, marker in zip((0.05, 0.2, 0.5, 1.0), "os^D", strict=True):
    value = np.array([js(ridge(0, sigma), ridge(gap, sigma)) for gap in gaps])
    left.plot(gaps, value, marker=marker, markevery=8, markersize=4, label=f"$\\sigma = {sigma:g}$")
    right.plot(gaps, np.gradient(value, gaps), marker=marker, markevery=8, markersize=4, label=f"$\\sigma = {sigma:g}$")
left.plot(gaps, np.where(gaps == 0, 0, np.log(2)), ".", color=NEITHER, markersize=4, label="no noise")
left.set(xlabel="$\\theta$", ylabel="JSD (nats)", title="JSD of the lines seen through noise", ylim=(0, 1.05))
left.legend(ncols=3, loc="upper center")
right.set(xlabel="$\\theta$", ylabel="derivative (nats / unit of $\\theta$)", title="Its derivative")
plt.show()

# %% [markdown]
# With noise JSD is smooth, and where the ridges overlap its slope points the right way. The slope
# reaches a few $\sigma$ far: with little noise the far field stays flat, with much noise the images drown in it. And it
# must be on both sides: noise on the real images alone moves the target, and a perfect generator would have to produce
# noise. $W$ needs none of this: with or without the noise it is $|\theta|$.

# %% tags=["claims"]
right_way, reach, moved = [], [], []
for sigma in (0.05, 0.2, 0.5, 1.0):
    at = sigma * np.linspace(0, 8, 33)  # gaps, up to 8 sigma
    value = np.array([js(ridge(0, sigma), ridge(-gap, sigma)) for gap in at[at <= 5]])
    right_way.append((np.diff(value)[1:8] > 0).all())
    reach.append(sigma > 0.5 or np.diff(value)[-1] < 0.01 * np.diff(value).max())
    moved.append(np.abs(np.cumsum(ridge(0, sigma) - ridge(0.5, sigma))).sum() * (across[1] - across[0]))
claim("where the ridges overlap its slope points the right way.", all(right_way))
claim(r"The slope reaches a few $\sigma$ far", all(reach))
claim(r"with or without the noise it is $|\theta|$.", np.allclose(moved, 0.5, atol=0.01))

# %% [markdown]
# ## 8. The distance between samples
#
# In practice nobody has the distributions, only $n$ points from each. $W$ between two *samples* is again (3), with a
# plan of $n \times n$ entries; `wasserstein1(x, y)` solves it exactly. How good is it as an estimate? Take both samples
# from the **same** distribution, a Gaussian in $d$ dimensions scaled to typical length 1. The true distance is 0.
#
# **Predict.** Two samples of 512 points in 100 dimensions: will the distance be nearer to 0 or to 1? (Beside it stands
# the *sliced* distance: project both clouds on random directions, and average the one-dimensional distances of (2).)

# %%
sizes = [n for n in (16, 32, 64, 128, 256, 512, 1024, 2000) if n <= largest_sample]
floors, sliced = {}, {}
for d in (1, 2, 5, 20, 100):
    pairs = [[rng.normal(size=(2, n, d)) / np.sqrt(d) for _ in range(8)] for n in sizes]
    floors[d] = [np.mean([wasserstein1(a, b) for a, b in draws]) for draws in pairs]
    sliced[d] = [np.mean([ot.sliced_wasserstein_distance(a, b, p=1, seed=seed) for a, b in draws]) for draws in pairs]

# %% tags=["hide-input"]
#| fig-alt: >
#|   The distance between two samples of one distribution over the number of points, on logarithmic scales, a line for
#|   each number of dimensions. Left, W falls fast in one dimension and hardly at all in a hundred. Right, sliced W
#|   falls equally fast in all of them.
fig, (left, right) = plt.subplots(1, 2, figsize=(10.5, 3.6), sharey=True)
for ax, table, title in (left, floors, "W1 of one distribution to itself"), (right, sliced, "Its sliced W1 to itself"):
    for (d, value), marker in zip(table.items(), "osD^v", strict=True):
        ax.loglog(sizes, value, marker=marker, markersize=4.5, label=f"d = {d}")
    ax.set(xlabel="points in each sample n", title=title, xticks=sizes, xticklabels=sizes)
    ax.minorticks_off()
left.set_ylabel("distance (true value: 0)")
left.legend(ncols=3, loc="lower left")
plt.show()

# %% tags=["hide-input"]
rates, sliced_rates = {}, {}
for d in floors:
    rates[d], sliced_rates[d] = (np.polyfit(np.log(sizes), np.log(table[d]), 1)[0] for table in (floors, sliced))
    last = f"at {sizes[-1]} points: {floors[d][-1]:.2f}"
    print(f"d = {d:>3}: W1 falls like n^{rates[d]:.2f} ({last}), sliced W1 like n^{sliced_rates[d]:.2f}")

# %% [markdown]
# Two samples of one distribution are not at distance 0. On a line this *floor* falls about like $n^{-1/2}$, and the
# more dimensions there are, the slower it falls. For many points it is like $n^{-1/d}$ if $d > 2$ (Fournier and Guillin
# 2015, Theorem 1), so that halving it then takes $2^d$ times the points. (With as few points as here, the slopes for 20
# and 100 dimensions are somewhat steeper than that.) Every $W$ between samples has to be read against the floor of real
# against real. The sliced distance needs no more than sorting, and its floor falls about like $n^{-1/2}$ in every
# dimension (Nadjahi et al. 2020). It is another distance, though, and never the larger one: a projection takes no two
# points farther apart.

# %% tags=["claims"]
claim("On a line this *floor* falls about like $n^{-1/2}$", abs(rates[1] + 1 / 2) < 0.2)
claim("the more dimensions there are, the slower it falls.", (np.diff([rates[d] for d in floors]) > 0).all())
steeper = all(-3 / d < rates[d] < -1 / d for d in (20, 100))
claim("the slopes for 20 and 100 dimensions are somewhat steeper than that.", steeper)
same_rate = all(abs(rate + 1 / 2) < 0.2 for rate in sliced_rates.values())
claim("its floor falls about like $n^{-1/2}$ in every dimension", same_rate)
never = all(small <= large for d in floors for small, large in zip(sliced[d], floors[d], strict=True) if d > 1)
claim("It is another distance, though, and never the larger one", never)

# %% [markdown]
# ### Cheaper relatives (deeper)
#
# * **Sliced** $W$ is the one that you have just seen.
# * **Entropic** $W$ (Sinkhorn): add $\varepsilon \sum \gamma_{ij} \log \gamma_{ij}$ to (3). The plan becomes blurred,
#   and matrix products find it, the more of them the smaller $\varepsilon$ is.

# %%
entropic = partial(ot.sinkhorn, method="sinkhorn_log", numItermax=100_000, stopThr=1e-6)
n = 14
angle = np.linspace(0, np.pi, n)
one = np.stack([np.cos(angle), np.sin(angle)], 1) + rng.normal(size=(n, 2)) / 8
two = np.stack([1.6 + 0.8 * rng.normal(size=n), -0.3 + 0.3 * rng.normal(size=n)], 1)
even, between = np.full(n, 1 / n), ot.dist(one, two, metric="euclidean")
plans = {0.0: ot.emd(even, even, between)}
plans |= {epsilon: entropic(even, even, between, epsilon) for epsilon in (0.05, 0.3, 2.0)}

# %% tags=["hide-input"]
#| fig-alt: >
#|   Four plans between two clouds of points. The exact one joins each point to one other; with more entropy each
#|   point is joined to more and more of the others, by fainter lines.
fig, axes = plt.subplots(1, 4, figsize=(12, 3), sharey=True)
for ax, (epsilon, plan) in zip(axes, plans.items(), strict=True):
    transport_plots.coupling_lines(ax, one, two, plan)
    ax.set_title("exact" if epsilon == 0 else f"$\\varepsilon$ = {epsilon:g}")
    ax.set(xlabel=f"$x_1$    (work {np.sum(plan * between):.3f})", ylabel="$x_2$" if epsilon == 0 else "")
plt.show()

# %%
itself = ot.dist(one, one, metric="euclidean")
to_itself = {epsilon: np.sum(entropic(even, even, itself, epsilon) * itself) for epsilon in (0.05, 0.3, 2.0)}
for epsilon, spent in to_itself.items():
    print(f"epsilon = {epsilon:<4g}: the work from the first cloud to itself is {spent:.3f}")
seen = {}
for d in (2, 100):
    cloud = rng.normal(size=(256, d))
    shift = np.eye(d)[0]
    seen[d] = ot.sliced_wasserstein_distance(cloud, cloud + shift, p=1, n_projections=2000, seed=seed)
    print(f"a cloud moved by 1 in {d} dimensions: W1 {wasserstein1(cloud, cloud + shift):.3f}, sliced {seen[d]:.3f}")

# %% [markdown]
# Each line is an entry of the plan, the darker the larger. The exact plan sends each point to one
# other, entropy spreads it. Spreading costs work, and even from a cloud to itself it is not free. (The *Sinkhorn
# divergence* subtracts that bias.) The sliced distance sees a shift only in part, the less of it the more dimensions
# there are.

# %% tags=["claims"]
spent = [np.sum(plan * between) for plan in plans.values()]
costly = (np.diff(spent) > 0).all() and 0 < to_itself[0.05] < to_itself[0.3] < to_itself[2.0]
claim("Spreading costs work, and even from a cloud to itself it is not free.", costly)
in_part = seen[100] < seen[2] < 0.9
claim("The sliced distance sees a shift only in part, the less of it the more dimensions there are.", in_part)

# %% [markdown]
# ### A warning, measured on the images (deeper)
#
# $W$ inherits the distance we put into (3). For images that is usually the Euclidean distance of pixels, and pixels
# like blur: a gray average is closer to a random image than another sharp image is. (For squared distances it is exactly
# half as far: $\mathbb{E}|x - \bar x|^2 = \frac12 \mathbb{E}|x - x'|^2$.) Three candidates try to imitate a batch of
# $n$ real images: $n$ *other real images*; 64 *centroids*, blurry averages that k-means finds in the whole other half,
# all of the same mass; and the *mean image* alone.
#
# **Predict.** Which of the three is nearest to a batch of 16 real images, by this distance?
#
# Ten times the images are split anew in two halves that share none, one for the batches, one for the candidates, and
# the centroids are found anew. So a difference has ten values, and an interval. (All splits share these images, so it
# says nothing about others. Frames of a film have near twins in the other half: then real images may win at once.)

# %%
half = min(largest_sample, len(images) // 2)
batches = [n for n in sizes if n <= half] or [half]
closeness = {name: np.empty((10, len(batches))) for name in ("other real images", "64 centroids", "the mean image")}
for split in range(10):
    order = torch.from_numpy(rng.permutation(len(images))[: 2 * half])
    reference, fresh = np.split(images.batch(order)[0].flatten(1).double().numpy(), 2)  # no image is in both
    centroids, _ = kmeans2(fresh, min(64, half // 2), minit="++", rng=rng)
    mean = fresh.mean(0, keepdims=True)
    for column_of, n in enumerate(batches):
        batch = rng.permutation(reference)[:n]
        for table, candidate in zip(closeness.values(), (rng.permutation(fresh)[:n], centroids, mean), strict=True):
            table[split, column_of] = wasserstein1(batch, candidate)

# %% tags=["hide-input"]
#| fig-alt: >
#|   Left, the distance to a batch of real images over the batch size, for other real images, for 64 centroids and for
#|   the mean image: with few images the real ones are farthest away, with many they are nearest. Right, examples of
#|   the three: sharp images, blurry ones, and one gray spot.
fig, axes = plt.subplots(1, 4, figsize=(12, 3.3), width_ratios=(2.4, 1, 1, 1))
for (name, table), marker in zip(closeness.items(), "o^s", strict=True):
    axes[0].semilogx(batches, table.mean(0), marker=marker, label=name)
axes[0].set(
    xlabel="real images in the batch n",
    ylabel="W1 to the batch (of pixels from -1 to 1)",
    xticks=batches,
    xticklabels=batches,
)
axes[0].minorticks_off()
axes[0].set_title("Who imitates a batch best?")
axes[0].legend()
for ax, (name, candidate) in zip(axes[1:], {"real": fresh, "centroids": centroids, "mean": mean}.items(), strict=True):
    shown = torch.from_numpy(candidate[:16]).view(-1, *images.shape)
    plots.grid(ax, shown, nrow=4 if len(shown) > 1 else 1, title=name)
plt.show()

# %% tags=["hide-input"]
gray = np.linalg.norm(reference - mean, axis=1).mean()
sharp = np.linalg.norm(reference - fresh, axis=1).mean()  # both halves are in random order: pairs of strangers
print(f"an image is {gray:.2f} from the mean image and {sharp:.2f} from another one, on average\n")

real, blurry, _ = closeness.values()
extra = real - blurry  # (10, batch sizes): how much farther real images are than centroids, split by split
intervals = np.array([interval(column) for column in extra.T])
print(f"{'n':>5}" + "".join(f"{name:>18}" for name in closeness) + f"{'real - centroids':>28}")
for n, *row, (low, high), difference in zip(
    batches, *(table.mean(0) for table in closeness.values()), intervals, extra.mean(0), strict=True
):
    says = "blur wins" if low > 0 else "real wins" if high < 0 else "no difference found"
    print(f"{n:>5}" + "".join(f"{value:18.2f}" for value in row), end="")
    print(f"{difference:12.2f} [{low:6.2f}, {high:6.2f}]  {says}")

# %% [markdown]
# In small batches the pixel distance prefers blurry centroids to *genuine images*, and these are the batch sizes of GAN
# training. (Below $n = 64$ there are more centroids than real candidates, which helps the centroids; above it there are
# fewer, which hurts them. At $n = 64$ there are as many, and blur still wins.) In the smallest batch even the mean
# image, alone, beats them. A generator that really minimised this distance, batch by batch, would be driven to blur
# (Stanczuk et al. 2021). The floor is to blame: real against real is still far above 0. The genuine
# images win only in the largest batches here, and there they have just 64 centroids against them.

# %% tags=["claims"]
claim("a gray average is closer to a random image than another sharp image is.", gray < 0.9 * sharp)
small = np.flatnonzero(np.array(batches) <= 64)
of_small = [against_truth(extra[:, i], 0) for i in small]
claim(
    "In small batches the pixel distance prefers blurry centroids to *genuine images*",
    all(found.low > 0 for found in of_small),
    *of_small,
)
alone = against_truth(real[:, 0] - closeness["the mean image"][:, 0], 0)
claim("In the smallest batch even the mean image, alone, beats them.", alone.low > 0, alone)
claim("real against real is still far above 0", real.mean(0)[-1] > 2)
claim("The genuine images win only in the largest batches here", intervals[-1][1] < 0, against_truth(extra[:, -1], 0))

# %% [markdown]
# ## 9. What a WGAN does not promise
#
# A good distance is one thing, and two players who chase each other with gradient steps are another. Mescheder et al.
# (2018) study the smallest GAN there is, the **Dirac-GAN**. The data are the single point 0, the generator produces the
# single point $\theta$, the discriminator is a line with the score $s(x) = \psi x$. Two numbers, so the whole training
# is a path in the plane, and it ought to end at $\theta = \psi = 0$. The real point has the score 0, whatever $\psi$
# is, so without noise $D$ learns nothing from it, and of $D$'s loss only the part of the fake is left, $\log(1 +
# e^{\psi\theta})$. Its derivative by $\psi$ is $\theta\,\sigma(\psi\theta)$, and $D$ goes down it; by $\theta$ it is
# $\psi\,\sigma(\psi\theta)$, and the $G$ of the first row goes up. An entry is the direction of a step, to be
# multiplied by the learning rate:
#
# | | how the discriminator moves $\psi$ | how the generator moves $\theta$ |
# |---|---|---|
# | GAN | $-\theta\,\sigma(\psi\theta)$ | $\psi\,\sigma(\psi\theta)$ |
# | non-saturating | $-\theta\,\sigma(\psi\theta)$ | $\psi\,\sigma(-\psi\theta)$ |
# | WGAN | $-\theta$, then clip to $[-1, 1]$ | $\psi$ |
# | WGAN-GP | $-\theta - 2\lambda\,(\lvert\psi\rvert - 1)\,\mathrm{sign}\,\psi$ | $\psi$ |
# | instance noise | as GAN, averaged over noise on both points | as GAN, averaged |
# | R1 | $-\theta\,\sigma(\psi\theta) - w\,\psi$ | $\psi\,\sigma(\psi\theta)$ |
#
# ($\sigma(\cdot)$ is the sigmoid of section 6. The critics of WGAN and WGAN-GP take five steps for each of the
# generator's.) The slope of this discriminator is $\psi$ everywhere, so the gradient penalty is
# $\lambda\,(\lvert\psi\rvert - 1)^2$ and R1, which asks for a flat discriminator at the data, is $\frac{w}{2} \psi^2$.
#
# **Predict.** Which of the six go home?

# %%
fields = {
    "GAN": (dirac_gan.saturating, {}),
    "Non-saturating GAN": (dirac_gan.non_saturating, {}),
    "WGAN, clipped to [-1, 1]": (dirac_gan.wasserstein, {"n_critic": 5, "clip": 1.0}),
    "WGAN-GP, weight 0.25": (partial(dirac_gan.wasserstein_gp, weight=0.25), {"n_critic": 5}),
    "GAN, instance noise of 1": (partial(dirac_gan.instance_noise, sigma=1.0), {}),
    "GAN, R1 of weight 0.5": (partial(dirac_gan.r1, weight=0.5), {}),
}
t, s = np.meshgrid(np.linspace(-2, 2, 15), np.linspace(-2, 2, 15))

# %% tags=["hide-input"]
#| fig-alt: >
#|   Six vector fields with the path of a training. GAN, WGAN and WGAN-GP circle around the solution, the non-
#|   saturating GAN spirals slowly inward, and with instance noise or R1 the path ends at the solution.
ends = {}
fig, axes = plt.subplots(2, 3, figsize=(9.5, 6.5), sharex=True, sharey=True)
for ax, (name, (velocity, how)) in zip(axes.flat, fields.items(), strict=True):
    path = dirac_gan.train(velocity, 1.0, 1.0, lr=0.1, rounds=500, **how)
    ends[name] = np.linalg.norm(path, axis=1)
    transport_plots.vector_field(ax, t, s, *velocity(t, s), paths=[path], title=name)
    ax.set(xlim=(-2.1, 2.1), ylim=(-2.1, 2.1))
fig.supxlabel("$\\theta$, where the generated point is")
fig.supylabel("$\\psi$, the discriminator's slope")
plt.show()

# %% tags=["hide-input"]
for name, radius in ends.items():
    print(f"{name:<26} distance from the solution: {radius[0]:.2f} at the start", end=", ")
    print(f"at most {radius[450:].max():.2g} in the last 50 rounds")

# %% [markdown]
# The arrows are one step of each player, without clipping, all drawn at one length; with five steps of the critic a
# path rises and falls more steeply. The round dot is the start, the square the end, the cross the solution. The GAN
# circles. The non-saturating GAN spirals inward, the slower the closer it is: at the solution itself nothing damps it.
# It goes home, but to halve its distance it needs four times the rounds. The WGAN and the WGAN-GP circle for ever,
# though their distance is the right one: the critic comes late. When $\theta$ passes 0, its slope is still there and
# pushes the point past. (On the straight piece of the WGAN's path, at $\psi = -1$, the critic is even the best there
# is, and the point is pushed past all the same. Mescheder et al. prove that with a fixed number of critic steps and a
# fixed rate neither of them converges in general.) The WGAN-GP has a second reason: its penalty asks for
# $\lvert\psi\rvert = 1$ at the solution too, where $\psi = 0$ is worse for the critic than any $\psi$ near it. So even
# a path that starts beside the solution is driven away from it. What brings the path home quickly is *damping*: noise
# on both points, or R1.

# %% tags=["claims"]
circle, inward, clipped_end, penalised_end, noisy, damped = ends.values()
claim("The GAN circles.", 1 < circle[450:].min() <= circle[450:].max() < 2)
slower = inward[0] - inward[250] > 2 * (inward[250] - inward[500]) > 0
claim("The non-saturating GAN spirals inward, the slower the closer it is", slower)
never_home = min(clipped_end[450:].max(), penalised_end[450:].max()) > 0.5
claim("The WGAN and the WGAN-GP circle for ever, though their distance is the right one", never_home)
home = max(noisy[450:].max(), damped[450:].max()) < 0.01
claim("What brings the path home quickly is *damping*: noise on both points, or R1.", home)
longer = np.linalg.norm(dirac_gan.train(dirac_gan.non_saturating, 1.0, 1.0, lr=0.1, rounds=2000), axis=1)
claim("to halve its distance it needs four times the rounds.", abs(longer[2000] / longer[500] - 0.5) < 0.05)
beside = dirac_gan.train(fields["WGAN-GP, weight 0.25"][0], 0.001, 0.001, lr=0.1, rounds=500, n_critic=5)
claim("So even a path that starts beside the solution is driven away from it.", np.linalg.norm(beside[-1]) > 0.5)

# %% [markdown]
# ### The critic's number is not the distance
#
# Last, the promise in the name. Take the three generators of section 7 (a GAN for the images, early, midway and at the
# end of its training), draw a fixed set of real and of generated images, and compute $W$ between the two sets
# *exactly*. Then train critics on the same two sets and read off their estimates.
#
# **Predict.** Will three critics, two with a penalty and one clipped, agree? Will they put the generators in the same
# order?

# %%
n = min(largest_sample, len(images) // 2)
order = torch.randperm(len(images))
real_set, other_set = images.batch(order[:n])[0], images.batch(order[n : 2 * n])[0]
ways = {
    "gradient penalty, 10": {"lr": 1e-3, "penalty": gradient_penalty},
    "gradient penalty, 1": {"lr": 1e-3, "penalty": partial(gradient_penalty, weight=1.0)},
    "clipping at 0.01": {"lr": 2e-4, "project": clip_weights, "optimizer": torch.optim.RMSprop},
}
sets = {f"G of epoch {epoch}": pool[:n] for epoch, pool in pools.items()}
exact = np.array([wasserstein1(real_set, fake_set) for fake_set in sets.values()])
answers = {"exact W1": exact}
for way, how in ways.items():
    answers[way] = []
    for fake_set in sets.values():
        critic = image_mlp()
        draw = [lambda x=x: x[torch.randint(n, (64,))] for x in (real_set, fake_set)]
        for _ in rounds(critic, Wasserstein(), *draw, steps=steps // 2, **how):
            pass
        with torch.no_grad():
            answers[way].append((critic(real_set).mean() - critic(fake_set).mean()).item())
floor = wasserstein1(real_set, other_set)

# %% tags=["hide-input"]
#| fig-alt: >
#|   The exact distance and three critics' estimates for the three generators, on a logarithmic scale: four falling
#|   lines at different heights. The exact distance falls least, towards the line of real images against real images.
fig, ax = plt.subplots(figsize=(8, 3.6))
for (way, value), marker in zip(answers.items(), "os^D", strict=True):
    ax.semilogy(range(len(sets)), value, marker=marker, markersize=7, linewidth=1, label=way)
ax.axhline(floor, color="black", linewidth=0.8, label="exact, real to real")
ax.set(xticks=range(len(sets)), xticklabels=sets, title="One distance, four answers")
ax.set_ylabel("exact W1 (of pixels from -1 to 1), estimates")
ax.set(xlim=(-0.2, len(sets) + 0.4))
ax.legend(loc="lower right")
plt.show()

# %% tags=["hide-input"]
print(f"{'':<34}" + "".join(f"{name:>16}" for name in sets))
rows = answers | {"by (8), weight 10": exact + exact**2 / 20, "exact W1, less real to real": exact - floor}
for way, row in rows.items():
    print(f"{way:<34}" + "".join(f"{value:16.2f}" for value in row))
print(f"{'exact W1, real to other real':<34}{floor:16.2f}")

print(f"\n{'as shares of the first one':<34}")
shares = {way: np.array(row) / row[0] for way, row in rows.items()}
for way, share in shares.items():
    print(f"{way:<34}" + "".join(f"{value:16.2f}" for value in share))

# %% [markdown]
# The critics' numbers are not the distance, and they do not agree with each other. Nor does (8) predict what the
# penalty of weight 10 gives: it says too much for all three generators, and most, as a share, for the last one. (8)
# takes a multiple of $f^*$ whose slope is the same wherever the penalty looks. Here the penalty looks between images
# paired at random, not along the best plan, so even $f^*$ need not have slope 1 there; and these critics were trained
# for a few hundred steps only. All of them put the three generators in the same order, though. The exact distance
# between two samples counts how each single image differs from its partner, so much of it is the floor of real to real:
# more than half, for the last generator. A network after a few hundred steps does not know single images. Look at the
# shares: what the critics see falls more steeply than the exact distance. It falls more like the part of the distance
# that is above the floor. *Wasserstein GANs work because they fail (to approximate the Wasserstein distance)* is the
# title of Stanczuk et al. (2021). They find at full scale that a critic's loss is no good approximation of $W$, and
# that a critic which approximated $W$ better made the worse images.

# %% tags=["claims"]
said = np.array([answers[way] for way in ways])  # (3 critics, generators)
claim("they do not agree with each other.", (said.max(0) > 2 * said.min(0)).all())
foretold = abs(answers["gradient penalty, 10"] / rows["by (8), weight 10"] - 1)
too_much = (np.array(answers["gradient penalty, 10"]) < rows["by (8), weight 10"]).all()
claim(
    "it says too much for all three generators, and most, as a share, for the last one.",
    too_much and foretold.argmax() == len(foretold) - 1 and foretold.min() > 0.1,
)
claim("All of them put the three generators in the same order, though.", (np.diff([exact, *said]) < 0).all())
claim("so much of it is the floor of real to real: more than half, for the last generator.", floor > 0.5 * exact[-1])
falls = np.array([shares[way][-1] for way in ways])
whole, excess = shares["exact W1"][-1], shares["exact W1, less real to real"][-1]
claim("what the critics see falls more steeply than the exact distance", (falls < whole).all())
claim(
    "It falls more like the part of the distance that is above the floor.",
    (abs(falls - excess) < abs(falls - whole)).all(),
)

# %% [markdown]
# ## What to take along
#
# * $W$ is the least work; (3) computes it, (6) turns it into a search for a 1-Lipschitz function, and that is what a
#   critic is.
# * JSD is blind where distributions do not overlap, and thin clouds in a wide space do not. That is the vanishing
#   gradient.
# * A critic's loss is no distance, but a number in a unit of its own: at most its trend says something, never its value.
# * $W$ between small samples is to a large part floor, and in pixels it likes blur.
# * In the smallest GAN a good distance does not make the game converge, and damping does.
#
# ## Exercises
#
# **1. The distance on a line.** Write (1) and (2) as a function for any two lists of piles.


# %%
def emd_1d(p, q):
    ### BEGIN SOLUTION
    return np.abs(np.cumsum(np.subtract(p, q))).sum()
    ### END SOLUTION


# %%
exercises.check_emd_1d(emd_1d)

# %% [markdown]
# <details><summary>Hint</summary><code>np.subtract</code> takes lists, and <code>np.cumsum</code> sums up to each
# place.</details>
#
# **2. A plan in small steps.** Reach the optimum of section 1 with moves to *neighbouring* places only. A move is
# `(from, to, how much)`.

# %%
moves = [(0, 1, 2)]  # two shovelfuls from place 0 to place 1; go on
### BEGIN SOLUTION
moves += [(1, 2, 2), (3, 2, 1)]
### END SOLUTION

# %%
exercises.check_moves(moves, P, Q)

# %% [markdown]
# <details><summary>Hint</summary>The first three numbers of <code>delta</code> in section 1 say how much crosses each
# gap, and the sign in which direction.</details>
#
# **3. A proof.** Find a 1-Lipschitz `f` that proves the distance of these piles.

# %% tags=["context"]
P3, Q3 = [0, 6, 0, 2, 1], [2, 2, 3, 0, 2]

# %%
f3 = [0, 0, 0, 0, 0]  # five numbers; neighbours differ by at most 1
### BEGIN SOLUTION
f3 = [0, 1, 0, 1, 0]
### END SOLUTION

# %%
exercises.check_potential(f3, P3, Q3)

# %% [markdown]
# <details><summary>Hint</summary>Here delta = (-2, 2, -1, 1, 0). With the full slope f must rise, fall, rise,
# fall.</details>
#
# **4. How steep can it be?** The dotted line of section 6: how steep can a network with layers $1 \to h_1 \to h_2 \to 1$,
# ReLU between them, be when every weight lies in $[-c, c]$?


# %%
def largest_slope(c, h1, h2):
    ### BEGIN SOLUTION
    return c**3 * h1 * h2
    ### END SOLUTION


# %%
exercises.check_largest_slope(largest_slope)

# %% [markdown]
# <details><summary>Hint</summary>With every weight equal to c and x above 0, each of the first units has slope c; each of
# the second ones sums all the first ones times c. And the output?</details>
#
# **5. How much noise?** Two points lie one unit apart. How much noise halves their JSD, from $\log 2$ to
# $\frac12 \log 2$, to within one hundredth of $\log 2$? (Try values; `js` and `ridge` are at hand.)

# %%
sigma = 0.1  # too little
### BEGIN SOLUTION
sigma = 0.49
### END SOLUTION

# %%
exercises.check_noise(sigma)

# %% [markdown]
# <details><summary>Hint</summary><i>sigma</i> is a little less than half of the distance between the two points. A loop over
# <code>np.arange(0.1, 2, 0.01)</code> finds it.</details>
#
# **6. Damping.** With R1 of weight $w$ the linearised game at the solution has the eigenvalues
# $-\frac{w}{2} \pm \sqrt{\frac{w^2}{4} - \frac14}$. What is the least $w$ at which the path goes home without circling?

# %%
w = None
### BEGIN SOLUTION
w = 1
### END SOLUTION

# %%
exercises.check_r1_weight(w)

# %% [markdown]
# <details><summary>Hint</summary>A path circles while the eigenvalues are complex, that is while the root is of a
# negative number. Less weight circles, more weight creeps.</details>
#
# ## Sources
#
# * M. Arjovsky, L. Bottou, *Towards principled methods for training generative adversarial networks*, 2017.
# * M. Arjovsky, S. Chintala, L. Bottou, *Wasserstein generative adversarial networks*, 2017.
# * R. Flamary et al., *POT: Python Optimal Transport*, 2021.
# * N. Fournier, A. Guillin, *On the rate of convergence in Wasserstein distance of the empirical measure*, 2015.
# * I. Goodfellow et al., *Generative adversarial nets*, 2014.
# * I. Gulrajani et al., *Improved training of Wasserstein GANs*, 2017.
# * L. Mescheder, A. Geiger, S. Nowozin, *Which training methods for GANs do actually converge?*, 2018.
# * K. Nadjahi et al., *Statistical and topological properties of sliced probability divergences*, 2020.
# * J. Stanczuk, C. Etmann, L. M. Kreusser, C.-B. Schönlieb, *Wasserstein GANs work because they fail (to approximate
#   the Wasserstein distance)*, 2021.
# * C. Villani, *Optimal transport, old and new*, 2009.
