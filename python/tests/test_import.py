"""A real server is imported: its files, its URLs, and what is reported of the rest."""

import gzip
import json
import pathlib
import subprocess
import sys
import tarfile

import pytest

import holdall

REAL = pathlib.Path(__file__).parents[2] / "import" / "tests" / "fixtures" / "servers"
ADMIN = "admin@example.com"


@pytest.fixture
def server(tmp_path: pathlib.Path) -> pathlib.Path:
    with tarfile.open(REAL / "sqlite-data.tar.gz") as data:
        data.extractall(tmp_path / "cloudreve", filter="data")
    return tmp_path / "cloudreve"


def test_a_server_is_imported_and_its_links_go_on(
    server: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    calls: list[tuple[int, int]] = []
    lines = tmp_path / "report.jsonl"
    with holdall.open(tmp_path / "store") as store:
        report = store.import_cloudreve(
            server,
            skip_missing=True,
            report=lines,
            progress=lambda done, total: calls.append((done, total)),
        )
        assert (report.drives, report.files, report.versions, report.trashed) == (4, 79, 98, 11)
        assert (report.links, report.shares) == (25, 11)
        assert report.left_out["content-missing"] == 6
        assert report.no_place["pins"] == 1
        assert "left out: 6 (content-missing)" in str(report)
        assert calls == sorted(calls)
        assert len(store.drive(ADMIN).versions("many.txt")) == 10
        manifest = json.loads(gzip.decompress((REAL / "manifest-sqlite.json.gz").read_bytes()))
        api, nobody, followed = store.api(), holdall.Caller(), 0
        for link in manifest["links"]:
            if "/f/" in link["link"] and link["real"]["status"] == 302:
                _, _, target = link["link"].partition("/f/")
                reply = api.answer(nobody, "GET", f"/f/{target}")
                followed += reply.status == 302
        assert followed >= 20
    told = [json.loads(line) for line in lines.read_text().splitlines()]
    assert {line["path"] for line in told if line["cause"] == "content-missing"} == {
        "big 60.bin",
        "enc/12 MiB.bin",
        "enc/client-encrypted.bin",
    }


def test_what_is_wrong_is_raised_before_the_store_is_changed(
    server: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    with holdall.open(tmp_path / "store") as store:
        with pytest.raises(holdall.errors.NotFound, match=r"cloudreve\.db"):
            store.import_cloudreve(tmp_path / "store")
        with pytest.raises(holdall.errors.NotFound, match="3 of "):
            store.import_cloudreve(server)
        with pytest.raises(holdall.errors.InvalidArgument, match="Europe/Berlin"):
            store.import_cloudreve(server, utc_offset="late", skip_missing=True)
        with pytest.raises(holdall.errors.NotFound, match="--map"):
            store.import_cloudreve(server, uploads=tmp_path / "store", skip_missing=True)
        assert store.stats().drives == 0
        elsewhere = tmp_path / "elsewhere"
        (server / "data" / "uploads").rename(elsewhere)
        at = {"/cloudreve/data/uploads": elsewhere}
        assert store.import_cloudreve(server, map=at, skip_missing=True).files == 79
        with pytest.raises(holdall.errors.Exists):
            store.import_cloudreve(server, map=at, skip_missing=True)


def test_what_progress_raises_ends_the_import(server: pathlib.Path, tmp_path: pathlib.Path) -> None:
    class Enough(Exception):
        pass

    def stop(done: int, total: int) -> None:
        raise Enough

    with holdall.open(tmp_path / "store") as store, pytest.raises(Enough):
        store.import_cloudreve(server, skip_missing=True, progress=stop)


def test_the_command_of_the_package_imports(server: pathlib.Path, tmp_path: pathlib.Path) -> None:
    command = [sys.executable, "-m", "holdall", "--store", str(tmp_path / "store"), "--json"]
    done = subprocess.run(
        [*command, "import", "cloudreve", str(server), "--skip-missing"],
        capture_output=True,
        check=True,
    )
    assert json.loads(done.stdout)["files"] == 79


def test_the_page_of_the_import_does_what_it_says(
    server: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (REAL.parents[3] / "docs" / "import.md").read_text()
    code = page.split("```python\n")[1].split("```")[0]
    code = code.replace('"/srv/cloudreve",', f"{str(server)!r}, skip_missing=True,")
    monkeypatch.chdir(tmp_path)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "4 drives" in done.stdout
    assert " bytes\n" in done.stdout
    assert (tmp_path / "left-out.jsonl").exists()
