"""The official packages `openai` and `anthropic` against the built program.

Environment: SERVER_URL and SERVER_KEY (the program, running, with the provider of vendor_double.py), VENDOR_URL (that provider).

Each check is a function. All run, all faults are told, any fault makes the exit status 1.
"""

import asyncio
import json
import os
import time
import traceback
import urllib.request

import anthropic
import openai
from pydantic import BaseModel

URL, KEY, VENDOR = os.environ["SERVER_URL"], os.environ["SERVER_KEY"], os.environ["VENDOR_URL"]
MODEL = "double/chat"
PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}

oai = openai.OpenAI(base_url=f"{URL}/v1", api_key=KEY, max_retries=0)
ant = anthropic.Anthropic(base_url=URL, api_key=KEY, max_retries=0)


class Trip(BaseModel):
    city: str
    days: int


def user(text):
    return [{"role": "user", "content": text}]


def raises(kind, work):
    """The exception of exactly this kind that something raises."""
    try:
        work()
    except kind as error:
        assert type(error) is kind, f"{type(error)} is not {kind}"
        return error
    raise AssertionError(f"nothing of {kind} was raised")


def closed():
    with urllib.request.urlopen(f"{VENDOR}/closed", timeout=10) as told:
        return json.load(told)["closed"]


def closes(work):
    """Whether the vendor's connection ends when something leaves a stream."""
    before = closed()
    work()
    until = time.monotonic() + 20
    while closed() == before:
        assert time.monotonic() < until, "the vendor's connection was never closed"
        time.sleep(0.05)


def spend(agent):
    """A budget of nearly nothing for an agent, spent by one call."""
    body = json.dumps({"tokens": 1, "period": "day"}).encode()
    request = urllib.request.Request(f"{URL}/api/v1/models/budgets/agent:{agent}", data=body, method="PUT")
    request.add_header("Authorization", f"Bearer {KEY}")
    request.add_header("Content-Type", "application/json")
    urllib.request.urlopen(request, timeout=30).close()
    oai.chat.completions.create(model=MODEL, messages=user("Hi"), extra_body={"convoke": {"agent": agent}})


# OpenAI


def openai_answers():
    told = oai.chat.completions.create(model=MODEL, messages=user("Hi"), temperature=0.2, max_completion_tokens=50)
    assert told.choices[0].message.content == "You said: Hi", told
    assert told.choices[0].finish_reason == "stop" and told.model == MODEL
    assert (told.usage.prompt_tokens, told.usage.completion_tokens, told.usage.total_tokens) == (20, 7, 27)
    assert told.usage.prompt_tokens_details.cached_tokens == 5
    assert told._request_id, "the id of the call is not found"
    short = oai.chat.completions.create(model=MODEL, messages=user("stop short"))
    assert short.choices[0].finish_reason == "length"


def openai_streams():
    options = {"include_usage": True}
    chunks = list(oai.chat.completions.create(model=MODEL, messages=user("one two three"), stream=True, stream_options=options))
    said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert said.strip() == "You said: one two three", said
    assert chunks[-1].choices == [] and chunks[-1].usage.total_tokens == 27
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"


def openai_helper_collects_a_stream():
    tools = [{"type": "function", "function": {"name": "weather", "parameters": WEATHER}}]
    with oai.chat.completions.stream(model=MODEL, messages=user("use tools"), tools=tools) as stream:
        for _ in stream:
            pass
        whole = stream.get_final_completion()
    assert json.loads(whole.choices[0].message.tool_calls[0].function.arguments) == {"city": "Oslo 0"}


def openai_calls_tools():
    tools = [{"type": "function", "function": {"name": name, "parameters": WEATHER}} for name in ("weather", "tides")]
    told = oai.chat.completions.create(model=MODEL, messages=user("use tools"), tools=tools)
    message = told.choices[0].message
    assert told.choices[0].finish_reason == "tool_calls" and len(message.tool_calls) == 2
    results = [{"role": "tool", "tool_call_id": call.id, "content": "rain"} for call in message.tool_calls]
    again = oai.chat.completions.create(model=MODEL, messages=[*user("use tools"), message, *results], tools=tools)
    assert again.choices[0].message.content == "You said: rain", again

    arguments, names = {}, {}
    for chunk in oai.chat.completions.create(model=MODEL, messages=user("use tools"), tools=tools, stream=True):
        for call in chunk.choices[0].delta.tool_calls or []:
            names.setdefault(call.index, call.function.name)
            arguments[call.index] = arguments.get(call.index, "") + (call.function.arguments or "")
    assert names == {0: "weather", 1: "tides"}, names
    assert {at: json.loads(text) for at, text in arguments.items()} == {0: {"city": "Oslo 0"}, 1: {"city": "Oslo 1"}}


def openai_parses_a_form():
    told = oai.chat.completions.parse(model=MODEL, messages=user("Plan"), response_format=Trip)
    assert told.choices[0].message.parsed == Trip(city="Oslo", days=3), told


