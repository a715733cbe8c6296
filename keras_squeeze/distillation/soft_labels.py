"""Uses the predictions of a teacher as labels for fine-tuning."""

import numpy as np

from keras_squeeze.distillation.teachers import best_device
from keras_squeeze.distillation.teachers import check_checkpoint
from keras_squeeze.distillation.teachers import import_transformers


def soft_labels(teacher, x, y=None, batch_size=32):
    """Combine the predictions of a teacher with the labels of samples.

    Fine-tuning with `SoftLabelLoss` then learns from both. Additional
    unlabelled text of the same kind is as useful as labelled text.

    Args:
        teacher: A task whose outputs are logits, or numbers for regression, in
            the same form as the student's. Can also be a function that maps
            raw inputs to an array of shape `(samples, classes)`.
        x: The raw inputs.
        y: Optional array of the labels: class ids, or numbers for regression.
            Samples without a label have -1, or NaN for regression. Defaults to
            `None`, if no sample has a label.
        batch_size: int. The batch size of the teacher. Defaults to `32`.

    Returns:
        A float32 array of shape `(samples, 1 + classes)`.

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
            "`y` must have one label per sample. Received: "
            f"{len(y)} labels for {len(outputs)} samples"
        )
    return np.concatenate([y, outputs], axis=1)


class HuggingFaceClassifier:
    """A transformers text classifier, run by PyTorch, for `soft_labels()`.

    It uses its own tokenizer, so it can be any transformers model for sequence
    classification. It runs on a GPU if PyTorch finds one.

    Args:
        folder: string or `os.PathLike`. The folder of the checkpoint,
            including its tokenizer.
        class_names: Optional list of strings. The order of the classes in the
            logits. Defaults to `None`, for the order of the checkpoint.
        sequence_length: int. The maximum number of tokens per text. Defaults
            to `128`.
        batch_size: int. The number of texts per batch. Defaults to `32`.
        dtype: string. `"float32"`, or `"bfloat16"`, which is twice as fast on
            some CPUs. Defaults to `"float32"`.

    Raises:
        FileNotFoundError: If the folder has no checkpoint.
        ImportError: If torch or transformers is not installed.
        ValueError: If the checkpoint has other classes, or `dtype` is invalid.
    """

    def __init__(
        self,
        folder,
        class_names=None,
        sequence_length=128,
        batch_size=32,
        dtype="float32",
    ):
        folder = check_checkpoint(folder, dtype)
        transformers = import_transformers()
        self.model = (
            transformers.AutoModelForSequenceClassification.from_pretrained(
                folder, dtype=dtype
            )
        )
        self.model.eval().to(best_device())
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        self.sequence_length = sequence_length
        self.batch_size = batch_size
        names = [
            str(name) for _, name in sorted(self.model.config.id2label.items())
        ]
        self.order = list(range(len(names)))
        if class_names is not None:
            if sorted(class_names) != sorted(names):
                raise ValueError(
                    f"`{folder}` must be a classifier with the classes "
                    f"{list(class_names)}. Received: {names}"
                )
            self.order = [names.index(name) for name in class_names]

    def __call__(self, x):
        import torch

        columns = x if isinstance(x, tuple) else (x,)
        columns = [list(map(str, column)) for column in columns]
        # Batch texts of similar length, for little padding.
        lengths = [sum(map(len, texts)) for texts in zip(*columns, strict=True)]
        order = np.argsort(lengths, kind="stable")
        logits = []
        for start in range(0, len(order), self.batch_size):
            chosen = order[start : start + self.batch_size]
            batch = self.tokenizer(
                *([column[i] for i in chosen] for column in columns),
                padding=True,
                truncation=True,
                max_length=self.sequence_length,
                return_tensors="pt",
            ).to(self.model.device)
            with torch.inference_mode():
                outputs = self.model(**batch).logits
            logits.append(outputs.cpu().float().numpy())
        logits = np.concatenate(logits)
        return logits[np.argsort(order)][:, self.order]
