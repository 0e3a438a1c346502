// Entry: theme and language on the document, then the page.
import { mount } from 'svelte';
import App from './App.svelte';
import './app.css';
import { preferences } from '$lib/state/preferences.svelte';

preferences.apply();

const target = document.getElementById('app');
if (target === null) throw new Error('index.html has no element with id app');
mount(App, { target });
