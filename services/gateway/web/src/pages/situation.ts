/** `#/`: the situation of the communes on one screen: figures, map, table, time, what needs a look. */
import { html, nothing, type TemplateResult } from "lit-html";
import type { FeatureCollection } from "geojson";
import type { AreaSituation, ListArticlesResponse, Situation, SummarizeArticlesResponse } from "../api/messages";
import { get } from "../api/client";
import { areaText, num } from "../core/format";
import { local, t } from "../core/i18n";
import { Resource, show } from "../core/resource";
import { go, href, type Context, type View } from "../core/router";
import { choices, since } from "../core/settings";
import { watchArea, watchAreaTitle } from "../core/shell";
import { articleItem } from "../ui/articles";
import { boundsOf } from "../ui/geo";
import { icon } from "../ui/icons";
import { age } from "../ui/labels";
import { loadMap, mapView } from "../ui/mapview";
import { loadCharts, timeline } from "../ui/timeline";
import { FACETS, METRICS, metric, tiles, total, type MetricName } from "./figures";

const ROTATE_MS = 12_000; // the wall view passes from commune to commune

export default function situation({ update }: Context): View {
  const now = new Resource<Situation>(update);
  const outlines = new Resource<FeatureCollection>(update);
  const counts = new Resource<SummarizeArticlesResponse>(update);
  const past = new Resource<SummarizeArticlesResponse>(update);
  const critical = new Resource<ListArticlesResponse>(update);
  let chosen = ""; // name of a commune
  let shown: MetricName = "article_count";
  let bounds: [number, number, number, number] | undefined;
  let painted = false;
  let drawn: { key: unknown; value: FeatureCollection } | undefined;

  /** Figures first: the libraries of map and charts are large. */
  function firstView(): void {
    if (painted) return;
    painted = true;
    requestAnimationFrame(() => {
      performance.mark("figures");
      loadCharts(update);
      loadMap(update);
    });
  }

  function refresh(): void {
    const area = watchArea();
    const range = { watch_area: area, "time_range.start_time": since() };
    void now.load(() => get<Situation>("/v1/situation", range));
    void outlines.load(() => get<FeatureCollection>("/v1/areas.geojson", { watch_area: area })).then(() => {
      bounds = outlines.data && boundsOf(outlines.data.features);
      update();
    });
    news();
  }

  /** What is written about the chosen commune, or about all of them. */
  function news(): void {
    const place = chosen ? { "filter.areas": [chosen] } : { "filter.watch_area": watchArea() };
    const range = { ...place, "filter.time_range.start_time": since() };
    void counts.load(() => get("/v1/articles:summarize", { ...range, facets: FACETS, interval: "TIME_INTERVAL_DAY" }));
    const before = { "filter.time_range.start_time": since(2 * choices.days), "filter.time_range.end_time": since() };
    void past.load(() => get("/v1/articles:summarize", { ...place, ...before, facets: FACETS }));
    const wanted = { ...range, "filter.stances": ["critical"], "filter.only_originals": true, page_size: 12 };
    void critical.load(() => get("/v1/articles", wanted));
  }

  function choose(name: string): void {
    chosen = chosen === name ? "" : name;
    news();
    update();
  }

  const timer = window.setInterval(() => {
    const areas = now.data?.areas ?? [];
    if (!choices.wall || areas.length === 0) return;
    const at = areas.findIndex(({ area }) => area?.name === chosen);
    chosen = areas[at + 1]?.area?.name ?? "";
    news();
  }, ROTATE_MS);

  refresh();

  const rows = (): AreaSituation[] => now.data?.areas ?? [];
  const scope = (): AreaSituation[] => rows().filter(({ area }) => !chosen || area?.name === chosen);
  const scopeTitle = (): string => rows().find(({ area }) => area?.name === chosen)?.area?.title ?? watchAreaTitle();

  /** The communes with the figure that colours them. */
  function coloured(): FeatureCollection {
    const key = [outlines.data, now.data, shown].join() + String(now.loadedAt) + String(outlines.loadedAt);
    if (drawn?.key === key) return drawn.value;
    const most = Math.max(1, ...rows().map((row) => metric(row, shown)));
    const features = (outlines.data?.features ?? []).map((feature) => {
      const name = String(feature.properties?.["name"] ?? "");
      const row = rows().find(({ area }) => area?.name === name);
      const value = row ? metric(row, shown) : 0;
      const title = String(feature.properties?.["title"] ?? "");
      return { ...feature, properties: { ...feature.properties, title, label: num(value), share: value / most } };
    });
    drawn = { key, value: { type: "FeatureCollection", features } };
    return drawn.value;
  }

  function map(): TemplateResult {
    const schematic = outlines.data?.features.some((feature) => feature.properties?.["outline"] === "schematic");
    return html`<section class="panel map-panel" aria-labelledby="map-title">
      <header>
        <h2 id="map-title">${t("situation.map")}</h2>
        <select
          aria-label=${t("situation.colour_by")}
          @change=${(event: Event) => {
            shown = (event.target as HTMLSelectElement).value as MetricName;
            update();
          }}
        >
          ${METRICS.map(({ name }) => html`<option value=${name} ?selected=${name === shown}>${t(`metric.${name}`)}</option>`)}
        </select>
      </header>
      ${mapView({
        label: t("situation.map"),
        areas: coloured(),
        bounds,
        area: chosen,
        pick: ({ layer, properties }) => layer === "area" && choose(String(properties["name"])),
      })}
      <footer class="legend">
        <span class="ramp" aria-hidden="true"><i></i><i></i><i></i><i></i><i></i></span>
        <span>${t("situation.ramp")}</span>
        ${schematic ? html`<span class="tag" title=${t("map.schematic_why")}>${t("map.schematic")}</span>` : nothing}
        ${outlines.error ? html`<span class="tag warn">${t("map.no_outlines")}</span>` : nothing}
      </footer>
    </section>`;
  }

  function all(data: Situation): TemplateResult {
    return html`<tr title=${t("situation.once")}>
      <th scope="row">${t("count.all")}</th>
      ${METRICS.map(({ name }) => html`<td class="n">${num(total(data.areas, name, counts.data))}</td>`)}
      <td></td>
      <td></td>
    </tr>`;
  }

  function table(data: Situation): TemplateResult {
    const columns = METRICS.map(({ name }) => html`<th scope="col" class="n" title=${t(`metric.${name}`)}>${t(`metric.short.${name}`)}</th>`);
    const row = (one: AreaSituation): TemplateResult => {
      const name = one.area?.name ?? "";
      return html`<tr class=${name === chosen ? "chosen" : ""}>
        <th scope="row">
          <button class="link" aria-pressed=${name === chosen ? "true" : "false"} @click=${() => choose(name)}>
            ${one.area?.title}
          </button>
        </th>
        ${METRICS.map(({ name: key, tone }) => {
          const value = metric(one, key);
          return html`<td class="n ${value > 0 ? tone : "zero"}">${num(value)}</td>`;
        })}
        <td class="age-cell">${age(one.media?.newest_article_time)}</td>
        <td class="age-cell">${age(one.land?.newest_import_time)}</td>
      </tr>`;
    };
    return html`<div class="scroll" tabindex="0" role="group" aria-label=${t("situation.table")}>
      <table class="dense">
        <thead>
          <tr>
            <th scope="col">${t("situation.commune")}</th>
            ${columns}
            <th scope="col">${t("situation.newest_article")}</th>
            <th scope="col">${t("situation.newest_import")}</th>
          </tr>
        </thead>
        <tbody>${data.areas.map(row)}</tbody>
        <tfoot>
          ${chosen ? nothing : all(data)}
        </tfoot>
      </table>
    </div>`;
  }

  function freshness(data: Situation): TemplateResult {
    return html`<ul class="freshness">
      ${data.freshness.map(
        (one) => html`<li class=${one.stale ? "stale" : ""}>
          ${icon(one.stale ? "warning" : "clock")}<b>${t(one.origin === "land" ? "origin.land" : "origin.media")}</b>
          ${age(one.data_time)}${local(one.problem) ? html` · ${local(one.problem)}` : nothing}
        </li>`,
      )}
    </ul>`;
  }

  function mentioned(): TemplateResult {
    const parcels = scope().flatMap((row) => row.mentioned_parcels);
    if (parcels.length === 0) return html`<p class="empty">${t("situation.no_mentioned")}</p>`;
    return html`<ul class="plain rows">
      ${parcels.slice(0, 12).map(
        (one) => html`<li>
          <span class="grow">
            ${one.parcel
              ? html`<a href=${href("land", { parcel: one.parcel })}>${t("parcel.short", { number: one.number, sheet: one.sheet })}</a>`
              : html`${t("parcel.short", { number: one.number, sheet: one.sheet })} <span class="muted">${t("parcel.not_stored")}</span>`}
          </span>
          ${Number(one.error_count) > 0
            ? html`<span class="badge severity error">${icon("error")}${t("count.errors", { n: num(one.error_count) })}</span>`
            : nothing}
          <a href=${href("news", { parcels: "1", areas: one.commune.startsWith("areas/2025") ? one.commune : "" })}>
            ${t("count.articles", { n: one.articles.length })}
          </a>
        </li>`,
      )}
    </ul>`;
  }

  const criticalLink = (): string => href("news", { stances: "critical", areas: chosen, days: String(choices.days) });

  function body(data: Situation): TemplateResult {
    return html`<div class="lead">
        <p class="scope">
          <b>${scopeTitle()}</b>
          ${chosen ? html`<button class="button small" @click=${() => choose(chosen)}>${t("situation.all_communes")}</button>` : nothing}
          <span class="muted">${t("shell.last_days", { n: choices.days })}</span>
        </p>
        ${freshness(data)}
      </div>
      ${tiles({ rows: scope(), counts: counts.data, past: past.data, data })}
      <div class="split">
        ${map()}
        <div class="stack">
          <section class="panel" aria-labelledby="table-title">
            <header>
              <h2 id="table-title">${t("situation.table")}</h2>
              <span class="muted">${t("situation.measured", { area: areaText(scope().reduce((sum, row) => sum + (row.land?.area_m2 ?? 0), 0)) })}</span>
            </header>
            ${table(data)}
          </section>
          <section class="panel" aria-labelledby="time-title">
            <header>
              <h2 id="time-title">${t("situation.time")}</h2>
              <span class="muted">${t("label.machine")}</span>
            </header>
            ${show(counts, (found) =>
              timeline(found.histogram, choices.days, (day) => go(href("news", { from: day, to: day, areas: chosen }))),
            )}
          </section>
        </div>
      </div>
      <div class="split even">
        <section class="panel" aria-labelledby="critical-title">
          <header>
            <h2 id="critical-title">${t("situation.critical")}</h2>
            <a href=${criticalLink()}>${t("action.all")}</a>
          </header>
          ${show(critical, ({ articles }) =>
            articles.length
              ? html`<ul class="plain articles">
                  ${articles.map((one) => articleItem(one, { href: href("news", { article: one.name.split("/")[1] }) }))}
                </ul>`
              : html`<p class="empty">${t("situation.no_critical")}</p>`,
          )}
        </section>
        <section class="panel" aria-labelledby="parcels-title">
          <header><h2 id="parcels-title">${t("situation.mentioned")}</h2></header>
          ${mentioned()}
        </section>
      </div>`;
  }

  return {
    title: "nav.situation",
    refresh,
    render: () => {
      if (now.data) firstView();
      return show(now, body);
    },
    dispose: () => clearInterval(timer),
  };
}
