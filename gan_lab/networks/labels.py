"""Labels as a class-conditional generator takes them."""

import torch
from torch import Tensor


def checked(y: Tensor | None, z: Tensor, classes: int) -> Tensor:
    """y, if it is one label in 0..classes-1 for each noise vector.

    y: int64 (N,), z: (N, Z). Raises ValueError if labels are missing, not one for each z, or out of range. The range is
    checked on the CPU only: on a GPU, to read a value is to wait for it, and the lookup that follows stops anyway.
    """
    if y is None:
        raise ValueError(f"this generator draws the class that you name: call G(z, y) with labels 0..{classes - 1}")
    if y.shape != z.shape[:1]:
        raise ValueError(f"labels y need shape ({len(z)},), one for each z, not {tuple(y.shape)}")
    if y.device.type == "cpu" and not torch.compiler.is_compiling():
        outside = y[(y < 0) | (y >= classes)]
        if len(outside):
            raise ValueError(f"label {outside[0].item()} is not one of the {classes} classes 0..{classes - 1}")
    return y
