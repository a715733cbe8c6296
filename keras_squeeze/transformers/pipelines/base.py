"""The base class of the pipelines."""

import collections.abc
import inspect
import warnings

import keras

from keras_squeeze import validation
from keras_squeeze.models.torch_parameters import no_gradients


class Pipeline:
    """Base of the pipelines that `pipeline()` makes.

    Args:
        model: A transformers-style model of this package.
        tokenizer: The tokenizer of the model.
        layer: Optional tokenizer layer of `keras_squeeze.models` that is
            equivalent to the tokenizer. Defaults to `None`, which makes one
            from the tokenizer.
        **kwargs: Default values for the arguments of a call.

    Call arguments:
        inputs: A text, or a list or another iterable of texts.
        batch_size: int. How many texts to predict at once. Defaults to `1`, as
            in transformers: MobileBERT embeds each token with its neighbors, so
            padding slightly changes its outputs.
        **kwargs: The arguments of `answer()`.

    Returns:
        The answer in the format of transformers. For a list, a list of answers.
    """

    # The Auto class that finds the model class, and the base of these classes.
    auto_class = None
    face_class = None
    # Deprecated arguments, with their replacement.
    deprecated = {}

    def __init__(self, model, tokenizer, layer=None, **kwargs):
        self.model = model
        self.tokenizer = tokenizer
        self._layer = layer
        self._kwargs = kwargs
        self._check_arguments(kwargs)

    def _check_arguments(self, kwargs):
        for name, advice in self.deprecated.items():
            if kwargs.get(name) is not None:
                warnings.warn(
                    f"`{name}` is deprecated. Pass {advice}.", stacklevel=4
                )
        parameters = inspect.signature(self.answer).parameters
        kinds = {parameter.kind for parameter in parameters.values()}
        if inspect.Parameter.VAR_KEYWORD in kinds:
            return
        names = [name for name in parameters if name != "inputs"]
        unknown = [name for name in kwargs if name not in names]
        if unknown:
            raise TypeError(
                f"`{type(self).__name__}` does not take the arguments "
                f"{unknown}. It takes {names}."
            )

    def __call__(self, inputs, **kwargs):
        self._check_arguments(kwargs)
        kwargs = {**self._kwargs, **kwargs}
        if isinstance(inputs, (str, collections.abc.Mapping)):
            return self.answer([inputs], **kwargs)[0]
        return self.answer(list(inputs), **kwargs)

    def answer(self, inputs, batch_size=1):
        """Answer a list of inputs.

        Args:
            inputs: List of texts.
            batch_size: int. How many texts to predict at once. Defaults to
                `1`.

        Returns:
            A list of the answers.
        """
        raise NotImplementedError

    def max_length(self):
        """int. The maximum sequence length in tokens."""
        return min(
            self.tokenizer.model_max_length,
            self.model.config.max_position_embeddings,
        )

    def predict(self, texts, batch_size, **kwargs):
        """Compute the outputs of the model, batch by batch.

        Args:
            texts: List of texts, pairs of texts, or lists of words.
            batch_size: int. How many texts to predict at once.
            **kwargs: Arguments of the tokenizer.

        Yields:
            A tuple of the `BatchEncoding` of a batch and the first output of
            the model, as a float32 array.
        """
        validation.check_positive_int("batch_size", batch_size)
        options = {"truncation": True, "max_length": self.max_length()}
        options.update(kwargs, padding=True, return_tensors="np")
        for start in range(0, len(texts), batch_size):
            encoding = self.tokenizer(
                texts[start : start + batch_size], **options
            )
            arrays = {
                name: encoding[name]
                for name in self.model.input_names()
                if name in encoding
            }
            with no_gradients():
                # `predict()` would compile for each sequence length.
                outputs = self.model(arrays, training=False)
            outputs = keras.ops.convert_to_numpy(outputs[0])
            yield encoding, outputs.astype("float32")
