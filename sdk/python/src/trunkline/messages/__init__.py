"""The message types of every dialect, and whether a message is what its type says.

One module for each dialect (`native`, `payload`, `data`, `flat`, `open`) has a msgspec struct for what each type says, one for its whole
frame, the union of all frames, `decode`, and the table `TYPES`; `trunkline.models` has the same as pydantic models. All of it is
generated from `protocol/schema`. Integers are at most 2^53-1, fields that are not named are allowed, and a field that may be left out
is `UNSET`, which is not null.
"""

from trunkline.messages._check import Dialect, Fault, Sender, check
from trunkline.messages._type import MessageType

__all__ = ["Dialect", "Fault", "MessageType", "Sender", "check"]
