"""`vdsm bench`: floors against counted work, keys that stay, comparisons; nothing is timed."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from small import SMALL
from vdsm import VDSM, InputError
from vdsm.bench import work
from vdsm.bench.machine import Machine
from vdsm.bench.method import counted, measure_method
from vdsm.bench.size import Bench, Measured, Timed, measure
from vdsm.bench.work import Work
from vdsm.commands import bench as command
from vdsm.commands.bench import timed
from vdsm.config import override
from vdsm.methods.table import method_of
from vdsm.methods.vdsm.config import ModelConfig
from vdsm.methods.vdsm.presets import NAMES, Size, preset
from vdsm.methods.vdsm.stages import stages
from vdsm.options import read
from vdsm.protocol import Encodes

SPEEDS = Machine(1.0, 2.0, 4.0, 10.0)
KEYS = ["stage1_step_s", "stage2_step_s", "generate_20_s", "encode_fps", "peak_mib"]


@pytest.fixture(scope="module")
def measured() -> tuple[Measured, float]:
    return measure(Bench(SMALL, torch.device("cpu"), False, 1))


@pytest.mark.parametrize("size", [32, 64])
def test_work_of_the_encoder_is_what_torch_counts(size: Any) -> None:
    config = ModelConfig(size=size, encoder_width=0.125, decoder_width=1 / 32)
    model = VDSM(config)
    with FlopCounterMode(display=False) as counter:
        model.encoder(torch.rand(2, 3, 3, size, size))
    counts = counter.get_flop_counts()["Global"]
    convolutions = counts[torch.ops.aten.convolution]
    blur = sum(  # depthwise, 4 x 4 taps
        2 * 6 * width * 16 * ((size >> (layer + 1)) ** 2)
        for layer, width in enumerate(config.encoder_widths[:-1])
    )
    assert work.encoder(config, 6).conv_flops == convolutions - blur


def bench(*words: str) -> None:
    """The command."""
    command.run(read(command.Options, words, "vdsm bench"))


def test_work_of_the_decoder_is_that_of_its_definition() -> None:
    """By hand at 32 pixels: inputs 5 -> 16 -> 8 -> 4 -> 3, one expert of which 2 are blended."""
    config = ModelConfig(size=32, pose_dim=3, identity_dim=2, decoder_width=1 / 32)
    banks = [5 * 16 * 16, 16 * 16 * 8, 8 * 16 * 4, 4 * 16 * 3]
    drawn = sum(bank * positions for bank, positions in zip(banks, (1, 16, 64, 256), strict=True))
    expected = 2 * 7 * 2 * sum(banks) + 2 * 7 * 4 * drawn  # 7 clips of 4 frames
    assert work.decoder(config, 7, 4).matmul_flops == expected


def test_floor_adds_up() -> None:
    done = Work(4e12, 2e12, 5e9) + 2 * Work(0, 1e12, 0)
    assert done.floor(SPEEDS, bf16=False) == pytest.approx(1 + 4 + 0.5)
    assert done.floor(SPEEDS, bf16=True) == pytest.approx(1 + 2 + 0.5)


def test_every_part_is_measured_beside_its_floor(measured: tuple[Measured, float]) -> None:
    times, peak = measured
    assert peak > 0
    for stage in ("stage1_step", "stage2_step"):
        parts = {name.split(".")[1] for name in times if name.startswith(f"{stage}.")}
        assert parts == {"load", "encoder", "decoder", "optimizer", "rest"}
    rows = command.breakdown(times, SPEEDS, bf16=False)
    for name, row in rows.items():
        assert row["floor"] == times[name].work.floor(SPEEDS, False)
        assert row["share"] * row["seconds"] == pytest.approx(row["floor"])
    halves = command.breakdown(times, SPEEDS, bf16=True)
    assert halves["generate_20"]["floor"] == pytest.approx(rows["generate_20"]["floor"] / 2)
    assert halves["encode"] == rows["encode"]


def test_command(
    measured: tuple[Measured, float],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The stable keys, and ratios against an earlier file."""
    monkeypatch.setattr(command, "in_own_process", lambda *_: measured)
    monkeypatch.setattr(command.machine, "measure", lambda *_: SPEEDS)
    file = tmp_path / "bench.json"
    bench("--sizes", "paper,compact", "--out", str(file))
    numbers = json.loads(file.read_text())
    keys = {f"{size}.{key}" for size in ("compact", "paper") for key in KEYS}
    keys |= {"machine.matmul_fp32_tflops", "machine.matmul_bf16_tflops", "machine.memory_gb_s"}
    assert numbers.keys() == keys | {"detail"}
    numbers["compact.stage1_step_s"] *= 2
    file.write_text(json.dumps(numbers))
    capsys.readouterr()
    bench("--sizes", "compact", "--compare", str(file))
    printed = capsys.readouterr().out
    row = next(line for line in printed.splitlines() if "compact.stage1_step_s" in line)
    assert "0.50" in row


