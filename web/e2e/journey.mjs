// The way of a trader through the page, as it is promised: see equity move, send an order and see it
// fill, be refused, halt and release, switch the language.
import assert from 'node:assert/strict';
import { logIn, openPage } from './browser.mjs';

const WAIT_MS = 30_000;

async function textOf(locator) {
  return (await locator.innerText()).trim();
}

/** Waits until `read` gives something that `good` accepts. */
async function until(what, read, good) {
  const end = Date.now() + WAIT_MS;
  for (;;) {
    const value = await read();
    if (good(value)) return value;
    assert.ok(Date.now() < end, `${what}: still ${value} after ${WAIT_MS} ms`);
    await new Promise((resume) => setTimeout(resume, 100));
  }
}

/** What a chart writes from now on, once it has written something that `good` accepts. */
async function written({ page }, panel, good) {
  await page.evaluate((panel) => globalThis.drawn[panel]?.clear(), panel);
  const read = () => page.evaluate((panel) => [...(globalThis.drawn[panel] ?? [])], panel);
  return until(`texts of ${panel}`, read, (texts) => texts.some((text) => good.test(text)));
}

/** An answer that was wanted, and that Chromium writes to the console by itself. */
function forgive({ faults }, wanted) {
  faults.splice(0, faults.length, ...faults.filter((fault) => !wanted.test(fault)));
}

async function fillTicket({ get }, symbol, quantity) {
  await get('ticket-symbol').selectOption(symbol);
  await get('ticket-side-buy').click();
  await get('ticket-type').selectOption('market');
  await get('ticket-quantity').fill(quantity);
}

const CHINESE_DATE = /\d[年月日]/;
const ENGLISH_MONTH = /Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec/;

async function chartsSpeak(on, wanted, foreign) {
  for (const panel of ['equity', 'candles']) {
    const texts = await written(on, panel, wanted);
    assert.deepEqual(texts.filter((text) => foreign.test(text)), [], `axes of ${panel}`);
  }
}

/** What the header and the positions say at one instant of the page. */
function figures(page) {
  return page.evaluate(() => {
    const number = (text) => Number(text.trim().split(/\s/)[0].replaceAll(',', '').replace('−', '-'));
    const text = (id) => document.querySelector(`[data-testid=${id}]`).innerText;
    const values = [...document.querySelectorAll('[data-testid=position-row] td:nth-child(5)')].map((cell) => number(cell.textContent));
    const { position } = document.querySelector('[data-testid=kpis]').dataset;
    return { position, equity: number(text('equity-value')), cash: number(text('cash')), values };
  });
}

