// A Chromium page that notes everything that must not happen: console errors, errors of scripts,
// violations of the content security policy, requests to other hosts. It also notes what is written
// on canvases, where no test could read it: `drawn`, a set of texts for each panel by its test id.
import { chromium } from 'playwright-core';

const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

export async function launch() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS });
}

export async function openPage(browser, base, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'en-US', ignoreHTTPSErrors: true, ...options });
  const page = await context.newPage();
  const faults = [];
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(`console: ${message.text()} (${message.location().url})`);
  });
  page.on('pageerror', (error) => faults.push(`script: ${error.stack}`));
  page.on('request', (request) => {
    if (new URL(request.url()).host !== new URL(base).host) faults.push(`foreign request: ${request.url()}`);
  });
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      console.error(`policy violation: ${event.violatedDirective} ${event.blockedURI}`);
    });
  });
  await page.addInitScript(() => {
    globalThis.drawn = {};
    const { fillText } = CanvasRenderingContext2D.prototype;
    CanvasRenderingContext2D.prototype.fillText = function (text, ...where) {
      const panel = this.canvas.closest('[data-testid]')?.dataset.testid;
      (globalThis.drawn[panel] ??= new Set()).add(text);
      return fillText.call(this, text, ...where);
    };
  });
  await page.goto(base);
  return { page, faults, get: (id) => page.getByTestId(id) };
}

export async function logIn({ get }, { user, password }) {
  await get('login-user').fill(user);
  await get('login-password').fill(password);
  await get('login-submit').click();
  await get('equity-value').waitFor();
}
