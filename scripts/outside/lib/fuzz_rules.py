"""What the schemathesis suite knows beyond the OpenAPI document: when input that fits the schemas may be refused all the same, and what calls
must not hit because the run lives from it.

Operations are named by their operationId, aliases count as the operation itself. A name that the document does not have fails the run.
"""

import atexit
import itertools
import json
import os
import uuid
from collections import Counter, defaultdict
from pathlib import Path
from urllib.parse import urlsplit

import requests
import schemathesis

API = os.environ["SERVER_URL"] + "/api/v1"
KEY = {"Authorization": f"Bearer {os.environ['SERVER_KEY']}"}

# Faults about what happened before, which generated input cannot know.
OF_THE_PAST = {
    "bad_page_token",  # tokens are sealed, only those from an answer are good
    "bad_request_state",  # the same
    "precondition_failed",  # the ETag is one that the resource does not have
    "idempotency_key_reused",  # the same key with another input
    "replay_from_future",  # a place in the log that is not reached yet
    "too_many_hops",  # how long the chain was that led to the call
    "subscription_loop",  # a tool that tells of what is subscribed to
    "breaking_schema",  # what the topic's schema was before
    "reserved_topic",  # a topic that the program itself tells of
    "forbidden_address",  # where a name leads
    "credential_missing",  # a secret that nobody stored
    "unsupported_by_model",  # what the one model that there is can do
    "context_too_long",  # how much it reads
    "prompt_unusable",  # templates and blocks are languages of their own
    "prompt_block_loop",
    "prompt_too_large",
    "prompt_contract_broken",  # what the prompt's cases demand of recorded answers
    "prompt_version_taken",  # which versions there were
    "prompt_no_experiment",  # what the label stood for
    "persona_unusable",
    "process_unusable",  # graphs with expressions and schemas within are a language of their own
    "process_edit_unfit",  # what the definition had before
    "process_unchanged",
    "process_version_taken",
    "process_moved",
    "process_not_published",  # what was published before
    "execution_wrong_state",  # what was done to the execution before
    "execution_nobody_waits",
    "execution_variables_unfit",  # what the process declares
    "flow_unusable",  # graphs with rules of their type
    "flow_dependency_cycle",  # what depends on what
    "flow_needed",
    "flow_not_active",  # what was done to the flow before
    "flow_dependency_unmet",  # what was executed before
    "flow_credential_missing",  # what the vault has
    "flow_execution_over",  # what was reported before
    "flow_execution_here",
    "flow_version_taken",  # which versions there were
    "execution_step_unfit",  # where the execution is
    "execution_batch_differs",  # what was asked for under the same name before
    "execution_batch_unfit",  # what the processes declare
    "process_file_broken",  # languages of their own
    "process_file_outside",
    "rule_tests_failed",  # what the rules decide
    "rule_conflict",
    "rule_exceeded",
    "rule_unanswered",
    "dmn_unreadable",  # a language of its own
    "process_merge_conflicts",  # what was written on both branches
    "nothing_to_learn",  # one of several properties must be there
    "interaction_differs",  # what was taken in under the same id before
    "agent_incomplete",  # what the agent was made of is gone since
    "transcript_cut",  # what an earlier run was told
    "run_unanswered",  # how an earlier run ended
    "agent_output_unfit",  # what the one model says
    "feedback_empty",  # one of several properties must be there
    "dataset_empty",  # what was said before
    "memory_empty",  # a text must have a word in it
    "memory_forget_what",  # one of several properties must be there
    "memory_ended",  # what became of the memory before
    "graph_query_syntax",  # a language of its own
    "graph_query_unsupported",
    "graph_query_unfit",
    "graph_too_many_steps",  # how large the graph is
    "graph_too_many_rows",
    "graph_too_much_memory",
    "graph_too_slow",
    "graph_node_too_large",
    "document_unreadable",  # what the bytes are
    "document_too_large",
    "document_type_unknown",
    "document_encrypted",
    "parsing_timed_out",
    "document_model_unfit",  # what the one model says
    "task_over",  # what became of the task before
    "task_answered",
    "task_taken",
    "task_changed",
    "task_answer_needed",  # an answer is one of two properties
    "task_without_candidates",
    "escalation_ended",
    "task_not_yours",
    "calendar_never_open",  # what the calendar says
}

