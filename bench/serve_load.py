#!/usr/bin/env python3
"""What `elman serve` does under load: streams side by side, overload, slow clients, clients that hang up, broken requests, hours.

    cargo build --release
    # 64 streams beside `elman bench M --work states`, which has random weights of the same sizes
    target/release/elman train data/kjv.txt -o runs/m --hidden 650 --layers 2 --embed 650 --no-tied --max-vocab 10000 --epochs 0.003
    python3 bench/serve_load.py target/release/elman runs/m streams --size M
    python3 bench/serve_load.py target/release/elman runs/kjv overload           # ten times more requests than are accepted
    python3 bench/serve_load.py target/release/elman runs/kjv slow               # 1,000 connections that send a byte now and then
    python3 bench/serve_load.py target/release/elman runs/kjv hang-up --requests 10000
    python3 bench/serve_load.py target/release/elman runs/kjv mutate --requests 1000000
    python3 bench/serve_load.py target/release/elman runs/kjv soak --seconds 3600
    python3 bench/serve_load.py target/release/elman runs/kjv all --short        # each for some seconds: does it work?

Needs Linux and nothing but Python. It starts the server on 127.0.0.1 with a free port, talks to it alone, and ends it; numbers of
requests, connections and seconds are bounded by the options. Exit code 1 if something that must hold does not:

- streams: every stream arrives whole. Tokens per second and the median and p99 of the time between two tokens are printed, as is what
  `elman bench` reaches with as many states in one process; nothing else may run on the machine, and the client is Python on the same one.
- overload: an answer of 429 comes within 10 ms (median) and has Retry-After; every request that was accepted is answered whole.
- slow: the p99 of a healthy client is at most twice that without the slow ones; the slow ones are closed by the server's limits.
- hang-up: clients that hang up leave no connection, no stream and no memory behind.
- mutate: broken requests, made from whole ones with a seed, are answered with 2xx or 4xx, and the server goes on.
- soak: memory after a minute and at the end differ by at most 1 %. `--readings FILE` gets seconds, requests and bytes in memory, a line a minute.
"""

import argparse
import asyncio
import json
import pathlib
import random
import re
import selectors
import socket
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "tools"))

from serving import Server

PROMPTS = ["In the beginning", "And the king said", "The", "And it came to pass in those days"]


