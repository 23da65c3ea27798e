"""Which of the 478 landmarks make an eye, a brow, a nose, a mouth; names of the 52 expressions.

The groups are MediaPipe's own (`FaceLandmarksConnections`); a test compares them, so that
drawing and training need not import MediaPipe. Left and right are the subject's.
"""

# Closed lines repeat their first point at the end.
FACE_OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152,
    148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109, 10,
)  # fmt: skip
RIGHT_EYE = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246, 33)
LEFT_EYE = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466, 263)
RIGHT_BROW = ((46, 53, 52, 65, 55), (70, 63, 105, 66, 107))
LEFT_BROW = ((276, 283, 282, 295, 285), (300, 293, 334, 296, 336))
RIGHT_IRIS = (469, 470, 471, 472, 469)
LEFT_IRIS = (474, 475, 476, 477, 474)
OUTER_LIPS = (
    61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185, 61,
)  # fmt: skip
INNER_LIPS = (
    78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191, 78,
)  # fmt: skip
NOSE_RIDGE = (168, 6, 197, 195, 5, 4, 1, 19, 94, 2)
NOSE_WINGS = (98, 97, 2, 326, 327, 294, 278, 344, 440, 275, 4, 45, 220, 115, 48, 64, 98)
PHILTRUM = 164  # the midline point between nose and lip

# The outer corners of the eyes span the upright, scaled frame of every modality.
RIGHT_EYE_CORNER, LEFT_EYE_CORNER = 33, 263

# What the paper's text names for the line images, and what its figure shows besides.
LINES_OF_THE_TEXT = (FACE_OVAL, RIGHT_EYE, LEFT_EYE, *RIGHT_BROW, *LEFT_BROW)
LINES_OF_MOUTH_AND_NOSE = (OUTER_LIPS, INNER_LIPS, NOSE_RIDGE, NOSE_WINGS)

# The paper takes 125 points of "eyes, nose, and mouth regions" without listing them. Our reading:
# MediaPipe's groups (eyes 16 + 16, brows 10 + 10, irises 4 + 4, nose 24, lips 40) make 124, and
# the philtrum's midline point makes a mirror-symmetric 125.
POINTS_125 = tuple(
    sorted(
        {PHILTRUM}.union(
            RIGHT_EYE, LEFT_EYE, *RIGHT_BROW, *LEFT_BROW, RIGHT_IRIS, LEFT_IRIS,
            OUTER_LIPS, INNER_LIPS, NOSE_RIDGE, NOSE_WINGS,
        )
    )
)  # fmt: skip

# In MediaPipe's order; `Left` and `Right` are the subject's.
EXPRESSIONS = tuple(
    """
    _neutral browDownLeft browDownRight browInnerUp browOuterUpLeft browOuterUpRight cheekPuff
    cheekSquintLeft cheekSquintRight eyeBlinkLeft eyeBlinkRight eyeLookDownLeft eyeLookDownRight
    eyeLookInLeft eyeLookInRight eyeLookOutLeft eyeLookOutRight eyeLookUpLeft eyeLookUpRight
    eyeSquintLeft eyeSquintRight eyeWideLeft eyeWideRight jawForward jawLeft jawOpen jawRight
    mouthClose mouthDimpleLeft mouthDimpleRight mouthFrownLeft mouthFrownRight mouthFunnel mouthLeft
    mouthLowerDownLeft mouthLowerDownRight mouthPressLeft mouthPressRight mouthPucker mouthRight
    mouthRollLower mouthRollUpper mouthShrugLower mouthShrugUpper mouthSmileLeft mouthSmileRight
    mouthStretchLeft mouthStretchRight mouthUpperUpLeft mouthUpperUpRight noseSneerLeft
    noseSneerRight
    """.split()
)

# Which region of the face a landmark of the 125, or an expression score, belongs to.
REGIONS = ("brow", "eye", "nose", "mouth")


def region_of_point(point: int) -> str:
    """Return the region of one of the 125 landmarks; the philtrum counts to the mouth."""
    if any(point in brow for brow in (*RIGHT_BROW, *LEFT_BROW)):
        return "brow"
    if any(point in eye for eye in (RIGHT_EYE, LEFT_EYE, RIGHT_IRIS, LEFT_IRIS)):
        return "eye"
    return "nose" if point in NOSE_RIDGE or point in NOSE_WINGS else "mouth"


def region_of_expression(name: str) -> str:
    """Return the region of an expression score; jaw and cheeks go with what moves them."""
    starts = {"brow": "brow", "eye": "eye", "cheekSquint": "eye", "nose": "nose"}
    return next((region for start, region in starts.items() if name.startswith(start)), "mouth")
