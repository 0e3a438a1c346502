// Holds the page's words against the program's own catalogue: a new event without a sentence fails
// here, not in front of a user. Checks, problems and fields: refusals.test.ts.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Event } from '$lib/api/types';
import { overwriteGetLocale } from '$paraglide/runtime.js';
import { checkValue } from './checks';
import { KNOWN_TYPES, sentence } from './events';
import { signalReason } from './labels';

const source = (path: string) => readFileSync(new URL(`../../../../src/${path}`, import.meta.url), 'utf8');

function event(type: string, payload: Record<string, unknown> = {}): Event {
  const who = { principal: 'system', human: null, roles: [] };
  const ids = { event_id: 'e', command_id: 'c', correlation_id: 'r', causation_id: null, leaf_hash: '' };
  const times = { occurred_at: '2004-01-02T00:00:00Z', recorded_at: '2026-01-01T00:00:00Z' };
  return { position: 1, stream: 'strategy-s', version: 1, type, schema_version: 1, payload, who, ...ids, ...times, node: 'n', build: 'b' };
}

describe('catalogue', () => {
  it('has a sentence for every event the program can record', () => {
    const list = /^(?:\w+::)?catalogue! \{(.*?)^\}/ms.exec(source('events/catalogue/mod.rs'))?.[1] ?? '';
    const types = [...list.matchAll(/^\s+(\w+) = \d+\b/gm)].map((match) => match[1]);
    expect(types.length).toBeGreaterThan(20);
    expect(types.filter((type) => !KNOWN_TYPES.includes(type ?? ''))).toEqual([]);
  });

  it('has words for every reason of a strategy not to act', () => {
    const reasons = [...source('domain/strategy/decide.rs').matchAll(/Err\("([^"]+)"\)/g)].map((match) => match[1] ?? '');
    expect(reasons).toContain('holds nothing to sell');
    overwriteGetLocale(() => 'zh');
    expect(reasons.filter((reason) => signalReason(reason) === reason)).toEqual([]);
    expect(signalReason('the moon is full')).toBe('the moon is full');
    overwriteGetLocale(() => 'en');
  });

  it('never fails on a payload that lacks fields or on an unknown type', () => {
    for (const type of KNOWN_TYPES) expect(sentence(event(type)), type).not.toBe('');
    expect(sentence(event('OrderTeleported'))).toContain('OrderTeleported');
  });

  it('speaks both languages', () => {
    const terms = { symbol: 'IBM', side: 'buy', quantity: '1234', type: 'limit', limit_price: '70.5', time_in_force: 'gtc' };
    const submitted = event('OrderSubmitted', { terms });
    overwriteGetLocale(() => 'en');
    expect(sentence(submitted)).toBe('Order submitted: Buy 1,234 IBM, Limit 70.50, GTC');
    overwriteGetLocale(() => 'zh');
    expect(sentence(submitted)).toBe('提交委托：买入 1,234 IBM，限价 70.50，撤前有效');
    overwriteGetLocale(() => 'en');
  });

  it('says why it does not show an address', () => {
    const login = (peer: unknown) => sentence(event('LoginSucceeded', { user: 'alice', peer }));
    expect(login('192.0.2.7')).toBe('alice logged in from 192.0.2.7');
    expect(login({ sealed: 'AAAA' })).toBe('alice logged in from a sealed address');
    expect(login('forgotten')).toBe('alice logged in from a forgotten address');
    expect(login('unreadable')).toBe('alice logged in from an unreadable address');
    expect(sentence(event('UserForgotten', { user: 'alice' }))).toContain('alice forgotten');
  });

  it('shows limits and observed values in their unit', () => {
    expect(checkValue('price_collar', '0.1')).toBe('10.00%');
    expect(checkValue('buying_power', '1234.5')).toBe('1,234.50');
    expect(checkValue('reference_fresh', '604800')).toBe('7 d');
    expect(checkValue('no_halt', 'kill switch: account demo')).toBe('Halted: account demo');
    expect(checkValue('price_valid', 'above 0, 4 decimals')).toBe('> 0, 4 decimals');
    expect(checkValue('strategy_running', 'sma-cross-1 not started')).toBe('sma-cross-1 not started');
  });
});
