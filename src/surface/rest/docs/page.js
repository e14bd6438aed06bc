// Shows /openapi.json: a list by domain with a search, what an operation takes and answers, and a form to try it.
"use strict";

const find = (id) => document.getElementById(id);

/** Makes an element. Text is always text, never markup. */
function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child != null));
  return element;
}

let openapi = null;
let operations = [];

async function start() {
  try {
    openapi = await (await fetch("/openapi.json")).json();
  } catch (error) {
    find("waiting").textContent = `The document could not be loaded: ${error}`;
    return;
  }
  find("about").textContent = `${openapi.info.summary}, ${openapi.info.version}`;
  for (const [path, item] of Object.entries(openapi.paths)) {
    for (const [verb, operation] of Object.entries(item)) operations.push({ path, verb, operation });
  }
  find("search").addEventListener("input", list);
  window.addEventListener("hashchange", show);
  list();
  show();
}

function fits(entry, words) {
  const { operationId, summary, description } = entry.operation;
  const text = `${operationId} ${summary} ${description || ""} ${entry.verb} ${entry.path}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

function list() {
  const words = find("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const groups = openapi.tags.map((tag) => {
    const of = operations.filter((entry) => entry.operation.tags.includes(tag.name) && fits(entry, words));
    if (of.length === 0) return null;
    const items = of.map((entry) => make("li", {},
      make("a", { href: `#${entry.operation.operationId}`, title: `${entry.verb.toUpperCase()} ${entry.path}` },
        make("span", { class: `verb ${entry.verb}` }, entry.verb.toUpperCase()),
        entry.operation.operationId)));
    return make("section", {}, make("h2", { title: tag.description }, tag.name), make("ul", {}, items));
  }).filter(Boolean);
  find("list").replaceChildren(...groups);
  find("none").hidden = groups.length > 0;
  mark();
}

function mark() {
  for (const link of find("list").querySelectorAll("a")) {
    if (link.getAttribute("href") === location.hash) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

function show() {
  const main = find("main");
  const entry = operations.find((one) => `#${one.operation.operationId}` === location.hash);
  main.replaceChildren(...(entry ? page(entry) : welcome()));
  document.title = entry ? `${entry.operation.operationId} – Convoke API` : "Convoke API";
  mark();
  if (entry) main.focus({ preventScroll: true });
  window.scrollTo(0, 0);
}

function welcome() {
  return [
    make("h2", {}, "Convoke API"),
    make("p", {}, openapi.info.description),
    make("p", {}, "Choose an operation, or read the document itself: ", make("a", { href: "/openapi.json" }, "/openapi.json"), "."),
    make("table", {},
      make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "Domain"), make("th", { scope: "col" }, "About"))),
      make("tbody", {}, openapi.tags.map((tag) => make("tr", {}, make("td", {}, tag.name), make("td", {}, tag.description))))),
  ];
}

function resolve(schema) {
  const reference = schema && schema.$ref;
  return reference ? reference.slice(2).split("/").reduce((at, step) => at[step], openapi) : schema || {};
}

function page({ path, verb, operation }) {
  const facts = operation["x-convoke"] || {};
  const told = [
    facts.permission && `permission ${facts.permission}`,
    facts.effect && `effect ${facts.effect}`,
    facts.reachesOutside && "reaches outside",
    facts.spends && "costs money",
  ].filter(Boolean);
  const body = operation.requestBody && operation.requestBody.content["application/json"];
  const parameters = (operation.parameters || []).map(resolve);
  const answers = Object.entries(operation.responses).map(([status, response]) => answer(status, resolve(response)));
  return [
    make("h2", {}, operation.summary),
    make("div", { class: "path" }, make("strong", { class: verb }, verb.toUpperCase()), make("span", {}, path)),
    told.length ? make("ul", { class: "facts" }, told.map((fact) => make("li", {}, fact))) : null,
    make("p", {}, operation.description || ""),
    parameters.length ? make("h3", {}, "Parameters") : null,
    parameters.length ? rows(parameters.map((one) => ({
      name: one.name,
      required: one.required,
      type: `${one.in}, ${type(one.schema || one.content["application/json"].schema)}`,
      description: [one.description, limits(one.schema || {})].filter(Boolean).join(" "),
    }))) : null,
    body ? make("h3", {}, "Body") : null,
    body ? rows(flatten(resolve(body.schema))) : null,
    attempt(path, verb, parameters, body),
    make("h3", {}, "Answers"),
    ...answers,
  ].filter(Boolean);
}

function answer(status, response) {
  const content = Object.entries(response.content || {})[0];
  const schema = content && resolve(content[1].schema);
  const fields = schema ? flatten(schema) : [];
  return make("details", {},
    make("summary", {}, make("strong", {}, status), " ", make("span", { class: "quiet" }, `${response.description} ${content ? content[0] : ""}`)),
    fields.length ? rows(fields) : null);
}

