"""Images in memory: the bundled digits, your own folder of class folders, or a torchvision set."""

import json
import os
import unicodedata
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from natsort import natsorted
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

from gan_lab.shipped import DIGITS

TORCHVISION_SETS = ("MNIST", "FashionMNIST", "KMNIST")
NOT_IMAGES = (".csv", ".db", ".html", ".ini", ".json", ".md", ".pdf", ".toml", ".tsv", ".txt", ".xml", ".yaml", ".yml")

Loaded = tuple[list[NDArray[np.uint8]], list[int], list[str]]  # M images (C, H, W), M labels, K class names


@dataclass(frozen=True, eq=False, repr=False)
class ImageSet:
    """M images and their labels, kept as bytes on one device.

    A batch is an index. Where the bytes p lie they become numbers between low and high:

        x = low + (high - low) p / 255

    Raises ValueError unless there is one label an image, each the number of a class.
    """

    pixels: Tensor  # uint8 (M, C, H, W)
    labels: Tensor  # int64 (M,), 0..K-1
    classes: tuple[str, ...]  # K names, in natural order
    name: str  # "digits", a folder's path, or "MNIST"
    value_range: tuple[float, float] = (-1.0, 1.0)  # (low, high): what black and white become

    def __post_init__(self) -> None:
        M, K = len(self.pixels), len(self.classes)
        if self.labels.shape != (M,):
            raise ValueError(
                f"{self.name} has labels of shape {tuple(self.labels.shape)}: give one to each of its {M} images"
            )
        if self.labels.device.type == "cpu":  # where they are made; `to` moves them
            outside = self.labels[(self.labels < 0) | (self.labels >= K)]
            if len(outside):
                raise ValueError(
                    f"{self.name} has a label {outside[0].item()}, but {K} classes, {', '.join(self.classes)}: "
                    f"their labels are 0..{K - 1}, whatever their names"
                )

    def __len__(self) -> int:
        return len(self.pixels)

    def __repr__(self) -> str:
        low, high = self.value_range
        return f"ImageSet {self.name!r}: {len(self)} images {self.shape} in [{low:g}, {high:g}], classes {self.classes}"

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        _, C, H, W = self.pixels.shape
        return C, H, W

    @property
    def fingerprint(self) -> str:
        """SHA-256, in hex, of the shape, class names, pixels and labels: the same wherever the images lie."""
        digest = sha256(json.dumps([self.pixels.shape, self.classes]).encode())
        digest.update(self.pixels.cpu().numpy().tobytes())
        digest.update(self.labels.cpu().numpy().astype("<i8").tobytes())  # the byte order is part of the value
        return digest.hexdigest()

    def to(self, device: torch.device | str) -> "ImageSet":
        """The same images on `device`, where `batch` then works."""
        return replace(self, pixels=self.pixels.to(device), labels=self.labels.to(device))

    def part(self, index: Tensor | slice) -> "ImageSet":
        """Those of the images that `index` or a mask chooses, in its order."""
        return replace(self, pixels=self.pixels[index], labels=self.labels[index])

    def batch(self, index: Tensor | slice) -> tuple[Tensor, Tensor]:
        """Images x, float32 (N, C, H, W) in `value_range`, and labels y, int64 (N,)."""
        low, high = self.value_range
        x = low + (high - low) * self.pixels[index].float() / 255
        return x, self.labels[index]


def load_images(
    data_dir: str | Path = "",
    *,
    size: int = 32,
    channels: int = 1,
    split: str = "train",
    value_range: tuple[float, float] = (-1.0, 1.0),
) -> ImageSet:
    """Load every image of one split, as its centred square of `size` x `size` pixels with 1 (gray) or 3 (RGB) channels.

    data_dir: "" for the bundled digits; a folder of class folders; or, where there is no such folder, the name of one
        of torchvision's MNIST, FashionMNIST and KMNIST, downloaded once.
    split: "train" or "test". A folder with a `train` folder in it is read from data_dir/split; any other is all train.

    Class folders, and the files in them, count in natural order: "Class 10" comes after "Class 9". Every file in a
    class folder has to be an image, but for hidden files and those that end in one of NOT_IMAGES; folders inside it
    are not read.

    Raises FileNotFoundError if the folder or the split is missing; ValueError if an argument, or what lies in the
    folder, cannot be used; RuntimeError if torchvision cannot get its set.
    """
    if size < 1:
        raise ValueError(f"size is {size}, but an image has at least 1 pixel a side")
    if channels not in (1, 3):
        raise ValueError(f"channels is {channels}: choose 1 (gray) or 3 (RGB)")
    if split not in ("train", "test"):
        raise ValueError(f"split is {split!r}: choose 'train' or 'test'")
    if not value_range[0] < value_range[1]:
        raise ValueError(f"value_range is {value_range}: give (low, high) with low < high")

    if str(data_dir) in TORCHVISION_SETS and not Path(data_dir).exists():
        pixels, labels, classes = _load_torchvision(str(data_dir), split, size, channels)
    else:
        pixels, labels, classes = _load_folder(_split_folder(data_dir, split), size, channels)
    name = "digits" if data_dir == "" else str(data_dir)
    return ImageSet(torch.from_numpy(np.stack(pixels)), torch.tensor(labels), tuple(classes), name, value_range)


