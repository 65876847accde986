import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from jupyter_client.kernelspec import KernelSpecManager

from gan_lab.runner import doctor


def test_this_machine_can_run_the_course() -> None:
    found = doctor.examine(seconds=0).set_index("check")
    assert found.loc[found["state"] == "broken", "found"].to_dict() == {}
    assert found.loc["data", "found"] == "1005 bundled digits in 5 classes"
    assert {"Python", "torch", "kernel", "disk", "device", "threads", "speed"} <= set(found.index)


def test_a_training_that_fails_is_broken_with_its_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError('libcudart.so is missing')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (finding,) = doctor.training(seconds=0)
    assert (finding.state, finding.found) == ("broken", "ImportError: libcudart.so is missing")
    assert "-m gan_lab.measure.speed" in finding.remedy


def test_a_package_that_is_missing_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "PACKAGES", ("pytest", "no-such-package"))
    assert [(finding.found, finding.state) for finding in doctor.packages()][1] == ("missing", "broken")
    assert next(doctor.packages()).state == "good"


def test_a_kernel_of_another_python_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.kernel().state == "good"
    other = shutil.copy(shutil.which("true") or "/bin/true", tmp_path / "python3")
    spec = tmp_path / "kernels" / "python3"
    spec.mkdir(parents=True)
    (spec / "kernel.json").write_text(
        json.dumps(
            {"argv": [str(other), "-m", "ipykernel_launcher", "-f", "{connection_file}"], "display_name": "other"}
        )
    )
    monkeypatch.setattr(KernelSpecManager, "_kernel_dirs_default", lambda self: [str(tmp_path / "kernels")])
    assert doctor.kernel().state == "broken"
    assert str(other) in doctor.kernel().found
    Path(other).unlink()
    assert "does not exist" in doctor.kernel().found


@pytest.mark.parametrize(("gigabytes", "state"), [(0.1, "broken"), (2.0, "note"), (50.0, "good")])
def test_a_full_disk_is_broken(monkeypatch: pytest.MonkeyPatch, gigabytes: float, state: str) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=gigabytes * 1e9))
    assert doctor.disk(Path(".")).state == state


def test_few_threads_are_a_note_if_the_environment_asks_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "CPU_COUNT", 8)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert doctor.threads(2) == doctor.Finding(
        "threads", "2 of 8 cores", "note", "OMP_NUM_THREADS=2 holds training back: unset it."
    )
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert doctor.threads(4).state == "good"  # one thread a physical core


@pytest.mark.parametrize(("driver", "state"), [("/usr/bin/nvidia-smi", "note"), (None, "good")])
def test_a_gpu_that_is_not_used_is_a_note_with_the_way_out(
    monkeypatch: pytest.MonkeyPatch, driver: str | None, state: str
) -> None:
    monkeypatch.setattr("shutil.which", {"nvidia-smi": driver}.get)
    found = doctor.device("cpu")
    assert (found.found, found.state) == ("the CPU", state)
    assert ("install a CUDA build of PyTorch" in found.remedy) == (state == "note")
    assert doctor.device("NVIDIA H200") == doctor.Finding("device", "NVIDIA H200", "good")


@pytest.mark.parametrize(("step", "state"), [(0.25, "good"), (1.5, "note")])
def test_a_machine_on_which_a_round_takes_longer_than_a_second_is_a_note(
    monkeypatch: pytest.MonkeyPatch, step: float, state: str
) -> None:
    measured = {"images": 9, "classes": 3, "device": "cpu", "threads": 1, "seconds_a_round": step, "rounds_an_epoch": 4}
    done = SimpleNamespace(returncode=0, stdout=f"a word before it\n{json.dumps(measured)}\n", stderr="")
    monkeypatch.setattr("subprocess.run", lambda *_, **__: done)
    speed = {finding.check: finding for finding in doctor.training(seconds=0)}["speed"]
    assert speed.state == state and ("-p width 0.5" in speed.remedy) == (state == "note")
    assert speed.found == f"{step:.3f} s a round of B1, {4 * step:.0f} s an epoch at full width"
