"""Ships the store in the directory argv[1] to the address argv[2], restores it into argv[3], moves that to the address
argv[4], and moves it from there into the directory argv[5]. Prints what was done."""

import datetime
import sys

import holdall

source, objects, restored, database, back = sys.argv[1:]
steps = []


class StoppedError(Exception):
    """What a callback raises ends the job."""


def count(done: int, total: int) -> None:
    """Notes how far it is."""
    steps.append((done, total))


def stop(_done: int, _total: int) -> None:
    """Ends it."""
    raise StoppedError


with holdall.open(source) as store:
    shipper = store.shipper(objects, keep=datetime.timedelta(hours=1))
    try:
        shipper.ship(progress=stop)
        raise AssertionError("the callback was not heard")
    except StoppedError:
        pass
    report = shipper.ship(progress=count)
    # What the first call got done it has not to do again.
    assert report.lsn > 0 and report.log_bytes > 0 and not report.failed, report
    assert steps and steps[-1][0] <= steps[-1][1], steps
    assert shipper.ship().log_bytes == 0
    print(report)
try:
    holdall.Store.restore(objects, restored, until=1)
    raise AssertionError("there was something in 1970")
except holdall.errors.NotFound:
    pass
again = holdall.Store.restore(objects, restored, progress=count)
assert again.lsn == report.lsn and again.files > 0 and again.restored <= report.shipped, again
print(again)
with holdall.open(restored) as store:
    moved = store.migrate(database, progress=count)
    assert moved.bytes > 0 and moved.rows > 0, moved
    print(moved)
    try:
        store.drive("main").put("late", b"late")
        raise AssertionError("a store that was left takes a write")
    except holdall.errors.ReadOnly:
        pass
with holdall.open(database) as store:
    print(store.migrate(back))
