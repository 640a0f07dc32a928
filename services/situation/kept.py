"""The last good answers, which stand in while a half does not answer."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

MOST = 64
"""Answers that are kept, the latest asked for."""

T = TypeVar("T")


@dataclass(frozen=True)
class Answer(Generic[T]):
    """What a half answered.

    Attributes:
        value: the answer.
        time: when it was read.
    """

    value: T
    time: datetime


class LastGood(Generic[T]):
    """The last good answer to each question, for the questions asked last."""

    def __init__(self) -> None:
        self._answers: OrderedDict[Hashable, Answer[T]] = OrderedDict()

    def keep(self, question: Hashable, value: T, time: datetime) -> Answer[T]:
        """Keep an answer in the place of an earlier one; returns it."""
        answer = self._answers[question] = Answer(value, time)
        self._answers.move_to_end(question)
        while len(self._answers) > MOST:
            self._answers.popitem(last=False)
        return answer

    def get(self, question: Hashable) -> Answer[T] | None:
        """The last answer to a question, or None."""
        return self._answers.get(question)


@dataclass(frozen=True)
class Half(Generic[T]):
    """What is known of a half.

    Attributes:
        answer: its answer, now or earlier; None where there is none.
        silent: it does not answer now.
    """

    answer: Answer[T] | None
    silent: bool = False

    @property
    def value(self) -> T | None:
        """The answer itself."""
        return self.answer.value if self.answer else None

    @property
    def time(self) -> datetime:
        """When the answer was read; only where there is one."""
        assert self.answer is not None
        return self.answer.time
