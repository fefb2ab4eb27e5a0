"""What the view of the encodings is about: a text, one of its tokens, and the vectors of all tokens."""

from dataclasses import dataclass
from functools import cached_property

from seqcore.records import Probe

from seqtui.live.embedding import EmbeddingMap
from seqtui.live.snapshot import Phase, Snapshot
from seqtui.tui.panes.drawing import bare
from seqtui.visible import cell

UNKNOWN = "<unk>"
SPACE = "␣"


@dataclass(frozen=True, eq=False)
class Subject:
    """One frame: the newest probe and map, the playhead, and the token that was picked instead of the one there.

    Of a pair, the vocabulary is that of the side of the bar on which the playhead is.
    """

    phase: Phase = Phase.LOADING
    tokens_by: str = "char"
    size: int = 0  # V, the number of tokens; 0 if it is not known yet
    classes: int = 0  # that the model predicts; 0: it predicts the next token of a text
    probe: Probe | None = None
    embedding: EmbeddingMap | None = None
    playhead: int = 0
    picked: int | None = None
    side: str = ""  # of a pair: "source" or "target"
    first: int = 0  # the number of the first token of the vocabulary in the probe

    @staticmethod
    def of(snapshot: Snapshot, playhead: int, picked: int | None) -> "Subject":
        """Return the subject of a snapshot; the playhead is limited to the text, the pick to the vocabulary."""
        probe = snapshot.probe if snapshot.probe is not None and snapshot.probe.symbols else None
        playhead = max(0, min(playhead, len(probe.symbols) - 1)) if probe is not None else playhead
        vectors, size, side, first = snapshot.looks.get("embedding"), snapshot.vocabulary, "", 0
        if probe is not None and probe.translation is not None:
            side = "source"
            if playhead >= probe.bar:
                vectors, first, side = snapshot.looks.get("target embedding"), size, "target"
                size = len(probe.translation.symbols)
        if picked is not None and (vectors is None or picked >= len(vectors.symbols)):
            picked = None
        classes = snapshot.shape.outputs if snapshot.shape is not None else 0
        return Subject(snapshot.phase, snapshot.tokens_by, size, classes, probe, vectors, playhead, picked, side, first)

    @property
    def token(self) -> int | None:
        """The id of the token picked, or else of the one at the playhead; None if there is none, or it has no id."""
        if self.picked is not None:
            return self.picked
        return self.known(self.playhead)

    def known(self, t: int) -> int | None:
        """Return the id of the token at timestep t; None if it is not one of the vocabulary."""
        if self.probe is None:
            return None
        token = int(self.probe.tokens[t]) - self.first
        return token if 0 <= token < self.size and not self.across(t) else None

    def across(self, t: int) -> bool:
        """Return whether timestep t is on the other side of the bar, with tokens of another vocabulary."""
        return bool(self.side) and self.probe is not None and (t >= self.probe.bar) != (self.side == "target")

    @property
    def vocabulary(self) -> str:
        """The name of the vocabulary: "the vocabulary", "the target vocabulary"."""
        return f"the {self.side} vocabulary" if self.side else "the vocabulary"

    @cached_property
    def vectors(self) -> EmbeddingMap | None:
        """The map, if it is of the vocabulary of the text."""
        return self.embedding if self.embedding is not None and len(self.embedding.symbols) == self.size else None

    def name(self, symbol: str) -> str:
        """Return a token as drawn on the map: without the space that every word has, otherwise with ␣ for a space."""
        return token_name(symbol, self.tokens_by)


def token_name(symbol: str, tokens_by: str) -> str:
    """Return a token as it is drawn by itself, sanitised: ␣ for a space, except for the one that every word has."""
    if tokens_by == "word" and symbol.strip(" "):
        return cell(bare(symbol))
    return cell(bare(symbol) if tokens_by == "byte" and symbol != " " else symbol.replace(" ", SPACE))


_WAITING = {
    Phase.LOADING: "waiting for the corpus and the model",
    Phase.COMPILING: "waiting for the kernels",
    Phase.FAILED: "nothing to show: training failed",
}


def waiting_for(phase: Phase, otherwise: str) -> str:
    """Return the sentence of an empty pane."""
    return _WAITING.get(phase, otherwise)
