"""Where the clips of each dataset come from, on which terms, and what these mean for weights."""

from dataclasses import dataclass

from vdsm.data.clips import Info


@dataclass(frozen=True)
class Source:
    """Origin and terms of a dataset, in sentences for a model card."""

    licence: str  # of weights trained on it, by Hugging Face's identifiers
    data: str
    weights: str
    licence_name: str = ""  # where `licence` is "other"
    ours: bool = False  # made by this package alone: example clips may be passed on


PEOPLE = (
    "What the model draws resembles the people of these clips. Do not publish the weights or "
    "pictures made with them unless the terms of the data, and the people, allow it."
)

SOURCES = {
    "pendulum": Source(
        licence="apache-2.0",
        data="Simulated and drawn by this package; no data from elsewhere. The clips are CC0-1.0.",
        weights="Apache-2.0, as the package.",
        ours=True,
    ),
    "sprites": Source(
        licence="cc-by-sa-3.0",
        data="Characters put together from layer sheets of Liberated Pixel Cup art, by its "
        "authors, under CC-BY-SA-3.0 or GPL-3.0.",
        weights="The weights carry no frames. What the model draws follows that art, so weights "
        "and drawings are offered under the art's own terms: CC-BY-SA-3.0, naming the authors "
        "of the Liberated Pixel Cup art.",
    ),
    "moving-mnist": Source(
        licence="cc-by-sa-3.0",
        data="Digits of MNIST (Y. LeCun, C. Cortes, C. J. C. Burges), under CC-BY-SA-3.0, set in "
        "motion by this package.",
        weights="The weights carry no frames. Weights and drawings are offered under the terms of "
        "MNIST, CC-BY-SA-3.0.",
    ),
    "faces": Source(
        licence="mit",
        data="Made-up people, drawn by this package from the meshes of ICT-FaceKit (USC Institute "
        "for Creative Technologies), under the MIT licence, copyright 2020 USC Institute for "
        "Creative Technologies. No picture of anybody went into them.",
        weights="Weights, clips and drawings may be passed on under the MIT licence.",
        ours=True,  # the meshes' licence allows it
    ),
    "mug": Source(
        licence="other",
        licence_name="mug-agreement",
        data="The MUG facial expression database (N. Aifanti, C. Papachristou, A. Delopoulos), by "
        "agreement with its group, for research. Nothing of it may be passed on.",
        weights=PEOPLE,
    ),
    "weizmann": Source(
        licence="other",
        licence_name="weizmann-research",
        data="Actions as Space-Time Shapes (M. Blank, L. Gorelick, E. Shechtman, M. Irani, "
        "R. Basri), Weizmann Institute of Science, for research.",
        weights=PEOPLE,
    ),
    "folder": Source(
        licence="other",
        licence_name="as-the-videos",
        data="Videos of whoever trained the model; their terms hold.",
        weights=PEOPLE,
    ),
    "arrays": Source(
        licence="other",
        licence_name="as-the-clips",
        data="Clips in arrays of whoever trained the model; their terms hold.",
        weights=PEOPLE,
    ),
}


def source_of(info: Info) -> Source:
    """The source of a dataset by what made it; unknown makers count as the user's own videos."""
    return SOURCES.get(str(info.made.get("maker")), SOURCES["folder"])
