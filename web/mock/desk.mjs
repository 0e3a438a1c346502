// What the mock trades: one account, one strategy, a paper venue that fills at the next bar.
// Numbers are floating point here, which the node never does; good enough to draw a page with.
import { randomUUID } from 'node:crypto';
import { Log } from './log.mjs';
import { businessTime, readBars } from './market.mjs';
import { assess, COMMISSION } from './risk.mjs';

const text = (value, places = 4) => {
  const fixed = Number(value).toFixed(places);
  return places === 0 ? fixed : fixed.replace(/\.?0+$/, '') || '0';
};
const OPEN = new Set(['pending_new', 'new', 'partially_filled', 'pending_cancel']);
const STRATEGY = 'sma-cross-1';
const FAST = 20;
const SLOW = 50;

export class Desk {
  log = new Log();
  bars = readBars();
  row = 0;
  cash = 0;
  realised = 0;
  commission = 0;
  highest = 0;
  holdings = new Map();
  orders = [];
  executions = [];
  equity = [];
  signals = [];
  candles = new Map();
  instruments = new Map();
  halts = [];

  constructor() {
    this.log.append('node-mock', 'NodeStarted', { node: 'mock', lease_epoch: 1, head: 0, config_hash: '00' });
    for (const symbol of ['AAPL', 'FB', 'IBM', 'MSFT']) {
      const instrument = { symbol, kind: 'equity', currency: 'USD', price_decimals: 4, quantity_decimals: 0 };
      this.instruments.set(symbol, { ...instrument, last_price: null, last_bar: null, position: 0 });
      this.candles.set(symbol, []);
      this.log.append(`instrument-${symbol}`, 'InstrumentListed', { instrument });
    }
    this.log.append('account-demo', 'AccountOpened', { account: 'demo', name: 'demo', currency: 'USD' });
    this.log.append('account-demo', 'CashDeposited', { amount: '100000', reason: 'demo funding' });
    this.cash = 100_000;
    this.log.append(`strategy-${STRATEGY}`, 'StrategyRegistered', { strategy: STRATEGY, name: STRATEGY, rule: { kind: 'sma_cross', fast_bars: FAST, slow_bars: SLOW, equity_fraction: '0.2' }, account: 'demo', venue: 'paper', symbols: [...this.instruments.keys()] });
    this.log.append(`strategy-${STRATEGY}`, 'StrategyApproved', { reason: 'demo' });
    this.log.append(`strategy-${STRATEGY}`, 'StrategyStarted', {});
  }

  /** Plays the next bar; false at the end of the data. */
  step() {
    const next = this.bars[this.row];
    if (next === undefined) return false;
    this.row += 1;
    const { symbol, bar } = next;
    this.log.businessTime = businessTime(bar.date);
    const event = this.log.append(`market-${symbol}`, 'PriceMarked', { symbol, bar, source: 'us_wiki_daily 48f32599', row: this.row });
    this.candles.get(symbol).push({ symbol, ...bar, position: event.position });
    Object.assign(this.instruments.get(symbol), { last_price: bar.close, last_bar: bar.date, position: event.position });
    this.match(symbol, bar);
    this.mark();
    this.signal(symbol, bar);
    return true;
  }

  match(symbol, bar) {
    for (const order of this.orders) {
      if (order.symbol !== symbol || !['new', 'pending_cancel'].includes(order.status)) continue;
      const limit = order.limit_price === null ? null : Number(order.limit_price);
      const buy = order.side === 'buy';
      const reached = limit === null || (buy ? Number(bar.low) <= limit : Number(bar.high) >= limit);
      if (reached) {
        const open = Number(bar.open);
        this.fill(order, limit === null ? open : buy ? Math.min(open, limit) : Math.max(open, limit));
      } else if (order.time_in_force === 'day') {
        const ended = this.log.append(`order-${order.order_id}`, 'OrderExpired', { order_id: order.order_id, account: 'demo' });
        this.log.append('account-demo', 'ReservationReleased', { order_id: order.order_id, released: { cash: order.reserved, quantity: '0' }, ended_by: ended.event_id });
        this.set(order, { status: 'expired', leaves_quantity: '0' });
      }
    }
  }

