"""bfloat16: training reaches what float32 reaches, frames stay close, codes and dtypes stay."""

import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from itertools import product
from operator import attrgetter
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from small import SMALL, pendula
from vdsm import VDSM, InputError
from vdsm.data import Clips, open_clips
from vdsm.device import as_video, full_float32, pick_device, send, use_bf16
from vdsm.methods.vdsm.additions.bounds import Views
from vdsm.methods.vdsm.config import ModelConfig, Stage1Config, Stage2Config
from vdsm.methods.vdsm.decoder import FEW, blend
from vdsm.methods.vdsm.stages import stages
from vdsm.notation import Codes
from vdsm.train.step import Bound, make_optimizer, take_step

STEPS, SEEDS, LAST = 60, 3, 10
CONFIG = replace(
    SMALL,
    stage1=Stage1Config(batch=8, frames=4, lr=3e-3),
    stage2=Stage2Config(batch=8, frames=6, lr=1.2e-2),
)


def train(clips: Clips, seed: int, bf16: bool) -> list[list[float]]:
    """Losses of 60 steps of each stage. Weights and batches are always the same; noise is not."""
    torch.manual_seed(0)
    model, generator = VDSM(CONFIG.model), torch.Generator().manual_seed(seed)
    losses: list[list[float]] = []
    for stage in stages(CONFIG):
        sampler, rng = stage.sampler(clips), np.random.default_rng(0)
        (player,) = stage.players
        optimizer = make_optimizer(model, player, stage.settings.lr)
        bound = Bound(player, model)
        schedule = stage.schedule(1.0)
        stage.take(model, schedule.values)
        losses.append([])
        for _ in range(STEPS):
            batch = Views(as_video(sampler.draw(rng, stage.settings.batch).target))
            outcome = take_step(bound, optimizer, batch, generator, schedule.weights, bf16)
            losses[-1].append(outcome.loss.item())
    return losses


@pytest.mark.slow
def test_training_reaches_the_loss_of_float32(tmp_path: Path) -> None:
    """Mean loss of the last steps, over three noise seeds: equal within its standard error."""
    clips = open_clips(pendula(tmp_path / "data"))
    full, half = (
        np.array([train(clips, seed, bf16) for seed in range(SEEDS)]) for bf16 in (False, True)
    )  # [seed, stage, step]
    end_full, end_half = full[..., -LAST:].mean(-1), half[..., -LAST:].mean(-1)
    assert (end_full < full[..., :LAST].mean(-1)).all()  # something was learned
    assert not np.array_equal(full, half)  # and in another precision
    noise = end_full.std(0, ddof=1) / np.sqrt(SEEDS)
    assert (np.abs(end_half.mean(0) - end_full.mean(0)) < noise).all()


@pytest.fixture
def codes(tiny: ModelConfig) -> Codes:
    return Codes(
        0.3 * torch.randn(6, tiny.identity_dim),
        torch.randn(6, tiny.dynamics_dim),
        torch.randn(6, 4, tiny.pose_dim),
    )


def test_frames_are_those_of_float32_within_a_few_grey_levels(
    tiny: ModelConfig, codes: Codes
) -> None:
    """decode, beyond the codes' end too, and generate; the result is float32."""
    model = VDSM(tiny)

    def frames(precision: str) -> tuple[Tensor, Tensor]:
        model.precision = precision
        return model.decode(codes, 6), model.generate(2, 5, torch.Generator().manual_seed(0))

    for full, half in zip(frames("fp32"), frames("bf16"), strict=True):
        assert half.dtype == torch.float32
        assert not torch.equal(full, half)
        assert (full - half).abs().max() < 4 / 255


def test_precision_is_no_part_of_the_weights_nor_of_codes(tiny: ModelConfig) -> None:
    model, clips = VDSM(tiny), torch.rand(2, 5, 1, 32, 32)
    keys, plain = model.state_dict().keys(), model.encode(clips)
    model.precision = "bf16"
    assert model.state_dict().keys() == keys
    again = model.encode(clips)
    for part in ("s", "d", "z"):
        assert torch.equal(getattr(again, part), getattr(plain, part))


