"""The encoder of a picture, in PyTorch and ONNX: a dense layer over its patches, and a bridge; see `models.patches`."""

from seqcore.config import ModelConfig
from seqcore.data.patch_grid import PatchGrid
from seqcore.data.picture_examples import Levels
from seqcore.errors import SeqError
from seqcore.exchange.contents import Contents, Described
from seqcore.exchange.families import pairs_state
from seqcore.exchange.families.pairs_attention import remember
from seqcore.exchange.families.recurrent import state_names
from seqcore.exchange.family import Half, Layout
from seqcore.exchange.onnx_graph import FLOAT, Graph, product
from seqcore.exchange.source_text import class_text, dropout, dropped
from seqcore.models.bridge import bridged
from seqcore.tasks.caption import Caption
from seqcore.tasks.task import Task

_CUT = '''def patches(pictures: Tensor) -> Tensor:
    """Cut pictures (B, {rows}, {columns}, {channels}), levels 0 to 255, into standardised patches ({P}, B, {F})."""
    x = (pictures.float() - {mean!r}) / {deviation!r}
    tops, lefts = {tops}, {lefts}
    return torch.stack([x[:, top : top + {side}, left : left + {side}].flatten(1) for top in tops for left in lefts])'''


def layout(config: ModelConfig) -> Layout:
    """Return the places of the parameters."""
    places = {"patches.W": ("encoder.patch.weight", True), "patches.position": ("encoder.position", False)}
    return Layout(places) | pairs_state.layout(config)


def pictures(task: Task) -> tuple[PatchGrid, Levels]:
    """Return how a task cuts and standardises pictures. Raises SeqError if it has none."""
    if not isinstance(task, Caption):
        raise SeqError(f"the task {task.name} has no pictures")
    return task.grid, task.levels


def _starts(length: int, grid: PatchGrid) -> str:
    """Return the expression for where the patches start along a side."""
    last = length - grid.side
    return f"[*range(0, {last}, {grid.stride}), {last}]" if last else "[0]"


def _cut_text(task: Task) -> str:
    """Return the function that cuts pictures into patches."""
    grid, levels = pictures(task)
    return _CUT.format(
        rows=grid.rows, columns=grid.columns, channels=grid.channels, P=grid.count, F=grid.numbers, side=grid.side,
        mean=levels.mean, deviation=levels.deviation,
        tops=_starts(grid.rows, grid), lefts=_starts(grid.columns, grid),
    )  # fmt: skip


def parts(described: Described) -> list[str]:
    """Return the function that cuts pictures, and the class Encoder."""
    config = described.config
    P, F, H = config.patches, config.inputs, config.hidden
    about = f"""Map pictures in patches ({P}, B, {F}) to annotations ({P}, B, {H}) and the decoder's initial state.

    The state is {pairs_state.about_state(config)}.
    """
    made = [
        f"self.patch = nn.Linear({F}, {H}, bias=False)",
        f"self.position = nn.Parameter(torch.zeros({P}, {H}))",
        dropout(config),
        *pairs_state.modules(config),
    ]
    steps = [
        f"notes = {dropped(config, '(self.patch(cut) + self.position[:, None]).tanh()')}",
        "mean = notes.mean(0)",
        *(
            f"{name} = torch.stack([bridge(mean) for bridge in self.bridge_{name}]){'.tanh()' if name == 'h' else ''}"
            for name in bridged(config)
        ),
        *pairs_state.returned(config),
    ]
    forward = f"forward(self, cut: Tensor) -> tuple[Tensor, {pairs_state.state_text(config)[0]}]"
    return [_cut_text(described.task), class_text("Encoder", about, made, forward, steps)]


def graph(contents: Contents) -> Graph:
    """Return the graph from patches to the decoder's initial state, and what attention remembers."""
    config, p, made = contents.config, contents.arrays, Graph()
    cut = made.input("patches", FLOAT, [config.patches, "B", config.inputs])
    position = made.constant(p["patches.position"][:, None], "patches.position")
    notes = made.add("Tanh", made.add("Add", product(made, cut, p, "patches.W"), position))
    mean = made.add("ReduceMean", notes, axes=[0], keepdims=1)
    states = {
        name: [pairs_state.through(made, contents, n, name, mean) for n in range(config.layers)]
        for name in state_names(config)
    }
    pairs_state.hand_over(made, config, states, cut)
    remember(made, contents, notes)
    return made


HALF = Half(layout, parts, graph)
