"""A person answers a task on the page of a link: in Chromium, driven over the WebDriver protocol, on a wide screen and on a phone's.

What is looked at: that each field has a name for who does not see it, that the page loads nothing from elsewhere and runs nothing, that it fits
a narrow screen, that what was wrong is told where the person is led to, that what was written stays, that an answer arrives once, and that sending
it again is told kindly.
"""

import os
import socket
import subprocess
import sys
import time

import requests

URL = os.environ["SERVER_URL"]
KEY = {"Authorization": f"Bearer {os.environ['SERVER_KEY']}"}
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
FORM = {
    "type": "object",
    "required": ["amount", "kind", "why"],
    "properties": {
        "amount": {"type": "number", "minimum": 0, "maximum": 500, "title": "Amount in euros"},
        "kind": {"type": "string", "enum": ["travel", "meal"], "title": "Kind of cost"},
        "when": {"type": "string", "format": "date"},
        "receipt": {"type": "boolean", "title": "There is a receipt"},
        "tags": {"type": "array", "items": {"type": "string", "enum": ["client", "team"]}},
        "why": {"type": "string", "minLength": 3, "maxLength": 1000},
        "place": {"type": "object", "properties": {"city": {"type": "string", "description": "Where it was."}}},
    },
}


def call(method: str, path: str, **more) -> dict:
    response = requests.request(method, f"{URL}/api/v1{path}", headers=KEY, timeout=20, **more)
    assert response.ok, f"{method} {path}: {response.status_code} {response.text}"
    return response.json()


def task(**more) -> tuple[str, str]:
    given = {"title": "Expenses of the trip <to Ulm>", "description": "Please look at them.", "data": {"who": "Bo & Co"}, "form": FORM}
    made = call("POST", "/tasks", json=given | more)
    return made["taskId"], URL + call("POST", f"/tasks/{made['taskId']}/links", json={})["path"]


class Browser:
    """One window."""

    def __init__(self, driver: str, width: int, height: int) -> None:
        # Without a sandbox of its own where it runs as root, as in a container.
        arguments = ["--headless=new", f"--window-size={width},{height}", "--no-sandbox", "--disable-dev-shm-usage"]
        arguments.append(f"--user-data-dir={os.environ['SCRATCH_FOLDER']}/{width}")
        options = {"args": arguments}
        if width < 500:
            options["mobileEmulation"] = {"deviceMetrics": {"width": width, "height": height, "pixelRatio": 2.0}}
        always = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        made = requests.post(f"{driver}/session", json={"capabilities": {"alwaysMatch": always}}, timeout=60).json()["value"]
        assert "sessionId" in made, made
        self.base = f"{driver}/session/{made['sessionId']}"

    def do(self, method: str, path: str, body: dict | None = None):
        response = requests.request(method, self.base + path, json=body if method == "POST" else None, timeout=60)
        value = response.json()["value"]
        assert response.ok, f"{method} {path}: {value}"
        return value

    def open(self, address: str) -> None:
        self.do("POST", "/url", {"url": address})

    def all(self, css: str) -> list[str]:
        return [one[ELEMENT] for one in self.do("POST", "/elements", {"using": "css selector", "value": css})]

    def one(self, css: str) -> str:
        # A click answers before the next page is there.
        until = time.monotonic() + 10
        while len(found := self.all(css)) != 1 and time.monotonic() < until:
            time.sleep(0.1)
        assert len(found) == 1, f"{css}: {len(found)} of them"
        return found[0]

    def text(self, css: str) -> str:
        return self.do("GET", f"/element/{self.one(css)}/text")

    def type(self, css: str, text: str) -> None:
        element = self.one(css)
        self.do("POST", f"/element/{element}/clear", {})
        self.do("POST", f"/element/{element}/value", {"text": text})

    def click(self, css: str) -> None:
        self.do("POST", f"/element/{self.one(css)}/click", {})

    def run(self, script: str):
        return self.do("POST", "/execute/sync", {"script": script, "args": []})

    def complaints(self) -> list[str]:
        """What the browser wrote into its console: what a policy refused, what could not be loaded."""
        entries = self.do("POST", "/se/log", {"type": "browser"})
        # An answer that is refused on purpose is told there, too.
        return [one["message"] for one in entries if "status of 4" not in one["message"] and "favicon" not in one["message"]]

    def close(self) -> None:
        self.do("DELETE", "")


