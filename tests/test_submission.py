"""`grader.submission.load`: every refusal is one sentence with the value and the fix; the rest is read."""

import codecs
import json
import time

import pytest

from grader.errors import UnreadableSubmission
from grader.submission import load
from grader.submission.outputs import plain


def code(source="print(1)", outputs=(), count=1):
    return {
        "cell_type": "code",
        "source": source,
        "execution_count": count,
        "metadata": {},
        "outputs": list(outputs),
    }


def notebook(*cells, **metadata):
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": list(cells) or [code()]}


@pytest.fixture
def save(tmp_path):
    def write(content, name="work.ipynb"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    return write


def refusal(path, **options):
    with pytest.raises(UnreadableSubmission) as caught:
        load(path, **options)
    text = caught.value.text
    assert text.ko and text.en and "\n" not in text.en
    return text.en


def test_missing_file_suggests_the_near_name(save, tmp_path):
    save(notebook(), "GD08.ipynb")
    assert "Did you mean GD08.ipynb?" in refusal(tmp_path / "GD8.ipynb")


def test_directory_says_how_many(save, tmp_path):
    save(notebook(), "a.ipynb")
    save(notebook(), "b.ipynb")
    assert "2 notebooks" in refusal(tmp_path) and "a.ipynb" in refusal(tmp_path)


def test_checkpoint_names_the_original(save):
    save(notebook(), "quest.ipynb")
    copy = save(notebook(), ".ipynb_checkpoints/quest-checkpoint.ipynb")
    assert refusal(copy).endswith("quest.ipynb")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty file"),
        (b" \n\x00", "empty file"),
        ('{"cells": [\n1,\n', "line 3"),
        ('{"a": 1}', "no 'cells'"),
        ("[1, 2]", "no 'cells'"),
        ("<!DOCTYPE html><html>", "web page"),
        ("version https://git-lfs.github.com/spec/v1\noid", "git lfs pull"),
        (b"PK\x03\x04junk", "ZIP"),
        ('{"cells": [\n<<<<<<< HEAD\n1\n=======\n2\n>>>>>>> b\n]}', "merge conflict"),
        ("[" * 200_000, "nested too deeply"),
        ('{"cells": ' + "[" * 200_000 + "]" * 200_000 + "}", "nested too deeply"),
        (json.dumps({"nbformat": 4, "cells": []}), "has no cells"),
        (json.dumps(notebook({"cell_type": "markdown", "source": "hi"}, code("  "))), "has no code"),
        (json.dumps({"nbformat": 3, "worksheets": 7}), "nbconvert"),
        (json.dumps(notebook(kernelspec={"name": "ir", "language": "R"})), "notebook in R"),
        (json.dumps(notebook(language_info={"name": "julia"})), "notebook in Julia"),
    ],
)
def test_refusals(save, content, said):
    assert said in refusal(save(content))


def test_empty_placeholder_names_its_neighbours(save):
    save(notebook(), "real.ipynb")
    assert "real.ipynb" in refusal(save(notebook(code("")), "empty.ipynb"))


def test_too_large(save):
    said = refusal(save(notebook(code("x" * 3_000_000))), max_bytes=2_000_000)
    assert said == "work.ipynb is 3 MB; the limit is 2 MB. Clear the outputs and save again."


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "cp949", "utf-16-le"])
def test_other_encodings_are_read_with_a_note(save, encoding):
    raw = json.dumps(notebook(code("x = '한글 주석'")), ensure_ascii=False).encode(encoding)
    submission = load(save(raw))
    assert "한글 주석" in submission.cells[0].source
    assert len(submission.notes) == 1


def test_broken_bytes_and_lone_surrogates_still_encode(save):
    raw = json.dumps(notebook(code("x = 'A'"))).encode().replace(b"A", b"\\ud83d\xff\xfe\x81")
    submission = load(save(raw))
    submission.cells[0].source.encode("utf-8")


def test_nan_is_accepted(save):
    assert load(
        save('{"nbformat": 4, "metadata": {"x": NaN}, "cells": [{"cell_type": "code", "source": "1"}]}')
    )


def test_format_3_is_upgraded(save):
    old = {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {"name": ""},
        "worksheets": [
            {
                "metadata": {},
                "cells": [
                    {"cell_type": "markdown", "metadata": {}, "source": ["# t"]},
                    {
                        "cell_type": "code",
                        "collapsed": False,
                        "input": ["print(3)"],
                        "language": "python",
                        "metadata": {},
                        "prompt_number": 3,
                        "outputs": [{"output_type": "stream", "stream": "stdout", "text": ["3\n"]}],
                    },
                ],
            }
        ],
    }
    submission = load(save(old))
    assert [cell.kind for cell in submission.cells] == ["markdown", "code"]
    assert submission.cells[1].execution_count == 3
    assert submission.cells[1].outputs[0].text == "3\n"
    assert "format 3" in submission.notes[0].en


