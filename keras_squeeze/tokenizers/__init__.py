from keras_squeeze.tokenizers.bert_word_piece_tokenizer import (
    BertWordPieceTokenizer,
)
