"""Makes `load_dataset("spacevista-1m", data_dir=DIR)` and `"spacevista-bench"` work once the package is imported.

`datasets` dropped loading scripts; what is left is its table of packaged builders, which is private. If a version
lacks it, everything else works: `load_dataset(DIR)` needs no registration.
"""

import hashlib
import warnings
from fnmatch import fnmatch
from pathlib import Path

import datasets
from datasets.packaged_modules.parquet.parquet import Parquet, ParquetConfig

from dataset_builders.card import CONFIGS

# Name → module; `datasets` takes the one builder that a module defines.
MODULES = {"spacevista-1m": __name__, "spacevista-bench": f"{__name__}_bench"}


class SpaceVista1M(Parquet):
    """The Parquet builder of `datasets`; the only change is that a config reads only the files that are its own."""

    BUILDER_CONFIGS = [ParquetConfig(name=name) for name in CONFIGS]
    DEFAULT_CONFIG_NAME = "all"

    def _split_generators(self, dl_manager):
        folder, scale = CONFIGS[self.config.name]
        own = {
            str(split): [name for name in names if fnmatch(name, f"*/{folder}/{split}-{scale}*.parquet")]
            for split, names in (self.config.data_files or {}).items()
        }
        self.config.data_files = {split: names for split, names in own.items() if names}
        if not self.config.data_files:
            raise ValueError(
                f"no {folder}/*-{scale}*.parquet in data_dir={self.config.data_dir!r}; "
                "give the folder that `python -m dataset_builders build` wrote"
            )
        return super()._split_generators(dl_manager)


def register() -> bool:
    """Enter both names in the table of `datasets`; warn and return False where that table no longer exists."""
    table = getattr(datasets.packaged_modules, "_PACKAGED_DATASETS_MODULES", None)
    if table is None:
        problem = f"datasets {datasets.__version__} has no table of packaged builders"
        warnings.warn(f"{problem}: use load_dataset(DIR), not load_dataset({next(iter(MODULES))!r})", stacklevel=2)
        return False
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("packaged*.py"))))
    table.update({name: (module, digest.hexdigest()) for name, module in MODULES.items()})
    return True
