"""Datasets that others published, imported: rows of their files become rows of ours, and can be given back unchanged.

Each format is one module that says how its rows read; what they share is in `base`, `rows`, `reading` and `marks`.
"""

from dataset_builders.importers import bench, full, older_bench, preview, vsibench, vst
from dataset_builders.importers.base import Format, export

FORMATS: dict[str, Format] = {
    module.FORMAT.name: module.FORMAT for module in (preview, full, bench, older_bench, vsibench, vst)
}

__all__ = ["FORMATS", "Format", "export"]