def openai_sends_pictures():
    content = [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PICTURE}"}},
    ]
    told = oai.chat.completions.create(model=MODEL, messages=user(content))
    assert told.choices[0].message.content == "I see 1.", told


def openai_hears_thoughts():
    told = oai.chat.completions.create(model=MODEL, messages=user("think"))
    assert told.choices[0].message.reasoning_content == "Let me see.", told


def openai_embeds():
    for encoding in ({}, {"encoding_format": "float"}):
        made = oai.embeddings.create(model="double/vectors", input=["abc", "de"], **encoding)
        assert [one.embedding for one in made.data] == [[3.0, 0.5], [2.0, 0.5]], made
        assert made.usage.total_tokens == 4


def openai_lists_models():
    names = {model.id for model in oai.models.list()}
    assert {MODEL, "double/vectors"} <= names, names
    assert oai.models.retrieve(MODEL).owned_by == "double"
    raises(openai.NotFoundError, lambda: oai.models.retrieve("double/gone"))


def openai_raises():
    wrong = openai.OpenAI(base_url=f"{URL}/v1", api_key="cvk_wrong", max_retries=0)
    raises(openai.AuthenticationError, lambda: wrong.chat.completions.create(model=MODEL, messages=user("Hi")))
    gone = raises(openai.NotFoundError, lambda: oai.chat.completions.create(model="double/gone/gone", messages=user("Hi")))
    assert gone.code == "unknown_model" and gone.request_id, gone
    many = raises(openai.BadRequestError, lambda: oai.chat.completions.create(model=MODEL, messages=user("Hi"), n=2))
    assert many.param == "n", many.body
    talk = raises(openai.BadRequestError, lambda: oai.chat.completions.create(model=MODEL, messages=user("refuse")))
    assert talk.code == "content_refused", talk.body
    spend("poor")
    patient = oai.with_options(max_retries=2)
    broke = lambda: patient.chat.completions.create(model=MODEL, messages=user("Hi"), extra_body={"convoke": {"agent": "poor"}})
    began = time.monotonic()
    spent = raises(openai.RateLimitError, broke)
    assert spent.code == "budget_spent" and time.monotonic() - began < 30, "nobody waits for a budget"


def openai_raises_where_a_stream_breaks_off():
    heard = []

    def listen():
        for chunk in oai.chat.completions.create(model=MODEL, messages=user("break off please"), stream=True):
            heard.append(chunk)

    broken = raises(openai.APIError, listen)
    assert heard and broken.code == "answer_broken", broken.body


def openai_leaves_a_stream():
    def leave():
        with oai.chat.completions.create(model=MODEL, messages=user("hang on"), stream=True) as stream:
            next(iter(stream))

    closes(leave)


def openai_asks_many_at_once():
    async def all_of_them():
        async with openai.AsyncOpenAI(base_url=f"{URL}/v1", api_key=KEY, max_retries=0) as client:
            asked = [client.chat.completions.create(model=MODEL, messages=user(f"number {at}")) for at in range(20)]
            return [told.choices[0].message.content for told in await asyncio.gather(*asked)]

    assert asyncio.run(all_of_them()) == [f"You said: number {at}" for at in range(20)]


def openai_responds():
    told = oai.responses.create(model=MODEL, input="Hi", instructions="Be short.", store=False)
    assert told.output_text == "You said: Hi" and told.status == "completed" and told.usage.total_tokens == 27, told
    tools = [{"type": "function", "name": "weather", "parameters": WEATHER, "strict": False}]
    told = oai.responses.create(model=MODEL, input=user("use tools"), tools=tools)
    (called,) = told.output
    assert json.loads(called.arguments) == {"city": "Oslo 0"}, told
    result = {"type": "function_call_output", "call_id": called.call_id, "output": "rain"}
    again = oai.responses.create(model=MODEL, input=[*user("use tools"), called, result], tools=tools)
    assert again.output_text == "You said: rain", again
    assert oai.responses.parse(model=MODEL, input="Plan", text_format=Trip).output_parsed == Trip(city="Oslo", days=3)


def openai_responds_in_a_stream():
    said, last = "", None
    for event in oai.responses.create(model=MODEL, input="one two three", stream=True):
        last = event
        said += event.delta if event.type == "response.output_text.delta" else ""
    assert said.strip() == "You said: one two three" == last.response.output_text.strip() and last.type == "response.completed"
    with oai.responses.stream(model=MODEL, input="one two three") as stream:
        assert stream.get_final_response().output_text.strip() == "You said: one two three"

    def listen():
        for _ in oai.responses.create(model=MODEL, input="break off please", stream=True):
            pass

    assert raises(openai.APIError, listen).code == "answer_broken"


# Anthropic


def create(text, **more):
    return ant.messages.create(model=MODEL, max_tokens=100, messages=user(text), **more)


