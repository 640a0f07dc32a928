/** Numbers, times and coordinates as people of the office read them. Times are those of Vietnam (UTC+7). */
import { lang, t } from "./i18n";

const ZONE = "Asia/Ho_Chi_Minh";
const DAY_MS = 86_400_000;
const ZONE_MS = 7 * 3_600_000; // Vietnam has had one offset, without summer time, since 1975

const locale = (): string => (lang() === "vi" ? "vi-VN" : "en-GB");

/** An integer or decimal with the separators of the language. 64-bit integers arrive as strings. */
export function num(value: number | string | undefined, digits = 0): string {
  const number = Number(value ?? 0);
  return number.toLocaleString(locale(), { maximumFractionDigits: digits, minimumFractionDigits: 0 });
}

/** Square metres up to a hectare, hectares above. */
export function areaText(m2: number): string {
  return m2 < 10_000 ? `${num(m2, 1)} m²` : `${num(m2 / 10_000, 1)} ha`;
}

/** A share, 0 to 1, as per cent. */
export const percent = (share: number): string => `${num(share * 100)} %`;

/** Bytes in kB, MB or GB. */
export function bytes(count: number | string): string {
  const kb = Number(count) / 1000;
  if (kb < 1000) return `${num(kb, 1)} kB`;
  return kb < 1e6 ? `${num(kb / 1000, 1)} MB` : `${num(kb / 1e6, 1)} GB`;
}

/** Date and time of Vietnam. */
export function dateTime(iso: string | undefined): string {
  if (!iso) return "—";
  return new Date(iso).toLocaleString(locale(), {
    timeZone: ZONE,
    day: "2-digit",
    month: "2-digit",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
  });
}

/** Day of Vietnam, with the year unless `short`. */
export function dayText(iso: string, short = false): string {
  const [year, month, date] = isoDay(0, Date.parse(iso)).split("-");
  return short ? `${date}/${month}` : `${date}/${month}/${year}`;
}

/** How long ago a moment was, in words. */
export function ago(iso: string | undefined, now = Date.now()): string {
  if (!iso) return t("age.none");
  const seconds = Math.round((now - Date.parse(iso)) / 1000);
  if (seconds < -60) return dateTime(iso);
  if (seconds < 60) return t("age.now");
  const steps = [
    [3600, 60, "age.minutes"],
    [86_400, 3600, "age.hours"],
    [Infinity, 86_400, "age.days"],
  ] as const;
  for (const [limit, unit, key] of steps) {
    if (seconds < limit) return t(key, { n: num(Math.floor(seconds / unit)) });
  }
  return "";
}

/** The ISO date of today in Vietnam, `offset` days later. */
export function isoDay(offset = 0, now = Date.now()): string {
  return new Date(now + ZONE_MS + offset * DAY_MS).toISOString().slice(0, 10);
}

/** The moment at which a day of Vietnam begins, RFC 3339. */
export function dayStart(day: string, offset = 0): string {
  return new Date(Date.parse(`${day}T00:00:00+07:00`) + offset * DAY_MS).toISOString();
}

/** Plane coordinates in the order of Vietnamese documents: X north, Y east, in metres. */
export const planeText = (east: number, north: number): string => `X ${num(north, 2)} · Y ${num(east, 2)}`;

/** Degrees, latitude first. */
export function degreesText(lon: number, lat: number): string {
  return `${lat.toFixed(6)}° N, ${lon.toFixed(6)}° E`;
}