def test_wrong_types_inside_keep_their_index(save):
    odd = [
        7,
        {"cell_type": "code", "source": None},
        {"cell_type": "code", "source": ["a\n", 3, "b"], "outputs": None, "execution_count": "4"},
        {"cell_type": 5, "source": "x", "outputs": {}},
        {
            "cell_type": "code",
            "source": "y",
            "execution_count": True,
            "outputs": [
                None,
                {"output_type": "stream"},
                {"output_type": "error", "traceback": 3, "ename": []},
                {"output_type": "display_data", "data": [1]},
                {},
            ],
        },
    ]
    submission = load(save(notebook(*odd)))
    assert [cell.index for cell in submission.cells] == [0, 1, 2, 3, 4]
    assert submission.cells[2].source == "a\nb" and submission.cells[2].execution_count == 4
    assert submission.cells[3].kind == "code"
    assert submission.cells[4].execution_count is None


def test_progress_bars_keep_their_final_state():
    assert plain("\x1b[31m 5%|\x1b[0m\r 50%|#\r100%|##| 4/4\n\rnext\r") == "100%|##| 4/4\nnext"
    keras = "Epoch 1/2\n 1/9 [..]" + "\x08" * 9 + " 9/9 [==] - loss: 0.3\n"
    assert plain(keras) == "Epoch 1/2\n 9/9 [==] - loss: 0.3\n"
    assert plain("a\r\nb") == "a\nb"


def test_one_stream_in_many_pieces_is_one_output(save):
    pieces = [{"output_type": "stream", "name": "stderr", "text": [f"\r{i}%"]} for i in range(101)]
    (output,) = load(save(notebook(code(outputs=pieces)))).cells[0].outputs
    assert (output.name, output.text) == ("stderr", "100%")


def test_pictures_are_counted_and_never_kept(save):
    blob = "iVBORw0KGgo" + "A" * 4_000_000
    cells = [
        {
            "cell_type": "markdown",
            "source": f"![t](data:image/png;base64,{blob}) after",
            "attachments": {"image.png": {"image/png": blob}},
        },
        code(
            outputs=[
                {
                    "output_type": "display_data",
                    "data": {
                        "image/png": blob,
                        "text/plain": "<Figure>",
                        "text/html": f'<img src="data:image/png;base64,{blob}"><b>acc</b>',
                    },
                }
            ]
        ),
    ]
    path = save(notebook(*cells))
    start = time.process_time()
    submission = load(path)
    assert time.process_time() - start < 3.0
    assert submission.cells[0].attachments == 2 and submission.cells[0].source.endswith(" after")
    (output,) = submission.cells[1].outputs
    assert output.images == 2 and output.html.endswith("<b>acc</b>")
    assert "AAAA" not in repr(submission)


def test_long_text_keeps_both_ends(save):
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": "begin" + "x\n" * 400_000 + "end"},
        {"output_type": "execute_result", "data": {"text/plain": "TrainOutput(global_step=3)"}},
    ]
    submission = load(save(notebook(code(outputs=outputs))))
    stream, result = submission.cells[0].outputs
    assert stream.text.startswith("begin") and stream.text.endswith("end") and len(stream.text) < 250_000
    assert result.text == "TrainOutput(global_step=3)"
    assert "cut" in submission.notes[0].en


def test_saved_progress_widgets_speak(save):
    state = {
        "m": {"state": {"children": ["IPY_MODEL_a", "IPY_MODEL_b", "IPY_MODEL_c"]}},
        "a": {"state": {"value": "Map: 100%"}},
        "b": {"state": {"value": 150000.0, "max": 150000.0}},
        "c": {"state": {"value": " 150000/150000 [00:12&lt;00:00, 12345.67 examples/s]"}},
    }
    view = {
        "application/vnd.jupyter.widget-view+json": {"model_id": "m"},
        "text/plain": "Map:   0%|  | 0/150000",
    }
    widgets = {"application/vnd.jupyter.widget-state+json": {"state": state}}
    document = notebook(code(outputs=[{"output_type": "display_data", "data": view}]), widgets=widgets)
    assert load(save(document)).cells[0].outputs[0].text == (
        "Map: 100% 150000/150000 [00:12<00:00, 12345.67 examples/s]"
    )


def test_bom_constant_is_really_stripped(save):
    assert load(save(codecs.BOM_UTF8 + json.dumps(notebook()).encode())).cells[0].source == "print(1)"
