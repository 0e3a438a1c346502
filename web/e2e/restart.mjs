// A real node is killed under an open page and started again: the page says that it is stale, then
// goes on by itself, with the same session and nothing lost.
import assert from 'node:assert/strict';
import { logIn, openPage } from './browser.mjs';

const connection = (on, wanted) =>
  on.page.waitForFunction((value) => document.querySelector('[data-testid=connection]')?.dataset.state === value, wanted, { timeout: 60_000 });

const filled = (on) => on.page.evaluate(async () => (await (await fetch('/api/v1/executions?account=demo&limit=1000')).json()).items.map((fill) => fill.execution_id));

export async function restart(browser, node) {
  const { url, user, password } = node.ready;
  const on = await openPage(browser, url);
  await logIn(on, { user, password });
  await connection(on, 'live');
  const before = await filled(on);
  assert.ok(before.length > 0, 'the journey left a fill behind');

  await node.kill();
  await on.get('stale-banner').waitFor();
  const again = await node.restart();
  assert.deepEqual(again, node.ready, 'the same address, login and key');
  await connection(on, 'live');
  assert.equal(await on.get('login-user').count(), 0, 'the session outlives the program');
  const after = await filled(on);
  assert.deepEqual(before.filter((id) => !after.includes(id)), [], 'no fill is lost');

  await on.page.reload();
  await on.get('equity-value').waitFor();
  await connection(on, 'live');
  console.log('ok    a killed and restarted node: same session, nothing lost, live again');
  await on.page.context().close();
}
