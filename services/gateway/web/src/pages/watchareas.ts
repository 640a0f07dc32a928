/** `#/watchareas`: the watch areas: which communes each has; add one, change it, remove it. */
import { html, nothing, type TemplateResult } from "lit-html";
import type { Area, ListAreasResponse, ListWatchAreasResponse, WatchArea } from "../api/messages";
import { ApiError, get, patch, post, remove, type Query } from "../api/client";
import { num } from "../core/format";
import { t } from "../core/i18n";
import { Resource, show } from "../core/resource";
import type { View, Context } from "../core/router";
import { loadWatchAreas } from "../core/shell";
import { icon } from "../ui/icons";
import { toast } from "../ui/toast";

const MOST_FOUND = 12; // communes that a search shows

/** Without marks and case, so that "tra leng" finds Trà Leng. */
const fold = (text: string): string =>
  text.normalize("NFD").replace(/\p{M}/gu, "").replace(/[đĐ]/g, "d").toLowerCase();

async function everyArea(query: Query): Promise<Area[]> {
  const all: Area[] = [];
  let token = "";
  do {
    const page = await get<ListAreasResponse>("/v1/areas", { ...query, "filter.edition": 2025, page_size: 1000, page_token: token });
    all.push(...page.areas);
    token = page.next_page_token;
  } while (token);
  return all;
}

/** The communes of today with the title of their province, by name. */
async function register(): Promise<Map<string, Commune>> {
  const [provinces, communes] = await Promise.all([
    everyArea({ "filter.level": "AREA_LEVEL_PROVINCE" }),
    everyArea({ "filter.level": "AREA_LEVEL_COMMUNE" }),
  ]);
  const above = new Map(provinces.map(({ name, title }) => [name, title]));
  return new Map(
    communes.map(({ name, title, code, parent }) => {
      const province = above.get(parent) ?? "";
      return [name, { name, title, code, province, key: `${fold(title)} ${code} ${fold(province)}` }];
    }),
  );
}

interface Commune {
  name: string;
  title: string;
  code: string;
  province: string;
  /** What a search looks in. */
  key: string;
}

/** A watch area that is being written; without a name it is a new one. */
interface Draft {
  name: string;
  title: string;
  areas: string[];
  query: string;
}

export default function watchAreas({ update }: Context): View {
  const list = new Resource<{ areas: WatchArea[]; communes: Map<string, Commune> }>(update);
  let draft: Draft | undefined;
  let failure = "";

  function refresh(): void {
    void list.load(async () => {
      const [{ watch_areas }, communes] = await Promise.all([
        get<ListWatchAreasResponse>("/v1/watchAreas", { page_size: 1000 }),
        list.data?.communes ?? register(),
      ]);
      return { areas: watch_areas, communes };
    });
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

  function found(communes: Map<string, Commune>, { query, areas }: Draft): Commune[] {
    const words = fold(query).split(/\s+/).filter(Boolean);
    if (!words.length) return [];
    const hits = [...communes.values()].filter(({ name, key }) => !areas.includes(name) && words.every((word) => key.includes(word)));
    return hits.slice(0, MOST_FOUND);
  }

  function form(now: Draft, communes: Map<string, Commune>): TemplateResult {
    const value = (event: Event): string => (event.target as HTMLInputElement).value;
    const chip = (name: string): TemplateResult => {
      const title = communes.get(name)?.title ?? name;
      const drop = (): void => set({ areas: now.areas.filter((one) => one !== name) });
      return html`<li><button type="button" class="button small" aria-label=${t("watch.drop", { title })} @click=${drop}>${title} ${icon("close")}</button></li>`;
    };
    const hit = ({ name, title, code, province }: Commune): TemplateResult =>
      html`<li><button type="button" class="button small" @click=${() => set({ areas: [...now.areas, name], query: "" })}>${icon("clip")}${title} (${code}), ${province}</button></li>`;
    return html`<form class="editor" aria-label=${t("watch.form")} @submit=${save}>
      <div class="fields">
        <label class="field"><span>${t("watch.title")}</span>
          <input name="title" required maxlength="100" autocomplete="off" .value=${now.title} @input=${(event: Event) => set({ title: value(event) })} /></label>
        <label class="field"><span>${t("watch.search")}</span>
          <input type="search" name="commune" maxlength="100" autocomplete="off" .value=${now.query} @input=${(event: Event) => set({ query: value(event) })} /></label>
      </div>
      <ul class="plain checks" aria-label=${t("watch.found")}>${found(communes, now).map(hit)}</ul>
      <fieldset>
        <legend>${t("watch.chosen", { n: num(now.areas.length) })}</legend>
        <ul class="plain checks">${now.areas.map(chip)}</ul>
      </fieldset>
      <p class="bar">
        <button class="button primary" ?disabled=${!now.areas.length}>${t("users.save")}</button>
        <button type="button" class="button" @click=${() => open(undefined)}>${t("action.cancel")}</button>
      </p>
    </form>`;
  }

  function row(area: WatchArea, communes: Map<string, Commune>): TemplateResult {
    const edit = (): void => open({ name: area.name, title: area.title, areas: [...area.areas], query: "" });
    return html`<tr data-watch-area=${area.name}>
        <th scope="row">${area.title}<small class="muted">${area.name.replace("watchAreas/", "")}</small></th>
        <td>${area.areas.map((name) => communes.get(name)?.title ?? name).join(", ")}</td>
        <td class="buttons">
          <button class="button small" @click=${edit}>${t("action.edit")}</button>
          <button class="button small danger" @click=${() => erase(area)}>${t("action.delete")}</button>
        </td>
      </tr>
      ${draft?.name === area.name ? html`<tr><td colspan="3">${form(draft, communes)}</td></tr>` : nothing}`;
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
          ({ areas, communes }) => html`<div class="scroll" tabindex="0" role="group" aria-label=${t("nav.watchareas")}>
              <table class="dense">
                <thead>
                  <tr><th scope="col">${t("watch.title")}</th><th scope="col">${t("watch.communes")}</th><th scope="col"><span class="sr">${t("source.actions")}</span></th></tr>
                </thead>
                <tbody>${areas.map((area) => row(area, communes))}</tbody>
              </table>
            </div>
            ${draft && !draft.name
              ? form(draft, communes)
              : html`<p class="bar"><button class="button" @click=${() => open({ name: "", title: "", areas: [], query: "" })}>${icon("clip")}${t("watch.add")}</button></p>`}`,
        )}
      </section>`,
  };
}
