#!/usr/bin/env python3
"""Trains a byte-level BPE tokenizer of RoBERTa's kind on lines of text, for tokenizer_versus_package.py.

    python3 -m venv venv && venv/bin/pip install tokenizers==0.23.3
    venv/bin/python benchmarks/text/train_byte_level.py --vocab 30000 LINES DIR
"""
import argparse
import pathlib

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--vocab", type=int, default=30000)
    parser.add_argument("lines", type=pathlib.Path)
    parser.add_argument("directory", type=pathlib.Path)
    options = parser.parse_args()
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=options.vocab, special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train([str(options.lines)], trainer)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    options.directory.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(options.directory / "tokenizer.json"))


if __name__ == "__main__":
    main()