def _split_folder(data_dir: str | Path, split: str) -> Path:
    """The folder whose folders are the classes of the split."""
    folder = DIGITS if data_dir == "" else Path(os.path.expanduser(data_dir)).absolute()
    if not os.path.isdir(folder):  # pathlib's raises for a name that is too long, and its expanduser for ~nobody
        if data_dir == "":
            raise FileNotFoundError(
                f"no folder {folder}: install gan-lab again, which brings the digits, or give a data_dir"
            )
        ways_out = f"'' for the bundled digits, or one of {', '.join(TORCHVISION_SETS)}"
        raise FileNotFoundError(f"no folder {folder}: give data_dir a folder of class folders, {ways_out}")
    train, test = folder / "train", folder / "test"
    if split == "train":
        return train if train.is_dir() else folder
    if not (train.is_dir() and test.is_dir()):
        raise FileNotFoundError(f"no test split in {folder}: put class folders into {train} and, held out, into {test}")
    classes = {part: [class_folder.name for class_folder in _contents(part)[0]] for part in (train, test)}
    if classes[train] != classes[test]:
        raise ValueError(f"make the class folders agree: {classes[train]} in {train}, {classes[test]} in {test}")
    return test


def _load_folder(folder: Path, size: int, channels: int) -> Loaded:
    class_folders, loose = _contents(folder)
    if not class_folders:
        found = "images lie directly in it" if loose else "there is nothing to read"
        raise ValueError(f"no class folders in {folder}: {found}. Put the images of each class into a folder of it.")
    pixels, labels, unreadable = [], [], []
    for label, class_folder in enumerate(class_folders):
        _, files = _contents(class_folder)
        if not files:
            raise ValueError(f"no images in the class folder {class_folder}: put some into it, or remove the folder")
        for file in files:
            try:
                with Image.open(file) as image:
                    pixels.append(_square(image, size, channels))
                labels.append(label)
            except Exception as error:  # a broken file makes a decoder raise almost anything
                unreadable.append(f"{file} ({error})")
    if unreadable:
        listed = "\n  ".join(unreadable[:3] + ["..."] * (len(unreadable) > 3))
        raise ValueError(f"cannot read {len(unreadable)} of the images; replace or remove:\n  {listed}")
    return pixels, labels, [in_unicode(class_folder.name) for class_folder in class_folders]


def _load_torchvision(name: str, split: str, size: int, channels: int) -> Loaded:
    from torchvision import datasets  # slow to import, and only needed here

    cache = Path(torch.hub.get_dir()).with_name("datasets")  # ~/.cache/torch/datasets, unless TORCH_HOME says otherwise
    try:
        source = getattr(datasets, name)(cache, train=split == "train", download=True)
    except Exception as error:
        raise RuntimeError(
            f"no {name}: there is no complete copy in {cache / name / 'raw'}, and torchvision could not download one. "
            f"Connect to the network and try again, put the four (unpacked) files of {name} there, "
            "or use the bundled digits with data_dir=''."
        ) from error
    pixels = [_square(Image.fromarray(image), size, channels) for image in source.data.numpy()]
    return pixels, source.targets.tolist(), source.classes


def _contents(folder: Path) -> tuple[list[Path], list[Path]]:
    """The folders and the images that lie in a folder, each in natural order."""
    names = [entry.name for entry in folder.iterdir() if not entry.name.startswith((".", "__MACOSX"))]
    names = natsorted(sorted(names), key=in_unicode)  # sorted: "1.png" and "01.png" tie in natural order
    entries = [folder / name for name in names]
    images = [entry for entry in entries if not entry.is_dir() and entry.suffix.lower() not in NOT_IMAGES]
    return [entry for entry in entries if entry.is_dir()], images


def in_unicode(name: str) -> str:
    """The name of a file in the one spelling that it has on every machine, also where the locale knows only ASCII."""
    return unicodedata.normalize("NFC", os.fsencode(name).decode("utf-8", "surrogateescape"))


def _square(image: Image.Image, size: int, channels: int) -> NDArray[np.uint8]:
    """The centred square of a picture, upright and over white, resized with antialiasing: bytes (C, size, size)."""
    image = ImageOps.exif_transpose(image)
    if image.mode[0] in "IF":  # more than 8 bits a pixel
        values = np.asarray(image)
        if image.mode == "F" or values.min() < 0 or values.max() > 65535:
            raise ValueError("its pixels have no fixed range: save it with 8 or 16 bits a channel")
        image = Image.fromarray((values / 257).round().astype(np.uint8))  # 65535 = 257 * 255
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    image = image.convert("L" if channels == 1 else "RGB")
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    image = image.resize((size, size), Image.Resampling.BILINEAR, box=(left, top, left + side, top + side))
    return np.asarray(image).reshape(size, size, channels).transpose(2, 0, 1)
