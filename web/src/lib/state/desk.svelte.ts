// Everything the page shows of one session, put together: the stream says what changed, the
// refresher fetches it, lists hold it. Made at login, closed at logout.
import { getContext, setContext } from 'svelte';
import { api, ask } from '$lib/api/client';
import type {
  Account,
  Event,
  Execution,
  Instrument,
  KillSwitch,
  Order,
  Permission,
  Signal,
  Strategy,
} from '$lib/api/types';
import { StreamClient } from '$lib/stream/client';
import type { Channel } from '$lib/stream/frames';
import { browserHost } from '$lib/stream/host';
import { Candles, type Bar } from './candles.svelte';
import { Connection } from './connection.svelte';
import { draftOf } from './draft.svelte';
import { Equity } from './equity.svelte';
import { List } from './list.svelte';
import { Portfolio } from './portfolio.svelte';
import { Refresher, SPACING_MS } from './refresher';
import { changedBy, type ResourceName } from './routing';
import { session } from './session.svelte';
import { Tape } from './tape.svelte';
import { Ticket } from './ticket.svelte';

/** Events are taken in batches, so that a fast market draws the page a few times a second. */
const BATCH_MS = 100;
/** More waiting events than this (a page in the background): start over from snapshots. */
const WAITING_EVENTS_MAX = 20_000;
const LIST_LIMIT = 100;

const TAPE_LIMIT = 30;
const TAPE_TYPES = [
  'FillBooked',
  'OrderSubmitted',
  'OrderApproved',
  'OrderRefused',
  'SignalGenerated',
  'KillSwitchEngaged',
  'KillSwitchReleased',
  'NodeStarted',
];

const CHANNELS: [Channel, Permission][] = [
  ['orders', 'orders.read'],
  ['executions', 'accounts.read'],
  ['accounts', 'accounts.read'],
  ['prices', 'market.read'],
  ['signals', 'strategies.read'],
  ['kill_switches', 'kill_switches.read'],
  ['audit', 'audit.read'],
];

export class Desk {
  account = $state('');
  /** The symbol of the chart. */
  symbol = $state('');
  /** Lists show only this symbol; null shows all. */
  filter = $state<string | null>(null);
  /** Whether the list of all orders is looked at, and so worth fetching. */
  ordersShown = $state<'open' | 'all'>('all');
  /** The order to bring into view among the orders. */
  sought = $state<string | null>(null);
  #heardTime = $state<string | null>(null);
  /** Increases when fills of the log may have been missed. */
  fillsEdition = $state(0);

  readonly connection = new Connection();
  readonly portfolio = new Portfolio();
  readonly equity = new Equity();
  readonly candles = new Candles();
  readonly tape = new Tape();
  readonly ticket: Ticket = new Ticket(this, draftOf(session.current?.user ?? ''));

