"""URLs and the keys that sign them."""

import datetime as dt
import pathlib
import pickle

import pytest

import holdall
from holdall import errors

UTC = dt.UTC


def test_urls_take_every_kind_of_time(alice: holdall.Drive, store: holdall.Store) -> None:
    version = alice.put("x.txt", b"hello")
    now = dt.datetime.now(UTC)
    for expires in (60, 60.5, dt.timedelta(minutes=1), now + dt.timedelta(minutes=1)):
        url = store.url(version, expires=expires)
        assert store.verify(url).size == 5
        assert store.serve("GET", url, now=now + dt.timedelta(seconds=55)).status == 200
        assert store.serve("GET", url, now=now.timestamp() + 62).status == 403
    end = dt.datetime.now(UTC).replace(microsecond=0) + dt.timedelta(minutes=1)
    url = store.url(version, expires=end)
    for left, status in ((0.001, 200), (0, 403)):
        assert store.serve("GET", url, now=end.timestamp() - left).status == status
    for wrong in (0, -1, 0.5, dt.timedelta(-1), now, dt.timedelta(days=8), dt.datetime(2999, 1, 1)):
        with pytest.raises(errors.InvalidArgument):
            store.url(version, expires=wrong)
    for wrong in (True, "60", b"60"):
        with pytest.raises(TypeError):
            store.url(version, expires=wrong)  # type: ignore[arg-type]
    forever = store.url(version.id, never_expires=True)
    assert store.serve("HEAD", forever, now=now + dt.timedelta(days=9999)).status == 200
    same = [store.url(version, expires=60, stable_for=3600) for _ in range(2)]
    assert same[0] == same[1]


def test_urls_say_what_they_permit(alice: holdall.Drive, store: holdall.Store) -> None:
    version = alice.put("x.txt", b"hello")
    url = store.url(version, disposition="inline", name="y.csv", media_type="text/csv", pace=1000)
    grant = store.verify(url)
    assert (grant.name, grant.media_type, grant.disposition) == ("y.csv", "text/csv", "inline")
    assert grant.pace == store.serve("GET", url).pace == 1000
    bound = store.url(version, network="192.0.2.0/24")
    assert store.serve("GET", bound, client="192.0.2.9").status == 200
    assert store.serve("GET", bound, client="192.0.3.9").status == 403
    once = store.url(version, max_requests=1)
    assert [store.serve("GET", once).status for _ in range(2)] == [200, 410]
    assert store.serve("GET", store.url(version, form="cloudreve")).status == 200
    for wrong in ({"disposition": "x"}, {"form": "x"}, {"network": "x"}, {"media_type": "x\n"}):
        with pytest.raises(errors.InvalidArgument):
            store.url(version, **wrong)  # type: ignore[arg-type]
    with pytest.raises(errors.InvalidArgument, match="give one"):
        store.url(version, max_uses=1, max_requests=1)
    with pytest.raises(errors.Denied):
        store.verify(url.replace("/d/A", "/d/B"))
    with pytest.raises(PermissionError):
        store.verify(url, now=dt.datetime.now(UTC) + dt.timedelta(hours=1))
    current = alice.url("x.txt")
    alice.put("x.txt", b"newer")
    assert bytes(store.serve("GET", current).body) == b"newer"


def test_revoking_and_keys(alice: holdall.Drive, store: holdall.Store) -> None:
    def refused(url: str) -> bool:
        return store.serve("GET", url).status in (403, 410)

    version = alice.put("x", b"x")
    share = alice.share("x")
    visit = store.visit(share)
    targets = [version, version.id, alice.stat("x"), version.file_id, alice]
    for target in targets:
        url = store.url(version)
        assert not refused(url)
        store.revoke(target)
        assert refused(url), target
    for of in (share, share.id):
        url = visit.url()
        store.revoke(of)
        assert refused(url)
    with pytest.raises(errors.InvalidArgument):
        store.revoke("nothing")
    with pytest.raises(TypeError):
        store.revoke(3)  # type: ignore[arg-type]

    old = store.url(version)
    number = store.rotate_key()
    assert not refused(old)
    keys = store.keys()
    assert [key.id for key in keys if key.signs] == [number]
    store.remove_key(next(key.id for key in keys if not key.signs))
    assert refused(old)
    store.add_key(bytes(range(32)))
    with pytest.raises(errors.InvalidArgument):
        store.add_key(b"short")


