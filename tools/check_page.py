#!/usr/bin/env python3
"""Open a page that elman has written in headless Chromium and hold it to what it promises.

    tools/check_page.py PAGE.html [--screenshots DIR]

Checks: no message in the console, no request but for the page itself, every plot drawn (a canvas in each `figure.plot` with pixels of
more than one colour), nothing wider than the window at phone width, under 3 MB, and without scripts every plot's picture is seen.
With --screenshots it leaves light.png, dark.png, phone.png, plain.png (no scripts) and print.pdf in DIR.

Needs Chromium and the Python package `playwright` (`pip install playwright`); no browser of its own:
the program is looked for as chromium, chromium-browser and google-chrome, or named by --chromium.
"""

import argparse
import os
import pathlib
import shutil
import sys

from playwright.sync_api import sync_playwright

DRAWN = """() => [...document.querySelectorAll('figure.plot')].map((figure) => {
  const canvas = figure.querySelector('canvas');
  if (!canvas || canvas.width === 0) return [figure.id, 0];
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  const colours = new Set();
  for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 128) colours.add(data[i] << 16 | data[i + 1] << 8 | data[i + 2]);
  return [figure.id, colours.size];
})"""
PICTURES = """() => [...document.querySelectorAll('figure.plot')].map((figure) => {
  const box = figure.querySelector('svg').getBoundingClientRect();
  return [figure.id, box.width * box.height];
})"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", type=pathlib.Path)
    parser.add_argument("--screenshots", type=pathlib.Path)
    parser.add_argument("--chromium")
    args = parser.parse_args()
    names = ["chromium", "chromium-browser", "google-chrome"]
    program = args.chromium or next(filter(None, map(shutil.which, names)), None)
    if program is None:
        sys.exit("no Chromium found: install one, or name it with --chromium")
    url = args.page.resolve().as_uri()
    failures = []
    if os.path.getsize(args.page) > 3_000_000:
        failures.append("the file is larger than 3 MB")
    if args.screenshots:
        args.screenshots.mkdir(parents=True, exist_ok=True)

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        views = [
            ("light", dict(color_scheme="light", viewport=dict(width=1280, height=900))),
            ("dark", dict(color_scheme="dark", viewport=dict(width=1280, height=900))),
            ("phone", dict(color_scheme="light", viewport=dict(width=390, height=844), device_scale_factor=2)),
            ("plain", dict(java_script_enabled=False, viewport=dict(width=1280, height=900))),
        ]
        for name, options in views:
            # `evaluate` works where the page's own scripts do not.
            context = browser.new_context(**options)
            page = context.new_page()
            page.on("console", lambda message: failures.append(f"{name}: the console says {message.text}"))
            page.on("pageerror", lambda error: failures.append(f"{name}: {error}"))
            page.on("request", lambda request: request.url in (url, "data:,") or failures.append(f"{name}: a request for {request.url}"))
            page.goto(url)
            page.wait_for_timeout(300)
            width = page.evaluate("document.documentElement.scrollWidth")
            if width > options["viewport"]["width"]:
                failures.append(f"{name}: the page is {width} pixels wide")
            if name == "plain":
                failures += [f"plain: no picture of {plot}" for plot, area in page.evaluate(PICTURES) if area < 1000]
            else:
                plots = page.evaluate(DRAWN)
                failures += [f"{name}: nothing is drawn in {plot}" for plot, colours in plots if colours < 2]
            if args.screenshots:
                page.screenshot(path=args.screenshots / f"{name}.png", full_page=True)
                if name == "light":
                    page.pdf(path=args.screenshots / "print.pdf", format="A4", prefer_css_page_size=True)
            context.close()
        browser.close()
    for failure in failures:
        print(failure)
    if failures:
        sys.exit(1)
    print(f"{args.page}: {len(plots)} plots drawn, no request, no message, {os.path.getsize(args.page):,} bytes")


if __name__ == "__main__":
    main()
