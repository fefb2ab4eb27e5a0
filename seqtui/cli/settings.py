"""Model and training settings on the command line and in a TOML file, and which of the two takes precedence."""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click
from click.core import ParameterSource
from seqcore.config import (
    ACTIVATIONS,
    CROSS_ATTENTIONS,
    FAMILIES,
    GATES,
    INITS,
    POSITIONS,
    RECURRENT,
    SAMPLINGS,
    SCHEDULES,
    TASKS,
    TOKENS_BY,
    ModelConfig,
    TrainingConfig,
)
from seqcore.data.quoting import quoted
from seqcore.errors import SeqError
from seqcore.presets import PRESETS, family_defaults, preset, with_defaults

from seqtui.cli.widths import ONE_HOT, EmbeddingWidth, width_said

DEFAULT_STEPS = 2000  # of a run that is given no end
ENDS = ("steps", "tokens", "minutes")
# Settings that a resumed run may change.
FREE_ON_RESUME = (*ENDS, "eval-every", "checkpoint-every", "keep-mb", "log-every")


@dataclass(frozen=True)
class Setting:
    """A flag `--name`, which is also a key of a TOML file, and the field of the engine's configuration it sets."""

    name: str
    kind: Any  # a click type, or int, float, str
    help: str
    field: str = ""  # if empty: the name with underscores

    @property
    def key(self) -> str:
        """The name of the field."""
        return self.field or self.name.replace("-", "_")

    @property
    def of_model(self) -> bool:
        """Whether this setting is a field of `ModelConfig`, not of `TrainingConfig`."""
        return self.key in _MODEL_FIELDS

    @property
    def default(self) -> Any:
        """The default value; None if there is none."""
        return (_MODEL_FIELDS | _TRAINING_FIELDS)[self.key]


def _defaults(cls: Any) -> dict[str, Any]:
    return {field.name: None if field.default is MISSING else field.default for field in fields(cls)}


_MODEL_FIELDS, _TRAINING_FIELDS = _defaults(ModelConfig), _defaults(TrainingConfig)

