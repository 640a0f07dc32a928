/** Outlines of communes for the maps: a file of them takes the place of all before; what was left out, and why. */
import { html, nothing, type TemplateResult } from "lit-html";
import type { AreaOutlines } from "../api/messages";
import { address } from "../api/client";
import { num } from "../core/format";
import { local, t } from "../core/i18n";
import { may } from "../core/me";
import { ACCEPT, systemSelect } from "./dropzone";
import { taking } from "./taking";
import { toast } from "./toast";

/** The panel; nothing for those who may not load outlines. `loaded` hears that the maps have to be drawn anew. */
export function outlines(update: () => void, loaded: () => void): () => TemplateResult | typeof nothing {
  let system = "";
  let last: AreaOutlines | undefined;
  const path = (file: File): string => address("/v1/areaOutlines:upload", { file_name: file.name, coordinate_system: system });
  const take = taking<AreaOutlines>(path, ACCEPT, done, update);

  function done(answer: AreaOutlines): void {
    last = answer;
    toast(t("outlines.loaded", { n: num(answer.outline_count), crs: answer.coordinate_system }));
    loaded();
  }

  function skipped({ skipped: rows, skipped_count }: AreaOutlines): TemplateResult | typeof nothing {
    if (!skipped_count) return nothing;
    return html`<p class="pad bad">${t("outlines.skipped", { n: num(skipped_count) })}</p>
      <ul class="pad">
        ${rows.map(({ record, code, reason }) => html`<li>${t("outlines.record", { n: num(record + 1), code: code || "—" })}: ${local(reason)}</li>`)}
      </ul>`;
  }

  const choose = (event: Event): void => void (system = (event.target as HTMLSelectElement).value);

  return () =>
    may("ImportService/UploadAreaOutlines")
      ? html`<details class="outlines">
          <summary>${t("outlines.title")}</summary>
          <p class="muted pad">${t("outlines.help")}</p>
          <div class="bar">${systemSelect(choose)} ${take(t("outlines.take"), 0)}</div>
          ${last ? html`<p class="pad" role="status">${t("outlines.loaded", { n: num(last.outline_count), crs: last.coordinate_system })}</p>${skipped(last)}` : nothing}
        </details>`
      : nothing;
}
