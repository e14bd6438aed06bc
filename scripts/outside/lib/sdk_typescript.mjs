// Sessions of the official TypeScript SDKs with the built program, over stdio and HTTP: version 1 (which most clients in use are built on)
// in the older era of the protocol, version 2 in both.
//
// Environment: CONVOKE (the program), SERVER_URL and SERVER_KEY (the program, running), FIXTURE_URL and FIXTURE_KEY (the example server with
// the conformance fixtures, running), DATA (a folder below which each stdio session gets an
// empty one), STDIO_LOG (what the programs on stdio write to stderr).
//
// Each check is a function of one session. All run, all faults are told, any fault makes the exit status 1.
import assert from 'node:assert/strict';
import { mkdtempSync, openSync } from 'node:fs';
import { join } from 'node:path';

import { createTaskSessionFromClient, resultFromTaskOutcome } from '@modelcontextprotocol/ext-tasks/client';
import * as v2 from '@modelcontextprotocol/client';
import { StdioClientTransport as Stdio2 } from '@modelcontextprotocol/client/stdio';
import { Client as Client1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as Stdio1 } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as Http1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { CreateMessageRequestSchema, ElicitRequestSchema, LoggingMessageNotificationSchema } from '@modelcontextprotocol/sdk/types.js';

const LEGACY = '2025-11-25';
const MODERN = '2026-07-28';
const { CONVOKE, DATA, SERVER_URL, SERVER_KEY, FIXTURE_URL, FIXTURE_KEY } = process.env;
const STDIO_LOG = openSync(process.env.STDIO_LOG, 'a');
const INVALID_PARAMS = -32602;
// Always in the short list: how everything else is found and called, and what people use every day.
const EVERYDAY = ['tool_search', 'tool_describe', 'tool_read', 'tool_call', 'user_me', 'memory_store', 'memory_search', 'system_health'];
const IDENTITY = { name: 'outside-test', version: '1.0.0' };
const CAPABILITIES = { sampling: {}, elicitation: {} };

const KINDS = [
  { name: 'v1 2025-11-25', version: 1, era: LEGACY },
  { name: 'v2 2025-11-25', version: 2, era: LEGACY },
  { name: 'v2 2026-07-28', version: 2, era: MODERN },
];

// A connected session over a door: "stdio", or a path of the HTTP server such as "/mcp".
async function connected({ version, era }, door, { url = SERVER_URL, key = SERVER_KEY } = {}) {
  const session = { era, logs: [], asked: [] };
  const [Client, Stdio, Http] = version === 1 ? [Client1, Stdio1, Http1] : [v2.Client, Stdio2, v2.StreamableHTTPClientTransport];
  const client = new Client(IDENTITY, {
    capabilities: CAPABILITIES,
    ...(version === 2 && { versionNegotiation: { mode: era === MODERN ? { pin: MODERN } : 'legacy' } }),
  });
  // Version 1 names a handler by its schema, version 2 by its method.
  client.setRequestHandler(version === 1 ? CreateMessageRequestSchema : 'sampling/createMessage', async () => {
    session.asked.push('sampling');
    return { role: 'assistant', content: { type: 'text', text: 'sampled text' }, model: 'double', stopReason: 'endTurn' };
  });
  client.setRequestHandler(version === 1 ? ElicitRequestSchema : 'elicitation/create', async request => {
    session.asked.push('elicitation');
    const answers = { username: 'ann', email: 'ann@example.org', name: 'Ann' };
    const wanted = Object.keys(request.params.requestedSchema.properties);
    return { action: 'accept', content: Object.fromEntries(wanted.filter(name => name in answers).map(name => [name, answers[name]])) };
  });
  client.setNotificationHandler(version === 1 ? LoggingMessageNotificationSchema : 'notifications/message', async message => void session.logs.push(message.params));

  const transport =
    door === 'stdio'
      ? new Stdio({ command: CONVOKE, args: ['stdio', '--data', mkdtempSync(join(DATA, 'ts-'))], stderr: STDIO_LOG })
      : new Http(new URL(url + door), { requestInit: { headers: key ? { Authorization: `Bearer ${key}` } : {} } });
  await client.connect(transport, { timeout: 30_000 });
  session.negotiated = version === 1 ? transport.protocolVersion ?? LEGACY : client.getNegotiatedProtocolVersion();
  session.client = client;
  return session;
}

