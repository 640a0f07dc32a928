"""Many callers, few processors: texts become chunks, chunks of a like length become batches, workers run them.

`engine` is what a model is to the workers, `queue` says whose turn it is, `load` who is taken on, `scheduler` runs it
all, `models` puts a new model in the place of the old one, `stream` answers texts as they come.
"""
