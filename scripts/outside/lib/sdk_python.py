"""Sessions of the official Python SDK with the built program: both eras of the protocol, over stdio and HTTP.

Environment: CONVOKE (the program), SERVER_URL and SERVER_KEY (the program, running), FIXTURE_URL and FIXTURE_KEY (the example server with
the conformance fixtures, running), DATA (a folder below which each stdio session gets an
empty one), STDIO_LOG (what the programs on stdio write to stderr).

Each check is a function of one session. All run, all faults are told, any fault makes the exit status 1.
"""

import json
import os
import sys
import tempfile
import traceback
import warnings
from contextlib import asynccontextmanager
from typing import Any, Literal

import anyio
import httpx2
import mcp_types as types
from mcp import Client
from mcp.client.extension import ClaimContext, ClientExtension, ResultClaim
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

LEGACY, MODERN = "2025-11-25", "2026-07-28"
URL, KEY = os.environ["SERVER_URL"], os.environ["SERVER_KEY"]
FIXTURE_URL, FIXTURE_KEY = os.environ["FIXTURE_URL"], os.environ["FIXTURE_KEY"]
STDIO_LOG = open(os.environ["STDIO_LOG"], "a")  # noqa: SIM115 (lives as long as the run)
# Always in the short list: how everything else is found and called, and what people use every day.
EVERYDAY = {"tool_search", "tool_describe", "tool_read", "tool_call", "user_me", "memory_store", "memory_search", "system_health"}


class Session:
    """One connected client, with what the server told it by itself."""

    def __init__(self) -> None:
        self.client: Client = None  # type: ignore[assignment]
        self.era = ""
        self.logs: list[Any] = []
        self.asked: list[str] = []


@asynccontextmanager
async def connected(era: str, door: str, url: str = URL, key: str | None = KEY, extensions=None):
    """A session over a door: "stdio", or a path of the HTTP server such as "/mcp"."""
    session = Session()
    session.era = era

    async def sampled(_context, _params):
        session.asked.append("sampling")
        content = types.TextContent(type="text", text="sampled text")
        return types.CreateMessageResult(role="assistant", content=content, model="double", stop_reason="endTurn")

    async def elicited(_context, params):
        session.asked.append("elicitation")
        answers = {"username": "ann", "email": "ann@example.org", "name": "Ann"}
        wanted = params.requested_schema.get("properties", {})
        return types.ElicitResult(action="accept", content={name: answers[name] for name in wanted if name in answers})

    async def logged(params):
        session.logs.append(params)

    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"} if key else {}, timeout=60) as http:
        if door == "stdio":
            data = tempfile.mkdtemp(dir=os.environ["DATA"])
            program = StdioServerParameters(command=os.environ["CONVOKE"], args=["stdio", "--data", data])
            server = stdio_client(program, errlog=STDIO_LOG)
        else:
            server = streamable_http_client(url + door, http_client=http)
        session.client = Client(
            server,
            mode="legacy" if era == LEGACY else "auto",  # auto asks server/discover; says_who_it_is sees what came of it
            read_timeout_seconds=30,
            sampling_callback=sampled,
            elicitation_callback=elicited,
            logging_callback=logged,
            extensions=extensions,
            cache=None,
        )
        async with session.client:
            yield session


async def all_pages(method, member: str) -> list[Any]:
    """Follows nextCursor to the end; a server that never ends, or repeats a cursor, fails."""
    items, cursor, seen = [], None, set()
    while True:
        page = await method(cursor=cursor)
        items += getattr(page, member)
        cursor = page.next_cursor
        if cursor is None:
            return items
        assert cursor not in seen, f"the cursor {cursor!r} came twice"
        seen.add(cursor)


async def refused(awaitable, code: int | None = None) -> MCPError:
    """The protocol error that a call must end with."""
    try:
        answer = await awaitable
    except MCPError as error:
        assert code is None or error.code == code, f"error {error.code} ({error.message}), expected {code}"
        return error
    raise AssertionError(f"answered instead of refusing: {str(answer)[:300]}")


