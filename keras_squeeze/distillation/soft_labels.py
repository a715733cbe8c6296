"""The predictions of a teacher as labels of a task."""

import numpy as np


def soft_labels(teacher, x, y=None, batch_size=32):
    """Join the predictions of a teacher to the labels of samples.

    Fine-tuning with `SoftLabelLoss` then learns from both. More text without
    labels, of the same kind, is as good to learn from as text with labels.

    Args:
        teacher: A task whose outputs are logits, or numbers for regression,
            in the form that the student's have; or a function that gives
            them for raw inputs, as an array of shape `(samples, classes)`.
        x: The raw inputs.
        y: Optional array of the labels: ids of classes, or numbers for
            regression; -1, or NaN for regression, for samples without one.
            Defaults to `None`, for no labels at all.
        batch_size: int. How many samples the teacher predicts at once.
            Defaults to `32`.

    Returns:
        A float32 array of shape `(samples, 1 + classes)`.

    Raises:
        ValueError: If there are not as many predictions as labels.

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
    if hasattr(teacher, "predict"):
        outputs = teacher.predict(x, batch_size=batch_size, verbose=0)
    else:
        outputs = teacher(x)
    outputs = np.asarray(outputs, "float32")
    outputs = outputs.reshape(len(outputs), -1)
    if y is None:
        none = np.nan if outputs.shape[1] == 1 else -1
        y = np.full(len(outputs), none)
    y = np.asarray(y, "float32").reshape(-1, 1)
    if len(y) != len(outputs):
        raise ValueError(
            "`y` must have a label for each of the samples. Received: "
            f"{len(y)} labels for {len(outputs)} samples"
        )
    return np.concatenate([y, outputs], axis=1)
