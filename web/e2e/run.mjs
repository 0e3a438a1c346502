// End-to-end tests of the built page in Chromium.
//
//   npm run build && npm run e2e                                      against the mock
//   BLOTTER_URL=http://127.0.0.1:8080 BLOTTER_USER=... BLOTTER_PASSWORD=... npm run e2e
//
// The journey sends an order and halts and releases trading: never point it at a node that matters.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { accessibility } from './accessibility.mjs';
import { launch } from './browser.mjs';
import { journey } from './journey.mjs';
import { recovery } from './recovery.mjs';

const MOCK = fileURLToPath(new URL('../mock/server.mjs', import.meta.url));
const MOCK_PORT = '8197';

export async function startMock(environment = {}) {
  const mock = spawn(process.execPath, [MOCK], { env: { ...process.env, PORT: MOCK_PORT, SPEED: '8', AHEAD: '900', ...environment }, stdio: ['ignore', 'pipe', 'inherit'] });
  await once(mock.stdout, 'data');
  return mock;
}

const given = process.env.BLOTTER_URL;
const base = given ?? `http://127.0.0.1:${MOCK_PORT}`;
const credentials = { user: process.env.BLOTTER_USER ?? 'demo', password: process.env.BLOTTER_PASSWORD ?? 'demo-password' };
let mock = given ? null : await startMock();
const browser = await launch();
try {
  await journey(browser, base, credentials);
  await accessibility(browser, base, credentials);
  if (mock) mock = await recovery(browser, base, credentials, mock, startMock);
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  await browser.close();
  mock?.kill();
}
