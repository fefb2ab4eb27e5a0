"""The equations of every recurrent cell, by the family that they belong to."""

from seqcore.cellwork.gru import GRU
from seqcore.cellwork.lstm import LSTM
from seqcore.cellwork.points import Equations
from seqcore.cellwork.rnn import RNN

EQUATIONS: dict[str, Equations] = {"rnn": RNN, "gru": GRU, "lstm": LSTM}
