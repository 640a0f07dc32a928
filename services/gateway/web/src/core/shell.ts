/** The frame around all pages: navigation, watch area, days, language, wall view. */
import { html, nothing, type TemplateResult } from "lit-html";
import type { ListWatchAreasResponse, WatchArea } from "../api/messages";
import { get } from "../api/client";
import { icon, type IconName } from "../ui/icons";
import { toasts } from "../ui/toast";
import { lang, t, tx, type Key } from "./i18n";
import { may, roles, signOut, userName } from "./me";
import { banner } from "./reach";
import { go, href } from "./router";
import { choices, choose } from "./settings";

interface Entry {
  page: string;
  key: Key;
  icon: IconName;
  /** The method that the page is of no use without. */
  needs?: string;
}

const ENTRIES: Entry[] = [
  { page: "", key: "nav.situation", icon: "situation" },
  { page: "news", key: "nav.news", icon: "news" },
  { page: "land", key: "nav.land", icon: "land" },
  { page: "alerts", key: "nav.alerts", icon: "alert" },
  { page: "brief", key: "nav.brief", icon: "brief" },
  { page: "clip", key: "nav.clip", icon: "clip", needs: "MediaService/SubmitArticle" },
  { page: "sources", key: "nav.sources", icon: "source" },
  { page: "quarantine", key: "nav.quarantine", icon: "quarantine", needs: "OperationsService/ListQuarantined" },
  { page: "settings", key: "nav.settings", icon: "settings", needs: "MaintenanceService/GetMaintenance" },
  { page: "users", key: "nav.users", icon: "person", needs: "AccessService/ListUsers" },
  { page: "audit", key: "nav.audit", icon: "clock", needs: "AccessService/ListAuditEntries" },
  { page: "help", key: "nav.help", icon: "help" },
];
const shown = (): Entry[] => ENTRIES.filter(({ needs }) => !needs || may(needs));
const ON_PHONE = 4; // entries at the bottom of a phone; the others are in the menu
export const DAYS = [1, 7, 30, 90];

/** What the shell shows besides the page. */
export interface Frame {
  page: string;
  title: Key;
  body: TemplateResult | typeof nothing;
  openAlerts: number;
  /** The watch area, the days or the language changed. */
  changed: (what: "data" | "look") => void;
}

let watchAreas: WatchArea[] = [];
let menuOpen = false;

/** Load the watch areas for the choice; without them the default one of the server is used. */
export async function loadWatchAreas(): Promise<void> {
  watchAreas = (await get<ListWatchAreasResponse>("/v1/watchAreas", { page_size: 200 })).watch_areas;
  if (!watchAreas.some(({ name }) => name === choices.watchArea)) choose({ watchArea: "" });
}

/** Title of the watch area in use. */
export const watchAreaTitle = (): string =>
  (watchAreas.find(({ name }) => name === choices.watchArea) ?? watchAreas[0])?.title ?? "";

/** Name of the watch area in use; the first one stands for the default until one was chosen. */
export const watchArea = (): string => choices.watchArea || (watchAreas[0]?.name ?? "");

function entry({ page, key, icon: shape }: Entry, frame: Frame): TemplateResult {
  const here = page === frame.page || (page === "land" && frame.page === "imports");
  const count = page === "alerts" && frame.openAlerts > 0 ? frame.openAlerts : 0;
  return html`<a href=${href(page)} class="nav-item" aria-current=${here ? "page" : nothing} @click=${closeMenu}>
    ${icon(shape)}<span>${t(key)}</span>
    ${count ? html`<b class="count" aria-label=${t("alerts.open_count", { n: count })}>${count}</b>` : nothing}
  </a>`;
}

const closeMenu = (): void => void (menuOpen = false);

function search(event: SubmitEvent): void {
  event.preventDefault();
  const form = event.target as HTMLFormElement;
  go(href("news", { query: String(new FormData(form).get("query") ?? "") }));
}

