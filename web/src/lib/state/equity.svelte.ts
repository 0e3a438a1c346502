// The equity curve of one account: spread over its whole history at first, then what is new.
import { api, ask } from '$lib/api/client';
import type { Failure } from '$lib/api/problem';
import type { EquityPoint } from '$lib/api/types';
import { append } from './equity-points';

const FIRST_POINTS = 1_000;
const PAGE = 1_000;

export class Equity {
  points = $state.raw<EquityPoint[]>([]);
  loaded = $state(false);
  failure = $state.raw<Failure | null>(null);
  #account = '';

  latest = $derived(this.points.at(-1) ?? null);

  show(account: string): void {
    if (account === this.#account) return;
    this.#account = account;
    this.reset();
  }

  /** Forgets everything; the next refresh starts over. */
  reset(): void {
    this.points = [];
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
    if (points.length > 0) this.points = append(this.points, points);
  }
}
