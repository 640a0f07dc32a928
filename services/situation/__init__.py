"""The SituationService: joins both halves per commune."""