def structured(result: types.CallToolResult) -> Any:
    """The structured content of a success, which must be the same JSON as the text."""
    texts = [block.text for block in result.content if block.type == "text"]
    assert not result.is_error, f"the call failed: {texts}"
    assert result.structured_content is not None, "no structuredContent"
    assert any(same_json(text, result.structured_content) for text in texts), "no text block is the JSON of structuredContent"
    return result.structured_content


def same_json(text: str, value: Any) -> bool:
    try:
        return json.loads(text) == value
    except ValueError:
        return False


def names_in(value: Any) -> set[str]:
    """Every `name` or `tool` in an answer, however deep."""
    if isinstance(value, list):
        return set().union(*map(names_in, value)) if value else set()
    if not isinstance(value, dict):
        return set()
    own = {value[key] for key in ("name", "tool") if isinstance(value.get(key), str)}
    return own.union(*map(names_in, value.values()))


def parameter(tool: types.Tool, kind: str) -> str:
    """The name of a tool's parameter of a JSON type, required ones first: the suite knows tools, not their parameters."""
    properties = tool.input_schema.get("properties", {})
    required = tool.input_schema.get("required", [])
    fitting = [name for name, schema in properties.items() if kind in str(schema.get("type", kind if "$ref" in schema or not schema else ""))]
    assert fitting, f"{tool.name} has no parameter of type {kind}: {properties}"
    return sorted(fitting, key=lambda name: name not in required)[0]


# --- checks of the program itself


async def says_who_it_is(s: Session) -> None:
    assert s.client.protocol_version == s.era, f"negotiated {s.client.protocol_version}"
    info = s.client.server_info
    assert info and info.name and info.name != "rmcp" and info.version, f"server info {info}"
    assert s.client.server_capabilities.tools is not None, "tools are not declared"


async def lists_tools(s: Session) -> None:
    tools = await all_pages(s.client.list_tools, "tools")
    names = [tool.name for tool in tools]
    assert len(names) == len(set(names)), "a name is listed twice"
    assert EVERYDAY <= set(names), f"missing {EVERYDAY - set(names)}"
    for tool in tools:
        assert tool.description, f"{tool.name} has no description"
        assert tool.input_schema.get("type") == "object", f"{tool.name}: {tool.input_schema}"
        assert tool.annotations and tool.annotations.read_only_hint is not None, f"{tool.name} has no readOnlyHint"
    again = [tool.name for tool in await all_pages(s.client.list_tools, "tools")]
    assert names == again, "the order changed between two lists"


async def refuses_a_made_up_cursor(s: Session) -> None:
    await refused(s.client.list_tools(cursor="bWFkZS11cA"), types.INVALID_PARAMS)


async def tells_who_i_am(s: Session) -> None:
    await all_pages(s.client.list_tools, "tools")  # so that the SDK checks the answer against the tool's output schema
    me = structured(await s.client.call_tool("user_me", {}))
    assert isinstance(me, dict) and me, f"user_me says {me!r}"


async def finds_and_calls_a_tool(s: Session) -> None:
    tools = {tool.name: tool for tool in await all_pages(s.client.list_tools, "tools")}
    search, call = tools["tool_search"], tools["tool_call"]
    found = structured(await s.client.call_tool("tool_search", {parameter(search, "string"): "see all the users of the platform"}))
    assert "user_list" in names_in(found), f"not found: {str(found)[:500]}"
    described = structured(await s.client.call_tool("tool_describe", {parameter(tools["tool_describe"], "string"): "user_list"}))
    assert described, "tool_describe says nothing"
    for runner in (call, tools["tool_read"]):
        arguments = {parameter(runner, "string"): "user_list", parameter(runner, "object"): {}}
        assert structured(await s.client.call_tool(runner.name, arguments)), f"{runner.name} of user_list says nothing"


