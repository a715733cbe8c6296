"""Exports tasks and backbones for other programs."""

import os

import keras

from keras_squeeze.export.torch_formats import SHORTEST
from keras_squeeze.export.torch_formats import TORCH_FORMATS
from keras_squeeze.export.torch_formats import axis_names
from keras_squeeze.export.torch_formats import export_with_torch


def _check_that_tensorflow_reads_jax():
    """Try it with a small function.

    JAX compiles to a version of StableHLO that TensorFlow reads for a few
    months only, whichever is installed.
    """
    import jax
    import tensorflow as tf
    from jax.experimental import jax2tf

    # The number of rows is unknown, as in the models.
    convert = jax2tf.convert(lambda x: x + 1, polymorphic_shapes=["(b,)"])
    try:
        tf.function(convert, autograph=False)(tf.zeros(2))
    except tf.errors.InvalidArgumentError as e:
        raise ValueError(
            f"A SavedModel cannot be exported with JAX {jax.__version__}, "
            f"because TensorFlow {tf.__version__} cannot read it. Save the "
            "model with `save_to_preset()`, set KERAS_BACKEND to tensorflow, "
            "and export it there. Or install an older JAX; 0.10 works with "
            "TensorFlow 2.21."
        ) from e


class ExportFormats:
    """Gives models an `export()` that works, or explains what to do instead.

    It must come before KerasHub's classes in the bases.
    """

    def export(
        self,
        filepath,
        format="tf_saved_model",
        verbose=None,
        input_signature=None,
        **kwargs,
    ):
        """Export the model, without its preprocessor, for other programs.

        Use `keras_squeeze.export_tflite()` for files for phones.

        Args:
            filepath: string or `os.PathLike`. The folder or file to write.
            format: string. `"tf_saved_model"`; `"onnx"`, `"openvino"` or
                `"torch"`, for a file that ends with `.onnx`, `.xml` or `.pt2`,
                takes inputs of any length, and has been compared with the
                model, but has the outputs of all words instead of those of
                `mask_positions`; or another format of `keras.Model.export`.
                Defaults to `"tf_saved_model"`.
            verbose: Optional bool. Whether to print what was written.
            input_signature: Optional. The inputs, as for `keras.Model.export`.
                Defaults to `None`, for any number of sequences of any length.
            **kwargs: Other arguments of `keras.Model.export`.

        Raises:
            ValueError: If the backend cannot write the format, or the
                installed TensorFlow cannot read what the installed JAX writes.
            ImportError: If the format needs a package that is missing.
            keras_squeeze.export.process.ExportError: If the file does not
                agree with the model. An existing file is kept.

        Example:

        ```python
        backbone = keras_squeeze.models.MobileBertBackbone.from_preset(
            "mobile_bert_tiny_en_uncased"
        )
        backbone.export("backbone.pt2", format="torch")
        ```
        """
        if format in TORCH_FORMATS and input_signature is None:
            backbone = getattr(self, "backbone", None) or self
            # PyTorch cannot export the selection of masks.
            selects = "mask_positions" in self.input
            export_with_torch(
                self.serving_graph() if selects else self,
                filepath,
                format,
                backbone.max_sequence_length,
            )
            if verbose is None or verbose:
                print(f"Wrote {os.fspath(filepath)}")
            return None
        if format == "tf_saved_model":
            backend = keras.backend.backend()
            if backend == "torch":
                raise ValueError(
                    "A SavedModel cannot be exported with PyTorch. Save the "
                    "model with `save_to_preset()`, set KERAS_BACKEND to "
                    "tensorflow or jax, and export it there. Received: "
                    f"format={format!r} on the torch backend"
                )
            if backend == "jax":
                _check_that_tensorflow_reads_jax()
                if input_signature is None:
                    kwargs = {**self._jax_arguments(), **kwargs}
        kwargs.setdefault("input_signature", input_signature)
        return super().export(
            filepath, format=format, verbose=verbose, **kwargs
        )

    def _jax_arguments(self):
        """Arguments with which JAX knows that all inputs have equal lengths."""
        specs, shapes = {}, {}
        for name, tensor in self.input.items():
            specs[name] = keras.InputSpec(
                shape=tensor.shape, dtype=tensor.dtype, name=name
            )
            shapes[name] = f"({', '.join(axis_names(self, name))})"
        options = {
            "polymorphic_shapes": [shapes],
            "polymorphic_constraints": [f"length >= {SHORTEST}"],
        }
        return {"input_signature": [specs], "jax2tf_kwargs": options}