def test_double_precision_stays(
    tiny: ModelConfig, codes: Codes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model in float64 draws in float64, whatever the machine is fast at, from any codes."""
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    torch.manual_seed(1)
    single = VDSM(tiny).eval()
    model = deepcopy(single).double()
    single.precision = "fp32"
    clips = torch.rand(2, 3, 1, 32, 32)
    for precision in ("auto", "fp32"):
        model.precision = precision
        for given in (codes, codes.to(torch.float64)):
            drawn = model.decode(given, 6)
            assert drawn.dtype == torch.float64
            torch.testing.assert_close(drawn.float(), single.decode(codes, 6))
        for x in (clips, clips.double()):
            assert model.encode(x).z.dtype == torch.float64
            assert model.swap(x, x).dtype == model.generate(2, 3, given=x).dtype == torch.float64


def test_bfloat16_by_name_is_not_for_double_precision(tiny: ModelConfig, codes: Codes) -> None:
    model = VDSM(tiny).double()
    model.precision = "bf16"
    with pytest.raises(
        InputError, match="precision is 'bf16', but the model's weights are float64"
    ):
        model.decode(codes)


@pytest.mark.parametrize("clips", [FEW - 1, FEW])
def test_blend_of_few_clips_and_of_many(clips: int) -> None:
    """Both ways give the weights within rounding, in bfloat16, and a gradient in float32."""
    bank = torch.randn(5, 3, 4, 4, 2, requires_grad=True)
    mixture = torch.softmax(torch.randn(clips, 5), -1).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        blended = blend(bank, mixture)
    assert blended.dtype == torch.bfloat16
    plain = torch.einsum("bn,niklo->biklo", mixture, bank)
    torch.testing.assert_close(blended.float(), plain, rtol=2**-7, atol=2**-7)
    upward = torch.randn_like(plain)
    found = torch.autograd.grad(blended, (bank, mixture), upward.bfloat16())
    for ours, expected in zip(
        found, torch.autograd.grad(plain, (bank, mixture), upward), strict=True
    ):
        assert ours.dtype == torch.float32
        torch.testing.assert_close(
            ours, expected, rtol=0.02, atol=0.02 * float(expected.abs().max())
        )


def test_small_layers_are_in_float32_on_a_cpu_unless_asked_otherwise() -> None:
    cpu = torch.device("cpu")
    assert not use_bf16("auto", cpu, small=True)
    assert use_bf16("bf16", cpu, small=True)
    assert not use_bf16("fp32", cpu, small=False)


# -- full float32 ----------------------------------------------------------------------------------

ROOTS = ("backends", "backends.cudnn")
CUDNN = ("backends.cudnn.conv", "backends.cudnn.rnn")
OTHERS = ("cuda.matmul", "mkldnn.conv", "mkldnn.rnn", "mkldnn.matmul")
OPERATIONS = (*CUDNN, *(f"backends.{name}" for name in OTHERS))
# What a user may have told torch: precisions of its backends, or (matmul) the older setting.
TOLD: tuple[dict[str, str], ...] = (
    {},
    {"backends": "ieee"},
    {"backends": "tf32"},
    {"backends": "bf16"},
    {"backends.cudnn": "ieee"},
    {"backends.cudnn": "tf32"},
    {"backends": "ieee", "backends.cudnn": "tf32"},
    {"backends.cuda.matmul": "tf32"},
    {"backends": "tf32", "backends.cuda.matmul": "ieee"},
    {"backends.mkldnn.matmul": "bf16"},
    {"matmul": "high"},
    {"matmul": "medium"},
    {"matmul": "high", "backends.cuda.matmul": "none"},
    {"matmul": "medium", "backends.mkldnn.matmul": "none"},
    {"backends.cudnn.conv": "ieee"},
    {"backends.cudnn.rnn": "tf32", "backends": "ieee"},
)


def tell(told: Mapping[str, str]) -> None:
    for name, precision in told.items():
        if name == "matmul":
            torch.set_float32_matmul_precision(precision)
        else:
            attrgetter(name)(torch).fp32_precision = precision


def said(names: tuple[str, ...] = OPERATIONS) -> list[str]:
    return [attrgetter(name)(torch).fp32_precision for name in names]


def older() -> str:
    """The older setting, which torch refuses to say where the newer ones say otherwise."""
    try:
        return torch.get_float32_matmul_precision()
    except RuntimeError:
        return "mixed"


def everything() -> list[list[str]]:
    """What every operation says, now and whatever the roots say that some of them follow."""
    before = said(("backends",))
    torch.backends.fp32_precision = "none"
    before += said(("backends.cudnn",))
    found = []
    for precisions in product(("none", "ieee", "tf32"), repeat=2):
        tell(dict(zip(ROOTS, precisions, strict=True)))
        found.append([*said(), older()])
    tell(dict(zip(ROOTS, before, strict=True)))
    return [before, *found, [*said(), older()]]


@pytest.fixture
def untold() -> Iterator[None]:
    """Afterwards torch multiplies as it did before."""
    cudnn = said(CUDNN)
    yield
    torch.set_float32_matmul_precision("highest")
    tell(dict.fromkeys(ROOTS, "none"))
    tell({f"backends.{name}": "none" for name in OTHERS})
    if said(CUDNN) != cudnn:
        tell(dict(zip(CUDNN, cudnn, strict=True)))


@pytest.mark.usefixtures("untold")
@pytest.mark.parametrize("told", TOLD, ids=str)
def test_full_float32_whatever_torch_was_told(told: dict[str, str], tiny: ModelConfig) -> None:
    """Inside, also where one is inside another; afterwards torch is told what it was before."""
    model, x = VDSM(tiny), torch.rand(1, 2, 1, 32, 32)
    codes, y = model.encode(x), torch.rand(64, 64)
    expected = y @ y
    tell(told)
    before = everything()
    with full_float32():
        assert said() == ["ieee"] * len(OPERATIONS)
        assert torch.get_float32_matmul_precision() == "highest"
        assert torch.equal(y @ y, expected)
        with full_float32():
            pass
        assert said() == ["ieee"] * len(OPERATIONS)
    assert everything() == before
    assert torch.equal(model.encode(x).z, codes.z)
    assert everything() == before


@pytest.mark.usefixtures("untold")
def test_full_float32_ends_with_an_error_too() -> None:
    tell({"matmul": "high"})
    before = everything()
    with pytest.raises(ValueError, match="nothing"), full_float32():
        raise ValueError("nothing")
    assert everything() == before


@pytest.mark.usefixtures("untold")
def test_full_float32_in_many_threads(tiny: ModelConfig) -> None:
    """Some end with an error; the first in goes out last, then first: torch is told as before."""
    tell({"matmul": "high"})
    before = everything()
    model, x = VDSM(tiny), torch.rand(1, 2, 1, 32, 32)
    faults: list[object] = []

    def work(seed: int) -> None:
        rng = random.Random(seed)
        for turn in range(5):
            try:
                with full_float32():
                    time.sleep(rng.random() / 500)
                    model.encode(x)
                    faults.extend(said()[:] if set(said()) != {"ieee"} else [])
                    if turn % 2:
                        raise KeyError(turn)
            except KeyError:
                pass

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    assert everything() == before


@pytest.mark.usefixtures("untold")
@pytest.mark.parametrize("last", ["first in", "last in"])
def test_full_float32_of_two_that_overlap(last: str) -> None:
    """Without chance: whoever goes out last, torch is told as before."""
    tell({"matmul": "high"})
    before = everything()
    one, two = full_float32(), full_float32()
    one.__enter__()
    two.__enter__()
    for way_out in (two, one) if last == "first in" else (one, two):
        assert said() == ["ieee"] * len(OPERATIONS)
        way_out.__exit__(None, None, None)
    assert everything() == before


def test_poses_go_on_in_full_float32_and_frames_as_precision_says(
    tiny: ModelConfig, codes: Codes
) -> None:
    """As codes are encoded: on a GPU an LSTM has ten bits of the mantissa otherwise."""
    model, heard = VDSM(tiny), {}

    def hear(part: str) -> Callable[..., None]:
        return lambda *_: heard.update({part: said(CUDNN)})

    for part in ("dynamics_decoder", "decoder"):
        getattr(model, part).register_forward_pre_hook(hear(part))
    outside = said(CUDNN)
    model.decode(codes, codes.z.shape[1] + 2)
    assert heard["dynamics_decoder"] == ["ieee", "ieee"]
    assert heard["decoder"] == outside


# -- devices ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["meta", "hpu", "xla:0", "vulkan", "", "cpu:x", "cuda:99", "gpu"])
def test_devices_that_nothing_runs_on(name: str) -> None:
    with pytest.raises(InputError, match=f"device '{name}' is not to be had") as caught:
        pick_device(name)
    assert "\n" not in str(caught.value)


def test_devices_that_there_are() -> None:
    assert pick_device("cpu") == torch.device("cpu")
    assert pick_device("auto").type in ("cpu", "cuda", "mps")


@pytest.mark.parametrize(("device", "waits"), [("cuda", False), ("mps", True), ("cpu", True)])
def test_only_pinned_memory_is_sent_without_waiting(
    device: str, waits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other memory might be let go before the copy is done."""
    x, pinned, sent = torch.zeros(3), torch.ones(3), []

    def to(tensor: Tensor, *_: object, non_blocking: bool = False) -> Tensor:
        sent.append((tensor, non_blocking))
        return tensor

    monkeypatch.setattr(Tensor, "pin_memory", lambda _: pinned)
    monkeypatch.setattr(Tensor, "to", to)
    send(x, device)
    ((found, without_waiting),) = sent
    assert found is (x if waits else pinned)
    assert without_waiting is not waits
