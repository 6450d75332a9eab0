"""Korean endings for the synthetic reviews: particles, and one predicate in every form a review needs.

Covers what reviews.py asks for: regular stems, ㄹ stems, ㅂ and ㅅ irregulars, 있다/없다, verbs, and
nouns with 이다. Not covered: everything else a grammar book has. Called by reviews.py only.
"""

from __future__ import annotations

NIEUN, RIEUL, RIEUL_MIEUM, MIEUM, BIEUP, SIOT, SSANG_SIOT = 4, 8, 10, 16, 17, 19, 20
"""Positions of final consonants in a Hangul syllable block (Unicode 15, section 3.12)."""

STYLES = ("plain", "yo", "formal", "eum", "casual", "ne")
"""좋다 · 좋아요 · 좋습니다 · 좋음 · 좋아 · 좋네: a reviewer keeps to one of them."""


def final(text: str) -> int:
    """Position of the last syllable's final consonant; 0 for an open one or for another script."""
    code = ord(text[-1]) - 0xAC00
    return code % 28 if 0 <= code < 11172 else 0


def close(text: str, consonant: int) -> str:
    """`text` with its last, open syllable closed: close("지루해", SSANG_SIOT) is "지루했"."""
    return text[:-1] + chr(ord(text[-1]) + consonant)


def particle(noun: str, pair: str) -> str:
    """The noun with the right one of a pair such as "이가" or "은는" (after a consonant, after a vowel)."""
    return noun + pair[0 if final(noun) else 1]


def forms(entry: str, kind: str) -> dict[str, str]:
    """Every form of a predicate: the STYLES, each also as "past_…", and the connectives used here.

    `entry` is "stem/infinitive" ("좋/좋아"), a 하다 stem alone ("훌륭하"), or a noun. `kind` is
    "adjective", "verb" or "noun". Connectives: but (지만), and (고), back (는데), so (아서), adnominal
    (은), not (지), quoted (다고), past_but, past_back.
    """
    if kind == "noun":
        return _noun_forms(entry)
    stem, _, infinitive = entry.partition("/")
    infinitive = infinitive or stem[:-1] + "해"
    last = final(stem)
    short = close(stem, -RIEUL) if last == RIEUL else stem  # ㄹ drops before ㄴ and ㅂ
    open_ended = not final(short)
    if last == BIEUP and infinitive[-1] in "워와":
        modifier = infinitive[:-1] + "운"
    elif last == SIOT and not infinitive.startswith(stem):
        modifier = infinitive[:-1] + "은"
    else:
        modifier = close(short, NIEUN) if open_ended else stem + "은"
    exists = stem.endswith(("있", "없"))
    present = close(short, NIEUN) + "다" if open_ended else stem + "는다"
    plain = present if kind == "verb" and not exists else stem + "다"
    if exists:
        modifier = stem + "는"
    nominal = close(short, RIEUL_MIEUM if last == RIEUL else MIEUM) if open_ended else stem + "음"
    back = stem + "는데" if exists else short + "는데" if kind == "verb" else modifier + "데"
    past = close(infinitive, SSANG_SIOT) if not final(infinitive) else infinitive
    copula = stem.endswith("이") and infinitive.endswith("이야")  # 감동적이다
    if copula:
        past = stem[:-1] + "이었"
    return {
        "plain": plain,
        "yo": (stem[:-1] + "이에요") if copula else infinitive + "요",
        "formal": (close(short, BIEUP) + "니다") if open_ended else stem + "습니다",
        "eum": nominal,
        "casual": infinitive,
        "ne": short + "네",
        "past_plain": past + "다",
        "past_yo": past + "어요",
        "past_formal": past + "습니다",
        "past_eum": past + "음",
        "past_casual": past + "어",
        "past_ne": past + "네",
        "but": stem + "지만",
        "and": stem + "고",
        "back": back,
        "so": (stem[:-1] + "이라서") if copula else infinitive + "서",
        "adnominal": modifier,
        "not": stem + "지",
        "quoted": plain + "고",
        "past_but": past + "지만",
        "past_back": past + "는데",
    }


def _noun_forms(noun: str) -> dict[str, str]:
    closed = bool(final(noun))
    i, past = ("이", noun + "이었") if closed else ("", noun + "였")
    return {
        "plain": noun + i + "다",
        "yo": noun + ("이에요" if closed else "예요"),
        "formal": noun + "입니다",
        "eum": noun + "임",
        "casual": noun + i + "야",
        "ne": noun + i + "네",
        "past_plain": past + "다",
        "past_yo": past + "어요",
        "past_formal": past + "습니다",
        "past_eum": past + "음",
        "past_casual": past + "어",
        "past_ne": past + "네",
        "but": noun + i + "지만",
        "and": noun + i + "고",
        "back": noun + "인데",
        "so": noun + i + "라서",
        "adnominal": noun + "인",
        "not": particle(noun, "이가"),  # 최고가 (아니다)
        "quoted": noun + i + "라고",
        "past_but": past + "지만",
        "past_back": past + "는데",
    }
