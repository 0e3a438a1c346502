// The risk checks of the mock, with the codes and the limits of the demo.
export const COMMISSION = 0.001;
const MAX_NOTIONAL = 50_000;
const MAX_POSITION = 5_000;
const COLLAR = 0.5;

/** The field of an order that a check is about. */
const FIELDS = {
  account_open: 'account', instrument_listed: 'symbol', reference_fresh: 'symbol',
  quantity_valid: 'quantity', max_order_notional: 'quantity', max_position: 'quantity', short_sale: 'quantity', buying_power: 'quantity',
  price_valid: 'limit_price', price_collar: 'limit_price',
};

/** The failed checks, each as a mistake in the field it is about. */
export function fieldErrors(checks) {
  return checks.filter(({ code, verdict }) => verdict === 'failed' && FIELDS[code]).map(({ code, limit, observed, message }) => ({ field: FIELDS[code], found: observed ?? undefined, message, allowed: limit ?? 'nothing at present' }));
}

export function assess(desk, body, strategy) {
  const instrument = desk.instruments.get(body.symbol);
  const reference = Number(instrument?.last_price ?? NaN);
  const quantity = Number(body.quantity);
  const price = body.type === 'limit' ? Number(body.limit_price) : reference;
  const notional = quantity * price;
  const buy = body.side === 'buy';
  const commission = notional * COMMISSION;
  const needed = notional + commission;
  const account = desk.account();
  const held = desk.holdings.get(body.symbol)?.quantity ?? 0;
  const selling = desk.orders.filter((order) => order.symbol === body.symbol && order.side === 'sell' && ['pending_new', 'new'].includes(order.status)).reduce((sum, order) => sum + Number(order.quantity), 0);
  const halt = desk.halts.find(({ scope, key }) => scope === 'firm' || key === body.symbol || key === 'demo' || key === 'paper' || (strategy && key === strategy));
  const distance = Math.abs(price - reference) / reference;
  const after = buy ? held + quantity : held - quantity;

  const check = (code, passed, limit, observed) => ({ code, verdict: passed ? 'passed' : 'failed', limit, observed, message: `${code}: limit ${limit}, observed ${observed}` });
  const checks = [
    check('account_open', true, null, 'demo'),
    check('no_halt', !halt, null, halt ? `kill switch: ${halt.scope}${halt.key ? ` ${halt.key}` : ''}` : null),
    check('strategy_running', true, null, strategy ? `${strategy} started` : null),
    check('instrument_listed', instrument !== undefined, null, instrument?.symbol ?? null),
    check('quantity_valid', quantity > 0 && Number.isInteger(quantity), 'above 0, 0 decimals', body.quantity),
    check('price_valid', body.type === 'market' || price > 0, 'above 0, 4 decimals', body.type === 'market' ? 'market' : body.limit_price),
    check('reference_fresh', reference > 0, '432000', reference > 0 ? '0' : null),
    check('price_collar', body.type === 'market' || distance <= COLLAR, String(COLLAR), body.type === 'market' ? 'market' : distance.toFixed(6)),
    check('max_order_notional', notional <= MAX_NOTIONAL, String(MAX_NOTIONAL), notional.toFixed(4)),
    check('max_position', Math.abs(after) <= MAX_POSITION, String(MAX_POSITION), String(Math.abs(after))),
    check('short_sale', buy || quantity <= held - selling, buy ? null : String(held - selling), buy ? 'buy' : body.quantity),
    check('buying_power', !buy || needed <= Number(account.available_cash), buy ? account.available_cash : null, buy ? needed.toFixed(2) : 'sell'),
  ];
  const refusal = checks.find(({ verdict }) => verdict === 'failed')?.code ?? null;
  const known = reference > 0;
  return {
    decision: refusal ? 'refused' : 'approved',
    refusal,
    checks,
    reference_price: known ? instrument.last_price : null,
    notional: known ? notional.toFixed(4) : null,
    commission: known ? commission.toFixed(2) : null,
    reservation: known ? { cash: buy ? needed.toFixed(2) : '0', quantity: buy ? '0' : body.quantity } : null,
    as_of_position: desk.log.head,
  };
}