async def tells_bad_input_so_that_it_can_be_mended(s: Session) -> None:
    for arguments in ({}, {"no_such_parameter": 1}):
        result = await s.client.call_tool("user_create", arguments)
        assert result.is_error, "bad input was accepted"
        fault = result.structured_content or json.loads(result.content[0].text)
        assert isinstance(fault.get("code"), str), f"no code in {fault}"
        assert isinstance(fault.get("requestId"), str), f"no requestId in {fault}"
        places = fault.get("violations") or fault.get("errors")
        assert places and all(isinstance(place.get("pointer"), str) for place in places), f"no pointers in {fault}"


async def refuses_an_unknown_tool(s: Session) -> None:
    try:
        result = await s.client.call_tool("no_such_tool_anywhere", {})
    except MCPError as error:
        assert error.code == types.INVALID_PARAMS, f"error {error.code}"
        return
    assert result.is_error, "an unknown tool answered"


async def reads_resources(s: Session) -> None:
    if s.client.server_capabilities.resources is None:
        return
    resources = await all_pages(s.client.list_resources, "resources")
    uris = [str(resource.uri) for resource in resources]
    assert len(uris) == len(set(uris)), "a uri is listed twice"
    for resource in resources[:1] + resources[-1:]:
        read = await s.client.read_resource(str(resource.uri))
        assert read.contents, f"{resource.uri} is empty"
        content = read.contents[0]
        assert getattr(content, "text", None) or getattr(content, "blob", None), f"{resource.uri} has neither text nor blob"
    await all_pages(s.client.list_resource_templates, "resource_templates")
    # The code changed with the revision (SEP-2164): -32002 before, -32602 from 2026-07-28 on.
    await refused(s.client.read_resource("convoke://no/such/resource"), types.INVALID_PARAMS if s.era == MODERN else None)


# Prompts whose arguments any words fit; others take lists and objects, written as JSON.
TAKES_WORDS = {"find_tool", "use_tool", "commit-message", "summary"}


async def gives_prompts(s: Session) -> None:
    if s.client.server_capabilities.prompts is None:
        return
    for prompt in [one for one in await all_pages(s.client.list_prompts, "prompts") if one.name in TAKES_WORDS]:
        assert prompt.description, f"{prompt.name} has no description"
        arguments = {argument.name: await valid_value(s, prompt.name, argument.name) for argument in prompt.arguments or [] if argument.required}
        got = await s.client.get_prompt(prompt.name, arguments)
        assert got.messages, f"{prompt.name} has no messages"
    await refused(s.client.get_prompt("no-such-prompt-anywhere", {}), types.INVALID_PARAMS)


async def valid_value(s: Session, prompt: str, argument: str) -> str:
    """What the server itself offers for an argument; an argument may name something that must exist."""
    if s.client.server_capabilities.completions is None:
        return "1"
    ref = types.PromptReference(type="ref/prompt", name=prompt)
    return next(iter((await s.client.complete(ref, {"name": argument, "value": ""})).completion.values), "1")


async def completes(s: Session) -> None:
    if s.client.server_capabilities.completions is None:
        return
    for prompt in await all_pages(s.client.list_prompts, "prompts"):
        if prompt.arguments:
            ref = types.PromptReference(type="ref/prompt", name=prompt.name)
            answer = await s.client.complete(ref, {"name": prompt.arguments[0].name, "value": ""})
            assert len(answer.completion.values) <= 100, "more than 100 values"
            return


async def answers_ping_and_level(s: Session) -> None:
    if s.era == MODERN:
        return  # both are gone there; the conformance suite checks that they are refused
    await s.client.send_ping()
    if s.client.server_capabilities.logging is not None:
        await s.client.set_logging_level("warning")
        await refused(s.client.session.send_request(
            types.SetLevelRequest.model_construct(method="logging/setLevel", params={"level": "no-such-level"}), types.EmptyResult))


async def serves_many_calls_at_once(s: Session) -> None:
    answers: list[Any] = []
    await all_pages(s.client.list_tools, "tools")

    async def one() -> None:
        answers.append(structured(await s.client.call_tool("user_me", {})))

    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(one)
    assert all(answer == answers[0] for answer in answers), "parallel calls got different answers"


# --- checks with the fixtures of the example server: what the program's own tools do not show on demand


