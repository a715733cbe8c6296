"""Knowledge transfer: from a large teacher to a student for phones."""

from keras_squeeze.distillation.batches import (
    DistillationBatches as DistillationBatches,
)
from keras_squeeze.distillation.batches import TeacherCache as TeacherCache
from keras_squeeze.distillation.batches import WordMasking as WordMasking
from keras_squeeze.distillation.distiller import Distiller as Distiller
from keras_squeeze.distillation.losses import (
    SoftLabelAccuracy as SoftLabelAccuracy,
)
from keras_squeeze.distillation.losses import (
    SoftLabelCorrelation as SoftLabelCorrelation,
)
from keras_squeeze.distillation.losses import SoftLabelLoss as SoftLabelLoss
from keras_squeeze.distillation.schedules import Stage as Stage
from keras_squeeze.distillation.schedules import schedule as schedule
from keras_squeeze.distillation.soft_labels import (
    HuggingFaceClassifier as HuggingFaceClassifier,
)
from keras_squeeze.distillation.soft_labels import soft_labels as soft_labels
from keras_squeeze.distillation.teachers import (
    BackboneTeacher as BackboneTeacher,
)
from keras_squeeze.distillation.teachers import (
    HuggingFaceTeacher as HuggingFaceTeacher,
)
from keras_squeeze.distillation.teachers import Teacher as Teacher
from keras_squeeze.distillation.training import distill as distill
from keras_squeeze.distillation.transfers import (
    AttentionTransfer as AttentionTransfer,
)
from keras_squeeze.distillation.transfers import (
    FeatureMapTransfer as FeatureMapTransfer,
)
from keras_squeeze.distillation.transfers import (
    MaskedLMTransfer as MaskedLMTransfer,
)
from keras_squeeze.distillation.transfers import PairTransfer as PairTransfer
from keras_squeeze.distillation.transfers import (
    PooledTransfer as PooledTransfer,
)
from keras_squeeze.distillation.transfers import (
    SimilarityTransfer as SimilarityTransfer,
)
from keras_squeeze.distillation.transfers import (
    layer_transfers as layer_transfers,
)
from keras_squeeze.distillation.transfers import (
    masked_lm_transfer as masked_lm_transfer,
)
