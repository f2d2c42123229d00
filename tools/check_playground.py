#!/usr/bin/env python3
"""Opens the playground of `elman serve` in headless Chromium and uses it: by pointer, by keyboard, light, dark, at phone width.

    pip install playwright && npm install axe-core
    tools/check_playground.py target/release/elman runs/a runs/b --axe node_modules/axe-core/axe.min.js [--screenshots DIR]

Starts a server of the models on 127.0.0.1 and checks

- no message in the console, no error of a script, no request to anywhere but the server;
- tokens have surprisals, the next tokens probabilities, the hidden state a picture; a text that is generated streams and stops;
- every control is reached with the Tab key and does its work with keys alone: a next token is taken, a branch is begun at a token and opened again;
- nothing is wider than the window, at 1280, 420 and 320 pixels; two models stand side by side where there is room;
- axe-core finds no violation, with the page empty and in use.

With --screenshots it leaves pictures in DIR. Needs Chromium and the Python package `playwright`; no browser of its own: the program is looked for as
chromium, chromium-browser and google-chrome, or named by --chromium.
"""

import argparse
import pathlib
import shutil
import sys

from playwright.sync_api import sync_playwright

from serving import Server

TEXT = "In the beginning God created the heaven and the earth , and"
VIEWS = {
    "light": dict(color_scheme="light", viewport=dict(width=1280, height=900)),
    "dark": dict(color_scheme="dark", viewport=dict(width=1280, height=900)),
    "phone": dict(color_scheme="light", viewport=dict(width=420, height=860), device_scale_factor=2, has_touch=True),
    "phone-dark": dict(color_scheme="dark", viewport=dict(width=320, height=700), device_scale_factor=2, has_touch=True),
}
FOCUSED = """() => { const e = document.activeElement; return e === document.body ? '' : [e.tagName, e.id, e.className, e.getAttribute('aria-label')
  || (e.labels && e.labels[0] && e.labels[0].textContent.trim()) || e.textContent.trim().slice(0, 60)].join('|'); }"""
COLOURS = """() => { const c = document.querySelector('canvas'), d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
  const seen = new Set(); for (let i = 0; i < d.length; i += 4) if (d[i + 3]) seen.add(d[i] << 24 | d[i + 1] << 16 | d[i + 2] << 8 | d[i + 3]); return seen.size; }"""


class Use:
    """The page in one view, and what is wrong with it."""

    def __init__(self, page, name, url, axe, failures):
        self.page, self.name, self.axe, self.failures = page, name, axe, failures
        page.on("console", lambda message: self.fail(f"the console says {message.text}"))
        page.on("pageerror", lambda error: self.fail(str(error)))
        page.on("request", lambda request: request.url.startswith((url, "data:")) or self.fail(f"a request for {request.url}"))
        page.goto(url + "/")
        page.wait_for_selector("#columns h2")

    def fail(self, what):
        self.failures.append(f"{self.name}: {what}")

    def holds(self, condition, what):
        if not condition:
            self.fail(what)

    def settle(self):
        self.page.wait_for_timeout(450)
        self.page.wait_for_load_state("networkidle")

    def wait(self, condition, seconds=20):
        """Until the expression `condition` holds. The page's policy forbids Playwright's own way of waiting for one."""
        for _ in range(20 * seconds):
            if self.page.evaluate(condition):
                return
            self.page.wait_for_timeout(50)
        self.fail(f"waited {seconds} seconds for {condition}")

    def tokens(self):
        return self.page.locator(".column").first.locator(".text button")

    def accessible(self, when):
        # axe is run from outside the page's content policy.
        found = self.page.evaluate(self.axe + "\naxe.run().then((r) => r.violations.map((v) => [v.impact, v.id, v.nodes.map((n) => n.target.join(' ')).slice(0, 3)]))")
        for violation in found:
            self.fail(f"axe, {when}: {violation}")

    def narrow(self):
        width = self.page.evaluate("document.documentElement.scrollWidth")
        self.holds(width <= self.page.viewport_size["width"], f"the page is {width} pixels wide")

    def write(self, text):
        self.page.fill("#text", text)
        self.settle()