async def streams_progress(s: Session) -> None:
    steps: list[float] = []

    async def noted(progress: float, _total: float | None, _message: str | None) -> None:
        steps.append(progress)

    result = await s.client.call_tool("test_tool_with_progress", {}, progress_callback=noted)
    assert not result.is_error and steps == sorted(steps) and len(steps) >= 3, f"progress {steps}"


async def asks_its_client(s: Session) -> None:
    if s.era == LEGACY:
        calls = [("test_sampling", {"prompt": "hello"}, "sampled text"), ("test_elicitation", {"message": "who?"}, "ann")]
    else:
        calls = [("test_input_required_result_sampling", {}, "sampled text"), ("test_input_required_result_elicitation", {}, "Ann")]
    for name, arguments, expected in calls:
        result = await s.client.call_tool(name, arguments)
        assert not result.is_error and expected in str(result.content), f"{name}: {result.content}"
    assert s.asked == ["sampling", "elicitation"], f"was asked for {s.asked}"


async def logs_as_asked(s: Session) -> None:
    if s.era == LEGACY:
        await s.client.set_logging_level("debug")
        await s.client.call_tool("test_tool_with_logging", {})
    else:
        await s.client.call_tool("test_logging_tool", {})
        assert not s.logs, "a log message that nobody asked for"
        await s.client.call_tool("test_logging_tool", {}, meta={"io.modelcontextprotocol/logLevel": "debug"})
    await anyio.sleep(0.2)
    assert s.logs, "no log message arrived"


async def lets_a_call_be_cancelled(s: Session) -> None:
    with anyio.move_on_after(1) as scope:
        await s.client.call_tool("slow_compute", {"seconds": 60, "label": "given up"})
    assert scope.cancelled_caught, "the slow call did not last"
    with anyio.fail_after(5):
        result = await s.client.call_tool("test_simple_text", {})
    assert not result.is_error, "the session does not work after a cancellation"


async def keeps_prompts_and_templates(s: Session) -> None:
    got = await s.client.get_prompt("test_prompt_with_arguments", {"arg1": "one", "arg2": "two"})
    assert "arg1='one', arg2='two'" in str(got.messages), f"{got.messages}"
    read = await s.client.read_resource("test://template/42/data")
    assert json.loads(read.contents[0].text)["id"] == "42", f"{read.contents}"
    ref = types.PromptReference(type="ref/prompt", name="test_prompt_with_arguments")
    assert isinstance((await s.client.complete(ref, {"name": "arg1", "value": "t"})).completion.values, list)


class TaskHandle(types.Result):
    """What a tool answers that goes on as a task."""

    result_type: Literal["task"] = "task"
    task_id: str
    status: str


class Tasks(ClientExtension):
    """The client's half of the tasks extension, as small as it can be: poll until the task ends."""

    identifier = "io.modelcontextprotocol/tasks"

    def __init__(self) -> None:
        self.seen: list[str] = []

    def claims(self):
        return [ResultClaim(result_type="task", model=TaskHandle, resolve=self.finish)]

    async def finish(self, handle: TaskHandle, context: ClaimContext) -> types.CallToolResult:
        self.seen.append(handle.task_id)
        for _ in range(100):
            task = await poll(context, handle.task_id)
            if task.get("status") == "completed":
                return types.CallToolResult.model_validate({"resultType": "complete", **task["result"]})
            assert task.get("status") == "working", f"{task}"
            await anyio.sleep(0.1)
        raise AssertionError("the task did not end within 10 s")


class Envelope(types.Result):
    model_config = {"extra": "allow"}


class GetTask(types.Request[dict[str, Any], Literal["tasks/get"]]):
    method: Literal["tasks/get"] = "tasks/get"
    name_param = "taskId"
    params: dict[str, Any]


async def poll(context: ClaimContext, task_id: str) -> dict[str, Any]:
    answer = await context.session.send_request(GetTask(params={"taskId": task_id}), Envelope)
    return answer.model_dump(by_alias=True)


