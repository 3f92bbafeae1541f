"""The odd models with heads that record_heads.py writes, one directory each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from families import FAMILIES, has_task
from model_directory import Weights
from older_names import rename_to_older_names
from older_spellings import write_gte_remote_code, write_nomic_remote_code

# No head takes its activation from the encoder by accident: gelu is what several have built in.
ACTIVATION_KEYS = {"distilbert": "activation", "modernbert": "hidden_activation"}
TINY = {"vocab_size": 41, "max_position_embeddings": 20}
TINY_SIZES = {
    "hidden_size": 12,
    "num_attention_heads": 3,
    "num_hidden_layers": 1,
    "intermediate_size": 17,
}
TINY_DISTILBERT = {"dim": 12, "n_heads": 3, "n_layers": 1, "hidden_dim": 17}
# Two layers, so that the window occurs.
TINY_MODERNBERT = {
    "num_hidden_layers": 2,
    "local_attention": 6,
    "classifier_activation": "relu",
}
TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]


def tiny_config(family: str) -> dict[str, object]:
    """What the heads of a family start from."""
    sizes = TINY_DISTILBERT if family == "distilbert" else TINY_SIZES
    extra = TINY_MODERNBERT if family == "modernbert" else {}
    return TINY | sizes | extra | {ACTIVATION_KEYS.get(family, "hidden_act"): "silu"}


def labels(names: list[str]) -> dict[str, object]:
    """The configuration's two tables of labels."""
    return {
        "id2label": dict(enumerate(names)),
        "label2id": {name: index for index, name in enumerate(names)},
    }


@dataclass(frozen=True)
class Head:
    """One directory: a class for a task, and what differs from `tiny_config`."""

    family: str
    name: str
    task: str
    config: dict[str, object] = field(default_factory=dict)
    weights: Weights = Weights.SAFETENSORS
    # Rewrites the directory into a spelling that the running transformers does not write.
    rewrite: Callable[[Path], None] | None = None
    # Whether the running transformers can read it back.
    loads_back: bool = True
    # The masked-language head keeps its place for biases, but they are zero.
    zero_head_biases: bool = False

    @property
    def directory(self) -> str:
        """The folder's name."""
        return f"{self.family}-odd-head-{self.name}"


# Of every family that has the class.
COMMON = [
    ("masked-lm", "ForMaskedLM", {}),
    ("classification-1", "ForSequenceClassification", {"num_labels": 1}),
    (
        "classification-2",
        "ForSequenceClassification",
        labels(["bad", "good"]) | {"problem_type": "single_label_classification"},
    ),
    (
        "classification-3-multi",
        "ForSequenceClassification",
        {"num_labels": 3, "problem_type": "multi_label_classification"},
    ),
    ("token-classification", "ForTokenClassification", labels(TAGS)),
    ("question-answering", "ForQuestionAnswering", {}),
]
OWN = [
    Head("bert", "pre-training", "ForPreTraining"),
    Head("bert", "pre-training-gamma-beta", "ForPreTraining", rewrite=rename_to_older_names),
    Head("albert", "pre-training", "ForPreTraining"),
    Head("albert", "pre-training-legacy-bin", "ForPreTraining", weights=Weights.LEGACY_BIN),
    Head("bert", "next-sentence", "ForNextSentencePrediction"),
    Head("bert", "masked-lm-untied", "ForMaskedLM", {"tie_word_embeddings": False}),
    Head("roberta", "masked-lm-bin", "ForMaskedLM", weights=Weights.BIN),
    Head("modernbert", "masked-lm-no-bias", "ForMaskedLM", {"decoder_bias": False}),
    Head(
        "modernbert",
        "classification-mean",
        "ForSequenceClassification",
        {"num_labels": 3, "classifier_pooling": "mean", "classifier_bias": True, "norm_bias": True},
    ),
    Head(
        "gte",
        "classification-remote-code",
        "ForSequenceClassification",
        {"num_labels": 1},
        rewrite=write_gte_remote_code,
        loads_back=False,
    ),
    Head(
        "gte",
        "masked-lm-remote-code",
        "ForMaskedLM",
        # Of transformers' head gelu is a part, of the original one the configuration's activation.
        {"hidden_act": "gelu"},
        rewrite=write_gte_remote_code,
        loads_back=False,
    ),
    Head(
        "nomic-bert",
        "masked-lm-remote-code",
        "ForMaskedLM",
        # The original code rounds the inner width up to a multiple of 256.
        {"intermediate_size": 256},
        rewrite=write_nomic_remote_code,
        loads_back=False,
        zero_head_biases=True,
    ),
]
HEADS = [
    Head(family, name, task, config)
    for name, task, config in COMMON
    for family in FAMILIES
    if has_task(family, task)
] + OWN
