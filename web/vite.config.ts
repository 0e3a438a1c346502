// Build and dev server. `npm run dev` proxies the API and the stream to a node on 127.0.0.1:8080
// (or to BLOTTER_URL), so the browser always sees one origin.
//
// Messages are compiled by `npm run messages`, which every script runs first. Only the dev server
// also compiles them on change: in a build the plugin keeps the process alive for half a minute.
import { fileURLToPath } from 'node:url';
import { paraglideVitePlugin } from '@inlang/paraglide-js';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import tailwindcss from '@tailwindcss/vite';
import { defineConfig } from 'vitest/config';

const node = process.env['BLOTTER_URL'] ?? 'http://127.0.0.1:8080';
const proxied = ['/api', '/live', '/ready', '/health'];

const folder = (name: string): string => fileURLToPath(new URL(`src/${name}`, import.meta.url));

const messages = () =>
  paraglideVitePlugin({
    project: './project.inlang',
    outdir: './src/paraglide',
    strategy: ['localStorage', 'preferredLanguage', 'baseLocale'],
  });

export default defineConfig(({ command }) => ({
  plugins: [
    ...(command === 'serve' && !process.env['VITEST'] ? [messages()] : []),
    tailwindcss(),
    svelte(),
  ],
  resolve: { alias: { $lib: folder('lib'), $paraglide: folder('paraglide') } },
  build: {
    target: 'es2022',
    // The content security policy allows no data: URL for fonts and scripts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    host: '127.0.0.1',
    proxy: {
      ...Object.fromEntries(proxied.map((path) => [path, { target: node }])),
      '/ws': { target: node, ws: true },
    },
  },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
}));
