// Equity above, drawdown below, drawn by uPlot with one cursor. Loaded on demand.
import uPlot from 'uplot';
import type { EquityPoint } from '$lib/api/types';
import { toNumber } from '$lib/format/decimal';
import { epochSeconds } from '$lib/format/time';
import type { Locale } from '$paraglide/runtime.js';
import { axisLabels } from './axis';
import type { Palette } from './palette';

const DRAWDOWN_SHARE = 0.32;
const AXIS_WIDTH = 56;

export interface EquityChart {
  setPoints(points: EquityPoint[]): void;
  destroy(): void;
}

export type Hover = (point: EquityPoint | null) => void;

/** The account is funded before the first bar has set the clock of the data: those points carry the
    epoch and would stretch the axis over decades. They are left out as soon as there are others. */
export function onTheDataClock(points: EquityPoint[]): EquityPoint[] {
  const dated = points.filter((point) => !point.time.startsWith('1970-01-01'));
  return dated.length > 0 ? dated : points;
}

const stepOf = (splits: number[]): number => Math.abs((splits[1] ?? 1) - (splits[0] ?? 0));

/** Colours and language stay as they are given: for others, make another one. */
export function createEquityChart(element: HTMLElement, palette: Palette, locale: Locale, hover: Hover): EquityChart {
  let points: EquityPoint[] = [];
  const labels = axisLabels(locale);
  const font = `11px ${getComputedStyle(element).fontFamily}`;
  const sync = uPlot.sync(`equity-${Math.random()}`);

  const axis = { stroke: palette.text, font, grid: { stroke: palette.grid, width: 1 }, ticks: { show: false } };
  const timeAxis = (show: boolean): uPlot.Axis => ({
    ...axis,
    show,
    size: 22,
    space: 80,
    values: (_, splits, _axis, _space, step) => labels.times(splits, step),
  });
  const common = {
    tzDate: (seconds: number) => uPlot.tzDate(new Date(seconds * 1e3), 'Etc/UTC'),
    legend: { show: false },
  };
  const cursor: uPlot.Cursor = { sync: { key: sync.key }, drag: { x: true, y: false }, points: { size: 5 } };
  const size = () => {
    const { clientWidth: width, clientHeight: height } = element;
    const lower = Math.round(height * DRAWDOWN_SHARE);
    return { width, upper: Math.max(40, height - lower), lower: Math.max(40, lower) };
  };

  const first = size();
  const equity = new uPlot(
    {
      ...common,
      width: first.width,
      height: first.upper,
      padding: [8, 8, 6, 0],
      cursor,
      axes: [
        timeAxis(false),
        { ...axis, size: AXIS_WIDTH, space: 32, values: (_, splits) => splits.map(labels.amount) },
      ],
      series: [{}, { stroke: palette.line, fill: palette.fill, width: 1.5, points: { show: false } }],
      hooks: { setCursor: [(plot) => hover(points[plot.cursor.idx ?? -1] ?? null)] },
    },
    [[], []],
    element,
  );
  const drawdown = new uPlot(
    {
      ...common,
      width: first.width,
      height: first.lower,
      padding: [10, 8, 0, 0],
      cursor,
      scales: { y: { range: (_, min) => [Math.min(min, -0.01), 0] } },
      axes: [
        timeAxis(true),
        { ...axis, size: AXIS_WIDTH, space: 24, values: (_, splits) => splits.map((v) => `${(v * 100).toFixed(stepOf(splits) < 0.01 ? 1 : 0)}%`) },
      ],
      series: [
        {},
        { stroke: palette.loss, fill: palette.lossFill, width: 1, points: { show: false }, fillTo: 0 },
      ],
    },
    [[], []],
    element,
  );
  sync.sub(equity);
  sync.sub(drawdown);

  const observer = new ResizeObserver(() => {
    const { width, upper, lower } = size();
    equity.setSize({ width, height: upper });
    drawdown.setSize({ width, height: lower });
  });
  observer.observe(element);

  return {
    setPoints(all) {
      const next = onTheDataClock(all);
      points = next;
      const times = next.map((point) => epochSeconds(point.time));
      equity.setData([times, next.map((point) => toNumber(point.equity))]);
      drawdown.setData([times, next.map((point) => -toNumber(point.drawdown))]);
    },
    destroy() {
      observer.disconnect();
      equity.destroy();
      drawdown.destroy();
    },
  };
}
