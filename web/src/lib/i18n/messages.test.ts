// Both languages say everything, with the same placeholders, and nothing is left over.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import en from '../../../messages/en.json';
import zh from '../../../messages/zh.json';

const SOURCE = fileURLToPath(new URL('../..', import.meta.url));

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === 'paraglide' ? [] : sources(path);
    return /\.(svelte|ts)$/.test(entry.name) ? [path] : [];
  });
}

const texts = sources(SOURCE).map((path) => ({ path, text: readFileSync(path, 'utf8') }));
const placeholders = (text: string) => (text.match(/\{\w+\}/g) ?? []).sort();
const english: Record<string, string> = en;
const chinese: Record<string, string> = zh;

describe('messages', () => {
  it('exist in both languages, none empty', () => {
    expect(Object.keys(chinese)).toEqual(Object.keys(english));
    const empty = Object.keys(english).filter((key) => !english[key]?.trim() || !chinese[key]?.trim());
    expect(empty).toEqual([]);
  });

  it('take the same placeholders', () => {
    const differing = Object.keys(english).filter(
      (key) => placeholders(english[key] ?? '').join() !== placeholders(chinese[key] ?? '').join(),
    );
    expect(differing).toEqual([]);
  });

  it('are translated: no Chinese text repeats the English one', () => {
    const words = (text: string) => text.replace(/\{\w+\}/g, '').match(/[A-Za-z]{2,}/);
    const same = Object.keys(english).filter(
      (key) => english[key] === chinese[key] && words(english[key] ?? ''),
    );
    expect(same).toEqual([]);
  });

  it('are all used, and every one used exists', () => {
    const used = new Set(texts.flatMap(({ text }) => text.match(/\bm\.[a-z][a-z_0-9]*/g) ?? []).map((name) => name.slice(2)));
    expect([...used].filter((key) => !(key in english))).toEqual([]);
    expect(Object.keys(english).filter((key) => !used.has(key))).toEqual([]);
  });

  it('are the only text in the markup', () => {
    // Words between tags that are not an expression. Names of products stay as they are.
    const allowed = /Blotter|TradingView|Lightweight|Charts|Copyright|Ctrl|Enter|Esc|UTC|Inc|EN|中文/;
    const found = texts
      .filter(({ path }) => path.endsWith('.svelte'))
      .flatMap(({ path, text }) => {
        const markup = text.replace(/<script[\s\S]*?<\/script>/g, '').replace(/<!--[\s\S]*?-->/g, '');
        const plain = markup.replace(/\{[^{}]*(\{[^{}]*\}[^{}]*)*\}/g, '{}');
        const runs = [...plain.matchAll(/(?<![=-])>([^<>{}"=]*[A-Za-z]{2,}[^<>{}"=]*)</g)].map((match) => match[1]?.trim() ?? '');
        return runs.filter((run) => !allowed.test(run)).map((run) => `${path}: ${run}`);
      });
    expect(found).toEqual([]);
  });
});
