"""Checks of the notebooks' exercises: each prints and returns "Correct.", or the first thing that does not hold yet."""

from gan_lab.lessons.exercises.acgan import check_class_terms, check_conditional, check_half
from gan_lab.lessons.exercises.dcgan import check_least_squares, check_round
from gan_lab.lessons.exercises.distance import (
    check_emd_1d,
    check_largest_slope,
    check_moves,
    check_noise,
    check_potential,
    check_r1_weight,
)
from gan_lab.lessons.exercises.few_images import check_average, check_erase, check_leaks_at, check_pairs
from gan_lab.lessons.exercises.stabilization import check_boundary, check_coverage, check_noisy_labels
from gan_lab.lessons.exercises.two_reports import check_lost, check_smoothed
from gan_lab.lessons.exercises.wgan import check_gradient_penalty, check_hinge, check_r1

__all__ = [
    "check_average",
    "check_boundary",
    "check_class_terms",
    "check_conditional",
    "check_coverage",
    "check_emd_1d",
    "check_erase",
    "check_gradient_penalty",
    "check_half",
    "check_hinge",
    "check_largest_slope",
    "check_leaks_at",
    "check_least_squares",
    "check_lost",
    "check_moves",
    "check_noise",
    "check_noisy_labels",
    "check_pairs",
    "check_potential",
    "check_r1",
    "check_r1_weight",
    "check_round",
    "check_smoothed",
]
