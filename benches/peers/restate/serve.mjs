// A peer for the benchmark: Restate's server and a service of ten steps, each of which it keeps on disk.
// Argument: a folder for its data. Prints the address of its ingress and the process ids of the server and of the service.
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import http2 from "node:http2";
import path from "node:path";
import process from "node:process";

// Lines for every invocation would cost it much, and fill a pipe that nobody reads.
process.env.RESTATE_LOGGING = "ERROR";
const require = createRequire(path.join(process.argv[3], "package.json"));
const restate = require("@restatedev/restate-sdk");

async function freePort() {
  const probe = createServer();
  await new Promise((ready) => probe.listen(0, "127.0.0.1", ready));
  const { port } = probe.address();
  await new Promise((closed) => probe.close(closed));
  return port;
}

const ten = restate.service({
  name: "ten",
  handlers: {
    run: async (ctx, start) => {
      let number = start;
      for (let step = 0; step < 10; step += 1) {
        const before = number;
        number = await ctx.run(`step${step}`, () => before + 1);
      }
      return number;
    },
  },
});

const [ingress, admin, node, service] = [await freePort(), await freePort(), await freePort(), await freePort()];
const server = spawn(require.resolve("@restatedev/restate-server-linux-x64/bin/restate-server"), [], {
  env: {
    ...process.env,
    DO_NOT_TRACK: "1",
    RESTATE_DISABLE_TELEMETRY: "true",
    RESTATE_BASE_DIR: process.argv[2],
    RESTATE_NODE_NAME: "bench",
    RESTATE_BIND_ADDRESS: `127.0.0.1:${node}`,
    RESTATE_ADVERTISED_ADDRESS: `http://127.0.0.1:${node}`,
    RESTATE_INGRESS__BIND_ADDRESS: `127.0.0.1:${ingress}`,
    RESTATE_ADMIN__BIND_ADDRESS: `127.0.0.1:${admin}`,
    RESTATE_LOG_FILTER: "error",
    RUST_LOG: "error",
  },
  stdio: "ignore",
});
for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => { server.kill("SIGKILL"); process.exit(0); });
// Whoever measures has gone.
process.stdin.on("end", () => { server.kill("SIGKILL"); process.exit(0); }).resume();
server.on("exit", (code) => process.exit(code ?? 1));

const endpoint = restate.endpoint().bind(ten);
http2.createServer(endpoint.http2Handler()).listen(service, "127.0.0.1");

for (let tries = 0; tries < 300; tries += 1) {
  try {
    const answer = await fetch(`http://127.0.0.1:${admin}/deployments`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ uri: `http://127.0.0.1:${service}` }),
    });
    if (answer.ok) {
      console.log(`http://127.0.0.1:${ingress} ${server.pid} ${process.pid}`);
      break;
    }
  } catch {
    // It is not up yet.
  }
  await new Promise((later) => setTimeout(later, 100));
}
