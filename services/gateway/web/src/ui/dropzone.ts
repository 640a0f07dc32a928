/** The door for files: drop or choose one, say what is known about it, watch it go, cancel it. */
import { html, type TemplateResult } from "lit-html";
import type { Area, CoordinateSystem, Import, ListCoordinateSystemsResponse } from "../api/messages";
import { ApiError, get, upload, type Upload } from "../api/client";
import { bytes, percent } from "../core/format";
import { t } from "../core/i18n";
import { go, href } from "../core/router";
import { icon } from "./icons";
import { toast } from "./toast";

/** What the person says about the file; each may be empty. */
export interface FileOptions {
  coordinate_system: string;
  commune: string;
  /** Register of the commune codes in the file: "2004", "2025", "" where unknown. */
  edition: string;
  as_of_date: string;
  scale: string;
}

/** Kinds of files with shapes. */
export const ACCEPT = ".gpkg,.geojson,.json,.zip,.shp,.gml,.dxf,.dgn,.xlsx,.csv,.kml,.fgb";

/** The file of this visit, so that it can be checked again with another coordinate system. */
let last: { file: File; options: FileOptions } | undefined;
let running: { file: File; upload: Upload<Import>; share: number } | undefined;
let systems: CoordinateSystem[] = [];
let communes: Area[] = [];
let over = false;

/** May a file of this name be sent again from this page? */
export const held = (fileName: string): boolean => last?.file.name === fileName;

/** Send the file of this visit again with something else said about it. */
export function again(change: Partial<FileOptions>, update: () => void): void {
  if (last) send(last.file, { ...last.options, ...change }, update);
}

/** Send a file and go to the page of its import. */
export function send(file: File, options: FileOptions, update: () => void): void {
  last = { file, options };
  const form = new FormData();
  for (const [key, value] of Object.entries(options)) if (value) form.append(`options.${key}`, value);
  form.append("file", file, file.name); // last: the server knows the options before the first byte
  const current = upload<Import>("/v1/imports:upload", form, (share) => {
    if (running) running.share = share;
    update();
  });
  running = { file, upload: current, share: 0 };
  current.done
    .then((created) => go(href(created.name)))
    .catch((error: unknown) => toast(ApiError.from(error).text(), true))
    .finally(() => {
      running = undefined;
      update();
    });
  update();
}

/** Load what the form offers. */
export async function loadChoices(areas: Area[]): Promise<void> {
  communes = areas;
  if (systems.length) return;
  const answer = await get<ListCoordinateSystemsResponse>("/v1/coordinateSystems", { page_size: 100 });
  systems = answer.coordinate_systems.filter(({ deprecated }) => !deprecated);
  const old = communes.flatMap(({ predecessors }) => predecessors);
  const known = await Promise.all(old.map((name) => get<Area>(`/v1/${name}`).catch(() => undefined)));
  communes = [...communes, ...known.flatMap((area) => area ?? [])];
}

function progress(update: () => void): TemplateResult {
  const { file, share, upload: current } = running!;
  return html`<div class="dropzone busy" role="status">
    <p><b>${file.name}</b> · ${bytes(file.size)} · ${share < 1 ? percent(share) : t("drop.reading")}</p>
    <progress max="1" .value=${share} aria-label=${t("drop.progress")}></progress>
    <button
      class="button small"
      @click=${() => {
        current.abort();
        update();
      }}
    >
      ${icon("close")}${t("action.cancel")}
    </button>
  </div>`;
}

/** The field for the coordinate system of a file. */
export const systemSelect = (change?: (event: Event) => void): TemplateResult => html`<label class="field">
  <span>${t("drop.crs")}</span>
  <select name="coordinate_system" @change=${change}>
    <option value="">${t("drop.crs_auto")}</option>
    ${systems.map(({ epsg, title }) => html`<option value=${epsg}>${title} (EPSG:${epsg})</option>`)}
    <option value="4326">WGS 84 (EPSG:4326)</option>
  </select>
</label>`;

function optionFields(): TemplateResult {
  return html`<details class="file-options">
    <summary>${t("drop.options")}</summary>
    <div class="fields">
      ${systemSelect()}
      <label class="field">
        <span>${t("drop.commune")}</span>
        <select name="commune">
          <option value="">${t("drop.by_column")}</option>
          ${communes.map(({ name, title, edition, code }) => html`<option value=${name}>${title} (${code}, ${edition})</option>`)}
        </select>
      </label>
      <label class="field">
        <span>${t("drop.edition")}</span>
        <select name="edition">
          <option value="">${t("drop.by_column")}</option>
          <option value="2004">${t("drop.edition_2004")}</option>
          <option value="2025">${t("drop.edition_2025")}</option>
        </select>
      </label>
      <label class="field"><span>${t("drop.date")}</span><input type="date" name="as_of_date" /></label>
      <label class="field">
        <span>${t("drop.scale")}</span>
        <select name="scale">
          <option value="">${t("drop.by_column")}</option>
          ${[200, 500, 1000, 2000, 5000, 10000].map((scale) => html`<option value=${scale}>1:${scale}</option>`)}
        </select>
      </label>
    </div>
  </details>`;
}

/** The door. */
export function dropzone(update: () => void): TemplateResult {
  if (running) return progress(update);
  const optionsOf = (form: HTMLFormElement): FileOptions => {
    const data = new FormData(form);
    const value = (key: string): string => String(data.get(key) ?? "");
    return {
      coordinate_system: value("coordinate_system"),
      commune: value("commune"),
      edition: value("edition"),
      as_of_date: value("as_of_date"),
      scale: value("scale"),
    };
  };
  const take = (form: HTMLFormElement, files: FileList | null | undefined): void => {
    const file = files?.[0];
    if (file) send(file, optionsOf(form), update);
  };
  const hover = (value: boolean) => (event: DragEvent) => {
    event.preventDefault();
    if (over === value) return;
    over = value;
    update();
  };
  const drop = (event: DragEvent): void => {
    hover(false)(event);
    take(event.currentTarget as HTMLFormElement, event.dataTransfer?.files);
  };
  const chosen = (event: Event): void => {
    const input = event.target as HTMLInputElement;
    if (input.type === "file") take(input.form!, input.files);
  };
  return html`<form
    class="dropzone ${over ? "over" : ""}"
    @dragover=${hover(true)}
    @dragleave=${hover(false)}
    @drop=${drop}
    @change=${chosen}
  >
    <p class="drop-title">${icon("upload")}<b>${t("drop.title")}</b></p>
    <p class="muted">${t("drop.kinds")} <a href=${href("help/dwg")}>${t("drop.dwg")}</a></p>
    <label class="button">
      ${t("drop.choose")}<input type="file" class="sr" name="chosen" accept=${ACCEPT} aria-label=${t("drop.choose")} />
    </label>
    ${optionFields()}
  </form>`;
}
