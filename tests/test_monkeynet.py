"""MonkeyNet: keypoints, flow, transfer and losses against plain loops, numpy and scipy."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.ndimage import map_coordinates

from small import pendula
from vdsm import InputError
from vdsm.data import open_clips
from vdsm.data.clips import Clips
from vdsm.figures import drawable, set_scene
from vdsm.methods.monkeynet import recipe
from vdsm.methods.monkeynet.keypoints import (
    Keypoints,
    coarse_flow,
    gaussians,
    moments,
    moved,
    places,
    shifts,
    warped,
)
from vdsm.methods.monkeynet.model import MonkeyNet
from vdsm.methods.monkeynet.networks import Detector, Hourglass, critic_blocks
from vdsm.methods.table import method_of
from vdsm.protocol import Decodes, Encodes, Generates, Swaps, missing
from vdsm.store.run import Run
from vdsm.verdict.seen import choose, look

METHOD = method_of("monkeynet")


def config(**changes: Any) -> Any:
    """The debug preset's model of 32 pixels."""
    return replace(METHOD.preset("debug", "compact").model, size=32, **changes)


def small(**changes: Any) -> MonkeyNet:
    """In double precision."""
    torch.manual_seed(0)
    return MonkeyNet(config(**changes)).double()


def rand(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)).double()


def centre(index: int, count: int) -> float:
    """Of a pixel, in [-1, 1]."""
    return (2 * index + 1) / count - 1


def some_points(n: int = 2, k: int = 3, seed: int = 0) -> Keypoints:
    root = rand(n, k, 2, 2, seed=seed + 1)
    covariance = root @ root.mT + 0.05 * torch.eye(2).double()
    return Keypoints(2 * rand(n, k, 2, seed=seed) - 1, covariance)


# -- keypoints -------------------------------------------------------------------------------------


def test_mean_and_covariance_of_a_heat_map_by_loops() -> None:
    maps = rand(2, 3, 5, 7)
    maps = maps / maps.sum((2, 3), keepdim=True)
    found = moments(maps, least=0.25)
    with torch.autocast("cpu", torch.bfloat16):  # which is no finer than a pixel
        again = moments(maps, least=0.25)
    assert torch.equal(again.mean, found.mean)
    assert torch.equal(again.covariance, found.covariance)
    for n in range(2):
        for k in range(3):
            mean, covariance = np.zeros(2), 0.25 * np.eye(2)
            p = {(r, c): np.array([centre(c, 7), centre(r, 5)]) for r in range(5) for c in range(7)}
            for (r, c), place in p.items():
                mean += maps[n, k, r, c].item() * place
            for (r, c), place in p.items():
                away = place - mean
                covariance += maps[n, k, r, c].item() * np.outer(away, away)
            assert np.allclose(found.mean[n, k], mean)
            assert np.allclose(found.covariance[n, k], covariance)


def test_a_map_of_one_pixel_is_a_keypoint_there_as_wide_as_a_pixel() -> None:
    detector = Detector(3, [4, 4], 4, 2, temperature=0.1).double().eval()
    for parameter in detector.hourglass.last.parameters():
        torch.nn.init.zeros_(parameter)
    found = detector(rand(1, 3, 32, 32))  # maps that are flat: the uniform distribution's moments
    assert torch.allclose(found.mean, torch.zeros(1, 2, 2).double())
    flat = (1 - 1 / 32**2) / 3 + (2 / 32) ** 2
    assert torch.allclose(found.covariance, flat * torch.eye(2).double())
    peak = torch.zeros(1, 1, 32, 32).double()
    peak[0, 0, 4, 9] = 1
    point = moments(peak, (2 / 32) ** 2)
    assert point.mean.flatten().tolist() == [centre(9, 32), centre(4, 32)]
    again = gaussians(point, 32, alpha=1.0)[0, 0]
    assert again.argmax().item() == 4 * 32 + 9
    assert again[4, 10].item() == pytest.approx(np.exp(-0.5))


def test_gaussians_are_those_of_numpy() -> None:
    points = some_points()
    found = gaussians(points, 6, alpha=100.0)
    for n, k, r, c in np.ndindex(2, 3, 6, 6):
        away = np.array([centre(c, 6), centre(r, 6)]) - points.mean[n, k].numpy()
        square = away @ np.linalg.inv(points.covariance[n, k].numpy()) @ away
        assert found[n, k, r, c].item() == pytest.approx(np.exp(-0.5 * square) / 100)


