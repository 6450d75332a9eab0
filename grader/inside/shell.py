"""`!wget`, `!curl`, `!git clone`, `!pip install`, `%pip`, `%cd`: answered from the classroom or quietly.

Only these; any other command runs as it is (in the sandbox, without a network). Called once by entry.py.
"""

import os
import re
import shlex

from . import paths, wire

_INSTALLERS = ("pip", "pip3", "conda", "mamba", "apt", "apt-get", "npm", "uv")


def install():
    """Patch the shell escapes of IPython and `os.system`."""
    try:
        from IPython import get_ipython

        shell = get_ipython()
    except ImportError:
        shell = None
    system = os.system
    os.system = lambda command: run(command, system)
    if shell is None:
        return
    ip_system, getoutput = shell.system, shell.getoutput

    def watched_system(command):
        shell.user_ns["_exit_code"] = run(shell.var_expand(command, depth=1), ip_system)

    def watched_output(command, *args, **kwargs):
        kind = _kind(command)
        if kind is None:
            return getoutput(command, *args, **kwargs)
        _answer(kind, command)
        return []

    object.__setattr__(shell, "system", watched_system)
    object.__setattr__(shell, "getoutput", watched_output)
    _magics(shell, ip_system)


def _magics(shell, system):
    for name in ("pip", "conda", "mamba", "uv"):
        shell.register_magic_function(
            lambda line, name=name: run("%s %s" % (name, line), system) and None, "line", name
        )
    cd = shell.find_line_magic("cd")

    def watched_cd(line):
        where = os.path.expanduser(line.strip().strip("'\""))
        if where and not os.path.isdir(where) and not line.startswith("-"):
            try:
                os.makedirs(where)
                wire.redirect("folder", where, "an empty folder")
            except OSError:
                wire.redirect("folder", where, "stayed in %s" % os.getcwd())
                return None
        return cd(line)

    shell.register_magic_function(watched_cd, "line", "cd")
    load = shell.find_line_magic("load_ext")

    def watched_load(line):
        try:
            return load(line)
        except ImportError:
            wire.standin("%%load_ext %s" % line)
            name = line.strip().split(".")[-1]
            shell.register_magic_function(lambda line: None, "line", name)
            return None

    shell.register_magic_function(watched_load, "line", "load_ext")
    for name in ("bash", "sh"):
        shell.register_magic_function(
            lambda line, cell: run(cell, lambda command: system(command)) and None, "cell", name
        )


def run(command, otherwise):
    """Answer what is known, line by line; the rest goes to `otherwise` as it came. 0 or its status."""
    parts = re.split(r"\s*(?:&&|;|\n)\s*", str(command).strip())
    if not any(_kind(part) for part in parts):
        return otherwise(command)
    status = 0
    rest = []
    for part in parts:
        kind = _kind(part)
        if kind is None:
            rest.append(part)
            continue
        if rest:
            otherwise(" && ".join(p for p in rest if p))
            rest = [p for p in rest if p.startswith("cd ")]
        status = _answer(kind, part, _folder(rest)) or status
    if any(p and not p.startswith("cd ") for p in rest):
        status = otherwise(" && ".join(p for p in rest if p)) or status
    return status


def _folder(parts):
    """Where earlier `cd`s of the same line lead."""
    where = os.getcwd()
    for part in parts:
        where = os.path.join(where, os.path.expanduser(part[3:].strip()))
    return where


def _words(command):
    try:
        words = shlex.split(command)
    except ValueError:
        words = command.split()
    while words and (words[0] in ("sudo", "yes", "|", "-H", "-E", "time") or re.match(r"^\w+=", words[0])):
        words = words[1:]
    if len(words) > 2 and words[0].startswith("python") and words[1] == "-m":
        words = words[2:]
    return words


def _kind(command):
    words = _words(command)
    if not words:
        return None
    name = os.path.basename(words[0])
    if (
        name in _INSTALLERS
        and len(words) > 1
        and words[1] not in ("list", "show", "freeze", "--version", "-V", "check")
    ):
        return "install"
    if name in ("wget", "curl"):
        return name
    if name == "git" and "clone" in words[:3]:
        return "git"
    return None


def _answer(kind, command, folder=None):
    """0, or 1 where the classroom lacks what is wanted."""
    words = _words(command)
    folder = folder or os.getcwd()
    if kind == "install":
        wire.redirect("install", command, "nothing: the runtime holds what it holds")
        return 0
    if kind == "git":
        return _clone(words, folder)
    url = next((w for w in words[1:] if "://" in w or w.startswith("www.")), "")
    path = paths.served(url)
    if path is None:
        print(wire.lacks(url or command, OSError, "no network"))
        return 1
    target = os.path.join(folder, _target(words, url))
    os.makedirs(os.path.dirname(target), exist_ok=True)
    paths.copy(path, target)
    wire.redirect("download", url, paths.base_name(path))
    return 0


def _target(words, url):
    """The file that wget or curl would write."""
    name, where = paths.base_name(url), ""
    for place, word in enumerate(words):
        after = words[place + 1] if place + 1 < len(words) else ""
        if word in ("-O", "-o", "--output", "--output-document") and after and "://" not in after:
            name = after
        elif word in ("-P", "--directory-prefix", "--output-dir"):
            where = after
        elif word.startswith("--output-document="):
            name = word.split("=", 1)[1]
    return os.path.join(os.path.expanduser(where), os.path.expanduser(name))


def _clone(words, folder):
    url = next((w for w in words if "://" in w or w.startswith("git@")), "")
    name = re.sub(r"\.git$", "", paths.base_name(url))
    if name.lower() != "nsmc":
        print(wire.lacks(url or " ".join(words), OSError, "no network"))
        return 1
    after = words[words.index(url) + 1 :]
    target = os.path.join(
        folder, os.path.expanduser(after[0]) if after and not after[0].startswith("-") else name
    )
    os.makedirs(target, exist_ok=True)
    for file in ("ratings_train.txt", "ratings_test.txt", "ratings.txt"):
        path = paths.served(file)
        if path:
            paths.copy(path, os.path.join(target, file))
    wire.redirect("git", url, "a folder with the classroom's files")
    return 0
