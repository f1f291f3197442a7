#!/usr/bin/env bash
# Chromium 156: the page that the browser makes around an audio file stays dead under `Content-Security-Policy: sandbox`,
# even where media-src allows every URL; with `sandbox allow-same-origin` and `media-src 'self'` it plays.
#
# A WAV is opened as a page of its own under three policies. The player's element reaches readyState 4 without a policy
# and with allow-same-origin, and stays at 0 with a bare sandbox. Firefox 153 shows a film under a bare sandbox too.
#
# Consequence: who isolates uploads by `sandbox` has no players for inline audio and video unless the page keeps its
# origin; without allow-scripts nothing runs in it all the same.
set -euo pipefail
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
command -v chromium >/dev/null && command -v chromedriver >/dev/null || { echo 'needs Debian'"'"'s chromium and chromium-driver' >&2; exit 1; }
python3 -m venv venv && venv/bin/pip install --quiet --disable-pip-version-check selenium==4.36.0
chromium --version
venv/bin/python - <<'PY'
import http.server, io, shutil, threading, time, wave

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

POLICIES = {
    "none": None,
    "sandbox": "sandbox; default-src 'none'; media-src http: https:",
    "origin": "sandbox allow-same-origin; default-src 'none'; media-src 'self'",
}
made = io.BytesIO()
with wave.open(made, "wb") as sound:
    sound.setnchannels(1), sound.setsampwidth(2), sound.setframerate(8000)
    sound.writeframes(bytes(32000))
SOUND = made.getvalue()

class Host(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        policy = self.path.strip("/").removesuffix(".wav")
        if policy not in POLICIES:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Type", "audio/wav")
        self.send_header("Content-Length", str(len(SOUND)))
        if POLICIES[policy]:
            self.send_header("Content-Security-Policy", POLICIES[policy])
        self.end_headers()
        try:
            self.wfile.write(SOUND)
        except ConnectionError:
            pass

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Host)
threading.Thread(target=server.serve_forever, daemon=True).start()
options = webdriver.ChromeOptions()
options.binary_location = shutil.which("chromium")
for option in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
    options.add_argument(option)
driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
states = {}
try:
    for policy in POLICIES:
        driver.get(f"http://127.0.0.1:{server.server_port}/{policy}.wav")
        time.sleep(2)
        states[policy] = driver.execute_script("return document.querySelector('video, audio').readyState")
finally:
    driver.quit()
print(states)
assert states == {"none": 4, "sandbox": 0, "origin": 4}, states
PY
