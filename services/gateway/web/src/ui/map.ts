/** `<nl-map>`: communes, parcels and findings without a base map. Lists beside it show the same data to readers. */
import type { Feature, FeatureCollection, Point } from "geojson";
import {
  Map as MapLibre,
  NavigationControl,
  ScaleControl,
  setWorkerUrl,
  type GeoJSONSource,
  type LngLatBoundsLike,
  type MapMouseEvent,
} from "maplibre-gl";
import "maplibre-gl/dist/maplibre-gl.css";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url";
import { t } from "../core/i18n";
import { labelPoints } from "./geo";
import { mapStyle } from "./mapstyle";

setWorkerUrl(workerUrl);

/** A place to go to; a new object goes there again. */
export interface Focus {
  lon: number;
  lat: number;
  zoom: number;
}

/** What was clicked. */
export interface Pick {
  layer: "finding" | "parcel" | "area" | "ground";
  properties: Record<string, unknown>;
  lon: number;
  lat: number;
  /** West, south, east, north of the ground around the pointer, in which what was clicked lies. */
  near: [number, number, number, number];
}

/** Pixels around the pointer: a finding is hit from a little way off, and tiles round its place. */
const NEAR_PX = 16;
const PICKS: [string, Pick["layer"]][] = [
  ["findings", "finding"],
  ["tile-findings", "finding"],
  ["parcels", "parcel"],
  ["areas", "area"],
];
const NOTHING: FeatureCollection = { type: "FeatureCollection", features: [] };

export class MapElement extends HTMLElement {
  /** The map as drawn; undefined before, and where the browser cannot draw it. */
  map: MapLibre | undefined;
  /** Address of the vector tiles below the origin. */
  tiles: string | undefined;
  private readonly data: Record<"areas" | "labels" | "findings" | "focus", FeatureCollection> = {
    areas: NOTHING,
    labels: NOTHING,
    findings: NOTHING,
    focus: NOTHING,
  };
  private chosen = { area: "", parcel: "" };
  private target: Focus | undefined;
  private box: LngLatBoundsLike | undefined;
  private theme: string | undefined;

  /** Communes with the properties `name`, `title`, `label`, `share`. */
  set areas(value: FeatureCollection) {
    if (value === this.data.areas) return;
    this.put("areas", value);
    this.put("labels", labelPoints(value));
  }

  /** Points with the properties `name`, `severity`. */
  set findings(value: FeatureCollection) {
    this.put("findings", value);
  }

  /** Name of the commune that is outlined. */
  set area(value: string) {
    this.chosen.area = value;
    this.outline();
  }

  /** Name of the parcel that is outlined. */
  set parcel(value: string) {
    this.chosen.parcel = value;
    this.outline();
  }

  /** West, south, east, north of what is shown first. */
  set bounds(value: [number, number, number, number] | undefined) {
    if (!value || value === this.box) return;
    this.box = value;
    this.map?.fitBounds(value, { padding: 24, animate: false, maxZoom: 17 });
  }

  set focusOn(value: Focus | undefined) {
    if (value === this.target) return;
    this.target = value;
    const point: Feature<Point>[] = value
      ? [{ type: "Feature", properties: {}, geometry: { type: "Point", coordinates: [value.lon, value.lat] } }]
      : [];
    this.put("focus", { type: "FeatureCollection", features: point });
    this.fly();
  }

  /** Colours follow the theme: another one draws the map anew. */
  set look(value: string) {
    if (this.theme !== undefined && this.theme !== value) {
      this.erase();
      this.theme = value;
      this.draw();
    }
    this.theme = value;
  }

  connectedCallback(): void {
    this.draw();
  }

  disconnectedCallback(): void {
    this.erase();
  }

  private erase(): void {
    this.map?.remove();
    this.map = undefined;
  }

  private draw(): void {
    if (!this.isConnected) return;
    try {
      this.map = new MapLibre({
        container: this,
        style: mapStyle(this.tiles && new URL(this.tiles, location.origin).href.replace(/%7B/g, "{").replace(/%7D/g, "}")),
        center: [108.1, 15.17],
        zoom: 9,
        maxZoom: 20,
        attributionControl: false,
        dragRotate: false,
        pitchWithRotate: false,
        ...(this.box ? { bounds: this.box, fitBoundsOptions: { padding: 24, maxZoom: 17 } } : {}),
        locale: {
          "NavigationControl.ZoomIn": t("map.zoom_in"),
          "NavigationControl.ZoomOut": t("map.zoom_out"),
          "Map.Title": t("map.title"),
        },
      });
    } catch {
      this.textContent = t("map.failed");
      return;
    }
    this.map.touchZoomRotate.disableRotation();
    this.map.addControl(new NavigationControl({ showCompass: false }), "top-right");
    this.map.addControl(new ScaleControl({ unit: "metric" }), "bottom-left");
    this.map.on("load", () => this.fill());
    this.map.on("click", (event) => this.pick(event));
    this.map.on("mousemove", (event) => {
      const layer = this.hit(event).layer;
      this.map!.getCanvas().style.cursor = layer === "ground" ? "" : "pointer";
    });
  }

  private fill(): void {
    for (const key of Object.keys(this.data) as (keyof typeof this.data)[]) this.put(key, this.data[key]);
    this.outline();
    this.fly();
    this.dataset["ready"] = "true";
  }

  private put(key: keyof typeof this.data, value: FeatureCollection): void {
    this.data[key] = value;
    const source = this.map?.getSource(key) as GeoJSONSource | undefined;
    void source?.setData(value);
  }

  private outline(): void {
    if (!this.map?.getLayer("areas-selected")) return;
    this.map.setFilter("areas-selected", ["==", ["get", "name"], this.chosen.area]);
    if (this.tiles) this.map.setFilter("parcels-selected", ["==", ["get", "name"], this.chosen.parcel]);
  }

  private fly(): void {
    if (!this.map || !this.target) return;
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const { lon, lat, zoom } = this.target;
    this.map.flyTo({ center: [lon, lat], zoom, animate: !still, duration: 700 });
  }

  private hit(event: MapMouseEvent): Pick {
    const { x, y } = event.point;
    const [least, most] = [this.map!.unproject([x - NEAR_PX, y + NEAR_PX]), this.map!.unproject([x + NEAR_PX, y - NEAR_PX])];
    const near: Pick["near"] = [least.lng, least.lat, most.lng, most.lat];
    const place = { lon: event.lngLat.lng, lat: event.lngLat.lat, near };
    for (const [id, layer] of PICKS) {
      if (!this.map!.getLayer(id)) continue;
      const reach = layer === "finding" ? 6 : 0;
      const [found] = this.map!.queryRenderedFeatures([[x - reach, y - reach], [x + reach, y + reach]], { layers: [id] });
      if (found) return { layer, properties: found.properties, ...place };
    }
    return { layer: "ground", properties: {}, ...place };
  }

  private pick(event: MapMouseEvent): void {
    this.dispatchEvent(new CustomEvent<Pick>("pick", { detail: this.hit(event) }));
  }
}

customElements.define("nl-map", MapElement);
