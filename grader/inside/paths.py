"""Files of the data set by whatever name a notebook calls them: paths of other machines, URLs.

Only what can't be found is served: a file the notebook made itself wins. Called once by entry.py;
`served` also by data.py and shell.py.
"""

import builtins
import email.message
import io
import os
import re
import shutil
import sys

from . import imports, wire

_NAME = re.compile(r"^ratings(_train|_test)?( \(\d+\))?\.(txt|tsv)$", re.IGNORECASE)
_LOCAL = re.compile(r"^https?://(localhost|127\.|\[::1\])", re.IGNORECASE)


def base_name(where):
    """The last part of a path or URL, query string off."""
    text = os.fspath(where) if hasattr(where, "__fspath__") else str(where)
    return re.split(r"[/\\]", text.split("?")[0].split("#")[0].rstrip("/\\"))[-1]


def served(where):
    """The classroom's file for a path or URL, or None."""
    match = _NAME.match(base_name(where))
    folder = os.environ.get("GRADER_DATA", "")
    if not match or not folder:
        return None
    if match[1]:
        path = os.path.join(folder, "ratings%s.txt" % match[1].lower())
        return path if os.path.exists(path) else None
    return _both(folder)


def _both(folder):
    """ratings.txt: all rows, made of the other two when somebody asks."""
    path = os.path.join(os.path.expanduser("~"), ".cache", "classroom", "ratings.txt")
    if not os.path.exists(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as out:
            for name in ("ratings_train.txt", "ratings_test.txt"):
                with open(os.path.join(folder, name), "rb") as file:
                    head = file.readline()
                    out.write(head if name == "ratings_train.txt" else b"")
                    shutil.copyfileobj(file, out)
    return path


def is_url(where):
    """Is it a web address outside of this machine?"""
    text = str(where)
    return text.startswith(("http://", "https://", "ftp://")) and not _LOCAL.match(text)


def install():
    """Patch `open` and the download functions."""
    _open()
    imports.after("urllib.request", _urllib)
    imports.after("requests.sessions", _requests)
    imports.after("gdown", _gdown)


def _open():
    original = io.open

    def open(file, mode="r", *args, **kwargs):
        try:
            return original(file, mode, *args, **kwargs)
        except FileNotFoundError:
            found = (
                served(file) if isinstance(file, (str, os.PathLike)) and not set(mode) & set("wax+") else None
            )
            if found is None:
                raise
            wire.redirect("path", file, base_name(found))
            return original(found, mode, *args, **kwargs)

    open.__doc__ = original.__doc__
    builtins.open = io.open = open
    try:
        import IPython.core.interactiveshell as shell

        shell.io_open = open
    except ImportError:
        pass
    _held(original, open)


@wire.guarded
def _held(original, open):
    """In a kernel with its imports done, libraries hold the original under a name of their own."""
    for name, module in list(sys.modules.items()):
        if name not in ("_io", "_pyio") and getattr(module, "__dict__", {}).get("open") is original:
            module.open = open


def _urllib(module):
    open_url, retrieve = module.urlopen, module.urlretrieve

    def urlopen(url, *args, **kwargs):
        address = getattr(url, "full_url", url)
        if not is_url(address):
            return open_url(url, *args, **kwargs)
        path = served(address)
        if path is None:
            raise wire.lacks(address, module.URLError)
        wire.redirect("download", address, base_name(path))
        headers = email.message.Message()
        headers["Content-Length"] = str(os.path.getsize(path))
        return module.addinfourl(open(path, "rb"), headers, str(address), 200)

    def urlretrieve(url, filename=None, reporthook=None, data=None):
        if not is_url(url):
            return retrieve(url, filename, reporthook, data)
        path = served(url)
        if path is None:
            raise wire.lacks(url, module.URLError)
        target = str(filename or os.path.join(os.environ.get("TMPDIR", "/tmp"), base_name(url)))
        copy(path, target)
        wire.redirect("download", url, base_name(path))
        if reporthook:
            reporthook(1, os.path.getsize(path), os.path.getsize(path))
        return target, email.message.Message()

    module.urlopen, module.urlretrieve = urlopen, urlretrieve


def copy(path, target):
    """A copy the student may change."""
    shutil.copyfile(path, target)
    os.chmod(target, 0o644)


def _requests(module):
    request = module.Session.request

    def watched(self, method, url, *args, **kwargs):
        if not is_url(url) or "huggingface.co" in str(url) or "hf.co" in str(url):
            return request(self, method, url, *args, **kwargs)
        import requests

        path = served(url)
        if path is None:
            raise wire.lacks(url, requests.exceptions.ConnectionError)
        wire.redirect("download", url, base_name(path))
        response = requests.Response()
        response.status_code, response.reason, response.url, response.encoding = 200, "OK", str(url), "utf-8"
        response.headers["Content-Length"] = str(os.path.getsize(path))
        response.raw = open(path, "rb")  # noqa: SIM115  read and closed by the notebook
        return response

    module.Session.request = watched


def _gdown(module):
    def download(url=None, output=None, *args, **kwargs):
        path = served(output or url or "")
        if path is None:
            raise wire.lacks(url or kwargs.get("id") or output, ConnectionError)
        copy(path, output)
        wire.redirect("download", url, base_name(path))
        return output

    module.download = download