def test_keypoints_move_as_those_of_the_driving_clip_have() -> None:
    source, driving, first = (some_points(seed=seed) for seed in (0, 10, 20))
    here, there = moved(source, driving, first)
    for n, k, i in np.ndindex(2, 3, 2):
        wanted = source.mean[n, k, i] + (driving.mean[n, k, i] - first.mean[n, k, i])
        assert there.mean[n, k, i].item() == pytest.approx(wanted.item())
    assert torch.equal(here.mean, source.mean)
    assert torch.equal(here.covariance, first.covariance)
    assert torch.equal(there.covariance, driving.covariance)
    own, same = moved(first, driving, first)  # of the clip itself
    assert torch.equal(own.mean, first.mean)
    assert torch.allclose(same.mean, driving.mean)


# -- flow ------------------------------------------------------------------------------------------


def test_the_flow_is_composed_of_masks_and_movements() -> None:
    source, target = some_points(seed=0), some_points(seed=5)
    masks = rand(2, 4, 5, 6).softmax(1)
    found = coarse_flow(masks, shifts(source, target))
    for n, r, c in np.ndindex(2, 5, 6):
        wanted = np.zeros(2)  # the background, the last mask, adds nothing
        for k in range(3):
            back = source.mean[n, k] - target.mean[n, k]  # from where it is to where it was
            wanted += masks[n, k, r, c].item() * back.numpy()
        assert np.allclose(found[n, r, c], wanted)


def test_a_frame_through_a_flow_is_that_of_scipy() -> None:
    x, flow = rand(2, 3, 6, 8), 0.7 * (2 * rand(2, 6, 8, 2, seed=1) - 1)
    found = warped(x, flow)
    rows, columns = np.mgrid[:6, :8]
    for n, channel in np.ndindex(2, 3):
        at = [rows + flow[n, ..., 1].numpy() * 6 / 2, columns + flow[n, ..., 0].numpy() * 8 / 2]
        wanted = map_coordinates(x[n, channel].numpy(), at, order=1, mode="nearest")
        assert np.allclose(found[n, channel], wanted)


def test_what_is_at_the_source_keypoint_comes_to_the_target() -> None:
    """Two pixels to the right and one up, at full and at half resolution."""
    x = torch.zeros(1, 1, 16, 16).double()
    x[0, 0, 8:10, 4:6] = 1
    source = Keypoints(torch.tensor([[[0.0, 0.0]]]), torch.eye(2).expand(1, 1, 2, 2))
    target = Keypoints(torch.tensor([[[4 / 8, -2 / 8]]]), source.covariance)
    masks = torch.zeros(1, 2, 16, 16)
    masks[:, 0] = 1
    flow = coarse_flow(masks, shifts(source, target)).double()
    assert torch.equal(warped(x, flow), x.roll((-2, 4), (2, 3)))
    half = torch.nn.functional.avg_pool2d(x, 2)
    assert torch.allclose(warped(half, flow), half.roll((-1, 2), (2, 3)))
    masks = masks.flip(1)  # all of it background
    assert torch.equal(warped(x, coarse_flow(masks, shifts(source, target)).double()), x)


@torch.no_grad()
def test_at_first_the_flow_is_a_mean_of_the_keypoints_movements() -> None:
    model = small(keypoints=2).eval()
    x, (source, target) = rand(2, 3, 32, 32), (some_points(k=2, seed=s) for s in (0, 7))
    flow = model.motion(x, model.maps(target) - model.maps(source), source, target)
    shift = shifts(source, target)[:, None, None]
    assert (flow >= shift.amin(3) - 1e-9).all()
    assert (flow <= shift.amax(3) + 1e-9).all()
    assert flow.std() > 0


def test_networks_take_every_size_and_channel() -> None:
    assert [critic_blocks(size) for size in (32, 64, 128)] == [3, 4, 4]
    for size, halvings, channels in ((32, 4, 1), (64, 5, 3), (128, 6, 1)):
        c = replace(config(), size=size, halvings=halvings, channels=channels)
        model = MonkeyNet(c).train()
        x = torch.rand(2, 2, channels, size, size)
        terms = recipe.generator(model, x, torch.Generator()) | recipe.critic(
            model, x, torch.Generator()
        )
        assert all(term.shape == (2,) and term.isfinite().all() for term in terms.values())
    assert Hourglass(3, [4, 8], 2, 5)(torch.rand(1, 3, 8, 8)).shape == (1, 5, 8, 8)


# -- losses ----------------------------------------------------------------------------------------


