"""What grading costs over the students' own work: our batch against nbgrader, otter-grader and nbconvert.

    python -m benchmarks.batch_peers --setup                     # once: the peers' environments, some minutes
    python -m benchmarks.batch_peers --count 4 --rounds 1        # a trial
    python -m benchmarks.batch_peers --only warm,floor --report  # in pieces; --report prints the table of all

The same small torch notebooks for all (peer_notebooks.py). CPU seconds are those of *all* descendants: each
run sits in a control group of its own (cpuacct.usage; without one, `getrusage` of what was waited for).
Peak: largest sum of anonymous memory in that group, looked at ten times a second. Rounds are rotated. The
floor is the students' own cells by `exec` in one process that has torch and transformers imported already.
Results are appended to runs/batch_peers/results.jsonl, so that pieces add up to one table.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import peer_notebooks
from grader.classroom.runtime import CPU_TORCH
from grader.sandbox import cgroup

ROOT = Path(__file__).parents[1]
PLACE = ROOT / "runs" / "batch_peers"
ENVIRONMENTS = {"nbgrader": ("nbgrader==0.9.6", "nbconvert"), "otter": ("otter-grader==7.0.0",)}
FLOOR = """
import json, sys, time
import torch, transformers
def run(path):
    space = {"__name__": "__main__"}
    for cell in json.load(open(path))["cells"]:
        try:
            exec("".join(cell["source"]), space)
        except NameError:
            break
run(sys.argv[1])
before = time.process_time()
for path in sys.argv[1:]:
    run(path)
print(json.dumps({"own": time.process_time() - before}))
"""
OTTER_API = """
import sys
from otter.api import grade_submission
for path in sys.argv[2:]:
    try:
        grade_submission(path, sys.argv[1], quiet=True)
    except Exception as error:
        print(path, type(error).__name__, error)
"""


def tool(name: str) -> Path:
    """Where the programs of a peer's environment lie."""
    return PLACE / "env" / name / "bin"


def environment(name: str = "") -> dict[str, str]:
    """Variables of a run; nbgrader calls alembic by its bare name, so its own programs come first."""
    path = f"{tool(name)}{os.pathsep}{os.environ['PATH']}" if name else os.environ["PATH"]
    return {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}


def setup() -> None:
    """The peers' environments: the torch and transformers that this environment has."""
    import transformers

    for name, packages in ENVIRONMENTS.items():
        folder = PLACE / "env" / name
        if not (folder / "whole").exists():
            subprocess.run([sys.executable, "-m", "venv", folder], check=True)
            pip = [tool(name) / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*pip, os.environ.get("GRADER_TORCH", CPU_TORCH)], check=True)
            subprocess.run(
                [*pip, f"transformers=={transformers.__version__}", "ipykernel", *packages], check=True
            )
            (folder / "whole").touch()


# ---------------------------------------------------------------- one run, counted


def measured(steps: Callable[[list[str]], None] | list[list], cwd: Path, env: dict[str, str]) -> dict:
    """Run `steps` (commands, one after another) and count all that they start."""
    # A name of its own: what our batch leaves inside the group would keep the next run from having one.
    name = f"grader-{os.getpid()}-bench{time.monotonic_ns()}"
    group = cgroup.create(name, memory_mb=1 << 20, processes=1 << 15)
    enter = "".join(f"echo $$ > {procs}; " for procs in group.procs()) if group else ""
    script = "\n".join(" ".join(_quoted(part) for part in command) for command in steps)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    load, began, peak = os.getloadavg()[0], time.monotonic(), 0.0
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            ["/bin/sh", "-c", enter + script], cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=said
        )
        os.set_blocking(process.stdout.fileno(), False)
        out = b""
        while process.poll() is None:
            peak = max(peak, _anonymous_mb(group))
            out += process.stdout.read() or b""
            time.sleep(0.1)
        wall = time.monotonic() - began
        out += process.stdout.read() or b""
        said.seek(0)
        errors = said.read().decode(errors="replace")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - usage.ru_utime - usage.ru_stime
    way, waited = "waited", cpu
    if group and (counted := group.cpu_seconds()):
        way, cpu = "group", counted
    if group:
        time.sleep(0.2)
        _remove(group)
    last = out.decode(errors="replace").strip().splitlines()[-1:]
    return {
        "wall": wall,
        "cpu": cpu,
        "way": way,
        "waited": waited,
        "peak": peak,
        "load": load,
        "code": process.returncode,
        "last": last,
        "errors": errors[-2000:],
    }