async def runs_a_task(s: Session, tasks: Tasks) -> None:
    result = await s.client.call_tool("slow_compute", {"seconds": 1, "label": "as a task"})
    assert tasks.seen, "the slow call did not become a task"
    assert not result.is_error and result.content, f"{result}"


# --- HTTP without or with a wrong key


async def refuses_strangers() -> None:
    body = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "stranger", "version": "1"}}}
    accept = {"Accept": "application/json, text/event-stream"}
    async with httpx2.AsyncClient(timeout=10) as http:
        for headers in ({}, {"Authorization": "Bearer cvk_not-a-key"}, {"Authorization": "Basic YTpi"}, {"Authorization": "Bearer"}):
            for path in ("/mcp", "/mcp/all"):
                answer = await http.post(URL + path, json=body, headers=accept | headers)
                assert answer.status_code == 401, f"{path} with {headers}: {answer.status_code}"
                assert answer.headers.get("www-authenticate", "").lower().startswith("bearer"), f"{path}: no WWW-Authenticate"
    for era in (LEGACY, MODERN):
        try:
            async with connected(era, "/mcp", key=None) as session:
                await session.client.list_tools()
        except BaseException:  # the SDK wraps it in groups of exceptions
            continue
        raise AssertionError(f"a client without a key was served ({era})")


async def lists_everything() -> None:
    async with connected(MODERN, "/mcp") as short, connected(MODERN, "/mcp/all") as full:
        few = {tool.name for tool in await all_pages(short.client.list_tools, "tools")}
        names = [tool.name for tool in await all_pages(full.client.list_tools, "tools")]
    assert len(names) == len(set(names)), "a name is listed twice"
    assert few < set(names), f"not in the full list: {few - set(names)}"


OWN = [says_who_it_is, lists_tools, refuses_a_made_up_cursor, tells_who_i_am, finds_and_calls_a_tool, tells_bad_input_so_that_it_can_be_mended,
       refuses_an_unknown_tool, reads_resources, gives_prompts, completes, answers_ping_and_level, serves_many_calls_at_once]
FIXTURES = [streams_progress, asks_its_client, logs_as_asked, lets_a_call_be_cancelled, keeps_prompts_and_templates]


class Tally:
    def __init__(self) -> None:
        self.good = 0
        self.bad = 0

    async def run(self, label: str, work) -> None:
        try:
            with anyio.fail_after(90):
                await work()
        except Exception as error:
            self.bad += 1
            print(f"FAIL {label}: {told(error)}", flush=True)
        else:
            self.good += 1


def told(error: BaseException) -> str:
    """The fault inside the groups that task groups wrap it in, with its place for what is no plain assertion."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {os.path.basename(place.filename)}:{place.lineno}: {str(error)[:700]}"


async def main() -> int:
    tally = Tally()
    # A fresh session for each check: one that breaks its session must not fail the next.
    for era in (LEGACY, MODERN):
        for door in ("stdio", "/mcp"):
            for check in OWN:
                async def work(check=check, era=era, door=door) -> None:
                    async with connected(era, door) as session:
                        await check(session)
                await tally.run(f"{era} {door} {check.__name__}", work)
        for check in FIXTURES:
            async def work(check=check, era=era) -> None:
                async with connected(era, "/mcp", FIXTURE_URL, FIXTURE_KEY) as session:
                    await check(session)
            await tally.run(f"{era} fixtures {check.__name__}", work)

    async def task() -> None:
        tasks = Tasks()
        async with connected(MODERN, "/mcp", FIXTURE_URL, FIXTURE_KEY, [tasks]) as session:
            await runs_a_task(session, tasks)

    await tally.run(f"{MODERN} fixtures runs_a_task", task)
    await tally.run("http refuses_strangers", refuses_strangers)
    await tally.run("http lists_everything", lists_everything)
    print(f"{tally.good} checks passed, {tally.bad} failed")
    return 1 if tally.bad else 0


if __name__ == "__main__":
    # ping, logging and sampling are deprecated in the newest revision; most clients still speak them.
    warnings.simplefilter("ignore")
    sys.exit(anyio.run(main))
