import keras

from keras_squeeze.checkpoints.from_preset import FromPreset
from keras_squeeze.models.mobile_bert.mobile_bert_backbone import (
    MobileBertBackbone,
)
from keras_squeeze.models.mobile_bert.mobile_bert_tokenizer import (
    MobileBertTokenizer,
)
from keras_squeeze.models.tasks.pretraining import Pretraining
from keras_squeeze.models.tasks.pretraining_preprocessor import (
    PretrainingPreprocessor,
)


@keras.saving.register_keras_serializable(package="keras_squeeze")
class MobileBertPretrainingPreprocessor(FromPreset, PretrainingPreprocessor):
    """Tokenizes, pairs, packs and masks text for `MobileBertPretraining`.

    See `PretrainingPreprocessor` for the inputs it takes and the outputs it
    gives, and `MaskingPreprocessor` for the arguments.

    Example:

    ```python
    preprocessor = (
        keras_squeeze.models.MobileBertPretrainingPreprocessor.from_preset(
            "mobile_bert_tiny_en_uncased",
            sequence_length=32,
            mask_selection_length=5,
        )
    )
    x, y, sample_weight = preprocessor(
        ["The quick brown fox jumped.", "Call me Ishmael. Some years ago"]
    )
    ```
    """

    backbone_cls = MobileBertBackbone
    tokenizer_cls = MobileBertTokenizer


@keras.saving.register_keras_serializable(package="keras_squeeze")
class MobileBertPretraining(Pretraining):
    """A MobileBERT model with both heads that it is pretrained with.

    This model puts a head that predicts masked words and one that tells
    whether a text follows another on a `MobileBertBackbone`. With a
    `preprocessor`, which `from_preset()` creates by default, `fit()` and
    `evaluate()` take raw text, of which they mask words and exchange parts at
    random, and `predict()` and `annotate()` take pairs with `[MASK]`. See
    `Pretraining` for the arguments.

    Example:

    ```python
    pretraining = keras_squeeze.models.MobileBertPretraining.from_preset(
        "mobile_bert_tiny_en_uncased"
    )
    pretraining.preprocessor.sequence_length = 32
    pretraining.fit(
        x=["The quick brown fox jumped.", "Call me Ishmael. Some years ago"]
    )
    pretraining.annotate(("She opened the [MASK].", "It was dark behind it."))
    pretraining.backbone.save_to_preset("./pretrained")
    ```

    Reference:
     - [MobileBERT](https://arxiv.org/abs/2004.02984)
    """

    backbone_cls = MobileBertBackbone
    preprocessor_cls = MobileBertPretrainingPreprocessor