SETTINGS = (
    Setting("model", click.Choice(FAMILIES), "Model family.", "family"),
    Setting("hidden", int, "Hidden units per layer; attention: width of the residual stream."),
    Setting("layers", int, "Number of stacked layers."),
    Setting("embedding", EmbeddingWidth(), "Width of the learned embedding, or one-hot vectors (recurrent models)."),
    Setting("dropout", float, "Dropout rate between layers and before the head."),
    Setting("activation", click.Choice(ACTIVATIONS), "Nonlinearity of the RNN."),
    Setting("forget-bias", str, "Initial bias of the gate that keeps the state (lstm, gru): a number, or chrono."),
    Setting("init", click.Choice(INITS), "Initial recurrent weights of the RNN."),
    Setting("drop-gate", click.Choice(GATES), "Gate of the LSTM that is always open."),
    Setting("context", int, "Context length in tokens: attention (default: --length), feedforward (default: 8)."),
    Setting("heads", int, "Number of attention heads."),
    Setting("positions", click.Choice(POSITIONS), "Position encoding of attention."),
    Setting("bias", bool, "Biases in the linear layers and norms of attention."),
    Setting("tied", bool, "Share the weights of attention's embedding and output layer."),
    Setting("cross-attention", click.Choice(CROSS_ATTENTIONS), "Pairs (rnn, gru, lstm): attention over the source."),
    Setting("bidirectional", bool, "Pairs (rnn, gru, lstm): the encoder reads the source in both directions."),
    Setting("input-feeding", bool, "Pairs (rnn, gru, lstm): the decoder also reads the last output of attention."),
    Setting("batch", int, "Batch size: sequences per step."),
    Setting("length", int, "Timesteps per step, over which gradients are backpropagated."),
    Setting("sampling", click.Choice(SAMPLINGS), "Consecutive streams with carried state, or random windows."),
    Setting("steps", int, "Stop after N steps."),
    Setting("tokens", int, "Stop after N tokens."),
    Setting("minutes", float, "Stop after X minutes of training time."),
    Setting("lr", float, "Peak learning rate.", "learning_rate"),
    Setting("schedule", click.Choice(SCHEDULES), "Learning-rate schedule after the warm-up."),
    Setting("warmup-steps", int, "Steps of linear warm-up from 0."),
    Setting("final-rate", float, "Final rate of a cosine schedule, as a fraction of --lr."),
    Setting("label-smoothing", float, "Share of the target spread over all symbols; losses are reported without it."),
    Setting("teacher-forcing", float, "Pairs: probability that the decoder reads the true symbol, not its own."),
    Setting("final-teacher-forcing", float, "Pairs: the same at the end of the run, reached linearly."),
    Setting("weight-decay", float, "Weight decay of AdamW, on matrices only."),
    Setting("clip", float, "Clip the gradient to this global norm; 0: no clipping."),
    Setting("tokens-by", click.Choice(TOKENS_BY), "Token type; bpe: byte pairs learned on the training part."),
    Setting("vocabulary-limit", int, "Vocabulary size limit; rarer characters or words become <unk>; bpe: 1000."),
    Setting("validation", float, "Fraction of the corpus held out for validation, from its end."),
    Setting("eval-every", int, "Validate every N steps; 0: only at the end."),
    Setting("checkpoint-every", int, "Save a checkpoint every N steps; 0: only at the end."),
    Setting("keep-mb", int, "Megabytes of checkpoints to keep: many of late, few of long ago, and always three."),
    Setting("log-every", int, "Write metrics every N steps."),
    Setting("seed", int, "Random seed of the initial weights, windows and dropout."),
)
_MEANS_SOMETHING_FOR = {  # settings that only some families have
    "embedding": (*RECURRENT, "feedforward"),
    "activation": ("rnn",),
    "context": ("attention", "feedforward"),
    "heads": ("attention",),
    "positions": ("attention",),
    "forget_bias": ("lstm", "gru"),
    "init": ("rnn",),
    "drop_gate": ("lstm",),
    "bias": ("attention",),
    "tied": ("attention",),
    "cross_attention": RECURRENT,
    "bidirectional": RECURRENT,
    "input_feeding": RECURRENT,
}
BY_NAME = {setting.name: setting for setting in SETTINGS}


@dataclass(frozen=True)
class Chosen:
    """The settings that were given, by field, without defaults."""

    model: dict[str, Any]
    training: dict[str, Any]
    other: dict[str, Any]  # threads, out, encoding from the file, unless a flag overrides them
    asked: frozenset[str] = frozenset()  # names of the settings that the user gave, and no preset

    def validated(
        self, defaults: Mapping[str, Any] = MappingProxyType({}), fixed: Sequence[str] = (), decodes: bool = False
    ) -> tuple[dict[str, Any], TrainingConfig]:
        """Return the model fields and the complete training configuration. Raises UsageError that names the flag.

        `defaults` are training fields of the task, `fixed` the names of fields that cannot be chosen; `decodes`: the
        model is an encoder-decoder.
        """
        self._check_embedding()
        self._check_meaning()
        for key in fixed:
            name = next(setting.name for setting in SETTINGS if setting.key == key)
            if name in self.asked:
                value = _value((self.model | self.training)[key])
                raise click.UsageError(f"--{name} {value}: the task decides it; leave it out")
        shape, chosen = (
            {key: value for key, value in given.items() if key not in fixed} for given in (self.model, self.training)
        )
        own = dict(defaults)
        if decodes and "context" in self.model and "length" not in fixed:
            own.pop("length", None)  # pairs longer than the context are left out
        model, training = with_defaults(shape, {**own, **chosen})
        if not any(end in training for end in ENDS):
            training["steps"] = DEFAULT_STEPS
        with flags_named():
            ends: dict[str, Any] = {"outputs": 2, "decodes": True} if decodes else {}
            config, trained = ModelConfig(vocabulary_size=2, **ends, **model), TrainingConfig(**training)
            trained.check(config)
        if config.family == "attention" and not decodes:  # pairs know their lengths, see `PairData.check`
            _check_context(config, trained)
        return model, trained

    def _check_meaning(self) -> None:
        """Reject settings that do not apply to the family. Raises UsageError."""
        family = self.model.get("family", "lstm")
        for key, families in _MEANS_SOMETHING_FOR.items():
            if key in self.model and family not in families:
                name = key.replace("_", "-")
                right = f"{name} means something for {', '.join(families)}"
                raise click.UsageError(
                    f"--{name} {value_said(key, self.model[key])}: {right}, not for --model {family}"
                )

    def _check_embedding(self) -> None:
        """Reject one-hot vectors where a family needs a learned embedding. Raises UsageError."""
        family = self.model.get("family", "lstm")
        if self.model.get("embedding") == 0 and family not in RECURRENT:
            raise click.UsageError(
                f"--embedding {ONE_HOT}: a model of --model {family} needs a learned embedding; "
                "choose a width, or a recurrent model"
            )


