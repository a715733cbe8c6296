"""Defines the training stages of a student, as in MobileBERT's strategies."""

import dataclasses

from keras_squeeze import validation


@dataclasses.dataclass(frozen=True)
class Stage:
    """A stage of a distillation.

    Args:
        name: string.
        transfers: Tuple of strings. The names of its loss terms.
        steps: int. The number of batches.
        trainable_layers: Tuple of ints or `None`. The trainable layers of the
            student, counted from 1, with `0` for the embeddings. Defaults to
            `None`, for the whole student.
    """

    name: str
    transfers: tuple
    steps: int
    trainable_layers: tuple = None


def schedule(strategy, transfers, steps, final_steps=None):
    """Return the stages of a training strategy.

    - `"auxiliary"`: all terms at once.
    - `"joint"`: first all terms for layers, then the others.
    - `"progressive"`: first the terms for layers, one layer at a time from
        the bottom up, with the layers below frozen; then the others. MobileBERT
        was trained this way.

    Args:
        strategy: string. `"auxiliary"`, `"joint"` or `"progressive"`.
        transfers: List of the terms.
        steps: int. The total number of batches for the terms for layers.
        final_steps: int or `None`. The number of batches for the other terms
            afterwards. Defaults to `None`, for the same number.

    Returns:
        A list of `Stage`s.

    Raises:
        ValueError: If the strategy is unknown, or it needs terms for layers
            and there are none.

    Example:

    ```python
    terms = keras_squeeze.distillation.layer_transfers({1: 3, 2: 6}, 384)
    terms.append(keras_squeeze.distillation.PooledTransfer(384))
    [stage.name for stage in schedule("progressive", terms, steps=1000)]
    # ["layer 1", "layer 2", "final"]
    ```

    Reference:
     - [Sun et al., 2020](https://arxiv.org/abs/2004.02984), section 3.5
    """
    validation.check_positive_int("steps", steps)
    if final_steps is None:
        final_steps = steps
    validation.check_positive_int("final_steps", final_steps)
    if strategy not in ("auxiliary", "joint", "progressive"):
        raise ValueError(
            '`strategy` must be "auxiliary", "joint" or "progressive". '
            f"Received: strategy={strategy!r}"
        )
    if strategy == "auxiliary":
        names = tuple(transfer.name for transfer in transfers)
        return [Stage("all", names, steps)]
    layers = {}
    for transfer in transfers:
        layers.setdefault(transfer.student_layer, []).append(transfer.name)
    final = tuple(layers.pop(None, ()))
    if not layers:
        raise ValueError(
            f'`transfers` must have terms for layers for "{strategy}". '
            f"Received terms named {list(final)}"
        )
    if strategy == "joint":
        names = tuple(name for part in layers.values() for name in part)
        stages = [Stage("layers", names, steps)]
    else:
        stages, below = [], 0
        each, rest = divmod(steps, len(layers))
        for i, layer in enumerate(sorted(layers)):
            stages.append(
                Stage(
                    f"layer {layer}",
                    tuple(layers[layer]),
                    each + (i < rest),
                    # Layers without a term are trained with the next one.
                    tuple(range(below, layer + 1)),
                )
            )
            below = layer + 1
    if final:
        stages.append(Stage("final", final, final_steps))
    return stages
