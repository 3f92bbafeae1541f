"""Tokenizers of many kinds, made with the `tokenizers` package: each component of its files in some of them.

compare_with_package.py compares them on many texts; record_kinds.py records them for the tests.
"""
from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers,
                        processors, trainers)

ROBERTA_SPECIALS = ["<s>", "<pad>", "</s>", "<unk>", AddedToken("<mask>", lstrip=True)]
BERT_SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
# GPT-4's pattern, which several byte-level tokenizers have in their files.
GPT4_PATTERN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
                r"|\s*[\r\n]+|\s+(?!\S)|\s+")
BEHAVIORS = ["removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"]
ADDED = [AddedToken("gnome shell", single_word=True, normalized=True),
         AddedToken("<E9>", lstrip=True, rstrip=True, normalized=False), AddedToken("Caf\u00e9", normalized=True),
         AddedToken("lib", single_word=True, normalized=False), AddedToken("libx", normalized=False),
         AddedToken(" two  ", normalized=True)]


def train_bpe(tokenizer, texts, size, specials, **settings):
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=list(specials), show_progress=False, **settings)
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def roberta_processing(tokenizer, add_prefix_space, trim_offsets=True):
    ids = [(t, tokenizer.token_to_id(t)) for t in ("</s>", "<s>")]
    return processors.RobertaProcessing(*ids, trim_offsets=trim_offsets, add_prefix_space=add_prefix_space)


def byte_level(texts, size, add_prefix_space=False):
    """RoBERTa's."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space)
    tokenizer.decoder = decoders.ByteLevel()
    train_bpe(tokenizer, texts, size, ROBERTA_SPECIALS, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.post_processor = roberta_processing(tokenizer, add_prefix_space)
    return tokenizer


def byte_level_no_trim(texts, size):
    tokenizer = byte_level(texts, size)
    tokenizer.post_processor = roberta_processing(tokenizer, True, trim_offsets=False)
    return tokenizer


def byte_level_without_frame(texts, size):
    tokenizer = byte_level(texts, size, add_prefix_space=True)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=True)
    return tokenizer


def byte_level_normalized(texts, size):
    tokenizer = byte_level(texts, size)
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.add_tokens(ADDED)
    return tokenizer


def byte_level_added(texts, size):
    tokenizer = byte_level(texts, size, add_prefix_space=True)
    tokenizer.add_tokens(ADDED)
    return tokenizer


def byte_level_gaps(texts, size):
    """Bytes that the texts lack have no token, and are dropped."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return train_bpe(tokenizer, [t for t in texts if t.isascii()], size, ROBERTA_SPECIALS)


def byte_level_gpt4(texts, size):
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(GPT4_PATTERN), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    train_bpe(tokenizer, texts, size, ["<s>", "</s>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=True, add_prefix_space=False),
        processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", 0)])])
    return tokenizer


def byte_fallback(texts, size):
    """Llama 2's."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(),
                                           decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    specials = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)]
    train_bpe(tokenizer, [w for t in texts for w in t.split(" ")], size + 256, specials, limit_alphabet=60)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", 1)])
    return tokenizer


def byte_fallback_gaps(texts, size):
    """Not every byte has a token, so that unknown tokens and bytes meet."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
    specials = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256) if b not in (0xA4, 0xB5, 0x90)]
    return train_bpe(tokenizer, texts, size + 253, specials, limit_alphabet=40)