# Rules for the input that a JSON schema does not say, by operation and place of the violation.
BEYOND_SCHEMAS = {
    "api_key_create": {
        "/scopes": "a resource and an action that there are",
        "/toolsets": "one of the toolsets that there are",
        "/expiresAt": "in the future",
        "/expiresInDays": "not with expiresAt",
        "/budget": "with dollars or tokens, so that it limits something",
    },
    "audit_query": {"/to": "later than 'from'"},
    "document_get": {"/page": "a page that the document has"},
    "memory_consolidate": {"/scopeId": "what the scope demands"},
    "memory_policy_set": {"/forgetAfterDays": "not less than retireAfterDays"},
    "memory_stats": {"/scopeId": "what the scope demands"},
    "memory_update": {"/validTo": "later than validFrom"},
    "model_provider_set": {"/text": "the file of a provider of that name"},
    "process_view": {"/execution": "not with version and branch"},
    "persona_analytics": {"/from": "earlier than 'to', by 366 days at most"},
    "role_assign": {
        "/group": "not with userId",
        "/userId": "given, where no group is",
        "/effectiveUntil": "in the future, after effectiveFrom",
    },
    "role_create": {"/permissions": "a resource and an action that there are"},
    "role_revoke": {"/group": "not with userId", "/userId": "given, where no group is"},
    "role_set_permissions": {"/permissions": "a resource and an action that there are"},
    "system_cache_clear": {"/names": "one of the caches that there are"},
    "tool_call": {"/input": "the schema of the tool that 'name' names"},
    "tool_read": {"/name": "a tool that only reads", "/input": "the schema of the tool that 'name' names"},
    "tool_search": {"/domain": "one of the domains that there are"},
}

# Operations whose properties hang on each other and on what there is (patterns of topics, places in a log, names of services) in more ways
# than a list of places tells: each may refuse any place, so long as it says which and why.
MANY_RULES = {
    "agent_get",
    "agent_invoke",
    "agent_knowledge",
    "agent_learn",
    "agent_list",
    "agent_metrics",
    "agent_register",
    "agent_status",
    "agent_stream",
    "agent_tool_execute",
    "agent_update",
    "audit_export",
    "audit_record",
    "audit_verify",
    "compliance_report",
    "dataset_create",
    "document_classify",
    "document_extract",
    "document_upload",
    "drift_get",
    "event_dead_letters",
    "event_publish",
    "event_pull",
    "event_redrive",
    "event_replay",
    "event_schema_set",
    "event_subscribe",
    "event_subscriptions",
    "event_topics",
    "feedback_query",
    "feedback_submit",
    "gateway_route_set",
    "gdpr_delete_request",
    "graph_path",
    "graph_query",
    "graph_search",
    "graph_upsert",
    "knowledge_ingest",
    "memory_forget",
    "memory_search",
    "memory_store",
    "model_budget_get",
    "model_budget_set",
    "model_complete",
    "model_count_tokens",
    "model_embed",
    "model_optimization",
    "model_performance",
    "model_route_set",
    "model_stream",
    "model_usage",
    "persona_create",
    "persona_get",
    "persona_search",
    "persona_update",
    "execution_cancel",
    "execution_compensate",
    "execution_get",
    "execution_history",
    "execution_list",
    "execution_migrate",
    "execution_pause",
    "execution_recover",
    "execution_resume",
    "execution_run",
    "execution_signal",
    "execution_start",
    "flow_dependency_add",
    "flow_execute",
    "flow_execution_status",
    "flow_executions",
    "flow_register",
    "flow_update",
    "execution_batch",
    "execution_dependencies",
    "execution_logs",
    "execution_optimize",
    "execution_schedule",
    "execution_step",
    "process_create",
    "process_get",
    "process_list",
    "process_publish",
    "process_sandbox",
    "process_templates",
    "process_update",
    "process_validate",
    "process_versions",
    "process_import",
    "process_branch",
    "process_diff",
    "process_link",
    "process_links",
    "process_merge",
    "process_analytics",
    "prompt_assemble",
    "prompt_create",
    "prompt_experiment",
    "prompt_get",
    "prompt_list",
    "prompt_publish",
    "prompt_test",
    "prompt_update",
    "prompt_validate",
    "prompt_versions",
    "retention_policy_set",
    "retraining_schedule",
    "rule_create",
    "rule_evaluate",
    "rule_get",
    "rule_import",
    "rule_update",
    "rule_versions",
    "schedule_create",
    "schedule_trigger",
    "schedule_update",
    "task_assign",
    "task_comment",
    "task_create",
    "task_link",
    "task_list",
    "task_respond",
    "secret_put",
    "service_discover",
    "service_heartbeat",
    "service_register",
}

