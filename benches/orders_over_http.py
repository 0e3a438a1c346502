"""How fast orders are acknowledged over HTTP, durably, beside two limits of the same run.

Starts a release build on data of its own, measures in one run, several rounds of each in turn
because disks and shared machines change by the second,
  1. the disk: 4 KiB appended and fdatasync'ed, one after the other;
  2. the web server: a route with a constant answer (`/live`);
  3. `POST /api/v1/orders`, each answered after its commit is on disk,
and prints the ratios of the medians. Afterwards the log must verify and hold every acknowledged order.

Needs `wrk`. With `--check` it fails when a target is missed: at 256 connections at least 6 % of the
constant answer; at one connection a median of at most 4 fdatasyncs.
"""

import argparse
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from datetime import date, timedelta
from pathlib import Path

SHARE_TARGET = 0.06
FSYNCS_TARGET = 4.0
BARS = 30
CONNECTIONS = (1, 8, 64, 256)
ROUNDS = 3
ORDER = {
    "account": "demo",
    "symbol": "CENT",
    "side": "buy",
    "quantity": "1",
    "type": "limit",
    "limit_price": "0.01",
    "time_in_force": "gtc",
}
UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}


def write_bars(path):
    """A stock so cheap that the demo account can order it millions of times."""
    lines = ["symbol,date,open,high,low,close,volume,adj_close"]
    day = date(2020, 1, 6)
    for _ in range(BARS):
        while day.weekday() > 4:
            day += timedelta(days=1)
        lines.append(f"CENT,{day},0.01,0.01,0.01,0.01,1000000,0.01")
        day += timedelta(days=1)
    path.write_text("\n".join(lines) + "\n")


def fdatasync_median(directory, rounds=2000):
    """Seconds."""
    block = os.urandom(4096)
    taken = []
    file = os.open(directory / "fdatasync", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    try:
        for _ in range(rounds):
            began = time.perf_counter()
            os.write(file, block)
            os.fdatasync(file)
            taken.append(time.perf_counter() - began)
    finally:
        os.close(file)
    return statistics.median(taken)


def seconds(text):
    value, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()
    return float(value) * UNITS[unit]


def wrk(url, connections, duration, script=None):
    """Requests per second, median and 99th percentile in seconds, number of requests."""
    command = ["wrk", "--latency", "-t1", f"-c{connections}", f"-d{duration}s"]
    if script:
        command += ["-s", str(script)]
    text = subprocess.run([*command, url], check=True, capture_output=True, text=True).stdout
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)", text)
    if failed:
        raise SystemExit(f"{url}: {failed.group(0)}")
    return {
        "rate": float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1)),
        "p50": seconds(re.search(r"^\s+50%\s+(\S+)", text, re.M).group(1)),
        "p99": seconds(re.search(r"^\s+99%\s+(\S+)", text, re.M).group(1)),
        "requests": int(re.search(r"(\d+) requests in", text).group(1)),
    }


def post_script(path, ready):
    body = json.dumps(ORDER).replace("'", "\\'")
    path.write_text(
        "wrk.method = 'POST'\n"
        f"wrk.body = '{body}'\n"
        "wrk.headers['Content-Type'] = 'application/json'\n"
        f"wrk.headers['APCA-API-KEY-ID'] = '{ready['key_id']}'\n"
        f"wrk.headers['APCA-API-SECRET-KEY'] = '{ready['secret_key']}'\n"
    )


def get(ready, path):
    request = urllib.request.Request(ready["url"] + path)
    request.add_header("APCA-API-KEY-ID", ready["key_id"])
    request.add_header("APCA-API-SECRET-KEY", ready["secret_key"])
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def start(blotter, directory):
    bars = directory / "cent.csv"
    write_bars(bars)
    data_dir = directory / "data"
    node = subprocess.Popen(
        [blotter, "demo", "--data", bars, "--speed", "max", "--bind", "127.0.0.1:0", "--json",
         "--data-dir", data_dir, "--log-level", "warn"],
        stdout=subprocess.PIPE,
        text=True,
    )
    ready = json.loads(node.stdout.readline())
    deadline = time.monotonic() + 60
    while len(get(ready, f"/api/v1/candles?symbol=CENT&limit={BARS}")["items"]) < BARS:
        if time.monotonic() > deadline:
            raise SystemExit("the bars were not played within a minute")
        time.sleep(0.1)
    return node, ready, data_dir


