"""The methods that this package trains, and how one is found by its name.

A method is a folder here: `model.py` has its configuration and its networks (`MODEL_CONFIG`,
`MODEL`), `recipe.py` its losses, stages and presets (`METHOD`). Neither is imported before it is
asked for.
"""

from importlib import import_module
from typing import Any

from vdsm.errors import InputError
from vdsm.train.method import Method

METHODS: dict[str, str] = {
    "vdsm": "state-space model with a mixture-of-experts decoder (Vowels et al., CVPR 2021)",
    "dsvae": "disentangled sequential autoencoder (Li and Mandt, ICML 2018)",
    "s3vae": "self-supervised sequential VAE (Zhu et al., CVPR 2020)",
    "cdsvae": "contrastively disentangled sequential VAE (Bai et al., NeurIPS 2021)",
    "spyl": "sample and predict your latent (Naiman et al., ICML 2023)",
    "dbse": "static information from a single frame (Berman et al., ICLR 2024)",
    "skd": "structured Koopman autoencoder (Berman et al., ICLR 2023)",
    "ssmskd": "Koopman autoencoder with an operator of each clip (MSD benchmark, NeurIPS 2025)",
    "mocogan": "motion and content decomposed GAN (Tulyakov et al., CVPR 2018)",
    "vgan": "foreground over a still background (Vondrick et al., NeurIPS 2016)",
    "tgan": "temporal GAN with clipped singular values (Saito et al., ICCV 2017)",
    "g3an": "GAN of three streams: appearance, motion, video (Wang et al., CVPR 2020)",
    "diffsda": "diffusion of frames, told of two codes (Zisling et al., ICLR 2026)",
    "monkeynet": "a frame animated by learned keypoints (Siarohin et al., CVPR 2019)",
}


def known(name: str) -> str:
    """The name of a method; InputError, with those that there are, for any other."""
    if name not in METHODS:
        raise InputError(f"no method '{name}' in this version: it has {', '.join(METHODS)}")
    return name


def method_of(name: str) -> Method:
    """The record of a method."""
    method: Method = import_module(f"vdsm.methods.{known(name)}.recipe").METHOD
    return method


def model_of(name: str) -> tuple[type[Any], type[Any]]:
    """The class of a method's model configuration, and of its model."""
    module = import_module(f"vdsm.methods.{known(name)}.model")
    return module.MODEL_CONFIG, module.MODEL
