"""Knowledge distillation from a large teacher to a student for phones."""

from keras_squeeze.distillation.batches import DistillationBatches
from keras_squeeze.distillation.batches import TeacherCache
from keras_squeeze.distillation.batches import WordMasking
from keras_squeeze.distillation.distiller import Distiller
from keras_squeeze.distillation.losses import SoftLabelAccuracy
from keras_squeeze.distillation.losses import SoftLabelCorrelation
from keras_squeeze.distillation.losses import SoftLabelLoss
from keras_squeeze.distillation.schedules import Stage
from keras_squeeze.distillation.schedules import schedule
from keras_squeeze.distillation.soft_labels import soft_labels
from keras_squeeze.distillation.task_teachers import HuggingFaceClassifier
from keras_squeeze.distillation.task_teachers import (
    HuggingFaceQuestionAnswering,
)
from keras_squeeze.distillation.task_teachers import HuggingFaceTokenClassifier
from keras_squeeze.distillation.teachers import BackboneTeacher
from keras_squeeze.distillation.teachers import HuggingFaceTeacher
from keras_squeeze.distillation.teachers import Teacher
from keras_squeeze.distillation.training import distill
from keras_squeeze.distillation.transfers import AttentionTransfer
from keras_squeeze.distillation.transfers import FeatureMapTransfer
from keras_squeeze.distillation.transfers import MaskedLMTransfer
from keras_squeeze.distillation.transfers import PairTransfer
from keras_squeeze.distillation.transfers import PooledTransfer
from keras_squeeze.distillation.transfers import SimilarityTransfer
from keras_squeeze.distillation.transfers import layer_transfers
from keras_squeeze.distillation.transfers import masked_lm_transfer
