// The equity curve of one account: spread over its whole history at first, then what is new.
import { api, ask } from '$lib/api/client';
import type { Failure } from '$lib/api/problem';
import type { EquityPoint } from '$lib/api/types';
import { businessDate } from '$lib/format/time';
import { append, dayPnlOf, type DayPnl } from './equity-points';

const FIRST_POINTS = 1_000;
const PAGE = 1_000;

export class Equity {
  points = $state.raw<EquityPoint[]>([]);
  loaded = $state(false);
  failure = $state.raw<Failure | null>(null);
  /** The last point of the latest business day before today's; what day P&L counts from. */
  #dayBase = $state.raw<EquityPoint | null>(null);
  #account = '';

  latest = $derived(this.points.at(-1) ?? null);

  /** The change of the business day; `today` is the date that the market data has reached. */
  dayPnl(today: string, holding: boolean): DayPnl | null {
    return dayPnlOf(this.latest, this.#dayBase, today, holding);
  }

  show(account: string): void {
    if (account === this.#account) return;
    this.#account = account;
    this.reset();
  }

  /** Forgets everything; the next refresh starts over. */
  reset(): void {
    this.points = [];
    this.#dayBase = null;
    this.loaded = false;
  }

  refresh = async (): Promise<boolean> => {
    const account = this.#account;
    if (account === '') return true;
    return this.points.length === 0 ? this.#first(account) : this.#newer(account);
  };

  async #first(account: string): Promise<boolean> {
    const spread = await this.#fetch(account, { points: FIRST_POINTS });
    if (spread === null || account !== this.#account) return spread !== null;
    this.#take(spread);
    this.loaded = true;
    // Spread points may be days apart; the last stretch is fetched whole, for the day's P&L.
    const before = spread.at(-3);
    if (before === undefined) return true;
    const dense = await this.#fetch(account, { after: before.position, limit: PAGE });
    if (dense === null || account !== this.#account) return dense !== null;
    const known = this.points.filter((point) => point.position <= before.position);
    this.points = [];
    this.#take([...known, ...dense]);
    return true;
  }

  async #newer(account: string): Promise<boolean> {
    const after = this.points.at(-1)?.position ?? 0;
    const newer = await this.#fetch(account, { after, limit: PAGE });
    if (newer === null || account !== this.#account) return newer !== null;
    this.#take(newer.filter((point) => point.position > after));
    return newer.length < PAGE;
  }

  async #fetch(
    account: string,
    query: { points: number } | { after: number; limit: number },
  ): Promise<EquityPoint[] | null> {
    const params = { path: { account }, query };
    const answer = await ask(api.GET('/api/v1/accounts/{account}/equity', { params }));
    this.failure = answer.ok ? null : answer.failure;
    return answer.ok ? answer.data.items : null;
  }

  #take(points: EquityPoint[]): void {
    let last = this.points.at(-1) ?? null;
    for (const point of points) {
      if (last && businessDate(point.time) > businessDate(last.time)) this.#dayBase = last;
      last = point;
    }
    if (points.length > 0) this.points = append(this.points, points);
  }
}
