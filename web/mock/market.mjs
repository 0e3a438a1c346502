// The recorded bars of the repository, in playing order: by date, then by symbol. Prices adjusted
// and rounded to four decimals, as the node reads them (its arithmetic is exact; this one is not).
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

const FILE = new URL('../../data/us_wiki_daily.csv.gz', import.meta.url);

export function readBars() {
  const lines = gunzipSync(readFileSync(FILE)).toString('utf8').trim().split('\n').slice(1);
  const rows = lines.map((line) => {
    const [symbol, date, open, high, low, close, volume, adjusted] = line.split(',');
    const factor = Number(adjusted) / Number(close);
    const price = (text) => (Number(text) * factor).toFixed(4);
    const bar = { date, open: price(open), high: price(high), low: price(low), close: price(close), volume: Number(volume) };
    return { symbol, bar };
  });
  return rows.sort((a, b) => a.bar.date.localeCompare(b.bar.date) || a.symbol.localeCompare(b.symbol));
}

export const businessTime = (date) => `${date}T21:00:00.000000Z`;
