"""Evidence -> what a reviewer may be shown before the review: numbers with their cells, and where to look.

Never a verdict: what the numbers mean is the reviewer's to find. Called by `grader.peers.sheets`.
"""

from __future__ import annotations

from grader import wording as words
from grader.facts import Kind
from grader.records import Citation, Evidence, Judgement, Observation, Text, TrainingRun, Verdict

SHOWN = 6


def runs_table(judgement: Judgement, lang: str) -> str:
    """Every training side by side as a markdown table; '' if there is none."""
    runs = judgement.facts.runs[:SHOWN]
    if not runs:
        return ""
    ko = lang == "ko"
    head = [run_name(run, lang) for run in runs]
    lines = {
        "학습한 행" if ko else "rows": [words.number(run.rows) for run in runs],
        "배치 크기" if ko else "batch size": [words.number(run.batch_size) for run in runs],
        "에폭" if ko else "epochs": [words.number(run.epochs) for run in runs],
        "행당 토큰 (패딩 포함)" if ko else "tokens per row (padding included)": [
            words.number(run.tokens_per_row) for run in runs
        ],
        "학습 시간" if ko else "time": [words.seconds(run.seconds, lang) for run in runs],
        "초당 행 수" if ko else "rows per second": [words.number(run.examples_per_second) for run in runs],
        "정확도 (최고)" if ko else "accuracy (best)": [words.accuracy(best_accuracy(run)) for run in runs],
    }
    rows = [["", *head], ["---"] * (len(head) + 1)]
    rows += [[name, *(value or "?" for value in values)] for name, values in lines.items() if any(values)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def best_accuracy(run: TrainingRun) -> float | None:
    """The highest accuracy that the run stored."""
    return max((e.accuracy for e in run.evaluations if e.accuracy is not None), default=None)


def run_name(run: TrainingRun, lang: str) -> str:
    """'셀 8', with its number where a cell starts several."""
    nth = f" #{run.order + 1}" if run.order else ""
    return f"{words.cells([run.cell], lang)}{nth}"


def facts(topic: str, evidence: Evidence, judgement: Judgement, lang: str) -> list[str]:
    """Facts that bear on `topic`, one sentence each."""
    return [text.in_(lang) for text in _FACTS.get(topic, lambda *_: [])(evidence, judgement)]


def look(topic: str, evidence: Evidence | None, judgement: Judgement | None, lang: str) -> list[str]:
    """What to look at for `topic`: cells to open, and one thing to ask oneself there."""
    question = LOOK.get(topic)
    if question is None:
        return []
    where = ""
    if judgement is not None:
        verdict = find(judgement, topic)
        where = words.cells((c.cell for c in verdict.citations), lang) if verdict else ""
    said = question.in_(lang)
    return [f"{where}: {said}" if where else said]


def find(judgement: Judgement, topic: str) -> Verdict | None:
    """What the machine says on `topic`, if anything."""
    return next(
        (v for v in (*judgement.items, *judgement.questions, *judgement.more) if v.item == topic), None
    )


def observed(evidence: Evidence, kind: Kind) -> list[Observation]:
    """All observations of `kind`, from any witness, in order of cell."""
    seen = [*evidence.source.observations, *evidence.recorded.observations]
    if evidence.observed:
        seen += evidence.observed.testimony.observations
    return sorted((o for o in seen if o.kind == kind), key=lambda o: -1 if o.cell is None else o.cell)


def cited(observations: list[Observation]) -> list[Citation]:
    """Their cells as citations."""
    return [Citation(cell=o.cell, quote=o.quote) for o in observations if o.cell is not None]


def _cells(observations: list[Observation]) -> tuple[str, str]:
    known = [o.cell for o in observations if o.cell is not None]
    return words.cells(known, "ko"), words.cells(known, "en")


def _loading(evidence: Evidence, judgement: Judgement) -> list[Text]:
    told = []
    for kind, ko, en in ((Kind.MODEL_LOAD, "모델", "model"), (Kind.DATA_LOAD, "데이터", "data")):
        seen = observed(evidence, kind)[:1]
        for one in seen:
            name = f"`{one.value.get('name') or one.quote}`"
            told.append(
                Text(ko=f"셀 {one.cell}: {ko} {name} 불러오기", en=f"Cell {one.cell} loads {en} {name}.")
            )
    return told


def _results(evidence: Evidence, judgement: Judgement) -> list[Text]:
    settled = judgement.facts
    if settled.best_accuracy is None:
        return [Text(ko="출력에 남은 정확도를 찾지 못했습니다.", en="No accuracy was found in the outputs.")]
    cell = settled.best_accuracy_cell
    value, split = words.accuracy(settled.best_accuracy), words.split(settled.eval_split)
    return [
        Text(
            ko=f"셀 {cell}: 출력에 남은 가장 높은 정확도는 {value} ({split.ko})",
            en=f"Cell {cell}: the highest accuracy in the outputs is {value} ({split.en})",
        )
    ]


def _bucketing(evidence: Evidence, judgement: Judgement) -> list[Text]:
    told = []
    for one in observed(evidence, Kind.TOKENIZE)[:3]:
        padding = one.value.get("padding", "?")
        length = one.value.get("max_length")
        more = f"`{padding}`" + (f", max_length {length}" if length else "")
        said = Text(
            ko=f"셀 {one.cell}: 토큰화 padding {more}", en=f"Cell {one.cell}: tokenised, padding {more}"
        )
        if said not in told:
            told.append(said)
    attempts = observed(evidence, Kind.ATTEMPT)
    if attempts:
        names = ", ".join(f"`{name}`" for name in dict.fromkeys(str(o.value.get("how")) for o in attempts))
        ko, en = _cells(attempts)
        told.append(Text(ko=f"{ko}: {names} 설정이 있습니다.", en=f"{en}: {names} in the code."))
    else:
        told.append(
            Text(ko="bucketing 설정을 코드에서 찾지 못했습니다.", en="No bucketing option in the code.")
        )
    return told


def _comments(evidence: Evidence, judgement: Judgement) -> list[Text]:
    core = observed(evidence, Kind.CORE_CELL)[:1]
    return [
        Text(
            ko=f"셀 {one.cell}에 주석 {count}줄이 있습니다.", en=f"Cell {one.cell} has {count} comment lines."
        )
        for one in core
        if isinstance(count := one.value.get("comments"), int)
    ]


def _state(evidence: Evidence, judgement: Judgement) -> list[Text]:
    told = []
    errors = observed(evidence, Kind.ERROR)
    if errors:
        ko, en = _cells(errors)
        names = ", ".join(dict.fromkeys(f"`{o.value.get('ename')}`" for o in errors))
        told.append(
            Text(ko=f"{ko}의 출력에 {names}이(가) 남아 있습니다.", en=f"{en}: {names} stored in the output.")
        )
    order = observed(evidence, Kind.EXECUTION_ORDER)[:1]
    if order and order[0].value.get("out_of_order"):
        told.append(
            Text(
                ko="셀의 실행 번호가 위에서 아래 순서가 아닙니다.",
                en="Cells were not executed from top to bottom.",
            )
        )
    return told


def _sizes(evidence: Evidence, judgement: Judgement) -> list[Text]:
    seen = observed(evidence, Kind.FUNCTIONS)[:1]
    return [
        Text(
            ko=f"함수 {one.value.get('count', 0)}개, 클래스 {one.value.get('classes', 0)}개가 있습니다.",
            en=f"{one.value.get('count', 0)} functions and {one.value.get('classes', 0)} classes.",
        )
        for one in seen
    ]


_FACTS = {
    "r1": _loading,
    "r2": _results,
    "r3": _bucketing,
    "q2": _comments,
    "q3": _state,
    "tried": _state,
    "q5": _sizes,
}

LOOK = {
    "r1": Text(
        ko="모델과 데이터를 불러온 뒤, 실제로 학습되었다는 출력(손실, 지표)이 어디에 남아 있나요?",
        en="after loading, which output (losses, a metric) shows that it was really trained?",
    ),
    "r2": Text(
        ko="정확도는 어떤 데이터에서 잰 값인가요? 전처리나 설정을 바꾸기 전과 후를 견줄 수 있나요?",
        en="on which rows was the accuracy measured? Can before and after a change be compared?",
    ),
    "r3": Text(
        ko="bucketing 앞뒤의 행당 토큰과 시간을 견주어 보세요. 배치 안의 패딩이 정말 달라졌나요? 왜일까요?",
        en="compare tokens per row and time of the runs. Did padding within a batch really change? Why?",
    ),
    "q1": Text(
        ko="평가 항목 세 가지를 하나씩, 출력이 남은 셀을 보고 답해 주세요.",
        en="answer the three items one by one, each by a cell with an output.",
    ),
    "q2": Text(
        ko="가장 핵심인 셀을 골라, 주석만 읽고 무엇을 왜 하는지 설명할 수 있는지 적어 주세요.",
        en="pick the core cell: do its comments alone tell what it does and why?",
    ),
    "q3": Text(
        ko="새로 설치한 환경에서 처음부터 실행한다고 생각해 보세요. 어디서 멈추거나 결과가 달라질까요?",
        en="imagine running it top to bottom in a fresh environment: where would it stop or differ?",
    ),
    "tried": Text(
        ko="과제가 요구한 것 말고 더 해 본 실험이나, 오류를 고친 기록이 있는 셀을 적어 주세요.",
        en="name the cell with an experiment beyond the task, or with an error solved.",
    ),
    "reflected": Text(
        ko="배운 점과 아쉬운 점이 결과의 숫자와 이어져 있나요?",
        en="do lessons and regrets connect to the numbers?",
    ),
    "q4": Text(
        ko="코더에게 직접 물어보고, 대답을 한 줄로 적어 주세요.",
        en="ask the coder, and put the answer in one line.",
    ),
    "q5": Text(
        ko="되풀이되는 코드 한 곳을 찾아, 어떻게 묶으면 좋을지 적어 주세요.",
        en="find one repetition and say how you would fold it.",
    ),
}
"""By topic. No hint says what the answer is."""