# Operations that no generated call can bring to a good answer.
UNREACHED = {
    "call_answer": "no tool of the program asks yet, so no call waits",
    "call_resume": "the same: a state comes from a call that asks",
}


def operation_of(case) -> str:
    return case.operation.definition.raw["operationId"].split("__alias")[0]


def is_positive(case) -> bool:
    return case.meta is not None and case.meta.generation.mode.is_positive


class RefusedValidInput(AssertionError):
    """Input that fits the document was refused for no reason that is known here."""


@schemathesis.check
def accepts_valid_input(_context, response, case) -> None:
    if not is_positive(case) or response.status_code not in {400, 406, 412, 413, 415, 422}:
        return
    fault = response.json()
    if fault["code"] in OF_THE_PAST:
        return
    known = BEYOND_SCHEMAS.get(operation_of(case), {})
    violations = fault.get("violations", [])
    places = [violation["pointer"] for violation in violations]
    if fault["code"] == "bad_input" and places and operation_of(case) in MANY_RULES:
        return
    if fault["code"] == "bad_input" and places and all(is_known(violation, known) for violation in violations):
        return
    raise RefusedValidInput(f"Valid input was refused: {fault['code']} at {places}: {fault['detail']}")


def is_known(violation, known) -> bool:
    # No text anywhere may hold U+0000, which no schema keyword says in a way that the large model APIs take.
    if violation["message"].startswith("must not hold the character U+0000"):
        return True
    pointer = violation["pointer"]
    return not pointer or f"/{pointer.split('/')[1]}" in known


# Things made for one call each, so that what takes away is tried on what is there, and never on what the run lives from.

numbers = itertools.count(1)


def made(path: str, body: dict, **headers: str) -> dict:
    response = requests.post(f"{API}{path}", json=body, headers=KEY | headers, timeout=20)
    assert response.ok, f"{path} for a disposable: {response.status_code} {response.text}"
    return response.json()


def user() -> str:
    return made("/users", {"email": f"disposable{next(numbers)}@example.org"})["id"]


def role() -> dict:
    return made("/roles", {"name": f"disposable-{next(numbers)}", "permissions": ["users:read"]})


def key() -> str:
    return made("/auth/api-keys", {"name": f"disposable {next(numbers)}", "scopes": ["users:read"]})["id"]


def held_role() -> dict:
    held = {"role": role()["name"], "userId": user()}
    made("/auth/roles", held)
    return held


def call() -> str:
    return made("/users", {"email": f"later{next(numbers)}@example.org"}, Prefer="respond-async")["id"]


def service() -> dict:
    name = f"disposable-{next(numbers)}"
    return made("/services/register", {"serviceName": name, "host": "one.example.org", "port": 8080}) | {"name": name}


def document() -> str:
    return made("/documents/upload", {"name": "note.txt", "text": f"Note number {next(numbers)}."})["documentId"]


def node() -> str:
    given = {"type": "Thing", "key": f"thing-{next(numbers)}", "name": "A thing"}
    return made("/knowledge/graph", {"nodes": [given]})["nodes"][0]["id"]


def memory() -> str:
    return made("/memory", {"text": f"Note number {next(numbers)} is kept.", "separate": True})["memory"]["memoryId"]


def queue() -> str:
    return made("/subscriptions", {"topics": ["order.created"], "target": {"type": "pull"}})["id"]


def prompt() -> str:
    cases = [{"name": "greets", "variables": {}, "answer": "Hello", "contains": ["Hello"]}]
    return made("/prompts", {"name": f"disposable {next(numbers)}", "template": "Say hello.", "cases": cases})["promptId"]


def steps(name: str) -> dict:
    nodes = [{"id": "begin", "type": "start"}, {"id": "done", "type": "end"}]
    return {"name": name, "nodes": nodes, "edges": [{"from": "begin", "to": "done"}]}


def process() -> str:
    return made("/processes", steps(f"Disposable {next(numbers)}"))["id"]


def published_process() -> str:
    name = process()
    made(f"/processes/{name}/publish", {})
    return name


def waiting() -> str:
    nodes = [
        {"id": "begin", "type": "start"},
        {"id": "word", "type": "wait", "config": {"message": "word"}},
        {"id": "done", "type": "end"},
    ]
    edges = [{"from": "begin", "to": "word"}, {"from": "word", "to": "done"}]
    name = made("/processes", {"name": f"Disposable {next(numbers)}", "nodes": nodes, "edges": edges})["id"]
    made(f"/processes/{name}/publish", {})
    return made("/executions", {"processId": name})["executionId"]


