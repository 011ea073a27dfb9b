"""The 40 classes of NYU Depth v2, which ScanNet labels with: its `scannetv2-labels.combined.tsv`, nyu40id, nyu40class.

Gupta, Arbelaez and Malik, "Perceptual Organization and Recognition of Indoor Scenes from RGB-D Images", CVPR 2013.
Label 0 is none of them: not annotated. The published spelling "refridgerator" is corrected.
"""

NYU40 = (
    "wall",
    "floor",
    "cabinet",
    "bed",
    "chair",
    "sofa",
    "table",
    "door",
    "window",
    "bookshelf",
    "picture",
    "counter",
    "blinds",
    "desk",
    "shelves",
    "curtain",
    "dresser",
    "pillow",
    "mirror",
    "floor mat",
    "clothes",
    "ceiling",
    "books",
    "refrigerator",
    "television",
    "paper",
    "towel",
    "shower curtain",
    "box",
    "whiteboard",
    "person",
    "night stand",
    "toilet",
    "sink",
    "lamp",
    "bathtub",
    "bag",
    "other structure",
    "other furniture",
    "other prop",
)
"""Name of class 1, 2, …, 40."""

STRUCTURE = frozenset({"wall", "floor", "ceiling"})
"""What a room consists of; not objects in it."""

NAMELESS = frozenset({"other structure", "other furniture", "other prop", "books", "clothes"})
"""Whatever is none of the other classes, and heaps of uncertain number: nothing can be asked about one by its name."""

SINGULAR = {"blinds": "blind", "shelves": "shelf"}
"""One instance of a class whose name is a plural."""