def anthropic_answers():
    told = create("Hi", system="Be short.")
    assert [block.text for block in told.content] == ["You said: Hi"] and told.stop_reason == "end_turn", told
    assert (told.usage.input_tokens, told.usage.cache_read_input_tokens, told.usage.output_tokens) == (15, 5, 7), told.usage
    assert told._request_id and create("stop short").stop_reason == "max_tokens"
    bearer = anthropic.Anthropic(base_url=URL, auth_token=KEY, api_key=None, max_retries=0)
    assert bearer.messages.create(model=MODEL, max_tokens=9, messages=user("Hi")).content


def anthropic_counts_tokens():
    short = ant.messages.count_tokens(model=MODEL, messages=user("Hi")).input_tokens
    tools = [{"name": "look", "description": "Looks.", "input_schema": {"type": "object"}}]
    long = ant.messages.count_tokens(model=MODEL, system="Be short.", messages=user("Hi"), tools=tools).input_tokens
    assert 0 < short < long, (short, long)


def anthropic_streams():
    with ant.messages.stream(model=MODEL, max_tokens=100, messages=user("one two three")) as stream:
        said = "".join(stream.text_stream)
        whole = stream.get_final_message()
    assert said.strip() == "You said: one two three" == whole.content[0].text.strip(), whole
    assert whole.usage.output_tokens == 7 and whole.usage.input_tokens == 15 and whole.stop_reason == "end_turn", whole
    kinds = [event.type for event in create("Hi", stream=True)]
    assert kinds[0] == "message_start" and kinds[-1] == "message_stop", kinds


def anthropic_calls_tools():
    tools = [{"name": name, "input_schema": WEATHER} for name in ("weather", "tides")]
    told = create("use tools", tools=tools)
    assert told.stop_reason == "tool_use" and [block.input for block in told.content] == [{"city": "Oslo 0"}, {"city": "Oslo 1"}]
    results = [{"type": "tool_result", "tool_use_id": block.id, "content": "rain"} for block in told.content]
    messages = [*user("use tools"), {"role": "assistant", "content": told.content}, {"role": "user", "content": results}]
    again = ant.messages.create(model=MODEL, max_tokens=100, messages=messages, tools=tools)
    assert again.content[0].text == "You said: rain", again
    with ant.messages.stream(model=MODEL, max_tokens=100, messages=user("use tools"), tools=tools) as stream:
        whole = stream.get_final_message()
    assert [(block.name, block.input) for block in whole.content] == [("weather", {"city": "Oslo 0"}), ("tides", {"city": "Oslo 1"})]


def anthropic_sends_pictures():
    source = {"type": "base64", "media_type": "image/png", "data": PICTURE}
    told = create([{"type": "text", "text": "What is it?"}, {"type": "image", "source": source}])
    assert told.content[0].text == "I see 1.", told


def anthropic_hears_thoughts():
    told = create("think")
    assert [block.type for block in told.content] == ["thinking", "text"] and told.content[0].thinking == "Let me see."
    with ant.messages.stream(model=MODEL, max_tokens=100, messages=user("think")) as stream:
        whole = stream.get_final_message()
    assert [block.type for block in whole.content] == ["thinking", "text"], whole


def anthropic_lists_models():
    assert MODEL in {model.id for model in ant.models.list()}
    assert ant.models.retrieve(MODEL).display_name == "Double"


def anthropic_raises():
    wrong = anthropic.Anthropic(base_url=URL, api_key="cvk_wrong", max_retries=0)
    raises(anthropic.AuthenticationError, lambda: wrong.messages.create(model=MODEL, max_tokens=9, messages=user("Hi")))
    raises(anthropic.NotFoundError, lambda: ant.messages.create(model="double/gone/gone", max_tokens=9, messages=user("Hi")))
    searching = [{"type": "web_search_20250305", "name": "web_search"}]
    raises(anthropic.BadRequestError, lambda: create("Hi", tools=searching))
    spend("broke")
    try:
        create("Hi", extra_body={"convoke": {"agent": "broke"}})
        raise AssertionError("a spent budget was spent again")
    except anthropic.APIStatusError as error:
        assert error.status_code == 402 and error.body["error"]["type"] == "billing_error", error.body


def anthropic_raises_where_a_stream_breaks_off():
    heard = []

    def listen():
        try:
            for event in create("break off please", stream=True):
                heard.append(event.type)
        except anthropic.APIStatusError as error:
            return error
        raise AssertionError("it ended well")

    broken = listen()
    assert heard and "message_stop" not in heard and broken.body["error"]["code"] == "answer_broken", broken.body


def anthropic_leaves_a_stream():
    def leave():
        with create("hang on", stream=True) as stream:
            next(iter(stream))

    closes(leave)


checks = [check for name, check in list(globals().items()) if name.startswith(("openai_", "anthropic_")) and callable(check)]
failed = 0
for check in checks:
    try:
        check()
        print(f"ok   {check.__name__}")
    except Exception:
        failed += 1
        print(f"FAIL {check.__name__}")
        traceback.print_exc()
print(f"{len(checks) - failed} of {len(checks)} checks passed")
raise SystemExit(1 if failed else 0)