def stepwise() -> str:
    nodes = [
        {"id": "begin", "type": "start"},
        {"id": "look", "type": "tool", "config": {"tool": "user_me"}},
        {"id": "done", "type": "end"},
    ]
    edges = [{"from": "begin", "to": "look"}, {"from": "look", "to": "done"}]
    name = made("/processes", {"name": f"Disposable {next(numbers)}", "nodes": nodes, "edges": edges})["id"]
    made(f"/processes/{name}/publish", {})
    return made("/executions", {"processId": name, "hold": True})["executionId"]


def failed() -> str:
    nodes = [{"id": "begin", "type": "start"}, {"id": "done", "type": "end", "config": {"kind": "error", "code": "broken"}}]
    name = made("/processes", {"name": f"Disposable {next(numbers)}", "nodes": nodes, "edges": [{"from": "begin", "to": "done"}]})["id"]
    made(f"/processes/{name}/publish", {})
    return made("/executions", {"processId": name})["executionId"]


def execution(hold: bool = False) -> str:
    return made("/executions", {"processId": published_process(), "hold": hold})["executionId"]


def flow(**more) -> str:
    given = {"id": f"disposable_{next(numbers)}", "type": "custom", "nodes": [{"id": "only", "type": "step"}]}
    return made("/flows", given | more)["id"]


def flow_execution() -> str:
    return made(f"/flows/{flow()}/execute", {})["executionId"]


def branched_process() -> str:
    name = process()
    made(f"/processes/{name}/branches", {"name": "aside"})
    nodes = [{"id": "begin", "type": "start", "name": "Begins"}, {"id": "done", "type": "end"}]
    other = {"branch": "aside", "nodes": nodes}
    requests.put(f"{API}/processes/{name}", json=other, headers=KEY, timeout=20).raise_for_status()
    return name


def persona() -> str:
    profile = {"name": f"Disposable {next(numbers)}", "description": "Answers.", "role": "Somebody who answers."}
    return made("/personas", profile)["personaId"]


DECISION = {"name": "twice", "logic": {"expression": "amount * 2"}}


MODEL = (
    '<definitions xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/" name="Greeting" namespace="urn:g"><decision id="d" name="Greeting">'
    '<variable name="Greeting" typeRef="string"/><literalExpression><text>"Hello"</text></literalExpression></decision></definitions>'
)


def rule_set() -> str:
    said = {"name": f"Disposable {next(numbers)}", "inputs": [{"name": "amount"}], "decisions": [DECISION]}
    return made("/rules", said)["ruleSetId"]


def agent() -> str:
    told = {"name": f"Disposable {next(numbers)}", "description": "Answers.", "instructions": "Be short.", "model": {"name": "double/chat"}}
    return made("/agents", told | {"tools": {"names": ["user_me"]}})["agentId"]


def shared_prompt() -> str:
    name = prompt()
    made(f"/prompts/{name}/publish", {})
    requests.put(f"{API}/prompts/{name}", json={"template": "Say good day."}, headers=KEY, timeout=20).raise_for_status()
    split = [{"version": "1.0.0", "weight": 1}, {"version": "draft", "weight": 1}]
    made(f"/prompts/{name}/publish", {"labels": [{"label": "production", "split": split}]})
    return name


def rows() -> dict:
    agent = f"disposable-{next(numbers)}"
    for number in range(3):
        said = {"input": f"question {number}", "expectedOutput": "yes"}
        made("/feedback", {"agentId": agent, "feedback": said})
    return {"name": agent, "agentId": agent, "testShare": 0}


def dataset() -> str:
    return made("/datasets", rows())["datasetId"]


def retraining() -> str:
    return made("/retraining/jobs", {"kind": "few_shot", "datasetId": dataset()})["jobId"]


def schedule() -> str:
    variables = {"topic": "fuzz.wanted", "event": {"number": next(numbers)}}
    return made("/schedules", {"cronExpression": "0 9 * * *", "tool": "event_publish", "variables": variables})["id"]


def task() -> str:
    return made("/tasks", {"title": f"Decide number {next(numbers)}", "escalationChain": [{"outcome": "reject"}]})["taskId"]


# What the task that was made last shows: an answer names it.
last_task: dict = {}


