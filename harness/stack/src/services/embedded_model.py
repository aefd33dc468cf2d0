"""Serves the embedded model by llama.cpp's own OpenAI-compatible server.

Started by `cargo xtask`; told by flags, the API key by E2E_MODEL_KEY (an argument would be seen in `ps`).
"""

import argparse
import os
import select
import signal
import sys


def main():
    flags = argparse.ArgumentParser()
    flags.add_argument("--model", required=True)
    flags.add_argument("--alias", required=True)
    flags.add_argument("--port", type=int, required=True)
    flags.add_argument("--context", type=int, required=True)
    flags.add_argument("--parallel", type=int, required=True)
    flags.add_argument("--threads", type=int, required=True)
    told = flags.parse_args()
    key = os.environ.pop("E2E_MODEL_KEY", "")

    # The C-level handler runs in whichever thread the kernel picks; the pipe wakes the main one.
    readable, writable = os.pipe()
    os.set_blocking(writable, False)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    signal.set_wakeup_fd(writable)

    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = told.model
    params.model_alias = {told.alias}
    params.hostnames = ["127.0.0.1"]
    params.port = told.port
    params.api_keys = [key] if key else []
    params.n_ctx = told.context
    params.n_parallel = told.parallel
    params.kv_unified = True  # one conversation may use the whole context, not a slot's share
    params.cache_ram_mib = 64
    params.warmup = False  # the first answer warms up; an empty run costs as much and answers nobody
    params.n_gpu_layers = 0
    params.fit_params = False  # sizes are given; probing for them costs a second load
    params.cpuparams.n_threads = told.threads
    params.cpuparams_batch.n_threads = told.threads
    for cpu in (params.cpuparams, params.cpuparams_batch):
        cpu.poll = 0  # waiting threads sleep: spinning ones take the processors from the services under test
    params.ui = False
    params.endpoint_slots = False  # slots show prompts to whoever asks
    params.verbosity = 2

    server = xllamacpp.Server(params)
    print(f"serving {told.alias} at {server.listening_address}", file=sys.stderr, flush=True)
    select.select([readable], [], [])
    # Generation may be under way in the server's threads: nothing there is worth waiting for.
    os._exit(0)


main()
