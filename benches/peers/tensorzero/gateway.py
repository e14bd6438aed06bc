"""A peer for the benchmark: TensorZero's gateway, which its package starts inside this process. Argument: the vendor's address."""

import sys
import tempfile
import threading
from urllib.parse import urlsplit

from openai import OpenAI
from tensorzero import patch_openai_client

CONFIG = """
[gateway]
observability.enabled = false

[models.bench]
routing = ["double"]

[models.bench.providers.double]
type = "openai"
model_name = "bench"
api_base = "{vendor}/v1/"
api_key_location = "none"
"""

if __name__ == "__main__":
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as config:
        config.write(CONFIG.format(vendor=sys.argv[1]))
        config.flush()
        client = patch_openai_client(OpenAI(api_key="none"), config_file=config.name, async_setup=False)
    where = urlsplit(str(client.base_url))
    print(f"http://127.0.0.1:{where.port}", flush=True)
    threading.Event().wait()
