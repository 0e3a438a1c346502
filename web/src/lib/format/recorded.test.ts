// What the program records in words of its own is said in the chosen language; the phrases are those
// of its sources. Everything else stays as it was recorded, with its language.
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import type { Event } from '$lib/api/types';
import { overwriteGetLocale } from '$paraglide/runtime.js';
import { sentence } from './events';
import { parts, plain, recorded } from './recorded';

const source = (path: string) => readFileSync(new URL(`../../../../src/${path}`, import.meta.url), 'utf8');
afterEach(() => overwriteGetLocale(() => 'en'));

/** What is said in Chinese of each phrase that still has English words in it. */
function unsaid(phrases: string[]): string[] {
  overwriteGetLocale(() => 'zh');
  const left = phrases.filter((phrase) => recorded(phrase) === plainly(phrase) || /[A-Za-z]{4,}/.test(plain(recorded(phrase)).replace(/X-1/g, '')));
  overwriteGetLocale(() => 'en');
  return left;
}
const plainly = (text: string) => `\u{e000}${text}\u{e001}`;

/** A phrase of the sources with its placeholders filled. */
const filled = (format: string, values: Record<string, string> = {}) =>
  format.replace(/\{(\w*)\}/g, (_, name: string) => values[name] ?? '7').replace(/\\\n\s+/g, '');

describe('recorded phrases', () => {
  it('are known for every alert', () => {
    const rules = source('actors/notifier/rules.rs').split('#[cfg(test)]')[0] ?? '';
    const formats = [...rules.matchAll(/"([^"\n]*\{[^"\n]*)"/g)].map((match) => match[1] ?? '');
    expect(formats).toHaveLength(6);
    const alerts = formats.map((format) => {
      let text = format.replace('{code}', '"max_position"');
      for (const value of /kill switch/.test(format) ? ['account X-1', 'revoked'] : ['X-1', 'it panicked']) text = text.replace('{}', value);
      return filled(text);
    });
    expect(unsaid(alerts)).toEqual([]);
    overwriteGetLocale(() => 'zh');
    expect(recorded('order X-1 refused by "max_position": limit 5000, observed 5100')).toBe('委托 X-1 被拒绝：持仓超限（限制 5,000，实际 5,100）');
    expect(recorded('order X-1 refused by "max_position": limit unknown, observed 5100')).toContain('限制 –');
    expect(recorded('kill switch engaged for account X-1: 胖手指')).toContain('账户 X-1');
  });

  it('stand in the program as they are known here', () => {
    const phrases: [string, string[]][] = [
      ['domain/order/decide.rs', ['kill switch engaged for {scope}', 'it was sent {ATTEMPTS_MAX} times and never arrived at the venue', 'the approval is {age_seconds} s old; at most {APPROVAL_AGE_SECONDS_MAX} s are allowed', 'the order is {}']],
      ['venues/paper/mod.rs', ['the order is already {}', 'the order is unknown here']],
      ['venues/paper/matching.rs', ['quantity {quantity} is not positive; give more than 0', 'limit price {limit} is not positive; give more than 0', 'quantity times limit price does not fit: {unfit}; send a smaller order', 'the execution cannot be priced: {unfit}; send a smaller order']],
      ['actors/execution/actor.rs', ['a run ended between sending it and hearing of it', "the venue's reports ended", 'its feed ended']],
      ['cli/run.rs', ['it was told to stop', 'all data has been played']],
      ['http/api/orders.rs', ['no reason given']],
      ['app/setup.rs', ['wide limits of the demonstration', 'approved for the demonstration']],
      ['identity/users.rs', ['the user was disabled', 'the password was changed']],
      ['identity/sessions.rs', ['there were too many', 'logged out', 'revoked']],
      ['actors/guardian.rs', ['it panicked']],
      ['events/commit.rs', ['the event store cannot be written now: {0}; nothing was recorded', 'an earlier commit of the same writer failed, so this one was dropped unrecorded']],
      ['http/health.rs', ['the node has to end', 'the node stops', 'the log cannot be written now', 'the log will not be written any more', 'the read models cannot be written now', 'the read models are no longer kept up', 'the read models are {lag} events behind; at most {READY_LAG_EVENTS_MAX} are allowed']],
    ];
    for (const [path, own] of phrases) {
      const text = source(path);
      expect(own.filter((phrase) => !text.includes(`"${phrase}"`)), path).toEqual([]);
      expect(unsaid(own.map((phrase) => filled(phrase.replace('the order is {}', 'the order is filled').replace('already {}', 'already filled'), { scope: 'firm' }))), path).toEqual([]);
    }
    // Of two pieces in the sources.
    expect(source('venues/mod.rs')).toContain('no answer from the venue: {0}; it may have taken the order');
    expect(source('actors/execution/venue_calls.rs')).toContain('silent for {} s');
    expect(unsaid(['no answer from the venue: silent for 10 s; it may have taken the order'])).toEqual([]);
  });

  it('leave everything else as it is, with its language where that is not the page\'s', () => {
    const rejected = { type: 'OrderRejected', payload: { reason: 'odd lots are closed' } } as unknown as Event;
    expect(plain(sentence(rejected))).toBe('Rejected: odd lots are closed');
    expect(parts(sentence(rejected)).every(({ lang }) => lang === undefined)).toBe(true);
    overwriteGetLocale(() => 'zh');
    expect(parts(sentence(rejected))).toEqual([
      { text: '被拒绝：', lang: undefined },
      { text: 'odd lots are closed', lang: 'en' },
    ]);
    expect(parts(recorded('order X-1 rejected: odd lots'))).toEqual([
      { text: '委托 X-1 被拒绝：', lang: undefined },
      { text: 'odd lots', lang: 'en' },
    ]);
    expect(parts(recorded('胖手指 IBM'))).toEqual([{ text: '胖手指 IBM', lang: undefined }]);
    overwriteGetLocale(() => 'en');
    expect(parts(recorded('胖手指'))).toEqual([{ text: '胖手指', lang: 'zh-CN' }]);
    expect(recorded('')).toBe('');
  });
});
