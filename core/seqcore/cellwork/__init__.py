"""One timestep of one layer with its real numbers: the equations forward, and the chain rule backward."""
