"""The PDS calls: the SDK of Alibaba PDS, the CRC-64 of oss2 and crcmod, schemathesis."""

import base64
import hashlib
import random
import re

import crcmod
import oss2
from alibabacloud_credentials import models as credentials
from alibabacloud_credentials.client import Client
from alibabacloud_pds20220301 import client as pds
from alibabacloud_pds20220301 import models
from alibabacloud_tea_openapi import utils_models as openapi

from . import sdk
from .host import OTHER, TOKEN, document, fetch, found_nothing
from .host import refused as error_of

TESTS = []
# What the published page of file/get_download_url has in its answer.
ANSWER = dict.fromkeys(("url", "internal_url", "cdn_url", "expiration"), str)
ANSWER |= dict.fromkeys(("crc64_hash", "content_hash", "content_hash_name"), str) | {"size": int}


def test(function):
    TESTS.append(function)
    return function


def client_of(host, token=TOKEN):
    config = openapi.Config(
        credential=Client(credentials.Config(type="bearer", bearer_token=token)),
        endpoint=host.address,
        protocol="HTTP",
    )
    return pds.Client(config)


def call(host, path, body, token=TOKEN, headers=()):
    return host.call("POST", f"/v2{path}", body, token, headers)


def refused(function):
    """The code that an SDK's call is refused with."""
    error = error_of(function)
    return getattr(error, "code", None)


def crc64(data):
    """The CRC-64 of PDS, by crcmod and by oss2, which must agree."""
    one = crcmod.mkCrcFun(0x142F0E1EBA9EA3693, initCrc=0, rev=True, xorOut=0xFFFFFFFFFFFFFFFF)(data)
    other = oss2.utils.Crc64()
    other.update(data)
    assert one == other.crc, "the oracles disagree"
    return str(one)


def proof(token, data):
    if not data:
        return ""
    at = int(hashlib.md5(token.encode()).hexdigest()[:16], 16) % len(data)
    return base64.b64encode(data[at : at + 8]).decode()


def drive_of(client):
    return client.get_default_drive(models.GetDefaultDriveRequest()).body.drive_id


