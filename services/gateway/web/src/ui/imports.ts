/** An import in words: its state, counts, and how the coordinate system was known. */
import { html, nothing, type TemplateResult } from "lit-html";
import type { Import, ImportState } from "../api/messages";
import { num } from "../core/format";
import { t, tx } from "../core/i18n";
import { href } from "../core/router";
import { icon, type IconName } from "./icons";
import { age } from "./labels";

const LOOKS: Record<ImportState, [IconName, string]> = {
  IMPORT_STATE_UNSPECIFIED: ["info", "info"],
  IMPORT_STATE_RUNNING: ["clock", "info"],
  IMPORT_STATE_COMMITTED: ["check", "good"],
  IMPORT_STATE_FAILED: ["error", "error"],
  IMPORT_STATE_CANCELLED: ["close", "neutral"],
  IMPORT_STATE_REJECTED: ["error", "error"],
};

/** The state as a badge. */
export function stateBadge({ state, step }: Import): TemplateResult {
  const [shape, look] = LOOKS[state];
  const where = state === "IMPORT_STATE_RUNNING" && step ? ` · ${tx(`step.${step}`, step)}` : "";
  return html`<span class="badge severity ${look}">${icon(shape)}${tx(`import.${state}`)}${where}</span>`;
}

/** One import in a list. */
export function importRow(one: Import): TemplateResult {
  return html`<li data-import=${one.name}>
    <a class="grow" href=${href(one.name)}>${one.file_name}</a>
    ${stateBadge(one)}
    ${one.error_count ? html`<span class="bad">${t("count.errors", { n: num(one.error_count) })}</span>` : nothing}
    <span class="n muted">${t("count.parcels", { n: num(one.parcel_count) })}</span>
    ${age(one.create_time)}
  </li>`;
}

/** "EPSG:5899 (theo tệp)": the coordinate system and how it was known. */
export function systemText(one: Import): string {
  if (!one.coordinate_system) return t("import.no_crs");
  const origin = tx(`crs.${one.coordinate_system_origin}`);
  return origin ? `${one.coordinate_system} (${origin})` : one.coordinate_system;
}
