"""One tree of errors. Every message is one sentence that a person can act on; it is shown as it is."""

from __future__ import annotations


class DanceError(Exception):
    """Something a person can be told about. ``str(error)`` is the sentence to show."""


class UnusableInput(DanceError):
    """What was given cannot be used. The command line answers with status 2."""


class NotAVideo(UnusableInput):
    """No picture can be decoded from the file."""


class NobodyFound(UnusableInput):
    """No person in any frame."""


class OverLimit(UnusableInput):
    """Larger or longer than this place accepts."""


class TargetNotFound(UnusableInput):
    """No performer of that id; the message lists those there are."""


class GeneratorNotFound(UnusableInput):
    """No generator of that name; the message lists those there are."""


class PackInvalid(UnusableInput):
    """A performer's folder or zip is damaged, unsafe or not one at all."""


class WeightsMissing(UnusableInput):
    """A generator's weight file is not there. Never replaced by a random network."""


class OutputFailed(DanceError):
    """The result could not be written: no permission, no room. Nothing half-written is left."""


class Cancelled(DanceError):
    """The person who asked for the work stopped it."""


class OutputRefused(OutputFailed, UnusableInput):
    """The place given for a result cannot take it. Found before the work begins."""
