// Which resources an event changes. The stream brings facts; rows with their derived figures are
// fetched again, so that the page never computes what the server has computed.

export type ResourceName =
  | 'accounts'
  | 'portfolio'
  | 'equity'
  | 'openOrders'
  | 'allOrders'
  | 'executions'
  | 'signals'
  | 'strategies'
  | 'killSwitches'
  | 'instruments';

const ORDERS: ResourceName[] = ['openOrders', 'allOrders'];
const MONEY: ResourceName[] = ['portfolio', 'equity'];

const CHANGES: Record<string, ResourceName[]> = {
  AccountOpened: ['accounts', ...MONEY],
  CashDeposited: MONEY,
  FillBooked: [...ORDERS, ...MONEY, 'executions'],
  ReservationReleased: [...ORDERS, 'portfolio'],
  OrderApproved: [...ORDERS, 'portfolio'],
  SignalGenerated: ['signals'],
  PriceMarked: MONEY,
  InstrumentListed: ['instruments'],
  KillSwitchEngaged: ['killSwitches'],
  KillSwitchReleased: ['killSwitches'],
};

/** Every other event about an order or a cancel changes the order; about a strategy, the strategy. */
export function changedBy(type: string): ResourceName[] {
  const known = CHANGES[type];
  if (known !== undefined) return known;
  if (type.startsWith('Order') || type.startsWith('Cancel')) return ORDERS;
  if (type.startsWith('Strategy')) return ['strategies'];
  return [];
}