def test_keys_of_the_host_s_own(tmp_path: pathlib.Path) -> None:
    one, other, third = (bytes([number]) * 32 for number in (1, 2, 3))

    def opened(*keys: bytes) -> holdall.Store:
        return holdall.open(tmp_path / "s", keys=keys)

    with opened(one) as store:
        version = store.drive("a").put("x", b"x")
        by_one = store.url(version)
        ring = store.keys()
    with opened(one) as store:
        now = store.keys()
        # What is there already is not written again.
        assert [(key.id, key.created) for key in now] == [(key.id, key.created) for key in ring]
    with opened(other, one) as store:
        by_other = store.url(version)
        assert [store.serve("GET", url).status for url in (by_one, by_other)] == [200, 200]
        again = pickle.loads(pickle.dumps(store))
        assert again.verify(by_other).size == 1
        assert one not in pickle.dumps(store)
        again.close()
    # Back to the one before, and a third that only verifies.
    with opened(one, third) as store:
        assert store.url(version, expires=60)[:8] == by_one[:8], "the key's id is that of the first"
        assert store.verify(by_other).size == 1
        count = len(store.keys())
    with opened(one, third) as store:
        assert len(store.keys()) == count
    with pytest.raises(errors.InvalidArgument):
        opened(b"short")
    with pytest.raises(errors.InvalidArgument):
        opened()
    with holdall.open(tmp_path / "s") as store:
        assert store.verify(by_one).size == 1, "the ring stays when no keys are given"


def test_a_use_is_a_download_by_a_client(alice: holdall.Drive, store: holdall.Store) -> None:
    version = alice.put("x.bin", bytes(100_000))
    url = store.url(version, max_uses=1)

    def get(client: str | None, range: str | None = None) -> int:
        headers = {"Range": range} if range else {}
        return store.serve("GET", url, headers, client=client).status

    assert [get("192.0.2.1"), get("192.0.2.1", "bytes=500-"), get("192.0.2.2")] == [200, 206, 410]
    assert store.verify(url, client="192.0.2.1").size == 100_000
    with pytest.raises(errors.Gone):
        store.verify(url, client="192.0.2.2")
    archive = alice.archive(["x.bin"], max_requests=1)
    assert [store.serve("GET", archive).status for _ in range(2)] == [200, 410]


def test_pages_of_other_origins(alice: holdall.Drive, tmp_path: pathlib.Path) -> None:
    page = "https://shop.example"
    headers = {"Origin": page, "Access-Control-Request-Method": "GET"}
    with holdall.open(tmp_path / "open", cross_origin=[page, "http://localhost:1"]) as store:
        version = store.drive("alice").put("x.png", b"x")
        for url, allowed, policy in (
            (store.url(version), page, "same-site"),
            (store.url(version, cross_origin="same-origin"), None, "same-origin"),
            (store.url(version, cross_origin="*"), "*", "cross-origin"),
            (store.drive("alice").archive(["x.png"], cross_origin="*"), "*", "cross-origin"),
        ):
            reply = store.serve("GET", url, headers)
            assert reply.header("Access-Control-Allow-Origin") == allowed
            assert reply.header("Cross-Origin-Resource-Policy") == policy
            assert store.serve("OPTIONS", url, headers).status == (204 if allowed else 405)
        same = pickle.loads(pickle.dumps(store))
        assert same.serve("OPTIONS", store.url(version), headers).status == 204
        for wrong in ("shop.example", [], ["*"], page + "/"):
            with pytest.raises(errors.InvalidArgument):
                store.url(version, cross_origin=wrong)
