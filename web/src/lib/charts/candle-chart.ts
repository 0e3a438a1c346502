// Candlesticks with volume and fills, drawn by lightweight-charts. Loaded on demand.
import {
  CandlestickSeries,
  createChart,
  createSeriesMarkers,
  CrosshairMode,
  HistogramSeries,
  type SeriesMarker,
  type Time,
} from 'lightweight-charts';
import type { Execution } from '$lib/api/types';
import { toNumber } from '$lib/format/decimal';
import { businessDate } from '$lib/format/time';
import type { Bar } from '$lib/state/candles.svelte';
import type { Locale } from '$paraglide/runtime.js';
import type { Palette } from './palette';

/** Bars in view at first. */
const FIRST_BARS = 120;

export interface CandleChart {
  setBars(bars: Bar[]): void;
  update(bar: Bar): void;
  setFills(fills: Execution[]): void;
  setPalette(palette: Palette): void;
  /** Names of months, days and years at the axis. */
  setLocale(locale: Locale): void;
  destroy(): void;
}

export type Hover = (bar: Bar | null) => void;

/** Cheap instruments need more decimals on the axis. */
function formatFor(bars: Bar[]): { type: 'price'; precision: number; minMove: number } {
  const cheap = toNumber(bars.at(-1)?.close ?? '100') < 10;
  return { type: 'price', precision: cheap ? 3 : 2, minMove: cheap ? 0.001 : 0.01 };
}

export function createCandleChart(element: HTMLElement, palette: Palette, hover: Hover): CandleChart {
  const chart = createChart(element, {
    autoSize: true,
    layout: { attributionLogo: false, fontSize: 11, fontFamily: getComputedStyle(element).fontFamily },
    crosshair: { mode: CrosshairMode.Normal },
    timeScale: { rightOffset: 4, borderVisible: false },
    rightPriceScale: { borderVisible: false },
    localization: { dateFormat: 'yyyy-MM-dd' },
  });
  const candles = chart.addSeries(CandlestickSeries, { borderVisible: false });
  const volume = chart.addSeries(HistogramSeries, {
    priceScaleId: '',
    priceFormat: { type: 'volume' },
    lastValueVisible: false,
    priceLineVisible: false,
  });
  candles.priceScale().applyOptions({ scaleMargins: { top: 0.08, bottom: 0.2 } });
  volume.priceScale().applyOptions({ scaleMargins: { top: 0.84, bottom: 0 } });
  const markers = createSeriesMarkers<Time>(candles, []);

  let byDate = new Map<string, Bar>();
  let fills: Execution[] = [];
  let colours = palette;

  chart.subscribeCrosshairMove(({ time }) => {
    hover(typeof time === 'string' ? (byDate.get(time) ?? null) : null);
  });

  const candleOf = (bar: Bar) => ({
    time: bar.date,
    open: toNumber(bar.open),
    high: toNumber(bar.high),
    low: toNumber(bar.low),
    close: toNumber(bar.close),
  });
  const volumeOf = (bar: Bar) => ({ time: bar.date, value: bar.volume });

  function markerOf(fill: Execution): SeriesMarker<Time> {
    const buy = fill.side === 'buy';
    return {
      time: businessDate(fill.time),
      position: buy ? 'belowBar' : 'aboveBar',
      shape: buy ? 'arrowUp' : 'arrowDown',
      color: buy ? colours.buy : colours.sell,
      text: `${buy ? '+' : '−'}${fill.quantity}`,
    };
  }

  function drawFills(): void {
    const known = fills.filter((fill) => byDate.has(businessDate(fill.time)));
    markers.setMarkers(known.map(markerOf));
  }

  function setPalette(next: Palette): void {
    colours = next;
    const grid = { color: next.grid };
    chart.applyOptions({
      layout: { background: { color: 'transparent' }, textColor: next.text },
      grid: { vertLines: grid, horzLines: grid },
    });
    candles.applyOptions({
      upColor: next.up,
      wickUpColor: next.up,
      downColor: next.down,
      wickDownColor: next.down,
    });
    volume.applyOptions({ color: next.volume });
    drawFills();
  }

  setPalette(palette);
  return {
    setBars(bars) {
      byDate = new Map(bars.map((bar) => [bar.date, bar]));
      candles.applyOptions({ priceFormat: formatFor(bars) });
      candles.setData(bars.map(candleOf));
      volume.setData(bars.map(volumeOf));
      const to = bars.length + 4;
      chart.timeScale().setVisibleLogicalRange({ from: Math.max(-2, to - FIRST_BARS), to });
      drawFills();
    },
    update(bar) {
      byDate.set(bar.date, bar);
      candles.update(candleOf(bar));
      volume.update(volumeOf(bar));
    },
    setFills(next) {
      fills = next;
      drawFills();
    },
    setPalette,
    setLocale: (locale) => chart.applyOptions({ localization: { locale } }),
    destroy: () => chart.remove(),
  };
}