// Follows nextCursor to the end. Version 2 does that by itself when no cursor is given.
async function allPages(list, member) {
  const items = [];
  const seen = new Set();
  for (let cursor; ; ) {
    const page = await list(cursor === undefined ? undefined : { cursor });
    items.push(...page[member]);
    cursor = page.nextCursor;
    if (cursor === undefined) return items;
    assert(!seen.has(cursor), `the cursor ${cursor} came twice`);
    seen.add(cursor);
  }
}

async function refused(promise, code) {
  const answer = await promise.catch(error => error);
  assert(answer instanceof Error, `answered instead of refusing: ${JSON.stringify(answer)?.slice(0, 300)}`);
  if (code !== undefined) assert.equal(answer.code, code, `${answer.code}: ${answer.message}`);
}

// The structured content of a success, which must be the same JSON as the text.
function structured(result) {
  const texts = result.content.filter(block => block.type === 'text').map(block => block.text);
  assert(!result.isError, `the call failed: ${texts}`);
  assert(result.structuredContent !== undefined, 'no structuredContent');
  assert(texts.some(text => sameJson(text, result.structuredContent)), 'no text block is the JSON of structuredContent');
  return result.structuredContent;
}

function sameJson(text, value) {
  try {
    assert.deepEqual(JSON.parse(text), value);
    return true;
  } catch {
    return false;
  }
}

// Every `name` or `tool` in an answer, however deep.
function namesIn(value) {
  if (Array.isArray(value)) return value.flatMap(namesIn);
  if (typeof value !== 'object' || value === null) return [];
  return [...['name', 'tool'].map(key => value[key]).filter(name => typeof name === 'string'), ...Object.values(value).flatMap(namesIn)];
}

// The name of a tool's parameter of a JSON type, required ones first: the suite knows tools, not their parameters.
function parameter(tool, kind) {
  const { properties = {}, required = [] } = tool.inputSchema;
  const fitting = Object.keys(properties).filter(name => {
    const { type, $ref } = properties[name];
    return type === undefined ? Boolean($ref) || Object.keys(properties[name]).length === 0 : String(type).includes(kind);
  });
  assert(fitting.length, `${tool.name} has no parameter of type ${kind}`);
  return fitting.sort((a, b) => required.includes(b) - required.includes(a))[0];
}

// --- checks of the program itself

