/** The figures of the situation: which ones, their sums over communes, and the tiles that show them. */
import { html, nothing, type TemplateResult } from "lit-html";
import type { ArticleFacet, AreaSituation, Situation, SummarizeArticlesResponse } from "../api/messages";
import { num } from "../core/format";
import { t } from "../core/i18n";
import { href } from "../core/router";
import { choices } from "../core/settings";
import { icon, type IconName } from "../ui/icons";
import { age } from "../ui/labels";

interface Metric {
  name: string;
  half: "media" | "land";
  tone: "" | "bad" | "warn";
  icon: IconName;
  /** Where a click on its tile leads. */
  link: string;
}

const recent = (query: Record<string, string>): string => href("news", { days: String(choices.days), ...query });

export const METRICS = [
  { name: "article_count", half: "media", tone: "", icon: "news", link: "" },
  { name: "negative_count", half: "media", tone: "bad", icon: "negative", link: "sentiments=negative" },
  { name: "critical_count", half: "media", tone: "bad", icon: "critical", link: "stances=critical" },
  { name: "complaint_count", half: "media", tone: "warn", icon: "complaint", link: "complaints=1" },
  { name: "parcel_count", half: "land", tone: "", icon: "land", link: "#/land" },
  { name: "error_count", half: "land", tone: "bad", icon: "error", link: "#/land?severities=SEVERITY_ERROR" },
] as const satisfies readonly Metric[];
export type MetricName = (typeof METRICS)[number]["name"];

/** One figure of one commune. */
export function metric(row: AreaSituation, name: MetricName): number {
  const { half } = METRICS.find((one) => one.name === name)!;
  const values = row[half] as Record<string, unknown> | undefined;
  return Number(values?.[name] ?? 0);
}

/** What the counts of articles are split by, for the figures of all communes together. */
export const FACETS: ArticleFacet[] = ["ARTICLE_FACET_SENTIMENT", "ARTICLE_FACET_STANCE", "ARTICLE_FACET_COMPLAINT"];

const COUNTED: Partial<Record<MetricName, [facet: ArticleFacet, value: string]>> = {
  negative_count: ["ARTICLE_FACET_SENTIMENT", "negative"],
  critical_count: ["ARTICLE_FACET_STANCE", "critical"],
  complaint_count: ["ARTICLE_FACET_COMPLAINT", "yes"],
};

/** One figure of articles; undefined until the counts are there. */
function counted(counts: SummarizeArticlesResponse | undefined, name: MetricName): number | undefined {
  if (!counts) return undefined;
  const [facet, value] = COUNTED[name] ?? [];
  if (!facet) return Number(counts.total_count);
  const buckets = counts.facets.find((one) => one.facet === facet)?.buckets ?? [];
  return Number(buckets.find((one) => one.value === value)?.count ?? 0);
}

/**
 * One figure over communes. An article that names two communes stands in the row of each, but counts once here: the
 * figures of articles come from the counts, those of parcels are sums.
 */
export function total(rows: AreaSituation[], name: MetricName, counts: SummarizeArticlesResponse | undefined): number | undefined {
  const { half } = METRICS.find((one) => one.name === name)!;
  return half === "media" ? counted(counts, name) : rows.reduce((sum, row) => sum + metric(row, name), 0);
}

function trend(value: number, past: number | undefined): TemplateResult | typeof nothing {
  if (past === undefined) return nothing;
  const change = value - past;
  const text = change === 0 ? t("trend.same") : t(change > 0 ? "trend.more" : "trend.fewer", { n: num(Math.abs(change)) });
  return html`<span class="trend" title=${t("trend.why")}>${change === 0 ? "=" : change > 0 ? "▲" : "▼"} ${text}</span>`;
}

/** What the tiles show. */
export interface Figures {
  rows: AreaSituation[];
  counts: SummarizeArticlesResponse | undefined;
  /** The counts of the range before. */
  past: SummarizeArticlesResponse | undefined;
  data: Situation;
}

function tile(one: (typeof METRICS)[number], { rows, counts, past, data }: Figures): TemplateResult {
  const value = total(rows, one.name, counts);
  const fresh = data.freshness.find(({ origin }) => origin === one.half);
  const link = one.link.startsWith("#") ? one.link : recent(Object.fromEntries(new URLSearchParams(one.link)));
  return html`<a class="tile ${value ? one.tone : ""}" href=${link} data-metric=${one.name}>
    <span class="tile-name">${icon(one.icon)}${t(`metric.${one.name}`)}</span>
    <b class="tile-value">${value === undefined ? "…" : num(value)}</b>
    <span class="tile-foot">
      ${one.half === "media" && value !== undefined && Number(past?.total_count) > 0 ? trend(value, counted(past, one.name)) : nothing}
      <span class=${fresh?.stale ? "warn" : ""}>${fresh?.stale ? icon("warning") : nothing} ${age(fresh?.data_time)}</span>
    </span>
  </a>`;
}

/** The tiles: value, change against the range before, age, and whether the data are stale. */
export function tiles(figures: Figures): TemplateResult {
  return html`<section class="tiles" aria-label=${t("situation.figures")}>
    ${METRICS.map((one) => tile(one, figures))}
  </section>`;
}
