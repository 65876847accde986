import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from PIL import Image

from gan_lab.data import images as data
from gan_lab.data.images import ImageSet, load_images
from gan_lab.shipped import DIGITS


@pytest.fixture(scope="module")
def digits():
    return load_images(size=28)


def save(path, pixels):
    """Save an array, or a colour for a 4 x 4 image, as the file `path`, with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(pixels, int):
        pixels = np.full((4, 4), pixels)
    Image.fromarray(np.asarray(pixels, dtype=np.uint8)).save(path)


def load_one(path, image, size, channels=1, **options):
    """The bytes (C, size, size) that one PIL image becomes."""
    path.joinpath("a").mkdir()
    image.save(path / "a" / "1.png", **options)
    return load_images(path, size=size, channels=channels).pixels[0]


# The bundled digits


@pytest.mark.parametrize("line", DIGITS.joinpath("CHECKSUMS").read_text().splitlines())
def test_the_bundled_folder_decodes_to_its_checksums(line):
    expected, class_folder = line.split("  ")
    checksum = sha256()
    for path in sorted((DIGITS / class_folder).iterdir()):
        with Image.open(path) as image:
            assert (image.mode, image.size) == ("L", (28, 28))
            checksum.update(path.name.encode() + image.tobytes())
    assert checksum.hexdigest() == expected


def test_the_checksums_cover_the_whole_folder():
    covered = [line.split("  ")[1] for line in DIGITS.joinpath("CHECKSUMS").read_text().splitlines()]
    present = {path.parent.relative_to(DIGITS).as_posix() for path in DIGITS.rglob("*") if path.is_file()}
    assert sorted([*covered, "."]) == sorted(present)


@pytest.mark.parametrize(("split", "of_each"), [("train", 201), ("test", 299)])
def test_every_digit_from_1_to_5_has_its_share_of_500(split, of_each):
    images = load_images(split=split)
    assert images.classes == ("Class 1", "Class 2", "Class 3", "Class 4", "Class 5")
    assert images.labels.bincount().tolist() == [of_each] * 5
    assert images.pixels.dtype == torch.uint8 and images.labels.dtype == torch.int64
    assert images.name == "digits" and len(images) == 5 * of_each and images.shape == (1, 32, 32)


def test_no_held_out_digit_is_a_training_digit(digits):
    held_out = load_images(size=28, split="test")
    pictures = {image.numpy().tobytes() for images in (digits, held_out) for image in images.pixels}
    assert len(pictures) == 2500


def test_at_their_own_size_the_digits_are_the_files_own_bytes(digits):
    with Image.open(min(DIGITS.joinpath("train", "Class 1").iterdir())) as first:
        assert digits.pixels[0, 0].tolist() == np.asarray(first).tolist()


# A batch


def every_byte(value_range):
    pixels = torch.arange(256, dtype=torch.uint8).view(256, 1, 1, 1)
    return ImageSet(pixels, torch.zeros(256, dtype=torch.long), ("any",), "", value_range)


def test_the_default_range_is_minus_one_to_one():
    x, _ = every_byte((-1.0, 1.0)).batch(slice(None))
    assert x.dtype == torch.float32
    assert x.flatten().tolist() == (torch.arange(256) / 127.5 - 1).tolist()
    assert (x.min(), x.max()) == (-1, 1)
    assert ImageSet(x.byte(), torch.zeros(256, dtype=torch.long), ("any",), "").value_range == (-1.0, 1.0)


def test_the_range_zero_to_one_divides_by_255():
    x, _ = every_byte((0.0, 1.0)).batch(slice(None))
    assert x.flatten().tolist() == (torch.arange(256) / 255).tolist()


@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (0.0, 1.0), (-0.5, 0.5), (0.0, 255.0)])
def test_a_batch_is_undone_exactly(low, high):
    images = every_byte((low, high))
    x, _ = images.batch(slice(None))
    assert torch.equal((255 * (x - low) / (high - low)).round().byte(), images.pixels)


def test_an_index_picks_images_and_their_labels_together(digits):
    index = torch.tensor([1004, 0, 300])
    x, y = digits.batch(index)
    for i, row in enumerate(index):
        assert torch.equal(x[i], digits.pixels[row] / 127.5 - 1) and y[i] == digits.labels[row]
    x_slice, y_slice = digits.batch(slice(0, 3))
    x_index, y_index = digits.batch(torch.arange(3))
    assert torch.equal(x_slice, x_index) and torch.equal(y_slice, y_index)


def test_images_move_with_their_labels_and_the_original_stays(digits):
    moved = digits.to("meta")
    assert moved.pixels.device.type == moved.labels.device.type == "meta"
    assert digits.pixels.device.type == digits.labels.device.type == "cpu"
    assert (moved.classes, moved.name, moved.value_range) == (digits.classes, digits.name, digits.value_range)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_batch_is_made_where_the_images_lie(digits):
    moved = digits.to("cuda")
    x, y = moved.batch(torch.arange(8, device="cuda"))
    assert x.device == y.device == moved.pixels.device
    assert torch.equal((127.5 * (x + 1)).round().byte().cpu(), digits.pixels[:8])
    assert moved.fingerprint == digits.fingerprint


# The fingerprint


def two_classes(folder):
    for k, name in enumerate(["cat", "dog"]):
        save(folder / name / "1.png", 50 + k)
        save(folder / name / "2.png", 60 + k)
    return folder


def test_the_fingerprint_does_not_depend_on_the_place(tmp_path):
    here, there = two_classes(tmp_path / "here"), two_classes(tmp_path / "far" / "away")
    assert load_images(here).fingerprint == load_images(there).fingerprint


def test_the_fingerprint_changes_with_a_pixel_a_label_the_shape_and_a_name(tmp_path):
    images = load_images(two_classes(tmp_path))
    one_pixel = images.pixels.clone()
    one_pixel[2, 0, 5, 7] += 1
    variants = [
        images,
        ImageSet(one_pixel, images.labels, images.classes, images.name),
        ImageSet(images.pixels, images.labels.flip(0), images.classes, images.name),
        ImageSet(images.pixels.view(4, 1, 16, 64), images.labels, images.classes, images.name),
        ImageSet(images.pixels, images.labels, ("cat", "cow"), images.name),
    ]
    assert len({variant.fingerprint for variant in variants}) == len(variants)


# Folders


def test_classes_and_files_come_in_natural_order(tmp_path):
    for k in (10, 9, 1, 2):
        save(tmp_path / f"Class {k}" / "image 10.png", 10 * k + 3)
        save(tmp_path / f"Class {k}" / "image 9.png", 10 * k + 2)
        save(tmp_path / f"Class {k}" / "image 1.png", 10 * k + 1)
    images = load_images(tmp_path, size=1)
    assert images.classes == ("Class 1", "Class 2", "Class 9", "Class 10")
    assert images.pixels.flatten().tolist() == [11, 12, 13, 21, 22, 23, 91, 92, 93, 101, 102, 103]


def test_the_order_is_not_the_file_systems(tmp_path, monkeypatch):
    for colour, name in enumerate(["01.png", "1.png", "2.png"]):
        save(tmp_path / "a" / name, colour)
    listed = Path.iterdir
    for direction in (1, -1):
        monkeypatch.setattr(Path, "iterdir", lambda path, step=direction: iter(sorted(listed(path))[::step]))
        assert load_images(tmp_path, size=1).pixels.flatten().tolist() == [0, 1, 2]


def test_labels_count_from_zero_whatever_the_classes_are_called(tmp_path):
    for name in ("7", "owl", "Ant"):
        save(tmp_path / name / "1.png", 0)
    images = load_images(tmp_path)
    assert images.labels.tolist() == [0, 1, 2] and sorted(images.classes) == ["7", "Ant", "owl"]


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        ([1, 2, 3], r"fingers has a label 3, but 3 classes, one, two, three: their labels are 0\.\.2"),
        ([0, -1, 2], "fingers has a label -1, but 3 classes"),
        ([0, 1], r"fingers has labels of shape \(2,\): give one to each of its 3 images"),
        ([], r"fingers has labels of shape \(0,\)"),
    ],
    ids=["counted from 1", "below 0", "one too few", "unlabelled"],
)
def test_labels_that_are_not_one_class_an_image_are_refused(labels, says):
    pixels = torch.zeros(3, 1, 4, 4, dtype=torch.uint8)
    with pytest.raises(ValueError, match=says):
        ImageSet(pixels, torch.tensor(labels), ("one", "two", "three"), "fingers")


def test_a_composed_and_a_decomposed_accent_are_one_name(tmp_path):
    save(tmp_path / "one" / "e\u0301" / "1.png", 0)
    save(tmp_path / "two" / "\u00e9" / "1.png", 0)
    assert load_images(tmp_path / "one").fingerprint == load_images(tmp_path / "two").fingerprint


def test_hidden_files_and_plain_text_are_no_images(tmp_path):
    two_classes(tmp_path)
    plain = load_images(tmp_path).fingerprint
    for name in (".DS_Store", "cat/.DS_Store", "cat/Thumbs.db", "dog/notes.TXT", "README.md", "dog/._1.png"):
        (tmp_path / name).write_bytes(b"\0\1")
    for name in (".ipynb_checkpoints", "__MACOSX", "cat/.ipynb_checkpoints"):
        save(tmp_path / name / "1.png", 0)
    assert load_images(tmp_path).fingerprint == plain


def test_splits_are_folders_when_there_is_a_train_folder(tmp_path):
    save(tmp_path / "train" / "a" / "1.png", 1)
    save(tmp_path / "test" / "a" / "1.png", 2)
    assert load_images(tmp_path, split="train").pixels.unique().tolist() == [1]
    assert load_images(tmp_path, split="test").pixels.unique().tolist() == [2]
    assert load_images(tmp_path).name == str(tmp_path)


# From a picture to bytes


@pytest.mark.parametrize("shape", [(8, 24), (24, 8)])
def test_the_crop_is_the_centre(tmp_path, shape):
    pixels = np.zeros(shape, dtype=np.uint8)
    centre = tuple(slice((side - 8) // 2, (side + 8) // 2) for side in shape)
    pixels[centre] = np.arange(64).reshape(8, 8) + 100
    assert load_one(tmp_path, Image.fromarray(pixels), size=8)[0].tolist() == pixels[centre].tolist()


def test_resizing_commutes_with_mirroring(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (19, 31), dtype=np.uint8)
    save(tmp_path / "a" / "1.png", picture)
    save(tmp_path / "a" / "2.png", picture[:, ::-1])
    save(tmp_path / "a" / "3.png", picture[::-1])
    plain, mirrored, upside_down = load_images(tmp_path, size=8).pixels
    assert torch.equal(mirrored, plain.flip(2)) and torch.equal(upside_down, plain.flip(1))


@pytest.mark.parametrize("size", [3, 20, 50])
def test_a_flat_picture_stays_flat_at_any_size(tmp_path, size):
    assert (load_one(tmp_path, Image.new("L", (20, 20), 77), size) == 77).all()


def test_shrinking_averages_instead_of_skipping_pixels(tmp_path):
    checkerboard = 255 * (np.indices((32, 32)).sum(0) % 2).astype(np.uint8)
    inside = load_one(tmp_path, Image.fromarray(checkerboard), size=16)[0, 1:-1, 1:-1]
    assert inside.float().flatten().tolist() == pytest.approx([127.5] * 14 * 14, abs=1)


def test_enlarging_keeps_the_middle_of_a_ramp(tmp_path):
    ramp = np.tile(np.arange(0, 160, 10, dtype=np.uint8), (16, 1))
    row = load_one(tmp_path, Image.fromarray(ramp), size=32)[0, 16].float()
    assert row[1:-1].diff().tolist() == pytest.approx([5] * 29, abs=1)


def test_gray_in_three_channels_is_three_times_the_same(tmp_path):
    gray = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8))
    pixels = load_one(tmp_path, gray, size=8, channels=3)
    assert pixels.shape == (3, 8, 8)
    assert all(channel.tolist() == np.asarray(gray).tolist() for channel in pixels)


def test_colour_keeps_its_channels_in_order_and_turns_gray_by_luma(tmp_path):
    save(tmp_path / "a" / "1.png", np.full((4, 4, 3), [200, 100, 50]))
    assert load_images(tmp_path, size=1, channels=3).pixels.flatten().tolist() == [200, 100, 50]
    luma = 0.299 * 200 + 0.587 * 100 + 0.114 * 50
    assert load_images(tmp_path, size=1).pixels.item() == pytest.approx(luma, abs=0.5)


def test_transparent_pixels_show_white_and_opaque_ones_themselves(tmp_path):
    image = Image.new("RGBA", (2, 2), (40, 40, 40, 255))
    image.putpixel((0, 0), (40, 40, 40, 0))
    assert load_one(tmp_path, image, size=2)[0].tolist() == [[255, 40], [40, 40]]


def test_a_palette_is_looked_up(tmp_path):
    image = Image.new("P", (2, 2), 1)
    image.putpalette([0, 0, 0, 10, 20, 30, 90, 90, 90])
    image.putpixel((1, 1), 2)
    red, green, blue = load_one(tmp_path, image, size=2, channels=3)
    assert red.tolist() == [[10, 10], [10, 90]] and green[0, 0] == 20 and blue[0, 0] == 30


def test_a_transparent_palette_entry_shows_white(tmp_path):
    image = Image.new("P", (2, 2), 1)
    image.putpalette([0, 0, 0, 90, 90, 90])
    image.putpixel((0, 0), 0)
    assert load_one(tmp_path, image, size=2, transparency=0)[0].tolist() == [[255, 90], [90, 90]]


def test_a_black_and_white_picture_is_0_and_255(tmp_path):
    image = Image.new("1", (2, 2), 1)
    image.putpixel((0, 1), 0)
    assert load_one(tmp_path, image, size=2)[0].tolist() == [[255, 255], [0, 255]]


def test_sixteen_bit_gray_keeps_its_whole_range(tmp_path):
    deep = 257 * np.arange(256, dtype=np.uint16).reshape(16, 16)  # 257 * 255 = 65535
    assert load_one(tmp_path, Image.fromarray(deep), size=16)[0].flatten().tolist() == list(range(256))


def test_a_photo_stands_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 3  # orientation: turned by 180 degrees
    pixels = np.array([[10, 20], [30, 40]], dtype=np.uint8)
    assert load_one(tmp_path, Image.fromarray(pixels), size=2, exif=exif)[0].tolist() == [[40, 30], [20, 10]]


# What cannot be loaded is named


def assert_names(caught, *names):
    message = str(caught.value)
    assert all(str(name) in message for name in names), message


@pytest.mark.parametrize(
    ("argument", "named"),
    [
        ({"size": 0}, "size is 0"),
        ({"size": -3}, "size is -3"),
        ({"channels": 2}, "channels is 2"),
        ({"split": "validation"}, "split is 'validation'"),
        ({"value_range": (1.0, -1.0)}, r"value_range is \(1.0, -1.0\)"),
    ],
)
def test_an_argument_that_makes_no_sense_is_refused(argument, named):
    with pytest.raises(ValueError, match=named):
        load_images(**argument)


def test_a_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        load_images(tmp_path / "nowhere")
    assert_names(caught, tmp_path / "nowhere", "class folders", "MNIST, FashionMNIST, KMNIST")


def test_a_relative_folder_is_named_in_full(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError) as caught:
        load_images("nowhere")
    assert_names(caught, tmp_path / "nowhere")


def test_an_installation_without_its_digits(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "DIGITS", tmp_path / "digits")
    with pytest.raises(FileNotFoundError) as caught:
        load_images()
    assert_names(caught, tmp_path / "digits", "install gan-lab again")


def test_an_empty_folder(tmp_path):
    with pytest.raises(ValueError) as caught:
        load_images(tmp_path)
    assert_names(caught, tmp_path, "nothing to read", "each class")


def test_images_without_class_folders(tmp_path):
    save(tmp_path / "1.png", 0)
    with pytest.raises(ValueError) as caught:
        load_images(tmp_path)
    assert_names(caught, tmp_path, "images lie directly in it", "each class")


def test_a_class_folder_without_images(tmp_path):
    save(tmp_path / "a" / "1.png", 0)
    tmp_path.joinpath("b").mkdir()
    with pytest.raises(ValueError) as caught:
        load_images(tmp_path)
    assert_names(caught, tmp_path / "b", "no images")


def test_every_unreadable_image_is_counted_and_the_first_three_named(tmp_path):
    save(tmp_path / "a" / "0.png", np.random.default_rng(0).integers(0, 256, (8, 8)))
    truncated = (tmp_path / "a" / "0.png").read_bytes()[:80]
    for k in range(1, 6):
        (tmp_path / "a" / f"{k}.png").write_bytes(truncated if k % 2 else b"no image")
    with pytest.raises(ValueError) as caught:
        load_images(tmp_path)
    assert_names(caught, "cannot read 5", *(tmp_path / "a" / f"{k}.png" for k in (1, 2, 3)), "...")
    assert "4.png" not in str(caught.value)


@pytest.mark.parametrize("name", ["photo.heic", "photo", "broken-link.png"])
def test_a_file_that_may_be_an_image_is_never_passed_over(tmp_path, name):
    save(tmp_path / "a" / "1.png", 0)
    if name == "broken-link.png":
        (tmp_path / "a" / name).symlink_to(tmp_path / "nowhere")
    else:
        (tmp_path / "a" / name).write_bytes(b"not for Pillow")
    with pytest.raises(ValueError) as caught:
        load_images(tmp_path)
    assert_names(caught, "cannot read 1", tmp_path / "a" / name)


def test_pixels_without_a_fixed_range(tmp_path):
    tmp_path.joinpath("a").mkdir()
    Image.new("F", (4, 4), 0.5).save(tmp_path / "a" / "1.tiff")
    with pytest.raises(ValueError) as caught:
        load_images(tmp_path)
    assert_names(caught, tmp_path / "a" / "1.tiff", "8 or 16 bits")


def test_no_test_split(tmp_path):
    save(tmp_path / "a" / "1.png", 0)
    with pytest.raises(FileNotFoundError) as caught:
        load_images(tmp_path, split="test")
    assert_names(caught, "no test split", tmp_path / "train", tmp_path / "test")


def test_splits_with_different_classes_would_mix_up_the_labels(tmp_path):
    for class_folder in ("train/a", "train/b", "test/b"):
        save(tmp_path / class_folder / "1.png", 0)
    with pytest.raises(ValueError) as caught:
        load_images(tmp_path, split="test")
    assert_names(caught, tmp_path / "train", tmp_path / "test", "['a', 'b']", "['b']")


# torchvision


def write_idx(path, values):
    """Write an array of bytes in MNIST's own format: magic number, sizes, values."""
    header = np.array([0x0800 + values.ndim, *values.shape], dtype=">i4").tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(header + values.astype(np.uint8).tobytes())


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "cache" / "datasets"


