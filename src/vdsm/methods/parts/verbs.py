"""What models of every method answer alike: how they are saved, and which clips they take."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vdsm.files import expanded
from vdsm.methods.checks import check_clips, check_weights


class Saved(nn.Module):
    """A model that is written to a folder."""

    config: Any

    def save_pretrained(self, folder: str | Path, dtype: torch.dtype | None = None) -> None:
        """Write model.safetensors (with a checksum) and config.json."""
        from vdsm.store.weights import save

        save(self, expanded(folder), dtype)


class SeesClips(Saved):
    """A model that is saved, and encodes clips."""

    def check(self, clips: Tensor) -> None:
        """InputError where these are no clips, or these weights none to compute with."""
        check_weights(next(self.parameters()))
        check_clips(clips, self.config)
