/** Pages by the hash of the address: `#/news?topics=dat_dai`. */
import type { TemplateResult } from "lit-html";
import type { Key } from "./i18n";

/** What a page is given. */
export interface Context {
  /** The rest of the path, decoded: `["4kzq"]` of `#/imports/4kzq`. */
  path: string[];
  query: URLSearchParams;
  /** Render again, soon. */
  update: () => void;
}

/** What a page gives. */
export interface View {
  title: Key;
  render(): TemplateResult;
  /** Ask the server again: the watch area, the days or the data changed. */
  refresh?(): void;
  /** New data came by themselves; pages that must not change under the reader's eyes tell of them instead. */
  arrived?(): void | Promise<void>;
  /** The query of the address changed, the page stayed. */
  requery?(query: URLSearchParams): void;
  dispose?(): void;
}

export type PageModule = { default: (context: Context) => View };

/** The pages by the first part of their path; each is loaded when it is first needed. */
const pages: Record<string, () => Promise<PageModule>> = {
  "": () => import("../pages/situation"),
  news: () => import("../pages/news"),
  land: () => import("../pages/land"),
  imports: () => import("../pages/import"),
  alerts: () => import("../pages/alerts"),
  sources: () => import("../pages/sources"),
  quarantine: () => import("../pages/quarantine"),
  settings: () => import("../pages/settings"),
  users: () => import("../pages/users"),
  watchareas: () => import("../pages/watchareas"),
  audit: () => import("../pages/audit"),
  brief: () => import("../pages/brief"),
  clip: () => import("../pages/clip"),
  help: () => import("../pages/help"),
};

export interface Location {
  page: string;
  path: string[];
  query: URLSearchParams;
}

/** Take a hash apart. */
export function locate(hash: string): Location {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  const [page = "", ...rest] = path.split("/").map(decodeURIComponent);
  return { page, path: rest, query: new URLSearchParams(query) };
}

/** The module of a page; the situation where the address names none that exists. */
export function pageOf(page: string): Promise<PageModule> {
  return (pages[page] ?? pages[""]!)();
}

/** The address of a page with a query; empty values are left out. */
export function href(path: string, query: Record<string, string | string[] | undefined> = {}): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    for (const item of Array.isArray(value) ? value : [value]) if (item) search.append(key, item);
  }
  const text = search.toString();
  return `#/${path}${text ? `?${text}` : ""}`;
}

/** Go to an address; `replace` leaves no step behind. */
export function go(address: string, replace = false): void {
  if (replace) {
    history.replaceState(null, "", address);
    window.dispatchEvent(new HashChangeEvent("hashchange"));
  } else location.hash = address;
}
