"""What is done to the cluster. Each fault is brought about, says what it did, and hands back how to end it."""

import errno
import signal
import struct
import time

from cluster import EXIT_IO_ERROR
from floor import PLANT

MEGABYTE = 1 << 20


def any_of(cluster, rng):
    return rng.choice(cluster.nodes)


def others(cluster, node):
    return [n for n in cluster.nodes if n is not node]


def killed(cluster, nodes):
    for node in nodes:
        node.kill()
    return f"SIGKILL to {names(nodes)}", lambda: [node.start() for node in nodes]


def names(nodes):
    return "node " + ", ".join(str(n.number) for n in nodes)


def kill_one(cluster, rng):
    return killed(cluster, [any_of(cluster, rng)])


def kill_leader(cluster, _rng):
    return killed(cluster, [cluster.leader(PLANT)])


def kill_all(cluster, _rng):
    return killed(cluster, cluster.nodes)


def kill_twice(cluster, rng):
    """A node that is killed again while it catches up."""
    node = any_of(cluster, rng)
    node.kill()
    node.start()
    time.sleep(rng.uniform(0.05, 0.5))
    node.kill()
    return f"SIGKILL to node {node.number}, again at its start", node.start


def stop_one(cluster, rng):
    node = any_of(cluster, rng)
    node.expected_to_die = True
    node.signal(signal.SIGTERM)
    node.process.wait(timeout=30)
    if node.process.returncode != 0:
        raise AssertionError(f"node {node.number} ended with {node.process.returncode} on SIGTERM")
    return f"SIGTERM to node {node.number}", node.start


def paused(node):
    node.signal(signal.SIGSTOP)
    return f"SIGSTOP to node {node.number}", lambda: node.signal(signal.SIGCONT)


def pause_one(cluster, rng):
    return paused(any_of(cluster, rng))


def pause_leader(cluster, _rng):
    return paused(cluster.leader(PLANT))


def healing(nodes):
    return lambda: [node.heal_network() for node in nodes]


def isolated(cluster, node):
    node.drop_from(others(cluster, node))
    for other in others(cluster, node):
        other.drop_from([node])
    return f"node {node.number} is cut off", healing(cluster.nodes)


def partition_one(cluster, rng):
    return isolated(cluster, any_of(cluster, rng))


def partition_leader(cluster, _rng):
    return isolated(cluster, cluster.leader(PLANT))


def partition_all(cluster, _rng):
    for node in cluster.nodes:
        node.drop_from(others(cluster, node))
    return "no node reaches another", healing(cluster.nodes)


def one_way_deaf(cluster, rng):
    node = rng.choice([any_of(cluster, rng), cluster.leader(PLANT)])
    node.drop_from(others(cluster, node))
    return f"node {node.number} hears nobody", healing(cluster.nodes)


def one_way_mute(cluster, rng):
    node = rng.choice([any_of(cluster, rng), cluster.leader(PLANT)])
    for other in others(cluster, node):
        other.drop_from([node])
    return f"node {node.number} is heard by nobody", healing(cluster.nodes)


def bridge(cluster, rng):
    """Two nodes that do not reach each other; the others reach both."""
    a, b = rng.sample(cluster.nodes, 2)
    a.drop_from([b])
    b.drop_from([a])
    return f"nodes {a.number} and {b.number} do not reach each other", healing(cluster.nodes)


def flapping(cluster, rng):
    """A link that comes and goes faster than elections end."""
    node = cluster.leader(PLANT)
    for _ in range(rng.randrange(4, 10)):
        node.drop_from(others(cluster, node))
        time.sleep(rng.uniform(0.1, 0.5))
        node.heal_network()
        time.sleep(rng.uniform(0.1, 0.5))
    return f"node {node.number} came and went", healing(cluster.nodes)


def loss(cluster, rng):
    percent = rng.choice([5, 20, 40])
    for node in cluster.nodes:
        node.drop_from(others(cluster, node), percent)
    return f"{percent} % of all packets are lost", healing(cluster.nodes)


def slow_network(cluster, rng):
    rate = rng.choice(["256kbit", "1mbit"])
    slowed = rng.choice([cluster.nodes, [any_of(cluster, rng)]])
    for node in slowed:
        node.slow(rate)
    return f"{names(slowed)} at {rate}", healing(cluster.nodes)


def erp_away(cluster, _rng):
    cluster.ledger.away = True

    def back():
        cluster.ledger.away = False

    return "the ERP answers 503", back


def disk_full(cluster, rng):
    """The small disk shrinks to what is on it, and a little."""
    node = cluster.small
    free = rng.choice([0, 64 << 10, MEGABYTE])
    node.expected_to_die = True  # it may end itself, and then does not start before there is space
    cluster.shrink_small_disk(free)

    def space():
        cluster.resize_small_disk(f"{cluster.small_mb}m")
        ended = not node.running()
        if ended:
            code = node.process.returncode
            if code != EXIT_IO_ERROR:
                raise AssertionError(f"node {node.number} ended with {code} on a full disk:\n{node.log_tail()}")
            node.start()
        node.expected_to_die = False
        return "it ended itself" if ended else "it went on"

    return f"the disk of node {node.number} has {free >> 10} KiB left", space


def io_error(cluster, rng):
    """From some moment on writing or syncing the files of one node fails."""
    sync, write, says = rng.choice([(errno.EIO, 0, "EIO on sync"), (0, errno.EIO, "EIO on write"), (0, errno.ENOSPC, "ENOSPC on write")])
    node = under_control(cluster, rng)
    node.expected_to_die = True
    control(node, sync=sync, write=write)

    def again():
        if node.running():
            node.kill()
            ended = "it had nothing to write"
        elif node.process.returncode != EXIT_IO_ERROR:
            raise AssertionError(f"node {node.number} ended with {node.process.returncode} on EIO:\n{node.log_tail()}")
        else:
            ended = "it ended itself"
        node.start()
        return ended

    return f"node {node.number}: {says}", again


def clock_step(cluster, rng):
    """The date of one node steps while it runs: its business time does not follow."""
    node = under_control(cluster, rng)
    step = rng.choice([-3600, -30, 30, 3600])
    control(node, date=step)

    def back():
        control(node)
        node.kill()
        node.start()

    return f"the date of node {node.number} steps by {step} s", back


def under_control(cluster, rng):
    """A node, the leader half of the time, started anew so that its disk and its date obey `control`."""
    node = rng.choice([any_of(cluster, rng), cluster.leader(PLANT)])
    control(node)
    node.kill()
    node.start({"LD_PRELOAD": str(cluster.preload), "CHAOS_CONTROL": str(node.directory / "control")})
    cluster.wait_ready()
    return node


def control(node, date=0, sync=0, write=0):
    """struct control of faulty.c."""
    with open(node.directory / "control", "r+b" if (node.directory / "control").exists() else "wb") as file:
        file.write(struct.pack("<qqq", date, sync, write))


FAULTS = {
    "kill-one": kill_one, "kill-leader": kill_leader, "kill-all": kill_all, "kill-twice": kill_twice,
    "stop-one": stop_one, "pause-one": pause_one, "pause-leader": pause_leader,
    "partition-one": partition_one, "partition-leader": partition_leader, "partition-all": partition_all,
    "one-way-deaf": one_way_deaf, "one-way-mute": one_way_mute, "bridge": bridge, "flapping": flapping,
    "loss": loss, "slow-network": slow_network, "erp-away": erp_away, "disk-full": disk_full,
    "io-error": io_error, "clock-step": clock_step,
}
