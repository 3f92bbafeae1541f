"""Losses and metrics that honour the mask of the predictions."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from layer_recording import LENGTHS, Recording, keep_of, random_like

CLASSES = 5


def with_mask(x: tf.Tensor, keep: np.ndarray) -> tf.Tensor:
    """The tensor with a mask attached, as a layer would attach it."""
    x._keras_mask = tf.constant(keep)
    return x


def record_loss(
    recording: Recording,
    case: str,
    make: type[keras.losses.Loss],
    predictions: np.ndarray,
    targets: np.ndarray,
    **options: object,
) -> None:
    """Each token's loss (0 in the padding), their sum and mean, with gradients."""
    keep = keep_of(LENGTHS)
    tensors = {"keep": keep, "input": predictions, "targets": targets}
    names = {"none": "per_token", "sum": "sum", "sum_over_batch_size": "mean"}
    for reduction, name in names.items():
        x = tf.convert_to_tensor(predictions)
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = make(reduction=reduction, **options)
            value = loss(targets, with_mask(x, keep))
        tensors[name] = value
        if reduction != "none":
            tensors[f"d_input_of_{name}"] = tape.gradient(value, x)
    text = "".join(f"{key}={value}, " for key, value in options.items()).removesuffix(", ")
    recording.add(case, f"{make.__name__}({text}) with a mask.", tensors)


def record_losses(recording: Recording) -> None:
    """Cross-entropies and squared error."""
    rng = recording.rng
    losses = keras.losses
    keep = keep_of(LENGTHS)
    logits = 2 * random_like(rng, (*keep.shape, CLASSES), keep)
    classes = (rng.integers(0, CLASSES, keep.shape) * keep).astype(np.int32)
    sparse = losses.SparseCategoricalCrossentropy
    name = "sparse_categorical_crossentropy"
    record_loss(recording, name, sparse, logits, classes, from_logits=True)
    ignored = np.where(rng.random(keep.shape) < 0.4, -1, classes).astype(np.int32)
    options = {"from_logits": True, "ignore_class": -1}
    record_loss(recording, f"{name}_ignored", sparse, logits, ignored, **options)
    probabilities = tf.nn.softmax(logits).numpy()
    record_loss(recording, f"{name}_probabilities", sparse, probabilities, classes)
    one_hot = np.eye(CLASSES, dtype=np.float32)[classes]
    options = {"from_logits": True, "label_smoothing": 0.1}
    smooth = losses.CategoricalCrossentropy
    record_loss(recording, "categorical_crossentropy_smoothing", smooth, logits, one_hot, **options)
    scores = 3 * random_like(rng, (*keep.shape, 1), keep)
    labels = (rng.random(scores.shape) < 0.5).astype(np.float32)
    binary = losses.BinaryCrossentropy
    record_loss(recording, "binary_crossentropy_logits", binary, scores, labels, from_logits=True)
    chances = tf.sigmoid(scores).numpy()
    # Beyond the clip at 1e-7.
    chances[0, 0], chances[2, 1] = 0.0, 1.0
    record_loss(recording, "binary_crossentropy_probabilities", binary, chances, labels)
    predictions, targets = (random_like(rng, (*keep.shape, 3), keep) for _ in range(2))
    record_loss(recording, "mean_squared_error", losses.MeanSquaredError, predictions, targets)


def record_metric(
    recording: Recording, case: str, metric: keras.metrics.Metric, x: np.ndarray, y: np.ndarray
) -> None:
    """The metric over two batches of other lengths, real tokens only."""
    keeps = [keep_of(LENGTHS), keep_of([2, 7, 0, 5, 1])]
    tensors: dict = {}
    for index, keep in enumerate(keeps):
        metric.update_state(y[index], with_mask(tf.constant(x[index]), keep))
        tensors |= {f"keep_{index}": keep, f"input_{index}": x[index], f"targets_{index}": y[index]}
        tensors[f"result_{index}"] = metric.result()
    recording.add(case, f"{type(metric).__name__}: result after each of two batches.", tensors)


def record_metrics(recording: Recording) -> None:
    """Accuracies."""
    rng = recording.rng
    width = max(LENGTHS)
    logits = rng.standard_normal((2, len(LENGTHS), width, 3)).astype(np.float32)
    classes = rng.integers(0, 3, logits.shape[:-1]).astype(np.int32)
    metric = keras.metrics.SparseCategoricalAccuracy()
    record_metric(recording, "sparse_categorical_accuracy", metric, logits, classes)
    chances = rng.random((2, len(LENGTHS), width, 1)).astype(np.float32)
    labels = (rng.random(chances.shape) < 0.5).astype(np.float32)
    metric = keras.metrics.BinaryAccuracy()
    record_metric(recording, "binary_accuracy", metric, chances, labels)


def record(recording: Recording) -> None:
    """All cases."""
    record_losses(recording)
    record_metrics(recording)
