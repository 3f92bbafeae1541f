"""Runs the pipelines of transformers on a directory, each text alone, and lists what they give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import transformers
from pipeline_texts import LONG_QUESTIONS, MASKED, PAIRS, QUESTIONS, TEXTS
from transformers.pipelines import SUPPORTED_TASKS

AGGREGATIONS = ("none", "simple", "first", "average", "max")
TOP = 5
LONG_ANSWERS = {"max_seq_len": 48, "doc_stride": 16}
ANSWER_OPTIONS = (
    ({}, QUESTIONS),
    ({"top_k": 3}, QUESTIONS),
    ({"top_k": 3, "max_answer_len": 3}, QUESTIONS),
    ({"handle_impossible_answer": True}, QUESTIONS),
    ({"top_k": 3, **LONG_ANSWERS}, LONG_QUESTIONS),
    ({"max_seq_len": 32, "doc_stride": 8, "max_answer_len": 4}, LONG_QUESTIONS),
    ({"handle_impossible_answer": True, "top_k": 3, **LONG_ANSWERS}, LONG_QUESTIONS),
    ({"max_seq_len": 64, "doc_stride": 32, "top_k": 2}, LONG_QUESTIONS),
)


class UnsuitableModelError(Exception):
    """The random model gives near ties or always the same: another seed is needed."""


@dataclass(frozen=True)
class Record:
    """A task with its options, and for each input its output."""

    task: str
    options: dict[str, object]
    inputs: list
    outputs: list


@dataclass(frozen=True)
class Task:
    """A function that records a directory; `needs` names the pipeline that it cannot do without."""

    run: Callable[[Path], list[Record]]
    needs: str = "text-classification"

    @property
    def is_available(self) -> bool:
        """Whether the running transformers has the pipeline."""
        return self.needs in SUPPORTED_TASKS


def expect_apart(scores: list[float], share: float = 1e-3) -> None:
    """Refuses a ranking that rounding could change."""
    for higher, lower in pairwise(scores):
        if higher - lower < share * abs(higher):
            raise UnsuitableModelError(f"near tie: {higher} and {lower}")


def expect_varied(choices: list, least: int) -> None:
    """Refuses a model that chooses the same everywhere."""
    if len(set(choices)) < least:
        raise UnsuitableModelError(f"only {set(choices)}")


def make_pipeline(task: str, directory: Path) -> transformers.Pipeline:
    """The pipeline over a directory."""
    return transformers.pipeline(task, model=str(directory), device="cpu")


def pair_inputs(pairs: list[tuple[str, str]]) -> list[dict[str, str]]:
    """Pairs as the classification pipeline takes them."""
    return [{"text": first, "text_pair": second} for first, second in pairs]


def classify(directory: Path, texts: list) -> list[Record]:
    """The scores of all labels, and the logits."""
    classifier = make_pipeline("text-classification", directory)
    records = []
    for options in ({}, {"top_k": None}, {"top_k": None, "function_to_apply": "none"}):
        outputs = [classifier(text, truncation=True, **options) for text in texts]
        records.append(
            Record("text-classification", {"truncation": True} | options, texts, outputs)
        )
    logits = records[-1].outputs
    for scores in logits:
        expect_apart([entry["score"] for entry in scores])
    if len(logits[0]) > 1:
        expect_varied([scores[0]["label"] for scores in logits], 2)
    return records


def next_sentence(directory: Path) -> list[Record]:
    """Whether the second text follows: softmax over (is next, is random), and the logits."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
    config = transformers.AutoConfig.from_pretrained(directory)
    model = getattr(transformers, config.architectures[0]).from_pretrained(directory).eval()
    logits = []
    for first, second in PAIRS:
        inputs = tokenizer(first, second, truncation=True, return_tensors="pt")
        output = model(**inputs)
        logits.append(output.get("seq_relationship_logits", output.get("logits"))[0])
    expect_varied([row.argmax().item() for row in logits], 2)
    inputs = pair_inputs(PAIRS)
    scores = [row.softmax(-1).tolist() for row in logits]
    return [
        Record("next-sentence", {"truncation": True}, inputs, scores),
        Record(
            "next-sentence",
            {"truncation": True, "function_to_apply": "none"},
            inputs,
            [row.tolist() for row in logits],
        ),
    ]


