"""Small configurations covering every family and option, for tests that apply to all models."""

from seqcore.config import ModelConfig

V = 13

RNN = {
    "rnn tanh": ModelConfig(V, "rnn", hidden=7, layers=2, embedding=5),
    "rnn relu one-hot": ModelConfig(V, "rnn", hidden=9, embedding=0, activation="relu"),
}
GRU = {
    "gru": ModelConfig(V, "gru", hidden=7, layers=2, embedding=5),
    "gru one-hot": ModelConfig(V, "gru", hidden=9, embedding=0),
}
LSTM = {
    "lstm": ModelConfig(V, "lstm", hidden=7, layers=2, embedding=5),
    "lstm one-hot": ModelConfig(V, "lstm", hidden=9, embedding=0),
}
ATTENTION = {
    "attention learned tied": ModelConfig(V, "attention", hidden=12, layers=2, heads=3, context=11),
    "attention learned untied bias": ModelConfig(
        V, "attention", hidden=15, layers=1, heads=5, context=11, bias=True, tied=False
    ),
    "attention rotary untied bias": ModelConfig(
        V, "attention", hidden=12, layers=2, heads=2, context=11, positions="rotary", bias=True, tied=False
    ),
    "attention rotary tied": ModelConfig(V, "attention", hidden=10, layers=1, heads=1, context=11, positions="rotary"),
    "attention sinusoidal bias": ModelConfig(
        V, "attention", hidden=8, layers=3, heads=4, context=11, positions="sinusoidal", bias=True
    ),
    "attention sinusoidal untied": ModelConfig(
        V, "attention", hidden=12, layers=1, heads=2, context=11, positions="sinusoidal", tied=False
    ),
}
FEEDFORWARD = {
    "feedforward": ModelConfig(V, "feedforward", hidden=9, embedding=5, context=4),
    "feedforward of one token": ModelConfig(V, "feedforward", hidden=9, embedding=3, context=1),
}
CELLS = RNN | GRU | LSTM
ALL = CELLS | ATTENTION | FEEDFORWARD
CLASSES = {  # other symbols are predicted than are read, fewer or more
    "rnn classes": ModelConfig(V, "rnn", hidden=7, embedding=5, outputs=2),
    "gru classes": ModelConfig(V, "gru", hidden=7, layers=2, embedding=0, outputs=3),
    "lstm classes": ModelConfig(V, "lstm", hidden=7, embedding=5, outputs=V + 5),
    "attention classes": ModelConfig(V, "attention", hidden=12, layers=2, heads=3, context=11, outputs=3),
    "feedforward classes": ModelConfig(V, "feedforward", hidden=9, embedding=5, context=4, outputs=3),
}
VALUES = {  # real values are read, or predicted, or both
    "rnn forecast": ModelConfig(0, "rnn", hidden=7, layers=2, inputs=3, values=3),
    "gru forecast": ModelConfig(0, "gru", hidden=9, inputs=1, values=1),
    "lstm forecast": ModelConfig(0, "lstm", hidden=7, layers=2, inputs=2, values=2),
    "lstm answer": ModelConfig(0, "lstm", hidden=9, inputs=5, values=1),
    "gru rows": ModelConfig(0, "gru", hidden=7, layers=2, inputs=4, outputs=3),
    "rnn of tokens to values": ModelConfig(V, "rnn", hidden=7, embedding=5, values=2),
    "attention forecast": ModelConfig(0, "attention", hidden=12, layers=2, heads=3, context=11, inputs=2, values=2),
    "attention rows bias": ModelConfig(
        0, "attention", hidden=10, layers=1, heads=1, context=11, positions="rotary", bias=True, inputs=3, outputs=4
    ),
    "attention sinusoidal answer": ModelConfig(
        0, "attention", hidden=8, layers=2, heads=2, context=11, positions="sinusoidal", inputs=1, values=3
    ),
    "feedforward forecast": ModelConfig(0, "feedforward", hidden=9, context=4, inputs=2, values=2),
    "feedforward rows of one": ModelConfig(0, "feedforward", hidden=9, context=1, inputs=4, outputs=3),
}
EVERY = ALL | CLASSES | VALUES
