"""A calibration as a program: run by torchrun, killed at a batch, run again.

Arguments: where the result goes, the checkpoint or "-", the batch at which the process
of rank 0 (or the only one) kills itself or -1, the name of the case, and "fsdp" or
"plain".
"""

import os
import signal
import sys

import torch
from torch import distributed

from mpsolve.torch import calibrate
from mpsolve.torch.metrics import HessianTrace
from tests.torch.small_models import make_case

METRICS = [
    "input_gradient",
    "input_gradient_l1",
    "signed_first_order",
    "loss_mse",
    "loss_mse_output",
    "loss_mse_noise",
    "empirical_fisher",
    "parameter_gradient",
    "measured",
    "output_kl",
    "input_gradient_sum",
    "measured_pairs",
]
#: Seven batches, no multiple of two processes, of different sizes.
SIZES = (3, 2, 4, 1, 3, 2, 3)


def largest_output(context, batch):
    """Return a metric of the user's, which runs the model."""
    with torch.no_grad():
        size = batch.run(context.model).abs().max()
    return size.expand(context.shape)


def stream(data, fatal):
    for index, batch in enumerate(data):
        if index == fatal and os.environ.get("RANK", "0") == "0":
            os.kill(os.getpid(), signal.SIGKILL)
        yield batch


def main(output, checkpoint, fatal, name, kind):
    case = make_case(name, SIZES)
    if kind == "fsdp":
        from torch.distributed.fsdp import fully_shard

        distributed.init_process_group("gloo")
        mesh = distributed.init_device_mesh("cpu", (2,))
        for child in case.model.children():
            if any(True for _ in child.parameters()) and name == "conv":
                fully_shard(child, mesh=mesh)
        fully_shard(case.model, mesh=mesh)
    calibration = calibrate(
        case.model,
        stream(case.data, int(fatal)),
        case.loss,
        ["fp16", "int4"],
        [*METRICS, HessianTrace(max_draws=8), largest_output],
        checkpoint=None if checkpoint == "-" else checkpoint,
        checkpoint_every=1,
    )
    if int(os.environ.get("RANK", "0")) == 0:
        calibration.save(output)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(*sys.argv[1:])
    if distributed.is_initialized():
        distributed.destroy_process_group()
        # FSDP2's meshes keep gloo's threads, and an interpreter that ends while one of
        # them drops a tensor aborts.
        sys.stdout.flush()
        os._exit(0)
