/** One parcel: its number and sheet, areas, and what is wrong with it. */
import { html, nothing, type TemplateResult } from "lit-html";
import type { Parcel } from "../api/messages";
import { areaTitle } from "../core/areas";
import { areaText, num } from "../core/format";
import { t } from "../core/i18n";
import { href } from "../core/router";
import { icon } from "./icons";
import { age } from "./labels";

const difference = (declared: number, computed: number): string => {
  const change = computed - declared;
  if (Math.abs(change) < 0.05) return t("parcel.equal");
  return `${change > 0 ? "+" : ""}${num(change, 1)} m²`;
};

/** The card of a parcel. */
export function parcelCard(parcel: Parcel, close: () => void): TemplateResult {
  const { declared_area_m2: declared, computed_area_m2: computed } = parcel;
  return html`<section class="card parcel" data-parcel=${parcel.name} aria-label=${t("parcel.title")}>
    <header>
      <h2>${t("parcel.short", { number: parcel.number, sheet: parcel.sheet })}</h2>
      <button class="quiet" aria-label=${t("action.close")} @click=${close}>${icon("close")}</button>
    </header>
    <dl class="facts">
      <dt>${t("parcel.commune")}</dt>
      <dd>${areaTitle(parcel.commune) || "—"}</dd>
      <dt>${t("parcel.land_use")}</dt>
      <dd>${parcel.land_use_code || "—"}</dd>
      <dt>${t("parcel.declared")}</dt>
      <dd>${declared === undefined ? t("parcel.not_given") : `${num(declared, 1)} m²`}</dd>
      <dt>${t("parcel.computed")}</dt>
      <dd>
        ${areaText(computed)}
        ${declared === undefined ? nothing : html`<span class="muted">(${difference(declared, computed)})</span>`}
      </dd>
      <dt>${t("parcel.crs")}</dt>
      <dd>${parcel.coordinate_system || "—"}</dd>
      <dt>${t("parcel.errors")}</dt>
      <dd class=${parcel.error_count ? "bad" : ""}>${num(parcel.error_count)}</dd>
      <dt>${t("parcel.import")}</dt>
      <dd><a href=${href(parcel.import)}>${t("parcel.open_import")}</a> ${age(parcel.create_time)}</dd>
    </dl>
  </section>`;
}
