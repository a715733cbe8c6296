"""`tf.data` datasets for the transformers-style models."""

import numpy as np

from keras_squeeze import validation
from keras_squeeze.transformers.data.data_collators import (
    DataCollatorWithPadding,
)
from keras_squeeze.transformers.data.data_collators import default_data_collator

# The names of a sample's label. In a batch it is `labels`.
_SAMPLE_LABELS = ("label", "label_ids")


class TensorFlowDatasets:
    """Makes datasets for `fit()`.

    A mixin of `PreTrainedModel`, which knows the names of its inputs and
    labels.
    """

    def prepare_tf_dataset(
        self,
        dataset,
        batch_size=8,
        shuffle=True,
        tokenizer=None,
        collate_fn=None,
        collate_fn_args=None,
        drop_remainder=None,
        prefetch=True,
    ):
        """Make a `tf.data.Dataset` for `fit()`.

        Columns that are neither inputs nor labels of the model are left out.
        This needs TensorFlow, whatever the backend.

        Args:
            dataset: The samples: a `datasets.Dataset`, a list of dictionaries,
                or any other object that has a length and returns a dictionary
                for an index.
            batch_size: int. Defaults to `8`.
            shuffle: bool. Whether to shuffle the samples in each epoch. The
                order follows `keras.utils.set_random_seed()`. Defaults to
                `True`.
            tokenizer: Optional tokenizer that pads the samples of a batch.
                Without one, they must have the same length.
            collate_fn: Optional function from a list of samples to a batch.
                Defaults to a `DataCollatorWithPadding`, or to
                `default_data_collator` without a `tokenizer`.
            collate_fn_args: Optional dictionary of keyword arguments of
                `collate_fn`.
            drop_remainder: bool. Whether to drop the last batch if it is not
                full. Defaults to the value of `shuffle`.
            prefetch: bool. Whether to prepare the next batch while one is in
                use. Defaults to `True`.

        Returns:
            A `tf.data.Dataset` of dictionaries of inputs. If there are labels,
            of tuples of inputs and labels; the labels are a tensor, or a
            dictionary if the model takes several.

        Raises:
            TypeError: If `dataset` has no length or cannot be indexed.
            ValueError: If it has no samples, or none of the model's inputs.

        Example:

        ```python
        name = "mobile_bert_tiny_en_uncased"
        tokenizer = keras_squeeze.AutoTokenizer.from_pretrained(name)
        model = keras_squeeze.AutoModelForSequenceClassification
        model = model.from_pretrained(name)
        model.compile(optimizer="adam")
        texts = ["Good!", "Not very good.", "Bad."]
        samples = [
            {**tokenizer(text), "label": label}
            for text, label in zip(texts, [1, 0, 0])
        ]
        dataset = model.prepare_tf_dataset(samples, tokenizer=tokenizer)
        model.fit(dataset)
        ```
        """
        import tensorflow as tf

        for method in ("__len__", "__getitem__"):
            if not hasattr(dataset, method):
                raise TypeError(
                    "`dataset` must have a length and support indexing, like "
                    "a `datasets.Dataset` or a list. Received: dataset of "
                    f"type {type(dataset).__name__}"
                )
        if not len(dataset):
            raise ValueError(
                "`dataset` must have at least one sample. Received: none"
            )
        validation.check_positive_int("batch_size", batch_size)
        if collate_fn is None:
            collate_fn = default_data_collator
            if tokenizer is not None:
                collate_fn = DataCollatorWithPadding(tokenizer)
        to_batch = self._collate(collate_fn, collate_fn_args or {})
        first = to_batch([dataset[0]])
        if not set(first) & set(self.input_names()):
            raise ValueError(
                "`dataset` must have at least one of the model's inputs "
                f"{self.input_names()}. Received: a dataset of "
                f"{sorted(dataset[0])}"
            )

        def load(indices):
            batch = to_batch([dataset[int(i)] for i in indices])
            return [batch[k].astype(array.dtype) for k, array in first.items()]

        def read(indices):
            tensors = tf.numpy_function(
                load, [indices], [array.dtype for array in first.values()]
            )
            batch = dict(zip(first, tensors, strict=True))
            for name, tensor in batch.items():
                # Each batch may be padded to a different length.
                tensor.set_shape([None] * first[name].ndim)
            return self._split_labels(batch)

        batches = tf.data.Dataset.range(len(dataset))
        if shuffle:
            batches = batches.shuffle(len(dataset))
        if drop_remainder is None:
            drop_remainder = shuffle
        batches = batches.batch(batch_size, drop_remainder).map(read)
        return batches.prefetch(tf.data.AUTOTUNE) if prefetch else batches

    def _collate(self, collate_fn, kwargs):
        """Make a function from samples to a dictionary of arrays."""
        labels = (*self.label_names(), *self.label_aliases)
        names = {*self.input_names(), *labels}

        def to_batch(samples):
            batch = collate_fn(
                [
                    {
                        name: sample[name]
                        for name in sample
                        if name in names or name in _SAMPLE_LABELS
                    }
                    for sample in samples
                ],
                **kwargs,
            )
            return {k: np.asarray(batch[k]) for k in batch if k in names}

        return to_batch

    def _split_labels(self, batch):
        """Split a batch into inputs and labels, if it has labels."""
        labels = {k: batch[k] for k in batch if k not in self.input_names()}
        if not labels:
            return batch
        inputs = {k: batch[k] for k in batch if k not in labels}
        if len(labels) == 1:
            (labels,) = labels.values()
        return inputs, labels