def shown_task() -> dict:
    last_task.update(made("/tasks", {"title": f"Decide number {next(numbers)}"}))
    return {"id": last_task["taskId"]}


def question() -> dict:
    return {"prompt": f"Say the number {next(numbers)}."}


PROVIDER = """name = 'house'
dialect = 'openai'
base_url = 'https://llm.example.org/v1'
[[models]]
name = 'small'
context = 32_000
abilities = ['chat']
"""

# By operation: where its input is and what makes it; both where the body hangs on the path.
DISPOSABLE = {
    "agent_delete": ("path_parameters", lambda: {"id": agent()}),
    "agent_get": ("path_parameters", lambda: {"id": agent()}),
    "agent_invoke": [("path_parameters", lambda: {"id": agent()}), ("body", question)],
    "agent_learn": ("body", lambda: {"id": agent(), "interactionId": f"fuzz-{next(numbers)}", "feedback": {"accuracy": 1}}),
    "agent_metrics": ("path_parameters", lambda: {"id": agent()}),
    "agent_register": ("body", lambda: {"name": f"Fresh {next(numbers)}", "description": "Answers.", "instructions": "Be short."}),
    "agent_status": [("path_parameters", lambda: {"id": agent()}), ("query", dict)],
    "agent_stream": [("path_parameters", lambda: {"id": agent()}), ("body", question)],
    "agent_tool_execute": [("path_parameters", lambda: {"id": agent()}), ("body", lambda: {"tool": "user_me", "input": {}})],
    "agent_update": [("path_parameters", lambda: {"id": agent()}), ("body", lambda: {"description": "Other."})],
    "api_key_revoke": ("path_parameters", lambda: {"id": key()}),
    "call_cancel": ("path_parameters", lambda: {"id": call()}),
    "call_get": ("path_parameters", lambda: {"id": call()}),
    "dataset_create": ("body", rows),
    "dataset_export": ("path_parameters", lambda: {"id": dataset()}),
    "document_classify": ("body", lambda: {"text": "Dear Ada, kind regards", "method": "statistical"}),
    "document_delete": ("path_parameters", lambda: {"id": document()}),
    "document_embeddings": [("path_parameters", lambda: {"id": document()}), ("query", dict)],
    "document_extract": [("path_parameters", lambda: {"id": document()}), ("body", lambda: {"method": "statistical"})],
    "document_get": [("path_parameters", lambda: {"id": document()}), ("query", dict)],
    "document_upload": ("body", lambda: {"name": "note.txt", "text": f"Note number {next(numbers)}."}),
    "event_pull": [("path_parameters", lambda: {"id": queue()}), ("body", dict)],
    "event_redrive": ("body", lambda: {"subscriptionId": queue()}),
    "event_unsubscribe": ("path_parameters", lambda: {"id": queue()}),
    "feedback_submit": ("body", lambda: {"agentId": "disposable", "feedback": {"accuracy": 1}}),
    "gateway_route_set": [
        ("path_parameters", lambda: {"id": f"route-{next(numbers)}"}),
        ("body", lambda: {"path": f"/fresh-{next(numbers)}", "target": "invoicing"}),
    ],
    "graph_delete": [("path_parameters", lambda: {"id": node()}), ("query", dict)],
    "graph_get": [("path_parameters", lambda: {"id": node()}), ("query", dict)],
    "graph_neighbors": [("path_parameters", lambda: {"id": node()}), ("query", dict)],
    "graph_path": ("body", lambda: {"from": node(), "to": node()}),
    "graph_query": ("body", lambda: {"query": "MATCH (thing:Thing) RETURN thing.name AS name LIMIT 3"}),
    "graph_upsert": ("body", lambda: {"nodes": [{"type": "Thing", "name": f"Thing {next(numbers)}"}]}),
    "knowledge_ingest": (
        "body",
        lambda: {"documents": [{"name": "note.txt", "text": f"Note {next(numbers)} is by Ada Byron."}], "extraction": "statistical"},
    ),
    "knowledge_query": ("body", lambda: {"question": "What does note number 1 say?"}),
    "memory_consolidate": ("body", dict),
    "memory_forget": [("path_parameters", lambda: {"id": memory()}), ("query", dict)],
    "memory_get": ("path_parameters", lambda: {"id": memory()}),
    "memory_policy_set": ("body", lambda: {"scope": "session", "most": 500}),
    "memory_stats": ("query", dict),
    "memory_store": ("body", lambda: {"text": f"Note number {next(numbers)} is new.", "method": "statistical"}),
    "memory_update": [("path_parameters", lambda: {"id": memory()}), ("body", lambda: {"importance": 0.9})],
    "model_budget_set": [("path_parameters", lambda: {"scope": "agent:fuzz"}), ("body", lambda: {"tokens": 1000, "period": "day"})],
    "model_complete": ("body", question),
    "model_count_tokens": ("body", question),
    "model_embed": ("body", lambda: {"texts": ["one", "two"], "model": "double/vectors"}),
    "model_provider_set": [("path_parameters", lambda: {"name": "house"}), ("body", lambda: {"text": PROVIDER})],
    "model_route_set": [
        ("path_parameters", lambda: {"name": f"disposable-{next(numbers)}"}),
        ("body", lambda: {"candidates": [{"model": "double/chat"}]}),
    ],
    "model_stream": ("body", question),
    "persona_analytics": [("path_parameters", lambda: {"id": "code-reviewer"}), ("query", dict)],
    "persona_get": ("path_parameters", lambda: {"id": "code-reviewer"}),
    "persona_update": [("path_parameters", lambda: {"id": persona()}), ("body", lambda: {"tone": "calm"})],
    "execution_cancel": [("path_parameters", lambda: {"id": execution(hold=True)}), ("body", dict)],
    "execution_compensate": [("path_parameters", lambda: {"id": execution()}), ("body", dict)],
    "execution_get": ("path_parameters", lambda: {"id": execution()}),
    "execution_history": [("path_parameters", lambda: {"id": execution()}), ("query", dict)],
    "execution_pause": [("path_parameters", lambda: {"id": waiting()}), ("body", dict)],
    "execution_migrate": ("body", lambda: {"executions": [waiting()], "toVersion": "latest"}),
    "execution_recover": [("path_parameters", lambda: {"id": failed()}), ("body", dict)],
    "execution_signal": [("path_parameters", lambda: {"id": waiting()}), ("body", lambda: {"message": "word"})],
    "execution_resume": [("path_parameters", lambda: {"id": execution(hold=True)}), ("body", dict)],
    "execution_run": [("path_parameters", lambda: {"id": execution(hold=True)}), ("body", lambda: {"waitSeconds": 1})],
    "execution_start": ("body", lambda: {"processId": published_process()}),
    "flow_archive": ("path_parameters", lambda: {"id": flow()}),
    "flow_dependencies": [("path_parameters", lambda: {"id": flow()}), ("query", dict)],
    "flow_dependency_add": [("path_parameters", lambda: {"id": flow()}), ("body", lambda: {"dependsOnFlowId": flow()})],
    "flow_execute": [("path_parameters", lambda: {"id": flow(processId=published_process())}), ("body", dict)],
    "flow_execution_status": [("path_parameters", lambda: {"id": flow_execution()}), ("body", lambda: {"status": "running"})],
    "flow_executions": [("path_parameters", lambda: {"id": flow()}), ("query", dict)],
    "flow_get": [("path_parameters", lambda: {"id": flow()}), ("query", dict)],
    "flow_register": ("body", lambda: {"id": f"fresh_{next(numbers)}", "type": "custom"}),
    "flow_statistics": [("path_parameters", lambda: {"id": flow()}), ("query", dict)],
    "flow_update": [("path_parameters", lambda: {"id": flow()}), ("body", lambda: {"description": "Other."})],
    "flow_validate": [("path_parameters", lambda: {"id": flow()}), ("body", dict)],
    "execution_logs": [("path_parameters", lambda: {"id": execution()}), ("query", dict)],
    "execution_step": [("path_parameters", lambda: {"id": stepwise(), "step": "look"}), ("body", dict)],
    "execution_dependencies": ("path_parameters", lambda: {"id": execution()}),
    "execution_batch": ("body", lambda: {"processId": published_process(), "items": [{}, {"key": "second"}]}),
    "execution_schedule": ("body", lambda: {"processId": published_process(), "cronExpression": "0 9 * * *"}),
    "execution_optimize": ("body", lambda: {"processId": published_process()}),
    "process_analytics": [("path_parameters", lambda: {"id": published_process()}), ("query", dict)],
    "process_create": ("body", lambda: steps(f"Fresh {next(numbers)}")),
    "process_get": [("path_parameters", lambda: {"id": process()}), ("query", dict)],
    "process_publish": [("path_parameters", lambda: {"id": process()}), ("body", dict)],
    "process_sandbox": [("path_parameters", lambda: {"id": process()}), ("body", dict)],
    "process_templates": ("query", lambda: {"id": "expense-approval"}),
    "process_update": [("path_parameters", lambda: {"id": process()}), ("body", lambda: {"description": "Other."})],
    "process_validate": [("path_parameters", lambda: {"id": process()}), ("body", dict)],
    "process_versions": [("path_parameters", lambda: {"id": process()}), ("query", dict)],
    "process_import": ("body", lambda: {"content": json.dumps(steps(f"Fresh {next(numbers)}"))}),
    "process_view": [("path_parameters", lambda: {"id": process()}), ("query", dict)],
    "process_branch": [("path_parameters", lambda: {"id": process()}), ("body", lambda: {"name": "aside"})],
    "process_diff": [("path_parameters", lambda: {"id": branched_process()}), ("query", lambda: {"toBranch": "aside"})],
    "process_link": [("path_parameters", lambda: {"id": process()}), ("body", lambda: {"to": process(), "kind": "feeds"})],
    "process_links": ("path_parameters", lambda: {"id": process()}),
    "process_merge": [("path_parameters", lambda: {"id": branched_process()}), ("body", lambda: {"from": "aside"})],
    "prompt_assemble": [("path_parameters", lambda: {"id": prompt()}), ("body", dict)],
    "prompt_create": ("body", lambda: {"name": f"Fresh {next(numbers)}", "template": "Say hello."}),
    "prompt_experiment": [("path_parameters", lambda: {"id": shared_prompt()}), ("body", dict)],
    "prompt_get": ("path_parameters", lambda: {"id": "summary"}),
    "prompt_publish": [("path_parameters", lambda: {"id": prompt()}), ("body", dict)],
    "prompt_test": [("path_parameters", lambda: {"id": prompt()}), ("body", dict)],
    "prompt_update": [("path_parameters", lambda: {"id": prompt()}), ("body", lambda: {"template": "Say goodbye."})],
    "rule_create": ("body", lambda: {"name": f"Fresh {next(numbers)}", "inputs": [{"name": "amount"}], "decisions": [DECISION]}),
    "rule_evaluate": [("path_parameters", lambda: {"id": rule_set()}), ("body", lambda: {"inputs": {"amount": 2}})],
    "rule_get": [("path_parameters", lambda: {"id": rule_set()}), ("query", dict)],
    "rule_import": ("body", lambda: {"xml": MODEL, "name": f"Fresh {next(numbers)}"}),
    "rule_update": [("path_parameters", lambda: {"id": rule_set()}), ("body", lambda: {"description": "Another."})],
    "rule_versions": [("path_parameters", lambda: {"id": rule_set()}), ("query", dict)],
    "prompt_validate": [("path_parameters", lambda: {"id": "summary"}), ("body", dict)],
    "prompt_versions": ("path_parameters", lambda: {"id": prompt()}),
    "retraining_get": ("path_parameters", lambda: {"id": retraining()}),
    "retraining_schedule": ("body", lambda: {"kind": "few_shot", "datasetId": dataset()}),
    "role_revoke": ("query", held_role),
    "role_set_permissions": ("path_parameters", lambda: {"id": role()["id"]}),
    "schedule_delete": ("path_parameters", lambda: {"id": schedule()}),
    "schedule_get": ("path_parameters", lambda: {"id": schedule()}),
    "schedule_trigger": ("path_parameters", lambda: {"id": schedule()}),
    "schedule_update": ("path_parameters", lambda: {"id": schedule()}),
    "secret_put": [("path_parameters", lambda: {"name": f"fresh-{next(numbers)}"}), ("body", lambda: {"value": "a secret"})],
    "service_deregister": ("path_parameters", lambda: {"name": service()["name"]}),
    "service_discover": ("path_parameters", lambda: {"name": service()["name"]}),
    "service_heartbeat": ("path_parameters", lambda: {"serviceId": service()["serviceId"]}),
    "task_analyze": [("path_parameters", lambda: {"id": task()}), ("body", dict)],
    "task_assign": [("path_parameters", lambda: {"id": task()}), ("body", dict)],
    "task_brief": [("path_parameters", lambda: {"id": task()}), ("body", dict)],
    "task_comment": [("path_parameters", lambda: {"id": task()}), ("body", lambda: {"text": "Noted."})],
    "task_create": ("body", lambda: {"title": f"Decide number {next(numbers)}"}),
    "task_escalate": [("path_parameters", lambda: {"id": task()}), ("body", dict)],
    "task_get": ("path_parameters", lambda: {"id": task()}),
    "task_history": [("path_parameters", lambda: {"id": task()}), ("query", dict)],
    "task_link": [("path_parameters", lambda: {"id": task()}), ("body", dict)],
    "task_list": ("query", dict),
    "task_page": ("path_parameters", lambda: {"id": task()}),
    "task_respond": [
        ("path_parameters", shown_task),
        ("body", lambda: {"outcome": "approve", "shownHash": last_task["shownHash"]}),
    ],
    "task_smart_form": [("path_parameters", lambda: {"id": task()}), ("body", dict)],
    "tool_call": ("body", lambda: {"name": "user_me", "input": {}}),
    "tool_describe": ("path_parameters", lambda: {"name": "user_me"}),
    "tool_docs": ("path_parameters", lambda: {"name": "user_me"}),
    "user_create": ("body", lambda: {"email": f"fresh{next(numbers)}@example.org"}),
    "user_get": ("path_parameters", lambda: {"id": user()}),
    "user_update": ("path_parameters", lambda: {"id": user()}),
}


