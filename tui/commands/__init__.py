"""The commands, one a file: each a plain function that `tui.cli` registers."""
