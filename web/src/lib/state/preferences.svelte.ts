// Language and theme. Both follow the browser until someone chooses; a choice is remembered.
import { getLocale, overwriteGetLocale, setLocale, type Locale } from '$paraglide/runtime.js';

export type Theme = 'light' | 'dark';
export type { Locale };

const THEME_KEY = 'blotter.theme';
const dark = matchMedia('(prefers-color-scheme: dark)');

function rememberedTheme(): Theme | null {
  const stored = localStorage.getItem(THEME_KEY);
  return stored === 'light' || stored === 'dark' ? stored : null;
}

class Preferences {
  locale = $state<Locale>(getLocale());
  #chosenTheme = $state<Theme | null>(rememberedTheme());
  #systemTheme = $state<Theme>(dark.matches ? 'dark' : 'light');

  constructor() {
    // Messages read the locale through this, so that a switch shows at once, without a reload.
    overwriteGetLocale(() => this.locale);
    dark.addEventListener('change', () => (this.#systemTheme = dark.matches ? 'dark' : 'light'));
  }

  get theme(): Theme {
    return this.#chosenTheme ?? this.#systemTheme;
  }

  setLocale(locale: Locale): void {
    this.locale = locale;
    void setLocale(locale, { reload: false });
  }

  toggleTheme(): void {
    this.#chosenTheme = this.theme === 'dark' ? 'light' : 'dark';
    localStorage.setItem(THEME_KEY, this.#chosenTheme);
  }

  /** Writes both to the document. Called from an effect. */
  apply(): void {
    document.documentElement.lang = this.locale === 'zh' ? 'zh-CN' : this.locale;
    document.documentElement.dataset['theme'] = this.theme;
  }
}

export const preferences = new Preferences();