def small(name: str) -> Bench:
    """The debug preset of a method, at 32 pixels."""
    config = method_of(name).preset("debug", "compact")
    config = override(config, {"model.size": "32", "train.batch": "2"}, "test")
    return Bench(config, torch.device("cpu"), False, 1)


@pytest.mark.parametrize("name", ["dbse", "s3vae", "skd", "mocogan", "vgan"])
def test_a_method_is_timed_as_far_as_it_goes(name: str) -> None:
    method = method_of(name)
    bench = small(name)
    times = measure_method(bench, method)
    (stage,) = method.stages(bench.config)
    parts = {f"train_step.{part}" for part in ("load", *(p.name for p in stage.players))}
    model = method.build(bench.config.model)
    uses = {"generate_20"} | ({"encode"} if isinstance(model, Encodes) else set())
    assert times.keys() == {"train_step"} | parts | uses
    whole = times["train_step"]
    assert whole.seconds == pytest.approx(sum(times[part].seconds for part in parts))
    assert whole.work.bytes == 28 * sum(p.numel() for p in model.parameters())


def test_work_of_a_method_is_that_of_its_layers() -> None:
    """A frame of DBSE's: the convolutions 3 -> 4 -> 8 -> 16 -> 128 by hand, of 4 x 4 kernels."""
    layers = ((3, 4, 16**2), (4, 8, 8**2), (8, 16, 4**2), (16, 128, 1))
    by_hand = sum(2 * 16 * before * after * places for before, after, places in layers)
    times = measure_method(small("dbse"), method_of("dbse"))
    assert times["encode"].work.conv_flops == pytest.approx(by_hand)


def test_command_times_any_method(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    turns = {"train_step": Timed(2.0, Work(4e12)), "train_step.generator": Timed(1.5, Work())}
    monkeypatch.setattr(command, "in_own_process", lambda *_: (turns, 7.0))
    monkeypatch.setattr(command.machine, "measure", lambda *_: SPEEDS)
    bench("--method", "mocogan", "--out", str(tmp_path / "bench.json"))
    numbers = json.loads((tmp_path / "bench.json").read_text())
    assert {k for k in numbers if k.startswith("compact.")} == {
        "compact.train_step_s",
        "compact.peak_mib",
    }
    assert numbers["detail"]["method"] == "mocogan"
    assert "generator" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--method", "gan"], "no method 'gan' in this version"),
        (["--method", "dbse", "--preset", "mug"], "unknown preset 'mug' of size compact"),
        (["--sizes", "huge"], "--sizes has 'huge': choose from compact, paper"),
        (["--preset", "sprite"], "unknown preset 'sprite'"),
        (["--repeat", "3"], "unknown option --repeat"),
        (["--compare", "{tmp}/none.json"], "cannot read"),
        (["--compare", "{tmp}/other.json"], "is not a result of 'vdsm bench --out'"),
    ],
)
def test_bad_input(words: list[str], message: str, tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(InputError, match=message):
        bench(*(word.format(tmp=tmp_path) for word in words))


@pytest.mark.parametrize("size", ["compact", "paper"])
@pytest.mark.parametrize("name", NAMES)
def test_every_preset_is_timed_as_the_paper_trains(name: str, size: Size) -> None:
    """The terms that a step without additions has are those that the schedules weigh."""
    config = timed(name, size)
    one, two = (stage.schedule(0.5).weights for stage in stages(config))
    assert set(one) == {"log_likelihood", "kl_z", "kl_s"}
    assert set(two) == {*one, "kl_d"}
    sampled = stages(config)[0].settings
    assert sampled.optimizer == "adam"
    if size == "compact" and name != "debug":
        assert (sampled.batch, sampled.frames) == (16, preset(name, "paper").stage1.frames)


def test_operations_are_counted_as_torch_counts_them() -> None:
    """A step's forward and backward pass of layers of every kind that counts."""
    net = torch.nn.Sequential(
        torch.nn.Conv2d(2, 3, 3), torch.nn.ConvTranspose2d(3, 4, 4, 2), torch.nn.Flatten(),
        torch.nn.Linear(4 * 14 * 14, 5),
    )  # fmt: skip
    x = torch.rand(2, 2, 8, 8)

    def step() -> None:
        net(x).sum().backward()

    with FlopCounterMode(display=False) as counter:
        step()
    work = counted(step)
    assert work.conv_flops + work.matmul_flops == counter.get_total_flops() > 0
