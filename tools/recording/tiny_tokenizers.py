"""Trains small real tokenizers and writes their files in the forms that model directories have."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import sentencepiece
from pipeline_texts import training_sentences
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

MAX_LENGTH = 96
BERT_SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
MPNET_SPECIALS = ("<s>", "<pad>", "</s>", "[UNK]", "<mask>")
ROBERTA_SPECIALS = ("<s>", "<pad>", "</s>", "<unk>")
MODERNBERT_SPECIALS = ("[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]")
ALBERT_SPECIALS = ("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]")

# The class that takes tokenizer.json as it stands; the others build their rules anew in version 5.
AS_IT_STANDS = "PreTrainedTokenizerFast"
BERT_NAMES = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}
ROBERTA_NAMES = {
    "bos_token": "<s>",
    "eos_token": "</s>",
    "cls_token": "<s>",
    "sep_token": "</s>",
    "pad_token": "<pad>",
    "unk_token": "<unk>",
    "mask_token": "<mask>",
}
TYPES = ["input_ids", "token_type_ids", "attention_mask"]
NO_TYPES = ["input_ids", "attention_mask"]


@dataclass(frozen=True)
class TokenizerForm:
    """The files of a tokenizer: `write` puts them in a directory and returns the number of ids."""

    write: Callable[[Path], int]


def write_json(path: Path, value: object) -> None:
    """Writes a value as JSON."""
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def write_config(directory: Path, tokenizer_class: str, **more: object) -> None:
    """tokenizer_config.json."""
    config = {"tokenizer_class": tokenizer_class, "model_max_length": MAX_LENGTH} | more
    write_json(directory / "tokenizer_config.json", config)


def train(tokenizer: Tokenizer, trainer: object) -> Tokenizer:
    """The tokenizer after training on the sentences."""
    tokenizer.train_from_iterator(training_sentences(), trainer)
    return tokenizer


@cache
def train_wordpiece(specials: tuple[str, ...], *, lowercase: bool) -> Tokenizer:
    """WordPiece with BERT's normalizer and pre-tokenizer, as yet without a post-processor."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(
        vocab_size=360, special_tokens=list(specials), show_progress=False
    )
    return train(tokenizer, trainer)


@cache
def train_byte_level(specials: tuple[str, ...]) -> Tokenizer:
    """Byte-level BPE, as yet without a post-processor."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=list(specials),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    return train(tokenizer, trainer)


@cache
def train_unigram(specials: tuple[str, ...], *, lowercase: bool) -> Tokenizer:
    """Unigram with the normalizers that a conversion of ALBERT's or XLM-R's would have."""
    steps = [normalizers.Replace("``", '"'), normalizers.Replace("''", '"')]
    if lowercase:
        steps += [normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase()]
    else:
        steps += [normalizers.NFKC()]
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([*steps, normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=360, special_tokens=list(specials), unk_token="<unk>", show_progress=False
    )
    return train(tokenizer, trainer)


def copy(tokenizer: Tokenizer) -> Tokenizer:
    """A tokenizer of its own, so that what is added stays out of the cached one."""
    return Tokenizer.from_str(tokenizer.to_str())


def bert_template(tokenizer: Tokenizer) -> processors.TemplateProcessing:
    """[CLS] A [SEP] B [SEP], types 0 and 1."""
    return processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")],
    )


def save_file(tokenizer: Tokenizer, directory: Path, tokenizer_class: str, **more: object) -> int:
    """tokenizer.json beside a tokenizer_config.json."""
    tokenizer.save(str(directory / "tokenizer.json"))
    write_config(directory, tokenizer_class, **more)
    return tokenizer.get_vocab_size()


def write_vocabulary(tokenizer: Tokenizer, directory: Path) -> int:
    """vocab.txt, a token a line in the order of ids."""
    vocabulary = tokenizer.get_vocab()
    tokens = sorted(vocabulary, key=vocabulary.__getitem__)
    (directory / "vocab.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8")
    return len(tokens)


def write_wordpiece_vocabulary(directory: Path) -> int:
    """vocab.txt and tokenizer_config.json only, as BERT was published."""
    write_config(directory, "BertTokenizer", do_lower_case=True)
    return write_vocabulary(train_wordpiece(BERT_SPECIALS, lowercase=True), directory)


def write_cased_wordpiece_vocabulary(directory: Path) -> int:
    """The same, with capital letters and accents."""
    write_config(directory, "BertTokenizer", do_lower_case=False)
    return write_vocabulary(train_wordpiece(BERT_SPECIALS, lowercase=False), directory)


def write_mpnet_vocabulary(directory: Path) -> int:
    """WordPiece between <s> and </s>."""
    write_config(directory, "MPNetTokenizer", do_lower_case=True)
    return write_vocabulary(train_wordpiece(MPNET_SPECIALS, lowercase=True), directory)


def write_wordpiece_file(directory: Path) -> int:
    """tokenizer.json of an uncased WordPiece."""
    tokenizer = copy(train_wordpiece(BERT_SPECIALS, lowercase=True))
    tokenizer.post_processor = bert_template(tokenizer)
    return save_file(tokenizer, directory, "BertTokenizer", do_lower_case=True)


def write_cased_wordpiece_file(directory: Path) -> int:
    """tokenizer.json of a cased WordPiece."""
    tokenizer = copy(train_wordpiece(BERT_SPECIALS, lowercase=False))
    tokenizer.post_processor = bert_template(tokenizer)
    return save_file(tokenizer, directory, "BertTokenizer", do_lower_case=False)


def write_byte_level_vocabulary(directory: Path) -> int:
    """vocab.json and merges.txt, as RoBERTa was published; <mask> is the last id."""
    tokenizer = train_byte_level(ROBERTA_SPECIALS)
    tokenizer.model.save(str(directory))
    path = directory / "vocab.json"
    vocabulary = json.loads(path.read_text(encoding="utf-8"))
    vocabulary["<mask>"] = len(vocabulary)
    path.write_text(json.dumps(vocabulary), encoding="utf-8")
    write_config(directory, "RobertaTokenizer", add_prefix_space=False)
    return len(vocabulary)


def write_byte_level_file(directory: Path) -> int:
    """tokenizer.json of a byte-level BPE as ModernBERT has it: NFC, BERT's special tokens."""
    tokenizer = copy(train_byte_level(MODERNBERT_SPECIALS))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.add_special_tokens([AddedToken("[MASK]", lstrip=True, special=True)])
    tokenizer.post_processor = bert_template(tokenizer)
    return save_file(tokenizer, directory, AS_IT_STANDS, **BERT_NAMES, model_input_names=NO_TYPES)


