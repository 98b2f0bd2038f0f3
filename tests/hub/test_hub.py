"""torch.hub on folders, and on a network that the tests answer for."""

import io
import json
import sys
import zipfile
from email.message import Message
from hashlib import sha256
from urllib.error import HTTPError, URLError

import pytest

import tapegrad as torch
from tapegrad import hub
from tapegrad.hub import downloading

HUBCONF = '''
"""Models."""
import hub_helper
import tapegrad as torch

dependencies = ["numpy"]
_hidden = print


def net(width, bias=True):
    """A linear map."""
    return torch.nn.Linear(width, hub_helper.OUT, bias=bias)
'''


def write_repository(folder):
    """A folder with a hubconf.py, and a module that it imports."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "hubconf.py").write_text(HUBCONF)
    (folder / "hub_helper.py").write_text("OUT = 2\n")
    return folder


class Answer(io.BytesIO):
    """What a server sends."""

    def __init__(self, content, length=None):
        super().__init__(content)
        self.headers = Message()
        self.headers["Content-Length"] = str(len(content) if length is None else length)


@pytest.fixture
def network(monkeypatch, tmp_path):
    """URLs and what they give: bytes, an Answer, or an exception. What is not there cannot be reached."""
    pages, asked = {}, []

    def urlopen(request):
        url = request if isinstance(request, str) else request.full_url
        asked.append(url)
        page = pages.get(url, URLError("no network"))
        if isinstance(page, Exception):
            raise page
        return page if isinstance(page, Answer) else Answer(page)

    monkeypatch.setattr(downloading, "urlopen", urlopen)
    monkeypatch.setattr(downloading._Place, "folder", str(tmp_path / "hub"))
    pages["asked"] = asked
    monkeypatch.delitem(sys.modules, "hub_helper", raising=False)
    return pages


def not_found(url):
    """The answer to a URL that is not there."""
    return HTTPError(url, 404, "Not Found", Message(), None)


# ---- folders


def test_load_from_a_folder(tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "hub_helper", raising=False)
    folder, path = write_repository(tmp_path / "own"), list(sys.path)
    net = hub.load(str(folder), "net", 3, source="local", bias=False)
    assert repr(net) == "Linear(in_features=3, out_features=2, bias=False)"
    assert sys.path == path and torch.hub is hub


def test_what_a_folder_lacks(tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "hub_helper", raising=False)
    folder = write_repository(tmp_path / "own")
    path = list(sys.path)
    with pytest.raises(FileNotFoundError, match=r"hub: .* has no hubconf\.py"):
        hub.load(str(tmp_path), "net", source="local")
    with pytest.raises(RuntimeError, match=r"hub: hubconf\.py has no function 'ne'; it has net\."):
        hub.load(str(folder), "ne", source="local")
    with pytest.raises(ValueError, match=r"hub: model is int; the name"):
        hub.load(str(folder), 3, source="local")
    with pytest.raises(ValueError, match=r"hub\.load: source is 'disk'; 'github' or 'local'"):
        hub.load(str(folder), "net", source="disk")
    (folder / "hubconf.py").write_text("dependencies = ['no_such_package_here']\n")
    with pytest.raises(RuntimeError, match=r"needs no_such_package_here; install it"):
        hub.load(str(folder), "net", source="local")
    assert sys.path == path


def test_the_folder_for_downloads(monkeypatch, tmp_path):
    monkeypatch.setattr(downloading._Place, "folder", None)
    for name in ("TORCH_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert hub.get_dir() == f"{tmp_path}/.cache/torch/hub"
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert hub.get_dir() == "/x/torch/hub"
    monkeypatch.setenv("TORCH_HOME", "/y")
    assert hub.get_dir() == "/y/hub"
    hub.set_dir("~/z")
    assert hub.get_dir() == f"{tmp_path}/z"


# ---- files


def test_a_file_is_downloaded_whole_or_not_at_all(network, tmp_path):
    target, content = tmp_path / "file", b"abc" * 100_000
    digest = sha256(content).hexdigest()
    network["http://there/a"] = content
    hub.download_url_to_file("http://there/a", str(target), digest[:8])
    assert target.read_bytes() == content
    with pytest.raises(RuntimeError, match=f"is {digest}, and it must begin with 00; nothing was written"):
        network["http://there/b"] = content
        hub.download_url_to_file("http://there/b", str(target), "00", progress=False)
    network["http://there/c"] = Answer(b"abc", length=5)
    with pytest.raises(URLError, match="broke off after 3 of 5 bytes"):
        hub.download_url_to_file("http://there/c", str(target))
    with pytest.raises(URLError, match=r"http://nowhere cannot be reached \(no network\)"):
        hub.download_url_to_file("http://nowhere", str(target))
    network["http://there/d"] = not_found("http://there/d")
    with pytest.raises(HTTPError, match="404"):
        hub.download_url_to_file("http://there/d", str(target))
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        hub.download_url_to_file("http://there/a", str(tmp_path / "no" / "file"))
    assert target.read_bytes() == content and [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_file_of_the_disk(tmp_path):
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_bytes(b"abc")
    hub.download_url_to_file(source.as_uri(), str(target), progress=False)
    assert target.read_bytes() == b"abc"


def test_state_dicts(network, tmp_path):
    buffer = io.BytesIO()
    torch.save({"w": torch.arange(3)}, buffer)
    digest = sha256(buffer.getvalue()).hexdigest()[:8]
    url = f"http://there/model-{digest}.pth?x=1"
    network[url] = buffer.getvalue()
    for _ in range(2):
        found = hub.load_state_dict_from_url(url, check_hash=True, progress=False, weights_only=True)
        assert found["w"].tolist() == [0, 1, 2]
    assert network["asked"] == [url]  # once
    assert (tmp_path / "hub" / "checkpoints" / f"model-{digest}.pth").exists()
    network["http://there/model-00000000.pth"] = buffer.getvalue()
    with pytest.raises(RuntimeError, match="must begin with 00000000"):
        hub.load_state_dict_from_url("http://there/model-00000000.pth", check_hash=True)
    network["http://there/q"] = buffer.getvalue()
    hub.load_state_dict_from_url("http://there/q", str(tmp_path / "own"), file_name="m.pth")
    assert (tmp_path / "own" / "m.pth").exists()


# ---- repositories


def zipped(tmp_path, *more):
    """A repository as GitHub sends it."""
    folder = write_repository(tmp_path / "sent" / "owner-name-0123")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("owner-name-0123/", "")
        for path in folder.iterdir():
            archive.write(path, f"owner-name-0123/{path.name}")
        for name in more:
            archive.writestr(name, "x")
    return buffer.getvalue()


API = "https://api.github.com/repos/owner/name"
ZIP = "https://github.com/owner/name/zipball"


def test_a_repository_is_downloaded_once(network, tmp_path):
    network["https://github.com/owner/name/tree/main/"] = b""
    network[f"{API}/branches?per_page=100&page=1"] = json.dumps(
        [{"name": "dev", "commit": {"sha": "1"}}]
    ).encode()
    network[f"{API}/branches?per_page=100&page=2"] = b"[]"
    network[f"{API}/tags?per_page=100&page=1"] = json.dumps(
        [{"name": "main", "commit": {"sha": "2"}}]
    ).encode()
    network[f"{ZIP}/main"] = zipped(tmp_path)
    assert hub.list("owner/name", trust_repo=True) == ["net"]
    assert hub.load("owner/name:main", "net", 3).out_features == 2  # known, and trusted, by now
    assert hub.help("owner/name:main", "net") == "A linear map."
    assert network["asked"].count(f"{ZIP}/main") == 1
    del network[f"{ZIP}/main"]
    with pytest.raises(URLError, match="cannot be reached"):
        hub.load("owner/name:main", "net", 3, force_reload=True, skip_validation=True)
    assert sorted(p.name for p in (tmp_path / "hub").iterdir()) == ["owner_name_main", "trusted_list"]
    del network["https://github.com/owner/name/tree/main/"]
    assert hub.load("owner/name", "net", 3).out_features == 2  # without network


def test_repositories_that_are_refused(network, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"the repository is 'name'; 'owner/name'"):
        hub.load("name", "net")
    with pytest.raises(
        RuntimeError, match=r"GitHub cannot be reached, and owner/name is not in .*source='local'"
    ):
        hub.load("owner/name", "net", trust_repo=True)
    monkeypatch.setattr("builtins.input", lambda prompt: "n")
    with pytest.raises(RuntimeError, match=r"owner/name is not trusted; pass trust_repo=True"):
        hub.load("owner/name:main", "net")
    network[f"{API}/branches?per_page=100&page=1"] = network[f"{API}/tags?per_page=100&page=1"] = b"[]"
    monkeypatch.setattr("builtins.input", lambda prompt: "y")
    with pytest.raises(ValueError, match=r"owner/name has no 'fork'"):
        hub.load("owner/name:fork", "net")
    network[f"{ZIP}/main"] = zipped(tmp_path, "../out")
    with pytest.raises(ValueError, match=r"a file '\.\./out', which lies outside"):
        hub.load("owner/name:main", "net", skip_validation=True)
    assert [p.name for p in (tmp_path / "hub").iterdir()] == ["trusted_list"]
    network["https://github.com/owner/name/tree/main/"] = not_found("x")
    network[f"{ZIP}/master"] = zipped(tmp_path)
    assert hub.list("owner/name", skip_validation=True) == ["net"]
