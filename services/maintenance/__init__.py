"""What the settings page does: the same as the commands backup, restore and update, by the same code."""
