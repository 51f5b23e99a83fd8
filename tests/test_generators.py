"""The generators of clips: losses, constraints and lengths against plain numpy."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from small import pendula
from vdsm import InputError
from vdsm.config import override
from vdsm.methods.g3an import recipe as g3an
from vdsm.methods.g3an.model import time_kernels
from vdsm.methods.parts.clipping import clip, clipped
from vdsm.methods.parts.critics import CriticsConfig
from vdsm.methods.parts.dcgan import CONVOLUTIONS
from vdsm.methods.parts.volumes import StridedCritic, first_frames, time_doubles
from vdsm.methods.table import method_of
from vdsm.methods.tgan import recipe as tgan
from vdsm.methods.vgan import recipe as vgan
from vdsm.protocol import Encodes, Recombines, missing
from vdsm.store.run import Run
from vdsm.train.step import make_optimizers

FIXED = ["vgan", "tgan", "g3an"]  # they draw clips of just so many frames
EACH = pytest.mark.parametrize("name", FIXED)


def small(name: str, **changes: Any) -> Any:
    """The debug preset's model of 32 pixels, in double precision."""
    torch.manual_seed(0)
    method = method_of(name)
    config = replace(method.preset("debug", "compact").model, size=32, **changes)
    return method.build(config).double().train()


def softplus(x: np.ndarray) -> np.ndarray:
    return np.log1p(np.exp(x))


# -- lengths ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("frames", "size"), [(4, 32), (8, 64), (16, 64), (32, 64), (32, 32)])
def test_the_doublings_end_at_the_frames(frames: int, size: int) -> None:
    doubles = time_doubles(frames, size)
    assert first_frames(frames, size) * 2 ** sum(doubles) == frames
    assert 4 * 2 ** len(doubles) == size
    clip = torch.zeros(2, frames, 1, size, size)
    assert StridedCritic(frames, size, 1, 1)(clip).shape == (2, 1)


def test_thirty_two_frames_of_64_pixels_are_the_papers() -> None:
    """Two frames of 4 x 4 before four doublings of space and time alike."""
    assert (first_frames(32, 64), time_doubles(32, 64)) == (2, [True] * 4)
    assert (first_frames(16, 64), time_doubles(16, 64)) == (1, [True] * 4)
    assert (first_frames(8, 64), time_doubles(8, 64)) == (1, [False, True, True, True])


@torch.no_grad()
@EACH
@pytest.mark.parametrize("size", [32, 64, 128])
@pytest.mark.parametrize(("frames", "channels"), [(4, 1), (8, 3), (16, 1), (32, 3)])
def test_clips_drawn_have_the_frames_of_the_settings(
    name: str, size: int, frames: int, channels: int
) -> None:
    method = method_of(name)
    debug = method.preset("debug", "compact").model
    config = replace(debug, size=size, frames=frames, channels=channels, width=2)
    model: Any = method.build(config).eval()
    assert model.generate(1, frames).shape == (1, frames, channels, size, size)
    shorter = model.generate(1, frames - 1, torch.Generator().manual_seed(0))
    whole = model.generate(1, frames, torch.Generator().manual_seed(0))
    assert torch.equal(whole[:, :-1], shorter)


@EACH
def test_longer_clips_than_it_draws_are_one_line(name: str) -> None:
    model: Any = small(name)
    with pytest.raises(InputError, match=r"draws clips of 8 frames, not 9: ask for no more, or"):
        model.generate(1, 9)


@EACH
def test_data_of_shorter_clips_are_one_line(name: str, tmp_path: Path) -> None:
    method = method_of(name)
    config = method.preset("debug", "compact")
    config = replace(config, model=replace(config.model, size=32, frames=16))
    data = pendula(tmp_path / "data", frames=12)
    with pytest.raises(InputError, match=r"longest training clip .* has 12: lower --model.frames"):
        Run.create(tmp_path / "run", config, data, "debug", method=name)
    assert not (tmp_path / "run").exists()


@EACH
def test_presets_name_sizes_that_can_be_built(name: str) -> None:
    method = method_of(name)
    names = {(p, size) for p in method.presets for size in ("compact", "paper")}
    configs = {n: method.preset(*n) for n in names - {("debug", "paper")}}  # type: ignore[arg-type]
    for (preset, _), config in configs.items():
        assert method.frames(config) == (8 if preset in ("sprites", "debug") else 16)
    for model in {replace(config.model, width=2) for config in configs.values()}:
        method.build(model)


