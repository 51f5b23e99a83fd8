"""What a card says of the method: what it learns, how its weights are opened, whom to cite."""

from vdsm.store.run import Run

VDSM = (
    "Weights of **VDSM**, which learns, without labels of actions or looks, to tell apart identity "
    "s (who), dynamics d\n(what they do) and pose z_t (how they stand in each frame): Vowels, "
    "Camgoz and Bowden, *VDSM:\nUnsupervised Video Disentanglement with State-Space Modeling and "
    "Deep Mixtures of Experts*,\nCVPR 2021."
)
CITATION = """```bibtex
@inproceedings{vowels2021vdsm,
  title     = {{VDSM}: Unsupervised Video Disentanglement with State-Space Modeling and Deep Mixtures of Experts},
  author    = {Vowels, Matthew J. and Camgoz, Necati Cihan and Bowden, Richard},
  booktitle = {CVPR},
  year      = {2021}
}
```"""  # noqa: E501


def about(run: Run) -> str:
    """What it is weights of, and where it departs from its paper."""
    method = run.recipe
    if method.name == "vdsm":
        return VDSM
    departs = "".join(f"\n- {change}" for change in method.changes)
    said = f"\n\nWhere it departs from the paper:\n{departs}\n" if departs else ""
    return f"Weights of **{method.title}** ({method.paper}), trained anew.{said}"


def sizes(run: Run) -> str:
    """Dimensions of the codes that the method has."""
    named = {"identity_dim": "κ_s", "dynamics_dim": "κ_d", "pose_dim": "κ_z"}
    model = run.config.model
    found = [f"{k} {getattr(model, n)}" for n, k in named.items() if hasattr(model, n)]
    return f": {', '.join(found)}" if found else ""


def opened(run: Run, name: str) -> str:
    """Lines of Python; name: quoted."""
    if run.method == "vdsm":
        return f"from vdsm import VDSM\n\nmodel = VDSM.from_pretrained({name})"
    return f"from vdsm.store.open import open_model\n\nmodel = open_model({name})"


def citation(run: Run) -> str:
    """The paper."""
    return CITATION if run.method == "vdsm" else run.recipe.paper