const steps = {
  async 'a wrong password is refused, and what was typed as user stays'(on, { user }) {
    await on.get('login-user').fill(user);
    await on.get('login-password').fill('certainly-wrong');
    await on.get('login-submit').click();
    await on.get('login-problem').waitFor();
    assert.equal(await on.get('login-user').inputValue(), user);
    assert.equal(await on.get('login-password').inputValue(), '');
  },

  async 'log in and be live'(on, credentials) {
    await logIn(on, credentials);
    await until('connection', () => on.get('connection').getAttribute('data-state'), (state) => state === 'live');
  },

  async 'the business date moves with the data'(on) {
    const before = await until('date', () => textOf(on.get('business-date')), (date) => /^\d{4}/.test(date));
    await until('date', () => textOf(on.get('business-date')), (date) => date !== before);
  },

  async 'preview, confirm, fill; then equity moves'(on) {
    await fillTicket(on, 'IBM', '50');
    await until('preview', () => on.get('ticket-preview').getAttribute('data-decision'), (decision) => decision === 'approved');
    assert.equal(await on.get('ticket-preview').locator('[data-check]').count(), 12);
    await on.get('ticket-review').click();
    assert.match(await textOf(on.get('ticket-restate')), /Buy\s+50\s+IBM/);
    await on.get('ticket-confirm').click();
    await on.get('ticket-accepted').waitFor();
    const id = await on.get('ticket-accepted').getAttribute('data-order-id');
    const row = on.page.locator(`[data-order-id="${id}"][data-testid="order-row"]`);
    await until('status', () => row.getAttribute('data-status'), (status) => status === 'filled');
    await until('note', () => textOf(on.get('ticket-accepted-status')), (status) => status === 'Filled');
    await row.getByRole('button').first().click();
    await until('timeline', () => on.page.getByTestId('order-timeline').locator('li').count(), (count) => count >= 5);
    await row.getByRole('button').first().click();
    const before = await textOf(on.get('equity-value'));
    await until('equity', () => textOf(on.get('equity-value')), (equity) => equity !== before);
  },

  async 'equity, cash and positions are of one moment while prices run'(on) {
    const seen = new Set();
    const wrong = [];
    await until('moments', async () => {
      const shown = await figures(on.page);
      if (!seen.has(shown.position)) {
        seen.add(shown.position);
        const sum = shown.values.reduce((sum, value) => sum + value, shown.cash);
        // Each figure is rounded to cents by itself.
        if (Math.abs(sum - shown.equity) > 0.005 * (shown.values.length + 2) + 1e-6) wrong.push(shown);
      }
      return seen.size;
    }, (count) => count >= 12);
    assert.deepEqual(wrong, []);
  },

  async 'a limit order rests, is shown as open, and is cancelled'(on) {
    await fillTicket(on, 'IBM', '5');
    await on.get('ticket-type').selectOption('limit');
    await on.get('ticket-tif').selectOption('gtc');
    const last = Number(await on.get('ticket-limit-price').getAttribute('placeholder'));
    await on.get('ticket-limit-price').fill((last * 0.55).toFixed(2));
    await until('preview', () => on.get('ticket-preview').getAttribute('data-decision'), (decision) => decision === 'approved');
    await on.get('ticket-review').click();
    await on.get('ticket-confirm').click();
    await on.get('ticket-accepted').waitFor();
    const id = await on.get('ticket-accepted').getAttribute('data-order-id');
    const row = on.page.locator(`[data-order-id="${id}"][data-testid="order-row"]`);
    await on.get('orders-open').click();
    await until('status', () => row.getAttribute('data-status'), (status) => status === 'new');
    await row.getByTestId('order-cancel').click();
    await row.getByTestId('order-cancel-confirm').click();
    await on.get('orders-all').click();
    await until('status', () => row.getAttribute('data-status'), (status) => status === 'canceled');
  },

  async 'a refusal says why and loses nothing'(on) {
    await fillTicket(on, 'IBM', '9999999');
    await until('preview', () => on.get('ticket-preview').getAttribute('data-decision'), (decision) => decision === 'refused');
    await on.page.keyboard.press('Control+Enter');
    await on.get('ticket-confirm').waitFor();
    await on.page.keyboard.press('Control+Enter');
    await on.get('ticket-problem').waitFor();
    assert.equal(await on.get('ticket-problem').getAttribute('data-code'), 'order_refused');
    assert.match(await textOf(on.get('ticket-problem')), /at most [\d,.]+ is allowed/);
    assert.equal(await on.get('ticket-quantity').inputValue(), '9999999');
    forgive(on, / 422 /);
  },

  async 'in Chinese, what is wrong and why is said in Chinese'(on) {
    const said = async () => [...(await on.get('ticket-problem').locator('p:not(.font-mono)').allInnerTexts()), ...(await on.page.locator('#error-quantity').allInnerTexts())];
    const inChinese = (texts) => {
      assert.ok(texts.length >= 3, texts.join('\n'));
      assert.deepEqual(texts.filter((text) => /[A-Za-z]{2,}/.test(text) || !/[\u4e00-\u9fff]/.test(text)), []);
    };
    await on.get('lang-switch').click();
    // More decimals than any amount may have, which the server says of the field.
    await fillTicket(on, 'IBM', '0.0000000000001');
    await on.page.locator('[data-testid=ticket-problem][data-code=invalid_field]').waitFor();
    inChinese(await said());
    await fillTicket(on, 'IBM', '9999999');
    await until('preview', () => on.get('ticket-preview').getAttribute('data-decision'), (decision) => decision === 'refused');
    await on.get('ticket-review').click();
    await on.get('ticket-confirm').click();
    await on.page.locator('[data-testid=ticket-problem][data-code=order_refused]').waitFor();
    inChinese(await said());
    await on.get('lang-switch').click();
    assert.match(await textOf(on.get('ticket-problem')), /at most [\d,.]+ is allowed/);
    forgive(on, / 422 /);
  },

  async 'halt the firm, be refused, release it'(on) {
    await on.get('kill-open').click();
    await on.get('kill-cause').fill('drill');
    await on.get('kill-confirm-text').fill('HALT FIR');
    assert.ok(await on.get('kill-engage').isDisabled());
    await on.get('kill-confirm-text').fill('HALT FIRM');
    await on.get('kill-engage').click();
    await on.get('kill-banner').waitFor();
    assert.match(await textOf(on.get('kill-banner')), /drill/);
    await fillTicket(on, 'IBM', '1');
    await until('preview', () => on.get('ticket-preview').getAttribute('data-decision'), (decision) => decision === 'refused');
    await on.get('kill-open').click();
    await on.get('kill-cause').fill('drill over');
    await on.get('kill-confirm-text').fill('RELEASE FIRM');
    await on.get('kill-release').click();
    await on.get('kill-banner').waitFor({ state: 'detached' });
  },

  async 'keys of the ticket work in the ticket only'(on) {
    await on.get('ticket-quantity').focus();
    await on.page.keyboard.press('s');
    assert.equal(await on.get('ticket-side-sell').getAttribute('aria-pressed'), 'true');
    await on.page.keyboard.press('?');
    await on.get('shortcuts').waitFor();
    await on.page.keyboard.press('Escape');
    await on.get('tape-pause').focus();
    await on.page.keyboard.press('b');
    assert.equal(await on.get('ticket-side-sell').getAttribute('aria-pressed'), 'true');
  },

  async 'pause the tape'(on) {
    await on.get('tape-pause').click();
    assert.equal(await on.get('tape-pause').getAttribute('aria-pressed'), 'true');
    await on.get('tape').locator('li button').first().click();
    assert.match(await textOf(on.get('tape').locator('pre').first()), /"leaf_hash"/);
    await on.get('tape-pause').click();
  },

  async 'Chinese, at once and after a reload'(on) {
    await on.get('lang-switch').click();
    assert.equal(await on.page.locator('html').getAttribute('lang'), 'zh-CN');
    await on.page.getByRole('heading', { name: '持仓' }).waitFor();
    await chartsSpeak(on, CHINESE_DATE, ENGLISH_MONTH);
    await on.page.reload();
    await on.page.getByRole('heading', { name: '委托' }).waitFor();
    await chartsSpeak(on, CHINESE_DATE, ENGLISH_MONTH);
    await on.get('lang-switch').click();
    await on.page.getByRole('heading', { name: 'Positions' }).waitFor();
    await chartsSpeak(on, /^\d{1,2}$|^\d{4}$|[A-Z][a-z]{2}/, CHINESE_DATE);
  },

  async 'dark and light'(on) {
    const before = await on.page.locator('html').getAttribute('data-theme');
    await on.get('theme-switch').click();
    assert.notEqual(await on.page.locator('html').getAttribute('data-theme'), before);
  },

  async 'log out'(on) {
    await on.get('user-menu').click();
    await on.get('logout').click();
    await on.get('login-user').waitFor();
  },
};

export async function journey(browser, base, credentials) {
  const on = await openPage(browser, base);
  for (const [name, step] of Object.entries(steps)) {
    await step(on, credentials);
    forgive(on, / 401 .*\/sessions\)$/);
    assert.deepEqual(on.faults, [], name);
    console.log(`ok    ${name}`);
  }
  await on.page.context().close();
}
