#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The configuration channel beside mosquitto: ten thousand devices, each with 1 KiB of values.

Both servers run at the same time and get the same work in turn. Every figure that must reach something is
printed with it, and whether it does.
"""

import os
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
from channel_servers import BUILD_ROOT, Floor, Load, Mosquitto, Vmd, machine, raise_descriptor_limit, time_disk, warm
from peers import percentile, spread

DEVICES = int(os.environ.get("VMD_BENCHMARK_DEVICES", "10000"))
SIZE = 1024
ROUNDS = 5
IN_FLIGHT = 64
HEARTBEAT = 10
IDLE_SECONDS = 3 * HEARTBEAT


class Verdicts:
    """What must be so, and is or is not."""

    def __init__(self):
        self.missed = []

    def most(self, what, value, limit, unit=""):
        self.say(what, value, "≤", limit, unit, value <= limit)

    def least(self, what, value, limit, unit=""):
        self.say(what, value, "≥", limit, unit, value >= limit)

    def say(self, what, value, relation, limit, unit, met):
        print(f"    {'met   ' if met else 'MISSED'} {what}: {value:,.4g}{unit}, must be {relation} {limit:,.4g}{unit}",
              flush=True)
        if not met:
            self.missed.append(what)


def heading(text):
    print(f"\n{text} ({machine()})", flush=True)


def tell(server, what, *values):
    print(f"  {server.name:9} {what}: {', '.join(values)}", flush=True)


def in_turn(servers, measure):
    """@measure's figures of each server, round by round; who is first changes."""
    figures = {server.name: [] for server in servers}
    for i in range(ROUNDS):
        for server in servers if i % 2 == 0 else servers[::-1]:
            figures[server.name].append(measure(server))
    return figures


def ratio(figures, peer):
    if peer is None:
        return None
    return statistics.median(figures["vmd"]) / statistics.median(figures[peer.name])


def milliseconds(answer, name):
    return f"{name} p50 {answer[name + '_p50']:.3g} ms, p99 {answer[name + '_p99']:.3g} ms"


def measure_idle(servers, verdicts):
    heading(f"{DEVICES} devices that are connected and do nothing")
    for server in servers:
        before = server.memory()
        answer = server.load.connect(DEVICES, IN_FLIGHT)
        warm(1)
        each = (server.memory() - before) / DEVICES
        tell(server, "memory", f"{before / 2**20:.1f} MiB before, {each / 1024:.2f} KiB for each device",
             f"{answer['per_second']:,.0f} connected a second")
        if server.name == "vmd":
            whole = (server.memory() - server.empty) / DEVICES
            verdicts.most("memory of an idle subscriber, its device and values not counted", each / 1024, 4, " KiB")
            verdicts.most("memory of an idle subscriber, with its device and values", whole / 1024, 4, " KiB")


def idle_share(server, what):
    """Of one processor, while all are connected and nothing is set."""
    began, busy = time.monotonic(), server.busy()
    answer = server.load.idle(IDLE_SECONDS)
    share = (server.busy() - busy) / (time.monotonic() - began)
    tell(server, what, f"{share:.3%} of a processor", f"{answer['failures']:.0f} cut off")
    return share


def measure_heartbeats(ours, peer, verdicts):
    """What it costs to know that ten thousand are there: beside the least that the same bytes can cost, beside
    knowing nothing, and beside a peer whose clients say so as often."""
    heading(f"{DEVICES} that are connected and do nothing: a heartbeat each in {HEARTBEAT} s")
    beating = idle_share(ours, "heartbeats")
    floor = Floor(HEARTBEAT)
    floor.load.known(DEVICES)
    floor.load.connect(DEVICES, IN_FLIGHT)
    least = idle_share(floor, "the same bytes from a bare loop")
    floor.close()
    if peer is not None:
        idle_share(peer, "without keep-alive")
        peer.load.keep_alive(HEARTBEAT)
        peer.load.connect(DEVICES, IN_FLIGHT)
        pinged = idle_share(peer, "with keep-alive")
        peer.load.keep_alive(0)
        peer.load.connect(DEVICES, IN_FLIGHT)
    ours.load.drop()
    ours.restart("heartbeat=3600", "lease=3600")
    ours.load.connect(DEVICES, IN_FLIGHT)
    warm(1)
    silent = idle_share(ours, "a heartbeat in an hour")
    ours.load.drop()
    ours.restart()
    ours.load.connect(DEVICES, IN_FLIGHT)
    verdicts.most("processor time of idle subscribers, heartbeats apart", silent * 100, 0.1, " %")
    verdicts.most("processor time of heartbeats, of the floor's", beating / least, 1.5)
    if peer is not None:
        verdicts.most("processor time of heartbeats, of the peer's keep-alive", beating / pinged, 1.0)


def measure_latency(servers, verdicts):
    heading(f"One value set, durable first, to received, with {DEVICES} connected")
    for server in servers:
        if server.name == "vmd":
            disk = time_disk(server.sandbox.directory)
            print(f"  a page written and made durable, alone: p50 {percentile(disk, 0.5) * 1e3:.3g} ms,"
                  f" p99 {percentile(disk, 0.99) * 1e3:.3g} ms")
        answer = server.load.latency(2000)
        tell(server, "set", milliseconds(answer, "received"), milliseconds(answer, "acknowledged"))
        if server.name == "vmd":
            verdicts.most("set to received, p99", answer["received_p99"], 2, " ms")


