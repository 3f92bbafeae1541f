"""A vocabulary of 99 tokens for models of random weights: letters, digits, a few words."""

from __future__ import annotations

import string

WORDS = ["the", "fish", "swim", "##ing", "hello", "boy", "sea", "##ed"]


def make_tiny_vocab(size: int = 99) -> list[str]:
    """The tokens in id order; what letters and words leave of `size` is filled with [unusedN]."""
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokens += list(string.ascii_lowercase)
    tokens += ["##" + letter for letter in string.ascii_lowercase]
    tokens += list(string.digits) + list(".,!?'-") + WORDS
    if len(tokens) > size:
        raise ValueError(f"the tiny vocabulary has {len(tokens)} tokens, more than {size}")
    return tokens + [f"[unused{index}]" for index in range(size - len(tokens))]
