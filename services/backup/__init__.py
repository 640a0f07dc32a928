"""Everything that an office keeps in one file, and back again."""
