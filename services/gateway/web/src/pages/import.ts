/** `#/imports/{id}`: what became of a file: what is wrong, why, where, and files to work on. */
import { html, nothing, type TemplateResult } from "lit-html";
import type { FeatureCollection } from "geojson";
import type { Finding, Import, ListFindingsResponse, ListParcelsResponse, Severity } from "../api/messages";
import { ApiError, get, post } from "../api/client";
import { bytes, num } from "../core/format";
import { local, t, tx, type Key } from "../core/i18n";
import { problem, Resource, show } from "../core/resource";
import { href, type Context, type View } from "../core/router";
import { again, held } from "../ui/dropzone";
import { findingList, findingPoints, focusOf, severityChips } from "../ui/findings";
import { boundsOf } from "../ui/geo";
import { icon } from "../ui/icons";
import { stateBadge, systemText } from "../ui/imports";
import { age } from "../ui/labels";
import type { Focus } from "../ui/map";
import { loadMap, mapView } from "../ui/mapview";
import { toast } from "../ui/toast";

const POLL_MS = 700;
const REPORTS: [format: string, key: Key][] = [
  ["xlsx", "report.xlsx"],
  ["gpkg", "report.gpkg"],
  ["html", "report.html"],
  ["csv", "report.csv"],
  ["geojson", "report.geojson"],
];

