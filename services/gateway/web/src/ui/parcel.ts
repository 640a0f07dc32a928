/** One parcel: its number and sheet, areas, what is wrong with it, and its owners where somebody asks for them. */
import { html, nothing, type TemplateResult } from "lit-html";
import { get } from "../api/client";
import type { Parcel, ParcelOwners } from "../api/messages";
import { areaTitle } from "../core/areas";
import { areaText, num } from "../core/format";
import { t } from "../core/i18n";
import { may } from "../core/me";
import { problem, type Resource } from "../core/resource";
import { href } from "../core/router";
import { icon } from "./icons";
import { age } from "./labels";

const difference = (declared: number, computed: number): string => {
  const change = computed - declared;
  if (Math.abs(change) < 0.05) return t("parcel.equal");
  return `${change > 0 ? "+" : ""}${num(change, 1)} m²`;
};

/** The owners of a parcel: a button until somebody asks, for every look is audited; what came is not kept by the page. */
function ownersPart(parcel: Parcel, owners: Resource<ParcelOwners>): TemplateResult | typeof nothing {
  if (!parcel.has_owners || !may("LandService/GetParcelOwners")) return nothing;
  if (owners.error) return html`<div class="owners">${problem(owners.error)}</div>`;
  if (owners.data?.parcel !== parcel.name)
    return html`<div class="owners">
      <button class="button" @click=${() => void owners.load(() => get<ParcelOwners>(`/v1/${parcel.name}:owners`))}>
        ${icon("person")}${t("owners.show")}
      </button>
    </div>`;
  return html`<div class="owners" role="status">
    <h3>${t("owners.title")}</h3>
    <dl class="facts">${owners.data.fields.map(({ column, value }) => html`<dt>${column}</dt><dd>${value}</dd>`)}</dl>
    <p class="muted">${t("owners.logged")} <button class="link" @click=${() => owners.clear()}>${t("owners.hide")}</button></p>
  </div>`;
}

/** The card of a parcel. */
export function parcelCard(parcel: Parcel, owners: Resource<ParcelOwners>, close: () => void): TemplateResult {
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
    ${ownersPart(parcel, owners)}
  </section>`;
}
