"""What the two reports claim, and what several seeds say of it here.

    claims = report_claims()     # a row a claim: said, number, seeds, mean, low, high, verdict

A claim is one number of a training and the region where it lies if the claim is true. The number is measured once a
seed, in a training like the report's. Each interval is Student's at the level 1 - 0.05 / m, for m claims (Bonferroni).
If the numbers of the seeds are roughly normal, all of them hold their true means in at least 95 of 100 such tables.
"""

from collections.abc import Callable
from math import inf
from typing import NamedTuple

import pandas as pd

from gan_lab.lessons import played
from gan_lab.lessons.played import Played
from gan_lab.measure.seeds import interval, table

Values = pd.Series  # a number a seed; empty where no training of this kind is kept
NONE = pd.Series(dtype=float)
LESS, MORE = (-inf, 0.0), (0.0, inf)  # regions of a change


class ReportClaim(NamedTuple):
    """report: whose training.  said: the claim.  number: what is measured.  true_in: (low, high), where it lies if the
    claim is true.  values: of each seed.  trained: what was trained here."""

    report: str
    said: str
    number: str
    true_in: tuple[float, float]
    values: Callable[[], Values]
    trained: str


HASTY = "notebook 2's unstable game"  # results/02_stability.csv
FULL = "at full size"  # results/reports
SIXTEEN_BITS = "at full size, in 16 bits"  # results/reports/bf16-mixed
QUARTER = "a quarter of the channels"  # results/reports/width_0.25
WASSERSTEIN = "notebook 4's digits"  # results/04_wgan.csv


def near(epoch: int, name: str, column: str, kind: str = played.FULL) -> Callable[[], Values]:
    """A mean over ten epochs, five of them before this one, of a report's training."""

    def ten(training: Played) -> Values:
        curves = training.curves
        means: Values = curves[curves["epoch"].between(epoch - 5, epoch + 4)].groupby("seed")[column].mean()
        return means

    return lambda: of_kept(name, kind, ten)


def at_the_end(name: str, measure: str) -> Callable[[], Values]:
    """What the judge says after the last epoch of a report's training at full size."""

    def last(training: Played) -> Values:
        found: Values = training.measures.sort_values("epoch").groupby("seed")[measure].last()
        return found

    return lambda: of_kept(name, played.FULL, last)


def of_kept(name: str, kind: str, values: Callable[[Played], Values]) -> Values:
    """Values of a training; none if it is not kept."""
    training = played.kept(name, kind)
    return values(training) if training else NONE


def remedy(setting: str, metric: str) -> Callable[[], Values]:
    """What a remedy of notebook 02 changes in the hasty game, seed by seed."""

    def values() -> Values:
        games = table("02_stability")
        return change(games[~games["opt_G"].str.contains("lr=0.0004")], metric, setting, "plain")

    return values


def change(trainings: pd.DataFrame, metric: str, setting: str, against: str) -> Values:
    """metric(setting, s) - metric(against, s) for the seeds s that both have."""
    wide = trainings.pivot(index="seed", columns="setting", values=metric)
    return (wide[setting] - wide[against]).dropna()


CLAIMS = (
    ReportClaim(
        "A1",
        "Near epoch 190 D is right about 88 % of the real images.",
        "D's accuracy on them; 83 % to 93 %",
        (0.83, 0.93),
        near(190, "A1", "acc_real", played.BF16),
        SIXTEEN_BITS,
    ),
    ReportClaim(
        "A1",
        "There it is right about 97 % of the generated images.",
        "D's accuracy on them; 92 % at least",
        (0.92, inf),
        near(190, "A1", "acc_fake", played.BF16),
        SIXTEEN_BITS,
    ),
    ReportClaim(
        "A2",
        "With one-sided smoothing D is better on generated images.",
        "change of D's accuracy on them, at the best D's threshold",
        MORE,
        remedy("one-sided", "right_on_fake"),
        HASTY,
    ),
    ReportClaim(
        "A2",
        "One-sided smoothing makes the training more stable.",
        "change of the late kernel distance",
        LESS,
        remedy("one-sided", "late_distance"),
        HASTY,
    ),
    ReportClaim(
        "A3",
        "Noise on real and generated images makes it more stable.",
        "change of the late kernel distance",
        LESS,
        remedy("noise", "late_distance"),
        HASTY,
    ),
    ReportClaim(
        "B2",
        "Smoothing and noise on real images make it more stable.",
        "change of the late kernel distance",
        LESS,
        remedy("report B", "late_distance"),
        HASTY,
    ),
    ReportClaim(
        "A4",
        "The AC-GAN draws the class that it is asked for.",
        "share of the samples that a classifier names so; 90 % at least",
        (0.9, inf),
        at_the_end("A4", "class_accuracy"),
        FULL,
    ),
    ReportClaim(
        "A6",
        "The WGAN-GP converges better than the WGAN.",
        "change of the kernel distance",
        LESS,
        lambda: change(table("04_wgan"), "kernel_distance", "WGAN-GP", "WGAN"),
        WASSERSTEIN,
    ),
    ReportClaim(
        "B3",
        "Class accuracy reaches nearly 1.",
        "D's accuracy on the classes of its batches; 95 % at least",
        (0.95, inf),
        near(995, "B3", "named_real", played.NARROW),
        QUARTER,
    ),
    ReportClaim(
        "B4",
        "The critic's loss rises, so the critic gets worse.",
        "how good the critic is: not measured here",
        (-inf, inf),
        lambda: NONE,
        "case 20 is about it",
    ),
)


def report_claims() -> pd.DataFrame:
    """A row a claim, with its number over the seeds, `interval` and verdict."""
    level = 1 - 0.05 / len(CLAIMS)
    rows = []
    for claim in CLAIMS:
        values = claim.values()
        low, high = interval(values, level)
        found = {"seeds": len(values), "mean": values.mean(), "low": low, "high": high}
        about = {"report": claim.report, "claim": claim.said, "number": claim.number, "in": claim.trained}
        rows.append(about | found | {"verdict": verdict(low, high, claim.true_in)})
    return pd.DataFrame(rows)


def verdict(low: float, high: float, true_in: tuple[float, float]) -> str:
    """What the interval of a mean says of a claim that is true in a region.

    "confirmed" if it lies inside; "contradicted" if it lies outside; "not confirmed" if it is partly inside; "cannot be
    told" if there is none, as for fewer than two seeds.
    """
    least, most = true_in
    if not low <= high:
        return "cannot be told"
    if least < low and high < most:
        return "confirmed"
    return "contradicted" if high <= least or low >= most else "not confirmed"
