// Colours of the charts, which draw on a canvas and cannot read the theme's variables.
import type { Theme } from '$lib/state/preferences.svelte';

export interface Palette {
  text: string;
  grid: string;
  up: string;
  down: string;
  line: string;
  fill: string;
  loss: string;
  lossFill: string;
  volume: string;
  buy: string;
  sell: string;
}

export const PALETTES: Record<Theme, Palette> = {
  light: {
    text: '#56637a',
    grid: '#e8ecf2',
    up: '#13855a',
    down: '#c23a47',
    line: '#1257b8',
    fill: 'rgba(18, 87, 184, 0.08)',
    loss: '#b3202f',
    lossFill: 'rgba(179, 32, 47, 0.14)',
    volume: 'rgba(86, 99, 122, 0.22)',
    buy: '#1257b8',
    sell: '#a85a00',
  },
  dark: {
    text: '#8fa0b7',
    grid: '#18212d',
    up: '#2fb583',
    down: '#e8606c',
    line: '#6cb0ff',
    fill: 'rgba(108, 176, 255, 0.1)',
    loss: '#ff7a85',
    lossFill: 'rgba(255, 122, 133, 0.16)',
    volume: 'rgba(143, 160, 183, 0.2)',
    buy: '#6cb0ff',
    sell: '#ffb454',
  },
};