const OWN = {
  async saysWhoItIs(s) {
    assert.equal(s.negotiated, s.era);
    const info = s.client.getServerVersion();
    assert(info?.name && info.version && info.name !== 'rmcp', JSON.stringify(info));
    assert(s.client.getServerCapabilities().tools, 'tools are not declared');
  },

  async listsTools(s) {
    const tools = await allPages(p => s.client.listTools(p), 'tools');
    const names = tools.map(tool => tool.name);
    assert.equal(new Set(names).size, names.length, 'a name is listed twice');
    assert.deepEqual(EVERYDAY.filter(name => !names.includes(name)), [], 'missing');
    for (const tool of tools) {
      assert(tool.description, `${tool.name} has no description`);
      assert.equal(typeof tool.annotations?.readOnlyHint, 'boolean', `${tool.name} has no readOnlyHint`);
    }
    assert.deepEqual((await allPages(p => s.client.listTools(p), 'tools')).map(tool => tool.name), names, 'the order changed between two lists');
  },

  refusesAMadeUpCursor: s => refused(s.client.listTools({ cursor: 'bWFkZS11cA' }), INVALID_PARAMS),

  async tellsWhoIAm(s) {
    await s.client.listTools(); // so that the SDK checks the answer against the tool's output schema
    assert(Object.keys(structured(await s.client.callTool({ name: 'user_me', arguments: {} }))).length);
  },

  async findsAndCallsATool(s) {
    const tools = Object.fromEntries((await allPages(p => s.client.listTools(p), 'tools')).map(tool => [tool.name, tool]));
    const call = async (name, args) => structured(await s.client.callTool({ name, arguments: args }));
    const found = await call('tool_search', { [parameter(tools.tool_search, 'string')]: 'see all the users of the platform' });
    assert(namesIn(found).includes('user_list'), `not found: ${JSON.stringify(found).slice(0, 500)}`);
    await call('tool_describe', { [parameter(tools.tool_describe, 'string')]: 'user_list' });
    for (const runner of [tools.tool_call, tools.tool_read]) {
      await call(runner.name, { [parameter(runner, 'string')]: 'user_list', [parameter(runner, 'object')]: {} });
    }
  },

  async tellsBadInputSoThatItCanBeMended(s) {
    await allPages(p => s.client.listTools(p), 'tools'); // so that the SDK holds the answer to the tool's output schema
    for (const args of [{}, { no_such_parameter: 1 }]) {
      const result = await s.client.callTool({ name: 'user_create', arguments: args });
      assert.equal(result.isError, true, 'bad input was accepted');
      assert.equal(result.structuredContent, undefined, 'a fault is no output of the tool');
      const fault = JSON.parse(result.content[0].text);
      assert.equal(typeof fault.code, 'string', `no code in ${JSON.stringify(fault)}`);
      assert.equal(typeof fault.requestId, 'string', `no requestId in ${JSON.stringify(fault)}`);
      const places = fault.violations ?? fault.errors ?? [];
      assert(places.length && places.every(place => typeof place.pointer === 'string'), `no pointers in ${JSON.stringify(fault)}`);
    }
  },

  async refusesAnUnknownTool(s) {
    const answer = await s.client.callTool({ name: 'no_such_tool_anywhere', arguments: {} }).catch(error => error);
    assert(answer instanceof Error ? answer.code === INVALID_PARAMS : answer.isError, `${answer}`);
  },

  async readsResources(s) {
    if (!s.client.getServerCapabilities().resources) return;
    const resources = await allPages(p => s.client.listResources(p), 'resources');
    assert.equal(new Set(resources.map(resource => resource.uri)).size, resources.length, 'a uri is listed twice');
    for (const { uri } of resources.slice(0, 1)) {
      const { contents } = await s.client.readResource({ uri });
      assert(contents[0]?.text || contents[0]?.blob, `${uri} is empty`);
    }
    await allPages(p => s.client.listResourceTemplates(p), 'resourceTemplates');
    await refused(s.client.readResource({ uri: 'convoke://no/such/resource' }));
  },

  async givesPrompts(s) {
    if (!s.client.getServerCapabilities().prompts) return;
    // Others take lists and objects, written as JSON.
    const takesWords = ['find_tool', 'use_tool', 'commit-message', 'summary'];
    for (const prompt of (await allPages(p => s.client.listPrompts(p), 'prompts')).filter(one => takesWords.includes(one.name))) {
      const values = {};
      for (const { name, required } of prompt.arguments ?? []) if (required) values[name] = await validValue(s, prompt.name, name);
      const got = await s.client.getPrompt({ name: prompt.name, arguments: values });
      assert(got.messages.length, `${prompt.name} has no messages`);
    }
    await refused(s.client.getPrompt({ name: 'no-such-prompt-anywhere' }), INVALID_PARAMS);
  },

  async completes(s) {
    if (!s.client.getServerCapabilities().completions) return;
    const prompt = (await allPages(p => s.client.listPrompts(p), 'prompts')).find(prompt => prompt.arguments?.length);
    if (!prompt) return;
    const answer = await s.client.complete({ ref: { type: 'ref/prompt', name: prompt.name }, argument: { name: prompt.arguments[0].name, value: '' } });
    assert(answer.completion.values.length <= 100, 'more than 100 values');
  },

  async answersPingAndLevel(s) {
    if (s.era === MODERN) return; // both are gone there; the conformance suite checks that they are refused
    await s.client.ping();
    if (s.client.getServerCapabilities().logging) await s.client.setLoggingLevel('warning');
  },

  async servesManyCallsAtOnce(s) {
    const answers = await Promise.all(Array.from({ length: 20 }, () => s.client.callTool({ name: 'user_me', arguments: {} })));
    for (const answer of answers) assert.deepEqual(structured(answer), structured(answers[0]));
  },
};