def _check_context(config: ModelConfig, training: TrainingConfig) -> None:
    """Check that the step length fits the context of attention. Raises UsageError."""
    length, context = training.length, config.context
    if length > context:
        raise click.UsageError(f"--length {length}: longer than --context {context}; leave out one of the two")
    if length < context and config.positions == "learned":
        raise click.UsageError(
            f"--length {length}: learned positions beyond it, up to --context {context}, would never be trained; "
            "leave out one of the two, or use --positions rotary"
        )


class flags_named:  # noqa: N801  # a context manager, used like a function
    """Convert an engine error about a field into a UsageError about its flag."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if not isinstance(error, SeqError):
            return
        raise click.UsageError(flag_named(str(error)) or str(error)) from None


def flag_named(line: str) -> str:
    """Return an engine error about a field as one about its flag; empty if it is about something else."""
    for setting in SETTINGS:
        for label in {setting.key, setting.key.replace("_", " "), setting.name.replace("-", " ")}:
            if line.startswith(f"{label} "):
                return f"--{setting.name}{line[len(label) :]}"
    return ""


def setting_options(*names: str) -> Callable[[Any], Any]:
    """The click options of those settings, of all without names. A default is told in the help and never passed on."""

    def decorate(command: Any) -> Any:
        for setting in reversed([BY_NAME[name] for name in names] if names else SETTINGS):
            default = f"  [default: {_defaults_told(setting)}]" if setting.default is not None else ""
            flag = f"--{setting.name}/--no-{setting.name}" if setting.kind is bool else f"--{setting.name}"
            command = click.option(
                flag,
                setting.name.replace("-", "_"),
                default=None,
                type=None if setting.kind is bool else setting.kind,
                metavar={int: "N", float: "X"}.get(setting.kind),
                help=setting.help + default,
            )(command)
        return command

    return decorate


def _defaults_told(setting: Setting) -> str:
    """Return the default and those of families that differ, as text."""
    own = {"context": "the family's", "cross_attention": "general"}.get(
        setting.key, value_said(setting.key, setting.default)
    )
    differing = family_defaults(setting.key)
    if _MEANS_SOMETHING_FOR.get(setting.key, FAMILIES) == tuple(differing):  # no family has the field's own default
        return _value(next(iter(differing.values())))
    others = [f"{family}: {_value(value)}" for family, value in differing.items()]
    return "; ".join([own, *others])


def value_said(key: str, value: Any) -> str:
    """Return the value of a field as the user writes it."""
    return width_said(value) if key == "embedding" else _value(value)


def _value(value: object) -> str:
    """Format a value for the help."""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def said(ctx: click.Context) -> dict[str, Any]:
    """Return the flags given on this command line, by name."""
    given = {name for name in ctx.params if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE}
    return {name.replace("_", "-"): ctx.params[name] for name in given}


def choose(flags: Mapping[str, Any], file: Mapping[str, Any], source: str = "") -> Chosen:
    """Defaults < preset < file < flags. An end that is given replaces all ends given below it. Raises UsageError.

    `source` is the corpus, which may have a preset of its own.
    """
    name = flags.get("preset", file.get("preset"))
    model: dict[str, Any] = {}
    training: dict[str, Any] = {}
    if name is not None:
        chosen = preset(name, source)
        family = flags.get("model", file.get("model", chosen.model.get("family", "lstm")))
        model = {key: value for key, value in chosen.model.items() if family in _MEANS_SOMETHING_FOR.get(key, FAMILIES)}
        training = dict(chosen.training)
    for level in (file, flags):
        if any(end in level for end in ENDS):
            training = {key: value for key, value in training.items() if key not in ENDS}
        if "length" in level and model.get("family") == "attention":
            model.pop("context", None)  # the one that was said below moves along with the one that is said here
        if "context" in level:
            training.pop("length", None)
        for setting in SETTINGS:
            if level.get(setting.name) is not None:
                (model if setting.of_model else training)[setting.key] = level[setting.name]
    other = {key: file[key] for key in _OTHER if key in file} | {key: flags[key] for key in _OTHER if key in flags}
    return Chosen(model, training, other, frozenset(file) | frozenset(flags))


# Settings that tasks read.
TASK_OPTIONS = (
    "text-column", "label-column", "columns", "sequence-column", "source-column", "target-column", "reverse-source",
    "patch", "skip-bad-rows",
)  # fmt: skip
_OTHER: dict[str, Any] = {"threads": int, "out": str, "encoding": str, "task": click.Choice(TASKS),
    "text-column": str, "label-column": str, "columns": str, "sequence-column": str, "source-column": str,
    "target-column": str, "reverse-source": bool, "patch": int, "skip-bad-rows": bool,
}  # fmt: skip
_PRESET = click.Choice(tuple(entry.name for entry in PRESETS))


def read_file(path: Path) -> dict[str, Any]:
    """The settings of a TOML file, by flag name. Raises UsageError that names the file and the key."""
    where = quoted(str(path))
    try:
        content = tomllib.loads(path.read_bytes().decode("utf-8"))
    except OSError as error:
        raise click.UsageError(f"--config {where} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise click.UsageError(f"--config {where} is not valid TOML: {error}") from None
    kinds = {setting.name: setting.kind for setting in SETTINGS} | _OTHER | {"preset": _PRESET}
    return dict(_entry(key, value, kinds, f"--config {where}") for key, value in content.items())


def _entry(key: str, value: object, kinds: Mapping[str, Any], where: str) -> tuple[str, Any]:
    name = key.replace("_", "-")
    if name not in kinds:
        import difflib

        close = difflib.get_close_matches(name, kinds, 1)
        hint = f"did you mean {close[0]}?" if close else f"the keys are {', '.join(kinds)}"
        raise click.UsageError(f"{where}: unknown key {quoted(key)}: {hint}")
    kind = kinds[name]
    if kind is bool:
        if not isinstance(value, bool):
            raise click.UsageError(f"{where}: {key} must be true or false, not {quoted(str(value))}")
        return name, value
    if kind in (int, float):
        right = int if kind is int else (int, float)
        if isinstance(value, bool) or not isinstance(value, right):
            whole = "a whole number" if kind is int else "a number"
            raise click.UsageError(f"{where}: {key} must be {whole}, not {quoted(str(value))}")
        return name, kind(value)
    if isinstance(kind, EmbeddingWidth):
        if value != ONE_HOT and (isinstance(value, bool) or not isinstance(value, int)):
            raise click.UsageError(f'{where}: {key} must be a whole number or "{ONE_HOT}", not {quoted(str(value))}')
        return name, kind.convert(value, None, None)
    if not isinstance(value, str):
        raise click.UsageError(f"{where}: {key} must be a string in quotes, not {quoted(str(value))}")
    if isinstance(kind, click.Choice) and value not in kind.choices:
        raise click.UsageError(f"{where}: {key} is {quoted(value)}: choose one of {', '.join(map(str, kind.choices))}")
    return name, value
