"""Losses over the real tokens of a batch: each value, their sum and their mean."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from layer_recording import LENGTHS, NONEMPTY_LENGTHS, Recording, keep_of, random_like
from torch.nn import functional

from torch_layers.run import variable

CLASSES = 5
Loss = Callable[..., torch.Tensor]


def reductions(loss: Loss, name: str, x: torch.Tensor) -> dict:
    """`sum` and `mean` of `loss(reduction)` with their gradients to `x`, which is called `name`."""
    tensors: dict = {}
    for reduction in ("sum", "mean"):
        value = loss(reduction)
        (gradient,) = torch.autograd.grad(value, x)
        tensors |= {reduction: value, f"d_{name}_of_{reduction}": gradient}
    return tensors


def on_grid(values: torch.Tensor, keep: np.ndarray) -> np.ndarray:
    """[T, ...] in the [B, L, ...] grid of `keep`."""
    grid = np.zeros((*keep.shape, *values.shape[1:]), dtype=np.float32)
    grid[keep] = values.detach().numpy()
    return grid


def record_loss(
    recording: Recording,
    case: str,
    description: str,
    loss: Loss,
    inputs: tuple[np.ndarray, np.ndarray],
    **others: np.ndarray,
) -> None:
    """loss(predictions [T, ...], targets [T, ...], reduction) over the real tokens."""
    keep = keep_of(LENGTHS)
    x, targets = variable(inputs[0]), torch.from_numpy(inputs[1])
    real = torch.from_numpy(keep)

    def reduced(reduction: str) -> torch.Tensor:
        return loss(x[real], targets[real], reduction=reduction)

    tensors = {"keep": keep, "input": x, "targets": targets} | others
    tensors["per_token"] = on_grid(reduced("none"), keep)
    recording.add(case, description, tensors | reductions(reduced, "input", x))


def record_cross_entropy(recording: Recording) -> None:
    """Plain, ignored targets, class weights, label smoothing, all of them, all ignored."""
    rng = recording.rng
    keep = keep_of(LENGTHS)
    logits = 2 * random_like(rng, (*keep.shape, CLASSES), keep)
    targets = rng.integers(0, CLASSES, keep.shape) * keep
    ignored = np.where(rng.random(keep.shape) < 0.4, -100, targets)
    weight = (0.2 + rng.random(CLASSES)).astype(np.float32)
    smoothing = {"label_smoothing": 0.1}
    weighted = {"weight": torch.from_numpy(weight)}
    variants: dict[str, tuple[np.ndarray, dict]] = {
        "cross_entropy": (targets, {}),
        "cross_entropy_ignored": (ignored, {}),
        "cross_entropy_weights": (targets, weighted),
        "cross_entropy_smoothing": (targets, smoothing),
        "cross_entropy_all_options": (ignored, weighted | smoothing),
    }
    for case, (own_targets, options) in variants.items():

        def loss(x: torch.Tensor, y: torch.Tensor, reduction: str, options: dict = options):
            return functional.cross_entropy(x, y, reduction=reduction, **options)

        others = {"class_weights": weight} if "weight" in options else {}
        names = ", ".join(sorted(options)) or "no options"
        description = f"cross_entropy with {names}; ignore_index -100."
        record_loss(recording, case, description, loss, (logits, own_targets), **others)


def record_others(recording: Recording) -> None:
    """Binary cross-entropy from logits, and mean squared error over [T, D]."""
    rng = recording.rng
    keep = keep_of(LENGTHS)
    logits = 3 * random_like(rng, keep.shape, keep)
    labels = rng.random(keep.shape).round(1).astype(np.float32) * keep
    loss = functional.binary_cross_entropy_with_logits
    record_loss(recording, "binary_cross_entropy", "From logits.", loss, (logits, labels))
    predictions = random_like(rng, (*keep.shape, 3), keep)
    targets = random_like(rng, (*keep.shape, 3), keep)
    loss = functional.mse_loss
    description = "mse_loss; per_token holds every element; the mean is over elements."
    record_loss(recording, "mean_squared_error", description, loss, (predictions, targets))


def record_ctc(
    recording: Recording, case: str, blank: int, lengths: list[int], labels: list[list[int]]
) -> None:
    """CTC of log_softmax of logits; an impossible target counts as 0 (zero_infinity)."""
    keep = keep_of(lengths)
    target_lengths = [len(own) for own in labels]
    target_keep = keep_of(target_lengths, max(target_lengths))
    targets = np.zeros(target_keep.shape, dtype=np.int64)
    targets[target_keep] = np.concatenate(labels)
    logits = variable(2 * random_like(recording.rng, (*keep.shape, CLASSES), keep))

    def loss(reduction: str) -> torch.Tensor:
        return functional.ctc_loss(
            logits.log_softmax(-1).transpose(0, 1),
            torch.from_numpy(targets),
            torch.tensor(lengths),
            torch.tensor(target_lengths),
            blank=blank,
            reduction=reduction,
            zero_infinity=True,
        )

    tensors = {"keep": keep, "logits": logits, "targets": targets, "target_keep": target_keep}
    tensors["per_sequence"] = loss("none")
    description = (
        f"ctc_loss, blank {blank}, zero_infinity; PyTorch's mean divides each sequence by its "
        "target's length (at least 1), then by B."
    )
    recording.add(case, description, tensors | reductions(loss, "logits", logits))


def record(recording: Recording) -> None:
    """All cases."""
    record_cross_entropy(recording)
    record_others(recording)
    # A repeated label, an empty target, and as many frames as the repetition needs.
    labels = [[1, 2], [], [3, 3, 1], [2, 2]]
    record_ctc(recording, "ctc", 0, NONEMPTY_LENGTHS, labels)
    labels = [[1, 2], [0], [3, 3, 1], [2, 2]]
    record_ctc(recording, "ctc_last_blank", CLASSES - 1, NONEMPTY_LENGTHS, labels)
    # More labels than frames: impossible.
    labels = [[1, 2], [1, 2], [3, 3, 1], [1, 1, 1]]
    record_ctc(recording, "ctc_impossible", 0, NONEMPTY_LENGTHS, labels)
