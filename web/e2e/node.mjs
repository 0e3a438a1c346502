// A whole node of its own for the tests: `BLOTTER` names the program, everything else is temporary.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** A port that nobody listens on, so that a node can be started on it a second time. */
async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** Starts the node, or starts it again; gives its process and what it says when it is ready. */
async function start(program, port, dataDir) {
  const process = spawn(
    program,
    ['demo', '--loop', '--speed', '20', '--json', '--bind', `127.0.0.1:${port}`, '--data-dir', dataDir, '--log-level', 'error'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const lines = createInterface({ input: process.stdout });
  const [line] = await Promise.race([
    once(lines, 'line'),
    once(process, 'exit').then(([code]) => {
      throw new Error(`${program} ended with status ${code}`);
    }),
  ]);
  return { process, ready: JSON.parse(line) };
}

export async function startNode(program) {
  const dataDir = await mkdtemp(join(tmpdir(), 'blotter-e2e-'));
  const port = await freePort();
  let running = await start(program, port, dataDir);
  return {
    ready: running.ready,
    async kill() {
      running.process.kill('SIGKILL');
      await once(running.process, 'exit');
    },
    async restart() {
      running = await start(program, port, dataDir);
      return running.ready;
    },
    async end() {
      if (running.process.exitCode === null && running.process.signalCode === null) {
        running.process.kill('SIGKILL');
        await once(running.process, 'exit');
      }
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
