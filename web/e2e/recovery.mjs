// What the page does when the server misbehaves: an answer that never came, a server that dies and
// comes back. Needs the mock, which can be told to fail.
import assert from 'node:assert/strict';
import { logIn, openPage } from './browser.mjs';

const state = (on, wanted) =>
  on.page.waitForFunction((value) => document.querySelector('[data-testid=connection]')?.dataset.state === value, wanted, { timeout: 30_000 });

export async function recovery(browser, base, credentials, mock, startMock) {
  const on = await openPage(browser, base);
  await logIn(on, credentials);
  await state(on, 'live');

  // The order is recorded, its answer is lost; sending again must not place it twice.
  const keys = [];
  on.page.on('request', (request) => {
    if (request.method() === 'POST' && request.url().endsWith('/api/v1/orders')) keys.push(request.headers()['idempotency-key']);
  });
  const fault = { method: 'POST', path: 'orders', times: 1, act: true, status: 503, code: 'outcome_unknown' };
  await on.get('ticket-symbol').selectOption('MSFT');
  await on.get('ticket-quantity').fill('3');
  await on.page.locator('[data-testid=ticket-preview][data-decision=approved]').waitFor();
  await on.get('ticket-review').click();
  await on.page.locator('[data-testid=ticket-dialog] [data-testid=ticket-preview][data-decision=approved]').waitFor();
  await on.page.locator('[data-testid=ticket-dialog] [aria-busy=false]').first().waitFor();
  await fetch(`${base}/mock/fail`, { method: 'POST', body: JSON.stringify(fault) });
  await on.get('ticket-confirm').click();
  await on.get('ticket-problem').waitFor();
  assert.equal(await on.get('ticket-problem').getAttribute('data-code'), 'outcome_unknown');
  // Leaving the dialog forgets nothing: the same order, reviewed again, says so and keeps its key.
  await on.page.keyboard.press('Escape');
  await on.get('ticket-unanswered').waitFor();
  // Neither does loading the page again.
  await on.page.reload();
  await on.get('ticket-unanswered').waitFor();
  assert.equal(await on.get('ticket-quantity').inputValue(), '3');
  await on.page.locator('[data-testid=ticket-preview][data-decision=approved]').waitFor();
  await on.get('ticket-review').click();
  await on.get('ticket-repeating').waitFor();
  await on.page.locator('[data-testid=ticket-dialog] [data-testid=ticket-preview][data-decision=approved]').waitFor();
  await on.get('ticket-confirm').click();
  await on.get('ticket-accepted').waitFor();
  assert.equal(await on.get('ticket-unanswered').count(), 0);
  assert.equal(keys.length, 2);
  assert.equal(keys[0], keys[1]);
  const orders = await on.page.evaluate(async () => (await fetch('/api/v1/orders?account=demo&symbol=MSFT')).json());
  const placed = orders.items.filter((order) => order.quantity === '3').length;
  assert.equal(placed, 1, 'placed once');
  console.log('ok    an unknown outcome is repeated under the same key and placed once');

  // The server dies with its sessions; the page says so, recovers, and asks to log in again.
  await on.get('ticket-quantity').fill('7');
  mock.kill('SIGKILL');
  await on.get('stale-banner').waitFor();
  await state(on, 'stale');
  const again = await startMock();
  await on.get('login-user').waitFor({ timeout: 30_000 });
  await logIn(on, credentials);
  await state(on, 'live');
  assert.equal(await on.get('ticket-quantity').inputValue(), '7', 'what was typed outlives the session');
  console.log('ok    a killed server is noticed, and the page recovers by itself');
  await on.page.context().close();
  return again;
}