def use_by_keyboard(use):
    page = use.page
    page.focus(".skip")
    seen = [page.evaluate(FOCUSED)]
    for _ in range(120):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        if not focused or focused == seen[0]:
            break
        seen.append(focused)
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        use.holds(outline != "none", f"the focus is not seen on {focused}")
    names = " ".join(seen)
    for control in ["|text|", "|temperature|", "|top-k|", "|top-p|", "|seed|", "|tokens|", "|generate|", "level", "Take ", "at-token", "at-unit", "SUMMARY", "|open|"]:
        use.holds(control in names, f"the Tab key does not reach {control}")
    # Takes the most probable next token.
    before = page.input_value("#text")
    page.locator(".next button").first.focus()
    page.keyboard.press("Enter")
    use.settle()
    use.holds(page.input_value("#text") != before and page.input_value("#text").startswith(before), "Enter does not take a next token")
    # Moves in the tokens, and begins a branch there.
    count = use.tokens().count()
    use.tokens().first.focus()
    page.keyboard.press("End")
    use.holds(page.evaluate("document.activeElement === [...document.querySelectorAll('.column .text')][0].lastElementChild"), "End does not reach the last token")
    page.keyboard.press("Home")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    detail = page.locator(".token-detail").first.inner_text()
    use.holds("bits" in detail and "Token 4 of" in detail, f"a focused token shows {detail!r}")
    page.keyboard.press("Enter")
    use.settle()
    use.holds(use.tokens().count() == 4 < count, f"a branch after 4 tokens has {use.tokens().count()}")
    use.holds(page.evaluate("document.activeElement.id") == "text", "a new branch does not lead to the text")
    page.keyboard.type(" darkness")
    use.settle()
    branches = page.locator("#branches .open")
    use.holds(branches.count() == 2 and branches.nth(1).get_attribute("aria-current") == "true", "the new branch is not listed")
    branches.first.focus()
    page.keyboard.press("Enter")
    use.settle()
    use.holds(use.tokens().count() == count, "the first branch is not as it was")
    # The picture of the hidden state has its numbers.
    if page.locator(".state").first.is_visible():
        page.locator(".at-unit").first.focus()
        page.keyboard.press("ArrowRight")
        use.holds("Unit 1 after" in page.locator(".cell").first.inner_text(), "the field Unit does not choose a unit")
        page.locator("summary").first.focus()
        page.keyboard.press("Enter")
        page.wait_for_timeout(100)
        use.holds(page.locator(".numbers").first.locator("tbody tr").count() > 4, "no numbers are shown")


def generate(use):
    """Generates, stops, and generates again with the same seed."""
    page = use.page
    page.fill("#seed", "5")
    page.fill("#tokens", "12")
    texts = []
    for _ in range(2):
        use.write(TEXT)
        page.focus("#text")
        page.keyboard.press("Control+Enter")
        use.wait("document.getElementById('status').textContent.startsWith('Generated')", 20)
        use.settle()
        texts.append([page.input_value("#text")] + page.locator(".column .text").all_inner_texts())
    use.holds(texts[0] == texts[1], "a seed does not give the same text")
    use.holds(len("".join(texts[0])) > 2 * len(TEXT) or texts[0][0] != TEXT, "nothing was generated")
    page.fill("#tokens", "1000")
    use.write(TEXT)
    page.focus("#text")
    page.keyboard.press("Control+Enter")
    use.wait("document.querySelectorAll('.text .new').length > 3", 20)
    page.keyboard.press("Escape")
    use.wait("!document.getElementById('generate').disabled", 5)
    use.settle()
    use.holds(page.locator("#status").inner_text().startswith(("Stopped", "Generated")), "Escape does not stop")
    page.fill("#tokens", "40")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("elman", type=pathlib.Path)
    parser.add_argument("models", type=pathlib.Path, nargs="+")
    parser.add_argument("--axe", type=pathlib.Path, required=True)
    parser.add_argument("--screenshots", type=pathlib.Path)
    parser.add_argument("--chromium")
    arguments = parser.parse_args()
    names = ["chromium", "chromium-browser", "google-chrome"]
    program = arguments.chromium or next(filter(None, map(shutil.which, names)), None)
    if program is None:
        sys.exit("no Chromium found: install one, or name it with --chromium")
    failures, axe = [], arguments.axe.read_text()
    folder = arguments.screenshots
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
    shot = lambda page, name: folder and page.screenshot(path=folder / f"{name}.png", full_page=True)

    with Server(arguments.elman, arguments.models) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for name, options in VIEWS.items():
            context = browser.new_context(bypass_csp=False, **options)
            use = Use(context.new_page(), name, server.url, axe, failures)
            use.settle()
            use.accessible("empty")
            use.write(TEXT)
            use.holds(use.tokens().count() >= 10, f"{use.tokens().count()} tokens are shown")
            use.holds("bits" in use.tokens().first.get_attribute("aria-label"), "a token has no surprisal for screen readers")
            use.holds(use.page.locator(".next").first.locator("button").count() >= 5, "no next tokens")
            if use.page.locator(".state").first.is_visible():
                use.holds(use.page.evaluate(COLOURS) > 10, "nothing is drawn of the hidden state")
            use.narrow()
            shot(use.page, name)
            if name == "light" and len(arguments.models) > 1:
                boxes = [use.page.locator(".column").nth(i).bounding_box() for i in range(2)]
                use.holds(abs(boxes[0]["y"] - boxes[1]["y"]) < 2 and boxes[0]["x"] < boxes[1]["x"], "the models are not side by side")
            if name in ("light", "phone"):
                use_by_keyboard(use)
                use.accessible("in use")
                shot(use.page, f"{name}-keyboard")
                generate(use)
                shot(use.page, f"{name}-generated")
                use.narrow()
                if len(arguments.models) > 1:
                    use.page.select_option("#beside", "")
                    use.settle()
                    generate(use)
                    use.accessible("one model")
                    shot(use.page, f"{name}-one")
                    use.narrow()
            context.close()
        browser.close()
    for failure in failures:
        print(failure)
    if failures:
        sys.exit(1)
    print(f"{', '.join(VIEWS)}: no message, no request elsewhere, nothing found by axe")


if __name__ == "__main__":
    main()