// What the server itself offers for an argument of a prompt; an argument may name something that must exist.
async function validValue(s, prompt, argument) {
  if (!s.client.getServerCapabilities().completions) return '1';
  const answer = await s.client.complete({ ref: { type: 'ref/prompt', name: prompt }, argument: { name: argument, value: '' } });
  return answer.completion.values[0] ?? '1';
}

// --- checks with the fixtures of the example server: what the program's own tools do not show on demand

const FIXTURES = {
  async streamsProgress(s) {
    const steps = [];
    const call = { name: 'test_tool_with_progress', arguments: {} };
    const options = { onprogress: ({ progress }) => steps.push(progress) };
    const result = s.version === 1 ? await s.client.callTool(call, undefined, options) : await s.client.callTool(call, options);
    assert(!result.isError && steps.length >= 3, `progress ${steps}`);
    assert.deepEqual(steps, [...steps].sort((a, b) => a - b));
  },

  async asksItsClient(s) {
    const calls =
      s.era === LEGACY
        ? [['test_sampling', { prompt: 'hello' }, 'sampled text'], ['test_elicitation', { message: 'who?' }, 'ann']]
        : [['test_input_required_result_sampling', {}, 'sampled text'], ['test_input_required_result_elicitation', {}, 'Ann']];
    for (const [name, args, expected] of calls) {
      const result = await s.client.callTool({ name, arguments: args });
      assert(!result.isError && JSON.stringify(result.content).includes(expected), `${name}: ${JSON.stringify(result.content)}`);
    }
    assert.deepEqual(s.asked, ['sampling', 'elicitation']);
  },

  async logsAsAsked(s) {
    if (s.era === LEGACY) {
      await s.client.setLoggingLevel('debug');
      await s.client.callTool({ name: 'test_tool_with_logging', arguments: {} });
    } else {
      await s.client.callTool({ name: 'test_logging_tool', arguments: {} });
      assert.deepEqual(s.logs, [], 'a log message that nobody asked for');
      await s.client.callTool({ name: 'test_logging_tool', arguments: {}, _meta: { 'io.modelcontextprotocol/logLevel': 'debug' } });
    }
    await new Promise(resolve => setTimeout(resolve, 200));
    assert(s.logs.length, 'no log message arrived');
  },

  async letsACallBeCancelled(s) {
    const call = { name: 'slow_compute', arguments: { seconds: 60, label: 'given up' } };
    const options = { signal: AbortSignal.timeout(1000) };
    await refused(s.version === 1 ? s.client.callTool(call, undefined, options) : s.client.callTool(call, options));
    const result = await s.client.callTool({ name: 'test_simple_text', arguments: {} });
    assert(!result.isError, 'the session does not work after a cancellation');
  },

  async keepsPromptsAndTemplates(s) {
    const got = await s.client.getPrompt({ name: 'test_prompt_with_arguments', arguments: { arg1: 'one', arg2: 'two' } });
    assert(JSON.stringify(got.messages).includes("arg1='one', arg2='two'"), JSON.stringify(got.messages));
    const read = await s.client.readResource({ uri: 'test://template/42/data' });
    assert.equal(JSON.parse(read.contents[0].text).id, '42');
  },

  async hearsOfChanges(s) {
    if (s.era === LEGACY) {
      await s.client.subscribeResource({ uri: 'test://watched-resource' });
      await s.client.unsubscribeResource({ uri: 'test://watched-resource' });
      return;
    }
    let changed = () => {};
    const heard = new Promise(resolve => (changed = resolve));
    s.client.setNotificationHandler('notifications/tools/list_changed', async () => changed(true));
    const subscription = await s.client.listen({ toolsListChanged: true });
    await s.client.callTool({ name: 'test_trigger_tool_change', arguments: {} });
    assert.equal(await Promise.race([heard, new Promise(resolve => setTimeout(resolve, 5000, false))]), true, 'no change arrived within 5 s');
    await subscription.close();
  },
};

