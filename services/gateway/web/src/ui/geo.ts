/** Small helpers over GeoJSON. */
import type { Feature, FeatureCollection } from "geojson";

/** One point for each commune, where its name stands: its register point, else the middle of its bounds. */
export function labelPoints(areas: FeatureCollection): FeatureCollection {
  const features = areas.features.map((feature): Feature => {
    const own = feature.properties?.["point"] as [number, number] | undefined;
    return { ...feature, geometry: { type: "Point", coordinates: own ?? middle(feature) } };
  });
  return { type: "FeatureCollection", features };
}

function middle(feature: Feature): [number, number] {
  const [west, south, east, north] = boundsOf([feature]) ?? [0, 0, 0, 0];
  return [(west + east) / 2, (south + north) / 2];
}

/** West, south, east, north of features; undefined where there is no vertex. */
export function boundsOf(features: Feature[]): [number, number, number, number] | undefined {
  const box: [number, number, number, number] = [Infinity, Infinity, -Infinity, -Infinity];
  const walk = (value: unknown): void => {
    if (!Array.isArray(value)) return;
    if (typeof value[0] !== "number") return value.forEach(walk);
    const [x, y] = value as [number, number];
    [box[0], box[1], box[2], box[3]] = [Math.min(box[0], x), Math.min(box[1], y), Math.max(box[2], x), Math.max(box[3], y)];
  };
  for (const { geometry } of features) if ("coordinates" in geometry) walk(geometry.coordinates);
  return box[0] <= box[2] ? box : undefined;
}
