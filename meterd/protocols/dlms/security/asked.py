"""Up to which invocation counter a meter has heard us: asked of it, as the public client and in clear.

The problem: a client that begins anew, or shares its keys with another, must not spend numbers that were spent already.
Assumption: the meter lets the public client read an object that holds the count (`invocation_counter_obis`).
The dirt: meters that hold it in a register where others have a data object, or do not tell it.
"""

from __future__ import annotations

from ....errors import Refused
from ....obis import format_logical_name
from ..naming import Item, attribute_name
from ..objects import Directory
from ..settings import Credentials

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ....conversation import Conversation

# The value attribute of what may hold an invocation counter: a Data object or a register.
COUNTER_CLASSES = (1, 3)


def learn_counter(session: Any) -> Conversation:
    """Over a `Session`, opened for that and left.

    Raises: Refused, reason 'key', where it cannot be read and none is on record; what an association raises.
    """
    settings, memory = session.settings, session.memory
    yield from session.associate(settings.public_client, Credentials())
    reader = session.reader()
    directory = Directory(reader, memory)
    name = settings.counter_name
    if settings.short_names:
        yield from directory.learn([name], [])
    base = (directory.find(name) or (0, 0))[1]
    code, value = 0, None
    for class_id in COUNTER_CLASSES:
        code, value = yield from reader.attempt(Item(class_id, name, 2, short_name=attribute_name(base, 2)))
        if not code:
            break
    yield from session.leave()
    counters = memory.counters(settings.credentials.counter_names())
    if not code and isinstance(value, int):
        counters.told(value)
    elif not counters.on_record:
        raise Refused(f"the invocation counter at {format_logical_name(name)} cannot be read", code, reason="key")
