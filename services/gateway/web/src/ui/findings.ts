/** A list of findings: severity, words, measured and allowed value, place; a click goes there on the map. */
import { html, nothing, type TemplateResult } from "lit-html";
import type { FeatureCollection } from "geojson";
import type { Finding, ListFindingsResponse, Severity } from "../api/messages";
import { centreOfWkb } from "../api/wkb";
import { degreesText, num, planeText } from "../core/format";
import { local, t, tx } from "../core/i18n";
import type { Focus } from "./map";
import { severityBadge, severityClass } from "./labels";
import { roving, tabStop } from "./roving";

const UNITS: Record<string, string> = { m2: "m²", m: "m", deg: "°", "1": "", km: "km", cm: "cm", "%": "%" };

/** A measured value with its unit. */
const measure = (value: number | undefined, unit: string): string =>
  value === undefined ? "—" : `${num(value, Math.abs(value) < 1 ? 4 : 2)} ${UNITS[unit] ?? unit}`.trim();

/** Place of a finding: plane coordinates of the file first (X north, Y east), degrees of WGS 84 second. */
export function placeOf(finding: Finding): { plane: string; degrees: string } {
  const centre = centreOfWkb(finding.location_wkb);
  const projected = centre && Math.abs(centre[0]) > 400;
  const { location } = finding;
  return {
    plane: projected ? planeText(centre[0], centre[1]) : "",
    degrees: location ? degreesText(location.longitude_deg, location.latitude_deg) : "",
  };
}

/** Where the map should go for a finding. */
export function focusOf(finding: Finding): Focus | undefined {
  const { location } = finding;
  return location && { lon: location.longitude_deg, lat: location.latitude_deg, zoom: 18 };
}

/** The findings as points for the map. */
export function findingPoints(findings: Finding[]): FeatureCollection {
  const features = findings.flatMap(({ name, severity, rule_code, location }) =>
    location
      ? [
          {
            type: "Feature" as const,
            properties: { name, severity, rule_code },
            geometry: { type: "Point" as const, coordinates: [location.longitude_deg, location.latitude_deg] },
          },
        ]
      : [],
  );
  return { type: "FeatureCollection", features };
}

const shortParcel = (name: string): string => {
  const [, , sheet, ...number] = name.replace("parcels/", "").split("-");
  return sheet && number.length ? t("parcel.short", { number: number.join("-"), sheet }) : name;
};

function item(finding: Finding, index: number, { selected, pick }: ListOptions, chosen: number): TemplateResult {
  const { plane, degrees } = placeOf(finding);
  const on = finding.name === selected;
  return html`<li class="finding ${severityClass(finding.severity)} ${on ? "current" : ""}" data-finding=${finding.name}>
    <button
      class="finding-main"
      data-stop
      tabindex=${tabStop(index, chosen)}
      aria-pressed=${on ? "true" : "false"}
      @click=${() => pick(finding)}
    >
      <span class="finding-top">
        ${severityBadge(finding.severity)}<b class="code">${finding.rule_code}</b>
        ${finding.parcel ? html`<span class="muted">${shortParcel(finding.parcel)}</span>` : nothing}
      </span>
      <span class="finding-text">${local(finding.message)}</span>
      ${finding.measured_value === undefined && finding.threshold_value === undefined
        ? nothing
        : html`<span class="finding-values">
            ${t("finding.measured")} <b>${measure(finding.measured_value, finding.unit_code)}</b> ·
            ${t("finding.allowed")} <b>${measure(finding.threshold_value, finding.unit_code)}</b>
          </span>`}
      ${plane || degrees
        ? html`<span class="finding-place">
            ${plane ? html`<span>${plane}</span>` : nothing}<span class="muted">${degrees}</span>
          </span>`
        : nothing}
    </button>
  </li>`;
}

export interface ListOptions {
  selected: string;
  pick: (finding: Finding) => void;
  more?: (() => void) | undefined;
  label: string;
}

/** The list. */
export function findingList({ findings, total_count }: ListFindingsResponse, options: ListOptions): TemplateResult {
  if (findings.length === 0) return html`<p class="empty good">${t("finding.none")}</p>`;
  const chosen = findings.findIndex(({ name }) => name === options.selected);
  return html`<ul class="plain findings" aria-label=${options.label} @keydown=${roving}>
      ${findings.map((one, index) => item(one, index, options, chosen))}
    </ul>
    ${findings.length < Number(total_count) && options.more
      ? html`<button class="button wide" @click=${options.more}>
          ${t("finding.more", { shown: num(findings.length), all: num(total_count) })}
        </button>`
      : nothing}`;
}

export const SEVERITIES: Severity[] = ["SEVERITY_ERROR", "SEVERITY_WARNING", "SEVERITY_INFO"];

/** Buttons that choose a severity; "" is all of them. */
export function severityChips(now: string, counts: Partial<Record<Severity, number>>, choose: (value: string) => void): TemplateResult {
  const chip = (value: Severity | "", text: string): TemplateResult => html`<button
    class="chip"
    aria-pressed=${now === value ? "true" : "false"}
    @click=${() => choose(value)}
  >
    ${text}
  </button>`;
  return html`<div class="chips" role="group" aria-label=${t("finding.severity")}>
    ${chip("", t("count.all"))}
    ${SEVERITIES.map((value) => {
      const count = counts[value];
      return chip(value, `${tx(`severity.${severityClass(value)}`)}${count === undefined ? "" : ` ${num(count)}`}`);
    })}
  </div>`;
}
