"""What a face can do: ICT-FaceKit's shapes, and six expressions as mixtures of action units.

The mixtures follow the emotional prototypes of the Facial Action Coding System (P. Ekman,
W. V. Friesen, J. C. Hager, 2002); the shapes bear ARKit's names, and most come for each side.
"""

from collections.abc import Mapping

SIDED = (  # with _L and _R
    "browDown",
    "browInnerUp",
    "browOuterUp",
    "cheekPuff",
    "cheekRaiser",
    "cheekSquint",
    "eyeBlink",
    "eyeLookDown",
    "eyeLookIn",
    "eyeLookOut",
    "eyeLookUp",
    "eyeSquint",
    "eyeWide",
    "mouthDimple",
    "mouthFrown",
    "mouthLowerDown",
    "mouthPress",
    "mouthSmile",
    "mouthStretch",
    "mouthUpperUp",
    "noseSneer",
)
SINGLE = (
    "jawForward",
    "jawLeft",
    "jawOpen",
    "jawRight",
    "mouthClose",
    "mouthFunnel",
    "mouthLeft",
    "mouthPucker",
    "mouthRight",
    "mouthRollLower",
    "mouthRollUpper",
    "mouthShrugLower",
    "mouthShrugUpper",
)
SHAPES = (*(f"{name}_{side}" for name in SIDED for side in "LR"), *SINGLE)

# Weights at the apex; in the comment the action units (AU).
EXPRESSIONS: Mapping[str, Mapping[str, float]] = {
    "anger": {  # AU 4 + 5 + 7 + 23 + 24: brows down over a stare, lips pressed
        "browDown": 1.65,
        "eyeWide": 0.85,
        "eyeSquint": 0.4,
        "noseSneer": 0.15,
        "mouthPress": 1.1,
        "mouthRollLower": 0.9,
        "mouthRollUpper": 0.85,
        "mouthFrown": 0.3,
        "mouthShrugLower": 0.3,
        "jawForward": 0.4,
    },
    "disgust": {  # AU 9 + 10 + 15 + 17 + 7: nose wrinkled, lips pushed up and shut, eyes narrow
        "noseSneer": 1.25,
        "mouthShrugLower": 1.15,
        "mouthFrown": 0.75,
        "mouthUpperUp": 0.15,
        "mouthClose": 0.2,
        "browDown": 0.5,
        "eyeSquint": 0.85,
        "cheekSquint": 0.65,
    },
    "fear": {  # AU 1 + 2 + 4 + 5 + 20 + 25 + 26: brows up and together, eyes wide, mouth drawn wide
        "browInnerUp": 1.35,
        "browOuterUp": 0.25,
        "browDown": 0.45,
        "eyeWide": 1.35,
        "mouthStretch": 1.3,
        "mouthLowerDown": 0.75,
        "jawOpen": 0.27,
        "mouthFrown": 0.15,
    },
    "happiness": {  # AU 6 + 12 + 25
        "cheekSquint": 0.9,
        "mouthSmile": 1.0,
        "mouthUpperUp": 0.3,
        "mouthLowerDown": 0.25,
        "eyeSquint": 0.35,
        "mouthDimple": 0.3,
        "jawOpen": 0.07,
    },
    "sadness": {  # AU 1 + 4 + 15 + 17 + 43 + 64
        "browInnerUp": 1.35,
        "browDown": 0.2,
        "mouthFrown": 1.25,
        "mouthShrugLower": 0.85,
        "mouthPress": 0.1,
        "eyeBlink": 0.15,
        "eyeLookDown": 0.25,
    },
    "surprise": {  # AU 1 + 2 + 5 + 26 or 27
        "browInnerUp": 1.0,
        "browOuterUp": 1.2,
        "eyeWide": 1.15,
        "jawOpen": 0.75,
        "mouthFunnel": 0.2,
    },
}
