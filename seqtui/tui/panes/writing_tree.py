"""The texts that a person has written with a model: a tree of tokens. Nothing is lost by going back."""

from dataclasses import dataclass, field


@dataclass
class Node:
    """A token after another one; the root, number 0, stands for the prompt."""

    parent: int
    token: int
    children: list[int] = field(default_factory=list)
    last: int = 0  # the child that was gone to last; 0: none


class WritingTree:
    """A tree with a place in it."""

    def __init__(self) -> None:
        self.nodes = [Node(-1, -1)]
        self.here = 0

    @property
    def path(self) -> tuple[int, ...]:
        """The tokens from the prompt to here."""
        return self.path_to(self.here)

    def path_to(self, number: int) -> tuple[int, ...]:
        """Return the tokens from the prompt to a node."""
        tokens = []
        while number:
            tokens.append(self.nodes[number].token)
            number = self.nodes[number].parent
        return tuple(reversed(tokens))

    def take(self, token: int) -> None:
        """Go on with a token: along a branch that begins with it, or a new one."""
        node = self.nodes[self.here]
        child = next((one for one in node.children if self.nodes[one].token == token), 0)
        if not child:
            child = len(self.nodes)
            self.nodes.append(Node(self.here, token))
            node.children.append(child)
        node.last = self.here = child

    def back(self) -> bool:
        """Go back a token; return whether there was one."""
        if not self.here:
            return False
        self.here = self.nodes[self.here].parent
        return True

    def forward(self) -> bool:
        """Go on along the branch that was gone to last; return whether there is one."""
        child = self.nodes[self.here].last
        self.here = child or self.here
        return bool(child)

    def to_start(self) -> None:
        """Go back to the prompt."""
        self.here = 0

    def to_end(self) -> None:
        """Go to the end of this branch."""
        while self.forward():
            pass

    @property
    def ends(self) -> list[int]:
        """The ends of all branches, in the order in which they were begun."""
        return [number for number, node in enumerate(self.nodes) if number and not node.children]

    @property
    def end(self) -> int:
        """The end of the branch that leads on from here."""
        number = self.here
        while self.nodes[number].last:
            number = self.nodes[number].last
        return number

    def next_branch(self, direction: int) -> bool:
        """Go to the end of the next branch, or of the previous one; return whether there is another one."""
        ends = self.ends
        if len(ends) < 2:
            return False
        self.go_to(ends[(ends.index(self.end) + direction) % len(ends)])
        return True

    def go_to(self, number: int) -> None:
        """Go to a node; its branch is the one that is gone along from now on."""
        self.here = number
        while number:
            parent = self.nodes[number].parent
            self.nodes[parent].last = number
            number = parent
