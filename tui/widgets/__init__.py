"""What the screens are made of. They are given rows of `tui.view_state` and know no bus."""
