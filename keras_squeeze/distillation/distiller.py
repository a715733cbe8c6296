"""Defines the Keras model that trains a student to imitate a teacher."""

import keras
import numpy as np
from keras import ops

from keras_squeeze.models.devices import SplitRows
from keras_squeeze.models.devices import all_rows
from keras_squeeze.models.devices import num_replicas
from keras_squeeze.models.one_at_a_time import OneAtATime
from keras_squeeze.models.optimization import build_optimizer
from keras_squeeze.models.optimization import zero_of


class Distiller(OneAtATime, SplitRows, keras.Model):
    """Combines a student with the loss terms for learning from a teacher.

    It is trained like any Keras model, with `compile()` and `fit()`, on batches
    `(x, y)`. `x` has the inputs of the student. `y` has the outputs of the
    teacher for them, by the names that the terms use. `TeacherCache` stores
    these outputs on disk, and `DistillationBatches` creates the batches. The
    teacher can therefore run once, on another machine and backend.

    The logs of `fit()` include the loss of each term. After training, only the
    student needs to be kept. It is the backbone that was passed.

    Args:
        student: A backbone of `keras_squeeze.models`.
        transfers: List of loss terms: `FeatureMapTransfer`,
            `AttentionTransfer`, `PooledTransfer`, `PairTransfer`,
            `SimilarityTransfer`, `MaskedLMTransfer`.
        **kwargs: Other keyword arguments of `keras.Model`.

    Raises:
        ValueError: If there are no terms, two have the same name, or one is
            for a layer that the student does not have.

    Example:

    ```python
    student = keras_squeeze.models.MobileBertBackbone(
        num_layers=1,
        hidden_dim=16,
        intermediate_dim=16,
        embedding_dim=8,
        bottleneck_dim=8,
    )
    terms = keras_squeeze.distillation.layer_transfers({1: 2}, teacher_dim=12)
    distiller = Distiller(student, terms)
    distiller.compile(optimizer="adam")
    ones = np.ones((1, 4), "int32")
    distiller.train_on_batch(
        {"token_ids": ones, "segment_ids": ones, "padding_mask": ones},
        {"hidden_2": np.ones((1, 4, 12), "float32")},
    )
    ```

    Reference:
     - [Sun et al., 2020](https://arxiv.org/abs/2004.02984)
    """

    def __init__(self, student, transfers, **kwargs):
        transfers = list(transfers)
        check_transfers(student, transfers)
        super().__init__(**kwargs)
        self.student = student
        self.transfers = transfers
        self.needs_attention = any(t.needs_attention for t in transfers)
        self.needs_pairs = any(t.needs_pairs for t in transfers)
        self.active = {transfer.name for transfer in transfers}
        self.trackers = [
            keras.metrics.Mean(name=transfer.name) for transfer in transfers
        ]
        inputs = {name: np.zeros((1, 2), "int32") for name in student.input}
        if any(transfer.needs_mask_positions for transfer in transfers):
            inputs["mask_positions"] = np.zeros((1, 1), "int32")
        if self.needs_pairs:
            for name in student.input:
                inputs[f"pair_{name}"] = np.zeros((1, 2), "int32")
        # This cannot be a functional model, which cannot access the attention
        # of layers whose first call did not return it.
        self(inputs)

    def call(self, inputs):
        encoded = self.student.encode(
            **{name: inputs[name] for name in self.student.input},
            return_attention=self.needs_attention,
        )
        encoded_pairs = None
        if self.needs_pairs:
            encoded_pairs = self.student.encode(
                **{name: inputs[f"pair_{name}"] for name in self.student.input}
            )
        outputs = {}
        for transfer in self.transfers:
            source = encoded_pairs if transfer.needs_pairs else encoded
            side = transfer.student_side(source, inputs)
            outputs[transfer.name] = transfer(side)
        return outputs

    def begin(self, stage):
        """Restrict training to a stage of a schedule.

        The model must be compiled afterwards.

        Args:
            stage: A `Stage`.

        Raises:
            ValueError: If the stage has a term that the model does not have.
        """
        names = {transfer.name for transfer in self.transfers}
        unknown = set(stage.transfers) - names
        if unknown:
            raise ValueError(
                "`stage` has terms that are not among the transfers "
                f"{sorted(names)}. Received: {sorted(unknown)}"
            )
        self._restrict(stage.transfers, stage.trainable_layers)

    def end(self):
        """Make everything trainable again, after the stages of a schedule."""
        self._restrict([transfer.name for transfer in self.transfers])

    def _restrict(self, names, layers=None):
        self.active = set(names)
        student = self.student
        student.embeddings.trainable = layers is None or 0 in layers
        for i, layer in enumerate(student.transformer_layers, start=1):
            layer.trainable = layers is None or i in layers
        student.pooler.trainable = layers is None
        for transfer in self.transfers:
            transfer.trainable = transfer.name in self.active

    def compile(self, optimizer="adam", **kwargs):
        """Configure the model for training.

        Args:
            optimizer: The name of an optimizer, or a `keras.Optimizer`.
                Defaults to `"adam"`.
            **kwargs: Other keyword arguments of `keras.Model.compile`. The
                loss is defined by the terms.
        """
        super().compile(optimizer=optimizer, **kwargs)
        build_optimizer(self)

    def fit(self, x=None, *args, **kwargs):
        """Train the student.

        Args:
            x: A `DistillationBatches`, or other input of `keras.Model.fit`.
            *args: Other arguments of `keras.Model.fit`.
            **kwargs: Other keyword arguments of `keras.Model.fit`.

        Returns:
            A `keras.callbacks.History`.
        """
        return super().fit(of_any_lengths(x), *args, **kwargs)

    def evaluate(self, x=None, *args, **kwargs):
        """Compute the losses of the terms.

        Args:
            x: A `DistillationBatches`, or other input of
                `keras.Model.evaluate`.
            *args: Other arguments of `keras.Model.evaluate`.
            **kwargs: Other keyword arguments of `keras.Model.evaluate`.

        Returns:
            The result of `keras.Model.evaluate`.
        """
        return super().evaluate(of_any_lengths(x), *args, **kwargs)

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        total = 0.0
        y, y_pred, mask = all_rows((y, y_pred, x["padding_mask"]))
        for transfer, tracker in zip(
            self.transfers, self.trackers, strict=True
        ):
            if transfer.name not in self.active:
                continue
            target = keras.tree.map_structure(to_single, y[transfer.target])
            output = y_pred[transfer.name]
            loss = transfer.loss(target, output, mask)
            tracker.update_state(loss)
            total = ops.add(total, transfer.weight * loss)
        # TensorFlow adds the losses of all replicas.
        total = total / num_replicas(self)
        # Gives the pooler a gradient if no term uses the pooled output.
        return total + zero_of(self.student.pooler)


