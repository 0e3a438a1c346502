// Whatever the server turns down is said in both languages. The codes come from the program's own
// lists and from its OpenAPI document: one that has no words here fails, not in front of a user.
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import type { Failure } from '$lib/api/problem';
import type { Check, FieldError, Problem } from '$lib/api/types';
import { overwriteGetLocale, type Locale } from '$paraglide/runtime.js';
import { checkFailure, checkName, refusalSentence } from './checks';
import { ALLOWED, allowedText, fieldSentence, namedFieldSentence } from './fields';
import { fieldSentences, problemDetail, problemSentence } from './problems';

const read = (path: string) => readFileSync(new URL(`../../../../${path}`, import.meta.url), 'utf8');
const document = JSON.parse(read('docs/openapi.json'));

const CHINESE = /[\u4e00-\u9fff]/;
const SERVER_WORDS = 'words of the server';

function speak(locale: Locale): void {
  overwriteGetLocale(() => locale);
}
afterEach(() => speak('en'));

/** What `say` gives in each language. */
function said(say: () => string): { en: string; zh: string } {
  speak('en');
  const en = say();
  speak('zh');
  return { en, zh: say() };
}

/** The names for which one of the languages has no sentence of its own, or an unfinished one. */
function unsaid(names: string[], say: (name: string) => string): string[] {
  const unfinished = /undefined|null|\[object|[{}]/;
  return names.filter((name) => {
    const { en, zh } = said(() => say(name));
    const texts = [en, zh];
    if (texts.some((text) => text === '' || unfinished.test(text) || text.includes(SERVER_WORDS))) return true;
    return CHINESE.test(en) || !CHINESE.test(zh);
  });
}

/** A newer server may send a code that the types do not know. */
type OfAnyCode<T extends { code: string }> = Partial<Omit<T, 'code'>> & { code?: string };

function failure(members: OfAnyCode<Problem>): Failure {
  const problem = { status: 422, code: 'invalid_field', title: SERVER_WORDS, detail: SERVER_WORDS, ...members };
  return { kind: 'problem', problem: problem as Problem, retryAfterSeconds: null };
}

function check(members: OfAnyCode<Check>): Check {
  return { code: 'max_position', verdict: 'failed', limit: '1', observed: '1', message: SERVER_WORDS, ...members } as Check;
}

describe('problems', () => {
  const table = [...read('src/http/problem.rs').matchAll(/^ {4}\w+ = \d{3} "(\w+)"/gm)].map((match) => match[1] ?? '');
  const answers = Object.values<Record<string, { responses: Record<string, { 'x-codes'?: string[] }> }>>(document.paths)
    .flatMap((path) => Object.values(path))
    .flatMap(({ responses }) => Object.values(responses));
  const documented = answers.flatMap((answer) => answer['x-codes'] ?? []);

  it('have a sentence for every code of the program and of its document', () => {
    expect(table.length).toBeGreaterThan(20);
    expect(documented).toContain('order_refused');
    expect(unsaid([...new Set([...table, ...documented])], (code) => problemSentence(failure({ code })))).toEqual([]);
  });

  it('put in what the sentence is about', () => {
    const refused = failure({ code: 'order_refused', refusal: 'max_position' });
    expect(said(() => problemSentence(refused))).toEqual({ en: 'Refused by risk: Position too large', zh: '风控拒绝：持仓超限' });
    const forbidden = failure({ code: 'forbidden', permission: 'orders.submit' });
    expect(said(() => problemSentence(forbidden)).zh).toBe('此操作需要权限 orders.submit。');
    const throttled: Failure = { ...failure({ code: 'login_throttled' }), retryAfterSeconds: 7 } as Failure;
    expect(said(() => problemSentence(throttled)).zh).toBe('尝试次数过多，请等待 7 秒。');
  });

  it('keep the server\'s own words for a code that is not known, an inherited name included', () => {
    for (const code of ['order_teleported', 'constructor', 'toString']) {
      expect(said(() => problemSentence(failure({ code })))).toEqual({ en: SERVER_WORDS, zh: SERVER_WORDS });
      expect(said(() => problemDetail(failure({ code })))).toEqual({ en: SERVER_WORDS, zh: SERVER_WORDS });
    }
  });

  it('show the server\'s English detail on the English page only', () => {
    expect(said(() => problemDetail(failure({ code: 'not_found' })))).toEqual({ en: SERVER_WORDS, zh: '' });
    const errors = [
      { field: 'quantity', found: '-1', message: 'm', allowed: 'a decimal above 0, written as a string' },
      { field: 'side', message: 'm', allowed: 'buy, sell' },
    ];
    expect(said(() => problemDetail(failure({ errors })))).toEqual({
      en: SERVER_WORDS,
      zh: '数量：“-1” 无效。允许：大于 0 且小于 10^15 的数字，最多 12 位小数。 方向：需要：买入或卖出。',
    });
    // Better English than nothing at all.
    expect(said(() => problemDetail(failure({})))).toEqual({ en: SERVER_WORDS, zh: SERVER_WORDS });
  });
});

describe('risk checks', () => {
  const list = /enum CheckCode \{(.*?)\}/s.exec(read('src/events/catalogue/account.rs'))?.[1] ?? '';
  const names = [...list.matchAll(/^\s+(\w+),/gm)].map((match) => match[1] ?? '');
  const recorded = names.map((name) => name.replace(/(?!^)[A-Z]/g, '_$&').toLowerCase());
  const described: string[] = document.components.schemas.CheckCode.enum;
  const codes = [...new Set([...recorded, ...described])];

  it('have a name, and a sentence whatever the check knew', () => {
    expect(codes).toContain('buying_power');
    expect(unsaid(codes, checkName)).toEqual([]);
    expect(unsaid(codes, checkFailure)).toEqual([]);
    for (const limit of ['1', null]) {
      for (const observed of ['1', null]) {
        expect(unsaid(codes, (code) => refusalSentence(check({ code, limit, observed }))), `${limit} ${observed}`).toEqual([]);
      }
    }
  });

  it('are not announced by their passing name once they failed', () => {
    expect(codes.filter((code) => said(() => checkFailure(code)).en === said(() => checkName(code)).en)).toEqual([]);
    expect(said(() => checkFailure('no_halt'))).toEqual({ en: 'Kill switch engaged', zh: '紧急停止已启动' });
    expect(checkFailure('moon_phase')).toBe('moon_phase');
  });

  it('say limit and observed value in their unit', () => {
    const position = check({ limit: '5000', observed: '5100' });
    expect(said(() => refusalSentence(position))).toEqual({
      en: 'The position could reach 5,100; at most 5,000 is allowed.',
      zh: '持仓可能达到 5,100，最多允许 5,000。',
    });
    const collar = check({ code: 'price_collar', limit: '0.1', observed: '0.25' });
    expect(said(() => refusalSentence(collar)).zh).toBe('限价偏离最新价 25.00%，最多允许 10.00%。');
    const halted = check({ code: 'no_halt', limit: null, observed: 'kill switch: account demo' });
    expect(said(() => refusalSentence(halted)).zh).toBe('紧急停止已启动。已停止：账户 demo。');
    const quantity = check({ code: 'quantity_valid', limit: 'above 0, 0 decimals', observed: '1.5' });
    expect(said(() => refusalSentence(quantity)).zh).toBe('数量为 1.5，允许：> 0，0 位小数。');
  });

  it('say that a limit or a price is missing rather than compare with nothing', () => {
    expect(refusalSentence(check({ limit: null }))).toBe('Max position: no limit is set, so no order passes.');
    const unpriced = check({ code: 'reference_fresh', observed: null });
    expect(refusalSentence(unpriced)).toBe('There is no usable last price to judge the order by.');
    expect(refusalSentence(check({ code: 'short_sale', limit: null }))).toBe('No short sale: cannot be determined.');
  });

  it('keep the server\'s own sentence for one that is not known', () => {
    expect(said(() => refusalSentence(check({ code: 'moon_phase' })))).toEqual({ en: SERVER_WORDS, zh: SERVER_WORDS });
  });
});

describe('fields', () => {
  const error = (members: Partial<FieldError>): FieldError => ({ field: 'quantity', message: SERVER_WORDS, allowed: '1 to 9 characters', ...members });

  it('have a name each, if a body may have them', () => {
    const bodies = ['NewOrder', 'CancelRequest', 'KillSwitchRequest', 'Login'];
    const fields = bodies.flatMap((body) => Object.keys(document.components.schemas[body].properties));
    expect(unsaid(fields, (field) => namedFieldSentence(error({ field }), []))).toEqual([]);
    expect(fields.filter((field) => said(() => namedFieldSentence(error({ field }), [])).zh.startsWith(field))).toEqual([]);
  });

  it('say what is allowed for every phrase that the program says it with', () => {
    const [order, halts, sessions, commands] = ['api/order_input', 'api/kill_switches', 'api/sessions', 'commands'].map((path) => read(`src/http/${path}.rs`));
    const rejected = /^fn rejected\(.*?^\}/ms.exec(commands ?? '')?.[0] ?? '';
    const all = (source: string | undefined, pattern: RegExp) => [...(source ?? '').matchAll(pattern)].map((match) => match[1] ?? '');
    const lengths = all(`${commands}${sessions}`, /format!\("((?:a string of )?1 to [^"]*)"\)/g);
    const phrases = [
      ...all(`${order}${halts}`, /^const (?:ID|DECIMAL|SCOPES): &str = "(.+)";/gm),
      ...all(`${order}${halts}`, /"(\w+(?:, \w+)+|nothing[^"]*)"/g),
      ...all(rejected, /"([^"]*)"/g).filter((literal) => / /.test(literal) && !literal.includes('{')),
      ...lengths.map((phrase) => phrase.replace(/\{\w+\}/, '9')),
    ];
    expect(phrases).toEqual(expect.arrayContaining(['day, gtc', 'nothing, or type limit', '1 to 9 characters', ...Object.keys(ALLOWED)]));
    expect(unsaid(phrases, (phrase) => allowedText(phrase) ?? '')).toEqual([]);
  });

  it('say what was found, if it is known', () => {
    expect(said(() => fieldSentence(error({ found: 'x' }), [])).zh).toBe('“x” 无效。允许：1 至 9 个字符。');
    expect(said(() => fieldSentence(error({}), []))).toEqual({ en: 'Needed: 1 to 9 characters.', zh: '需要：1 至 9 个字符。' });
  });

  it('keep the server\'s own sentence where it is not known what is allowed', () => {
    expect(said(() => fieldSentence(error({ allowed: 'a full moon' }), [])).zh).toBe(`${SERVER_WORDS} (a full moon)`);
  });

  it('say the sentence of the first check that refused for it', () => {
    const checks = [check({ limit: '5', observed: '6' }), check({ code: 'buying_power', message: 'second' })];
    const errors = [error({ found: '6', allowed: '5' }), error({ message: 'second' })];
    const refused = failure({ code: 'order_refused', checks, errors });
    expect(said(() => fieldSentences(refused)['quantity'] ?? '').zh).toBe('持仓可能达到 6，最多允许 5。');
    expect(fieldSentences({ kind: 'network' })).toEqual({});
  });
});