def measure_group(servers, peer, verdicts):
    heading(f"One value of a group, received by all {DEVICES}")
    figures = in_turn(servers, lambda server: server.load.group()["seconds"])
    for server in servers:
        tell(server, "group", spread(figures[server.name]))
    if peer is not None:
        verdicts.most("group value, of the peer's time", ratio(figures, peer), 1.0)


def measure_storm(servers, peer, verdicts):
    heading(f"{DEVICES} go and come back, {IN_FLIGHT} in flight")
    figures = in_turn(servers, lambda server: server.load.storm(IN_FLIGHT)["seconds"])
    for server in servers:
        tell(server, "storm", spread(figures[server.name]))
    answer = servers[0].load.storm(DEVICES)
    tell(servers[0], "all at the same moment", f"{answer['seconds']:.2f} s", f"{answer['failures']:.0f} failures")
    if peer is not None:
        verdicts.most("storm of reconnects, of the peer's time", ratio(figures, peer), 2.0)


def measure_takeovers(servers, verdicts):
    for n_ids in (1, 1000):
        heading(f"Takeovers, {IN_FLIGHT} in flight over {n_ids} ids; nobody reads the old connections")
        answers = in_turn(servers, lambda server: server.load.takeover(20000, IN_FLIGHT, n_ids))
        for server in servers:
            rates = [answer["per_second"] for answer in answers[server.name]]
            last = answers[server.name][-1]
            tell(server, "takeovers", f"{statistics.median(rates):,.0f} a second [{min(rates):,.0f}–{max(rates):,.0f}]",
                 milliseconds(last, "first_snapshot"), f"{last['overtaken']:.0f} overtaken before it")
        ours = answers["vmd"]
        lost = sum(n_ids - answer["served"] + answer["cut"] for answer in ours)
        verdicts.least("takeovers a second", statistics.median(a["per_second"] for a in ours), 10000)
        verdicts.most("connections lost, or cut without a word", lost, 0)


def measure_first_snapshot(servers, verdicts):
    heading("Takeovers one after the other")
    for server in servers:
        answer = server.load.takeover(5000, 1, 1)
        tell(server, "takeovers", f"{answer['per_second']:,.0f} a second", milliseconds(answer, "first_snapshot"))
    answer = servers[0].load.blocked(300)
    tell(servers[0], "while it is in the middle of a write of 60 KiB that nobody reads",
         milliseconds(answer, "first_snapshot"))
    verdicts.most("first snapshot with the old reader stopped, p99", answer["first_snapshot_p99"], 5, " ms")


def measure_sets(servers, verdicts):
    heading("Sets as fast as they are acknowledged, over 256 connections")
    figures = in_turn(servers, lambda server: server.load.sets(10000, 256)["per_second"])
    for server in servers:
        rates = figures[server.name]
        tell(server, "sets", f"{statistics.median(rates):,.0f} a second [{min(rates):,.0f}–{max(rates):,.0f}]")
    verdicts.least("durable sets a second", statistics.median(figures["vmd"]), 4000)
    bus = Load("bus", servers[0].socket_path(), "-")
    bus.known(DEVICES)
    rates = [bus.sets(10000, 256)["per_second"] for _ in range(ROUNDS)]
    bus.close()
    tell(servers[0], "sets by D-Bus, 256 under way on one connection",
         f"{statistics.median(rates):,.0f} a second [{min(rates):,.0f}–{max(rates):,.0f}]")
    verdicts.least("durable sets a second, by D-Bus", statistics.median(rates), 4000)


def cost_of_set(server, n_connected):
    server.load.connect(n_connected, IN_FLIGHT)
    costs, waits = [], []
    for _ in range(ROUNDS):
        busy = server.busy()
        answer = server.load.latency(500)
        costs.append((server.busy() - busy) / 500 * 1e6)
        waits.append(answer["received_p50"])
    return statistics.median(costs), statistics.median(waits)


def measure_growth(server, verdicts):
    heading("What one set costs")
    few, few_wait = cost_of_set(server, 100)
    many, many_wait = cost_of_set(server, DEVICES)
    tell(server, "processor time", f"{few:.0f} µs with 100 connected", f"{many:.0f} µs with {DEVICES}")
    tell(server, "set to received, p50", f"{few_wait:.3g} ms", f"{many_wait:.3g} ms")
    verdicts.most(f"cost with {DEVICES} connected, of that with 100", many / few, 1.25)


def start_peer():
    directory = os.path.join(BUILD_ROOT, "tests", "benchmark", "mosquitto")
    os.makedirs(directory, exist_ok=True)
    try:
        return Mosquitto(directory)
    except OSError as error:
        print(f"There is no mosquitto to compare with: {error}")
        return None


def main():
    raise_descriptor_limit()
    verdicts = Verdicts()
    ours = Vmd()
    peer = start_peer()
    servers = [ours] if peer is None else [ours, peer]
    try:
        for server in servers:
            answer = server.load.provide(DEVICES, SIZE)
            tell(server, "made", f"{answer['fills_per_second']:,.0f} devices filled a second")
        ours.restart()
        measure_idle(servers, verdicts)
        measure_heartbeats(ours, peer, verdicts)
        measure_latency(servers, verdicts)
        measure_group(servers, peer, verdicts)
        measure_storm(servers, peer, verdicts)
        measure_sets(servers, verdicts)
        for server in servers:
            server.load.drop()
        measure_takeovers(servers, verdicts)
        measure_first_snapshot(servers, verdicts)
        measure_growth(ours, verdicts)
    finally:
        for server in servers:
            server.close()
    print("\nMissed:", "; ".join(verdicts.missed) or "nothing")


main()