export default function importPage({ path, update }: Context): View {
  const id = path[0] ?? "";
  const name = `imports/${id}`;
  const record = new Resource<Import>(update);
  const findings = new Resource<ListFindingsResponse>(update);
  let severity = "";
  let chosen = "";
  let focus: Focus | undefined;
  let bounds: [number, number, number, number] | undefined;
  let points: { of: Finding[] | undefined; value: FeatureCollection } = { of: undefined, value: findingPoints([]) };
  let timer = 0;
  let homeless = false; // parcels whose commune codes belong to no known edition join no commune

  async function refresh(): Promise<void> {
    clearTimeout(timer);
    await record.load(() => get<Import>(`/v1/${name}`));
    if (record.data?.state === "IMPORT_STATE_RUNNING") timer = window.setTimeout(() => void refresh(), POLL_MS);
    else if (record.data) {
      loadFindings();
      void frame();
    }
  }

  /** Show the parcels of the import on the map from the start. */
  async function frame(): Promise<void> {
    const { parcels } = await get<ListParcelsResponse>("/v1/parcels", { "filter.import": name, page_size: 1000 });
    homeless = parcels.some((parcel) => parcel.name.startsWith("parcels/unknown-"));
    const corners = parcels.flatMap(({ bounds: box }) =>
      box ? [[box.west_deg, box.south_deg], [box.east_deg, box.north_deg]] : [],
    );
    const outline = { type: "MultiPoint" as const, coordinates: corners };
    bounds = boundsOf([{ type: "Feature", properties: {}, geometry: outline }]) ?? boundsOf(points.value.features);
    update();
  }

  function loadFindings(pageSize = 500): void {
    const filter = { "filter.import": name, "filter.severities": severity ? [severity] : [], page_size: pageSize };
    void findings.load(() => get("/v1/findings", filter));
  }

  function pick(finding: Finding): void {
    chosen = finding.name;
    focus = focusOf(finding) ?? focus;
    update();
    document.querySelector(`[data-finding="${CSS.escape(finding.name)}"]`)?.scrollIntoView({ block: "nearest" });
  }

  async function cancel(): Promise<void> {
    try {
      record.data = await post<Import>(`/v1/${name}:cancel`);
    } catch (error) {
      toast(ApiError.from(error).text(), true);
    }
    void refresh();
  }

  void refresh();
  loadMap(update);

  /** Why the whole file cannot be right, and what to do: the coordinate system comes first. */
  function cause(one: Import): TemplateResult | typeof nothing {
    const zone = findings.data?.findings.find(({ rule_code }) => rule_code.startsWith("C"));
    const text = local(one.problem);
    if (!zone && !text) return nothing;
    const stops = !zone || zone.severity === "SEVERITY_ERROR";
    const suggested = (stops && zone?.details["suggested_crs"]) || "";
    const epsg = /\d+/.exec(suggested)?.[0] ?? "";
    const advice = tx(`cause.${zone?.rule_code ?? one.reason}`);
    return html`<section class="cause ${stops ? "" : "mild"}" aria-labelledby="cause-title">
      <h2 id="cause-title">${icon(stops ? "error" : "warning")}${t(stops ? "import.cause" : "import.note")}</h2>
      ${text ? html`<p>${text}</p>` : nothing} ${zone && local(zone.message) !== text ? html`<p>${local(zone.message)}</p>` : nothing}
      ${advice && stops ? html`<p>${advice}</p>` : nothing}
      ${suggested
        ? html`<p class="fix">
            ${t("import.fix", { crs: suggested })}
            ${held(one.file_name)
              ? html`<button class="button primary" @click=${() => again({ coordinate_system: epsg }, update)}>
                  ${t("import.try_with", { crs: `EPSG:${epsg}` })}
                </button>`
              : html`<a class="button" href=${href("land")}>${t("import.drop_again")}</a>`}
          </p>`
        : nothing}
    </section>`;
  }

  /** The same code names another commune before and after 2025-07-01: ask which one is meant. */
  function edition(one: Import): TemplateResult | typeof nothing {
    if (!homeless) return nothing;
    const choice = (year: "2004" | "2025"): TemplateResult =>
      html`<button class="button" @click=${() => again({ edition: year }, update)}>${t(`drop.edition_${year}`)}</button>`;
    return html`<section class="cause mild" aria-labelledby="edition-title">
      <h2 id="edition-title">${icon("warning")}${t("import.edition")}</h2>
      <p>${t("import.edition_why")}</p>
      ${held(one.file_name) ? html`<p class="fix">${t("import.edition_fix")} ${choice("2004")} ${choice("2025")}</p>` : nothing}
    </section>`;
  }

  function counts(one: Import): Partial<Record<Severity, number>> {
    return { SEVERITY_ERROR: one.error_count, SEVERITY_WARNING: one.warning_count, SEVERITY_INFO: one.info_count };
  }

  function summary(one: Import): TemplateResult {
    const downloads = REPORTS.map(
      ([format, key]) => html`<a class="button small" href="/v1/${name}/report.${format}" download=${format === "html" ? nothing : ""}
        target=${format === "html" ? "_blank" : nothing} title=${t(key)}>${icon("down")}${format.toUpperCase()}</a>`,
    );
    const done = one.state === "IMPORT_STATE_COMMITTED" || one.state === "IMPORT_STATE_REJECTED";
    return html`<section class="panel summary">
      <p class="summary-top">
        <a class="button small" href=${href("land")}>${icon("back")}${t("nav.land")}</a>
        <b class="file">${one.file_name}</b> ${stateBadge(one)}
        ${one.state === "IMPORT_STATE_RUNNING"
          ? html`<progress aria-label=${t("import.running")}></progress><button class="button small" @click=${cancel}>${t("action.cancel")}</button>`
          : nothing}
        <span class="grow"></span>
        ${done ? html`<span class="exports" role="group" aria-label=${t("import.downloads")}>${downloads}</span>` : nothing}
      </p>
      <dl class="facts inline">
        <dt>${t("import.parcels")}</dt><dd>${num(one.parcel_count)}</dd>
        <dt>${t("import.crs")}</dt><dd>${systemText(one)}</dd>
        <dt>${t("import.size")}</dt><dd>${bytes(one.size_bytes)}</dd>
        <dt>${t("import.time")}</dt><dd>${age(one.create_time)}</dd>
        <dt>SHA-256</dt><dd><code title=${one.sha256}>${one.sha256.slice(0, 12)}…</code></dd>
        ${one.owner_columns.length
          ? html`<dt>${t("owners.columns")}</dt>
              <dd>${one.owner_columns.join(", ")} <span class="tag">${t(one.owners_kept ? "owners.kept" : "owners.left_out")}</span></dd>`
          : nothing}
      </dl>
    </section>`;
  }

  function body(one: Import): TemplateResult {
    if (findings.data && points.of !== findings.data.findings)
      points = { of: findings.data.findings, value: findingPoints(findings.data.findings) };
    const choose = (value: string): void => {
      severity = value;
      loadFindings();
    };
    return html`${summary(one)} ${cause(one)} ${edition(one)}
      <div class="land">
        <section class="panel side-panel" aria-labelledby="findings-title">
          <header><h2 id="findings-title">${t("land.findings")}</h2></header>
          <div class="bar">${severityChips(severity, counts(one), choose)}</div>
          ${one.state === "IMPORT_STATE_RUNNING"
            ? html`<p class="loading" role="status">${t("import.running")}</p>`
            : show(findings, (page) => findingList(page, { selected: chosen, pick, more: () => loadFindings(1000), label: t("land.findings") }))}
        </section>
        <section class="panel map-panel" aria-label=${t("land.map")}>
          ${mapView({
            label: t("land.map"),
            tiles: `/v1/tiles/{z}/{x}/{y}.mvt?import=${encodeURIComponent(name)}`,
            findings: points.value,
            bounds,
            focus,
            pick: ({ layer, properties }) => {
              const hit = layer === "finding" && findings.data?.findings.find((finding) => finding.name === properties["name"]);
              if (hit) pick(hit);
            },
          })}
        </section>
      </div>`;
  }

  return {
    title: "import.title",
    refresh: () => void refresh(),
    render: () => (record.error?.status === 404 && !record.data ? problem(record.error) : show(record, body)),
    dispose: () => clearTimeout(timer),
  };
}
