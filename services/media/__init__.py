"""Articles: recording, analysis, indexing, and the MediaService."""
