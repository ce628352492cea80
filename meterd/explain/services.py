"""GET, SET, ACTION and their answers by logical name; READ and WRITE by short name (Green Book 9.3, 9.5).

A value in blocks is told as a whole with its last block. Dirt: choices of no table, counts that lie.
"""

from __future__ import annotations

from ..protocols.dlms import enumerations as codes
from . import cosem
from .page import CutShort, Walk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .known import Known

NAMES = {
    codes.GET_REQUEST: "get-request", codes.SET_REQUEST: "set-request", codes.ACTION_REQUEST: "action-request",
    codes.GET_RESPONSE: "get-response", codes.SET_RESPONSE: "set-response", codes.ACTION_RESPONSE: "action-response",
}  # fmt: skip
CHOICES = {
    codes.GET_REQUEST: {1: "normal", 2: "next block", 3: "with a list"},
    codes.GET_RESPONSE: {1: "normal", 2: "with a data block", 3: "with a list"},
    codes.SET_REQUEST: {
        1: "normal", 2: "with the first block", 3: "with a block", 4: "with a list", 5: "with a list and a first block",
    },
    codes.SET_RESPONSE: {
        1: "normal", 2: "block taken", 3: "last block taken", 4: "last block of a list taken", 5: "with a list",
    },
    codes.ACTION_REQUEST: {
        1: "normal", 2: "next block", 3: "with a list", 4: "with the first block", 5: "with a list and a first block",
        6: "with a block",
    },
    codes.ACTION_RESPONSE: {1: "normal", 2: "with a block", 3: "with a list", 4: "next block"},
}  # fmt: skip


def explain(walk: Walk, known: Known) -> None:
    """One APDU by logical names. Raises: CutShort."""
    tag = walk.look(1)[0]
    choice = walk.look(1, 1)
    told = CHOICES[tag].get(choice[0] if choice else 0)
    walk.page.title(NAMES[tag] + (f" {told}" if told not in (None, "normal") else ""))
    walk.take(1, f"{NAMES[tag]} (Green Book 9.3, 9.5)")
    walk.take(1, told or "a choice of no table", told is None)
    walk.take(1, _invoke)
    form = FORMS.get((tag, choice[0] if choice else 0))
    if form is None:
        walk.take(walk.left, "cannot be told apart", True)
        return
    form(walk, known)


def _invoke(found: bytes) -> str:
    confirmed = "confirmed" if found[0] & 0x40 else "unconfirmed"
    return f"invoke id {found[0] & 0x0F}, {confirmed}, {'high' if found[0] & 0x80 else 'normal'} priority"


def descriptor(walk: Walk, what: str = "attribute") -> None:
    """Class, object, attribute or method. Raises: CutShort."""
    walk.take(2, lambda found: f"class {cosem.class_words(int.from_bytes(found, 'big'))}")
    name = walk.take(6, cosem.object_words)
    number = walk.number(1, what + " {}")
    walk.page.title(f"{cosem.object_words(name)} {what} {number}")


def _selected(walk: Walk) -> None:
    descriptor(walk)
    if walk.take(1, lambda found: f"selective access: {'yes' if found[0] else 'none'}")[0]:
        walk.take(1, lambda found: {1: "by range", 2: "by entries"}.get(found[0], f"selector {found[0]}"))
        cosem.data(walk)


def _many(walk: Walk, one: Callable[[Walk], object], what: str) -> None:
    count = cosem.length(walk, f"{{}} {what}")
    walk.depth += 1
    try:
        for _ in range(count):
            one(walk)
    finally:
        walk.depth -= 1


def result(walk: Walk) -> None:
    """Get-Data-Result, and what READ answers: data, or why there is none. Raises: CutShort."""
    if walk.take(1, lambda found: {0: "data", 1: "no data"}.get(found[0], "neither data nor a reason"))[0] == 0:
        cosem.data(walk)
    else:
        access(walk)


def access(walk: Walk) -> None:
    code = walk.take(1, lambda found: f"result {found[0]}: {codes.DATA_ACCESS_RESULTS.get(found[0], 'of no table')}")[0]
    if code:
        walk.page.title(codes.DATA_ACCESS_RESULTS.get(code, f"result {code}"))


def _block(walk: Walk, known: Known, of: str, whole: Callable[[Walk], object], last: bool | None = None) -> None:
    """A numbered block; with the last one the whole is told. Raises: CutShort."""
    if last is None:
        last = bool(walk.take(1, lambda found: "the last block" if found[0] else "more blocks follow")[0])
    number = walk.number(4, "block {}")
    walk.page.title(f"block {number}")
    if of == "get-response" and walk.take(1, lambda f: "raw data" if not f[0] else "no data")[0]:
        access(walk)
        known.forget(of)
        return
    if number == 1:
        known.forget(of)
    size = cosem.length(walk, "{} bytes")
    part = walk.take(size, "a share of the value")
    joined = known.join(of, part)
    if last:
        known.forget(of)
        walk.note(f"the value out of its blocks, {len(joined)} bytes:")
        walk.page.derived(joined, walk.depth + 1).whole(whole)


def _get_block(walk: Walk, known: Known) -> None:
    _block(walk, known, "get-response", _joined)


def _joined(walk: Walk) -> None:
    """One Data, or the list of results that an answer with a list was."""
    if _is_list(walk.look(3)):
        _many(walk, result, "results")
    else:
        cosem.data(walk)


def _is_list(ahead: bytes) -> bool:
    """Whether bytes begin a count and results, not a Data: an array (01) of 0 or 1 elements is no list of one."""
    return len(ahead) == 3 and 2 <= ahead[0] <= 64 and ahead[1] in (0, 1) and ahead[0] not in cosem.TYPES


