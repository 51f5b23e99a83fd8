"""Where the subject is in the frames of a clip, so that a dataset can be cropped to it.

    survey.py    one pass over a clip: small pictures, evenly spread, whatever its length
    shake.py     how the camera moved
    scene.py     what stands still before a camera, and where a frame differs from it
    motion.py    boxes from motion, without weights
    detector.py  boxes from a detector's file; layouts.py says what comes out of one
    face.py      boxes of faces
    tables.py    boxes that somebody else has made, keypoints too (poses.py)
    path.py      one subject through many boxes
    square.py    boxes to steady squares
    find.py      which of these, and what looks wrong
    store.py     how a dataset keeps them

Boxes are left, top, right, bottom in pixels of the whole frame.
"""
