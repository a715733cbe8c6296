import dataclasses

from keras_squeeze.export.delegates import GpuDelegate
from keras_squeeze.export.phone_libraries import PhoneLibraries


@dataclasses.dataclass(frozen=True)
class Agreement:
    """How an exported file compares with the Keras model it came from.

    Args:
        samples: int. How many inputs were compared.
        source: string. `"text"`, or `"random ids"` where there was no
            preprocessor.
        largest_difference: Dictionary of the largest absolute difference of
            each output by name.
        relative_error: Dictionary of the root mean square of the difference
            over that of the Keras output, of each output by name.
        equal_predictions: float or `None`. The share of predictions, the
            likeliest of an output's scores, that are equal. `None` if no
            output has scores.
    """

    samples: int
    source: str
    largest_difference: dict
    relative_error: dict
    equal_predictions: float | None


@dataclasses.dataclass(frozen=True)
class ExportReport:
    """What `export_tflite()` wrote.

    Args:
        path: string. The file.
        size_bytes: int. Its size.
        parameters: int. The number of parameters of the exported model.
        quantization: string or `None`. How the weights are stored.
        sequence_length: int. The length of the inputs, the longest of
            several.
        signatures: Dictionary of the lengths of the inputs by the names of
            the signatures, one for each length.
        inputs: Dictionary of the `(shape, dtype)` of each input of the
            longest length by name.
        outputs: Dictionary of the `(shape, dtype)` of each output of the
            longest length by name.
        ops: Dictionary of the number of times each operation occurs.
        agreement: `Agreement` of the file with the Keras model.
        phone_libraries: `PhoneLibraries` that open the file, or `None` if
            it was not to have metadata.
        gpu_delegate: `GpuDelegate`. What the GPU of a phone runs.
    """

    path: str
    size_bytes: int
    parameters: int
    quantization: str | None
    sequence_length: int
    signatures: dict
    inputs: dict
    outputs: dict
    ops: dict
    agreement: Agreement
    phone_libraries: PhoneLibraries | None
    gpu_delegate: GpuDelegate

    def to_dict(self):
        """The report as a dictionary that can be written as JSON."""
        return dataclasses.asdict(self)

    def __str__(self):
        agreement = self.agreement
        differences = ", ".join(
            f"{name} {difference:.2g}"
            for name, difference in agreement.largest_difference.items()
        )
        lines = [
            self.path,
            f"  size          {self.size_bytes / 1e6:.2f} MB, "
            f"{self.parameters:,} parameters",
            f"  weights       {self.quantization or 'float32'}",
            f"  signatures    {', '.join(self.signatures)}",
            f"  inputs        {_describe(self.inputs)}",
            f"  outputs       {_describe(self.outputs)}",
            f"  operations    {sum(self.ops.values())} of "
            f"{len(self.ops)} kinds, all built into LiteRT",
            f"  differences   {differences} at most, from the Keras model on "
            f"{agreement.samples} inputs ({agreement.source})",
        ]
        if agreement.equal_predictions is not None:
            lines.append(
                f"  predictions   {agreement.equal_predictions:.1%} equal"
            )
        if self.phone_libraries is not None:
            lines += [
                f"  phones        {line}"
                for line in str(self.phone_libraries).splitlines()
            ]
        lines += [
            f"  GPU delegate  {line}"
            for line in str(self.gpu_delegate).splitlines()
        ]
        return "\n".join(lines)


def _describe(tensors):
    return ", ".join(
        f"{name} {dtype}{list(shape)}"
        for name, (shape, dtype) in tensors.items()
    )
