"""Opens the store at the address in argv[1], puts what the file argv[2] holds at the path argv[3], and writes what is
at the path argv[4] to its output."""

import pathlib
import pickle
import sys

import holdall

address, source, to, wanted = sys.argv[1:]
with holdall.open(address) as store:
    assert address not in repr(store), repr(store)
    drive = store.drive("main")
    version = drive.put(to, pathlib.Path(source))
    reply = store.serve("GET", store.url(version))
    assert reply.status == 200 and bytes(reply.body) == pathlib.Path(source).read_bytes()
    with pickle.loads(pickle.dumps(store)) as same:
        assert same.drive("main").stat(to).current.id == version.id
    try:
        store.path
        raise AssertionError("a store in a database has a directory")
    except holdall.errors.Unsupported:
        pass
    with drive.open(wanted) as file:
        sys.stdout.buffer.write(file.read())