def _remove(group: cgroup.Group) -> None:
    """With the groups that a sandbox made inside it."""
    for folder in group.folders.values():
        for inner in sorted((p for p in folder.rglob("*") if p.is_dir()), reverse=True):
            with contextlib.suppress(OSError):
                inner.rmdir()
    group.remove()


def _quoted(part: object) -> str:
    return "'" + str(part).replace("'", "'\\''") + "'"


def _anonymous_mb(group: cgroup.Group | None) -> float:
    folder = group.folders.get("memory") if group else None
    with contextlib.suppress(OSError, StopIteration):
        lines = (folder / "memory.stat").read_text().splitlines() if folder else []
        return next(int(line.split()[1]) for line in lines if line.startswith("total_rss ")) / 2**20
    return 0.0


# ---------------------------------------------------------------- the tools


def floor(work: Path, count: int) -> dict:
    peer_notebooks.plain(work / "in", count)
    files = sorted((work / "in").glob("*/hw.ipynb"))
    return measured([[tool("nbgrader") / "python", "-c", FLOOR, *files]], work, environment())


def nbconvert(work: Path, count: int) -> dict:
    peer_notebooks.plain(work / "in", count)
    jupyter = [tool("nbgrader") / "jupyter", "nbconvert", "--to", "notebook", "--execute", "--allow-errors"]
    steps = [
        [*jupyter, "--ExecutePreprocessor.timeout=120", "--output-dir", work / "out" / file.parent.name, file]
        for file in sorted((work / "in").glob("*/hw.ipynb"))
    ]
    found = measured(steps, work, environment("nbgrader"))
    return found | {"done": len(list((work / "out").glob("*/*.ipynb")))}


def nbgrader(work: Path, count: int) -> dict:
    env = environment("nbgrader")
    peer_notebooks.nbgrader(work, count, tool("nbgrader"), env)
    found = measured([[tool("nbgrader") / "nbgrader", "autograde", "ps1"]], work, env)
    export = [tool("nbgrader") / "nbgrader", "export"]
    subprocess.run(export, cwd=work, env=env, check=True, capture_output=True)
    rows = [line.split(",") for line in (work / "grades.csv").read_text().splitlines()]
    place = rows[0].index("score")
    return found | {"done": len(rows) - 1, "marks": [row[place] for row in rows[1:]]}


def otter_run(work: Path, count: int) -> dict:
    peer_notebooks.otter(work, count, tool("otter"), environment("otter"))
    steps = [
        [
            tool("otter") / "otter",
            "run",
            "-a",
            "autograder.zip",
            "-o",
            work / "out" / file.stem,
            "--no-logo",
            file,
        ]
        for file in sorted((work / "submissions").glob("*.ipynb"))
    ]
    for step in steps:
        Path(step[5]).mkdir(parents=True)
    found = measured(steps, work, environment("otter"))
    results = [json.loads(path.read_text()) for path in sorted((work / "out").glob("*/results.json"))]
    marks = [sum(test.get("score", 0) for test in result["tests"]) for result in results]
    return found | {"done": len(results), "marks": marks}


def otter_api(work: Path, count: int) -> dict:
    peer_notebooks.otter(work, count, tool("otter"), environment("otter"))
    files = sorted((work / "submissions").glob("*.ipynb"))
    step = [tool("otter") / "python", "-c", OTTER_API, "autograder.zip", *files]
    return measured([step], work, environment("otter")) | {"done": count}


def ours(work: Path, count: int, *options: str) -> dict:
    """`grader batch`, with what it says of itself: CPU seconds inside the notebooks' sandboxes."""
    peer_notebooks.plain(work / "in", count)
    command = [sys.executable, "-m", "grader.cli", "batch", work / "in", "--out", work / "out", "--jobs", "1"]
    found = measured([[*command, "--lang", "en", *options]], ROOT, environment())
    inside = steps = 0
    for path in (work / "out").glob("students/*/evidence.json"):
        observed = json.loads(path.read_text()).get("observed") or {}
        inside += observed.get("cpu_seconds", 0)
        steps += len(observed.get("testimony", {}).get("runs", []))
    done = len(list((work / "out").glob("students/*/review.md")))
    return found | {"done": done, "inside": inside, "trainings seen": steps}


