// axe-core over the page in its states: login, desk, dialogs; both themes, both languages, a phone.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { logIn, openPage } from './browser.mjs';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

const LOOKS = [
  { name: 'dark, English', options: { colorScheme: 'dark' } },
  { name: 'light, Chinese', options: { colorScheme: 'light', locale: 'zh-CN' } },
  { name: 'light, phone', options: { colorScheme: 'light', viewport: { width: 390, height: 844 } } },
];

async function violations(page) {
  await page.evaluate(await import('node:fs').then((fs) => fs.readFileSync(AXE, 'utf8')));
  const found = await page.evaluate((tags) => globalThis.axe.run(document, { runOnly: tags }), TAGS);
  assert.ok(found.passes.length > 10, 'axe ran');
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).slice(0, 3).join(', ')}`);
}

export async function accessibility(browser, base, credentials) {
  for (const { name, options } of LOOKS) {
    const on = await openPage(browser, base, options);
    const check = async (state) => assert.deepEqual(await violations(on.page), [], `${name}: ${state}`);
    await check('login');
    await logIn(on, credentials);
    await on.get('order-row').first().waitFor();
    await check('desk');
    const wide = await on.page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.equal(wide, 0, `${name}: the page scrolls sideways`);
    await on.get('ticket-quantity').fill('10');
    await on.get('ticket-preview').locator('[data-check]').first().waitFor();
    await on.get('order-row').first().getByRole('button').first().click();
    await on.get('order-timeline').locator('li').first().waitFor();
    await check('ticket and timeline');
    await on.get('ticket-review').click();
    // While the preview is asked for anew, the old one is dimmed.
    await on.get('ticket-dialog').locator('[data-testid=ticket-preview][aria-busy=false]').waitFor();
    await check('confirm');
    await on.page.keyboard.press('Escape');
    await on.get('ticket-dialog').waitFor({ state: 'detached' });
    await on.get('kill-open').click();
    await check('kill switch');
    await on.page.context().close();
    console.log(`ok    accessible: ${name}`);
  }
}
