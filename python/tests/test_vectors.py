"""The vectors that Rust, C and Python share."""

import base64
import hashlib
import hmac
import json
import re

import pytest
from conftest import VECTORS

import holdall


def load(name: str) -> dict[str, object]:
    return json.loads((VECTORS / name).read_text())


def test_hashes_of_pds(alice: holdall.Drive) -> None:
    cases = load("pds.json")["hash"]
    assert len(cases) > 5
    for number, case in enumerate(cases):
        if "input_utf8" not in case:
            continue
        version = alice.put(f"{number}", case["input_utf8"].encode())
        assert version.crc64_text == case["crc64_hash"]
        assert f"{version.crc64:016x}" == case["crc64_hex"]
        assert version.sha1.upper() == case["content_hash"]


def subkey(secret: bytes, purpose: str, store: bytes) -> bytes:
    return hmac.digest(secret, b"holdall/v1/" + purpose.encode() + store, "sha256")


def test_tokens_verify_by_their_description() -> None:
    """What the format says of itself is enough to check a token with nothing but hmac."""
    vectors = load("token.json")
    store = bytes.fromhex(vectors["store"])
    secrets = {key["id"]: bytes.fromhex(key["secret"]) for key in vectors["keys"]}
    for case in vectors["tokens"]:
        token = base64.urlsafe_b64decode(case["token"] + "=" * (-len(case["token"]) % 4))
        version, key = token[0], int.from_bytes(token[1:3], "big")
        assert version == 1
        secret = subkey(secrets[key], case["claims"]["purpose"], store)
        assert hmac.digest(secret, token[:-32], "sha256") == token[-32:]


def test_a_store_s_own_tokens_are_of_that_format(
    alice: holdall.Drive, store: holdall.Store
) -> None:
    secret = bytes(range(32))
    number = store.add_key(secret)
    url = store.url(alice.put("x", b"x"))
    text = url.split("/")[2]
    token = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    assert (token[0], int.from_bytes(token[1:3], "big"), token[3]) == (1, number, 1)
    # The first half of the MAC is over the claims, the second over them, a NUL and the name.
    payload, mac = token[:-32], token[-32:]

    def signs(raw: bytes, covered: bytes) -> bytes:
        return hmac.digest(subkey(secret, "version", raw), covered, "sha256")

    uuid = next(
        raw
        for raw in candidates((store.path / "STORE").read_bytes())
        if signs(raw, payload)[:16] + signs(raw, payload + b"\0x")[16:] == mac
    )
    assert len(uuid) == 16


def candidates(raw: bytes) -> list[bytes]:
    """Every 16 bytes of the file STORE, one of which is the uuid, raw or as text."""
    found = [raw[at : at + 16] for at in range(len(raw) - 15)]
    for at in range(len(raw) - 31):
        try:
            found.append(bytes.fromhex(raw[at : at + 36].decode().replace("-", "")[:32]))
        except (UnicodeDecodeError, ValueError):
            continue
    return found


def test_cloudreve_signatures(alice: holdall.Drive, store: holdall.Store) -> None:
    vectors = load("cloudreve.json")
    for path, expires, sign in vectors["sign"]:
        assert cloudreve(vectors["key"].encode(), path, expires) == sign
    url = store.url(alice.put("x.txt", b"x"), form="cloudreve", expires=60)
    assert re.fullmatch(
        r"/file/content/[0-9A-Za-z]+/0/x\.txt\?download=true&sign=[\w-]{43}%3D%3A\d+", url
    ), url
    assert store.serve("GET", url).status == 200
    assert store.serve("GET", url.replace("x.txt", "y.txt")).status == 403


def cloudreve(secret: bytes, path: str, expires: int) -> str:
    mac = hmac.new(secret, f"{path}:{expires}".encode(), hashlib.sha256).digest()
    return f"{base64.urlsafe_b64encode(mac).decode()}:{expires}"


@pytest.mark.parametrize("size", [0, 1, 4095, 4096, (1 << 20) - 1, 1 << 20, (1 << 20) + 1])
def test_content_around_the_threshold_comes_back(alice: holdall.Drive, size: int) -> None:
    content = hashlib.shake_256(b"holdall").digest(size)
    assert alice.put("x", content).sha1 == hashlib.sha1(content).hexdigest()
    assert alice.open("x").read() == content