@pytest.mark.parametrize(("name", "deviation"), [("vgan", 0.01), ("tgan", 0.02)])
def test_kernels_start_as_the_papers_say(name: str, deviation: float) -> None:
    """The standard error of a deviation of n numbers is its 1/√2n; four of them, a kernel of 5,000.

    False alarms: some 6e-5 a kernel.
    """
    model = small(name, width=16)
    kernels = [m.weight for m in model.modules() if isinstance(m, CONVOLUTIONS)]
    large = [k.detach().numpy() for k in kernels if k.numel() > 5000]
    assert len(large) > 5
    for kernel in large:
        assert abs(kernel.std() / deviation - 1) < 4 / (2 * kernel.size) ** 0.5
        assert abs(kernel.mean() / deviation) < 4 / kernel.size**0.5


@pytest.mark.parametrize(("name", "exchanges"), [("vgan", 0), ("tgan", 0), ("g3an", 1)])
def test_what_they_can_do(name: str, exchanges: int) -> None:
    model = small(name)
    assert (
        missing(model, Encodes) == f"{model.title} has no encoder: codes of clips cannot be asked"
    )
    assert (missing(model, Recombines) is None) == bool(exchanges)


# -- VGAN ------------------------------------------------------------------------------------------


@torch.no_grad()
def test_vgan_composes_as_equation_2() -> None:
    model = small("vgan")
    f, m, b = (t.numpy() for t in model.streams(torch.randn(2, 100).double()))
    drawn = vgan.composed(*(torch.from_numpy(t) for t in (f, m, b))).numpy()
    for t in range(8):
        for channel in range(3):
            moving = m[:, t, 0] * f[:, t, channel]
            still = (1 - m[:, t, 0]) * b[:, 0, channel]
            assert np.allclose(drawn[:, t, channel], moving + still)


@torch.no_grad()
def test_vgans_losses_are_those_of_numpy() -> None:
    model = small("vgan")
    x = torch.rand(3, 8, 3, 32, 32).double()
    z = model.latent(3, torch.Generator().manual_seed(1))
    made = model.clips_of(z)
    scores = [model.critic(clips)[:, 0].numpy() for clips in (2 * x - 1, made)]
    found = vgan.critic(vgan.TrainConfig(), model, x, torch.Generator().manual_seed(1))
    assert np.allclose(found["real"], softplus(-scores[0]))
    assert np.allclose(found["made"], softplus(scores[1]))
    told = vgan.generator(model, x, torch.Generator().manual_seed(1))
    assert np.allclose(told["clip"], softplus(-scores[1]))
    mask = model.streams(z)[1].numpy()
    assert np.allclose(told["mask"], np.abs(mask).sum((1, 2, 3, 4)) / mask[0].size)


def test_the_slope_of_critics_is_that_of_a_closed_form() -> None:
    """Of places (w x)²: R1 of their sum is 2 Σ w⁴ x², whose derivative is 8 Σ w³ x²."""
    w = torch.tensor([0.5, -2.0, 1.5], dtype=torch.double, requires_grad=True)
    real, made = (torch.randn(4, 3, generator=torch.Generator().manual_seed(i)) for i in (0, 1))

    def critic(x: torch.Tensor) -> torch.Tensor:
        return (w * x.double()).square()

    terms = CriticsConfig(slope=3.0).told(critic, real, made)
    x, known = real.double().numpy(), w.detach().numpy()
    assert np.allclose(terms["slope"].detach(), (2 * known**4 * x**2).sum(1), rtol=1e-5)
    terms["slope"].sum().backward()
    assert w.grad is not None
    assert np.allclose(w.grad, (8 * known**3 * x**2).sum(0), rtol=1e-5)
    plain = CriticsConfig().told(critic, real, made)
    assert plain.keys() == {"real", "made"}
    assert all(torch.equal(plain[name], terms[name]) for name in plain)


def test_critics_learn_at_a_rate_of_their_own() -> None:
    config = method_of("vgan").preset("debug", "compact")
    config = override(config, {"train.critic_rate": "0.4", "train.slope": "2"}, "test")
    (stage,) = vgan.stages(config)
    optimizers = make_optimizers(small("vgan"), stage)
    rates = {name: o.param_groups[0]["relative"] for name, o in optimizers.items()}
    assert rates == {"critic": 0.4, "generator": 1.0}
    critic, _ = stage.players
    weights = stage.weights(critic, stage.schedule(0.0))
    assert weights == {"real": 1.0, "made": 1.0, "slope": 2.0}


