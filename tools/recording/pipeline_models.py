"""The model directories that record_pipelines.py writes, and what is recorded of each."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pipeline_tasks as tasks
import sentence_modules
import sentence_tasks
import tiny_tokenizers as tokenizers
import torch
from head_shapes import TAGS, labels
from model_directory import Weights, edit_config
from tiny_tokenizers import TokenizerForm

SIZES = {"num_hidden_layers": 2, "max_position_embeddings": tokenizers.MAX_LENGTH}
OFFSET_SIZES = SIZES | {"max_position_embeddings": tokenizers.MAX_LENGTH + 2}
# Where the head is small: less to store.
NARROW = {"hidden_size": 12, "intermediate_size": 17}
DISTILBERT_SIZES = {"n_layers": 2, "max_position_embeddings": tokenizers.MAX_LENGTH}
# The ids of tiny_tokenizers.ALBERT_SPECIALS and of MPNET_SPECIALS.
ALBERT_IDS = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}
OPINIONS = labels(["bad", "fair", "good"])
SINGLE_LABEL = OPINIONS | {"problem_type": "single_label_classification"}
MULTI_LABEL = labels(["sea", "town", "food"]) | {"problem_type": "multi_label_classification"}
ONE_LABEL = labels(["score"])
REGRESSION = ONE_LABEL | {"problem_type": "regression"}


def name_identity_activation(directory: Path) -> None:
    """Tells a cross-encoder in config.json to give its logits as they are."""
    entry = {"activation_fn": "torch.nn.modules.linear.Identity", "version": "5.0.0"}
    edit_config(directory, lambda config: config | {"sentence_transformers": entry})


def describe_mask_token(directory: Path) -> None:
    """Says what `<mask>` of real RoBERTas does, and transformers 5 leaves out: it takes the blank."""
    path = directory / "tokenizer_config.json"
    mask = {"__type": "AddedToken", "content": "<mask>", "lstrip": True, "normalized": False}
    config = json.loads(path.read_text()) | {"mask_token": mask}
    path.write_text(json.dumps(config, indent=1) + "\n")


def often_outside(model: torch.nn.Module) -> None:
    """Raises the label O, so that there is something between entities."""
    model.classifier.bias.data[0] += 1.5


def often_unanswerable(model: torch.nn.Module, first_id: int) -> None:
    """Draws the start and the end of an answer to the first token, where "no answer" stands."""
    words = torch.arange(10, 40)
    token_ids = torch.cat([torch.tensor([first_id]), words]).unsqueeze(0)
    rows = model.base_model(input_ids=token_ids).last_hidden_state[0]
    direction = rows[0] - rows[1:].mean(dim=0)
    model.qa_outputs.weight.data += 3.5 * direction / direction.square().sum()


def rarely_a_word(model: torch.nn.Module) -> None:
    """Lowers every word's logit, so that most of a sparse vector is 0."""
    model.cls.predictions.bias.data -= 3.0


@dataclass(frozen=True)
class Directory:
    """One directory: a class of a family, a tokenizer, and the tasks that are recorded."""

    name: str
    family: str
    task: str
    tokenizer: TokenizerForm
    recorded: tuple[tasks.Task, ...]
    config: dict[str, object] = field(default_factory=dict)
    weights: Weights = Weights.SAFETENSORS
    # Changes the random model before it is saved.
    adjust: Callable[[torch.nn.Module], None] | None = None
    # Adds files to the directory, or changes them.
    finish: Callable[[Path], None] | None = None


def bert(name: str, task: str, form: TokenizerForm, *recorded: tasks.Task, **more) -> Directory:
    """A BERT."""
    config = SIZES | more.pop("config", {})
    return Directory(f"bert-{name}", "bert", task, form, recorded, config, **more)


def roberta(name: str, task: str, *recorded: tasks.Task, **more) -> Directory:
    """A RoBERTa with vocab.json and merges.txt."""
    config = OFFSET_SIZES | more.pop("config", {})
    form = tokenizers.BYTE_LEVEL_VOCABULARY
    return Directory(f"roberta-{name}", "roberta", task, form, recorded, config, **more)


def distilbert(name: str, task: str, *recorded: tasks.Task, **more) -> Directory:
    """A DistilBERT."""
    config = DISTILBERT_SIZES | more.pop("config", {})
    form = tokenizers.WORDPIECE_FILE
    return Directory(f"distilbert-{name}", "distilbert", task, form, recorded, config, **more)


