"""What `export()` of tasks and backbones needs to know of the backend."""

import keras


class SavedModelExport:
    """Gives models an `export()` that works, or says what to do instead.

    Mixed in before KerasHub's classes.
    """

    def export(
        self,
        filepath,
        format="tf_saved_model",
        verbose=None,
        input_signature=None,
        **kwargs,
    ):
        """Write the model, without its preprocessor, for other programs.

        Files for phones are written by `keras_squeeze.export_tflite()`.

        Args:
            filepath: string or `os.PathLike`. The folder or file to write.
            format: string. `"tf_saved_model"`, or another of what
                `keras.Model.export` takes. Defaults to `"tf_saved_model"`.
            verbose: Optional bool. Whether to print what was written.
            input_signature: Optional. The inputs, as `keras.Model.export`
                takes them. A SavedModel takes sequences of any length by
                default, and from JAX those of the preprocessor's, or else of
                the longest that the backbone has positions for.
            **kwargs: other arguments of `keras.Model.export`.

        Raises:
            ValueError: If the backend cannot write the format.
        """
        if format == "tf_saved_model":
            backend = keras.backend.backend()
            if backend == "torch":
                raise ValueError(
                    "PyTorch writes no SavedModel. Save the model with "
                    "`save_to_preset()`, set KERAS_BACKEND to tensorflow or "
                    "jax, and export it there. Received: "
                    f"format={format!r} on the torch backend"
                )
            if backend == "jax" and input_signature is None:
                input_signature = [self._fixed_inputs()]
        return super().export(
            filepath,
            format=format,
            verbose=verbose,
            input_signature=input_signature,
            **kwargs,
        )

    def _fixed_inputs(self):
        """Inputs of one length, which JAX cannot see to be that of all."""
        backbone = getattr(self, "backbone", None) or self
        preprocessor = getattr(self, "preprocessor", None)
        length = getattr(
            preprocessor, "sequence_length", backbone.max_sequence_length
        )
        specs = {}
        for name, tensor in self.input.items():
            shape = tensor.shape
            if len(shape) > 2:
                raise ValueError(
                    "On JAX, a SavedModel takes one number of choices, which "
                    "`input_signature` must tell. Received: "
                    "input_signature=None"
                )
            if name in backbone.input:
                shape = (None, length)
            specs[name] = keras.InputSpec(
                shape=shape, dtype=tensor.dtype, name=name
            )
        return specs
