/** A representative point of a well-known binary geometry in base64, in the coordinates of the file. */

/** The middle of the bounds of all vertices as [east, north]; undefined where the bytes hold no geometry. */
export function centreOfWkb(base64: string): [number, number] | undefined {
  if (!base64) return undefined;
  const binary = atob(base64);
  const view = new DataView(Uint8Array.from(binary, (char) => char.charCodeAt(0)).buffer);
  const bounds = [Infinity, Infinity, -Infinity, -Infinity] as [number, number, number, number];
  try {
    geometry(view, 0, bounds);
  } catch (error) {
    if (error instanceof RangeError) return undefined; // truncated
    throw error;
  }
  const [west, south, east, north] = bounds;
  return west <= east ? [(west + east) / 2, (south + north) / 2] : undefined;
}

/** Widen the bounds by the geometry at `start`; the position behind it. */
function geometry(view: DataView, start: number, bounds: [number, number, number, number]): number {
  const little = view.getUint8(start) === 1;
  const code = view.getUint32(start + 1, little);
  let at = start + 5 + (code & 0x20000000 ? 4 : 0); // EWKB carries the EPSG code
  const iso = (code & 0xffff) % 1000;
  const extra = Math.floor((code & 0xffff) / 1000);
  const dimensions = 2 + (code & 0x80000000 || extra === 1 || extra === 3 ? 1 : 0) + (code & 0x40000000 || extra >= 2 ? 1 : 0);
  const count = (): number => {
    const value = view.getUint32(at, little);
    at += 4;
    return value;
  };
  const points = (number: number): void => {
    for (let i = 0; i < number; i += 1, at += dimensions * 8) {
      const [x, y] = [view.getFloat64(at, little), view.getFloat64(at + 8, little)];
      bounds[0] = Math.min(bounds[0], x);
      bounds[1] = Math.min(bounds[1], y);
      bounds[2] = Math.max(bounds[2], x);
      bounds[3] = Math.max(bounds[3], y);
    }
  };
  if (iso === 1) points(1);
  else if (iso === 2) points(count());
  else if (iso === 3) for (let rings = count(); rings > 0; rings -= 1) points(count());
  else for (let parts = count(); parts > 0; parts -= 1) at = geometry(view, at, bounds);
  return at;
}
