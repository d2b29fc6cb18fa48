"""A real Slurm on this machine: munged, slurmctld and slurmd on loopback, one node of two cores, two partitions."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from asking import ask, wait_for

CONFIG = """
ClusterName=iai
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmdPort={node_port}
AuthType=auth/munge
CredType=cred/munge
SlurmUser=root
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ReturnToService=2
KillWait=20
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=1
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=low Nodes={host} Default=YES MaxTime=INFINITE State=UP PriorityTier=1
PartitionName=high Nodes={host} MaxTime=INFINITE State=UP PriorityTier=10
"""
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a running cluster, whose commands are set up in this process's environment."""
    if not os.environ.get("IAI_SLURM"):
        pytest.skip("needs root and Debian's slurm-wlm and munge: make slurm")
    missing = [name for name in PROGRAMS if not shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")]
    assert not missing, f"not installed: {', '.join(missing)} (apt-get install slurm-wlm munge)"
    folder = tmp_path_factory.mktemp("slurm")
    for name in ("state", "spool"):
        (folder / name).mkdir()
    host = socket.gethostname().split(".")[0]
    config = folder / "slurm.conf"
    config.write_text(CONFIG.format(folder=folder, host=host, port=free_port(), node_port=free_port()))
    before = dict(os.environ)
    os.environ |= {"SLURM_CONF": str(config), "PATH": f"{before['PATH']}:/usr/sbin"}
    munge = Path("/run/munge/munge.socket.2")
    daemons = []
    if not munge.exists():
        munge.parent.mkdir(exist_ok=True)
        shutil.chown(munge.parent, "munge", "munge")
        daemons.append(subprocess.Popen(["runuser", "-u", "munge", "--", "munged", "--foreground"]))
        wait_for(munge.exists)
    daemons += [subprocess.Popen([name, "-D"]) for name in ("slurmctld", "slurmd")]
    try:
        wait_for(lambda: "idle" in ask("sinfo", "--noheader", "--format=%T"))
        yield folder
    finally:
        for daemon in reversed(daemons):
            daemon.terminate()
            daemon.wait()
        os.environ.clear()
        os.environ.update(before)
