"""Keypoints of a frame, and the optical flow that their movement makes (Secs. 3.2, 3.4, 3.6).

Positions are (x, y), right and down, in [-1, 1] from one edge of a frame to the other. Sums are
written out, since matrix products would be left to bfloat16, which is no finer than a pixel.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

Maps = Float[Tensor, "N K H W"]
Frames = Float[Tensor, "N C H W"]
Flow = Float[Tensor, "N H W 2"]  # from a place of the frame drawn to one of the source frame


@dataclass(frozen=True)
class Keypoints:
    """h_k and Σ_k of the keypoints of N frames."""

    mean: Float[Tensor, "N K 2"]
    covariance: Float[Tensor, "N K 2 2"]

    def __getitem__(self, rows: slice | Tensor) -> "Keypoints":
        return Keypoints(self.mean[rows], self.covariance[rows])

    def detach(self) -> "Keypoints":
        """Without a gradient."""
        return Keypoints(self.mean.detach(), self.covariance.detach())


def places(height: int, width: int, like: Tensor) -> Float[Tensor, "{height} {width} 2"]:
    """(x, y) of the centre of every pixel."""
    sides = (torch.arange(n, device=like.device).to(like) for n in (height, width))
    y, x = ((2 * place + 1) / side - 1 for place, side in zip(sides, (height, width), strict=True))
    return torch.stack([x.expand(height, width), y[:, None].expand(height, width)], -1)


def moments(maps: Maps, least: float) -> Keypoints:
    """Mean and covariance of heat maps that each sum to 1 (Sec. 3.2).

    least: added to both variances, or else a map of one pixel would have none to divide by.
    """
    height, width = maps.shape[-2:]
    p, share = places(height, width, maps), maps[..., None]
    mean = (share * p).sum((2, 3))
    away = p - mean[:, :, None, None]
    products = away[..., :, None] * away[..., None, :]
    covariance = (share[..., None] * products).sum((2, 3))
    return Keypoints(mean, covariance + least * torch.eye(2, device=maps.device).to(maps))


def gaussians(points: Keypoints, size: int, alpha: float) -> Float[Tensor, "N K {size} {size}"]:
    """H_k(p) = exp(-½ (p - h_k) Σ_k⁻¹ (p - h_k)) / α."""
    away = places(size, size, points.mean) - points.mean[:, :, None, None]
    x, y = away.unbind(-1)
    (a, b), (_, c) = (row.unbind(-1) for row in points.covariance[:, :, None, None].unbind(-2))
    squares = (c * x * x - 2 * b * x * y + a * y * y) / (a * c - b * b)
    return (-0.5 * squares).exp() / alpha


def moved(source: Keypoints, driving: Keypoints, first: Keypoints) -> tuple[Keypoints, Keypoints]:
    """The source's, and these moved as the driving clip's have since its first frame (Eq. 7).

    The covariances of both are the driving clip's.
    """
    target = source.mean + driving.mean - first.mean
    return Keypoints(source.mean, first.covariance), Keypoints(target, driving.covariance)


def shifts(source: Keypoints, target: Keypoints) -> Float[Tensor, "N K1 2"]:
    """From where each keypoint is to where it was; the last, of the background, does not move."""
    return F.pad(source.mean - target.mean, (0, 0, 0, 1))


def coarse_flow(masks: Float[Tensor, "N K1 H W"], shift: Float[Tensor, "N K1 2"]) -> Flow:
    """F(p) = Σ_k M_k(p) ρ(h_k) over keypoints and background."""
    return (masks[..., None] * shift[:, :, None, None]).sum(1)


def warped(x: Frames, flow: Float[Tensor, "N R S 2"]) -> Frames:
    """x as it is seen through a flow, of whatever resolution: bilinear, its edge repeated."""
    height, width = x.shape[-2:]
    if flow.shape[1:3] != x.shape[-2:]:
        small = F.interpolate(flow.movedim(-1, 1), (height, width), mode="bilinear", antialias=True)
        flow = small.movedim(1, -1)
    grid = places(height, width, flow) + flow
    return F.grid_sample(
        x.to(grid), grid, mode="bilinear", padding_mode="border", align_corners=False
    )