/** The properties of a schema, those of nested objects below their own names. */
function flatten(schema, before = "", depth = 0) {
  const required = new Set(schema.required || []);
  return Object.entries(schema.properties || {}).flatMap(([name, below]) => {
    const full = before + name;
    const description = [below.description, limits(below)].filter(Boolean).join(" ");
    const row = { name: full, required: required.has(name), type: type(below), description };
    const list = [].concat(below.type || []).includes("array");
    const nested = list ? below.items || {} : below;
    const mark = list ? "[]." : ".";
    return depth < 4 ? [row, ...flatten(nested, full + mark, depth + 1)] : [row];
  });
}

function type(schema) {
  if (!schema || Object.keys(schema).length === 0) return "anything";
  // Every optional field may be null; saying so each time helps nobody.
  const kinds = [].concat(schema.type || []).filter((kind) => kind !== "null");
  if (schema.enum) return schema.enum.filter((value) => value !== null).map((value) => JSON.stringify(value)).join(" | ");
  if (schema.anyOf || schema.oneOf) return (schema.anyOf || schema.oneOf).filter((one) => one.type !== "null").map(type).join(" or ");
  if (kinds[0] === "array") return `list of ${type(schema.items)}`;
  return [kinds.join(" or "), schema.format && `(${schema.format})`].filter(Boolean).join(" ") || "anything";
}

function limits(schema) {
  const told = [];
  const add = (name, words) => { if (schema[name] !== undefined) told.push(`${words} ${JSON.stringify(schema[name])}`); };
  add("minimum", "at least"); add("maximum", "at most");
  add("minLength", "characters at least"); add("maxLength", "characters at most");
  add("minItems", "items at least"); add("maxItems", "items at most"); add("pattern", "pattern"); add("default", "default");
  return told.length ? `(${told.join(", ")})` : "";
}

function rows(fields) {
  const heads = ["Name", "Type", "What it is"].map((text) => make("th", { scope: "col" }, text));
  const body = fields.map((field) => make("tr", {},
    make("td", {}, make("code", { class: field.required ? "required" : null }, field.name)),
    make("td", {}, field.type), make("td", {}, field.description || "")));
  return make("table", {}, make("thead", {}, make("tr", {}, heads)), make("tbody", {}, body));
}

/** The form that makes a real call. */
function attempt(path, verb, parameters, body) {
  const inputs = parameters.map((one) => {
    const id = `p-${one.in}-${one.name}`;
    const input = make("input", { id, autocomplete: "off", spellcheck: "false", required: one.in === "path" });
    return { one, input, row: make("div", { class: "field" }, make("label", { for: id }, one.name, " ", make("span", { class: "quiet" }, one.in)), input) };
  });
  const example = body && Object.values(body.examples || {})[0];
  const text = body && make("textarea", { id: "body", spellcheck: "false", "aria-label": "Body" });
  if (text) text.value = JSON.stringify(example ? example.value : {}, null, 2);
  const button = make("button", { type: "submit" }, "Call");
  const output = make("div", { "aria-live": "polite" });
  const submit = async (event) => {
    event.preventDefault();
    button.disabled = true;
    output.replaceChildren(...await call(path, verb, inputs, text));
    button.disabled = false;
  };
  return make("section", {},
    make("h3", {}, "Try it"),
    make("form", { onsubmit: submit }, inputs.map(({ row }) => row), text, make("p", {}, button, " ", make("label", { class: "quiet" }, make("input", { id: "later", type: "checkbox" }), " answer later"))),
    output);
}

async function call(path, verb, inputs, text) {
  const headers = new Headers({ Accept: "application/json" });
  const key = find("key").value.trim();
  if (key) headers.set("Authorization", `Bearer ${key}`);
  const query = new URLSearchParams();
  let url = path;
  for (const { one, input } of inputs) {
    if (one.in === "path") url = url.replace(`{${one.name}}`, encodeURIComponent(input.value));
    else if (input.value !== "" && one.in === "query") query.append(one.name, input.value);
    else if (input.value !== "") headers.set(one.name, input.value);
  }
  if (query.size > 0) url += `?${query}`;
  if (find("later").checked) headers.set("Prefer", "respond-async");
  if (text) headers.set("Content-Type", "application/json");
  try {
    const began = performance.now();
    const response = await fetch(url, { method: verb.toUpperCase(), headers, body: text ? text.value : undefined });
    const answer = await response.text();
    const took = Math.round(performance.now() - began);
    const shown = (response.headers.get("content-type") || "").includes("json") && answer ? pretty(answer) : answer;
    const line = `${response.status} ${response.statusText}, ${took} ms, request ${response.headers.get("x-request-id") || "–"}`;
    return [make("p", {}, make("strong", {}, line)), shown ? make("pre", { tabindex: "0" }, shown) : null].filter(Boolean);
  } catch (error) {
    return [make("p", {}, `The call could not be made: ${error}`)];
  }
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

start();