# -- TGAN ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3, 5), (6, 2), (4, 3, 4), (5, 2, 3, 3), (3, 2, 4, 4, 4)])
def test_singular_values_are_clipped_at_1(shape: tuple[int, ...]) -> None:
    """Against numpy: the same directions, each stretched by 1 at most."""
    weight = torch.randn(shape, generator=torch.Generator().manual_seed(0)).double()
    weight /= np.linalg.svd(weight.numpy().reshape(shape[0], -1))[1].mean()
    u, s, v = np.linalg.svd(weight.numpy().reshape(shape[0], -1), full_matrices=False)
    assert s.max() > 1 > s.min()
    wanted = sum(min(1.0, s[i]) * np.outer(u[:, i], v[i]) for i in range(len(s)))
    assert np.allclose(clipped(weight).numpy().reshape(shape[0], -1), wanted)
    within = weight / (2 * s.max())
    assert torch.allclose(clipped(within), within)


def test_scales_of_batch_norm_are_clipped_at_the_deviation() -> None:
    norm = torch.nn.BatchNorm2d(4)
    norm.weight.data = torch.tensor([1.0, 3.0, -1.0, 0.0])
    norm.running_var = torch.tensor([4.0, 4.0, 4.0, 0.25])
    bias = norm.bias.clone()
    clip(norm)
    assert norm.weight.tolist() == pytest.approx([1.0, 2.0, 0.02, 0.005])
    assert torch.equal(norm.bias, bias)


def test_every_layer_of_the_critic_is_clipped_and_the_generator_is_not() -> None:
    model = small("tgan")
    for p in model.parameters():
        p.data.mul_(100)
    before = {k: t.clone() for k, t in model.state_dict().items()}
    clip(model.critic)
    kernels = [p for p in model.critic.parameters() if p.ndim > 1]
    assert len(kernels) == 4
    for kernel in kernels:
        most = np.linalg.svd(kernel.detach().numpy().reshape(len(kernel), -1))[1].max()
        assert most == pytest.approx(1)
    changed = {k for k, t in model.state_dict().items() if not torch.equal(t, before[k])}
    assert changed
    assert all(k.startswith("critic.") for k in changed)


def test_what_is_not_finite_is_left_for_the_loop_to_find() -> None:
    model = small("tgan")
    kernel = model.critic.layers[0].weight
    kernel.data[0] = torch.nan
    clip(model.critic)
    assert kernel.isnan().any()


def test_the_critic_is_clipped_at_every_fifth_step() -> None:
    model = small("tgan")
    (stage,) = tgan.stages(method_of("tgan").preset("debug", "compact"))
    assert stage.settings.clip_every == 5  # the paper's
    for step in range(11):
        model.critic.layers[0].weight.data.fill_(9.0)
        stage.players[0].after(model, step)
        clipped_now = bool((model.critic.layers[0].weight < 9).all())
        assert clipped_now == (step in (4, 9))


@torch.no_grad()
def test_tgans_losses_are_those_of_numpy() -> None:
    model = small("tgan")
    x = torch.rand(3, 8, 3, 32, 32).double()
    z = model.latent(3, torch.Generator().manual_seed(1))
    assert -1 <= z.min() < -0.9
    assert 0.9 < z.max() <= 1
    made = model.clips_of(z)
    real, drawn = (model.critic(clips)[:, 0].numpy() for clips in (2 * x - 1, made))
    terms = tgan.critic(model, x, torch.Generator().manual_seed(1))
    distance = drawn.mean() - real.mean()  # less the Wasserstein distance
    assert sum(t.mean().item() for t in terms.values()) == pytest.approx(distance, rel=1e-5)
    told = tgan.generator(model, x, torch.Generator().manual_seed(1))
    assert told["clip"].mean().item() == pytest.approx(-drawn.mean(), rel=1e-5)


@torch.no_grad()
def test_a_frame_of_tgan_hears_of_its_own_latent_and_the_clips() -> None:
    model = small("tgan").eval()
    z = model.latent(2, torch.Generator().manual_seed(1))
    motion = model.temporal_generator(z)
    other = motion.clone()
    other[:, 3] = 0
    whole, changed = (model.frame_generator(z, m) for m in (motion, other))
    same = [torch.equal(whole[:, t], changed[:, t]) for t in range(8)]
    assert same == [t != 3 for t in range(8)]
    assert not torch.equal(model.frame_generator(z.flip(0), motion)[:, 0], whole[:, 0])


