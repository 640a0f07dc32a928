/** The filter of the news: its form, its place in the address, and what it asks of the API. */
import { html, type TemplateResult } from "lit-html";
import type { Area, Source } from "../api/messages";
import type { Query } from "../api/client";
import { dayStart, isoDay } from "../core/format";
import { t, type Key } from "../core/i18n";
import { href } from "../core/router";
import { since } from "../core/settings";
import { watchArea } from "../core/shell";
import { HEADS, labelText, TOPICS, topicText } from "../ui/labels";

/** Parameters of the address that hold several values. */
const LISTS = ["sentiments", "stances", "topics", "areas", "sources"] as const;
const FLAGS = ["complaints", "parcels", "originals", "everywhere"] as const;
/** Parameters that do not belong to the filter. */
const OTHER = ["article"];

/** The address of the news with some parameters changed; `undefined` or "" takes one away. */
export function newsHref(query: URLSearchParams, change: Record<string, string | string[] | undefined>): string {
  const merged: Record<string, string | string[] | undefined> = {};
  for (const key of query.keys()) if (!OTHER.includes(key)) merged[key] = query.getAll(key);
  return href("news", { ...merged, ...change });
}

/** What the API is asked for. */
export function newsFilter(query: URLSearchParams): Query {
  const filter: Query = { "filter.query": query.get("query") ?? "" };
  for (const key of LISTS) filter[`filter.${key}`] = query.getAll(key);
  if (query.getAll("areas").length === 0 && !query.has("everywhere")) filter["filter.watch_area"] = watchArea();
  filter["filter.only_complaints"] = query.has("complaints");
  filter["filter.only_with_parcels"] = query.has("parcels");
  filter["filter.only_originals"] = query.has("originals");
  const [from, to] = [query.get("from"), query.get("to")];
  filter["filter.time_range.start_time"] = from ? dayStart(from) : to ? "" : since(daysOf(query));
  filter["filter.time_range.end_time"] = to ? dayStart(to, 1) : "";
  return filter;
}

/** Days back that the filter covers where it names none. */
export const daysOf = (query: URLSearchParams): number => Number(query.get("days")) || 30;

/** Days from the first day of the filter to today, for the chart. */
export function chartDays(query: URLSearchParams): number {
  const from = query.get("from");
  if (!from) return daysOf(query);
  return Math.max(1, Math.min(366, Math.round((Date.now() - Date.parse(dayStart(from))) / 86_400_000)));
}

interface Preset {
  key: Key;
  change: () => Record<string, string>;
}

const yesterday = (): Record<string, string> => ({ from: isoDay(-1), to: isoDay(-1) });

/** Questions that are asked every morning, one click each. */
const PRESETS: Preset[] = [
  { key: "preset.land_critical", change: () => ({ ...yesterday(), stances: "critical", topics: "dat_dai" }) },
  { key: "preset.critical", change: () => ({ ...yesterday(), stances: "critical" }) },
  { key: "preset.complaints", change: () => ({ days: "7", complaints: "1" }) },
  { key: "preset.parcels", change: () => ({ days: "30", parcels: "1" }) },
  { key: "preset.today", change: () => ({ from: isoDay(), to: isoDay() }) },
];

/** The presets as links; the one in use is marked. */
export function presets(query: URLSearchParams): TemplateResult {
  const now = new URLSearchParams([...query].filter(([key]) => !OTHER.includes(key)));
  now.sort();
  return html`<nav class="chips" aria-label=${t("preset.title")}>
    ${PRESETS.map(({ key, change }) => {
      const wanted = new URLSearchParams(change());
      wanted.sort();
      const here = wanted.toString() === now.toString();
      return html`<a class="chip" href=${href("news", change())} aria-current=${here ? "true" : "false"}>${t(key)}</a>`;
    })}
  </nav>`;
}

interface Choices {
  areas: Area[];
  sources: Source[];
  change: (query: Record<string, string | string[] | undefined>) => void;
}

/** The form; every change is applied at once. */
export function filterForm(query: URLSearchParams, { areas, sources, change }: Choices): TemplateResult {
  const boxes = (name: (typeof LISTS)[number], options: readonly [string, string][]): TemplateResult[] =>
    options.map(
      ([value, text]) => html`<label class="box">
        <input type="checkbox" name=${name} value=${value} .checked=${query.getAll(name).includes(value)} />${text}
      </label>`,
    );
  const flag = (name: (typeof FLAGS)[number]): TemplateResult => html`<label class="box">
    <input type="checkbox" name=${name} value="1" .checked=${query.has(name)} />${t(`filter.${name}`)}
  </label>`;
  const apply = (event: Event): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const next: Record<string, string | string[] | undefined> = {};
    for (const name of LISTS) next[name] = form.getAll(name).map(String);
    for (const name of [...FLAGS, "query", "from", "to"]) next[name] = String(form.get(name) ?? "");
    change(next);
  };
  return html`<form class="filter" @submit=${apply} @change=${apply}>
    <label class="field">
      <span>${t("search.label")}</span>
      <input type="search" name="query" maxlength="500" .value=${query.get("query") ?? ""} placeholder=${t("search.hint")} />
      <small>${t("search.help")}</small>
    </label>
    <div class="pair">
      <label class="field"><span>${t("filter.from")}</span><input type="date" name="from" .value=${query.get("from") ?? ""} /></label>
      <label class="field"><span>${t("filter.to")}</span><input type="date" name="to" .value=${query.get("to") ?? ""} /></label>
    </div>
    <fieldset><legend>${t("head.sentiment")}</legend>${boxes("sentiments", HEADS.sentiment.map((label) => [label, labelText("sentiment", label)]))}</fieldset>
    <fieldset><legend>${t("head.stance")}</legend>${boxes("stances", HEADS.stance.map((label) => [label, labelText("stance", label)]))}</fieldset>
    <fieldset><legend>${t("filter.only")}</legend>${FLAGS.map(flag)}</fieldset>
    <fieldset class="two"><legend>${t("head.topics")}</legend>${boxes("topics", TOPICS.map((code) => [code, topicText(code)]))}</fieldset>
    <fieldset><legend>${t("filter.areas")}</legend>${boxes("areas", areas.map(({ name, title }) => [name, title]))}</fieldset>
    <fieldset><legend>${t("filter.sources")}</legend>${boxes("sources", sources.map(({ name, title }) => [name, title || name]))}</fieldset>
    <button class="button sr">${t("action.apply")}</button>
  </form>`;
}
