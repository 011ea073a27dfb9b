"""Sending a plan to the Hub: private until everything is there, in one commit, and taken up again where it stopped.

Large files are stored by their content before the commit that names them, so a second try sends only what is missing,
and no reader ever sees half of a version. A new repository is made public as the last step of all.
"""

import logging
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import TypeVar

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, constants
from huggingface_hub.errors import HfHubHTTPError

from dataset_builders.errors import InputError
from hub_cards.publishing import Plan
from hub_cards.purposes import purpose_of

logger = logging.getLogger(__name__)
Result = TypeVar("Result")

# A dropped connection is an error of the HTTP client, whose module differs between versions of huggingface_hub; its
# own error inherits from the client's. LFS uploads wrap what went wrong in a RuntimeError.
CONNECTION_ERRORS = (*HfHubHTTPError.__bases__, RuntimeError)
TRIES = 4
FIRST_WAIT = 1.0  # seconds before the second try; doubles
TEMPORARY = {408, 429, 500, 502, 503, 504}
KEPT = ("card", "licence", "git attributes")  # of which a repository may hold some that were not sent


def publish(plan: Plan, token: str, private: bool = False, message: str | None = None, tag: str | None = None) -> str:
    """Create the repository if it is new, send all files in one commit, tag it, and make it public.

    Args:
        plan: What to send.
        token: With the right to write.
        private: Leave, or make, the repository private.
        message: Of the commit.
        tag: Of the revision; named by the content if None.

    Returns:
        The address of the repository.

    Raises:
        InputError: if the Hub refuses something or cannot be reached; a new repository then stays private.
    """
    api = HfApi(token=token)
    try:
        return _publish(plan, api, private, message or f"Publish {plan.kind}", tag or plan.revision())
    except (*CONNECTION_ERRORS, ValueError) as error:
        problem = f"stopped ({_first_line(error)})"
        fix = (
            "a new repository stays private until all is there; give the same command again, it sends what is missing"
        )
        raise InputError(plan.repo_id, "upload", problem, fix) from error


def _publish(plan: Plan, api: HfApi, private: bool, message: str, tag: str) -> str:
    where = {"repo_type": plan.repo_type}
    sdk = {"space_sdk": plan.metadata["sdk"]} if plan.repo_type == "space" else {}
    url = persistently(lambda: api.create_repo(plan.repo_id, private=True, exist_ok=True, **sdk, **where))
    where["repo_id"] = url.repo_id
    before = persistently(lambda: api.repo_info(**where))
    if private and not before.private:
        persistently(lambda: api.update_repo_settings(private=True, **where))
    additions = [CommitOperationAdd(file.name, file.path) for file in plan.files]
    _store(api, additions, where)
    stale = _stale(plan, [one.rfilename for one in before.siblings or []])
    deletions = [CommitOperationDelete(name) for name in stale]
    commit = persistently(
        lambda: api.create_commit(operations=[*deletions, *additions], commit_message=message, **where)
    )
    _verify(plan, persistently(lambda: api.repo_info(revision=commit.oid, files_metadata=True, **where)))
    persistently(lambda: api.create_tag(tag=tag, revision=commit.oid, exist_ok=True, **where))
    if before.private and not private:
        persistently(lambda: api.update_repo_settings(private=False, **where))
    return str(url)


def _store(api: HfApi, additions: list[CommitOperationAdd], where: dict) -> None:
    """Send the content of large files; over plain LFS where the Xet storage cannot be reached."""
    try:
        persistently(lambda: api.preupload_lfs_files(additions=additions, free_memory=False, **where))
    except CONNECTION_ERRORS as error:
        if constants.HF_HUB_DISABLE_XET or find_spec("hf_xet") is None:
            raise
        logger.warning("Xet storage: %s; sending over LFS", _first_line(error))
        constants.HF_HUB_DISABLE_XET = True  # what the environment variable of this name sets
        persistently(lambda: api.preupload_lfs_files(additions=additions, free_memory=False, **where))


def persistently(step: Callable[[], Result]) -> Result:
    """Do a step that may be done twice, again after a dropped connection or a server error.

    Raises:
        HfHubHTTPError: if the server refuses it, or fails `TRIES` times.
    """
    for number in range(TRIES - 1):
        try:
            return step()
        except CONNECTION_ERRORS as error:
            status = getattr(getattr(error, "response", None), "status_code", None)
            if status is not None and status not in TEMPORARY:
                raise
            logger.warning("%s; trying again", _first_line(error))
            time.sleep(FIRST_WAIT * 2**number)
    return step()


def _stale(plan: Plan, present: list[str]) -> list[str]:
    """Name files of an earlier version that would be read beside the new ones, such as shards of another number."""
    sent = {file.name for file in plan.files}
    purposes = {name: purpose_of(plan.kind, name) for name in present if name not in sent}
    return [name for name, purpose in purposes.items() if purpose is not None and purpose.name not in KEPT]


def _verify(plan: Plan, info) -> None:
    """Refuse to go on if the commit does not hold every file with its size.

    Raises:
        ValueError: naming a file.
    """
    sizes = {one.rfilename: one.size for one in info.siblings or []}
    for file in plan.files:
        if sizes.get(file.name) != file.size:
            raise ValueError(f"{file.name} has {file.size} bytes here and {sizes.get(file.name)} on the Hub")


def _first_line(error: BaseException) -> str:
    cause = error.__cause__ or error
    lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
    return f"{type(cause).__name__}: {lines[0]}" if lines else type(cause).__name__
