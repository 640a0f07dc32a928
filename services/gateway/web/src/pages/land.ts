/** `#/land`: the map of parcels and findings, the lists beside it, and the door for files. */
import { html, nothing, type TemplateResult } from "lit-html";
import type { FeatureCollection } from "geojson";
import type {
  BoundingBox,
  Finding,
  LandSummary,
  ListFindingsResponse,
  ListImportsResponse,
  ListParcelsResponse,
  Parcel,
  ParcelOwners,
  Severity,
  Situation,
  SummarizeLandResponse,
} from "../api/messages";
import { get, type Query } from "../api/client";
import { num } from "../core/format";
import { t } from "../core/i18n";
import { Resource, show } from "../core/resource";
import { go, href, type Context, type View } from "../core/router";
import { watchArea } from "../core/shell";
import { dropzone, loadChoices } from "../ui/dropzone";
import { findingList, focusOf, severityChips } from "../ui/findings";
import { boundsOf } from "../ui/geo";
import { importRow } from "../ui/imports";
import type { Focus, Pick } from "../ui/map";
import { loadMap, mapView } from "../ui/mapview";
import { outlines as outlinesPart } from "../ui/outlines";
import { parcelCard } from "../ui/parcel";
import { roving, tabStop } from "../ui/roving";

const TILES = "/v1/tiles/{z}/{x}/{y}.mvt";
const TABS = ["findings", "parcels", "imports"] as const;
type Tab = (typeof TABS)[number];
type Box = [number, number, number, number];

const boxOf = (bounds: BoundingBox | undefined): Box | undefined =>
  bounds && [bounds.west_deg, bounds.south_deg, bounds.east_deg, bounds.north_deg];

const around = ([w, s, e, n]: Box, box: Box): Box => [Math.min(w, box[0]), Math.min(s, box[1]), Math.max(e, box[2]), Math.max(n, box[3])];

const union = (places: { bounds?: BoundingBox }[]): Box | undefined => {
  const boxes = places.map(({ bounds }) => boxOf(bounds)).filter((one) => one !== undefined);
  return boxes.length ? boxes.reduce(around) : undefined;
};

const FAIR_SHARE = 0.01; // of a square that parcels fill: below, they would be dots on it

/** Do parcels with so much area in all fill their fair share of the square around a box? */
function filled([west, south, east, north]: Box, squareMetres: number): boolean {
  const metres = 111_320 * Math.max((east - west) * Math.cos((south * Math.PI) / 180), north - south);
  return squareMetres >= FAIR_SHARE * metres ** 2;
}

const sum = (numbers: number[]): number => numbers.reduce((all, one) => all + one, 0);

/** What the map shows first: all parcels; where they lie far apart, those of the commune with most errors, or a part. */
function viewOfCommunes(communes: LandSummary[]): Box | undefined {
  const all = union(communes);
  if (!all || filled(all, sum(communes.map(({ area_m2 }) => area_m2)))) return all;
  const worse = (a: LandSummary, b: LandSummary): number =>
    Number(b.error_count) - Number(a.error_count) || Number(b.parcel_count) - Number(a.parcel_count);
  const worst = communes.filter(({ focus }) => focus).sort(worse)[0];
  const whole = boxOf(worst?.bounds);
  return whole && filled(whole, worst!.area_m2) ? whole : boxOf(worst?.focus);
}

/** Where parcels that were asked for lie; where they lie far apart, the first of their sheets. */
function viewOfParcels(parcels: Parcel[]): Box | undefined {
  const all = union(parcels);
  if (!all || filled(all, sum(parcels.map(({ computed_area_m2 }) => computed_area_m2)))) return all;
  const [first] = parcels;
  return union(parcels.filter(({ commune, sheet }) => commune === first?.commune && sheet === first.sheet)) ?? all;
}

