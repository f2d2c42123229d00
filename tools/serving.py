"""A server of `elman serve` on 127.0.0.1 for the scripts that talk to one. It ends when the script does."""

import json
import pathlib
import re
import subprocess
import time
import urllib.error
import urllib.request


class Server:
    """`elman serve MODEL…` on a free port: `url` is its address, `model` the name of its first model, `process` the process."""

    def __init__(self, elman, models, *options, port=0):
        command = [pathlib.Path(elman).resolve(), "serve", *models, "--listen", f"127.0.0.1:{port}", *options]
        self.command = [str(part) for part in command]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = None
        for line in self.process.stdout:
            found = re.search(r"http://127\.0\.0\.1:\d+", line)
            if found:
                self.url = found.group(0)
                break
        if self.url is None:
            raise RuntimeError(f"{' '.join(self.command)}: {self.process.stderr.read()}")
        self.model = self.get("/v1/models")["data"][0]["id"]
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self):
        """Ends the server as a power cut would."""
        self.process.kill()
        self.process.wait()

    def get(self, path):
        return self.send("GET", path)[1]

    def post(self, path, body):
        status, answer = self.send("POST", path, body)
        if status >= 300:
            raise RuntimeError(f"{path}: {status} {answer}")
        return answer

    def send(self, method, path, body=None, timeout=60):
        """The status and the parsed answer."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json"} if data is not None else {}
        request = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read()
        try:
            return status, json.loads(text) if text else None
        except ValueError:
            return status, text.decode(errors="replace")

    def memory(self):
        """Resident memory in bytes, on Linux."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return 1024 * int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1))

    def files(self):
        """Number of open files and connections, on Linux."""
        return sum(1 for _ in pathlib.Path(f"/proc/{self.process.pid}/fd").iterdir())

    def settle(self, seconds=0.5):
        time.sleep(seconds)