# -- G3AN ------------------------------------------------------------------------------------------


def test_time_of_the_papers_critic_is_used_up() -> None:
    assert time_kernels(16, 5) == [4, 4, 4, 4, 4]
    assert time_kernels(8, 5) == [3, 3, 2, 2, 2]
    for frames, layers in ((4, 4), (8, 4), (16, 6), (8, 6)):
        assert frames - sum(k - 1 for k in time_kernels(frames, layers)) == 1
    assert time_kernels(32, 5) == [4] * 5  # 17 places are left


def test_all_kernels_but_the_last_are_divided_by_their_largest_singular_value() -> None:
    model = small("g3an")
    x = torch.rand(4, 8, 3, 32, 32, generator=torch.Generator().manual_seed(0)).double()
    for _ in range(100):  # of power iteration
        made = model.clips_of(*model.latents(4, torch.Generator().manual_seed(1)))
        model.clip_critic(x), model.frame_critic(made[:, 0])
    layers = [m for m in model.eval().modules() if isinstance(m, CONVOLUTIONS)]
    assert len(layers) == 4 * 4 + 1 + 4 + 8
    for layer in layers:
        kernel = layer.weight.detach()
        outputs_first = kernel.transpose(0, 1) if "Transpose" in str(type(layer)) else kernel
        matrix = outputs_first.flatten(1).numpy()
        most = np.linalg.svd(matrix)[1].max()
        if layer is model.generator.colour:
            assert most != pytest.approx(1, abs=0.05)
        else:
            assert most == pytest.approx(1, abs=0.01)


@torch.no_grad()
def test_a_block_takes_up_space_and_time_as_in_the_paper() -> None:
    block = small("g3an").generator.blocks[1].eval()
    s, v, t = torch.randn(2, 16, 1, 4, 4), torch.randn(2, 32, 4, 4, 4), torch.randn(2, 16, 4, 1, 1)
    space, video, time = (a.numpy() for a in block(s.double(), v.double(), t.double()))
    alone = block.video(v.double()).numpy()
    assert (space.shape, time.shape) == ((2, 16, 1, 8, 8), (2, 16, 8, 1, 1))
    assert video.shape == (2, 32, 8, 8, 8)
    for frame in range(8):
        assert np.array_equal(video[:, :16, frame], space[:, :, 0])
        for y, x in ((0, 0), (7, 3)):
            wanted = alone[:, :, frame, y, x] + time[:, :, frame, 0, 0]
            assert np.allclose(video[:, 16:, frame, y, x], wanted)


@torch.no_grad()
def test_g3ans_losses_are_those_of_numpy() -> None:
    model = small("g3an").eval()  # power iteration stands still
    x = torch.rand(3, 8, 3, 32, 32).double()

    def seeded() -> torch.Generator:
        return torch.Generator().manual_seed(1)

    made = model.clips_of(*model.latents(3, seeded()))
    real, drawn = (model.clip_critic(clips)[:, 0].numpy() for clips in (2 * x - 1, made))
    terms = g3an.clip_critic(CriticsConfig(), model, x, seeded())
    assert np.allclose(terms["real"], softplus(-real))
    assert np.allclose(terms["made"], softplus(drawn))
    told = g3an.generator(model, x, seeded())
    assert np.allclose(told["clip"], softplus(-drawn))
    scores = model.frame_critic(made.flatten(0, 1))[:, 0].numpy().reshape(3, 8)
    each = softplus(-scores)  # of every frame; the loss is of one of each clip
    assert all(np.isclose(told["frame"][i], each[i]).any() for i in range(3))
    frames = g3an.frame_critic(CriticsConfig(), model, x, seeded())
    assert all(np.isclose(frames["made"][i], softplus(scores[i])).any() for i in range(3))


def test_the_state_of_power_iteration_is_saved() -> None:
    """Or else no resumed run would be exact, and a model would not open as it was trained."""
    model = small("g3an")
    vectors = [k for k in model.state_dict() if k.endswith("._u")]
    assert len(vectors) == len([m for m in model.modules() if isinstance(m, CONVOLUTIONS)]) - 1
    before = {k: t.clone() for k, t in model.state_dict().items()}
    model.generate(2, 8)
    assert any(not torch.equal(model.state_dict()[k], before[k]) for k in vectors)