def write_set(raw):
    """Four training and two test images, whose labels are 9 - k and 4 - k."""
    pictures = np.random.default_rng(0).integers(0, 256, (4, 28, 28))
    for part, count, first in (("train", 4, 9), ("t10k", 2, 4)):
        write_idx(raw / f"{part}-images-idx3-ubyte", pictures[:count])
        write_idx(raw / f"{part}-labels-idx1-ubyte", first - np.arange(count))
    return pictures


@pytest.mark.parametrize("name", ["MNIST", "FashionMNIST", "KMNIST"])
def test_a_torchvision_set_goes_by_its_name(cache, name):
    pictures = write_set(cache / name / "raw")
    train, held_out = load_images(name, size=28), load_images(name, size=28, split="test")
    assert train.pixels[:, 0].tolist() == pictures.tolist() and train.labels.tolist() == [9, 8, 7, 6]
    assert held_out.pixels[:, 0].tolist() == pictures[:2].tolist() and held_out.labels.tolist() == [4, 3]
    assert train.name == name and len(train.classes) == 10
    assert load_images(name, size=32, channels=3).shape == (3, 32, 32)


def test_a_folder_comes_before_the_torchvision_set_of_its_name(cache):
    write_set(cache / "MNIST" / "raw")
    save(Path("MNIST") / "mine" / "1.png", 5)
    assert load_images("MNIST").classes == ("mine",)


def test_without_a_network_the_way_out_is_named(cache, monkeypatch):
    def no_network(*_, **__):
        raise URLError("no network")

    monkeypatch.setattr("urllib.request.urlopen", no_network)
    with pytest.raises(RuntimeError) as caught:
        load_images("MNIST")
    assert_names(caught, cache / "MNIST" / "raw", "network", "data_dir=''")


def test_a_damaged_copy_is_named(cache):
    write_set(cache / "MNIST" / "raw")
    (cache / "MNIST" / "raw" / "train-images-idx3-ubyte").write_bytes(b"\0\0\x08\x03")
    with pytest.raises(RuntimeError) as caught:
        load_images("MNIST")
    assert_names(caught, "no complete copy", cache / "MNIST" / "raw")


def test_torchvision_and_matplotlib_are_not_imported_before_they_are_needed():
    listing = "import sys, gan_lab.data.images; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True, check=True)
    imported = set(done.stdout.split())
    assert "gan_lab.data.images" in imported and not imported & {"torchvision", "matplotlib"}
