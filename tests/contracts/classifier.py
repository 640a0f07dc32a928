"""What every adapter of `Classifier` keeps."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from ngoclinh.sentiment.v1.sentiment_service_pb2 import Judgement, Text, TextAnalysis

from services.core.ports import Classifier

LABELS = {
    "sentiment": ["negative", "neutral", "positive"],
    "event_valence": ["negative", "neutral", "positive"],
    "stance": ["critical", "none", "supportive"],
    "complaint": ["no", "yes"],
    "toxicity": ["no", "yes"],
}
TEXTS = [
    Text(text="Đường vào thôn nát như ruộng, kêu hoài không ai sửa."),
    Text(title="Khánh thành cầu mới", text="Bà con hai thôn hết cảnh lội suối.\n\nCầu dài 42 m."),
    Text(text="cho em hỏi thủ tục tách thửa cần giấy tờ gì ạ"),
    Text(text=""),
    Text(title="😀", text="\u0301 \x00 \u202e \ufeff _ ... ?!"),
    Text(text="duong hu, xa noi sua ma cho hoai khong thay " * 40),
]


def judgements(analysis: TextAnalysis) -> dict[str, Judgement]:
    return {field.name: value for field, value in analysis.ListFields() if isinstance(value, Judgement)}


class ClassifierContract:
    """Subclass it with `make`."""

    make: Callable[..., Classifier]
    """Makes the adapter; takes `max_text_chars`."""

    @pytest.fixture
    def classifier(self) -> Classifier:
        return type(self).make()

    def test_the_card_names_the_heads_with_their_labels(self, classifier: Classifier) -> None:
        card = classifier.card()
        heads = {head.name: list(head.labels) for head in card.heads}
        assert heads.items() >= LABELS.items()
        assert len(heads["topic"]) == len(set(heads["topic"])) == 14
        assert all(0 <= head.threshold < 1 for head in card.heads)
        assert card.name
        assert card.version
        assert card.licence
        assert "language model" in card.training_data
        assert card.card.startswith("# ")

    def test_the_scores_of_every_head_are_probabilities_of_its_labels(self, classifier: Classifier) -> None:
        heads = {head.name: head for head in classifier.card().heads}
        for analysis in classifier.classify(TEXTS):
            found = judgements(analysis)
            assert found.keys() == heads.keys()
            for name, judgement in found.items():
                assert sorted(judgement.scores) == sorted(heads[name].labels)
                assert math.isclose(sum(judgement.scores.values()), 1.0, abs_tol=1e-9)
                assert judgement.scores[judgement.label] == max(judgement.scores.values())
                if judgement.scores[judgement.label] < heads[name].threshold:
                    assert judgement.unsure

    def test_the_same_text_gets_the_same_answer_alone_and_in_any_batch(self, classifier: Classifier) -> None:
        alone = [classifier.classify([text])[0] for text in TEXTS]
        assert classifier.classify(TEXTS) == alone
        assert classifier.classify(TEXTS[::-1] * 3) == alone[::-1] * 3

    def test_no_texts_have_no_answers(self, classifier: Classifier) -> None:
        assert classifier.classify([]) == []

    def test_an_empty_text_is_answered_and_unsure(self, classifier: Classifier) -> None:
        (analysis,) = classifier.classify([Text()])
        assert all(judgement.unsure and not judgement.sentences for judgement in judgements(analysis).values())
        assert (analysis.truncated, analysis.coverage, list(analysis.topics)) == (False, 1.0, [])

    def test_a_long_text_is_cut_and_says_so(self) -> None:
        classifier = type(self).make(max_text_chars=1000)
        text = "Nước lũ cuốn trôi cầu treo. " * 100
        long, short = classifier.classify([Text(text=text), Text(text=text[:1000])])
        assert (long.truncated, long.coverage) == (True, pytest.approx(1000 / 2800))
        assert (short.truncated, short.coverage) == (False, 1.0)
        assert judgements(long) == judgements(short)

    def test_a_megabyte_is_answered(self, classifier: Classifier) -> None:
        (analysis,) = classifier.classify([Text(text="Bà con rất vui. " * 65_536)])
        assert analysis.truncated
        assert 0 < analysis.coverage < 0.1
        assert analysis.sentiment.label == "positive"

    def test_the_sentences_that_decided_stand_in_the_text(self, classifier: Classifier) -> None:
        for text, analysis in zip(TEXTS, classifier.classify(TEXTS), strict=True):
            for judgement in judgements(analysis).values():
                weights = [sentence.weight for sentence in judgement.sentences]
                assert len(weights) <= 3
                assert weights == sorted(weights, reverse=True)
                assert all(weight > 0 for weight in weights)
                assert sum(weights) <= 1 + 1e-9
                for sentence in judgement.sentences:
                    whole = text.title if sentence.offset == -1 else text.text[sentence.offset :]
                    assert whole.startswith(sentence.text)

    def test_the_main_topic_comes_first(self, classifier: Classifier) -> None:
        for analysis in classifier.classify(TEXTS[:3]):
            assert analysis.topics[0] == analysis.topic.label
            assert len(set(analysis.topics)) == len(analysis.topics) <= 5

    def test_every_answer_names_the_model(self, classifier: Classifier) -> None:
        card = classifier.card()
        assert {analysis.model for analysis in classifier.classify(TEXTS)} == {f"{card.name}@{card.version}"}
