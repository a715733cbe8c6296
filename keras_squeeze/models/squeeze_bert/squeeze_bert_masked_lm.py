import keras

from keras_squeeze.checkpoints.from_preset import FromPreset
from keras_squeeze.models.squeeze_bert.squeeze_bert_backbone import (
    SqueezeBertBackbone,
)
from keras_squeeze.models.squeeze_bert.squeeze_bert_tokenizer import (
    SqueezeBertTokenizer,
)
from keras_squeeze.models.tasks.masked_lm import MaskedLM
from keras_squeeze.models.tasks.masked_lm_preprocessor import (
    MaskedLMPreprocessor,
)


@keras.saving.register_keras_serializable(package="keras_squeeze")
class SqueezeBertMaskedLMPreprocessor(FromPreset, MaskedLMPreprocessor):
    """Tokenizes, packs and masks text for `SqueezeBertMaskedLM`.

    See `MaskedLMPreprocessor` for the inputs it takes and the outputs it
    gives, and `MaskingPreprocessor` for the arguments.

    Example:

    ```python
    preprocessor = (
        keras_squeeze.models.SqueezeBertMaskedLMPreprocessor.from_preset(
            "squeeze_bert_tiny_en_uncased",
            sequence_length=32,
            mask_selection_length=5,
        )
    )
    x, y, sample_weight = preprocessor(["The quick brown fox jumped."])
    ```
    """

    backbone_cls = SqueezeBertBackbone
    tokenizer_cls = SqueezeBertTokenizer


@keras.saving.register_keras_serializable(package="keras_squeeze")
class SqueezeBertMaskedLM(MaskedLM):
    """An end-to-end SqueezeBERT model for the masked language modeling task.

    This model puts a head that predicts words on a `SqueezeBertBackbone`. With
    a `preprocessor`, which `from_preset()` creates by default, `fit()` and
    `evaluate()` take raw text and mask words of it at random, and `predict()`
    and `annotate()` take text with `[MASK]`. See `MaskedLM` for the arguments.

    Example:

    ```python
    masked_lm = keras_squeeze.models.SqueezeBertMaskedLM.from_preset(
        "squeeze_bert_tiny_en_uncased"
    )
    masked_lm.preprocessor.sequence_length = 16
    masked_lm.fit(["The quick brown fox jumped.", "Call me Ishmael."])
    masked_lm.annotate("Paris is the [MASK] of France.", top_k=5)
    masked_lm.save_to_preset("./masked_lm")
    ```

    Reference:
     - [SqueezeBERT](https://arxiv.org/abs/2006.11316)
    """

    backbone_cls = SqueezeBertBackbone
    preprocessor_cls = SqueezeBertMaskedLMPreprocessor
