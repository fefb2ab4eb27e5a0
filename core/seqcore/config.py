"""Configuration of a model and its training: frozen, validated on creation, saved in a run's config.json."""

import math
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields, replace
from typing import Any, Self

from seqcore.errors import SeqError

RECURRENT = ("rnn", "gru", "lstm")
FAMILIES = (*RECURRENT, "attention", "feedforward")
ACTIVATIONS = ("tanh", "relu")
POSITIONS = ("learned", "sinusoidal", "rotary")
CONTEXT = {"attention": 64, "feedforward": 8}  # default context length in tokens
INITS = ("uniform", "identity")
CROSS_ATTENTIONS = ("none", "dot", "general", "additive")
ENDS = ("outputs", "inputs", "values", "decodes", "patches")  # fields of `ModelConfig` that follow from the task
GATES = ("none", "input", "forget", "output")  # that can be dropped
SCHEDULES = ("constant", "cosine")
SAMPLINGS = ("streams", "windows")
# In the order of `tasks.table.TASKS`.
TASKS = ("language", "music", "classify", "classify-rows", "forecast", "translate", "transduce", "caption", "diagnose")
TOKENS_BY = ("char", "byte", "word", "bpe")
VOCABULARY_LIMIT = {"bpe": 1_000}  # default number of tokens, where it is not that of `TrainingConfig`


def _need(condition: bool, name: str, value: object, right: str) -> None:
    if not condition:
        raise SeqError(f"{name} {value!r}: {right}")


def _whole(name: str, value: object, least: int, most: int) -> None:
    right = f"must be a whole number from {least:,} to {most:,}"
    _need(isinstance(value, int) and not isinstance(value, bool) and least <= value <= most, name, value, right)


def _real(name: str, value: object, least: float, most: float) -> None:
    right = f"must be a number from {least:g} to {most:g}"
    _need(isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most, name, value, right)


def _from_dict(cls: Any, values: Mapping[str, Any], where: str) -> Any:
    known = {field.name: field for field in fields(cls)}
    for name in values:
        _need(name in known, where, name, f"unknown setting; must be one of {', '.join(known)}")
    missing = [name for name, field in known.items() if field.default is MISSING and name not in values]
    _need(not missing, where, ", ".join(missing), "missing")
    return cls(**values)