def upload(client, drive, name, data, part, **more):
    count = max(1, -(-len(data) // part))
    parts = [models.CreateFileRequestPartInfoList(part_number=n + 1) for n in range(count)]
    made = client.create_file(
        models.CreateFileRequest(
            drive_id=drive, parent_file_id="root", type="file", name=name, size=len(data), part_info_list=parts, **more
        )
    ).body
    for n, printed in enumerate(made.part_info_list):
        piece = data[n * part : (n + 1) * part]
        status, headers, _ = fetch(printed.upload_url, "PUT", piece)
        assert status == 200 and headers["x-oss-hash-crc64ecma"] == crc64(piece), headers
    return client.complete_file(
        models.CompleteFileRequest(
            drive_id=drive, file_id=made.file_id, upload_id=made.upload_id, crc_64hash=crc64(data)
        )
    ).body


@test
def the_sdk_uploads_and_downloads_and_the_hashes_agree(host):
    client = client_of(host)
    drive = drive_of(client)
    rng = random.Random(7)
    for length in [0, 1, 1000, 65536, 3 << 20]:
        data = rng.randbytes(length)
        file = upload(client, drive, f"f{length}.bin", data, 1 << 20)
        assert file.size == length and file.crc_64hash == crc64(data)
        assert file.content_hash == hashlib.sha1(data).hexdigest().upper()
        printed = client.get_download_url(
            models.GetDownloadUrlRequest(drive_id=drive, file_id=file.file_id, expire_sec=100, file_name="n.bin")
        ).body
        status, headers, got = fetch(printed.url)
        assert status == 200 and got == data and "n.bin" in headers["Content-Disposition"]
        assert (printed.size, printed.crc_64hash, printed.content_hash_name) == (length, crc64(data), "sha1")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", printed.expiration)
        if length > 10:
            assert fetch(printed.url, headers={"Range": "bytes=5-9"})[2] == data[5:10]
            assert fetch(printed.url, "HEAD")[1]["Content-Length"] == str(length)


@test
def the_sdk_lists_gets_and_finds_nothing_that_is_not_there(host):
    client = client_of(host)
    drive = drive_of(client)
    upload(client, drive, "listed.txt", b"hello", 10)
    names, marker = [], ""
    while True:
        page = client.list_file(
            models.ListFileRequest(drive_id=drive, parent_file_id="root", limit=2, marker=marker)
        ).body
        names += [item.name for item in page.items]
        marker = page.next_marker
        if not marker:
            break
    assert names == sorted(names) and "listed.txt" in names
    assert refused(lambda: client.get_file(models.GetFileRequest(drive_id=drive, file_id="f99999"))) == "NotFound.FileId"
    wrong = models.GetDownloadUrlRequest(drive_id=drive, file_id="root", expire_sec=115201)
    assert refused(lambda: client.get_download_url(wrong)) == "InvalidParameterOutOfRange"


@test
def the_sdk_makes_names_unique_and_refuses(host):
    client = client_of(host)
    drive = drive_of(client)
    first = upload(client, drive, "n.txt", b"1", 10)
    again = upload(client, drive, "n.txt", b"2", 10, check_name_mode="auto_rename")
    assert re.fullmatch(r"n_\d{8}_\d{6}\.txt", again.name) and again.file_id != first.file_id
    kept = client.create_file(
        models.CreateFileRequest(
            drive_id=drive, parent_file_id="root", type="file", name="n.txt", check_name_mode="refuse"
        )
    ).body
    assert kept.exist and kept.file_id == first.file_id
    folder = models.CreateFileRequest(drive_id=drive, parent_file_id="root", type="folder", name="d")
    assert client.create_file(folder).body.type == "folder"


@test
def the_sdk_walks_through_revisions(host):
    client = client_of(host)
    drive = drive_of(client)
    file = upload(client, drive, "r.txt", b"first", 10)
    first = client.list_revision(models.ListRevisionRequest(drive_id=drive, file_id=file.file_id)).body.items[0]
    upload(client, drive, "r.txt", b"second", 10, file_id=file.file_id)
    listed = client.list_revision(models.ListRevisionRequest(drive_id=drive, file_id=file.file_id)).body.items
    assert [item.size for item in listed] == [6, 5] and listed[0].is_latest_version
    named = dict(drive_id=drive, file_id=file.file_id, revision_id=first.revision_id)
    printed = client.update_revision(
        models.UpdateRevisionRequest(keep_forever=True, revision_description="kept", **named)
    ).body
    assert printed.keep_forever and printed.revision_description == "kept"
    got = client.get_revision(models.GetRevisionRequest(**named)).body
    assert fetch(got.download_url)[2] == b"first" and got.crc_64hash == crc64(b"first")
    restored = client.restore_revision(models.RestoreRevisionRequest(**named)).body
    assert restored.is_latest_version and restored.size == 5 and restored.revision_id != first.revision_id
    named["revision_id"] = restored.revision_id
    code = refused(lambda: client.delete_revision(models.DeleteRevisionRequest(**named)))
    assert code == "FileLatestRevisionCannotBeRestore", code
    named["revision_id"] = first.revision_id
    client.delete_revision(models.DeleteRevisionRequest(**named))


@test
def the_sdk_trashes_restores_and_deletes(host):
    client = client_of(host)
    drive = drive_of(client)
    file = upload(client, drive, "t.txt", b"x", 10)
    named = dict(drive_id=drive, file_id=file.file_id)
    url = client.get_download_url(models.GetDownloadUrlRequest(**named)).body.url
    client.trash_file(models.TrashFileRequest(**named))
    assert refused(lambda: client.get_download_url(models.GetDownloadUrlRequest(**named))) == "ForbiddenFileInTheRecycleBin"
    assert refused(lambda: fetch(url)) == 410
    trashed = client.list_recyclebin(models.ListRecyclebinRequest(drive_id=drive)).body.items
    assert [item.file_id for item in trashed] == [file.file_id]
    client.restore_file(models.RestoreFileRequest(**named))
    assert fetch(url)[2] == b"x"
    client.delete_file(models.DeleteFileRequest(**named))
    assert refused(lambda: client.get_file(models.GetFileRequest(**named))) == "NotFound.FileId"


@test
def the_sdk_archives_at_once(host):
    client = client_of(host)
    drive = drive_of(client)
    file = upload(client, drive, "z.txt", b"zip me", 10)
    task = client.archive_files(models.ArchiveFilesRequest(drive_id=drive, file_ids=[file.file_id], name="z")).body
    done = client.get_async_task(models.GetAsyncTaskRequest(async_task_id=task.async_task_id)).body
    assert done.state == "Succeed"
    data = fetch(done.url)[2]
    printed = client.get_download_url(
        models.GetDownloadUrlRequest(drive_id=drive, file_id=task.async_task_id)
    ).body
    assert (printed.size, printed.crc_64hash) == (len(data), crc64(data)) and data.startswith(b"PK")


@test
def the_sdk_resumes_an_upload_after_the_server_was_restarted(host):
    client = client_of(host)
    drive = drive_of(client)
    data = random.Random(3).randbytes(2 << 20)
    parts = [models.CreateFileRequestPartInfoList(part_number=n) for n in (1, 2)]
    made = client.create_file(
        models.CreateFileRequest(
            drive_id=drive, parent_file_id="root", type="file", name="long.bin", size=len(data), part_info_list=parts
        )
    ).body
    fetch(made.part_info_list[0].upload_url, "PUT", data[: 1 << 20])
    host.stop()
    host.start()
    client = client_of(host)
    named = dict(drive_id=drive, file_id=made.file_id, upload_id=made.upload_id)
    listed = client.list_uploaded_parts(models.ListUploadedPartsRequest(**named)).body
    assert [(part.part_number, part.part_size) for part in listed.uploaded_parts] == [(1, 1 << 20)]
    asked = [models.GetUploadUrlRequestPartInfoList(part_number=2)]
    fresh = client.get_upload_url(models.GetUploadUrlRequest(part_info_list=asked, **named)).body
    fetch(fresh.part_info_list[0].upload_url, "PUT", data[1 << 20 :])
    file = client.complete_file(models.CompleteFileRequest(crc_64hash=crc64(data), **named)).body
    assert file.content_hash == hashlib.sha1(data).hexdigest().upper()


@test
def rapid_upload_is_of_what_the_own_drive_has(host):
    client = client_of(host)
    drive = drive_of(client)
    data = random.Random(5).randbytes(100_000)
    upload(client, drive, "there.bin", data, 1 << 20)
    body = {
        "drive_id": drive, "parent_file_id": "root", "type": "file", "name": "rapid.bin", "size": len(data),
        "content_hash": hashlib.sha1(data).hexdigest(), "content_hash_name": "sha1", "proof_version": "v1",
    }
    # The SDK has no field for the proof: its hash alone is not believed.
    printed = client.create_file(models.CreateFileRequest(**{k: v for k, v in body.items() if k != "proof_version"})).body
    assert printed.rapid_upload is False
    assert call(host, "/file/create", dict(body, proof_code=proof(OTHER, data)))[1]["rapid_upload"] is False
    pre = {key: value for key, value in body.items() if not key.startswith(("content", "proof"))}
    pre["pre_hash"] = hashlib.sha1(data[:1024]).hexdigest()
    # The store of `serve` keeps one content for all drives, and gives it to none but those that have it.
    other = {"drive_id": drive_of(client_of(host, OTHER))}
    for asked in ({**body, **other, "proof_code": proof(OTHER, data)}, {**pre, **other}):
        status, printed = call(host, "/file/create", asked, token=OTHER)
        assert (status, printed["rapid_upload"]) == (200, False)
    status, printed = call(host, "/file/create", pre)
    assert (status, printed["code"]) == (409, "PreHashMatched")
    status, printed = call(host, "/file/create", dict(body, proof_code=proof(TOKEN, data)))
    assert (status, printed["rapid_upload"]) == (200, True)


@test
def nobody_reaches_another_drive_and_a_visitor_a_share(host):
    client, other = client_of(host), client_of(host, OTHER)
    drive = drive_of(client)
    file = upload(client, drive, "s.txt", b"shared", 10)
    named = models.GetDownloadUrlRequest(drive_id=drive, file_id=file.file_id)
    assert refused(lambda: other.get_download_url(named)) == "ForbiddenNoPermission"
    assert call(host, "/file/get", {"drive_id": drive, "file_id": file.file_id}, token=None)[0] == 401
    share = host.tool("share", "s.txt", "--drive", "alice")["share"]
    printed = other.get_share_link_token(models.GetShareLinkTokenRequest(share_id=share)).body
    body = {"share_id": share, "file_id": file.file_id}
    assert call(host, "/file/get_download_url", body, token=None)[1]["code"] == "ShareLinkTokenInvalid"
    status, printed = call(host, "/file/get_download_url", body, None, {"x-share-token": printed.share_token})
    assert status == 200 and fetch(printed["url"])[2] == b"shared"
    assert {name: type(printed[name]) for name in ANSWER} == ANSWER


@test
def the_sdk_for_go_does_the_same(host):
    sdk.run(host, sdk.go())


@test
def the_sdk_for_java_does_the_same(host):
    sdk.run(host, sdk.java())


@test
def schemathesis_finds_nothing(host):
    drive = drive_of(client_of(host))
    names = {
        "DRIVE_ID": drive,
        "FILE_ID": upload(client_of(host), drive, "schema.txt", b"x", 10).file_id,
        "SHARE_ID": host.tool("share", "schema.txt", "--drive", "alice")["share"],
    }
    found_nothing(host.schemathesis(document("pds.openapi.json", names)))