// The tasks extension by its own official client.
async function runsATask() {
  const s = await connected(KINDS[2], '/mcp', { url: FIXTURE_URL, key: FIXTURE_KEY });
  let lastId = 0;
  const rawDispatch = async (message, options) => {
    const request = { jsonrpc: '2.0', id: ++lastId, ...message };
    const headers = {
      'Content-Type': 'application/json',
      Accept: 'application/json, text/event-stream',
      Authorization: `Bearer ${FIXTURE_KEY}`,
      'MCP-Protocol-Version': MODERN,
      'Mcp-Method': request.method,
      'Mcp-Name': request.params.taskId ?? request.params.name,
    };
    const answer = await fetch(`${FIXTURE_URL}/mcp`, { method: 'POST', headers, body: JSON.stringify(request), signal: options?.signal });
    const text = await answer.text();
    const streamed = answer.headers.get('content-type').includes('event-stream');
    const frames = streamed ? text.split('\n').filter(line => line.startsWith('data:')).map(line => line.slice(5).trim()) : [text];
    return frames.filter(Boolean).map(frame => JSON.parse(frame)).find(frame => frame.id === request.id);
  };
  const tasks = createTaskSessionFromClient(s.client, {
    endpointId: 'fixtures',
    rawDispatch,
    v2RequestFraming: {
      protocolVersion: MODERN,
      clientInfo: IDENTITY,
      clientCapabilities: { ...CAPABILITIES, extensions: { 'io.modelcontextprotocol/tasks': {} } },
    },
  });
  try {
    const execution = await tasks.callTool('slow_compute', { seconds: 1, label: 'as a task' });
    assert.notEqual(execution.kind, 'immediate', 'the slow call did not become a task');
    const { outcome } = await execution.settle();
    const result = resultFromTaskOutcome(outcome);
    assert(result.content.length && !result.isError, JSON.stringify(result));
  } finally {
    await tasks.close();
    await s.client.close();
  }
}

async function refusesStrangers() {
  for (const kind of KINDS) {
    for (const key of [null, 'cvk_not-a-key']) await refused(connected(kind, '/mcp', { key }));
  }
}

// --- the run

let good = 0;
let bad = 0;
async function run(label, work) {
  let timer;
  try {
    await Promise.race([work(), new Promise((_, reject) => (timer = setTimeout(() => reject(new Error('not done within 90 s')), 90_000)))]);
    good += 1;
  } catch (error) {
    bad += 1;
    const place = error.stack?.match(/sdk_typescript\.mjs:(\d+)/)?.[1];
    console.log(`FAIL ${label}: line ${place}: ${String(error.message ?? error).slice(0, 700)}`);
  } finally {
    clearTimeout(timer);
  }
}

// A fresh session for each check: one that breaks its session must not fail the next.
for (const kind of KINDS) {
  const doors = [['stdio', {}, OWN], ['/mcp', {}, OWN], ['/mcp', { url: FIXTURE_URL, key: FIXTURE_KEY }, FIXTURES]];
  for (const [door, where, checks] of doors) {
    for (const [name, check] of Object.entries(checks)) {
      await run(`${kind.name} ${checks === FIXTURES ? 'fixtures' : door} ${name}`, async () => {
        const session = await connected(kind, door, where);
        session.version = kind.version;
        try {
          await check(session);
        } finally {
          await session.client.close();
        }
      });
    }
  }
}
await run('v2 2026-07-28 fixtures runsATask', runsATask);
await run('http refusesStrangers', refusesStrangers);
console.log(`${good} checks passed, ${bad} failed`);
process.exit(bad ? 1 : 0);