def _get_next(walk: Walk, known: Known) -> None:
    number = walk.number(4, "block {} has come, the one behind it is asked for")
    walk.page.title(f"behind {number}")


def _set(walk: Walk, known: Known) -> None:
    _selected(walk)
    cosem.data(walk)


def _set_first(walk: Walk, known: Known) -> None:
    _selected(walk)
    _block(walk, known, "set-request", cosem.data)


def _set_list(walk: Walk, known: Known) -> None:
    _many(walk, _selected, "attributes")
    _many(walk, cosem.data, "values")


def _set_last(walk: Walk, known: Known) -> None:
    access(walk)
    _get_next(walk, known)


def _action(walk: Walk, known: Known) -> None:
    descriptor(walk, "method")
    if walk.take(1, lambda found: f"parameters: {'yes' if found[0] else 'none'}")[0]:
        cosem.data(walk)


def _action_list(walk: Walk, known: Known) -> None:
    _many(walk, lambda one: descriptor(one, "method"), "methods")
    _many(walk, cosem.data, "parameters")


def _action_first(walk: Walk, known: Known) -> None:
    descriptor(walk, "method")
    _block(walk, known, "action-request", cosem.data)


def _acted(walk: Walk) -> None:
    code = walk.take(1, lambda found: f"result {found[0]}: {codes.ACTION_RESULTS.get(found[0], 'of no table')}")[0]
    if code:
        walk.page.title(codes.ACTION_RESULTS.get(code, f"result {code}"))
    if walk.left and walk.take(1, lambda found: f"returns: {'yes' if found[0] else 'nothing'}")[0]:
        result(walk)


FORMS: dict[tuple[int, int], Callable[[Walk, Known], None]] = {
    (codes.GET_REQUEST, 1): lambda walk, known: _selected(walk),
    (codes.GET_REQUEST, 2): _get_next,
    (codes.GET_REQUEST, 3): lambda walk, known: _many(walk, _selected, "attributes"),
    (codes.GET_RESPONSE, 1): lambda walk, known: result(walk),
    (codes.GET_RESPONSE, 2): _get_block,
    (codes.GET_RESPONSE, 3): lambda walk, known: _many(walk, result, "results"),
    (codes.SET_REQUEST, 1): _set,
    (codes.SET_REQUEST, 2): _set_first,
    (codes.SET_REQUEST, 3): lambda walk, known: _block(walk, known, "set-request", cosem.data),
    (codes.SET_REQUEST, 4): _set_list,
    (codes.SET_RESPONSE, 1): lambda walk, known: access(walk),
    (codes.SET_RESPONSE, 2): _get_next,
    (codes.SET_RESPONSE, 3): _set_last,
    (codes.SET_RESPONSE, 5): lambda walk, known: _many(walk, access, "results"),
    (codes.ACTION_REQUEST, 1): _action,
    (codes.ACTION_REQUEST, 2): _get_next,
    (codes.ACTION_REQUEST, 3): _action_list,
    (codes.ACTION_REQUEST, 4): _action_first,
    (codes.ACTION_REQUEST, 6): lambda walk, known: _block(walk, known, "action-request", cosem.data),
    (codes.ACTION_RESPONSE, 1): lambda walk, known: _acted(walk),
    (codes.ACTION_RESPONSE, 2): lambda walk, known: _block(walk, known, "action-response", result),
    (codes.ACTION_RESPONSE, 3): lambda walk, known: _many(walk, _acted, "results"),
    (codes.ACTION_RESPONSE, 4): _get_next,
}


# ---- short names


def _specification(walk: Walk) -> None:
    kind = walk.take(1, lambda found: {2: "a variable", 4: "a variable with a selector", 5: "the next block"}.get(
        found[0], "a kind of no table"))[0]  # fmt: skip
    if kind == 5:
        walk.number(2, "block {} has come")
        return
    name = walk.take(2, lambda found: f"short name {found.hex().upper()}")
    walk.page.title(f"short name {name.hex().upper()}")
    if kind == 4:
        walk.take(1, lambda found: f"selector {found[0]}")
        cosem.data(walk)
    elif kind != 2:
        raise CutShort


def read_request(walk: Walk, known: Known) -> None:
    walk.page.title("read-request")
    walk.take(1, "ReadRequest (9.3.14)")
    _many(walk, _specification, "variables")


def read_response(walk: Walk, known: Known) -> None:
    walk.page.title("read-response")
    walk.take(1, "ReadResponse (9.3.14)")
    _many(walk, lambda one: _read_result(one, known), "results")


def _read_result(walk: Walk, known: Known) -> None:
    if walk.look(1) != b"\x02":
        result(walk)
        return
    walk.take(1, "a data block")
    last = walk.take(1, lambda found: "the last block" if found[0] else "more blocks follow")[0]
    number = walk.number(2, "block {}")
    if number == 1:
        known.forget("read")
    joined = known.join("read", walk.take(cosem.length(walk, "{} bytes"), "a share of the value"))
    if last:
        known.forget("read")
        walk.note(f"the value out of its blocks, {len(joined)} bytes:")
        walk.page.derived(joined, walk.depth + 1).whole(
            lambda inner: _many(inner, result, "results") if inner.look(1, 1) in (b"\0", b"\1") else cosem.data(inner)
        )


def write_request(walk: Walk, known: Known) -> None:
    walk.page.title("write-request")
    walk.take(1, "WriteRequest (9.3.15)")
    _many(walk, _specification, "variables")
    _many(walk, cosem.data, "values")


def write_response(walk: Walk, known: Known) -> None:
    walk.page.title("write-response")
    walk.take(1, "WriteResponse (9.3.15)")
    _many(walk, _written, "results")


def _written(walk: Walk) -> None:
    if walk.take(1, lambda found: "refused" if found[0] else "written")[0]:
        access(walk)