def own_ids() -> set[str]:
    """The administrator's id and those of the keys that there were before the run, one of which it uses."""
    keys = requests.get(f"{API}/auth/api-keys", headers=KEY, timeout=20).json()["items"]
    return {requests.get(f"{API}/users/me", headers=KEY, timeout=20).json()["id"], *(one["id"] for one in keys)}


OWN = own_ids()
calls_of = defaultdict(itertools.count)


@schemathesis.hook
def before_call(_context, case, kwargs) -> None:
    operation = operation_of(case)
    turn = next(calls_of[operation])
    if case.headers and not lacks_a_header(case):
        # Another tenant than one's own is refused and a short time cuts the call, whatever else the call says.
        if is_uuid(case.headers.get("Convoke-Tenant", "")):
            del case.headers["Convoke-Tenant"]
        if is_time(case.headers.get("Request-Timeout", "")):
            del case.headers["Request-Timeout"]
        if is_positive(case) and turn % 4:
            # The same revision as that of what is there is rare, and a 202 tells little.
            case.headers.pop("If-Match", None)
            case.headers.pop("Prefer", None)
    if isinstance(case.body, dict) and not is_splittable(case.body.get("avatar")):
        # schemathesis looks for addresses in answers and ends the whole run over one that Python cannot take apart ("http://[").
        case.body["avatar"] = "https://example.org/picture.png"
    if operation not in DISPOSABLE:
        return
    told = DISPOSABLE[operation]
    named = {str(value) for where in (case.path_parameters, case.query) for value in (where or {}).values()}
    if named & OWN or is_positive(case) and turn % 2 == 0:
        for place, make in told if isinstance(told, list) else [told]:
            setattr(case, place, {**(case.path_parameters or {}), **make()} if place == "path_parameters" else make())


