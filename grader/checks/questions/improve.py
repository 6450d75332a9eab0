"""Improved code, made from the student's own: their functions with one thing changed.

`ast.unparse` loses comments, so only short functions are rewritten.
"""

from __future__ import annotations

import ast

from grader.checks.questions.words import definition, observed
from grader.facts import Kind
from grader.records import Evidence, Facts, Observation, Padding, Text

MAX_LINES = 15


def effective_tokeniser(evidence: Evidence, facts: Facts) -> Text | None:
    """The function that pads every row before batching, rewritten to leave padding to the collator.

    Of several, the one that the bucketed run depends on. None when there is none, or its call can't be
    found in the cell.
    """
    bucketed = facts.bucketed is not None and facts.bucketed < len(facts.runs)
    used = facts.runs[facts.bucketed].cells if bucketed else ()
    padded = (Padding.MAX_LENGTH, Padding.MAP_BATCH)
    seen = observed(evidence, Kind.TOKENIZE)
    for observation in sorted(seen, key=lambda o: (o.cell not in used, -(o.cell or 0))):
        rewritten = (
            _without_padding(evidence, observation) if observation.value.get("padding") in padded else ""
        )
        if rewritten:
            ko = "패딩을 collator에 맡기면 배치마다 가장 긴 문장까지만 채웁니다."
            en = "leave padding to the collator, and each batch is padded to its own longest row only."
            if _plain_run_uses(facts, observation):
                name = str(observation.value.get("function"))
                rewritten = rewritten.replace(f"def {name}(", f"def {name}_unpadded(", 1)
                ko += f"\n# 기준 실행에는 지금의 `{name}` 함수를 그대로 씁니다."
                en += f"\n# the plain run keeps `{name}` as it is."
            where = definition(evidence.submission, observation)
            return Text(ko=f"# 셀 {where}: {ko}\n{rewritten}", en=f"# cell {where}: {en}\n{rewritten}")
    return None


def _plain_run_uses(facts: Facts, observation: Observation) -> bool:
    """Does the run to compare with train on the rows of that call? Its padding must stay then."""
    if facts.baseline is None or facts.baseline >= len(facts.runs):
        return False
    return observation.cell in facts.runs[facts.baseline].cells


def _without_padding(evidence: Evidence, observation: Observation) -> str:
    cell = evidence.submission.cell(definition(evidence.submission, observation))
    if cell is None:
        return ""
    try:
        tree = ast.parse(cell.source)
    except (SyntaxError, ValueError, RecursionError):
        return ""
    wanted = observation.value.get("function")
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == wanted and _drop_padding(node):
            rewritten = ast.unparse(node)
            return rewritten if rewritten.count("\n") < MAX_LINES else ""
    return ""


def _drop_padding(function: ast.FunctionDef) -> bool:
    """Take `padding=` out of the calls in `function`; keep or add truncation. Was there one?"""
    dropped = False
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and any(k.arg == "padding" for k in node.keywords):
            node.keywords = [k for k in node.keywords if k.arg not in ("padding", "return_tensors")]
            if not any(k.arg == "truncation" for k in node.keywords):
                node.keywords.append(ast.keyword(arg="truncation", value=ast.Constant(True)))
            dropped = True
    return dropped
