"""The verdict on models whose truth is known: who draws what was asked for, and who does not."""

from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from vdsm.notation import Codes
from vdsm.verdict import of_codes
from vdsm.verdict.advice import Circumstances
from vdsm.verdict.footage import Footage, footage
from vdsm.verdict.rising import can_tell, rises
from vdsm.verdict.scales import drawing, through_cells, what, who
from vdsm.verdict.seen import Chosen, Seen, look
from vdsm.verdict.words import state

SIZE, FRAMES, SIDE = 32, 6, 6
FINE = Circumstances(Footage(1.0, None, still=False), [], None, False, False, False)


class Square(nn.Module):
    """A square: s is its colour, z where it is; or one code holds both, and draws both."""

    def __init__(self, colour_from: str = "s", place_from: str = "z") -> None:
        super().__init__()
        self.config = SimpleNamespace(size=SIZE, channels=3)
        self.nothing = nn.Parameter(torch.zeros(1))
        self.colour_from, self.place_from = colour_from, place_from

    def encode(self, clips: Tensor) -> Codes:
        lit = (clips.sum(2) > 0).float()  # [B, T, H, W]
        colour = (clips * lit[:, :, None]).sum((1, 3, 4)) / lit.sum((1, 2, 3))[:, None]
        grid = torch.arange(SIZE, dtype=torch.float32)
        count = lit.sum((2, 3))
        rows, columns = lit.sum(3) @ grid / count, lit.sum(2) @ grid / count
        place = torch.stack([rows, columns], -1) / SIZE
        s, z = colour, place
        if self.place_from == "s":
            s = torch.cat([colour, place.flatten(1)], 1)
        if self.colour_from == "z":
            z = torch.cat([place, colour[:, None].expand(-1, clips.shape[1], -1)], 2)
        return Codes(s, s[:, :0], z)

    def encode_and_sample(self, clips: Tensor, generator: object = None) -> tuple[Codes, Codes]:
        return self.encode(clips), self.encode(clips)

    def decode(self, codes: Codes, frames: int | None = None) -> Tensor:
        b, t = codes.z.shape[:2]
        colour = codes.s[:, :3] if self.colour_from == "s" else codes.z[:, 0, 2:]
        place = codes.z[..., :2] if self.place_from == "z" else codes.s[:, 3:].view(b, t, 2)
        return draw(colour, place)

    def swap(self, identity: Tensor, action: Tensor, frames: int | None = None) -> Tensor:
        raise AssertionError("by codes")


def draw(colour: Tensor, place: Tensor) -> Tensor:
    """[B, T, 3, H, W] of colours [B, 3] at places [B, T, 2], centres in [0, 1]."""
    grid = torch.arange(SIZE, dtype=torch.float32)
    near = (grid - place[..., None] * SIZE).abs() < SIDE / 2  # [B, T, 2, SIZE]
    inside = near[:, :, 0, :, None] & near[:, :, 1, None, :]
    return inside[:, :, None].float() * colour[:, None, :, None, None]


def clips(n: int, seed: int) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    colour = 0.2 + 0.8 * torch.rand(n, 3, generator=rng)
    place = 0.25 + 0.5 * torch.rand(n, FRAMES, 2, generator=rng)
    return draw(colour, place)


@pytest.fixture(scope="module")
def chosen() -> Chosen:
    return Chosen("validation", clips(16, 0), clips(16, 1), np.arange(16))


def seen_by(model: nn.Module, chosen: Chosen) -> Seen:
    found = look(model, chosen, 0)
    assert found is not None
    return found


def test_a_model_that_draws_what_is_asked_for_came_apart(chosen: Chosen) -> None:
    seen = seen_by(Square(), chosen)
    ways = [*who(seen), *what(seen)]
    assert [way.name for way in ways] == ["colours", "s", "motion", "z"]
    assert [way.share.value for way in ways if way.drawn] == pytest.approx([1, 1], abs=0.02)
    assert all(way.apart for way in ways if way.drawn)
    lines, figures = of_codes(seen, chosen, FINE)
    assert lines[2].startswith("next: nothing stands out")
    assert figures["drawing"]["model"] == pytest.approx(drawing(seen, chosen).model)


