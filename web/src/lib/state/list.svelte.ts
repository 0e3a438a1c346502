// One list of the API as the page holds it: rows, whether they have arrived, and what went wrong.
// A failed refresh keeps the rows that are there; the panel says that they may be old.
import { isFinal, type Answer, type Failure } from '$lib/api/problem';

export class List<T> {
  rows = $state.raw<T[]>([]);
  loaded = $state(false);
  failure = $state.raw<Failure | null>(null);
  /** Counts what has been asked for, so that an answer to an older question is dropped. */
  #asked = 0;

  constructor(private readonly ask: () => Promise<Answer<{ items: T[] }>>) {}

  /** For the refresher: false when it should be tried again. */
  refresh = async (): Promise<boolean> => {
    const question = ++this.#asked;
    const answer = await this.ask();
    if (question !== this.#asked) return true;
    if (answer.ok) this.take(answer.data.items);
    else this.failure = answer.failure;
    return answer.ok || isFinal(answer.failure);
  };

  /** Rows that arrived by another way, such as a snapshot. */
  take(rows: T[]): void {
    this.#asked += 1;
    this.rows = rows;
    this.loaded = true;
    this.failure = null;
  }
}
