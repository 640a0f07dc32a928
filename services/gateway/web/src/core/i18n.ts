/** The two languages of the screens: flat tables with the same keys, Vietnamese first. */
import vi from "../i18n/vi.json";
import en from "../i18n/en.json";
import type { LocalizedText } from "../api/messages";

export type Lang = "vi" | "en";
export type Key = keyof typeof vi;

const tables: Record<Lang, Record<Key, string>> = { vi, en };
let current: Lang = "vi";

/** The language in use. */
export const lang = (): Lang => current;

/** Switch the language; the caller renders again. */
export function setLang(value: Lang): void {
  current = value;
  document.documentElement.lang = value;
}

/** The text of a key, with `{name}` replaced by the values given. */
export function t(key: Key, values: Record<string, string | number> = {}): string {
  return tables[current][key].replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** The text of a key that is put together at run time; the fallback where the table has none. */
export function tx(key: string, fallback = ""): string {
  return (tables[current] as Record<string, string>)[key] ?? fallback;
}

/** A text of the server in the language in use; the other language where one is missing. */
export function local(text: LocalizedText | undefined): string {
  if (!text) return "";
  return current === "vi" ? text.vi || text.en : text.en || text.vi;
}