def test_whoever_takes_the_colour_from_the_motion_did_not(chosen: Chosen) -> None:
    seen = seen_by(Square(colour_from="z"), chosen)
    colours, *_ = who(seen)
    assert colours.share.value == pytest.approx(0, abs=0.02)
    assert (state(who(seen)), state(what(seen)[:1])) == (False, True)
    assert of_codes(seen, chosen, FINE)[0][1].startswith("codes: who did not come apart, what ")


def test_whoever_takes_the_place_from_the_individual_did_not(chosen: Chosen) -> None:
    seen = seen_by(Square(place_from="s"), chosen)
    motion, *_ = what(seen)
    assert motion.share.value == pytest.approx(0, abs=0.02)
    assert (who(seen)[0].apart, motion.apart) == (True, False)


def test_who_is_not_drawn_at_all(chosen: Chosen) -> None:
    """Everybody in grey: colours of swaps are nobody's."""

    class Grey(Square):
        def decode(self, codes: Codes, frames: int | None = None) -> Tensor:
            return super().decode(codes, frames).mean(2, keepdim=True).gt(0).float() * torch.full(
                (1, 1, 3, 1, 1), 0.5
            )

    colours, *_ = who(seen_by(Grey(), chosen))
    assert colours.drawn is not None
    assert colours.drawn.value == pytest.approx(0, abs=0.01)
    assert colours.apart is False


def test_the_average_clip_draws_nothing(chosen: Chosen) -> None:
    class Average(Square):
        def decode(self, codes: Codes, frames: int | None = None) -> Tensor:
            return chosen.taught.mean(0, keepdim=True).expand(len(codes.s), -1, -1, -1, -1)

    seen = seen_by(Average(), chosen)
    found = drawing(seen, chosen)
    assert found.model == pytest.approx(found.average)
    lines, _ = of_codes(seen, chosen, FINE)
    assert "no better than by the average clip" in lines[0]
    assert "cannot be told" in lines[1]


def test_clips_through_cells_by_a_loop() -> None:
    x = torch.rand(2, 3, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    found = through_cells(x)
    assert list(found) == [2, 4, 8]
    for n in found:
        side, coarse = 16 // n, x.clone()
        for i in range(n):
            for j in range(n):
                at = (..., slice(i * side, i * side + side), slice(j * side, j * side + side))
                coarse[at] = x[at].mean((-2, -1), keepdim=True)
        errors = ((x - coarse) ** 2).mean((2, 3, 4))
        assert found[n] == pytest.approx(float((-10 * errors.log10()).mean()), abs=1e-3)


def test_the_box_of_what_changes() -> None:
    """A square of 6 that jumps from side to side within 8 of 32 rows and 16 columns."""
    x = torch.zeros(2, 6, 3, 32, 32)
    for t in range(6):
        x[:, t, :, 8:16, 8 + 10 * (t % 2) : 14 + 10 * (t % 2)] = 1
    found = footage(Chosen("test", x, x, np.arange(2)))
    assert found.box == pytest.approx(8 * 16 / 32**2)
    assert not found.still
    assert footage(Chosen("test", x[:, :1].expand_as(x), x, np.arange(2))).still


def metrics(values: Iterator[float]) -> list[dict[str, object]]:
    return [{"name": "train", "step": i + 1, "log_likelihood": v} for i, v in enumerate(values)]


def test_what_still_rises_at_its_end() -> None:
    noise = np.random.default_rng(0).normal(size=200)
    (rise,) = rises(metrics(iter(noise + 0.1 * np.arange(200))))
    assert (rise.stage, rise.steps) == ("train", 200)
    assert rise.last - rise.before == pytest.approx(0.1 * 50, abs=1)  # from 70 to 95 % of it
    flat = metrics(iter(noise[np.arange(200)]))
    assert can_tell(flat)
    assert not rises(flat)
    assert not can_tell(metrics(iter(noise[:20])))