SANDBOXED = ("--run", "--isolation", "bubblewrap")
CONDITIONS: dict[str, Callable[[Path, int], dict]] = {
    "floor": floor,
    "nbconvert": nbconvert,
    "nbgrader": nbgrader,
    "otter-run": otter_run,
    "otter-api": otter_api,
    "cold": lambda work, count: ours(work, count, *SANDBOXED, "--cold"),
    "warm": lambda work, count: ours(work, count, *SANDBOXED),
    "no-run": lambda work, count: ours(work, count, "--no-run"),
}
LABELS = {
    "floor": "floor: own cells in one warm process",
    "nbconvert": "`jupyter nbconvert --execute`, a process each",
    "nbgrader": "`nbgrader autograde`",
    "otter-run": "`otter run`, a process each",
    "otter-api": "`otter.api.grade_submission`, one process",
    "cold": "`grader batch --run --cold`, sandboxed",
    "warm": "`grader batch --run`, sandboxed, warm kernels",
    "no-run": "`grader batch --no-run`: reading, judging, writing only",
}


# ---------------------------------------------------------------- the table


def report(results: list[dict]) -> str:
    """Markdown: medians over the rounds; overhead is over the floor, ratios against nbgrader's."""
    by: dict[str, list[dict]] = {}
    for result in results:
        by.setdefault(result["name"], []).append(result)
    count = results[-1]["count"]
    own = statistics.median(json.loads(r["last"][0])["own"] for r in by["floor"]) / count
    lines = [
        f"{count} notebooks; their own work: {own:.2f} CPU s each. Counted by "
        f"{' AND '.join(sorted({r.get('way', 'unknown') for r in results}))} (one way is fair, two are not).",
        "",
        "| | runs | CPU s each run | CPU s per notebook | overhead per notebook | of nbgrader's | wall s "
        "| peak MiB | load at start |",
        "|---|---|---|---|---|---|---|---|---|",
    ]

    def each(name: str) -> float:
        return statistics.median(r["cpu"] for r in by[name]) / count

    for name in (name for name in LABELS if name in by):
        over = each(name) - (0 if name == "no-run" else own)
        ratio = ""
        if "nbgrader" in by and name not in ("floor", "no-run"):
            share = over / (each("nbgrader") - own)
            ratio = f"{share:.3f} (1/{1 / share:.1f})"
        rows = by[name]
        cells = (
            LABELS[name],
            len(rows),
            ", ".join(f"{r['cpu']:.1f}" for r in rows),
            f"{each(name):.2f}",
            f"{over:.2f}",
            ratio,
            ", ".join(f"{r['wall']:.0f}" for r in rows),
            f"{max(r['peak'] for r in rows):.0f}",
            ", ".join(f"{r['load']:.1f}" for r in rows),
        )
        lines.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--setup", action="store_true", help="only make the peers' environments")
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only", default=",".join(CONDITIONS), help="comma-separated")
    parser.add_argument("--fresh", action="store_true", help="forget earlier results")
    parser.add_argument("--report", action="store_true", help="only print the table")
    options = parser.parse_args()
    setup()
    stored = PLACE / "results.jsonl"
    if options.fresh:
        stored.unlink(missing_ok=True)
    names = [name for name in options.only.split(",") if name]
    for turn in range(0 if options.setup or options.report else options.rounds):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            work = Path(tempfile.mkdtemp(prefix="bench-"))
            work.chmod(0o755)
            try:
                found = CONDITIONS[name](work, options.count)
            finally:
                shutil.rmtree(work, ignore_errors=True)
            result = {"name": name, "count": options.count, **found}
            with stored.open("a") as file:
                file.write(json.dumps(result) + "\n")
            shown = {key: value for key, value in result.items() if key != "errors"}
            print(json.dumps(shown), flush=True)
            if found["code"] not in (0, 1):
                print(found["errors"], file=sys.stderr)
    if stored.exists():
        results = [json.loads(line) for line in stored.read_text().splitlines()]
        if any(result["name"] == "floor" for result in results):
            print(report([r for r in results if r["count"] == results[-1]["count"]]))


if __name__ == "__main__":
    main()
