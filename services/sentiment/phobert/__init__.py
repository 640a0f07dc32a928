"""PhoBERT behind the port `Classifier`: a local Hugging Face directory, ONNX Runtime or torch."""