def candidates(output: list, mask_count: int) -> list[list[dict]]:
    """The best candidates of each mask, as the pipeline ranks them."""
    masks = output if mask_count > 1 else [output]
    for ranked in masks:
        expect_apart([candidate["score"] for candidate in ranked])
    keys = ("token", "token_str", "score")
    return [[{key: ranked[key] for key in keys} for ranked in mask[:TOP]] for mask in masks]


def fill_mask(directory: Path) -> list[Record]:
    """The best candidates for every mask, always as a list of masks."""
    filler = make_pipeline("fill-mask", directory)
    texts = [text.replace("{mask}", filler.tokenizer.mask_token) for text in MASKED]
    outputs = []
    for text, template in zip(texts, MASKED, strict=True):
        output = filler(text, top_k=TOP + 1, tokenizer_kwargs={"truncation": True})
        outputs.append(candidates(output, template.count("{mask}")))
    expect_varied([mask[0]["token"] for output in outputs for mask in output], 5)
    return [Record("fill-mask", {"top_k": TOP, "truncation": True}, texts, outputs)]


def expect_clear_tags(directory: Path) -> None:
    """Refuses a model that is undecided about a token, or leaves labels out."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
    model = transformers.AutoModelForTokenClassification.from_pretrained(directory).eval()
    tags = []
    for text in TEXTS:
        logits = model(**tokenizer(text, truncation=True, return_tensors="pt")).logits[0]
        for row in logits.topk(2).values.tolist():
            expect_apart(row, 1e-4)
        tags += logits.argmax(-1).tolist()
    expect_varied(tags, model.config.num_labels)


def tag(directory: Path) -> list[Record]:
    """The entities under every aggregation; `start` and `end` count characters."""
    expect_clear_tags(directory)
    records = []
    for aggregation in AGGREGATIONS:
        tagger = transformers.pipeline(
            "token-classification",
            model=str(directory),
            aggregation_strategy=aggregation,
            device="cpu",
        )
        outputs = [tagger(text) for text in TEXTS]
        records.append(
            Record("token-classification", {"aggregation_strategy": aggregation}, TEXTS, outputs)
        )
    return records


def answers(answerer: transformers.Pipeline, question: dict, options: dict) -> list[dict]:
    """The ranked answers to a question, always as a list."""
    given = answerer(**question, **options)
    given = given if isinstance(given, list) else [given]
    expect_apart([answer["score"] for answer in given])
    return given


def answer(directory: Path) -> list[Record]:
    """The answers under several settings; `start` and `end` count characters of the context."""
    answerer = make_pipeline("question-answering", directory)
    records = []
    for options, questions in ANSWER_OPTIONS:
        inputs = [{"question": question, "context": context} for question, context in questions]
        outputs = [answers(answerer, entry, options) for entry in inputs]
        records.append(Record("question-answering", options, inputs, outputs))
        if "handle_impossible_answer" in options:
            expect_varied([given[0]["answer"] == "" for given in outputs], 2)
    return records


def to_plain(value: object) -> object:
    """A recorded value as JSON holds it: numbers of nine digits."""
    if isinstance(value, dict):
        return {key: to_plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(entry) for entry in value]
    if hasattr(value, "item"):
        value = value.item()
    return float(f"{value:.9g}") if isinstance(value, float) else value


CLASSIFY = Task(partial(classify, texts=TEXTS))
CLASSIFY_PAIRS = Task(partial(classify, texts=pair_inputs(PAIRS)))
NEXT_SENTENCE = Task(next_sentence)
FILL_MASK = Task(fill_mask)
TAG = Task(tag)
ANSWER = Task(answer, needs="question-answering")
