import keras

from keras_squeeze.checkpoints.from_preset import FromPreset
from keras_squeeze.models.mobile_bert.mobile_bert_backbone import (
    MobileBertBackbone,
)
from keras_squeeze.models.mobile_bert.mobile_bert_tokenizer import (
    MobileBertTokenizer,
)
from keras_squeeze.models.tasks.masked_lm import MaskedLM
from keras_squeeze.models.tasks.masked_lm_preprocessor import (
    MaskedLMPreprocessor,
)


@keras.saving.register_keras_serializable(package="keras_squeeze")
class MobileBertMaskedLMPreprocessor(FromPreset, MaskedLMPreprocessor):
    """Tokenizes, packs and masks text for `MobileBertMaskedLM`.

    See `MaskedLMPreprocessor` for the inputs it takes and the outputs it
    gives, and `MaskingPreprocessor` for the arguments.

    Example:

    ```python
    preprocessor = (
        keras_squeeze.models.MobileBertMaskedLMPreprocessor.from_preset(
            "mobile_bert_tiny_en_uncased",
            sequence_length=32,
            mask_selection_length=5,
        )
    )
    x, y, sample_weight = preprocessor(["The quick brown fox jumped."])
    ```
    """

    backbone_cls = MobileBertBackbone
    tokenizer_cls = MobileBertTokenizer


@keras.saving.register_keras_serializable(package="keras_squeeze")
class MobileBertMaskedLM(MaskedLM):
    """An end-to-end MobileBERT model for the masked language modeling task.

    This model puts a head that predicts words on a `MobileBertBackbone`. With
    a `preprocessor`, which `from_preset()` creates by default, `fit()` and
    `evaluate()` take raw text and mask words of it at random, and `predict()`
    and `annotate()` take text with `[MASK]`. See `MaskedLM` for the arguments.

    Example:

    ```python
    masked_lm = keras_squeeze.models.MobileBertMaskedLM.from_preset(
        "mobile_bert_tiny_en_uncased"
    )
    masked_lm.preprocessor.sequence_length = 16
    masked_lm.fit(["The quick brown fox jumped.", "Call me Ishmael."])
    masked_lm.annotate("Paris is the [MASK] of France.", top_k=5)
    masked_lm.save_to_preset("./masked_lm")
    ```

    Reference:
     - [MobileBERT](https://arxiv.org/abs/2004.02984)
    """

    backbone_cls = MobileBertBackbone
    preprocessor_cls = MobileBertMaskedLMPreprocessor
