/** `#/watchareas`: the watch areas: which communes each has; add one, change it, remove it. */
import { html, nothing, type TemplateResult } from "lit-html";
import type { AreaMatch, ListWatchAreasResponse, SearchAreasResponse, WatchArea } from "../api/messages";
import { ApiError, get, patch, post, remove } from "../api/client";
import { areaTitle, keepTitle } from "../core/areas";
import { num } from "../core/format";
import { t } from "../core/i18n";
import { Resource, show } from "../core/resource";
import type { View, Context } from "../core/router";
import { loadWatchAreas } from "../core/shell";
import { icon } from "../ui/icons";
import { roving, tabStop } from "../ui/roving";
import { toast } from "../ui/toast";

const MOST_FOUND = 12; // communes that a search shows
const NONE: SearchAreasResponse = { matches: [] };
const PAUSE_MS = 150; // without a key before what is typed is searched for

/** A watch area that is being written; without a name it is a new one. */
interface Draft {
  name: string;
  title: string;
  areas: string[];
  query: string;
}

/** What a search gave, and what it was for. */
interface Found extends SearchAreasResponse {
  query: string;
}

export default function watchAreas({ update }: Context): View {
  const list = new Resource<ListWatchAreasResponse>(update);
  const found = new Resource<Found>(update);
  let typing: ReturnType<typeof setTimeout> | undefined;
  let draft: Draft | undefined;
  let failure = "";

  function refresh(): void {
    void list.load(() => get("/v1/watchAreas", { page_size: 1000 }));
  }

  async function act(work: Promise<unknown>, done: string): Promise<void> {
    try {
      await work;
      [draft, failure] = [undefined, ""];
      toast(done);
      await loadWatchAreas();
    } catch (error) {
      failure = ApiError.from(error).text();
    }
    refresh();
  }

  function save(event: SubmitEvent): void {
    event.preventDefault();
    if (!draft) return;
    const { name, title, areas } = draft;
    const work = name ? patch(`/v1/${name}?update_mask=title,areas`, { name, title, areas }) : post("/v1/watchAreas", { title, areas });
    void act(work, t("watch.saved", { title }));
  }

  function erase({ name, title }: WatchArea): void {
    if (confirm(t("watch.delete_sure", { title }))) void act(remove(`/v1/${name}`), t("watch.deleted", { title }));
  }

  function open(next: Draft | undefined): void {
    [draft, failure] = [next, ""];
    update();
  }

  function set(change: Partial<Draft>): void {
    if (draft) draft = { ...draft, ...change };
    update();
  }

  /** Look for what is typed: at once, or when no key has come for a moment. */
  function search(pause: number): void {
    clearTimeout(typing);
    typing = setTimeout(() => {
      const query = draft?.query.trim() ?? "";
      const limit = Math.min(100, MOST_FOUND + (draft?.areas.length ?? 0)); // those that are chosen are not shown again
      void found.load(async () => {
        const { matches } = query ? await get<SearchAreasResponse>("/v1/areas:search", { query, level: "AREA_LEVEL_COMMUNE", limit }) : NONE;
        return { query, matches };
      });
    }, pause);
  }

  /** Change which communes the draft has; what is typed next is another one. */
  function choose(areas: string[]): void {
    set({ areas, query: "" });
    search(0);
    document.querySelector<HTMLInputElement>("input[name=commune]")?.focus();
  }

  function keys(event: KeyboardEvent): void {
    const first = document.querySelector<HTMLElement>(".communes.found [data-stop]");
    if (event.key === "Enter") search(0);
    else if (event.key !== "ArrowDown" || !first) return;
    else first.focus();
    event.preventDefault(); // Enter would save the draft
  }

  function hit({ area, above, former }: AreaMatch, index: number): TemplateResult {
    const { name, title, code } = area!;
    const add = (): void => {
      keepTitle(name, title);
      choose([...draft!.areas, name]);
    };
    return html`<li>
      <button type="button" class="button small" data-stop tabindex=${tabStop(index, -1)} @click=${add}>${icon("clip")}${title} (${code}), ${above}</button>
      ${former ? html`<small class="muted">${t("watch.former", { former })}</small>` : nothing}
    </li>`;
  }

  function hits({ query, areas }: Draft): TemplateResult {
    if (!query.trim()) return html``;
    return show(found, ({ query: answered, matches }) => {
      const fresh = matches.filter(({ area }) => !areas.includes(area!.name)).slice(0, MOST_FOUND);
      const told = fresh.length ? t("watch.best", { n: num(fresh.length) }) : t(matches.length ? "watch.all_chosen" : "watch.none");
      return html`<p class="muted" role="status">${answered === query.trim() ? told : ""}</p>
        <ul class="plain checks communes found" aria-label=${t("watch.found")} @keydown=${roving}>${fresh.map(hit)}</ul>`;
    });
  }

  function form(now: Draft): TemplateResult {
    const value = (event: Event): string => (event.target as HTMLInputElement).value;
    const typed = (event: Event): void => {
      set({ query: value(event) });
      search(PAUSE_MS);
    };
    const chip = (name: string): TemplateResult => {
      const title = areaTitle(name);
      const drop = (): void => choose(now.areas.filter((one) => one !== name));
      return html`<li><button type="button" class="button small" aria-label=${t("watch.drop", { title })} @click=${drop}>${title} ${icon("close")}</button></li>`;
    };
    return html`<form class="editor" aria-label=${t("watch.form")} @submit=${save}>
      <div class="fields">
        <label class="field"><span>${t("watch.title")}</span>
          <input name="title" required maxlength="100" autocomplete="off" .value=${now.title} @input=${(event: Event) => set({ title: value(event) })} /></label>
        <label class="field"><span>${t("watch.search")}</span>
          <input type="search" name="commune" maxlength="100" autocomplete="off" .value=${now.query} @input=${typed} @keydown=${keys} /></label>
      </div>
      ${hits(now)}
      <fieldset>
        <legend>${t("watch.chosen", { n: num(now.areas.length) })}</legend>
        <ul class="plain checks communes">${now.areas.map(chip)}</ul>
      </fieldset>
      <p class="bar">
        <button class="button primary" ?disabled=${!now.areas.length}>${t("users.save")}</button>
        <button type="button" class="button" @click=${() => open(undefined)}>${t("action.cancel")}</button>
      </p>
    </form>`;
  }

  function row(area: WatchArea): TemplateResult {
    const edit = (): void => open({ name: area.name, title: area.title, areas: [...area.areas], query: "" });
    return html`<tr data-watch-area=${area.name}>
        <th scope="row">${area.title}<small class="muted">${area.name.replace("watchAreas/", "")}</small></th>
        <td>${area.areas.map(areaTitle).join(", ")}</td>
        <td class="buttons">
          <button class="button small" @click=${edit}>${t("action.edit")}</button>
          <button class="button small danger" @click=${() => erase(area)}>${t("action.delete")}</button>
        </td>
      </tr>
      ${draft?.name === area.name ? html`<tr><td colspan="3">${form(draft)}</td></tr>` : nothing}`;
  }

  refresh();

  return {
    title: "nav.watchareas",
    refresh,
    arrived: () => undefined, // nobody's form is taken away under their hands
    render: () => html`${failure ? html`<p class="problem" role="alert">${failure}</p>` : nothing}
      <section class="panel" aria-labelledby="watch-title">
        <header><h2 id="watch-title">${t("nav.watchareas")}</h2></header>
        <p class="muted pad">${t("watch.help")}</p>
        ${show(
          list,
          ({ watch_areas }) => html`<div class="scroll" tabindex="0" role="group" aria-label=${t("nav.watchareas")}>
              <table class="dense">
                <thead>
                  <tr><th scope="col">${t("watch.title")}</th><th scope="col">${t("watch.communes")}</th><th scope="col"><span class="sr">${t("source.actions")}</span></th></tr>
                </thead>
                <tbody>${watch_areas.map(row)}</tbody>
              </table>
            </div>
            ${draft && !draft.name
              ? form(draft)
              : html`<p class="bar"><button class="button" @click=${() => open({ name: "", title: "", areas: [], query: "" })}>${icon("clip")}${t("watch.add")}</button></p>`}`,
        )}
      </section>`,
  };
}