@dataclass(frozen=True)
class ModelConfig:
    """The architecture of a model. Raises SeqError if a value is invalid."""

    vocabulary_size: int  # 0 if the inputs are real values
    family: str = "lstm"
    hidden: int = 256  # units per layer; attention: width of the residual stream
    layers: int = 1  # attention: number of blocks
    embedding: int = 64  # width of the learned embedding; 0: one-hot; attention: always equal to hidden
    dropout: float = 0.0  # between layers and before the head; attention: on the embedding and each branch's output
    activation: str = "tanh"  # rnn only
    context: int = 0  # attention, feedforward: in tokens (0: CONTEXT), of pairs on either side; recurrent: 0, no limit
    heads: int = 4  # attention only
    positions: str = "learned"  # attention only
    bias: bool = False  # attention: in linear layers and norms
    tied: bool = True  # attention: the head shares the embedding matrix
    forget_bias: str = "default"  # initial bias of the gate that keeps the state (lstm, gru): see `keep_bias`
    init: str = "uniform"  # rnn: "identity" starts with W_hh = 1 and b = 0 (Le et al. 2015)
    drop_gate: str = "none"  # lstm: this gate is always 1 (Greff et al. 2017)
    outputs: int = 0  # symbols that the head predicts, as classes; 0: those of the vocabulary, and the next token
    inputs: int = 0  # real values read at each timestep; 0: one token
    values: int = 0  # real values predicted at each timestep, with the squared error as the loss; 0: symbols
    decodes: bool = False  # encoder and decoder: reads symbols of the vocabulary, then writes `outputs` other symbols
    patches: int = 0  # encoder and decoder: reads a picture instead, so many patches of `inputs` numbers each
    cross_attention: str = ""  # recurrent: over the encoder's states, see `layers.cross`; "": general if it decodes
    bidirectional: bool = False  # recurrent: the encoder reads in both directions
    input_feeding: bool = False  # recurrent: the decoder also reads what attention gave a timestep before (Luong 2015)

    def __post_init__(self) -> None:
        if self.context == 0 and self.family in CONTEXT:
            object.__setattr__(self, "context", CONTEXT[self.family])
        if self.family == "attention":
            object.__setattr__(self, "embedding", self.hidden)
            other = self.outputs or self.inputs or self.values  # not tokens in, and the next token out
            object.__setattr__(self, "tied", self.tied and not other)
        elif self.inputs and not self.decodes:
            object.__setattr__(self, "embedding", 0)
        if not self.cross_attention and not (self.decodes and self.family == "attention"):
            object.__setattr__(self, "cross_attention", "general" if self.decodes else "none")
        _whole("inputs", self.inputs, 0, 4096)
        _whole("values", self.values, 0, 4096)
        if self.inputs:
            _need(self.vocabulary_size == 0, "vocabulary size", self.vocabulary_size, "must be 0 for real inputs")
            _need(bool(self.outputs or self.values), "inputs", self.inputs, "need outputs or values to predict")
        else:
            _whole("vocabulary size", self.vocabulary_size, 2, 1_000_000)
        _need(not (self.outputs and self.values), "values", self.values, "must be 0 if classes are predicted")
        _need(self.family in FAMILIES, "model", self.family, f"must be one of {', '.join(FAMILIES)}")
        _whole("hidden", self.hidden, 1, 8192)
        _whole("layers", self.layers, 1, 12)
        _whole("embedding", self.embedding, 0, 8192)
        _real("dropout", self.dropout, 0.0, 0.95)
        _need(self.activation in ACTIVATIONS, "activation", self.activation, f"must be one of {', '.join(ACTIVATIONS)}")
        _need(self.positions in POSITIONS, "positions", self.positions, f"must be one of {', '.join(POSITIONS)}")
        self.keep_bias  # noqa: B018  # raises if it is invalid
        _need(self.init in INITS, "init", self.init, f"must be one of {', '.join(INITS)}")
        _need(self.drop_gate in GATES, "drop gate", self.drop_gate, f"must be one of {', '.join(GATES)}")
        dropped = self.drop_gate != "none"
        _need(not dropped or self.family == "lstm", "drop gate", self.drop_gate, "only an lstm has these gates")
        _need(self.outputs == 0 or self.outputs >= 2, "outputs", self.outputs, "must be 0, or at least 2")
        _whole("outputs", self.outputs, 0, 1_000_000)
        self._check_decoder()
        for name in ("bias", "tied", "decodes", "bidirectional", "input_feeding"):
            _need(isinstance(getattr(self, name), bool), name, getattr(self, name), "must be true or false")
        if self.family in RECURRENT:
            _need(
                self.context == 0,
                "context",
                self.context,
                f"must be 0, a recurrent model ({self.family}) has no context limit",
            )
        else:
            _whole("context", self.context, 1, 8192)
        if self.family == "feedforward":
            _need(self.layers == 1, "layers", self.layers, "a feedforward model has one hidden layer")
            learned = self.embedding > 0 or self.inputs > 0
            _need(learned, "embedding", self.embedding, "a feedforward model needs a learned embedding")
        if self.family == "attention":
            _whole("heads", self.heads, 1, 256)
            _need(self.hidden % self.heads == 0, "hidden", self.hidden, f"must be a multiple of heads ({self.heads})")
            even = self.positions == "learned" or (self.hidden // self.heads) % 2 == 0
            right = f"must be a multiple of twice the heads ({2 * self.heads}) for {self.positions} positions"
            _need(even, "hidden", self.hidden, right)

    def _check_decoder(self) -> None:
        """Raise SeqError if the settings of encoder and decoder do not fit together."""
        if self.decodes:
            right = "an encoder-decoder must be rnn, gru, lstm or attention"
            _need(self.family in (*RECURRENT, "attention"), "model", self.family, right)
            _need(self.outputs >= 2, "outputs", self.outputs, "a decoder needs symbols to write")
            _whole("patches", self.patches, 0, 4096)
            _need(bool(self.patches) == bool(self.inputs), "patches", self.patches, "a picture has patches of numbers")
        if self.decodes and self.family == "attention":
            _need(not self.patches, "model", self.family, "a picture is described by rnn, gru or lstm")
            right = "attention always looks at the source, with all its heads; leave it out"
            _need(self.cross_attention == "", "cross attention", self.cross_attention, right)
            right = "attention reads the source in both directions anyway; leave it out"
            _need(not self.bidirectional, "bidirectional", self.bidirectional, right)
            right = "only a recurrent decoder reads what attention gave before"
            _need(not self.input_feeding, "input feeding", self.input_feeding, right)
            return
        kinds = CROSS_ATTENTIONS
        _need(
            self.cross_attention in kinds, "cross attention", self.cross_attention, f"must be one of {', '.join(kinds)}"
        )
        feeds = not self.input_feeding or self.cross_attention != "none"
        _need(feeds, "input feeding", self.input_feeding, "feeds attention back: needs cross attention other than none")
        if self.decodes:
            right = "a picture has no order in which to read it"
            _need(not (self.patches and self.bidirectional), "bidirectional", self.bidirectional, right)
            right = "needs annotations as wide as the decoder: general or additive for a bidirectional encoder"
            _need(self.cross_attention != "dot" or not self.bidirectional, "cross attention", "dot", right)
            return
        _need(self.patches == 0, "patches", self.patches, "only an encoder-decoder reads a picture")
        right = "only an encoder-decoder has it, for pairs of sequences"
        _need(self.cross_attention == "none", "cross attention", self.cross_attention, right)
        _need(not self.bidirectional, "bidirectional", self.bidirectional, right)

    @property
    def annotation(self) -> int:
        """The width of what the encoder says of a timestep: of its states, in both directions."""
        return 2 * self.hidden if self.bidirectional else self.hidden

    @property
    def decoder(self) -> Self:
        """The configuration of the decoder's stack: it reads the symbols that it writes."""
        return replace(self, vocabulary_size=self.outputs, inputs=0, patches=0)

    @property
    def keep_bias(self) -> tuple[float, float] | None:
        """The range that the bias of the keeping gate is drawn from, as exp(bias); None: the default of the cell.

        A number is the bias itself; "chrono:T" is ln U(1, T - 1), for dependencies over up to T timesteps, and the
        input gate of an LSTM gets its negative (Tallec and Ollivier 2018).
        """
        if self.forget_bias == "default":
            return None
        chrono, _, text = self.forget_bias.rpartition(":")
        right = 'must be "default", a number from -20 to 20, or "chrono:T" with T from 3 to 100000'
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if chrono == "chrono":
            _need(3 <= value <= 100_000, "forget bias", self.forget_bias, right)
            return 1.0, value - 1
        _need(not chrono and abs(value) <= 20, "forget bias", self.forget_bias, right)
        return math.exp(value), math.exp(value)

    @property
    def logits(self) -> int:
        """The number of logits, or of predicted values, at each timestep."""
        return self.values or self.outputs or self.vocabulary_size

    @property
    def kernels(self) -> tuple[str, ...]:
        """The kinds of kernels that the model needs; see `jit.kernel_groups`."""
        if self.decodes and self.family == "attention":
            return ("attention-pairs",)
        return (self.family, *(("values",) if self.values else ()), *(("pairs",) if self.decodes else ()))

    @property
    def input_width(self) -> int:
        """The length of the vector that the first layer reads for a timestep."""
        return self.inputs or self.embedding or self.vocabulary_size

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Create from a JSON object. Raises SeqError if a key is unknown or missing, or a value invalid."""
        made: Self = _from_dict(cls, values, "model")
        return made

    def to_dict(self) -> dict[str, Any]:
        """Return the values as a JSON object."""
        return asdict(self)


@dataclass(frozen=True)
class TrainingConfig:
    """How a model is trained. Raises SeqError if a value is invalid.

    The run ends after `steps`, `tokens` or `minutes` of training time, whichever comes first; with none of them set, it
    runs until stopped.
    """

    batch: int = 32  # B: parallel streams, or windows per step
    length: int = 64  # T: timesteps per step
    sampling: str = "streams"  # carries the state from step to step; "windows": random positions, zero state
    learning_rate: float = 0.005
    label_smoothing: float = 0.0  # share of the target that is spread over all symbols
    teacher_forcing: float = 1.0  # pairs: probability that the decoder reads the true symbol, not its own
    final_teacher_forcing: float | None = None  # the same at the end of the run, reached linearly; None: no change
    schedule: str = "constant"
    warmup_steps: int = 20
    final_rate: float = 0.0  # last rate of a cosine schedule, as a fraction of the peak
    weight_decay: float = 0.0
    clip: float = 1.0  # maximum global norm of the gradient; 0: no clipping
    beta1: float = 0.9
    beta2: float = 0.99
    steps: int | None = None
    tokens: int | None = None
    minutes: float | None = None
    validation: float = 0.1  # fraction of the corpus held out, taken from its end
    eval_every: int = 200  # steps; 0: only at the end
    checkpoint_every: int = 1000  # steps; 0: only at the end
    keep_mb: int = 100  # megabytes of checkpoints that are kept, see `retention`; the newest three are in any case
    log_every: int = 10  # steps per metrics line
    tokens_by: str = "char"
    vocabulary_limit: int = 10_000
    seed: int = 1

    def __post_init__(self) -> None:
        _whole("batch", self.batch, 1, 4096)
        _whole("length", self.length, 1, 8192)
        _need(self.sampling in SAMPLINGS, "sampling", self.sampling, f"must be one of {', '.join(SAMPLINGS)}")
        _real("learning rate", self.learning_rate, 0.0, 100.0)
        _real("label smoothing", self.label_smoothing, 0.0, 0.9)
        _real("teacher forcing", self.teacher_forcing, 0.0, 1.0)
        if self.final_teacher_forcing is not None:
            _real("final teacher forcing", self.final_teacher_forcing, 0.0, 1.0)
        _need(self.schedule in SCHEDULES, "schedule", self.schedule, f"must be one of {', '.join(SCHEDULES)}")
        _whole("warmup steps", self.warmup_steps, 0, 10_000_000)
        _real("final rate", self.final_rate, 0.0, 1.0)
        _real("weight decay", self.weight_decay, 0.0, 10.0)
        _real("clip", self.clip, 0.0, 1e9)
        _real("beta1", self.beta1, 0.0, 0.9999)
        _real("beta2", self.beta2, 0.0, 0.999999)
        for name in ("steps", "tokens"):
            if getattr(self, name) is not None:
                _whole(name, getattr(self, name), 0, 10**15)
        if self.minutes is not None:
            _real("minutes", self.minutes, 0.0, 1e7)
        _real("validation", self.validation, 0.0, 0.9)
        _whole("eval every", self.eval_every, 0, 10**12)
        _whole("checkpoint every", self.checkpoint_every, 0, 10**12)
        _whole("keep mb", self.keep_mb, 0, 10**7)
        _whole("log every", self.log_every, 1, 10**6)
        _need(self.tokens_by in TOKENS_BY, "tokens by", self.tokens_by, f"must be one of {', '.join(TOKENS_BY)}")
        _whole("vocabulary limit", self.vocabulary_limit, 2, 1_000_000)
        _whole("seed", self.seed, 0, 2**63 - 1)
        ended = any(end is not None for end in (self.steps, self.tokens, self.minutes))
        right = "needs an end: steps, tokens or minutes"
        _need(ended or self.schedule != "cosine", "schedule", "cosine", right)
        final = self.final_teacher_forcing
        _need(ended or final in (None, self.teacher_forcing), "final teacher forcing", final, right)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Create from a JSON object. Raises SeqError if a key is unknown or missing, or a value invalid."""
        made: Self = _from_dict(cls, values, "training")
        return made

    def to_dict(self) -> dict[str, Any]:
        """Return the values as a JSON object."""
        return asdict(self)

    def check(self, model: ModelConfig) -> None:
        """Raise SeqError if a setting means nothing for this model."""
        right = "smooths the probabilities of symbols; this task predicts values"
        _need(not (self.label_smoothing and model.values), "label smoothing", self.label_smoothing, right)
        right = "only the decoder of a recurrent encoder-decoder reads its own symbols"
        for name in ("teacher_forcing", "final_teacher_forcing"):
            value, decodes = getattr(self, name), model.decodes and model.family in RECURRENT
            _need(decodes or value in (None, 1), name.replace("_", " "), value, right)

    def forcing(self, step: int, seconds: float) -> float:
        """Return the rate of teacher forcing of a step."""
        first, last = self.teacher_forcing, self.final_teacher_forcing
        return first if last is None else first + (last - first) * self.progress(step, seconds)

    def last_step(self) -> int | None:
        """Return the number of steps after which the run ends, or None if neither steps nor tokens is set."""
        ends = [self.steps] if self.steps is not None else []
        if self.tokens is not None:
            ends.append(-(-self.tokens // (self.batch * self.length)))
        return min(ends) if ends else None

    def progress(self, step: int, seconds: float) -> float:
        """Return the fraction of the run that is done, 0..1; 0 for a run without an end."""
        return self._share(step, seconds, 0)

    def decay(self, step: int, seconds: float) -> float:
        """Return the fraction done of the run after its warm-up, 0..1; `minutes` count from the start of the run."""
        return self._share(step, seconds, self.warmup_steps)

    def _share(self, step: int, seconds: float, first: int) -> float:
        last, shares = self.last_step(), [0.0]
        if last is not None:
            shares.append((step - first) / max(1, last - first))
        if self.minutes is not None:
            shares.append(seconds / max(1e-9, 60 * self.minutes))
        return min(1.0, max(shares))

    def changed(self, **values: Any) -> Self:
        """Return a copy with some values replaced. Raises SeqError if the result is invalid."""
        return replace(self, **values)
