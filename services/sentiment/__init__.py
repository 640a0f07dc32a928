"""The classifier and the SentimentService."""
