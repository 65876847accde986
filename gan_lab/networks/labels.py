"""Labels as a class-conditional generator takes them."""

import torch
from torch import Tensor
from torch.nn.functional import one_hot


def shares(y: Tensor | None, z: Tensor, classes: int) -> Tensor:
    """The share of each class in each image that is to be drawn, (N, classes), as floats.

    y: labels (N,), each its class alone (one-hot); or the shares themselves, (N, classes), to draw what lies between
    classes. z: (N, Z). Raises ValueError as `checked` does, and for shares of another shape.
    """
    if y is not None and y.is_floating_point():
        if y.shape != (len(z), classes):
            raise ValueError(f"shares of the classes need shape {(len(z), classes)}, not {tuple(y.shape)}")
        return y.to(z.dtype)
    return one_hot(checked(y, z, classes), classes).to(z.dtype)


def checked(y: Tensor | None, of: Tensor, classes: int) -> Tensor:
    """y, if it is one label in 0..classes-1 for each image, or for each noise vector that is to become one.

    y: int64 (N,), of: (N, ...). Raises ValueError if labels are missing, not N, or out of range. The range is checked
    on the CPU only: on a GPU, to read a value is to wait for it, and the lookup that follows stops anyway.
    """
    if y is None:
        raise ValueError(f"this generator draws the class that you name: call G(z, y) with labels 0..{classes - 1}")
    if y.shape != of.shape[:1]:
        raise ValueError(f"labels y need shape ({len(of)},), one for each image, not {tuple(y.shape)}")
    if y.device.type == "cpu" and not torch.compiler.is_compiling():
        outside = y[(y < 0) | (y >= classes)]
        if len(outside):
            raise ValueError(f"label {outside[0].item()} is not one of the {classes} classes 0..{classes - 1}")
    return y
