"""Several notebooks of one student read as one submission: the whole, its numbering, and who belongs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import msgspec
import pytest

from grader import pipeline, rubric
from grader.records import Bucketing, Status
from grader.review import write as review
from grader.submission import load
from grader.submission.joining import join, split

CORRECT = Path(__file__).parent / "corpus" / "correct" / "submission.ipynb"
SPLIT = (15, 10)
"""The corpus notebook trains the baseline above cell 15; the bucketing below it needs the first 10 cells."""


def notebook(path: Path, *spans: tuple[int, int | None], source: Path = CORRECT) -> Path:
    """A notebook of some of the cells of `source`."""
    whole = json.loads(source.read_text("utf-8"))
    whole["cells"] = [cell for first, end in spans for cell in whole["cells"][first:end]]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(whole), encoding="utf-8")
    return path


@pytest.fixture
def pair(tmp_path) -> tuple[Path, Path]:
    base = notebook(tmp_path / "kim" / "base.ipynb", (0, SPLIT[0]))
    return base, notebook(tmp_path / "kim" / "bucketing.ipynb", (0, SPLIT[1]), (SPLIT[0], None))


def judged(*paths: Path):
    return pipeline.check(paths, None, rubric.load())


def status(judgement, item: str) -> Status:
    return next(v.status for v in judgement.items if v.item == item)


def test_neither_half_tells_the_story_and_both_together_do(pair):
    for half in pair:
        assert status(judged(half).judgement, "r3") is not Status.PASS
    evidence, judgement = judged(*pair)
    assert status(judgement, "r3") is Status.PASS
    assert judgement.facts.bucketing == Bucketing.EFFECTIVE and judgement.facts.compared == "both"
    assert judgement.facts.runs[judgement.facts.baseline].cell == 13
    assert judgement.facts.runs[judgement.facts.bucketed].cell == 114
    text = review(evidence, judgement)
    assert "셀 114" in text and "`bucketing.ipynb`은(는) 셀 100번부터" in text


def test_evidence_of_two_notebooks_is_judged_again_from_its_file(pair):
    from grader import checks
    from grader.records import Evidence, from_json, to_json

    evidence, judgement = judged(*pair)
    assert checks.judge(from_json(to_json(evidence), Evidence), rubric.load()) == judgement


def test_cells_are_those_of_their_file_and_round_to_the_next_hundred(pair):
    parts = tuple(load(path) for path in pair)
    whole = join(parts)
    assert [part.first for part in whole.parts] == [0, 100]
    assert whole.cell(107).source == parts[1].cells[7].source
    assert whole.cell(99) is None and whole.cell(None) is None and whole.cell(-1) is None
    back = split(whole)
    assert [[c.source for c in each.cells] for each in back] == [[c.source for c in p.cells] for p in parts]
    long = msgspec.structs.replace(
        parts[0],
        cells=tuple(msgspec.structs.replace(parts[0].cells[0], index=n) for n in range(150)),
    )
    assert [part.first for part in join((long, parts[1])).parts] == [0, 1000]
    assert join(parts[:1]) is parts[0]


def test_names_of_one_notebook_are_not_defined_in_the_next(tmp_path):
    """Each is read as its own kernel ran it: what the first defines, the second has not."""
    base = notebook(tmp_path / "base.ipynb", (0, SPLIT[0]))
    alone = notebook(tmp_path / "rest.ipynb", (SPLIT[0], None))
    evidence, _ = judged(base, alone)
    undefined = {o.value["name"] for o in evidence.source.observations if o.kind == "undefined-name"}
    assert "tokenizer" in undefined


# ------------------------------------------------------------------ who belongs together


def whole(path: Path, best: str) -> list[str]:
    from grader.batch.together import together

    files = sorted(path.glob("*.ipynb"), key=lambda p: p.name != best)
    return [p.name for p in together(files[0], files[1:])]


def test_baseline_and_bucketing_belong_together_whichever_is_looked_at_first(pair):
    folder = pair[0].parent
    assert (
        whole(folder, "base.ipynb") == whole(folder, "bucketing.ipynb") == ["base.ipynb", "bucketing.ipynb"]
    )


def test_a_copy_an_older_version_and_a_notebook_without_results_do_not_join(tmp_path):
    folder = tmp_path / "lee"
    folder.mkdir()
    shutil.copy(CORRECT, folder / "main.ipynb")
    shutil.copy(CORRECT, folder / "main-Copy1.ipynb")
    notebook(folder / "old.ipynb", (0, SPLIT[0]))
    notebook(folder / "draft.ipynb", (0, 10))
    assert whole(folder, "main.ipynb") == ["main.ipynb"]


def test_two_attempts_at_bucketing_are_versions_and_stay_apart(pair):
    folder = pair[0].parent
    other = json.loads(pair[1].read_text("utf-8").replace("0.9028", "0.9011").replace("612", "634"))
    (folder / "bucketing2.ipynb").write_text(json.dumps(other), encoding="utf-8")
    assert whole(folder, "bucketing.ipynb") == ["bucketing.ipynb"]


def test_a_batch_reads_them_as_one_and_says_so(pair, tmp_path):
    pytest.importorskip("pebble", reason="needs the batch extra")
    from grader.batch.find import find
    from grader.batch.work import do, order

    (entry,) = find(tmp_path)
    assert entry.notebooks == ("kim/base.ipynb", "kim/bucketing.ipynb")
    assert "2" in entry.why.ko and "base.ipynb" in entry.why.ko and entry.siblings == ()
    done = do(entry, msgspec.structs.replace(order(None, None, "v0", "ko"), base=str(tmp_path)))
    assert done.results["items"]["r3"]["status"] == "PASS"


def test_the_same_data_in_another_folder_is_another_lesson(pair, tmp_path):
    from grader.batch.find import find

    (pair[0].parent / "other").mkdir()
    pair[0].rename(pair[0].parent / "other" / "base.ipynb")
    (entry,) = find(tmp_path)
    assert entry.parts == () and len(entry.siblings) == 1
