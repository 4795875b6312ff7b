"""The one exception of the data room: its text is a sentence for whoever runs the command."""


class DataError(ValueError):
    """Something on disk or in the data part of a config is not as it has to be.

    It takes a single string, so a data-loader worker can hand it on to the main process.
    """