  fill(order, price) {
    const quantity = Number(order.quantity);
    const sign = order.side === 'buy' ? 1 : -1;
    const gross = quantity * price;
    const commission = Math.round(gross * COMMISSION * 100) / 100;
    const holding = this.holdings.get(order.symbol) ?? { quantity: 0, cost: 0 };
    const sold = sign < 0 ? (holding.cost * quantity) / (holding.quantity || 1) : 0;
    const realised = sign < 0 ? gross - sold : 0;
    holding.quantity += sign * quantity;
    holding.cost += sign > 0 ? gross : -sold;
    this.holdings.set(order.symbol, holding);
    const cashChange = -sign * gross - commission;
    this.cash += cashChange;
    this.realised += realised;
    this.commission += commission;
    const execution_id = randomUUID();
    const common = { order_id: order.order_id, execution_id, symbol: order.symbol, side: order.side, quantity: order.quantity, price: text(price), commission: text(commission, 2), leaves_quantity: '0' };
    const executed = this.log.append(`order-${order.order_id}`, 'OrderExecuted', { ...common, account: 'demo', cumulative_quantity: order.quantity });
    const booked = this.log.append('account-demo', 'FillBooked', { ...common, execution_event: executed.event_id, cash_change: text(cashChange), quantity_change: text(sign * quantity), realised_pnl: text(realised), reservation_released: { cash: order.reserved, quantity: '0' } });
    this.executions.unshift({ ...common, account: 'demo', strategy: order.strategy, cash_change: text(cashChange), realised_pnl: text(realised), time: this.log.businessTime, position: booked.position });
    this.set(order, { status: 'filled', filled_quantity: order.quantity, leaves_quantity: '0', average_price: text(price) });
    this.mark();
  }

  set(order, changes) {
    Object.assign(order, changes, { updated_at: this.log.businessTime, position: this.log.head });
  }

  marketValue() {
    let value = 0;
    for (const [symbol, { quantity }] of this.holdings) value += quantity * Number(this.instruments.get(symbol).last_price ?? 0);
    return value;
  }

  mark() {
    const market = this.marketValue();
    const equity = this.cash + market;
    this.highest = Math.max(this.highest, equity);
    const drawdown = ((this.highest - equity) / this.highest).toFixed(6);
    this.equity.push({ time: this.log.businessTime, position: this.log.head, cash: text(this.cash), market_value: text(market), equity: text(equity), drawdown });
  }

  signal(symbol, bar) {
    const closes = this.candles.get(symbol).map((candle) => Number(candle.close));
    if (closes.length <= SLOW) return;
    const average = (bars, skip) => closes.slice(-bars - skip, skip === 0 ? undefined : -skip).reduce((sum, value) => sum + value, 0) / bars;
    const now = average(FAST, 0) - average(SLOW, 0);
    const before = average(FAST, 1) - average(SLOW, 1);
    if (now > 0 === before > 0) return;
    const side = now > 0 ? 'buy' : 'sell';
    const held = this.holdings.get(symbol)?.quantity ?? 0;
    const wanted = side === 'buy' ? Math.floor(((this.cash + this.marketValue()) * 0.2) / Number(bar.close)) : held;
    const seen = { symbol, side, bar: bar.date, price: bar.close, confidence: Math.abs(now / average(SLOW, 0)).toFixed(6) };
    const act = wanted > 0 && (side === 'sell' || held === 0);
    const client_order_id = act ? `${STRATEGY}-${symbol}-${bar.date}` : null;
    const action = act ? { action: 'order', client_order_id, quantity: text(wanted) } : { action: 'none', reason: side === 'buy' ? 'already holds or buys it' : 'holds nothing to sell' };
    const event = this.log.append(`strategy-${STRATEGY}`, 'SignalGenerated', { ...seen, ...action });
    this.signals.unshift({ strategy: STRATEGY, reason: null, client_order_id: null, quantity: null, ...seen, ...action, time: this.log.businessTime, position: event.position });
    if (act) this.submit({ symbol, side, quantity: text(wanted), type: 'market', client_order_id }, { principal: `strategy:${STRATEGY}`, human: null, roles: ['strategy'] }, STRATEGY);
  }

  preview(body, strategy = null) {
    return assess(this, body, strategy);
  }

