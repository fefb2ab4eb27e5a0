"""The layers, one file each: equations, shapes, forward and backward side by side."""
