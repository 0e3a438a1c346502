// A stand-in for a node, for developing the dashboard without one: the recorded bars played with
// floating-point bookkeeping, the API and the stream. It serves web/dist under the same content
// security policy as the node. Never a reference for figures.
//
//   npm run mock        PORT=8080  SPEED=4 (bars a second)  AHEAD=3000 (bars played before the start)
import { createReadStream, existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Api, PASSWORD, USER } from './api.mjs';
import { Desk } from './desk.mjs';
import { serveStream } from './stream.mjs';

const PORT = Number(process.env.PORT ?? 8080);
const SPEED = Number(process.env.SPEED ?? 4);
const AHEAD = Number(process.env.AHEAD ?? 3_000);
const DIST = fileURLToPath(new URL('../dist', import.meta.url));
const BODY_MAX = 65_536;
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.json': 'application/json' };
const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const desk = new Desk();
for (let bar = 0; bar < AHEAD; bar += 1) {
  desk.step();
  await new Promise(setImmediate);
}
const api = new Api(desk);

async function readBody(request) {
  const chunks = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > BODY_MAX) return null;
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8') || '{}');
  } catch {
    return null;
  }
}

function json(response, { status, body, headers }) {
  response.writeHead(status, { 'Content-Type': 'application/json', 'Blotter-Position': String(desk.log.head), ...headers });
  response.end(body === null ? '' : JSON.stringify(body));
}

function asset(response, path) {
  const wanted = join(DIST, normalize(path));
  const file = path !== '/' && wanted.startsWith(DIST) && existsSync(wanted) ? wanted : join(DIST, 'index.html');
  if (extname(path) !== '' && file !== wanted) return response.writeHead(404).end();
  response.writeHead(200, { 'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream', 'Content-Security-Policy': CSP, 'X-Content-Type-Options': 'nosniff', 'Referrer-Policy': 'no-referrer' });
  createReadStream(file).pipe(response);
}

const http = createServer(async (request, response) => {
  const url = new URL(request.url, 'http://mock');
  if (url.pathname === '/ready') return json(response, { status: 200, body: { status: 'ready', reasons: [] }, headers: {} });
  if (url.pathname === '/mock/fail') {
    api.faults.push(await readBody(request));
    return json(response, { status: 200, body: {}, headers: {} });
  }
  if (!url.pathname.startsWith('/api/')) return asset(response, url.pathname);
  const body = request.method === 'GET' ? {} : await readBody(request);
  if (body === null) return json(response, { status: 400, body: { code: 'malformed_json', title: 'malformed', status: 400 }, headers: {} });
  json(response, api.answer(request, url, body));
});

serveStream(http, desk, api);
http.listen(PORT, '127.0.0.1', () => {
  console.log(`mock on http://127.0.0.1:${PORT}  user ${USER}  password ${PASSWORD}  (viewer: may only look)`);
});
setInterval(() => desk.step(), 1_000 / SPEED);