def write_albert_unigram_file(directory: Path) -> int:
    """tokenizer.json of an uncased Unigram with ALBERT's special tokens."""
    tokenizer = copy(train_unigram(ALBERT_SPECIALS, lowercase=True))
    tokenizer.add_special_tokens([AddedToken("[MASK]", lstrip=True, special=True)])
    tokenizer.post_processor = bert_template(tokenizer)
    names = BERT_NAMES | {"pad_token": "<pad>", "unk_token": "<unk>"}
    return save_file(tokenizer, directory, AS_IT_STANDS, **names, model_input_names=TYPES)


def write_xlm_roberta_unigram_file(directory: Path) -> int:
    """tokenizer.json of a cased Unigram with XLM-R's special tokens; <mask> is the last id."""
    tokenizer = copy(train_unigram(ROBERTA_SPECIALS, lowercase=False))
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, special=True)])
    ends = [(token, tokenizer.token_to_id(token)) for token in ("<s>", "</s>")]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=ends
    )
    return save_file(
        tokenizer, directory, AS_IT_STANDS, **ROBERTA_NAMES, model_input_names=NO_TYPES
    )


def write_albert_pieces(directory: Path) -> int:
    """spiece.model with a small table of normalisations, as ALBERT was published."""
    rules = directory / "normalisations.tsv"
    rules.write_text("\n".join(normalisation_rules()) + "\n", encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([line.lower() for line in training_sentences()]),
        model_prefix=str(directory / "spiece"),
        vocab_size=360,
        normalization_rule_tsv=str(rules),
        pad_id=0,
        unk_id=1,
        bos_id=-1,
        eos_id=-1,
        control_symbols=["[CLS]", "[SEP]", "[MASK]"],
        minloglevel=2,
    )
    rules.unlink()
    (directory / "spiece.vocab").unlink()
    write_config(directory, "AlbertTokenizer", do_lower_case=True)
    return 360


def normalisation_rules() -> list[str]:
    """What NFKC changes among the widths and ligatures, as sentencepiece reads it."""
    points = [*range(0xFF01, 0xFF5F), *range(0xFB00, 0xFB05), 0x09, 0x0A, 0x0D, 0xA0, 0x3000]
    rules = []
    for point in points:
        written = unicodedata.normalize("NFKC", chr(point)).strip() or " "
        rules.append(f"{point:X}\t{' '.join(f'{ord(letter):X}' for letter in written)}")
    return rules


WORDPIECE_VOCABULARY = TokenizerForm(write_wordpiece_vocabulary)
CASED_WORDPIECE_VOCABULARY = TokenizerForm(write_cased_wordpiece_vocabulary)
MPNET_VOCABULARY = TokenizerForm(write_mpnet_vocabulary)
WORDPIECE_FILE = TokenizerForm(write_wordpiece_file)
CASED_WORDPIECE_FILE = TokenizerForm(write_cased_wordpiece_file)
BYTE_LEVEL_VOCABULARY = TokenizerForm(write_byte_level_vocabulary)
BYTE_LEVEL_FILE = TokenizerForm(write_byte_level_file)
ALBERT_UNIGRAM_FILE = TokenizerForm(write_albert_unigram_file)
ALBERT_PIECES = TokenizerForm(write_albert_pieces)
XLM_ROBERTA_UNIGRAM_FILE = TokenizerForm(write_xlm_roberta_unigram_file)
