"""The views: each is a screen of panes that answers one question. A new view is a file and a line here.

This file imports nothing heavy: the command line lists the names.
"""

from dataclasses import dataclass

LAB = "lab"


@dataclass(frozen=True)
class ViewLine:
    """A view, before it is opened."""

    key: str  # Textual's name of the key that leads there, and back to the Lab
    label: str
    question: str
    screen: str  # module of `seqtui.tui.screens`, and class; imported when the view is opened
    needs: str = ""  # what the task must have, see `TaskInfo.features`


VIEWS: dict[str, ViewLine] = {
    LAB: ViewLine("escape", "Lab", "What is it learning?", "lab:Lab"),
    "encodings": ViewLine("f2", "encodings", "What does it read?", "encodings:Encodings", needs="tokens"),
    "cell": ViewLine("f3", "cell", "What does this step compute?", "cell:Cell"),
    "unrolled": ViewLine("f4", "unrolled", "How far does the gradient flow back?", "unrolled:Unrolled"),
    "neurons": ViewLine("f5", "neurons", "Which unit knows the quotation mark?", "neurons:Neurons"),
    "health": ViewLine("f6", "health", "Is it healthy?", "health:Health"),
    "write": ViewLine("f7", "write", "What would it write?", "write:Write", needs="prompt"),
    "surgery": ViewLine("f8", "surgery", "What happens without it?", "surgery:Surgery"),
}


def command_id(view: str) -> str:
    """Return the id of the command that goes to a view."""
    return f"view_{view}"