function controls(frame: Frame): TemplateResult {
  const pick = (change: Parameters<typeof choose>[0]): void => {
    choose(change);
    frame.changed("data");
  };
  return html`<div class="controls">
    <form class="search" role="search" @submit=${search}>
      ${icon("search")}
      <input type="search" name="query" maxlength="500" aria-label=${t("search.label")} placeholder=${t("search.hint")} />
    </form>
    <select
      aria-label=${t("shell.watch_area")}
      @change=${(event: Event) => pick({ watchArea: (event.target as HTMLSelectElement).value })}
    >
      ${watchAreas.map(
        ({ name, title }) => html`<option value=${name} ?selected=${name === watchArea()}>${title}</option>`,
      )}
    </select>
    <select
      aria-label=${t("shell.days")}
      @change=${(event: Event) => pick({ days: Number((event.target as HTMLSelectElement).value) })}
    >
      ${DAYS.map((n) => html`<option value=${n} ?selected=${n === choices.days}>${t("shell.last_days", { n })}</option>`)}
    </select>
  </div>`;
}

function wallSwitch(frame: Frame, look: string): TemplateResult {
  const wall = (): void => {
    choose({ wall: !choices.wall });
    if (choices.wall) go(href(""));
    frame.changed("look");
  };
  return html`<button class=${look} data-switch="wall" aria-pressed=${choices.wall ? "true" : "false"} @click=${wall}>
    ${icon("wall")}<span>${choices.wall ? t("shell.wall_off") : t("shell.wall")}</span>
  </button>`;
}

function switches(frame: Frame): TemplateResult {
  const language = (): void => {
    choose({ lang: lang() === "vi" ? "en" : "vi" });
    frame.changed("look");
  };
  return html`<div class="switches">
    <button class="quiet" data-switch="lang" lang=${lang() === "vi" ? "en" : "vi"} @click=${language}>
      ${lang() === "vi" ? "English" : "Tiếng Việt"}
    </button>
    ${wallSwitch(frame, "quiet")} ${user()}
  </div>`;
}

/** Who signed in, as what, and the way out; nothing where nobody has to. */
function user(): TemplateResult | typeof nothing {
  if (!userName()) return nothing;
  const stay = (): void => location.reload(); // the cookie is gone in any case
  const leave = (): void => void signOut().then((next) => (next ? location.assign(next) : stay()), stay);
  return html`<section class="user" aria-label=${t("user.label")}>
    <b>${userName()}</b> <span>${roles().map((role) => tx(`role.${role}`, role)).join(", ")}</span>
    <button class="quiet" @click=${leave}>${t("signin.leave")}</button>
  </section>`;
}

/** The whole screen. */
export function shell(frame: Frame): TemplateResult {
  const toggle = (): void => {
    menuOpen = !menuOpen;
    frame.changed("look");
  };
  return html`<a class="skip" href="#main" @click=${skip}>${t("shell.skip")}</a>
    <header class="top">
      <a class="brand" href="#/">
        <img src="/icon.svg" alt="" width="28" height="28" />
        <span>Ngọc Linh</span>
      </a>
      <h1>${t(frame.title)}</h1>
      ${controls(frame)} ${choices.wall ? wallSwitch(frame, "quiet") : nothing}
      <button class="quiet menu" aria-expanded=${menuOpen ? "true" : "false"} aria-controls="nav" @click=${toggle}>
        ${icon(menuOpen ? "close" : "menu")}<span class="sr">${t("shell.menu")}</span>
      </button>
    </header>
    <nav id="nav" class=${menuOpen ? "side open" : "side"} aria-label=${t("shell.nav")}>
      ${shown().map((one) => entry(one, frame))} ${switches(frame)}
    </nav>
    ${banner()}
    <main id="main" tabindex="-1" class="page-${frame.page || "situation"}">${frame.body}</main>
    <nav class="bottom" aria-label=${t("shell.nav_short")}>
      ${shown().slice(0, ON_PHONE).map((one) => entry(one, frame))}
    </nav>
    ${toasts()}`;
}

function skip(event: Event): void {
  event.preventDefault(); // the hash is the address of the page
  document.getElementById("main")?.focus();
}