def is_for_everybody(browser: Browser) -> None:
    for element in browser.all("input:not([type=hidden]), select, textarea, button"):
        label = browser.do("GET", f"/element/{element}/computedlabel")
        assert label.strip(), f"a field has no name: {browser.do('GET', f'/element/{element}/attribute/name')}"
    assert browser.run("return document.documentElement.lang") == "en"
    assert len(browser.all("h1")) == 1 and len(browser.all("main")) == 1
    width = browser.run("return [document.documentElement.scrollWidth, window.innerWidth]")
    assert width[0] <= width[1], f"the page is wider than the screen: {width}"
    small = browser.run(
        "return [...document.querySelectorAll('button, input:not([type=hidden]):not([type=checkbox]):not([type=radio]), select')]"
        ".filter(one => one.getBoundingClientRect().height < 44).length"
    )
    assert small == 0, f"{small} fields are too small for a finger"
    loaded = browser.run("return performance.getEntriesByType('resource').map(one => one.name)")
    assert all(one.startswith(URL) for one in loaded), f"the page loads from elsewhere: {loaded}"
    assert browser.run("return document.scripts.length") == 0


def answers(driver: str, width: int, height: int) -> None:
    browser = Browser(driver, width, height)
    try:
        task_id, address = task()
        browser.open(address)
        assert browser.text("h1") == "Expenses of the trip <to Ulm>"
        is_for_everybody(browser)

        # Wrong: told at the top, to which the person is led, and at the field; what was written stays.
        browser.type("#form-amount", "9000")
        browser.type("#form-place-city", "Ulm")
        browser.click("button[value=approve]")
        summary = browser.text("#errors")
        assert "Amount" in summary and "Kind" in summary and "Why" in summary, summary
        assert browser.do("GET", "/title").startswith("Error: ")
        assert browser.run("return document.activeElement.id") == "errors", "the person is not led to what was wrong"
        is_for_everybody(browser)
        assert browser.do("GET", f"/element/{browser.one('#form-amount')}/property/value") == "9000"
        assert browser.do("GET", f"/element/{browser.one('#form-place-city')}/property/value") == "Ulm"
        assert browser.do("GET", f"/element/{browser.one('#form-amount')}/attribute/aria-invalid") == "true"
        browser.click("#errors a[href='#form-amount']")
        assert browser.run("return document.activeElement.id || location.hash") in ("form-amount", "#form-amount")

        browser.type("#form-amount", "42.5")
        browser.click("#form-kind option[value=meal]")
        browser.click("#form-receipt")
        browser.click("#form-tags-1")
        browser.type("#form-why", "Lunch\nwith a client")
        browser.type("#also-comment", "All fine.")
        browser.click("button[value=approve]")
        assert "Thank you. You answered: Approve." in browser.text("[role=status]"), browser.text("main")
        assert not browser.all("form"), "what is answered has a form"

        # Loading the page anew sends nothing, and the task has one answer.
        browser.do("POST", "/refresh", {})
        assert "Thank you." in browser.text("[role=status]")
        told = call("GET", f"/tasks/{task_id}")
        wanted = {"amount": 42.5, "kind": "meal", "receipt": True, "tags": ["team"], "why": "Lunch\nwith a client", "place": {"city": "Ulm"}}
        assert told["status"] == "completed" and told["response"] == wanted, told
        assert [one["door"] for one in told["answers"]] == ["page"], told["answers"]

        # Sent from a second window that was open before: told kindly.
        task_id, address = task(form=None)
        browser.open(address)
        shown = call("GET", f"/tasks/{task_id}")["shownHash"]
        call("PUT", f"/tasks/{task_id}/respond", json={"outcome": "reject", "shownHash": shown})
        browser.click("button[value=approve]")
        assert "You answered: Reject." in browser.text("[role=status]"), browser.text("main")

        # Somebody else's link.
        browser.open(f"{URL}/forms/made-up")
        assert "This link leads nowhere" in browser.text("[role=alert]")
        complaints = browser.complaints()
        assert not complaints, complaints
    finally:
        browser.close()


def main() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    driver = subprocess.Popen(["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL)
    try:
        address = f"http://127.0.0.1:{port}"
        for _ in range(200):
            try:
                if requests.get(f"{address}/status", timeout=2).json()["value"]["ready"]:
                    break
            except requests.ConnectionError:
                time.sleep(0.1)
        for width, height in ((1280, 900), (360, 740)):
            answers(address, width, height)
            print(f"{width} by {height}: a person answered, once")
    finally:
        driver.terminate()
        driver.wait(timeout=20)
    print("the page of a link works in a browser, wide and narrow")


if __name__ == "__main__":
    sys.exit(main())