  /** Decides an order as risk would; the answer of POST orders, or a refusal. */
  submit(body, who, strategy = null) {
    const assessment = assess(this, body, strategy);
    const order_id = randomUUID();
    const client_order_id = body.client_order_id ?? order_id;
    const ordinal = this.orders.length + 1;
    const terms = { symbol: body.symbol, side: body.side, quantity: body.quantity, type: body.type, ...(body.limit_price ? { limit_price: body.limit_price } : {}), time_in_force: body.time_in_force ?? 'day' };
    const submitted = this.log.append('account-demo', 'OrderSubmitted', { order_id, client_order_id, ordinal, terms, venue: 'paper', strategy }, who);
    const order = { order_id, client_order_id, venue_order_id: null, account: 'demo', ordinal, strategy, venue: 'paper', symbol: body.symbol, side: body.side, type: body.type, limit_price: body.limit_price ?? null, time_in_force: terms.time_in_force, quantity: body.quantity, status: 'pending_new', in_doubt: false, filled_quantity: '0', leaves_quantity: body.quantity, average_price: null, refusal_code: null, reject_reason: null, submitted_at: this.log.businessTime, updated_at: this.log.businessTime, submitted_position: submitted.position, position: submitted.position };
    Object.defineProperty(order, 'reserved', { value: assessment.reservation?.cash ?? '0' });
    this.orders.unshift(order);
    const checks = assessment.checks.map(({ message, ...check }) => check);
    if (assessment.decision === 'refused') {
      this.log.append('account-demo', 'OrderRefused', { order_id, code: assessment.refusal, checks, decided_at: this.log.head }, who);
      this.set(order, { status: 'rejected', refusal_code: assessment.refusal, leaves_quantity: '0' });
      return { order, assessment };
    }
    const approved = this.log.append('account-demo', 'OrderApproved', { order_id, client_order_id, account: 'demo', terms, venue: 'paper', strategy, checks, reservation: assessment.reservation, reference_price: assessment.reference_price, decided_at: this.log.head }, who);
    this.set(order, {});
    const answered = { ...order };
    if (strategy) this.route(order, terms, approved);
    else setTimeout(() => this.route(order, terms, approved), 150);
    return { order: answered, assessment };
  }

  route(order, terms, approved) {
    const { order_id } = order;
    if (order.status !== 'pending_new') return;
    this.log.append(`order-${order_id}`, 'OrderRouted', { order_id, account: 'demo', client_order_id: order.client_order_id, venue: 'paper', terms, approval: approved.event_id, attempt: 1 });
    const venue_order_id = `P-${order.ordinal}`;
    this.log.append(`order-${order_id}`, 'OrderAcknowledged', { order_id, venue_order_id });
    this.set(order, { status: 'new', venue_order_id });
  }

  cancel(order, who) {
    const request = this.log.append('account-demo', 'CancelRequested', { order_id: order.order_id, reason: 'asked by a person' }, who);
    this.set(order, { status: 'pending_cancel' });
    setTimeout(() => {
      this.log.append(`order-${order.order_id}`, 'CancelPending', { order_id: order.order_id, request: request.event_id });
      this.log.append(`order-${order.order_id}`, 'OrderCanceled', { order_id: order.order_id, account: 'demo' });
      this.set(order, { status: 'canceled', leaves_quantity: '0' });
    }, 200);
    return request;
  }

  account() {
    const market = this.marketValue();
    const reserved = this.orders.filter((order) => OPEN.has(order.status)).reduce((sum, order) => sum + Number(order.reserved), 0);
    const cost = [...this.holdings.values()].reduce((sum, holding) => sum + holding.cost, 0);
    return { account: 'demo', name: 'demo', currency: 'USD', cash: text(this.cash), reserved_cash: text(reserved), available_cash: text(this.cash - reserved), market_value: text(market), equity: text(this.cash + market), unrealised_pnl: text(market - cost), realised_pnl: text(this.realised), commission: text(this.commission), opened_at: '2000-03-01T00:00:00Z', position: this.log.head };
  }

  positions() {
    return [...this.holdings].filter(([, held]) => held.quantity !== 0).map(([symbol, { quantity, cost }]) => {
      const last = Number(this.instruments.get(symbol).last_price);
      return { account: 'demo', symbol, quantity: text(quantity), total_cost: text(cost), average_price: text(cost / quantity), last_price: text(last), market_value: text(quantity * last), unrealised_pnl: text(quantity * last - cost), position: this.log.head };
    });
  }

  portfolio() {
    const positions = this.positions();
    const point = this.equity.at(-1) ?? null;
    const day_base = this.equity.findLast(({ time }) => time.slice(0, 10) < (point?.time ?? '').slice(0, 10)) ?? null;
    return { position: this.log.head, time: this.log.businessTime, account: this.account(), point, day_base, positions, positions_total: positions.length };
  }

  strategies() {
    return [{ strategy: STRATEGY, name: STRATEGY, kind: 'sma_cross', parameters: { fast_bars: FAST, slow_bars: SLOW, equity_fraction: '0.2' }, account: 'demo', venue: 'paper', symbols: [...this.instruments.keys()], status: 'running', position: 10 }];
  }
}
