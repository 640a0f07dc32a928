"""Articles as files: JSONL as the internal record, CSV and XLSX to pass on."""