export default function land({ query: first, update }: Context): View {
  let query = first;
  const findings = new Resource<ListFindingsResponse>(update);
  const parcels = new Resource<ListParcelsResponse>(update);
  const communes = new Resource<SummarizeLandResponse>(update);
  const imports = new Resource<ListImportsResponse>(update);
  const situation = new Resource<Situation>(update);
  const outlines = new Resource<FeatureCollection>(update);
  const parcel = new Resource<Parcel>(update);
  let owners = new Resource<ParcelOwners>(update);
  let tab: Tab = "findings";
  let chosen = ""; // name of a finding
  let focus: Focus | undefined;
  let bounds: Box | undefined;
  let viewed = ""; // which parcels the first view was made for

  const loadOutlines = (): Promise<void> => outlines.load(() => get("/v1/areas.geojson", { watch_area: watchArea() }));
  const outlinesPanel = outlinesPart(update, () => void loadOutlines());

  const areas = (): string[] => (query.getAll("areas").length ? query.getAll("areas") : (situation.data?.areas ?? []).flatMap(({ area }) => area?.name ?? []));

  function loadFindings(pageSize = 200): void {
    const filter: Query = {
      "filter.areas": areas(),
      "filter.severities": query.getAll("severities"),
      "filter.rule_codes": query.getAll("rules"),
      "filter.parcel": query.get("parcel") ?? "",
      page_size: pageSize,
    };
    void findings.load(() => get("/v1/findings", filter));
  }

  async function loadParcels(): Promise<void> {
    const filter: Query = {
      "filter.areas": query.get("commune") ? [] : areas(),
      "filter.commune": query.get("commune") ?? "",
      "filter.sheet": query.get("sheet") ?? "",
      "filter.number": query.get("number") ?? "",
      page_size: 1000,
    };
    const narrowed = ["commune", "sheet", "number"].some((key) => query.get(key));
    const summed = areas();
    await Promise.all([
      parcels.load(() => get<ListParcelsResponse>("/v1/parcels", filter)),
      narrowed || !summed.length || communes.load(() => get("/v1/parcels:summarize", { areas: summed })),
    ]);
    const { parcels: found, total_count } = parcels.data ?? { parcels: [], total_count: "0" };
    if (query.has("number") && found.length === 1) openParcel(found[0]!.name);
    const asked = [total_count, ...summed, query.get("commune"), query.get("sheet")].join(" ");
    if (viewed === asked || query.has("parcel")) return;
    viewed = asked;
    const view = narrowed ? viewOfParcels(found) : viewOfCommunes(communes.data?.summaries ?? []);
    bounds = view ?? (outlines.data && boundsOf(outlines.data.features)) ?? bounds;
    update();
  }

  /** Show all communes of the watch area. */
  function whole(): void {
    bounds = (outlines.data && boundsOf(outlines.data.features)) ?? bounds;
    update();
  }

  function openParcel(name: string): void {
    owners = new Resource<ParcelOwners>(update);
    void parcel.load(() => get<Parcel>(`/v1/${name}`)).then(() => {
      const place = boxOf(parcel.data?.bounds);
      if (place) focus = { lon: (place[0] + place[2]) / 2, lat: (place[1] + place[3]) / 2, zoom: 17.5 };
      update();
    });
  }

  async function refresh(): Promise<void> {
    const area = watchArea();
    void imports.load(() => get("/v1/imports", { page_size: 50 }));
    void loadOutlines();
    await situation.load(() => get<Situation>("/v1/situation", { watch_area: area }));
    void loadChoices((situation.data?.areas ?? []).flatMap((row) => row.area ?? [])).then(update, () => undefined);
    loadFindings();
    void loadParcels();
    const wanted = query.get("parcel");
    if (wanted) openParcel(wanted);
  }

  function change(next: Record<string, string | string[] | undefined>): void {
    const merged: Record<string, string | string[] | undefined> = {};
    for (const key of query.keys()) merged[key] = query.getAll(key);
    go(href("land", { ...merged, ...next }), true);
  }

  function pickFinding(finding: Finding): void {
    chosen = finding.name;
    focus = focusOf(finding) ?? focus;
    update();
    document.querySelector(`[data-finding="${CSS.escape(finding.name)}"]`)?.scrollIntoView({ block: "nearest" });
  }

  async function pickOnMap({ layer, properties, near: [west, south, east, north] }: Pick): Promise<void> {
    const name = String(properties["name"] ?? "");
    if (layer === "parcel") change({ parcel: name });
    if (layer !== "finding") return;
    tab = "findings";
    const known = findings.data?.findings.find((one) => one.name === name);
    if (known) return pickFinding(known);
    await findings.load(async () => {
      const { findings: around } = await get<ListFindingsResponse>("/v1/findings", {
        "filter.bounds.west_deg": west,
        "filter.bounds.south_deg": south,
        "filter.bounds.east_deg": east,
        "filter.bounds.north_deg": north,
        "filter.rule_codes": [String(properties["rule_code"] ?? "")],
        page_size: 1000,
      });
      const found = around.filter((one) => one.name === name);
      const listed = findings.data ?? { findings: [], next_page_token: "", total_count: "0" };
      return { ...listed, findings: [...found, ...listed.findings] };
    });
    const loaded = findings.data?.findings.find((one) => one.name === name);
    if (loaded) pickFinding(loaded);
  }

  void refresh();
  loadMap(update);

  function severityCounts(): Partial<Record<Severity, number>> {
    const rows = situation.data?.areas ?? [];
    const count = (key: "error_count" | "warning_count"): number => sum(rows.map(({ land }) => Number(land?.[key] ?? 0)));
    return { SEVERITY_ERROR: count("error_count"), SEVERITY_WARNING: count("warning_count") };
  }

  function ruleSelect(): TemplateResult {
    const counts = new Map<string, number>();
    for (const row of situation.data?.areas ?? [])
      for (const { value, count } of row.land?.rules ?? []) counts.set(value, (counts.get(value) ?? 0) + Number(count));
    const now = query.get("rules") ?? "";
    return html`<select
      aria-label=${t("finding.rule")}
      @change=${(event: Event) => change({ rules: (event.target as HTMLSelectElement).value })}
    >
      <option value="">${t("finding.all_rules")}</option>
      ${[...counts].sort().map(([code, count]) => html`<option value=${code} ?selected=${code === now}>${code} (${num(count)})</option>`)}
    </select>`;
  }

  function findingsTab(): TemplateResult {
    return html`<div class="bar">
        ${severityChips(query.get("severities") ?? "", severityCounts(), (value) => change({ severities: value }))} ${ruleSelect()}
      </div>
      ${show(findings, (page) => findingList(page, { selected: chosen, pick: pickFinding, more: () => loadFindings(1000), label: t("land.findings") }))}`;
  }

  function parcelsTab(): TemplateResult {
    const search = (event: Event): void => {
      event.preventDefault();
      const data = new FormData(event.currentTarget as HTMLFormElement);
      change({ sheet: String(data.get("sheet") ?? ""), number: String(data.get("number") ?? ""), parcel: "" });
    };
    return html`<form class="bar" @submit=${search}>
        <label class="field short"><span>${t("parcel.sheet")}</span><input name="sheet" maxlength="64" .value=${query.get("sheet") ?? ""} /></label>
        <label class="field short"><span>${t("parcel.number")}</span><input name="number" maxlength="64" .value=${query.get("number") ?? ""} /></label>
        <button class="button">${t("action.search")}</button>
      </form>
      ${show(parcels, (page) => parcelList(page))}`;
  }

  function parcelList({ parcels: found, total_count }: ListParcelsResponse): TemplateResult {
    if (!found.length) return html`<p class="empty">${t("land.no_parcels")}</p>`;
    const selected = found.findIndex(({ name }) => name === query.get("parcel"));
    return html`<p class="muted pad">${t("land.parcel_count", { n: num(total_count), shown: num(Math.min(found.length, 200)) })}</p>
      <ul class="plain rows" @keydown=${roving} aria-label=${t("land.parcels")}>
        ${found.slice(0, 200).map(
          (one, index) => html`<li class=${one.name === query.get("parcel") ? "current" : ""}>
            <button class="link grow" data-stop tabindex=${tabStop(index, selected)} @click=${() => change({ parcel: one.name })}>
              ${t("parcel.short", { number: one.number, sheet: one.sheet })}
            </button>
            <span class="tag">${one.land_use_code || "—"}</span>
            <span class="n">${num(one.computed_area_m2, 1)} m²</span>
            ${one.error_count ? html`<span class="bad">${t("count.errors", { n: one.error_count })}</span>` : nothing}
          </li>`,
        )}
      </ul>`;
  }

  function importsTab(): TemplateResult {
    const list = show(imports, ({ imports: all }) =>
      all.length
        ? html`<ul class="plain rows">${all.map(importRow)}</ul>`
        : html`<p class="empty">${t("land.no_imports")}</p>`,
    );
    return html`${outlinesPanel()} ${list}`;
  }

  const bodies: Record<Tab, () => TemplateResult> = { findings: findingsTab, parcels: parcelsTab, imports: importsTab };

  function tabs(): TemplateResult {
    const choose = (one: Tab) => (): void => {
      tab = one;
      update();
    };
    return html`<div class="tabs" role="tablist" aria-label=${t("land.lists")} @keydown=${roving}>
      ${TABS.map(
        (one) => html`<button
          role="tab"
          id="tab-${one}"
          data-stop
          aria-controls="tab-body"
          aria-selected=${tab === one ? "true" : "false"}
          @click=${choose(one)}
        >
          ${t(`land.${one}`)}
        </button>`,
      )}
    </div>`;
  }

  return {
    title: "nav.land",
    refresh: () => void refresh(),
    requery(next) {
      const parcelMoved = next.get("parcel") !== query.get("parcel");
      const filterMoved = [...next].filter(([key]) => key !== "parcel").join() !== [...query].filter(([key]) => key !== "parcel").join();
      query = next;
      if (parcelMoved && next.get("parcel")) openParcel(next.get("parcel")!);
      if (parcelMoved && !next.get("parcel")) {
        parcel.clear();
        owners = new Resource<ParcelOwners>(update);
      }
      if (parcelMoved || filterMoved) loadFindings();
      if (filterMoved) void loadParcels();
    },
    render: () => html`<div class="land">
      <div class="stack side-panel">
        ${dropzone(update)}
        <section class="panel grow" aria-label=${t("land.lists")}>
          ${tabs()}
          <div id="tab-body" role="tabpanel" aria-labelledby="tab-${tab}">
            ${query.get("parcel") && tab === "findings"
              ? html`<p class="bar"><span class="tag">${t("finding.of_parcel")}</span>
                  <button class="button small" @click=${() => change({ parcel: "" })}>${t("finding.show_all")}</button></p>`
              : nothing}
            ${bodies[tab]()}
          </div>
        </section>
      </div>
      <section class="panel map-panel" aria-label=${t("land.map")}>
        ${mapView({
          label: t("land.map"),
          tiles: TILES,
          ...(outlines.data ? { areas: outlines.data } : {}),
          bounds,
          parcel: query.get("parcel") ?? "",
          focus,
          pick: (pick) => void pickOnMap(pick),
        })}
        ${query.get("parcel") && parcel.data ? parcelCard(parcel.data, owners, () => change({ parcel: "" })) : nothing}
        <footer class="legend">
          <span class="key sound"></span>${t("legend.sound")} <span class="key warning"></span>${t("legend.warning")}
          <span class="key error"></span>${t("legend.error")}
          ${outlines.data?.features.some((one) => one.properties?.["outline"] === "schematic") ? html`<span class="tag" title=${t("map.schematic_why")}>${t("map.schematic_communes")}</span>` : nothing}
          <span class="grow"></span><button class="link" @click=${whole}>${t("land.whole")}</button> <span class="muted">${t("land.map_hint")}</span>
        </footer>
      </section>
    </div>`,
  };
}
