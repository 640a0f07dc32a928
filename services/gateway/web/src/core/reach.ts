/** Which parts answer: the server, and the stores behind it. Every page says what does not, and since when. */
import { html, nothing, type TemplateResult } from "lit-html";
import { ApiError, get, onFailure } from "../api/client";
import type { Health, StoreHealth } from "../api/messages";
import { icon } from "../ui/icons";
import { ago, dateTime } from "./format";
import { t, type Key } from "./i18n";

const LOOK_MS = 15_000;
const AGAIN_MS = 2_000; // failures in a row ask once

let offlineSince = "";
let silent: StoreHealth[] = [];
let lookedAt = 0;

const troubled = (): boolean => offlineSince !== "" || silent.length > 0;

async function look(changed: (better: boolean) => void): Promise<void> {
  if (Date.now() - lookedAt < AGAIN_MS) return;
  lookedAt = Date.now();
  const before = offlineSince + silent.map(({ name, silent_since }) => name + String(silent_since)).join();
  const was = troubled();
  try {
    const { stores } = await get<Health>("/v1/health");
    silent = stores.filter(({ reachable }) => !reachable);
    offlineSince = "";
  } catch (error) {
    if (ApiError.from(error).status !== 0) return; // it answers; the page tells what is wrong
    offlineSince ||= new Date().toISOString();
  }
  const now = offlineSince + silent.map(({ name, silent_since }) => name + String(silent_since)).join();
  if (now !== before) changed(was && !troubled());
}

/** Look now and then, and at once after a call that failed; `changed` hears whether all is well again. */
export function watchReach(changed: (better: boolean) => void): void {
  const again = (): void => void look(changed);
  onFailure(again);
  setInterval(() => document.visibilityState === "visible" && again(), LOOK_MS);
  again();
}

const line = (text: string): TemplateResult => html`<p>${icon("warning")}<span>${text}</span></p>`;

/** What does not answer, since when, and what that means for the figures; nothing while all is well. */
export function banner(): TemplateResult | typeof nothing {
  if (!troubled()) return nothing;
  const since = (iso: string | undefined): { time: string; ago: string } => ({ time: dateTime(iso), ago: ago(iso) });
  const lines = offlineSince
    ? [line(t("reach.offline", since(offlineSince)))]
    : silent.map(({ name, silent_since }) => {
        const part = t("reach.silent", { part: t(`health.${name}` as Key), ...since(silent_since) });
        return line(`${part} ${t(`reach.effect.${name}` as Key)}`);
      });
  return html`<div class="banner" role="alert">${lines}</div>`;
}
