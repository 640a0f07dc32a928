/** The map as a part of a page: the library is loaded when the first map is shown. */
import { html, type TemplateResult } from "lit-html";
import type { FeatureCollection } from "geojson";
import { choices } from "../core/settings";
import type { Focus, Pick } from "./map";

let state: "" | "loading" | "ready" = "";

/** Load the map library once, then render again. */
export function loadMap(update: () => void): void {
  if (state) return;
  state = "loading";
  void import("./map").then(() => {
    state = "ready";
    update();
  });
}

export interface MapParts {
  label: string;
  areas?: FeatureCollection;
  findings?: FeatureCollection;
  bounds?: [number, number, number, number] | undefined;
  tiles?: string;
  area?: string;
  parcel?: string;
  focus?: Focus | undefined;
  pick?: (pick: Pick) => void;
}

const NOTHING: FeatureCollection = { type: "FeatureCollection", features: [] };

/** The map with the parts given. */
export function mapView(parts: MapParts): TemplateResult {
  if (state !== "ready") return html`<div class="map" aria-hidden="true"></div>`;
  return html`<nl-map
    class="map"
    role="group"
    aria-label=${parts.label}
    .look=${`${choices.wall} ${choices.lang}`}
    .tiles=${parts.tiles}
    .areas=${parts.areas ?? NOTHING}
    .findings=${parts.findings ?? NOTHING}
    .bounds=${parts.bounds}
    .area=${parts.area ?? ""}
    .parcel=${parts.parcel ?? ""}
    .focusOn=${parts.focus}
    @pick=${(event: CustomEvent<Pick>) => parts.pick?.(event.detail)}
  ></nl-map>`;
}
