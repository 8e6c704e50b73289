"""Starting the processes of one run on this machine, which end together."""

from __future__ import annotations

import logging
import os
import sys

from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from finesent.cores import usable_cores
from finesent.errors import FinesentError
from finesent.models.device import choose_device
from finesent.params.train import Train


def launch(train: Train, module: str, *arguments: str) -> None:
    """Run ``python -m module`` in several processes that know of each other, and wait for all of them.

    Raises:
        FinesentError: one of them failed or was killed; the others have been ended too.
    """
    count = train.processes
    if choose_device(train.device).type == "cpu":
        os.environ["ACCELERATE_USE_CPU"] = "true"
    # Each has its share of the cores.
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, usable_cores() // count)))
    # PyTorch's own account of a failure is a table that the error below sums up.
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=count,
        run_id=module,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
    )
    try:
        elastic_launch(config, sys.executable)("-m", module, *arguments)
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        how = f"exit code {failure.exitcode}" if failure.exitcode > 0 else failure.signal_name()
        raise FinesentError(
            f"{module} {' '.join(arguments)}: process {rank + 1} of {count}",
            f"ended with {how}, and the others were stopped",
            "look above for its own message, and run again: training goes on from its last checkpoint",
        ) from error