def to_single(target):
    """Cast floats to single precision, and return words unchanged."""
    if keras.backend.is_float_dtype(
        keras.backend.standardize_dtype(target.dtype)
    ):
        return ops.cast(target, "float32")
    return target


def of_any_lengths(batches):
    """Convert batches so that their lengths may differ.

    On TensorFlow, Keras converts them to a `tf.data.Dataset` that expects all
    batches to have the lengths of the first ones.

    Args:
        batches: A `keras.utils.PyDataset`. Other data are returned unchanged.

    Returns:
        The same data, or a `tf.data.Dataset`.
    """
    if keras.backend.backend() != "tensorflow":
        return batches
    if not isinstance(batches, keras.utils.PyDataset):
        return batches
    import tensorflow as tf

    spec = keras.tree.map_structure(
        lambda x: tf.TensorSpec([None] * x.ndim, x.dtype), batches[0]
    )
    data = tf.data.Dataset.from_generator(
        lambda: (batches[i] for i in range(len(batches))), output_signature=spec
    )
    # Without a known size, Keras warns about an interruption at the end.
    count = tf.data.experimental.assert_cardinality(len(batches))
    return data.apply(count).prefetch(2)


def check_transfers(student, transfers):
    """Raise a `ValueError` if loss terms do not fit a student."""
    if not transfers:
        raise ValueError(
            "`transfers` must not be empty. Received: transfers=[]"
        )
    names = [transfer.name for transfer in transfers]
    if len(set(names)) < len(names):
        raise ValueError(
            "`transfers` must have different names. Received terms named "
            f"{names}"
        )
    for transfer in transfers:
        layer = transfer.student_layer
        if layer is None:
            continue
        first = int(transfer.needs_attention)
        if not first <= layer <= student.num_layers:
            raise ValueError(
                f"`student_layer` must be from {first} to "
                f"{student.num_layers}, the layers of the student. Received: "
                f"student_layer={layer} in the term {transfer.name!r}"
            )
