"""One llama.cpp server on a free loopback port; prints `listening URL` and ends with the process that started it.

Usage: server.py MODEL
"""

import os
import sys
import time

import xllamacpp


def main(model):
    parent = os.getppid()
    parameters = xllamacpp.CommonParams()
    parameters.model.path = model
    parameters.model_alias = {"tiny"}
    parameters.api_keys = ["sk-local-test"]
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.n_ctx = 4096
    parameters.n_parallel = 4
    parameters.cpuparams.n_threads = 1
    # A connection that is kept alive holds one of these, so there must be more than there are callers.
    parameters.n_threads_http = 32
    parameters.warmup = False
    parameters.ui = False
    parameters.offline = True
    parameters.verbosity = 1
    server = xllamacpp.Server(parameters)
    print("listening", server.listening_address, flush=True)
    while os.getppid() == parent:
        time.sleep(0.5)


if __name__ == "__main__":
    main(sys.argv[1])