@torch.no_grad()
def test_losses_are_those_of_numpy() -> None:
    model, x = small().eval(), rand(3, 2, 3, 32, 32)
    source, target = model.detector(x[:, 0]), model.detector(x[:, 1])
    made = model.draw(x[:, 0], source, target)
    maps = gaussians(target, 32, model.config.alpha)
    (told, drawn), (real, true) = model.critic(made, maps), model.critic(x[:, 1], maps)
    losses = recipe.critic(model, x, torch.Generator())
    assert np.allclose(losses["real"], ((real.numpy() - 1) ** 2).mean(1))
    assert np.allclose(losses["made"], (told.numpy() ** 2).mean(1))
    found = recipe.generator(model, x, torch.Generator())
    assert np.allclose(found["told"], ((told.numpy() - 1) ** 2).mean(1))
    assert np.allclose(found["pixels"], np.abs((made - x[:, 1]).numpy()).mean((1, 2, 3)))
    wanted = np.zeros(3)
    for a, b in zip(drawn, true, strict=True):
        wanted += np.abs(a.numpy() - b.numpy()).mean((1, 2, 3))
    assert np.allclose(found["features"], wanted)
    assert len(drawn) == 3


def test_keypoints_learn_from_what_is_drawn_and_not_from_what_the_critic_is_shown() -> None:
    model, x, shown = small(), rand(2, 2, 3, 32, 32), []
    model.critic.register_forward_pre_hook(lambda _, given: shown.append(given[1].requires_grad))
    terms = recipe.generator(model, x, torch.Generator())
    assert shown == [False, False]
    terms["pixels"].mean().backward()  # type: ignore[no-untyped-call]
    assert all(p.grad is not None for p in model.detector.parameters())
    before = [p.grad is None for p in model.critic.parameters()]
    assert all(before)
    sum(t.mean() for t in recipe.critic(model, x, torch.Generator()).values()).backward()  # type: ignore[union-attr]
    assert all(p.grad is not None for p in model.critic.parameters())


def test_pairs_are_two_frames_of_a_segment(tmp_path: Path) -> None:
    clips = open_clips(pendula(tmp_path / "data"))
    debug = METHOD.preset("debug", "compact")
    settings = replace(debug, train=replace(debug.train, frames=5))
    (stage,) = METHOD.stages(replace(settings, model=config()))
    sampler: Any = stage.sampler(clips)
    asked: list[tuple[Any, Any]] = []
    read = clips.batch
    sampler.clips.batch = lambda c, s, n: asked.append((c, s)) or read(c, s, n)  # type: ignore[func-returns-value]
    drawn = sampler.draw(np.random.default_rng(0), 64)
    assert drawn.target.shape == (64, 2, 32, 32, 3)
    (one, first), (other, second) = asked
    assert np.array_equal(one, other)
    assert set(np.abs(first - second)) == {1, 2, 3, 4}
    assert (first < second).any()
    assert (first > second).any()
    mine = sampler.draw(np.random.default_rng(0), 64, slice(3, 9)).target
    assert np.array_equal(mine, drawn.target[3:9])


# -- verbs -----------------------------------------------------------------------------------------


def test_what_it_can_do_and_what_not() -> None:
    model = small()
    assert missing(model, Swaps) is None
    assert missing(model, Encodes) is None
    assert missing(model, Decodes) == (
        "MonkeyNet has no decoder of codes: clips cannot be drawn from codes"
    )
    assert missing(model, Generates) == "MonkeyNet has no generator: new clips cannot be asked"


def test_a_swap_is_the_first_frame_moved_as_the_action_moves() -> None:
    model, who, what = small().eval(), rand(2, 4, 3, 32, 32), rand(2, 3, 3, 32, 32, seed=1)
    found = model.swap(who, what)
    assert found.shape == (2, 3, 3, 32, 32)
    with torch.no_grad():
        for b, t in np.ndindex(2, 3):
            source, here, first = (
                model.detector(x[None]) for x in (who[b, 0], what[b, t], what[b, 0])
            )
            drawn = model.draw(who[b, :1], *moved(source, here, first))
            assert torch.allclose(found[b, t], drawn[0])
    assert torch.equal(model.swap(who[:, :1], what, 2), found[:, :2])
    absolute = small(transfer="absolute").eval()
    with torch.no_grad():
        points = [absolute.detector(x) for x in (who[:, 0], what[:, 2])]
        there = absolute.draw(who[:, 0], *points)
    assert torch.allclose(absolute.swap(who, what)[:, 2], there)
    still = model.swap(who, what[:, :1].expand(-1, 4, -1, -1, -1))
    assert torch.allclose(still, still[:, :1].expand_as(still))


