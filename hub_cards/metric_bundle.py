"""A metric folder that imports nothing of ours: the modules it needs lie beside it, their imports made relative.

`evaluate` copies `NAME.py` and the files that it imports by `from .file import …`, and no more; so the parts are flat
files, and `NAME.py` names each of them. Only import statements and the version of this package are rewritten.
"""

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from dataset_builders.errors import InputError

PACKAGES = ("dataset_builders", "evaluate_metrics", "hub_cards", "modeling_spacevista", "trl_recipes")
DISTRIBUTIONS = {"PIL": "pillow", "yaml": "pyyaml", "sklearn": "scikit-learn", "pycocotools": "pycocotools"}
APP = '''"""The page of this metric as a Space."""

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

folder = Path(__file__).resolve().parent
parts = ModuleType("metric_parts")  # the files beside this one, which import each other relatively
parts.__path__ = [str(folder)]
sys.modules[parts.__name__] = parts

if __name__ == "__main__":
    import_module("metric_parts.evaluate_metrics_widget").page(folder).launch()
'''


def bundle_metric(folder: Path, output: Path, repo_id: str | None = None) -> Path:
    """Write a metric so that it loads where this project is not installed.

    Args:
        folder: With `NAME.py`, `README.md`, `app.py` and `requirements.txt`, `NAME` being that of the folder.
        output: Empty folder to write to.
        repo_id: Where it will be, for the example of its page; its name if None.

    Returns:
        `output`.

    Raises:
        InputError: if it is no metric folder or its code cannot be read.
    """
    name = folder.resolve().name
    main = folder / f"{name}.py"
    for needed in (main, folder / "README.md"):
        if not needed.is_file():
            raise InputError(
                folder, needed.name, "is missing, so the folder is no metric", "see evaluate_metrics/metrics"
            )
    modules = _closure([main, _file("evaluate_metrics.widget")])
    parts = {module: module.replace(".", "_") for module in [*modules, "evaluate_metrics.widget"]}
    named = "".join(f"from .{part} import __name__ as _\n" for part in sorted(parts.values()))
    text = _relative(main, parts)
    end = ast.parse(text).body[0].end_lineno  # of the docstring
    lines = text.splitlines(keepends=True)
    note = "\n# Parts of this metric, one a line, because evaluate fetches what it sees imported here.\n"
    (output / main.name).write_text("".join([*lines[:end], note, named, *lines[end:]]), encoding="utf-8")
    for module, part in parts.items():
        (output / f"{part}.py").write_text(_relative(_file(module), parts), encoding="utf-8")
    page = (folder / "README.md").read_text(encoding="utf-8")
    page = page.replace(f"evaluate_metrics/metrics/{name}", repo_id or name)
    (output / "README.md").write_text(page, encoding="utf-8")
    (output / "app.py").write_text(APP, encoding="utf-8")
    needed = sorted(_third_party(output.glob("*.py")))
    (output / "requirements.txt").write_text("".join(f"{one}\n" for one in needed), encoding="utf-8")
    return output


def imported(path: Path) -> set[str]:
    """Return the modules that a file imports absolutely.

    Raises:
        InputError: if it is no Python.
    """
    return {module for module, _ in _imports(_parse(path))}


def _parse(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError) as error:
        raise InputError(path, "code", f"is no Python ({error})", "write it again") from error


def _imports(tree: ast.AST) -> Iterator[tuple[str, ast.stmt]]:
    """Yield (module, statement); of `from package import module`, the module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield (inner if _ours(inner) and _file(inner) else node.module), node
        elif isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)


def _ours(module: str) -> bool:
    return module.split(".")[0] in PACKAGES


def _file(module: str) -> Path | None:
    """Return the file of one of our modules, found without importing it."""
    top, *rest = module.split(".")
    root = Path(find_spec(top).origin).parent
    path = root.joinpath(*rest)
    candidates = [path.with_suffix(".py")] if rest else []
    return next((one for one in [*candidates, path / "__init__.py"] if one.is_file()), None)


def _closure(files: list[Path]) -> list[str]:
    found: dict[str, Path] = {}
    waiting = list(files)
    while waiting:
        for module, _ in _imports(_parse(waiting.pop())):
            if _ours(module) and module not in found:
                found[module] = _file(module)
                waiting.append(found[module])
    return sorted(found)


def _relative(path: Path, parts: dict[str, str]) -> str:
    """Return the text of a module with imports of ours replaced by those of the parts beside it."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    for node in sorted(ast.walk(_parse(path)), key=lambda node: -getattr(node, "lineno", 0)):
        if isinstance(node, ast.ImportFrom) and not node.level and _ours(node.module):
            indent = " " * node.col_offset
            new = [f"{indent}{_statement(node.module, alias, parts)}\n" for alias in node.names]
            lines[node.lineno - 1 : node.end_lineno] = new
    return re.sub(r'\bversion\("spacevista"\)', f'"{version("spacevista")}"', "".join(lines))


def _statement(module: str, alias: ast.alias, parts: dict[str, str]) -> str:
    inner = f"{module}.{alias.name}"
    if inner in parts:
        return f"from . import {parts[inner]} as {alias.asname or alias.name}"
    named = f" as {alias.asname}" if alias.asname else ""
    return f"from .{parts[module]} import {alias.name}{named}"


def _third_party(files: Iterator[Path]) -> set[str]:
    tops = {module.split(".")[0] for path in files for module in imported(path)}
    return {DISTRIBUTIONS.get(top, top) for top in tops - set(sys.stdlib_module_names) - {"gradio"}}
