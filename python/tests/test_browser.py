"""A real browser: names of downloads, archives, seeking by range, and uploads that stay data."""

import contextlib
import io
import json
import os
import pathlib
import shutil
import struct
import time
import zipfile
from collections.abc import Callable, Iterator

import pytest
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

import holdall

APP = """
import json
import pathlib

import holdall
import holdall.asgi

store = holdall.open("files", base_url="/files/")
downloads = holdall.asgi.App(store)
log = open("requests", "a", buffering=1)


async def app(scope, receive, send):
    if scope["type"] != "http":
        await downloads(scope, receive, send)
        return
    headers = {name.decode(): value.decode() for name, value in scope["headers"]}
    log.write(json.dumps([scope["path"], headers.get("range")]) + "\\\\n")
    if scope["path"].startswith("/files/"):
        await downloads(scope, receive, send)
        return
    page = pathlib.Path("pages" + scope["path"])
    body = page.read_bytes() if page.is_file() else b""
    kind = b"text/html; charset=utf-8"
    start = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]}
    await send(start)
    await send({"type": "http.response.body", "body": body})
""".replace("\\\\", "\\")

OPTIONS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]

SCRIPT = "document.title = 'ran'; fetch('/ran?{}'); new Image().src = '/ran?{}'"


class Browser:
    """A browser, a server beside it, and what the server was asked for."""

    def __init__(self, driver: webdriver.Chrome, base: str, folder: pathlib.Path) -> None:
        self.driver, self.base, self.folder = driver, base, folder
        self.store = holdall.open(folder / "files", base_url="/files/")
        self.drive = self.store.drive("alice")

    def page(self, name: str, html: str) -> None:
        """Makes a page and shows it."""
        (self.folder / "pages" / name).write_text(f"<!doctype html><meta charset=utf-8>{html}")
        self.driver.get(f"{self.base}/{name}")

    def requests(self, path: str) -> list[str | None]:
        """The Range headers of the requests for a path that were made so far."""
        lines = (self.folder / "requests").read_text().splitlines()
        return [wanted for asked, wanted in map(json.loads, lines) if asked.startswith(path)]

    def downloaded(self, name: str) -> bytes:
        """Waits for a download of that name, and returns its content."""
        target = self.folder / "downloads" / name
        until = time.monotonic() + 20
        while time.monotonic() < until:
            if target.exists() and not list(target.parent.glob("*.crdownload")):
                return target.read_bytes()
            time.sleep(0.05)
        raise AssertionError([path.name for path in target.parent.iterdir()])


@pytest.fixture
def browser(tmp_path: pathlib.Path, server: Callable[..., str]) -> Iterator[Browser]:
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.fail("no browser is here; install it: apt-get install chromium chromium-driver")
    (tmp_path / "browsed.py").write_text(APP)
    (tmp_path / "pages").mkdir()
    (tmp_path / "downloads").mkdir()
    base = server("uvicorn", "browsed:app", "--port", "PORT")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for option in (*OPTIONS, f"--user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(option)
    options.add_experimental_option(
        "prefs", {"download.default_directory": str(tmp_path / "downloads")}
    )
    started = webdriver.Chrome(options=options, service=Service(driver))
    try:
        started.set_page_load_timeout(30)
        made = Browser(started, base, tmp_path)
        with made.store:
            yield made
    finally:
        started.quit()


def test_downloads_have_their_names_and_content(browser: Browser) -> None:
    content = os.urandom(3 << 20)
    names = ["r\xe4ksm\xf6rg\xe5s \u6587\u4ef6.bin", "100% \U0001f4e6 'a' & b;c.bin", "plain.bin"]
    links = []
    for name in names:
        url = browser.store.url(browser.drive.put(f"dir/{name}", content + name.encode()))
        links.append(f'<p><a href="{url}">it</a>')
    archive = browser.drive.archive(["dir"], name="\u6240\u6709.zip")
    links.append(f'<p><a href="{archive}">it</a>')
    browser.page("links", "".join(links))
    for link in browser.driver.find_elements(By.TAG_NAME, "a"):
        link.click()
        time.sleep(0.2)
    for name in names:
        assert browser.downloaded(name) == content + name.encode()
    with zipfile.ZipFile(io.BytesIO(browser.downloaded("\u6240\u6709.zip"))) as opened:
        assert opened.testzip() is None
        assert sorted(opened.namelist()) == sorted(f"dir/{name}" for name in ["", *names])


def sound(seconds: int) -> bytes:
    """A WAV of silence that differs from second to second: 176,400 bytes each."""
    rate = 44_100
    body = b"".join(struct.pack("<h", number) * (2 * rate) for number in range(seconds))
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(body), b"WAVE", b"fmt ", 16, 1, 2,
                       rate, 4 * rate, 4, 16, b"data", len(body))  # fmt: skip
    return head + body