def test_codes_are_what_a_swap_takes_of_the_action() -> None:
    model, x = small().eval(), rand(2, 4, 3, 32, 32)
    codes = model.encode(x)
    assert (codes.s.shape, codes.d.shape, codes.z.shape) == ((2, 0), (2, 0), (2, 4, 15))
    absolute = small(transfer="absolute").eval().encode(x).z[..., :6]
    with torch.no_grad():
        points = [model.detector(x[:, t]) for t in range(4)]
    for t in range(4):
        assert torch.allclose(
            codes.z[:, t, :6].view(2, 3, 2), points[t].mean - points[0].mean, atol=1e-12
        )
        assert torch.allclose(absolute[:, t].view(2, 3, 2), points[t].mean)
        for i, (r, c) in enumerate(((0, 0), (0, 1), (1, 1))):
            assert torch.allclose(codes.z[:, t, 6 + i :: 3], points[t].covariance[:, :, r, c])


def test_swaps_that_cannot_be_are_one_line() -> None:
    model, x = small(), rand(2, 3, 3, 32, 32)
    with pytest.raises(InputError, match=r"the action's clip does, which has 3 frames, not 4"):
        model.swap(x, x, 4)
    with pytest.raises(InputError, match="2 identity clips but 1 action clips"):
        model.swap(x, x[:1])
    with pytest.raises(InputError, match=r"clips must be in \[0, 1\]"):
        model.swap(x, 3 * x)


def test_figures_and_verdict_know_a_model_that_swaps_without_a_decoder(tmp_path: Path) -> None:
    clips, model = open_clips(pendula(tmp_path / "data")), MonkeyNet(config()).eval()
    assert drawable(set_scene(model, clips, 8)) == ["action-transfer"]
    chosen = choose(clips, 8, 0)
    seen = look(model, chosen, 0)
    assert seen is not None
    assert seen.taught is not None
    a, b = seen.pairs[0]
    alone = model.swap(chosen.held[a : a + 1], chosen.held[b : b + 1])
    assert torch.allclose(seen.swap[:1], alone, atol=1e-5)
    assert torch.allclose(seen.same[:1], model.swap(*[chosen.held[:1]] * 2), atol=1e-5)


# -- data that it cannot take ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "train", "said"),
    [
        ({}, {"frames": 1}, r"segments of 2 frames or more, not 1: raise --train.frames"),
        ({}, {"frames": 13}, r"no training clip of pendulum has 13 frames .* --train.frames"),
        ({"halvings": 5}, {}, r"32 pixels 4 times, not 5: lower --model.halvings"),
    ],
)
def test_data_it_cannot_take_are_one_line(
    changes: Any, train: Any, said: str, tmp_path: Path
) -> None:
    data = pendula(tmp_path / "data")
    debug = METHOD.preset("debug", "compact")
    settings = replace(debug, model=config(**changes), train=replace(debug.train, **train))
    with pytest.raises(InputError, match=said):
        Run.create(tmp_path / "run", settings, data, "debug", method="monkeynet")
    assert not (tmp_path / "run").exists()


def test_clips_of_one_frame_are_one_line(tmp_path: Path) -> None:
    whole = open_clips(pendula(tmp_path / "data"))
    table = replace(whole.table, length=np.ones_like(whole.table.length))
    debug = METHOD.preset("debug", "compact")
    (stage,) = METHOD.stages(replace(debug, model=config()))
    with pytest.raises(InputError, match=r"clips of pendulum have 1 frame each: MonkeyNet learns"):
        stage.sampler(Clips(whole.info, table, whole.path))


def test_presets_fit_frames_of_every_size(tmp_path: Path) -> None:
    clips = open_clips(pendula(tmp_path / "data"))
    paper = METHOD.preset("pendulum", "paper")
    paper = replace(paper, model=replace(paper.model, size=32))
    assert METHOD.adapt(paper, paper, clips).model.halvings == 4
    assert METHOD.preset("weizmann", "paper").model.halvings == 5
    presets = {name: METHOD.preset(name, "compact").model for name in METHOD.presets}
    assert {name for name, m in presets.items() if m.transfer == "absolute"} == {"pendulum"}


def test_places_are_the_centres_of_pixels() -> None:
    found = places(2, 4, torch.zeros(1))
    assert found[0].tolist() == [[-0.75, -0.5], [-0.25, -0.5], [0.25, -0.5], [0.75, -0.5]]
    assert found[1, 0].tolist() == [-0.75, 0.5]
