"""A slow, plain twin of the model: one clip, one frame, one expert, one LSTM step at a time.

Written from the paper's equations and App. D; it shares the model's parameters, so gradients can
be compared too, and none of its code. What the model samples is given to it as standard noise.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from vdsm.methods.vdsm.model import VDSM

LEAK = 0.01
Normal = tuple[Tensor, Tensor]  # location and scale, both vectors


@dataclass
class Noise:
    """Standard normal noise behind the samples of one clip."""

    s: Tensor  # [S]
    d: Tensor  # [D]
    z: Tensor  # [T, Z]


class Twin:
    """The model's parameters, applied to one clip by the book."""

    def __init__(self, model: VDSM) -> None:
        self.w: dict[str, Tensor] = dict(model.named_parameters())
        self.config = model.config
        self.inverse_temperature = float(model.inverse_temperature)

    # -- the two bounds ---------------------------------------------------------------------------

    def stage1(self, x: Tensor, noise: Noise) -> dict[str, Tensor]:
        """Eq. 7 for one group of frames [T, C, H, W]."""
        features = [self.encoder(frame) for frame in x]
        q_s = self.identity(features)
        s = q_s[0] + q_s[1] * noise.s
        log_likelihood, kl_z = torch.zeros(()), torch.zeros(())
        for frame, feature, eps in zip(x, features, noise.z, strict=True):
            loc, scale = q_z = self.frame_pose(feature)
            log_likelihood = log_likelihood + self.log_likelihood(frame, s, loc + scale * eps)
            kl_z = kl_z + kl(q_z, (torch.zeros_like(loc), torch.ones_like(loc)))
        return {"log_likelihood": log_likelihood, "kl_z": kl_z, "kl_s": kl(q_s, self.prior_s(s))}

    def stage2(self, x: Tensor, noise: Noise) -> dict[str, Tensor]:
        """Eq. 4 for one sequence [T, C, H, W]."""
        features = [self.encoder(frame) for frame in x]
        q_s = self.identity(features)
        s = q_s[0] + q_s[1] * noise.s
        q_d = self.dynamics([self.frame_pose(feature)[0] for feature in features])
        d = q_d[0] + q_d[1] * noise.d
        h_bar = self.dynamics_decoder(d, len(x))

        log_likelihood, kl_z = torch.zeros(()), torch.zeros(())
        z_prev, p_z = self.w["z_start"], (torch.zeros(self.config.pose_dim), torch.ones(()))
        for frame, h_t, eps in zip(x, h_bar, noise.z, strict=True):
            q_z, context = self.combiner(z_prev, h_t, d)
            base = q_z[0] + q_z[1] * eps
            z, log_det = self.flow(base, context)
            log_likelihood = log_likelihood + self.log_likelihood(frame, s, z)
            if self.config.flow_steps:
                kl_z = kl_z + log_normal(base, q_z) - log_det - log_normal(z, p_z)
            else:
                kl_z = kl_z + kl(q_z, p_z)
            z_prev, p_z = z, self.transition(z, d)
        p_d = (torch.zeros_like(d), torch.full_like(d, 1 / self.config.dynamics_dim))
        return {
            "log_likelihood": log_likelihood,
            "kl_z": kl_z,
            "kl_s": kl(q_s, self.prior_s(s)),
            "kl_d": kl(q_d, p_d),
        }

    def prior_s(self, s: Tensor) -> Normal:
        return torch.zeros_like(s), torch.full_like(s, 1 / self.config.num_experts)

    # -- inference --------------------------------------------------------------------------------

    def encoder(self, frame: Tensor) -> Tensor:
        """Five blocks of conv, LeakyReLU and blur-pool at 64 pixels; the last is conv alone."""
        blocks = len(self.config.encoder_widths)
        x = frame
        for block in range(blocks):
            last = block == blocks - 1
            weight, bias = (self.w[f"encoder.layers.{3 * block}.{k}"] for k in ("weight", "bias"))
            x = F.conv2d(x[None], weight, bias, padding=0 if last else 1)[0]
            x = leaky(x, self.config.encoder_slope)
            x = x if last else torch.stack([blur_pool(channel) for channel in x])
        return x[:, 0, 0]

    def identity(self, features: list[Tensor]) -> Normal:
        """f_s of the average over frames of ENC_s."""
        total = torch.zeros(self.config.identity_hidden)
        for feature in features:
            total = total + leaky(self.dense("identity.embed", feature))
        return normal(self.dense("identity.head", total / len(features)))

    def frame_pose(self, feature: Tensor) -> Normal:
        return normal(self.dense("frame_pose.head", feature))

    def dynamics(self, poses: list[Tensor]) -> Normal:
        """The last hidden state of every layer and direction of a bi-LSTM."""
        inputs, last = poses, []
        for layer in range(self.config.lstm_layers):
            zero = torch.zeros(self.config.lstm_width)
            forth = self.lstm(f"dynamics.lstm.{{}}_l{layer}", inputs, zero, zero)
            back = self.lstm(f"dynamics.lstm.{{}}_l{layer}_reverse", inputs[::-1], zero, zero)
            last += [forth[-1], back[-1]]
            inputs = [torch.cat(pair) for pair in zip(forth, back[::-1], strict=True)]
        return normal(self.dense("dynamics.head", torch.cat(last)))

    def dynamics_decoder(self, d: Tensor, frames: int) -> list[Tensor]:
        """h̄_1:T: an LSTM that starts from d and is told nothing else."""
        width = self.config.lstm_width
        inputs: list[Tensor] = [self.w["dynamics_decoder.start"]] * frames
        for layer in range(self.config.lstm_layers):
            part = slice(layer * width, (layer + 1) * width)
            h = self.dense("dynamics_decoder.hidden", d)[part]
            c = self.dense("dynamics_decoder.cell", d)[part]
            inputs = self.lstm(f"dynamics_decoder.lstm.{{}}_l{layer}", inputs, h, c)
        return inputs

    def lstm(self, name: str, inputs: list[Tensor], h: Tensor, c: Tensor) -> list[Tensor]:
        """Hochreiter and Schmidhuber with a forget gate; PyTorch's order of gates."""
        outputs = []
        for x in inputs:
            gates = self.w[name.format("weight_ih")] @ x + self.w[name.format("bias_ih")]
            gates = gates + self.w[name.format("weight_hh")] @ h + self.w[name.format("bias_hh")]
            i, f, g, o = gates.chunk(4)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            outputs.append(h)
        return outputs

    def combiner(self, z_prev: Tensor, h_bar: Tensor, d: Tensor) -> tuple[Normal, Tensor]:
        """Eq. 5, and ĥ_t, brought to the hidden width."""
        h_hat = leaky(self.dense("combiner.f_h", torch.cat([h_bar, d])))
        c = 0.5 * (torch.tanh(self.dense("combiner.f7", z_prev)) + h_hat)
        return (self.dense("combiner.f8", c), soft(self.dense("combiner.f9", c))), h_hat

    def flow(self, z: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Kingma et al. 2016, one scalar at a time, reading the dimensions in reverse."""
        log_det, dim = torch.zeros(()), len(z)
        for k in range(self.config.flow_steps):
            name, z = f"flow.steps.{k}", z.flip(0)
            at_context = self.dense(f"{name}.context", context)
            outputs = []
            for i in range(dim):
                hidden = []  # the units that dimension i may read, from those before it
                for unit in range(len(at_context)):
                    degree = unit % max(dim - 1, 1)
                    total = at_context[unit] + self.w[f"{name}.inputs.bias"][unit]
                    for j in range(min(degree + 1, dim)):
                        total = total + self.w[f"{name}.inputs.weight"][unit, j] * z[j]
                    hidden.append(F.elu(total) if degree < i else torch.zeros(()))
                m, gate = (
                    self.w[f"{name}.{part}.weight"][i] @ torch.stack(hidden)
                    + self.w[f"{name}.{part}.bias"][i]
                    for part in ("shift", "gate")
                )
                outputs.append(torch.sigmoid(gate) * z[i] + (1 - torch.sigmoid(gate)) * m)
                log_det = log_det + torch.log(torch.sigmoid(gate))
            z = torch.stack(outputs)
        return z, log_det

    # -- generation -------------------------------------------------------------------------------

    def transition(self, z_prev: Tensor, d: Tensor) -> Normal:
        """Eq. 6."""

        def f(i: int, v: Tensor) -> Tensor:
            return self.dense(f"transition.f{i}", v)

        zd = torch.cat([z_prev, d])
        g = torch.sigmoid(f(2, torch.relu(f(1, zd))))
        h = f(4, torch.relu(f(3, zd)))
        return g * h + (1 - g) * f(5, zd), soft(f(6, torch.relu(h)))

    def decode(self, s: Tensor, z: Tensor) -> Tensor:
        """Logits of one frame [C, H, W]: the experts' weights are averaged, then used."""
        config, bank = self.config, range(self.config.num_experts)
        scores = s if config.num_experts == config.identity_dim else None
        if config.num_experts == 1:
            scores = torch.zeros(1)
        elif scores is None:
            scores = self.w["decoder.route.weight"] @ s
        mixture = torch.softmax(scores * self.inverse_temperature, 0)
        shown = s
        if config.decoder_input == "s_hat":
            shown = (
                mixture
                if config.num_experts > 1
                else torch.softmax(s * self.inverse_temperature, 0)
            )
        code = torch.cat([config.num_experts * shown, z])  # s in units of its prior
        x, layers = code[:, None, None], len(config.decoder_widths) + 1
        for layer in range(layers):
            weights, biases = self.w[f"decoder.weights.{layer}"], self.w[f"decoder.biases.{layer}"]
            weight, bias = torch.zeros_like(weights[0]), torch.zeros_like(biases[0])
            for k in bank:
                weight, bias = weight + mixture[k] * weights[k], bias + mixture[k] * biases[k]
            stride, padding = (1, 0) if layer == 0 else (2, 1)
            x = F.conv_transpose2d(x[None], weight.permute(0, 3, 1, 2), bias, stride, padding)[0]
            x = x if layer == layers - 1 else leaky(x)
            if config.decoder_skips and 0 < layer < layers - 1:
                gains = self.w[f"decoder.skips.{layer - 1}.weight"] @ code
                x = torch.stack([(1 + g) * c for g, c in zip(gains, x, strict=True)])
        return x

    def log_likelihood(self, frame: Tensor, s: Tensor, z: Tensor) -> Tensor:
        """log p(x_t | s, z_t)."""
        logits = self.decode(s, z)
        if self.config.likelihood == "bernoulli":
            white, black = 1 / (1 + torch.exp(-logits)), 1 / (1 + torch.exp(logits))
            return (frame * white.log() + (1 - frame) * black.log()).sum()
        mean = torch.sigmoid(logits)
        return log_normal(frame, (mean, torch.full_like(mean, self.config.gaussian_scale)))

    def dense(self, name: str, x: Tensor) -> Tensor:
        return self.w[f"{name}.weight"] @ x + self.w[f"{name}.bias"]


def leaky(x: Tensor, slope: float = LEAK) -> Tensor:
    return torch.where(x > 0, x, slope * x)


def soft(raw: Tensor) -> Tensor:
    return torch.log(1 + torch.exp(raw))


def normal(layer: Tensor) -> Normal:
    """The first half is the location, the second the scale."""
    half = len(layer) // 2
    return layer[:half], soft(layer[half:])


def kl(q: Normal, p: Normal) -> Tensor:
    """KL(q || p), dimension by dimension."""
    total = torch.zeros(())
    for m, s, n, r in zip(*q, *(part.expand_as(q[0]) for part in p), strict=True):
        total = total + torch.log(r / s) + (s**2 + (m - n) ** 2) / (2 * r**2) - 0.5
    return total


def log_normal(x: Tensor, p: Normal) -> Tensor:
    loc, scale = p
    return (-0.5 * ((x - loc) / scale) ** 2 - torch.log(scale * math.sqrt(2 * math.pi))).sum()


def blur_pool(x: Tensor) -> Tensor:
    """One channel [H, W]: reflected, blurred with [1, 3, 3, 1] both ways, every second kept."""
    rows, cols = reflected(x.shape[0]), reflected(x.shape[1])
    x = x[rows][:, cols]
    height, width = (len(rows) - 2) // 2, (len(cols) - 2) // 2
    total = torch.zeros(height, width)
    for i, a in enumerate((1, 3, 3, 1)):
        for j, b in enumerate((1, 3, 3, 1)):
            total = total + a * b / 64 * x[i : i + 2 * height : 2, j : j + 2 * width : 2]
    return total


def reflected(n: int) -> list[int]:
    """Indices of a row with one more on the left and two more on the right, mirrored."""
    return [1, *range(n), n - 2, n - 3]