def test_a_video_element_seeks_by_range(browser: Browser) -> None:
    # The element plays sound as it plays film, and this much of it needs no encoder.
    content = sound(300)
    version = browser.drive.put("film.wav", content, media_type="audio/wav")
    url = browser.store.url(version, disposition="inline")
    browser.page("film", f'<video id=v src="{url}" preload=metadata muted></video>')

    def value(expression: str) -> float:
        return float(browser.driver.execute_script(f"return document.all.v.{expression}"))

    def wait(condition: Callable[[], bool]) -> None:
        WebDriverWait(browser.driver, 20).until(lambda _driver: condition())

    wait(lambda: value("readyState") >= 1)
    assert abs(value("duration") - 300) < 0.1
    browser.driver.execute_script("document.all.v.currentTime = 250")
    wait(lambda: value("seeking") == 0 and value("readyState") >= 2)
    assert value("error ? 1 : 0") == 0
    browser.driver.execute_script("document.all.v.play()")
    wait(lambda: value("currentTime") > 250.2)
    asked = [wanted for wanted in browser.requests("/files/") if wanted]
    starts = [int(wanted.removeprefix("bytes=").partition("-")[0]) for wanted in asked]
    assert max(starts) > 200 * 176_400, asked


def test_sound_opened_as_a_page_plays(browser: Browser) -> None:
    version = browser.drive.put("sound.wav", sound(5), media_type="audio/wav")
    browser.driver.get(browser.base + browser.store.url(version, disposition="inline"))

    def ready(driver: webdriver.Chrome) -> bool:
        state = driver.execute_script("return document.querySelector('video, audio').readyState")
        return bool(state == 4)

    WebDriverWait(browser.driver, 20).until(ready)


HARMFUL = {
    "page.html": "<!doctype html><title>x</title><script>{script}</script>",
    "page.xhtml": '<html xmlns="http://www.w3.org/1999/xhtml"><script>{script}</script></html>',
    "image.svg": '<svg xmlns="http://www.w3.org/2000/svg"><script>{script}</script></svg>',
    "data.xml": '<x xmlns:h="http://www.w3.org/1999/xhtml"><h:script>{script}</h:script></x>',
    "text.txt": "<!doctype html><title>x</title><script>{script}</script>",
    "image.png": "<!doctype html><title>x</title><script>{script}</script>",
    "unknown": "<!doctype html><title>x</title><script>{script}</script>",
}


def test_uploads_do_not_execute(browser: Browser) -> None:
    urls = {}
    for name, text in HARMFUL.items():
        script = SCRIPT.format(name, name)
        version = browser.drive.put(name, text.format(script=script).encode())
        urls[name] = [
            browser.store.url(version),
            browser.store.url(version, disposition="inline"),
            browser.store.url(version, disposition="inline", media_type="text/html"),
            browser.store.url(version, disposition="inline", media_type="image/svg+xml"),
            browser.drive.link(name).url,
        ]
    everything = [url for some in urls.values() for url in some]
    for url in everything:
        # Straight to it, as somebody who follows a link does: it is saved, or shown as text.
        browser.driver.get("about:blank")
        with contextlib.suppress(WebDriverException):  # it is not shown, but saved
            browser.driver.get(browser.base + url)
        assert browser.driver.title != "ran"
    frames = "".join(
        f'<iframe src="{url}"></iframe><object data="{url}"></object><embed src="{url}">'
        f'<img src="{url}">'
        for url in everything
    )
    browser.page("frames", frames)
    time.sleep(2)
    assert len(browser.requests("/files/")) >= 2 * len(everything)
    assert browser.requests("/ran") == []


def test_what_does_execute_would_be_seen(browser: Browser) -> None:
    for name in ("page.html", "image.svg"):
        browser.page(name, HARMFUL[name].format(script=SCRIPT.format(name, name)))
        WebDriverWait(browser.driver, 10).until(lambda driver: driver.title == "ran")
    assert len(browser.requests("/ran")) >= 2


PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f64540"
    "0000000049454e44ae426082"
)

TRIES = """
const done = arguments[arguments.length - 1], url = arguments[0];
const image = (set) => new Promise((end) => {
  const made = new Image();
  set(made); made.onload = () => end(true); made.onerror = () => end(false); made.src = url;
});
const reads = (headers) => fetch(url, {headers, cache: "no-store"}).then(
  (reply) => reply.blob().then(() => reply.ok && reply.headers.get("ETag") !== null), () => false);
(async () => done([
  await image((made) => {}),
  await image((made) => { made.crossOrigin = "anonymous"; }),
  await reads({}),
  await reads({"If-Match": "*"}),
]))();
"""


def test_pages_of_another_site_do_what_the_policy_lets_them(browser: Browser) -> None:
    version = browser.drive.put("pixel.png", PIXEL)
    # To a browser localhost and an IP address are two sites.
    site = browser.base.replace("127.0.0.1", "localhost")
    # Who may: show it, show it with `crossorigin`, read it, read it after a preflight.
    expected = {
        None: [False, False, False, False],
        "same-origin": [False, False, False, False],
        "same-site": [False, False, False, False],
        "cross-origin": [True, False, False, False],
        "https://other.example": [False, False, False, False],
        f"https://other.example {site}": [False, True, True, True],
        "*": [True, True, True, True],
    }
    browser.page("tries", "")
    found = {}
    for page in (browser.base, site):
        browser.driver.get(f"{page}/tries")
        for policy in expected:
            url = browser.store.url(version, disposition="inline", cross_origin=policy)
            seen = browser.driver.execute_async_script(TRIES, browser.base + url)
            if page == browser.base:
                assert seen == [True] * 4, f"a page of the store's own origin, {policy}"
            else:
                found[policy] = seen
    assert found == expected