  readonly accounts = new List<Account>(() =>
    ask(api.GET('/api/v1/accounts', { params: { query: { limit: LIST_LIMIT } } })),
  );
  readonly openOrders = new List<Order>(() =>
    ask(api.GET('/api/v1/orders', { params: { query: { ...this.#ofAccount, status: 'open' } } })),
  );
  readonly allOrders = new List<Order>(() =>
    ask(api.GET('/api/v1/orders', { params: { query: { ...this.#ofAccount, status: 'all' } } })),
  );
  readonly executions = new List<Execution>(() =>
    ask(api.GET('/api/v1/executions', { params: { query: this.#ofAccount } })),
  );
  readonly signals = new List<Signal>(() =>
    ask(api.GET('/api/v1/signals', { params: { query: { limit: LIST_LIMIT } } })),
  );
  readonly strategies = new List<Strategy>(() =>
    ask(api.GET('/api/v1/strategies', { params: { query: { limit: LIST_LIMIT } } })),
  );
  readonly instruments = new List<Instrument>(() =>
    ask(api.GET('/api/v1/instruments', { params: { query: { limit: LIST_LIMIT } } })),
  );
  readonly killSwitches = new List<KillSwitch>(() => ask(api.GET('/api/v1/risk/kill-switches')));

  selectedAccount = $derived(this.accounts.rows.find((row) => row.account === this.account));

  /** That of the figures; of the newest event for those who may not see them. */
  businessTime = $derived(this.portfolio.now?.time ?? this.#heardTime);

  #refresher = new Refresher({
    now: () => performance.now(),
    after(milliseconds, run) {
      const timer = setTimeout(run, milliseconds);
      return () => clearTimeout(timer);
    },
  });
  #closed = false;
  #waiting: Event[] = [];
  #batchTimer: ReturnType<typeof setTimeout> | null = null;
  #stream: StreamClient;

  get #ofAccount(): { account: string; limit: number } {
    return { account: this.account, limit: LIST_LIMIT };
  }

  constructor() {
    this.#register();
    this.#stream = new StreamClient(browserHost, {
      status: (status) => (this.connection.status = status),
      alive: () => this.connection.alive(),
      snapshot: (channel, items) => this.#takeSnapshot(channel, items),
      event: (event) => this.#enqueue(event),
      refetch: () => this.#refetch(),
      sessionLost: () => session.lost(),
    });
  }

  open(): void {
    this.connection.start();
    window.addEventListener('online', this.#hurry);
    document.addEventListener('visibilitychange', this.#hurry);
    const allowed = CHANNELS.filter(([, permission]) => session.can(permission));
    this.#stream.start(allowed.map(([channel]) => channel));
    void this.#fillTape();
  }

  close(): void {
    this.#closed = true;
    this.#stream.stop();
    this.#refresher.stop();
    this.connection.stop();
    window.removeEventListener('online', this.#hurry);
    document.removeEventListener('visibilitychange', this.#hurry);
    if (this.#batchTimer !== null) clearTimeout(this.#batchTimer);
  }

  /** The symbol to trade and to look at, chosen by clicking a row or a tab. */
  showSymbol(symbol: string): void {
    this.symbol = symbol;
    if (!this.ticket.touched || this.ticket.fields.symbol === '') this.ticket.fields.symbol = symbol;
  }

  showOrders(which: 'open' | 'all'): void {
    this.ordersShown = which;
    this.mark(which === 'all' ? 'allOrders' : 'openOrders');
  }

  /** Brings all orders of `symbol` into view. */
  lookUpOrders(symbol: string): void {
    this.filter = symbol;
    this.showOrders('all');
    document.getElementById('orders')?.scrollIntoView({ block: 'nearest' });
  }

  /** Brings one order into view, also when it is still to be fetched. */
  seekOrder(id: string): void {
    this.filter = null;
    this.sought = id;
    this.showOrders('all');
  }

  showAccount(account: string): void {
    if (account === this.account) return;
    this.account = account;
    this.portfolio.show(account);
    this.equity.show(account);
    this.mark('portfolio', 'openOrders', 'allOrders', 'executions', 'equity');
    // What was typed is an order of this account now; after a reload it was none before.
    if (this.ticket.touched) this.ticket.changed();
  }

  mark(...names: ResourceName[]): void {
    this.#refresher.mark(...names);
  }

  #register(): void {
    const ifAccount = (fetch: () => Promise<boolean>) => () =>
      this.account === '' ? Promise.resolve(true) : fetch();
    const register = (
      name: ResourceName,
      permission: Permission,
      fetch: () => Promise<boolean>,
      everyMs: number,
      urgent = false,
    ): void => {
      if (session.can(permission)) this.#refresher.register(name, fetch, everyMs, urgent);
    };
    register('accounts', 'accounts.read', () => this.#refreshAccounts(), 2_000);
    register('portfolio', 'accounts.read', ifAccount(this.portfolio.refresh), 500);
    register('killSwitches', 'kill_switches.read', this.killSwitches.refresh, 0, true);
    register('openOrders', 'orders.read', ifAccount(this.openOrders.refresh), 600);
    register('allOrders', 'orders.read', ifAccount(() => this.#refreshAllOrders()), 600);
    register('equity', 'accounts.read', ifAccount(this.equity.refresh), 600);
    register('executions', 'accounts.read', ifAccount(this.executions.refresh), 800);
    register('signals', 'strategies.read', this.signals.refresh, 1_500);
    register('strategies', 'strategies.read', this.strategies.refresh, 2_000);
    register('instruments', 'market.read', () => this.#refreshInstruments(), 2_000);
  }

  async #refreshAccounts(): Promise<boolean> {
    const worked = await this.accounts.refresh();
    this.#chooseAccount();
    return worked;
  }

  /** Hidden behind the other tab: not worth a request. `showOrders` marks it again. */
  #refreshAllOrders(): Promise<boolean> {
    return this.ordersShown === 'all' ? this.allOrders.refresh() : Promise.resolve(true);
  }

  async #refreshInstruments(): Promise<boolean> {
    const worked = await this.instruments.refresh();
    this.#chooseSymbol();
    return worked;
  }

  #chooseAccount(): void {
    const first = this.accounts.rows[0];
    if (this.account === '' && first) this.showAccount(first.account);
  }

  #chooseSymbol(): void {
    const first = this.instruments.rows[0];
    if (this.symbol === '' && first) this.showSymbol(first.symbol);
  }

  #takeSnapshot(channel: Channel, items: unknown[]): void {
    if (channel === 'accounts') {
      this.accounts.take(items as Account[]);
      this.#chooseAccount();
    }
    if (channel === 'prices') {
      this.instruments.take(items as Instrument[]);
      this.#chooseSymbol();
    }
    if (channel === 'kill_switches') this.killSwitches.take(items as KillSwitch[]);
    if (channel === 'signals') this.signals.take(items as Signal[]);
    // Orders and executions are shown by account; they are fetched so.
  }

  #refetch(): void {
    this.#waiting = [];
    this.tape.breakOff();
    this.portfolio.startOver();
    this.equity.reset();
    this.candles.refetch();
    this.fillsEdition += 1;
    this.#refresher.markAll();
  }

  #enqueue(event: Event): void {
    this.#waiting.push(event);
    if (this.#waiting.length > WAITING_EVENTS_MAX) {
      this.#waiting = [];
      this.#stream.startOver();
      return;
    }
    this.#batchTimer ??= setTimeout(() => this.#takeBatch(), BATCH_MS);
  }

  #takeBatch(): void {
    this.#batchTimer = null;
    const events = this.#waiting;
    this.#waiting = [];
    const last = events.at(-1);
    if (last === undefined) return;
    this.#heardTime = last.occurred_at;
    const changed = new Set<ResourceName>();
    for (const event of events) {
      if (event.type === 'PriceMarked') this.#takePrice(event);
      for (const name of changedBy(event.type)) changed.add(name);
    }
    this.tape.follow(events);
    this.mark(...changed);
  }

  #takePrice(event: Event): void {
    const { symbol, bar } = event.payload as { symbol: string; bar: Bar };
    this.candles.append(symbol, bar);
    this.ticket.priceMoved(symbol);
    this.instruments.rows = this.instruments.rows.map((row) =>
      row.symbol === symbol
        ? { ...row, last_price: bar.close, last_bar: bar.date, position: event.position }
        : row,
    );
  }

  /** What happened before the page was opened. Asked by type: the newest events of all are prices. */
  async #fillTape(): Promise<void> {
    if (!session.can('audit.read')) return;
    for (const type of TAPE_TYPES) {
      if (this.#closed) return;
      const query = { type, order: 'desc' as const, limit: TAPE_LIMIT };
      const answer = await ask(api.GET('/api/v1/audit/events', { params: { query } }));
      if (answer.ok) this.tape.add(answer.data.items);
      await new Promise((resume) => setTimeout(resume, SPACING_MS));
    }
  }

  #hurry = (): void => {
    if (!document.hidden) this.#stream.hurry();
  };
}

const KEY = Symbol('desk');

export function provideDesk(): Desk {
  return setContext(KEY, new Desk());
}

export function useDesk(): Desk {
  return getContext<Desk>(KEY);
}
