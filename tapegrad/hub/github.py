"""Repositories of GitHub, kept in the folder for downloads as torch keeps them."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request
from zipfile import ZipFile

from tapegrad.hub.downloading import download_url_to_file, get_dir, opened

TRUSTED = ("facebookresearch", "facebookincubator", "pytorch", "fairinternal")  # torch's list of owners


def fetched(github: str, force_reload: bool, trust_repo: bool | str | None, skip_validation: bool) -> Path:
    """The folder of a repository "owner/name" or "owner/name:ref", downloaded if it must be."""
    hub = Path(get_dir())
    hub.mkdir(parents=True, exist_ok=True)
    owner, name, ref = _parsed(github)
    folder = hub / f"{owner}_{name}_{ref.replace('/', '_')}"
    _ask(owner, name, folder, trust_repo)
    if folder.exists() and not force_reload:
        return folder
    if not skip_validation:
        _check_own(owner, name, ref)
    _download(f"https://github.com/{owner}/{name}/zipball/{ref}", folder)
    return folder


def _parsed(github: str) -> tuple[str, str, str]:
    """(owner, name, ref), the ref by default main, or master where there is no main."""
    repository, _, ref = github.partition(":")
    owner, _, name = repository.partition("/")
    if not owner or not name or "/" in name or ":" in ref:
        raise ValueError(f"hub: the repository is {github!r}; 'owner/name' or 'owner/name:ref' is needed.")
    return owner, name, ref or _default_ref(owner, name)


def _default_ref(owner: str, name: str) -> str:
    try:
        with opened(f"https://github.com/{owner}/{name}/tree/main/"):
            return "main"
    except HTTPError as e:
        if e.code == 404:
            return "master"
        raise
    except URLError as e:
        for ref in ("main", "master"):
            if Path(get_dir(), f"{owner}_{name}_{ref}").exists():
                return ref
        raise RuntimeError(
            f"hub: GitHub cannot be reached, and {owner}/{name} is not in {get_dir()}; download the "
            "repository elsewhere, and load its folder with source='local'."
        ) from e


def _ask(owner: str, name: str, folder: Path, trust: bool | str | None) -> None:
    """Note that the user trusts a repository, after asking unless that is known. Raises: RuntimeError if
    not, ValueError for an answer that is neither."""
    noted = folder.parent / "trusted_list"
    known = noted.read_text().split() if noted.exists() else []
    trusted = f"{owner}_{name}" in known or folder.exists() or owner in TRUSTED
    if trust is False or (trust == "check" and not trusted):
        answer = input(
            f"The code of {owner}/{name} will run on this machine. Do you trust it (y/N)? "
        ).lower()
        if answer in ("n", "no", ""):
            raise RuntimeError(f"hub: {owner}/{name} is not trusted; pass trust_repo=True if you do.")
        if answer not in ("y", "yes"):
            raise ValueError(f"hub: the answer is {answer!r}; y or n is needed.")
    if not trusted:
        with noted.open("a") as file:
            file.write(f"{owner}_{name}\n")


def _check_own(owner: str, name: str, ref: str) -> None:
    """Raises: ValueError unless ref is a branch, tag or commit of the repository itself, and not of a fork,
    which GitHub would serve under the same address."""
    for kind in ("branches", "tags"):
        page = 1
        while found := _asked(f"https://api.github.com/repos/{owner}/{name}/{kind}?per_page=100&page={page}"):
            if any(each["name"] == ref or each["commit"]["sha"].startswith(ref) for each in found):
                return
            page += 1
    raise ValueError(
        f"hub: {owner}/{name} has no {ref!r}; name one of its branches or tags, or the fork that has it."
    )


def _asked(url: str) -> Any:
    """GitHub's answer; without the user's token if that is refused."""
    token = os.environ.get("GITHUB_TOKEN")
    plain = {"Accept": "application/vnd.github.v3+json"}
    for headers in [plain | {"Authorization": f"token {token}"}] * (token is not None) + [plain]:
        try:
            with opened(Request(url, headers=headers)) as answer:
                return json.loads(answer.read())
        except HTTPError:
            if headers is plain:
                raise
    return None


def _download(url: str, folder: Path) -> None:
    """A zipped repository, put into a folder at once."""
    with TemporaryDirectory(dir=folder.parent) as scratch:
        zipped = Path(scratch, "repository.zip")
        download_url_to_file(url, str(zipped), progress=False)
        with ZipFile(zipped) as archive:
            for member in archive.namelist():
                parts = PurePosixPath(member.replace("\\", "/")).parts
                if not parts or parts[0] in ("/", "\\") or ".." in parts or ":" in parts[0]:
                    raise ValueError(f"hub: {url} has a file {member!r}, which lies outside of its folder.")
            archive.extractall(scratch)
            top = Path(scratch, archive.namelist()[0].split("/")[0])
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(top, folder)
