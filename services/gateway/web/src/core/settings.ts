/** What a person chose on this computer: language, watch area, days, and the view of the wall. */
import type { Lang } from "./i18n";

export interface Choices {
  lang: Lang;
  /** "" is the default watch area of the server. */
  watchArea: string;
  days: number;
  wall: boolean;
}

const KEY = "ngoclinh";
const defaults: Choices = { lang: "vi", watchArea: "", days: 30, wall: false };

/** The choices in use; change them through `choose`. */
export const choices: Choices = { ...defaults, ...stored() };

function stored(): Partial<Choices> {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Choices>;
  } catch {
    return {}; // private windows may forbid the storage
  }
}

/** Change choices and keep them. */
export function choose(change: Partial<Choices>): void {
  Object.assign(choices, change);
  try {
    localStorage.setItem(KEY, JSON.stringify(choices));
  } catch {
    // the choice holds until the page is closed
  }
}

/** The range of the situation in days as a query. */
export function since(days = choices.days): string {
  return new Date(Date.now() - days * 86_400_000).toISOString();
}
