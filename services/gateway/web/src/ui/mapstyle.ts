/** Layers of the map: communes, parcels, findings. There is no base map: nothing is fetched from outside. */
import type { ExpressionSpecification, LayerSpecification, StyleSpecification } from "maplibre-gl";

const css = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const FONT = ["Be Vietnam Pro"];

/** Colours of the shares of the largest value, 0 to 1; the last one is the darkest. */
export const STEPS = ["step-0", "step-1", "step-2", "step-3", "step-4"] as const;

/** A colour by the share of the largest value that a commune has. */
function byShare(): ExpressionSpecification {
  const stops = STEPS.slice(1).flatMap((name, index) => [[0.001, 0.25, 0.5, 0.75][index]!, css(name)]);
  return ["step", ["coalesce", ["get", "share"], 0], css(STEPS[0]), ...stops] as unknown as ExpressionSpecification;
}

/** A value by the counts of findings on a parcel. */
const byFault = (error: string, warning: string, sound: string): ExpressionSpecification => [
  "case",
  [">", ["coalesce", ["get", "error_count"], 0], 0],
  css(error),
  [">", ["coalesce", ["get", "warning_count"], 0], 0],
  css(warning),
  css(sound),
];

/** A value by the severity of a finding. */
const bySeverity = (error: string, warning: string, info: string): ExpressionSpecification => [
  "match",
  ["to-string", ["get", "severity"]],
  ["SEVERITY_ERROR", "3"],
  error,
  ["SEVERITY_WARNING", "2"],
  warning,
  info,
];

function areaLayers(): LayerSpecification[] {
  const source = "areas";
  return [
    { id: "areas", source, type: "fill", paint: { "fill-color": byShare(), "fill-opacity": 0.9 } },
    { id: "areas-line", source, type: "line", paint: { "line-color": css("map-line"), "line-width": 1.2 } },
    {
      id: "areas-selected",
      source,
      type: "line",
      filter: ["==", ["get", "name"], ""],
      paint: { "line-color": css("accent"), "line-width": 3.5 },
    },
  ];
}

function areaLabels(): LayerSpecification {
  return {
    id: "areas-label",
    source: "labels",
    type: "symbol",
    maxzoom: 15,
    layout: {
      "text-field": ["concat", ["get", "title"], "\n", ["get", "label"]],
      "text-font": FONT,
      "text-size": 13,
      "text-line-height": 1.25,
      "text-variable-anchor": ["center", "top", "bottom", "left", "right"],
      "text-radial-offset": 0.3,
      "text-max-width": 9,
    },
    paint: { "text-color": css("map-text"), "text-halo-color": css("map-halo"), "text-halo-width": 1.6 },
  };
}

function parcelLayers(): LayerSpecification[] {
  const parcels = { source: "tiles", "source-layer": "parcels" };
  return [
    {
      id: "parcels",
      ...parcels,
      type: "fill",
      paint: { "fill-color": byFault("parcel-error", "parcel-warning", "parcel-sound"), "fill-opacity": 0.75 },
    },
    {
      id: "parcels-line",
      ...parcels,
      type: "line",
      minzoom: 12,
      paint: {
        "line-color": css("parcel-line"),
        "line-width": ["interpolate", ["linear"], ["zoom"], 12, 0.2, 15, 0.8, 18, 1.6],
      },
    },
    {
      id: "parcels-selected",
      ...parcels,
      type: "line",
      filter: ["==", ["get", "name"], ""],
      paint: { "line-color": css("accent"), "line-width": 3 },
    },
    {
      id: "parcels-label",
      ...parcels,
      type: "symbol",
      minzoom: 16,
      layout: {
        "text-field": ["concat", ["to-string", ["get", "number"]], "\n", ["to-string", ["get", "land_use_code"]]],
        "text-font": FONT,
        "text-size": 11,
      },
      paint: { "text-color": css("map-text"), "text-halo-color": css("map-halo"), "text-halo-width": 1.2 },
    },
  ];
}

function findingLayers(id: string, source: { source: string; "source-layer"?: string }): LayerSpecification[] {
  return [
    {
      id,
      ...source,
      type: "circle",
      paint: {
        "circle-color": bySeverity(css("error"), css("warning"), css("info")),
        "circle-radius": ["interpolate", ["linear"], ["zoom"], 10, 3, 14, 5, 17, 9],
        "circle-stroke-color": css("map-halo"),
        "circle-stroke-width": 1.2,
      },
    },
    {
      id: `${id}-sign`,
      ...source,
      type: "symbol",
      minzoom: 14,
      layout: {
        "text-field": bySeverity("×", "!", "i"),
        "text-font": FONT,
        "text-size": ["interpolate", ["linear"], ["zoom"], 14, 9, 17, 15],
        "text-allow-overlap": true,
      },
      paint: { "text-color": "#ffffff" },
    },
  ];
}

const EMPTY = { type: "geojson" as const, data: { type: "FeatureCollection" as const, features: [] } };

/** The style with all layers; `tiles` is the address of the vector tiles, undefined for none. */
export function mapStyle(tiles: string | undefined): StyleSpecification {
  const own = tiles
    ? [...parcelLayers(), ...findingLayers("tile-findings", { source: "tiles", "source-layer": "findings" })]
    : [];
  return {
    version: 8,
    sources: {
      areas: EMPTY,
      labels: EMPTY,
      findings: EMPTY,
      focus: EMPTY,
      ...(tiles ? { tiles: { type: "vector", tiles: [tiles], minzoom: 8, maxzoom: 18 } } : {}),
    },
    layers: [
      { id: "ground", type: "background", paint: { "background-color": css("map-ground") } },
      ...areaLayers(),
      ...own,
      ...findingLayers("findings", { source: "findings" }),
      {
        id: "focus",
        source: "focus",
        type: "circle",
        paint: {
          "circle-color": "transparent",
          "circle-radius": 16,
          "circle-stroke-color": css("accent"),
          "circle-stroke-width": 3,
        },
      },
      areaLabels(),
    ],
  };
}
