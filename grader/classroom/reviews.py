"""Synthetic Korean movie reviews in NSMC's format, for a classroom that needs no download.

A seeded grammar writes them: clauses about acting, story, music; what a film has or lacks; negation,
concession, disappointed and exceeded expectations, other people's opinions, irony; then chatter,
interjections, typos and lost spaces. Who says what is in pocket/phrases.toml. Most constructions need
both halves to be understood ("감동이 없다" and "억지가 없다"), so counting words is not enough.

What this is not: real reviews, or a measure of anything outside the classroom; see pocket/README.md.
Called by assemble.py when a pocket classroom is made; `python -m grader.classroom.reviews FOLDER` makes
the files alone. Needs numpy only.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import numpy as np

from grader.classroom.reviews_korean import STYLES, forms, particle
from grader.classroom.reviews_words import phrases

LIMIT = 140
"""Characters; the site cut reviews there, and so does this."""
LABEL_NOISE = 0.03
"""Share of labels that contradict their review, drawn at random."""
NO_OPINION = 0.02
"""Share of reviews that say nothing about the film; nobody can guess their label."""
EMPTY = {"train": 5, "test": 3, "hidden": 0}
"""Empty documents, as many as in NSMC."""
REPEATED = 0.012
"""Share of rows that copy an earlier one of the same file, beyond short remarks that meet by chance."""


def write(
    folder: Path, *, train: int = 150_000, test: int = 50_000, hidden: int = 4_000, seed: int = 2021
) -> None:
    """Write ratings_train.txt, ratings_test.txt and hidden.txt (`id`, `document`, `label`) into `folder`.

    The same numbers and seed give the same bytes. No text of hidden.txt occurs in the other two, so a
    score on it can't come from memory; move it to where no student's code can read it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ids = iter(np.random.default_rng(seed).permutation(10_300_000)[: train + test + hidden] + 1)
    seen: set[str] = set()
    for name, file, rows in (
        ("train", "ratings_train.txt", train),
        ("test", "ratings_test.txt", test),
        ("hidden", "hidden.txt", hidden),
    ):
        writer = Writer(random.Random(f"{seed}/{name}"))
        made = writer.rows(
            rows, empty=EMPTY[name] if rows > 1000 else 0, avoid=seen if name == "hidden" else None
        )
        seen.update(text for text, _ in made)
        lines = [f"{next(ids)}\t{text}\t{label}\n" for text, label in made]
        (folder / file).write_text("id\tdocument\tlabel\n" + "".join(lines), encoding="utf-8", newline="\n")


