"""Names on the command line → folders on this machine: a folder stays one, a Hub id is fetched at a revision."""

import re
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

from dataset_builders.errors import InputError

_HUB_ID = re.compile(r"(?P<id>[\w.-]+/[\w.-]+?)(?:@(?P<revision>[\w./-]+))?", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}")


def local_folder(name: str, kind: str, option: str) -> tuple[Path, str | None]:
    """Return a folder and the commit that it is, None if that is not known.

    Args:
        name: A folder, or a Hub id, `owner/name` or `owner/name@revision`.
        kind: `model` or `dataset`.
        option: Of the command line, for messages.

    Raises:
        InputError: if there is no such folder and the Hub does not give it.
    """
    folder = Path(name)
    given = _HUB_ID.fullmatch(str(name))
    if not folder.is_dir() and given:
        try:
            folder = Path(snapshot_download(given["id"], repo_type=kind, revision=given["revision"]))
        except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
            problem = f"is no folder here, and the Hub does not give it ({type(error).__name__})"
            raise InputError(name, option, problem, "name a folder, or a repository that you can reach") from None
    # A snapshot of the Hub lies in a folder that is named by its commit, also when it is given as a path.
    commit = folder.name if folder.parent.name == "snapshots" and _COMMIT.fullmatch(folder.name) else None
    return folder, commit