class Client:
    """Requests over HTTP/1.1, one connection each."""

    def __init__(self, server):
        self.host, self.port = "127.0.0.1", int(server.url.rsplit(":", 1)[1])
        self.model = server.model

    def request(self, path, body, extra=b""):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\nhost: {self.host}\r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\nconnection: close\r\n"
        return head.encode() + extra + b"\r\n" + data

    async def open(self):
        return await asyncio.open_connection(self.host, self.port)

    async def send(self, raw, timeout=60):
        """Status, headers and body of an answer; status 0 if the server closed the connection without one."""
        reader, writer = await self.open()
        try:
            writer.write(raw)
            await writer.drain()
            head, body = await asyncio.wait_for(self.receive(reader), timeout)
        except (ConnectionError, asyncio.IncompleteReadError):
            head, body = b"", b""
        finally:
            writer.close()
        found = re.match(rb"HTTP/1\.1 (\d+)", head)
        return (int(found.group(1)) if found else 0), head.lower(), body

    @staticmethod
    async def receive(reader):
        """Head and body of an answer; a broken request may leave the connection open after it."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head.lower())
        if length:
            return head, await reader.readexactly(int(length.group(1)))
        if b"transfer-encoding: chunked" not in head.lower():
            return head, b""
        parts = []
        while size := int(await reader.readline(), 16):
            parts.append(await reader.readexactly(size))
            await reader.readexactly(2)
        return head, b"".join(parts)

    def completion(self, prompt, tokens, **options):
        body = {"model": self.model, "prompt": prompt, "max_tokens": tokens, "temperature": 1, **options}
        return self.request("/v1/completions", body)

    def streams(self, prompts, tokens):
        """Reads a stream for each prompt, all at once; returns the times at which the events of each arrived, whether it ended whole, and its status.

        Sockets are looked at every two milliseconds, and nothing but the ends of events is counted, for what the client computes is taken from the server.
        """
        found = [Stream(self, prompt, tokens, seed) for seed, prompt in enumerate(prompts)]
        with selectors.DefaultSelector() as open_ones:
            for stream in found:
                open_ones.register(stream.socket, selectors.EVENT_READ, stream)
            while open_ones.get_map():
                ready = open_ones.select(timeout=60)
                if not ready:
                    raise TimeoutError(f"nothing came for a minute from {len(open_ones.get_map())} streams")
                for key, _ in ready:
                    if not key.data.receive():
                        open_ones.unregister(key.fileobj)
                        key.fileobj.close()
                time.sleep(0.002)
        return [(stream.times, stream.ended, stream.status) for stream in found]


class Stream:
    """A stream of events that is read from a socket."""

    def __init__(self, client, prompt, tokens, seed):
        request = client.completion(prompt, tokens, stream=True, seed=seed, ignore_eos=True)
        self.socket = socket.create_connection((client.host, client.port))
        self.socket.sendall(request)
        self.socket.setblocking(False)
        self.times, self.status = [], 0
        self.kept, self.last = b"", b""

    def receive(self):
        """Reads what there is; false at the end."""
        part = self.socket.recv(1 << 16)
        now = time.perf_counter()
        if not self.times:
            self.times.append(now)
            self.status = int(part.split(maxsplit=2)[1])
        # An event ends with an empty line; its end may have come in two parts.
        text = self.kept + part
        self.times += [now] * text.count(b"\n\n")
        self.kept = b"" if text.endswith(b"\n\n") else text[-1:]
        self.last = (self.last + part)[-40:]
        return bool(part)

    @property
    def ended(self):
        """Whether the last event is that of the end."""
        return b"[DONE]" in self.last


def quantile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def milliseconds(seconds):
    return f"{1000 * seconds:.2f} ms"


async def streams(server, arguments):
    client = Client(server)
    began = time.perf_counter()
    found = client.streams([PROMPTS[i % len(PROMPTS)] for i in range(arguments.streams)], arguments.tokens)
    took = time.perf_counter() - began
    # The last two events are the end of the text and `[DONE]`.
    tokens = sum(len(times) - 3 for times, _, _ in found)
    gaps = [b - a for times, _, _ in found for a, b in zip(times[1:], times[2:])]
    print(f"streams: {arguments.streams} streams, {tokens:,} tokens in {took:.2f} s, {tokens / took:,.0f} tokens per second")
    print(f"streams: between two tokens median {milliseconds(statistics.median(gaps))}, p99 {milliseconds(quantile(gaps, 0.99))}")
    return all(ended and status == 200 for _, ended, status in found)


def bench_states(arguments):
    command = [arguments.elman.resolve(), "bench", arguments.size, "--work", "states"]
    print("streams: compare with", " ".join(map(str, command)))
    if not arguments.short:
        print(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


async def overload(server, arguments):
    client = Client(server)
    count = 10 * arguments.accepted

    async def one(i, tokens=40):
        began = time.perf_counter()
        status, head, body = await client.send(client.completion(PROMPTS[i % 4], tokens, seed=i, ignore_eos=True), timeout=600)
        return status, time.perf_counter() - began, b"retry-after" in head, body

    found = await asyncio.gather(*(one(i) for i in range(count)))
    refused = [(took, retry) for status, took, retry, _ in found if status == 429]
    whole = [body for status, _, _, body in found if status == 200]
    lost = len(found) - len(refused) - len(whole)
    good = lost == 0 and all(json.loads(body)["choices"] for body in whole) and all(retry for _, retry in refused)
    print(f"overload: {count} requests at once: {len(whole)} answered, {len(refused)} refused, {lost} lost")
    if refused:
        # Connections are opened by this one Python process, whose own time is in these figures.
        print(f"overload: a refusal took median {milliseconds(statistics.median(t for t, _ in refused))}, p99 {milliseconds(quantile([t for t, _ in refused], 0.99))}")
    alone = []
    hold = [asyncio.create_task(one(i, 2000)) for i in range(2 * arguments.accepted)]
    await asyncio.sleep(0.3)
    for i in range(50):
        status, took, _, _ = await one(i, 1)
        if status == 429:
            alone.append(took)
    held = await asyncio.gather(*hold)
    if not alone:
        print("overload: the queue was not full")
        return False
    median = statistics.median(alone)
    print(f"overload: a refusal while {arguments.accepted} texts are written took median {milliseconds(median)}, p99 {milliseconds(quantile(alone, 0.99))}, one request after the other")
    return good and median < 0.010 and all(status in (200, 429) for status, _, _, _ in held)


async def slow(server, arguments):
    client = Client(server)

    async def healthy(count):
        took = []
        for i in range(count):
            began = time.perf_counter()
            status, _, _ = await client.send(client.completion(PROMPTS[i % 4], 4, seed=i))
            took.append(time.perf_counter() - began)
            if status != 200:
                return [float("inf")]
        return took

    async def drip(stop):
        """Sends a byte of a request every second, until the server closes the connection."""
        try:
            reader, writer = await client.open()
        except OSError:
            return "refused"
        try:
            for byte in client.completion("x", 1):
                writer.write(bytes([byte]))
                await writer.drain()
                for _ in range(10):
                    if stop.is_set():
                        return "open"
                    await asyncio.sleep(0.1)
                if reader.at_eof():
                    return "closed"
        except OSError:
            return "closed"
        finally:
            writer.close()

    count = 100 if arguments.short else 1000
    await healthy(20)
    before = quantile(await healthy(count), 0.99)
    stop = asyncio.Event()
    dripping = [asyncio.create_task(drip(stop)) for _ in range(arguments.connections)]
    await asyncio.sleep(2)
    during = quantile(await healthy(count), 0.99)
    if not arguments.short:
        await asyncio.sleep(15)
    stop.set()
    ends = await asyncio.gather(*dripping)
    print(f"slow: p99 of a healthy client {milliseconds(before)} alone, {milliseconds(during)} beside {arguments.connections} slow ones")
    print("slow: the slow ones:", ", ".join(f"{ends.count(end)} {end}" for end in sorted(set(map(str, ends)))))
    return during <= 2 * before


async def hang_up(server, arguments):
    client = Client(server)
    limit = asyncio.Semaphore(16)
    generator = random.Random(1)

    async def one(i):
        async with limit:
            reader, writer = await client.open()
            writer.write(client.completion(PROMPTS[i % 4], 200, seed=i, stream=True, ignore_eos=True))
            await writer.drain()
            if generator.random() < 0.5:
                await reader.read(generator.randrange(1, 400))
            writer.transport.abort()

    # As many at once as later, so that the buffers and the allocator's regions of all threads are there.
    await asyncio.gather(*(one(i) for i in range(arguments.requests // 5)))
    await asyncio.sleep(2)
    files, memory = server.files(), server.memory()
    await asyncio.gather(*(one(i) for i in range(arguments.requests)))
    for _ in range(50):
        await asyncio.sleep(0.2)
        if server.files() <= files:
            break
    grown = (server.memory() - memory) / arguments.requests
    print(f"hang-up: {arguments.requests:,} clients hung up; open files {files} before, {server.files()} after; memory {grown:+.0f} bytes for each")
    answered, _, _ = await client.send(client.completion("And", 4))
    # The queue of a stream alone has kilobytes; the allocator's regions move by a megabyte or two.
    return answered == 200 and server.files() <= files and grown < 256


def mutated(client, generator):
    """A broken request, made from a whole one."""
    state = generator.choice(["", "AAAA", "////" * 40])
    path, body = generator.choice([
        ("/v1/completions", {"model": client.model, "prompt": "And God", "max_tokens": 3, "logprobs": 1, "echo": True}),
        ("/v1/completions", {"model": client.model, "prompt": [[1, 2], [3]], "max_tokens": 1, "stream": True, "stop": ["x"]}),
        ("/v1/score", {"model": client.model, "texts": ["And God", ""]}),
        ("/v1/next", {"model": client.model, "prompt": "And God", "top": 3, "state": state, "hidden": {"layer": 0, "last": 2}}),
        ("/v1/sessions", {"model": client.model, "name": "a"}),
        ("/v1/sessions/a/feed", {"prompt": "And God", "tokens": True}),
        ("/v1/sessions/a/rewind", {"to": 1}),
        ("/v1/sessions/a/generate", {"max_tokens": 2}),
        ("/v1/sessions/a/fork", {"name": "b"}),
        ("/tokenize", {"model": client.model, "prompt": "And God"}),
        ("/detokenize", {"model": client.model, "tokens": [1, 2]}),
    ])
    values = [None, True, -1, 0, 1e308, 2**63, 2**64, "", "x" * 1000, "\u0000", [], [[]], {}, [[[1]]], "../../etc/passwd", 0.5, [-1], "\ud83d"]
    for _ in range(generator.randrange(3)):
        body[generator.choice([*body, "n", "best_of", "logit_bias", "seed", "stop", "temperature", "top_k"])] = generator.choice(values)
    data = bytearray(json.dumps(body).encode())
    for _ in range(generator.choice([0, 0, 1, 4])):
        if not data:
            break
        at = generator.randrange(len(data))
        kind = generator.randrange(3)
        if kind == 0:
            data[at] = generator.randrange(256)
        elif kind == 1:
            del data[at : at + generator.randrange(1, 8)]
        else:
            data[at:at] = bytes(generator.randrange(256) for _ in range(generator.randrange(1, 8)))
    if not data:
        data = bytearray(b"{")
    raw = bytearray(client.request(path, bytes(data)))
    if generator.random() < 0.05:
        at = generator.randrange(len(raw) - len(data))
        raw[at] = generator.randrange(256)
    return bytes(raw)


async def mutate(server, arguments):
    client = Client(server)
    generator = random.Random(arguments.seed)
    limit = asyncio.Semaphore(16)
    counts = {}
    wrong = []

    async def one(raw):
        async with limit:
            try:
                status, _, body = await client.send(raw, timeout=45)
            except asyncio.TimeoutError:
                status, body = -1, b""
            counts[status] = counts.get(status, 0) + 1
            # A head that is no HTTP may be answered by closing the connection.
            if not (200 <= status < 300 or 400 <= status < 500 or status == 0):
                wrong.append((status, raw, body))

    left = arguments.requests
    while left:
        many = min(left, 2000)
        await asyncio.gather(*(one(mutated(client, generator)) for _ in range(many)))
        left -= many
        if left and left % 50_000 == 0:
            print(f"mutate: {left:,} left, {len(wrong)} wrong, memory {server.memory() / 2**20:.1f} MiB", flush=True)
    print(f"mutate: {arguments.requests:,} requests:", ", ".join(f"{count} × {status}" for status, count in sorted(counts.items())))
    for status, raw, body in wrong[:5]:
        print("mutate:", status, raw[-300:], body[:300])
    answered, _, _ = await client.send(client.completion("And", 4))
    return not wrong and answered == 200 and server.process.poll() is None


async def soak(server, arguments):
    client = Client(server)
    generator = random.Random(2)
    end = time.perf_counter() + arguments.seconds
    warm = time.perf_counter() + min(60, arguments.seconds / 3)
    memory, done, failed = None, 0, 0

    async def worker(number):
        nonlocal done, failed
        while time.perf_counter() < end:
            work = generator.randrange(4)
            if work == 0:
                request = client.completion(generator.choice(PROMPTS), 30, stream=True, seed=generator.randrange(1000), ignore_eos=True)
                _, _, body = await client.send(request)
                ended = b"[DONE]" in body
                good = ended
            else:
                raw = [
                    client.completion(generator.choice(PROMPTS), 20, seed=generator.randrange(1000)),
                    client.request("/v1/next", {"model": client.model, "prompt": "And God", "return_state": True}),
                    client.request("/v1/score", {"model": client.model, "texts": PROMPTS}),
                ][work - 1]
                # A machine that stands still for a while is no failure of the server.
                good = (await client.send(raw, timeout=600))[0] == 200
            done += 1
            failed += not good

    began = time.perf_counter()
    minutes = 0
    workers = [asyncio.create_task(worker(i)) for i in range(8)]
    while time.perf_counter() < end:
        await asyncio.sleep(1)
        now = time.perf_counter()
        if memory is None and now > warm:
            memory = server.memory()
        if arguments.readings and now - began >= 60 * minutes:
            minutes += 1
            with arguments.readings.open("a") as file:
                file.write(f"{now - began:.0f}\t{done}\t{server.memory()}\n")
    await asyncio.gather(*workers)
    grown = server.memory() / memory - 1
    print(f"soak: {done:,} requests in {arguments.seconds} s, {failed} failed; memory {memory / 2**20:.1f} MiB, {100 * grown:+.2f} % at the end")
    return failed == 0 and (grown <= 0.01 or arguments.short)


WORKS = {"streams": streams, "overload": overload, "slow": slow, "hang-up": hang_up, "mutate": mutate, "soak": soak}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("elman", type=pathlib.Path)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("work", choices=[*WORKS, "all"])
    parser.add_argument("--short", action="store_true", help="some seconds each, without what only a quiet machine can show")
    parser.add_argument("--streams", type=int, default=64)
    parser.add_argument("--tokens", type=int, default=200, help="tokens of a stream")
    parser.add_argument("--size", default="M", help="configuration of `elman bench` to compare with")
    parser.add_argument("--accepted", type=int, default=64, help="requests that the server accepts at once")
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seconds", type=int, default=3600)
    parser.add_argument("--readings", type=pathlib.Path, help="file for the memory while the soak runs")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.short:
        arguments.tokens = min(arguments.tokens, 50)
        arguments.requests = min(arguments.requests, 2000)
        arguments.seconds = min(arguments.seconds, 15)
    good = True
    for name in WORKS if arguments.work == "all" else [arguments.work]:
        limits = ["--requests", arguments.accepted] if name == "overload" else []
        with Server(arguments.elman, [arguments.model], *limits) as server:
            fits = asyncio.run(WORKS[name](server, arguments))
        print(f"{name}: {'ok' if fits else 'WRONG'}", flush=True)
        good = good and fits
        if name == "streams":
            bench_states(arguments)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
