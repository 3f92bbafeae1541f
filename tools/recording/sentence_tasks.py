"""Runs sentence-transformers' models on a directory, each text alone, and lists what they give."""

from __future__ import annotations

from pathlib import Path

import sentence_transformers
from pipeline_tasks import Record, Task, expect_apart, expect_varied
from pipeline_texts import QUERIES, TEXTS
from sentence_transformers.sentence_transformer import modules

# Without a long text, and with it.
EMBEDDED = [TEXTS[0], *TEXTS[3:7], TEXTS[-1]]
POOLING_MODES = ["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"]


def embed(directory: Path) -> list[Record]:
    """The row of every text: by the modules the directory names, else the mean of its tokens."""
    model = sentence_transformers.SentenceTransformer(str(directory), device="cpu")
    rows = [model.encode([text])[0].tolist() for text in EMBEDDED]
    pooling = next(module for module in model if isinstance(module, modules.Pooling))
    return [Record("embed", {"pooling": pooling.pooling_mode}, EMBEDDED, rows)]


def embed_poolings(directory: Path) -> list[Record]:
    """The row of every text by each way to gather its tokens, without further modules."""
    transformer = modules.Transformer(str(directory))
    records = []
    for mode in POOLING_MODES:
        pooling = modules.Pooling(transformer.get_embedding_dimension(), pooling_mode=mode)
        model = sentence_transformers.SentenceTransformer(
            modules=[transformer, pooling], device="cpu"
        )
        rows = [model.encode([text])[0].tolist() for text in EMBEDDED]
        records.append(Record("embed", {"pooling": mode}, EMBEDDED, rows))
    return records


def rerank(directory: Path) -> list[Record]:
    """The score of every pair, and the ranking of each query's documents."""
    encoder = sentence_transformers.CrossEncoder(str(directory), device="cpu")
    queries = [{"query": query, "documents": documents} for query, documents in QUERIES]
    scores = [
        [encoder.predict([(query, document)])[0] for document in documents]
        for query, documents in QUERIES
    ]
    rankings = [encoder.rank(query, documents, batch_size=1) for query, documents in QUERIES]
    for ranking in rankings:
        expect_apart([entry["score"] for entry in ranking])
    expect_varied([entry["corpus_id"] for ranking in rankings for entry in ranking[:1]], 2)
    return [
        Record("rerank", {"method": "predict"}, queries, scores),
        Record("rerank", {"method": "rank"}, queries, rankings),
    ]


def sparse(directory: Path) -> list[Record]:
    """The words of every text that weigh more than 0, by rising id."""
    encoder = sentence_transformers.SparseEncoder(str(directory), device="cpu")
    outputs = []
    for text in EMBEDDED:
        row = encoder.encode([text], convert_to_sparse_tensor=False)[0]
        ids = row.nonzero().flatten()
        outputs.append({"ids": ids.tolist(), "weights": row[ids].tolist()})
    return [Record("sparse-embed", {"dim": len(row)}, EMBEDDED, outputs)]


EMBED = Task(embed)
EMBED_POOLINGS = Task(embed_poolings)
RERANK = Task(rerank)
SPARSE = Task(sparse)
