"""A peer for the benchmark: the official Python SDK's server with one echo tool over streamable HTTP, stateless, JSON.

With `--as-installed` it runs on what the SDK's own installation brings (asyncio, h11), otherwise on uvloop and httptools.
"""

import socket
import sys

import uvicorn

try:
    from mcp.server.mcpserver import MCPServer as Server
except ImportError:
    from mcp.server.fastmcp import FastMCP as Server

server = Server("echo")


@server.tool()
def echo(text: str) -> dict[str, str]:
    """Echoes."""
    return {"text": text}


def application():
    try:
        return server.streamable_http_app(stateless_http=True, json_response=True)
    except TypeError:
        server.settings.stateless_http = True
        server.settings.json_response = True
        return server.streamable_http_app()


if __name__ == "__main__":
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    parts = {"loop": "asyncio", "http": "h11"} if "--as-installed" in sys.argv else {}
    config = uvicorn.Config(application(), log_level="error", access_log=False, **parts)
    uvicorn.Server(config).run(sockets=[listener])