class Writer:
    """Writes reviews with one random generator; a method that makes text takes the polarity it must have."""

    def __init__(self, rng: random.Random):
        self.rng, self.random, self.words = rng, rng.random, phrases()
        self.style = "plain"
        self.sentences = [
            (0.22, self.direct),
            (0.10, self.negated),
            (0.14, self.amount),
            (0.17, self.concession),
            (0.06, self.film),
            (0.07, self.expectation),
            (0.06, self.hearsay),
            (0.04, self.comparison),
            (0.10, lambda good: self.pick(self.words.remark[good])),
            (0.04, lambda good: self.pick(self.words.twisted[good])),
        ]
        self.makers = [maker for _, maker in self.sentences]
        self.weights = list(np.cumsum([share for share, _ in self.sentences]))

    def pick(self, options):
        """One of a list, evenly."""
        return options[int(self.random() * len(options))]

    # ------------------------------------------------------------ rows

    def rows(self, count: int, *, empty: int, avoid: set[str] | None) -> list[tuple[str, int]]:
        """`count` (text, label) pairs; with `avoid`, no text twice and none of those."""
        made: list[tuple[str, int]] = []
        while len(made) < count - empty:
            label = int(self.random() < 0.5)
            if avoid is None and made and self.random() < REPEATED:
                made.append(self.pick(made))
                continue
            text = self.review(label == 1)
            if avoid is not None:
                if text in avoid:
                    continue
                avoid.add(text)
            made.append((text, label if self.random() >= LABEL_NOISE else 1 - label))
        for _ in range(empty):
            made.insert(int(self.random() * len(made)), ("", int(self.random() < 0.5)))
        return made

    def review(self, good: bool) -> str:
        """One review of that polarity, at most LIMIT characters, never empty."""
        self.style = self.rng.choices(STYLES, (5, 3, 2, 4, 2, 2))[0]
        if self.random() < NO_OPINION:
            return self.finish(self.pick(self.words.chatter["lines"]), good)
        wanted = min(LIMIT, int(self.rng.lognormvariate(3.22, 0.9)))
        if wanted < 5:
            return self.finish(self.pick(self.words.short[good]), good)
        if wanted < 9:
            return self.finish(
                self.intense() + self.pick(self.words.short[good]) + " " + self.brief(good), good
            )
        parts = [self.pick(self.words.chatter["openers"])] if self.random() < 0.06 else []
        if self.random() < 0.10:
            parts.append(self.pick(self.words.styles["hedge"]))
        parts.append(self.sentence(good))
        length = sum(map(len, parts))
        while length < wanted - 8:
            chance = self.random()
            if chance < 0.16:
                part = self.pick(self.words.chatter["lines"])
            elif chance < 0.24:  # something the other side would say, taken back at once
                although = self.pick(self.words.frames["although"])
                part = f"{although} {self.clause(not good, 'but')} {self.sentence(good)}"
            else:
                part = self.sentence(good)
            parts.append(part)
            length += len(part) + 1
        joint = self.pick((". ", ".. ", " ", ", ", "... ", "! ", " "))
        return self.finish(joint.join(parts) if len(parts) > 1 else parts[0], good)

    def brief(self, good: bool) -> str:
        """Two or three words: 연기 훌륭 · 스토리 별로"""
        aspect = self.pick(self.words.aspects)
        return f"{self.pick(aspect.names)} {self.end(self.pick(aspect.said[good]))}"

    # ------------------------------------------------------------ sentences

    def sentence(self, good: bool) -> str:
        """One sentence of any construction."""
        return self.rng.choices(self.makers, cum_weights=self.weights)[0](good)

    def end(self, word: dict[str, str]) -> str:
        """The predicate in the reviewer's style, half the time in the past."""
        form = "past_" + self.style if self.random() < 0.45 else self.style
        text = word[form]
        return text + "요" if self.style == "ne" and self.random() < 0.6 else text

    def subject(self, name: str) -> str:
        """The name with a particle, or bare as in hasty writing."""
        chance = self.random()
        return (
            particle(name, "이가" if chance < 0.45 else "은는")
            if chance < 0.75
            else name + ("도" if chance < 0.88 else "")
        )

    def intense(self) -> str:
        return self.pick(self.words.styles["intensity"]) + " " if self.random() < 0.4 else ""

    def clause(self, good: bool, form: str) -> str:
        """A clause that goes on: "연기는 훌륭하지만" with form "but"; directly, negated, or by amount."""
        aspect, chance = self.pick(self.words.aspects), self.random()
        if chance < 0.3:
            about, word = self._amount(good)
            return f"{about} {word[form]}"
        if chance < 0.5:
            word = self.pick(aspect.described[not good])
            return f"{self.subject(self.pick(aspect.names))} {word['not']} {self.words.aux[form]}"
        return f"{self.subject(self.pick(aspect.names))} {self.intense()}{self.pick(aspect.said[good])[form]}"

    def direct(self, good: bool) -> str:
        """연기가 정말 훌륭하다"""
        aspect = self.pick(self.words.aspects)
        about = self.subject(self.pick(aspect.names))
        if self.random() < 0.25:
            return f"{about} {self.pick(aspect.said[good])['and']} {self.direct(good)}"
        return f"{about} {self.intense()}{self.end(self.pick(aspect.said[good]))}"

    def negated(self, good: bool) -> str:
        """연기가 어색하지 않다 · 명작은 아니다"""
        aspect = self.pick(self.words.aspects)
        about = self.subject(self.pick(aspect.names))
        never = self.pick(("", "", "전혀 ", "하나도 ", "절대 ", "그다지 " if not good else "결코 "))
        word = self.pick(aspect.described[not good])
        if self.random() < 0.25:
            return f"{about} {never}안 {self.end(word)}"
        return f"{about} {never}{word['not']}{'는' if self.random() < 0.2 else ''} {self.end(self.words.aux)}"

    def _amount(self, good: bool) -> tuple[str, dict[str, str]]:
        kind = self.random() < 0.5
        return self.subject(self.pick(self.words.qualities[kind])), self.pick(self.words.amount[kind == good])

    def amount(self, good: bool) -> str:
        """감동이 넘친다 · 억지가 없다"""
        about, word = self._amount(good)
        if self.random() < 0.3:
            more, other = self._amount(good)
            return f"{about} {word['and']} {more} {self.end(other)}"
        return f"{about} {self.end(word)}"

    def concession(self, good: bool) -> str:
        """스토리는 뻔하지만 연기가 살렸다: the second half is the verdict."""
        form = self.pick(("but", "but", "back", "past_but", "past_back"))
        twist = self.pick(self.words.frames["twist"]) + " " if self.random() < 0.25 else ""
        ending = self.pick((self.direct, self.amount, self.negated, self.film))
        return f"{self.clause(not good, form)} {twist}{ending(good)}"

    def film(self, good: bool) -> str:
        """정말 따뜻한 영화다 · 지루하지 않은 영화다"""
        name = self.pick(("영화", "작품", "이야기", "시리즈", "드라마", "시간", "한 편"))
        if self.random() < 0.35:
            adjective = f"{self.pick(self.words.opinion[not good])['not']} 않은"
        else:
            adjective = self.intense() + self.pick(self.words.opinion[good])["adnominal"]
        return f"{adjective} {self.end(forms(name, 'noun'))}"

    def expectation(self, good: bool) -> str:
        """기대 안 하고 봤는데 재밌다"""
        frame = self.pick(self.words.frames["low" if good else "high"])
        if self.random() < 0.2:  # or just as expected
            frame = self.pick(self.words.frames["high" if good else "low"]) + " 역시"
        return f"{frame} {self.pick((self.direct, self.amount, self.film, self.negated))(good)}"

    def hearsay(self, good: bool) -> str:
        """다들 지루하다던데 나는 재밌었다"""
        frames = self.words.frames
        said = self.pick(self.words.opinion[not good])["quoted"]
        glue = self.pick((" 하지만", " 하는데", " 하던데", "들 하지만"))
        mine = self.end(self.pick(self.words.opinion[good]))
        return f"{self.pick(frames['who'])} {said}{glue} {self.pick(frames['me'])} {self.intense()}{mine}"

    def comparison(self, good: bool) -> str:
        """원작보다 낫다 · 이것보다 원작이 낫다"""
        older = self.pick(self.words.frames["older"])
        if self.random() < 0.5:
            return f"{older}보다 {self.intense()}{self.end(self.words.better[good])}"
        this = self.pick(("이것", "이 영화", "이번 편"))
        return f"{this}보다 {particle(older, '이가')} {self.end(self.words.better[not good])}"

    # ------------------------------------------------------------ how it is typed

    def finish(self, text: str, good: bool) -> str:
        """Tails, typos, stretched letters and lost spaces; cut at LIMIT, white space folded."""
        words = self.words
        if self.random() < 0.30:
            slip, spellings = self.pick(words.typos)
            text = text.replace(slip, self.pick(spellings))
        if self.random() < 0.12:
            text = text.replace(" ", "")
        elif self.random() < 0.25:
            pieces = text.split(" ")
            text = pieces[0] + "".join(("" if self.random() < 0.3 else " ") + piece for piece in pieces[1:])
        chance = self.random()
        if chance < 0.62:
            likely = good if self.random() < 0.75 else not good
            tail = self.pick(words.tail[likely])
            text += (" " if chance < 0.1 else "") + tail * (
                1 if self.random() < 0.85 else 2 + int(self.random() * 4)
            )
        return " ".join(text[:LIMIT].split())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m grader.classroom.reviews FOLDER")
    write(Path(sys.argv[1]))