def rest(ready):
    """Waits until the read models have folded what the run before left behind."""
    deadline = time.monotonic() + 120
    while any(view["lag_events"] for view in get(ready, "/api/v1/ops/projections")["items"]):
        if time.monotonic() > deadline:
            raise SystemExit("the read models did not catch up within two minutes")
        time.sleep(0.1)


def orders_in_log(blotter, data_dir):
    events = subprocess.Popen(
        [blotter, "events", "--type", "OrderApproved", "--json", "--data-dir", data_dir],
        stdout=subprocess.PIPE,
    )
    count = sum(1 for _ in events.stdout)
    if events.wait() != 0:
        raise SystemExit("the log cannot be listed")
    return count


def measure(blotter, directory, duration):
    node, ready, data_dir = start(blotter, directory)
    try:
        script = directory / "post.lua"
        post_script(script, ready)
        orders_url = ready["url"] + "/api/v1/orders"
        wrk(orders_url, 8, 1, script)
        rounds = []
        for _ in range(ROUNDS):
            for connections in CONNECTIONS:
                rest(ready)
                rounds.append(
                    {
                        "connections": connections,
                        "fdatasync": fdatasync_median(directory),
                        "constant": wrk(ready["url"] + "/live", connections, duration),
                        "orders": wrk(orders_url, connections, duration, script),
                    }
                )
    finally:
        node.send_signal(signal.SIGTERM)
        node.wait(timeout=120)
    acknowledged = sum(run["orders"]["requests"] for run in rounds)
    recorded = orders_in_log(blotter, data_dir)
    if recorded < acknowledged:
        raise SystemExit(f"{acknowledged} orders were acknowledged, the log holds {recorded}")
    subprocess.run([blotter, "verify", "--data-dir", data_dir], check=True, stdout=subprocess.DEVNULL)
    print(f"{acknowledged} orders acknowledged, {recorded} in the log, which verifies")
    return rounds


def median_of(rounds, connections, kind):
    runs = [run[kind] for run in rounds if run["connections"] == connections]
    return {name: statistics.median(run[name] for run in runs) for name in ("rate", "p50", "p99")}


def report(rounds):
    sync = statistics.median(run["fdatasync"] for run in rounds)
    print(f"fdatasync of 4 KiB: median {sync * 1e3:.3f} ms")
    print("connections  constant/s   orders/s   share    p50 ms   p99 ms   p50/fdatasync")
    for connections in CONNECTIONS:
        constant = median_of(rounds, connections, "constant")
        orders = median_of(rounds, connections, "orders")
        print(
            f"{connections:11}  {constant['rate']:10.0f} {orders['rate']:10.0f}"
            f"  {orders['rate'] / constant['rate']:6.1%}  {orders['p50'] * 1e3:8.2f} {orders['p99'] * 1e3:8.2f}"
            f"  {orders['p50'] / sync:14.1f}"
        )
    share = median_of(rounds, 256, "orders")["rate"] / median_of(rounds, 256, "constant")["rate"]
    fsyncs = median_of(rounds, 1, "orders")["p50"] / sync
    print(f"at 256 connections {share:.1%} of the constant answer (target {SHARE_TARGET:.0%})")
    print(f"at one connection a median of {fsyncs:.1f} fdatasyncs (target {FSYNCS_TARGET:.0f})")
    return share >= SHARE_TARGET and fsyncs <= FSYNCS_TARGET


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("blotter", type=Path, help="the program to measure, a release build")
    parser.add_argument("--seconds", type=int, default=3, help="length of each run")
    parser.add_argument("--check", action="store_true", help="fail when a target is missed")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as directory:
        met = report(measure(asked.blotter.resolve(), Path(directory), asked.seconds))
    if asked.check and not met:
        sys.exit(1)


if __name__ == "__main__":
    main()
