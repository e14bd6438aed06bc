"""A peer for the benchmark: LiteLLM's proxy. Argument: the vendor's address."""

import json
import os
import socket
import sys
import tempfile

import uvicorn

if __name__ == "__main__":
    # In a folder of its own: the proxy also imports what lies two folders above the one that it is started in.
    os.chdir(tempfile.mkdtemp())
    with open("config.yaml", "w") as config:
        # JSON is YAML.
        parameters = {"model": "openai/bench", "api_base": f"{sys.argv[1]}/v1", "api_key": "none"}
        json.dump({"model_list": [{"model_name": "bench", "litellm_params": parameters}]}, config)
    os.environ["CONFIG_FILE_PATH"] = os.path.abspath("config.yaml")
    os.environ["LITELLM_LOG"] = "ERROR"
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    # It asks for no key, as the other peers do.
    os.environ["LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY"] = "true"
    from litellm.proxy.proxy_server import app

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    # Whoever asks before it is ready waits.
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False)).run(sockets=[listener])
