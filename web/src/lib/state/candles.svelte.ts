// Bars by symbol: fetched once when a symbol is first looked at, then kept up by PriceMarked events.
import { api, ask } from '$lib/api/client';
import type { Failure } from '$lib/api/problem';
import type { Candle } from '$lib/api/types';

const FETCHED = 1_000;
const KEPT_MAX = 4_000;

export type Bar = Pick<Candle, 'date' | 'open' | 'high' | 'low' | 'close' | 'volume'>;
type OnBar = (bar: Bar) => void;

/** The bars of one symbol. They are not reactive: a chart draws them itself and listens. */
export class Series {
  bars: Bar[] = [];
  last = $state.raw<Bar | null>(null);
  loaded = $state(false);
  failure = $state.raw<Failure | null>(null);
  /** Changes when `bars` was replaced as a whole. */
  edition = $state(0);
  #listeners = new Set<OnBar>();
  #loading = false;

  constructor(private readonly symbol: string) {}

  listen(onBar: OnBar): () => void {
    this.#listeners.add(onBar);
    return () => this.#listeners.delete(onBar);
  }

  async load(): Promise<void> {
    if (this.#loading) return;
    this.#loading = true;
    const query = { symbol: this.symbol, limit: FETCHED };
    const answer = await ask(api.GET('/api/v1/candles', { params: { query } }));
    this.#loading = false;
    if (!answer.ok) {
      this.failure = answer.failure;
      return;
    }
    const newest = answer.data.items.at(-1)?.date ?? '';
    // Bars that arrived by the stream while the answer was under way.
    const later = this.bars.filter((bar) => bar.date > newest);
    this.bars = [...answer.data.items, ...later];
    this.last = this.bars.at(-1) ?? null;
    this.failure = null;
    this.loaded = true;
    this.edition += 1;
  }

  append(bar: Bar): void {
    const last = this.bars.at(-1);
    if (last !== undefined && bar.date < last.date) return;
    if (last?.date === bar.date) this.bars[this.bars.length - 1] = bar;
    else this.bars.push(bar);
    this.last = bar;
    if (this.bars.length > KEPT_MAX) this.bars.splice(0, this.bars.length - KEPT_MAX);
    if (this.loaded) for (const listener of this.#listeners) listener(bar);
  }
}

export class Candles {
  #series = new Map<string, Series>();

  of(symbol: string): Series {
    let series = this.#series.get(symbol);
    if (series === undefined) {
      series = new Series(symbol);
      this.#series.set(symbol, series);
    }
    return series;
  }

  append(symbol: string, bar: Bar): void {
    this.#series.get(symbol)?.append(bar);
  }

  /** After a gap: everything looked at so far is fetched again. */
  refetch(): void {
    for (const series of this.#series.values()) void series.load();
  }
}