def bpe_suffix(texts, size):
    """OpenAI GPT's."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.BPEDecoder("</w>")
    return train_bpe(tokenizer, texts, size, ["<unk>"], end_of_word_suffix="</w>", limit_alphabet=50)


def bpe_prefix(texts, size, fuse_unk):
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", continuing_subword_prefix="##", fuse_unk=fuse_unk))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.decoder = decoders.WordPiece()
    return train_bpe(tokenizer, texts, size, ["<unk>"], continuing_subword_prefix="##", limit_alphabet=40)


def word_level(texts, size):
    tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.Digits(True)])
    trainer = trainers.WordLevelTrainer(vocab_size=size, special_tokens=BERT_SPECIALS, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return tokenizer


def wordpiece(texts, size, normalizer, pre_tokenizer):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.WordPiece(cleanup=True)
    trainer = trainers.WordPieceTrainer(vocab_size=size, special_tokens=BERT_SPECIALS, show_progress=False,
                                        limit_alphabet=60)
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.RobertaProcessing(("[SEP]", 3), ("[CLS]", 2), trim_offsets=True)
    return tokenizer


def wordpiece_template(texts, size):
    tokenizer = wordpiece(texts, size, normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer())
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS]:3 [PAD] $A:2 [SEP]:1", pair="[CLS] $B:4 [SEP] [MASK]:5 $A:1 [SEP]:1 [CLS]:7",
        special_tokens=[(t, i) for i, t in enumerate(BERT_SPECIALS)])
    return tokenizer


def unigram(texts, size, pre_tokenizer, normalizer=None):
    tokenizer = Tokenizer(models.Unigram())
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    trainer = trainers.UnigramTrainer(vocab_size=size, special_tokens=ROBERTA_SPECIALS, unk_token="<unk>",
                                      show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.decoder = decoders.Metaspace(prepend_scheme=getattr(pre_tokenizer, "prepend_scheme", "always"))
    tokenizer.post_processor = roberta_processing(tokenizer, True)
    return tokenizer


def ctc(texts, size):
    vocab = {t: i for i, t in enumerate(["<pad>", "|", "[UNK]", "a", "e", " ' ", " n't", "n|", "t"])}
    tokenizer = Tokenizer(models.WordLevel(vocab, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.FixedLength(1)
    tokenizer.decoder = decoders.CTC()
    return tokenizer


def pieces(pre_tokenizer, normalizer=None):
    """A model that knows no word: the spans show where a pre-tokenizer cuts."""
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizer
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    return tokenizer


def make_piece_kinds():
    p = pre_tokenizers
    kinds = {
        "whitespace": p.Whitespace(), "whitespace-split": p.WhitespaceSplit(),
        "bert": p.BertPreTokenizer(), "digits": p.Digits(False), "single-digits": p.Digits(True),
        "char-delimiter": p.CharDelimiterSplit("e"), "scripts": p.UnicodeScripts(), "fixed-length": p.FixedLength(3),
        "byte-level-no-regex": p.ByteLevel(add_prefix_space=True, use_regex=False),
        "metaspace-first": p.Metaspace(prepend_scheme="first"),
        "metaspace-never": p.Metaspace(prepend_scheme="never"),
        "metaspace-no-split": p.Metaspace(replacement="_", split=False),
        "words-metaspace": p.Sequence([p.WhitespaceSplit(), p.Metaspace()]),
        "nested": p.Sequence([p.Sequence([p.Punctuation("removed"), p.Digits()]), p.ByteLevel(), p.FixedLength(4)]),
        "split-look-ahead": p.Split(Regex(r"\s+(?!\S)|\p{Lu}"), "merged_with_next"),
        "split-empty-matches": p.Split(Regex(r"x*"), "isolated"),
        "split-spaces": p.Split(Regex(r"[\s.]+"), "removed"),
        "split-not-spaces": p.Split(Regex(r"\S+"), "isolated", invert=True),
        "split-invert": p.Split(Regex(r"\w+"), "contiguous", invert=True),
    }
    for behavior in BEHAVIORS:
        kinds[f"punctuation-{behavior}"] = p.Punctuation(behavior)
        kinds[f"split-{behavior}"] = p.Split("--", behavior)
        kinds[f"split-invert-{behavior}"] = p.Split(Regex("[a-e]"), behavior, invert=True)
    return {f"pieces-{name}": pieces(pre_tokenizer) for name, pre_tokenizer in kinds.items()}


def make_kinds(texts, size):
    """name -> tokenizer; `texts` to train on, `size` of the vocabularies."""
    n, p = normalizers, pre_tokenizers
    kinds = {
        "byte-level": byte_level(texts, size),
        "byte-level-prefix": byte_level(texts, size, add_prefix_space=True),
        "byte-level-no-trim": byte_level_no_trim(texts, size),
        "byte-level-without-frame": byte_level_without_frame(texts, size),
        "byte-level-normalized": byte_level_normalized(texts, size),
        "byte-level-added": byte_level_added(texts, size),
        "byte-level-gaps": byte_level_gaps(texts, size),
        "byte-level-gpt4": byte_level_gpt4(texts, size),
        "byte-fallback": byte_fallback(texts, size),
        "byte-fallback-gaps": byte_fallback_gaps(texts, size),
        "bpe-suffix": bpe_suffix(texts, size),
        "bpe-prefix": bpe_prefix(texts, size, False),
        "bpe-prefix-fused": bpe_prefix(texts, size, True),
        "word-level": word_level(texts, size),
        "wordpiece-roberta": wordpiece(texts, size, n.BertNormalizer(), p.BertPreTokenizer()),
        "wordpiece-general": wordpiece(texts, size, n.Sequence([n.NFD(), n.StripAccents(), n.Lowercase()]),
                                       p.Whitespace()),
        "wordpiece-template": wordpiece_template(texts, size),
        "unigram": unigram(texts, size, p.Metaspace()),
        "unigram-first": unigram(texts, size, p.Metaspace(prepend_scheme="first"), n.Strip()),
        "unigram-words": unigram(texts, size, p.Sequence([p.WhitespaceSplit(), p.Metaspace()]), n.NFKC()),
        "ctc": ctc(texts, size),
    }
    kinds.update(make_piece_kinds())
    kinds["pieces-normalized"] = pieces(p.Metaspace(prepend_scheme="first"), n.Sequence([n.Strip(), n.NFKD()]))
    kinds["pieces-added"] = pieces(p.Metaspace(prepend_scheme="first"), n.Lowercase())
    kinds["pieces-added"].add_tokens(ADDED)
    return kinds
