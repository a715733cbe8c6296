"""Uses the predictions of a teacher as labels for fine-tuning."""

import numpy as np


def soft_labels(teacher, x, y=None, batch_size=32):
    """Combine the predictions of a teacher with the labels of samples.

    Fine-tuning with `SoftLabelLoss` then learns from both. Additional
    unlabelled text of the same kind is as useful as labelled text.

    Args:
        teacher: A task whose outputs are logits, or numbers for regression, in
            the same form as the student's. Can also be a function that maps
            raw inputs to an array of shape `(samples, classes)`, or for words
            to one of shape `(words, classes)` per sample.
        x: The raw inputs.
        y: Optional array of the labels: class ids, or numbers for regression.
            For words, a list of class ids per sample. Samples or words without
            a label have -1, or NaN for regression. Defaults to `None`, if no
            sample has a label.
        batch_size: int. The batch size of the teacher. Defaults to `32`.

    Returns:
        A float32 array of shape `(samples, 1 + classes)`. For words, an object
        array that has an array of shape `(words, 1 + classes)` per sample.

    Raises:
        ValueError: If the numbers of predictions and labels differ.

    Example:

    ```python
    x, y = ["A prize!", "See you.", "Win now!"], [1, 0, -1]
    names = {"preset": "mobile_bert_tiny_en_uncased", "num_classes": 2}
    teacher, student = (
        keras_squeeze.models.MobileBertTextClassifier.from_preset(**names)
        for _ in range(2)
    )
    loss = keras_squeeze.distillation.SoftLabelLoss(num_classes=2)
    student.compile(loss=loss, metrics=None, jit_compile=False)
    student.fit(x, soft_labels(teacher, x, y), verbose=0)
    ```

    Reference:
     - [Hinton et al., 2015](https://arxiv.org/abs/1503.02531)
    """
    if hasattr(teacher, "word_outputs"):
        outputs = teacher.word_outputs(x, batch_size)
    elif hasattr(teacher, "predict"):
        outputs = teacher.predict(x, batch_size=batch_size, verbose=0)
    else:
        outputs = teacher(x)
    if not len(outputs) or np.ndim(outputs[0]) < 2:
        return _combine(outputs, y, "label per sample")
    labels = [None] * len(outputs) if y is None else y
    if len(labels) != len(outputs):
        raise ValueError(
            "`y` must have a list of labels per sample. Received: "
            f"{len(labels)} lists for {len(outputs)} samples"
        )
    combined = [
        _combine(of_words, of_sample, "label per word")
        for of_words, of_sample in zip(outputs, labels, strict=True)
    ]
    return np.fromiter(combined, "object", len(combined))


def _combine(outputs, y, expected):
    """Put the labels before the teacher's outputs."""
    outputs = np.asarray(outputs, "float32")
    outputs = outputs.reshape(len(outputs), -1)
    if y is None:
        none = np.nan if outputs.shape[1] == 1 else -1
        y = np.full(len(outputs), none)
    y = np.asarray(y, "float32").reshape(-1, 1)
    if len(y) != len(outputs):
        raise ValueError(
            f"`y` must have one {expected}. Received: {len(y)} labels for "
            f"{len(outputs)} predictions"
        )
    return np.concatenate([y, outputs], axis=1)