def lacks_a_header(case) -> bool:
    """Whether it is about a header that is missing; with other headers taken away it would count as whole, and get the key."""
    data = case.meta.phase.data if case.meta else None
    return str(getattr(data, "scenario", "")).lower().endswith("missing_parameter")


def is_splittable(address) -> bool:
    try:
        return not isinstance(address, str) or urlsplit(address) is not None
    except ValueError:
        return False


def is_uuid(text: str) -> bool:
    try:
        return bool(uuid.UUID(text))
    except ValueError:
        return False


def is_time(text: str) -> bool:
    try:
        return 0 < float(text) <= 86_400
    except ValueError:
        return False


# Which statuses each operation was answered with; lib/fuzz_reached.py reads it.

answered: dict[str, Counter] = defaultdict(Counter)


@schemathesis.hook
def after_call(_context, case, response) -> None:
    # Other methods of the same path are tried too.
    if case.method.upper() == case.operation.method.upper():
        answered[operation_of(case)][response.status_code] += 1


@atexit.register
def tell() -> None:
    Path("answered.json").write_text(json.dumps({"answered": answered, "unreached": UNREACHED}, indent=1))


@schemathesis.hook
def after_load_schema(_context, schema) -> None:
    items = [item for path in schema.raw_schema["paths"].values() for item in path.values() if isinstance(item, dict)]
    there = {item["operationId"] for item in items if "operationId" in item}
    unknown = (BEYOND_SCHEMAS.keys() | MANY_RULES | DISPOSABLE.keys() | UNREACHED.keys()) - there
    assert not unknown, f"the rules name operations that the document does not have: {sorted(unknown)}"
