// Weight of the first page, compressed as the server sends it: what index.html names, then the
// charts, which are loaded after login. Fails above the limit.
import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const LIMIT_BYTES = 200_000;
const dist = new URL('../dist/', import.meta.url);

const weigh = (path) => gzipSync(readFileSync(new URL(path, dist))).length;
const index = readFileSync(new URL('index.html', dist), 'utf8');
const named = [...index.matchAll(/(?:src|href)="\/([^"]+)"/g)].map((match) => match[1]);
const later = readdirSync(new URL('assets/', dist)).map((name) => `assets/${name}`).filter((path) => !named.includes(path));

const first = ['index.html', ...named];
for (const path of [...first, ...later]) {
  console.log(`${String(weigh(path)).padStart(7)}  ${path}${later.includes(path) ? '  (after login)' : ''}`);
}
const total = first.reduce((sum, path) => sum + weigh(path), 0);
const all = later.reduce((sum, path) => sum + weigh(path), total);
console.log(`first load ${total} bytes, with charts ${all} bytes (gzip); limit ${LIMIT_BYTES}`);
process.exit(all > LIMIT_BYTES ? 1 : 0);
