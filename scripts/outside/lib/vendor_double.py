"""A vendor of models on this machine that speaks OpenAI's dialect and does what the last question says. Argument: the file to write its port to.

`GET /closed` tells how many streams were closed from the other side before they ended.
"""

import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

closed = 0
lock = threading.Lock()
USAGE = {
    "prompt_tokens": 20,
    "completion_tokens": 7,
    "total_tokens": 27,
    "prompt_tokens_details": {"cached_tokens": 5},
    "completion_tokens_details": {"reasoning_tokens": 2},
}


def question(body):
    """The words of the last message and how many pictures it has."""
    content = body["messages"][-1].get("content") or ""
    if isinstance(content, str):
        return content, 0
    words = " ".join(part["text"] for part in content if part["type"] == "text")
    return words, sum(part["type"] == "image_url" for part in content)


def answer(body):
    """The answer as a message and why it ended."""
    words, pictures = question(body)
    if "use tools" in words:
        names = [tool["function"]["name"] for tool in body["tools"]]
        calls = [
            {"id": f"call_{at}", "type": "function", "function": {"name": name, "arguments": json.dumps({"city": f"Oslo {at}"})}}
            for at, name in enumerate(names)
        ]
        return {"role": "assistant", "content": None, "tool_calls": calls}, "tool_calls"
    if (form := body.get("response_format")) and form["type"] == "json_schema":
        return {"role": "assistant", "content": json.dumps({"city": "Oslo", "days": 3})}, "stop"
    if "think" in words:
        return {"role": "assistant", "reasoning_content": "Let me see.", "content": "Done."}, "stop"
    if "stop short" in words:
        return {"role": "assistant", "content": "Too lo"}, "length"
    if pictures:
        return {"role": "assistant", "content": f"I see {pictures}."}, "stop"
    return {"role": "assistant", "content": f"You said: {words}"}, "stop"


def deltas(message):
    """The message in pieces; calls come split and crosswise."""
    yield {"role": "assistant", "content": ""}
    if thoughts := message.get("reasoning_content"):
        yield from ({"reasoning_content": word} for word in thoughts.split(" "))
    for word in (message.get("content") or "").split():
        yield {"content": word + " "}
    calls = message.get("tool_calls") or []
    for at, call in enumerate(calls):
        yield {"tool_calls": [{**call, "index": at, "function": {"name": call["function"]["name"], "arguments": ""}}]}
    for half in (0, 1):
        for at, call in enumerate(calls):
            text = call["function"]["arguments"]
            piece = text[: len(text) // 2] if half == 0 else text[len(text) // 2 :]
            yield {"tool_calls": [{"index": at, "function": {"arguments": piece}}]}


class Double(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def tell(self, status, told):
        data = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        self.tell(200, {"closed": closed})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path.endswith("/embeddings"):
            data = [{"object": "embedding", "index": at, "embedding": [float(len(text)), 0.5]} for at, text in enumerate(body["input"])]
            self.tell(200, {"object": "list", "model": body["model"], "data": data, "usage": {"prompt_tokens": 4, "total_tokens": 4}})
            return
        words, _ = question(body)
        if "refuse" in words:
            self.tell(400, {"error": {"message": "no such talk", "type": "invalid_request_error", "code": "content_filter"}})
            return
        message, reason = answer(body)
        head = {"id": "answer-1", "created": 1, "model": body["model"]}
        if not body.get("stream"):
            choice = {"index": 0, "message": message, "finish_reason": reason}
            self.tell(200, {**head, "object": "chat.completion", "choices": [choice], "usage": USAGE})
            return
        self.stream(head, message, reason, words)

    def stream(self, head, message, reason, words):
        global closed
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True

        def say(told):
            self.wfile.write(b"data: " + json.dumps(told).encode() + b"\n\n")
            self.wfile.flush()

        def chunk(delta, reason=None):
            choice = {"index": 0, "delta": delta, "finish_reason": reason}
            say({**head, "object": "chat.completion.chunk", "choices": [choice]})

        for at, delta in enumerate(deltas(message)):
            chunk(delta)
            if at == 1 and "break off" in words:
                return
            if at == 1 and "hang" in words:
                try:
                    for _ in range(600):
                        self.wfile.write(b": still here\n\n")
                        self.wfile.flush()
                        time.sleep(0.05)
                except OSError:
                    with lock:
                        closed += 1
                return
        chunk({}, reason)
        say({**head, "object": "chat.completion.chunk", "choices": [], "usage": USAGE})
        self.wfile.write(b"data: [DONE]\n\n")


server = ThreadingHTTPServer(("127.0.0.1", 0), Double)
server.daemon_threads = True
with open(sys.argv[1], "w") as port:
    port.write(str(server.server_address[1]))
server.serve_forever()
