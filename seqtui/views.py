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
    guide: tuple[str, ...] = ()  # five lines: what it shows, how to read it, what to try; {ID} is a command's key


VIEWS: dict[str, ViewLine] = {
    LAB: ViewLine(
        "escape",
        "Lab",
        "What is it learning?",
        "lab:Lab",
        guide=(
            "The model while it learns: its loss, what it makes of the task, its inside.",
            "The score reads from left to right: a column is a timestep, a stave a gate.",
            "The playhead ({left} {right}) goes through all staves; a line below reads it out.",
            "Try {pause} and {step}: pause, one step. {unit_down} follows a unit, {gate} takes another gate.",
            "Then {corpus} or {model}: how much does another corpus, another model remember?",
        ),
    ),
    "encodings": ViewLine(
        "f2",
        "encodings",
        "What does it read?",
        "encodings:Encodings",
        needs="tokens",
        guide=(
            "How the text enters the model: tokens, indices, one-hot vectors, embedding.",
            "On the map every token is a point; close together means alike to the model.",
            "Neighbours have the cosine of their vectors: 1 is the same direction.",
            "Try {right} along the text: whose neighbours are already of the same kind?",
            "{find} finds a token, {map_in} and {map_out} zoom; the map moves while it learns.",
        ),
    ),
    "cell": ViewLine(
        "f3",
        "cell",
        "What does this step compute?",
        "cell:Cell",
        guide=(
            "One unit of one layer at the playhead, computed with its real numbers.",
            "The picture is the cell of the lectures; the values stand on its lines.",
            "Every equation is a sum: its terms, the largest first, add up to its value.",
            "Try {equation_down} through the equations, {unit_next} for another unit, {right} for the next step.",
            "{turn_round} turns it round: the chain rule factor by factor, to where it dies.",
        ),
    ),
    "unrolled": ViewLine(
        "f4",
        "unrolled",
        "How far does the gradient flow back?",
        "unrolled:Unrolled",
        guide=(
            "The network unrolled: a column a timestep, the same matrices at each.",
            "From top to bottom: what is read, the states, what is predicted, the losses.",
            "The arrows to the left are the gradient on its way back, and its size.",
            "Try {play}: forwards, then backwards; {left} and {right} step through both.",
            "{only} takes one loss back alone, {truncate} cuts the way as training does, or elsewhere.",
        ),
    ),
    "neurons": ViewLine(
        "f5",
        "neurons",
        "Which unit knows the quotation mark?",
        "neurons:Neurons",
        guide=(
            "The text on the colours of one unit, and what units were found to follow.",
            "Scores are of held-out text; beside them, the best of an untrained model.",
            "Believe a unit that is far above it, and hardly ever so by chance.",
            "Try {finding_down} through the findings; {search_again} searches with the newest weights.",
            "{begin_stretch} and {end_stretch} select a stretch: where else are its units on?",
        ),
    ),
    "health": ViewLine(
        "f6",
        "health",
        "Is it healthy?",
        "health:Health",
        guide=(
            "Whether training goes well: verdict on the loss, gates, gradients, updates.",
            "Each measure has a sentence below it that says what is good.",
            "A dot is a unit: far to the right its gate is shut, far up it is open.",
            "Try {gate_next} for another gate, {curve_next} for another matrix, {unit_next} to mark a unit.",
            "{other_sizes} compares updates with the weights; {rate_up} and {rate_down} change the rate.",
        ),
    ),
    "write": ViewLine(
        "f7",
        "write",
        "What would it write?",
        "write:Write",
        needs="prompt",
        guide=(
            "What may follow your text: a bar per token, its probability.",
            "Temperature, top-k and top-p change the bars; what they exclude is faint.",
            "Underlined text stands word for word in the training part: it was copied.",
            "Try {pick_below} and {take} to choose a token, {type_in} to type, {run_on} to let the model write.",
            "{step_back} goes back, and what was written stays: {next_branch} goes to other branches.",
        ),
    ),
    "surgery": ViewLine(
        "f8",
        "surgery",
        "What happens without it?",
        "surgery:Surgery",
        guide=(
            "A cut copy of the model beside the untouched one, which learns on as it is.",
            "Loss and guesses of both stand under each symbol; what both write, below.",
            "Every view shows the cut model; under the status line stands what is cut.",
            "Try {unit_next} for a unit or head and {silence}: does the loss rise, and where?",
            "{reset_here} makes it forget what stands before the playhead; {undo} takes a cut back.",
        ),
    ),
}


def command_id(view: str) -> str:
    """Return the id of the command that goes to a view."""
    return f"view_{view}"
