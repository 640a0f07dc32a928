/** Starts the dashboard: language, theme, the page of the address, events of the server. */
import "./styles/fonts.css";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/parts.css";
import "./styles/pages.css";
import { nothing, render } from "lit-html";
import { ApiError, get, onStranger } from "./api/client";
import type { ListAlertsResponse } from "./api/messages";
import { listen } from "./api/live";
import { setLang, t, type Key } from "./core/i18n";
import { enter, type Door } from "./core/me";
import { watchReach } from "./core/reach";
import { problem } from "./core/resource";
import { locate, pageOf, type View } from "./core/router";
import { choices, choose } from "./core/settings";
import { loadWatchAreas, shell } from "./core/shell";
import { onAreas } from "./core/areas";
import { loadSources } from "./ui/articles";
import { signInPage } from "./ui/signin";
import { onToast } from "./ui/toast";

const root = document.getElementById("app")!;
const AGE_MS = 30_000; // ages on screen move on
const REFRESH_MS = 120_000; // figures are asked for again, events or not
const AREAS_MS = 3_000; // a page does not wait longer for the watch areas
const CALM_MS = 3_000; // a burst of events asks once

let view: View | undefined;
let place = locate(location.hash);
let openAlerts = 0;
let scheduled = false;
let door: Door = "in";

function update(): void {
  if (scheduled) return;
  scheduled = true;
  queueMicrotask(() => {
    scheduled = false;
    draw();
  });
}

function draw(): void {
  if (door !== "in") {
    document.title = `${t(door === "out" ? "signin.title" : "signin.change")} — Ngọc Linh`;
    render(signInPage(door, () => location.reload(), update, language), root);
    return;
  }
  const title: Key = view?.title ?? "nav.situation";
  document.title = `${t(title)} — Ngọc Linh`;
  document.documentElement.dataset["theme"] = choices.wall ? "wall" : "light";
  render(shell({ page: place.page, title, body: view?.render() ?? nothing, openAlerts, changed }), root);
}

function language(): void {
  choose({ lang: choices.lang === "vi" ? "en" : "vi" });
  changed("look");
}

function changed(what: "data" | "look"): void {
  setLang(choices.lang);
  if (what === "data") view?.refresh?.();
  update();
}

function arrived(): void {
  if (view?.arrived) void Promise.resolve(view.arrived()).catch(() => undefined);
  else view?.refresh?.();
}

async function navigate(): Promise<void> {
  const next = locate(location.hash);
  const same = view && next.page === place.page && next.path.join("/") === place.path.join("/");
  place = next;
  if (same && view?.requery) {
    view.requery(next.query);
    update();
    return;
  }
  const module = await pageOf(next.page).catch(() => undefined); // the server is gone
  if (place !== next) return; // a further step overtook this one
  view?.dispose?.();
  if (!module) {
    view = { title: "state.unreachable", render: () => problem(ApiError.from(new TypeError()), () => void navigate()) };
    draw();
    return;
  }
  view = module.default({ path: next.path, query: next.query, update });
  draw();
  document.getElementById("main")?.scrollTo(0, 0);
}

async function countAlerts(): Promise<void> {
  try {
    const open = await get<ListAlertsResponse>("/v1/alerts", { "filter.only_open": true, page_size: 1 });
    openAlerts = Number(open.total_count);
    update();
  } catch {
    openAlerts = 0; // alerts are a part of their own; the page of alerts tells what is wrong
  }
}

async function start(): Promise<void> {
  setLang(choices.lang);
  door = await enter();
  if (door !== "in") {
    draw();
    return;
  }
  onStranger(() => {
    door = "out";
    update();
  });
  onToast(update);
  onAreas(update);
  draw();
  const areas = Promise.race([loadWatchAreas().catch(() => undefined), new Promise((done) => setTimeout(done, AREAS_MS))]);
  void Promise.all([areas, pageOf(place.page).catch(() => undefined)]).then(navigate);
  window.addEventListener("hashchange", () => void navigate());
  window.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !choices.wall) return;
    choose({ wall: false });
    changed("look");
  });
  let calm = 0;
  listen((kind) => {
    if (kind === "alert") void countAlerts();
    clearTimeout(calm);
    calm = window.setTimeout(arrived, CALM_MS);
  });
  watchReach((better) => {
    update();
    if (better) view?.refresh?.();
  });
  setInterval(update, AGE_MS);
  setInterval(() => document.visibilityState === "visible" && arrived(), REFRESH_MS);
  void countAlerts();
  void loadSources().then(update, () => undefined);
}

void start();
