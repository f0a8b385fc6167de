"""How exactly a link keeps its pace, between two processes: `-m benchmarks.real_models.links`."""

from __future__ import annotations

import subprocess
import sys
import time
from statistics import median

from benchmarks.common import asked_for, machine, table
from splitfog.deployment.wire.frames import Begun, Chunk, decoded, encoded
from splitfog.deployment.wire.links import SendingLink
from splitfog.deployment.wire.pacing import Pace
from splitfog.deployment.wire.sockets import Socket, authenticated, listening, sending

RATES_BPS = (1e6, 3e6, 1e7, 3e7, 1e8)
SIZES = (15_000, 150_000, 1_500_000)
LONGEST_S = 3.0
"""A transfer that would take longer is left out."""

REPEATS = 15


def seconds(num_bytes: int, bandwidth_bps: float, latency_s: float) -> list[float]:
    """From putting a tensor on a link until its last byte is in another process, run by run."""
    with authenticated(None) as context:
        answers, (own,) = listening(context, ["127.0.0.1:*"], None)
        child = [sys.executable, "-m", "benchmarks.real_models.links", own]
        with subprocess.Popen(child, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            place = process.stdout.readline().strip()
            link = SendingLink(
                sending(context, place, None, "child"), Pace(bandwidth_bps, latency_s)
            )
            found = []
            for request in range(REPEATS + 1):
                found.append(_once(link, answers, request, num_bytes))
                time.sleep(0.01)
            link.close()
            process.kill()
    return found[1:]  # the first one makes the connection


def _once(link: SendingLink, answers: Socket, request: int, num_bytes: int) -> float:
    chunk = Chunk(
        run="",
        plan="",
        request=request,
        slot=0,
        tensor="t",
        dtype="uint8",
        shape=(num_bytes,),
        tail="here",
    )
    start_s = time.perf_counter()
    link.put(chunk, memoryview(bytes(num_bytes)))
    header, _ = decoded(answers.recv())
    return float(header.at_s) - start_s


def answer(driver: str) -> None:
    """The other process: say when the last byte of every tensor was there."""
    with authenticated(None) as context:
        socket, (own,) = listening(context, ["127.0.0.1:*"], None)
        print(own, flush=True)
        back = sending(context, driver, None, "parent")
        while True:
            header, payload = decoded(socket.recv())
            if header.offset + len(payload) == header.shape[0]:
                at_s = time.perf_counter()
                begun = Begun(run="", node="", plan="", request=header.request, at_s=at_s)
                back.send(encoded(begun))


def main() -> None:
    """Print the table."""
    rows = []
    for bandwidth_bps in RATES_BPS:
        for num_bytes in SIZES:
            for latency_s in (0.0, 0.005):
                must_s = Pace(bandwidth_bps, latency_s).seconds(num_bytes)
                if must_s > LONGEST_S:
                    continue
                errors = [s / must_s - 1 for s in seconds(num_bytes, bandwidth_bps, latency_s)]
                rows.append(
                    [
                        *(f"{bandwidth_bps / 1e6:g}", f"{num_bytes / 1e3:g}", latency_s * 1e3),
                        *(must_s * 1e3, f"{median(errors):+.2%}", f"{max(errors):+.2%}"),
                    ]
                )
    print(machine(), "\n")
    header = ["Mbit/s", "kB", "latency, ms", "must take, ms", "median error", "worst"]
    print(table(header, rows))


if __name__ == "__main__":
    addresses = asked_for(__doc__, "where the other side listens, which this one answers")
    if addresses:
        answer(addresses[0])
    else:
        main()