HEADED = [
    bert(
        "fill-mask",
        "ForPreTraining",
        tokenizers.WORDPIECE_VOCABULARY,
        tasks.FILL_MASK,
        tasks.NEXT_SENTENCE,
        sentence_tasks.EMBED,
    ),
    bert(
        "classify",
        "ForSequenceClassification",
        tokenizers.WORDPIECE_FILE,
        tasks.CLASSIFY,
        tasks.CLASSIFY_PAIRS,
        config=SINGLE_LABEL,
    ),
    bert(
        "tag",
        "ForTokenClassification",
        tokenizers.CASED_WORDPIECE_FILE,
        tasks.TAG,
        config=labels(TAGS),
        adjust=often_outside,
    ),
    bert(
        "answer",
        "ForQuestionAnswering",
        tokenizers.WORDPIECE_FILE,
        tasks.ANSWER,
        adjust=partial(often_unanswerable, first_id=2),
    ),
    bert(
        "next-sentence",
        "ForNextSentencePrediction",
        tokenizers.CASED_WORDPIECE_VOCABULARY,
        tasks.NEXT_SENTENCE,
        weights=Weights.BIN,
    ),
    roberta(
        "fill-mask",
        "ForMaskedLM",
        tasks.FILL_MASK,
        sentence_tasks.EMBED,
        finish=describe_mask_token,
    ),
    roberta(
        "classify-multi",
        "ForSequenceClassification",
        tasks.CLASSIFY,
        tasks.CLASSIFY_PAIRS,
        config=MULTI_LABEL,
    ),
    roberta(
        "tag",
        "ForTokenClassification",
        tasks.TAG,
        config=labels(TAGS),
        adjust=often_outside,
    ),
    roberta(
        "answer",
        "ForQuestionAnswering",
        tasks.ANSWER,
        adjust=partial(often_unanswerable, first_id=0),
    ),
    distilbert("fill-mask", "ForMaskedLM", tasks.FILL_MASK, sentence_tasks.EMBED),
    distilbert(
        "score", "ForSequenceClassification", tasks.CLASSIFY, tasks.CLASSIFY_PAIRS, config=ONE_LABEL
    ),
    distilbert("score-regression", "ForSequenceClassification", tasks.CLASSIFY, config=REGRESSION),
    Directory(
        "albert-fill-mask",
        "albert",
        "ForMaskedLM",
        tokenizers.ALBERT_UNIGRAM_FILE,
        (tasks.FILL_MASK, sentence_tasks.EMBED),
        SIZES | ALBERT_IDS,
    ),
    Directory(
        "modernbert-fill-mask",
        "modernbert",
        "ForMaskedLM",
        tokenizers.BYTE_LEVEL_FILE,
        (tasks.FILL_MASK, sentence_tasks.EMBED),
        SIZES,
    ),
]
RERANKING = [
    family(f"rerank{suffix}", *arguments, config=NARROW | ONE_LABEL, finish=finish)
    for suffix, finish in (("", None), ("-identity", name_identity_activation))
    for family, arguments in (
        (bert, ("ForSequenceClassification", tokenizers.WORDPIECE_FILE, sentence_tasks.RERANK)),
        (roberta, ("ForSequenceClassification", sentence_tasks.RERANK)),
    )
]
SPARSE = [
    bert(
        name,
        "ForMaskedLM",
        tokenizers.WORDPIECE_VOCABULARY,
        sentence_tasks.SPARSE,
        config=NARROW,
        adjust=rarely_a_word,
        finish=finish,
    )
    for name, finish in (
        ("splade", sentence_modules.add_splade_modules),
        ("splade-plain", None),
    )
]
# Directories without a head: family, tokenizer, and what differs from NARROW.
PLAIN = [
    ("bert", tokenizers.CASED_WORDPIECE_VOCABULARY, SIZES),
    ("electra", tokenizers.WORDPIECE_VOCABULARY, SIZES | {"embedding_size": 10}),
    ("nomic-bert", tokenizers.WORDPIECE_VOCABULARY, SIZES),
    ("gte", tokenizers.WORDPIECE_FILE, SIZES),
    ("mpnet", tokenizers.MPNET_VOCABULARY, OFFSET_SIZES),
    ("xlm-roberta", tokenizers.XLM_ROBERTA_UNIGRAM_FILE, OFFSET_SIZES),
    ("albert", tokenizers.ALBERT_PIECES, SIZES | ALBERT_IDS),
]
EMBEDDING = [
    Directory(f"{family}-embed", family, "Model", form, (sentence_tasks.EMBED,), NARROW | config)
    for family, form, config in PLAIN
]
SENTENCES = [roberta("embed", "Model", sentence_tasks.EMBED_POOLINGS, config=NARROW)] + [
    roberta(
        f"sentence-{mode.removesuffix('_tokens').replace('_', '-')}",
        "Model",
        sentence_tasks.EMBED,
        config=NARROW,
        finish=partial(sentence_modules.add_sentence_modules, mode=mode),
    )
    for mode in sentence_tasks.POOLING_MODES
    if mode != "mean"
]
DIRECTORIES = [*HEADED, *RERANKING, *SPARSE, *EMBEDDING, *SENTENCES]
