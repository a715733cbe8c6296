"""Tokenizers, and what packs and masks their tokens."""

from keras_squeeze.tokenizers.bert_word_piece_tokenizer import (
    BertWordPieceTokenizer,
)
