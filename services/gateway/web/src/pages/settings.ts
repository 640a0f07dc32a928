/** `#/settings`: care for one installation: backups, the next release, what runs by itself, the settings in force. */
import { html, nothing, type TemplateResult } from "lit-html";
import type { Chore, ListSettingsResponse, Maintenance, Setting, WorkState } from "../api/messages";
import { ApiError, get, post } from "../api/client";
import { dateTime } from "../core/format";
import { local, t, tx } from "../core/i18n";
import { Resource, show } from "../core/resource";
import { href, type Context, type View } from "../core/router";
import { icon, type IconName } from "../ui/icons";
import { age } from "../ui/labels";
import { toast } from "../ui/toast";
import { backups, restored } from "./backups";
import { installing, release } from "./release";

const POLL_MS = 1_000; // while something is under way
const OVER = new Set(["RESTORE_STATE_DONE", "RESTORE_STATE_FAILED", "RESTORE_STATE_TAKEN_BACK"]);

const LOOKS: Record<WorkState, [IconName, string]> = {
  WORK_STATE_UNSPECIFIED: ["clock", "neutral"],
  WORK_STATE_RUNNING: ["clock", "neutral"],
  WORK_STATE_DONE: ["check", "good"],
  WORK_STATE_REFUSED: ["warning", "warning"],
  WORK_STATE_FAILED: ["error", "error"],
};

/** Is something under way whose end is waited for? */
const busy = (now: Maintenance): boolean => installing(now) || working(now);
const working = ({ chores, backup_run, restore }: Maintenance): boolean =>
  chores.some(({ state }) => state === "WORK_STATE_RUNNING") ||
  backup_run?.state === "WORK_STATE_RUNNING" ||
  (restore !== undefined && !OVER.has(restore.state));

export default function settings({ update }: Context): View {
  const now = new Resource<Maintenance>(update);
  const list = new Resource<ListSettingsResponse>(update);
  const saved = backups(update, told);
  const next = release(update, told, () => void look());
  let timer = 0;
  let query = "";
  let changedOnly = true;
  let wasBusy = false;

  function told(answer: Maintenance): void {
    now.data = answer;
    follow();
    update();
  }

  /** Look again soon while something is under way, also through a restart; at its end look at everything. */
  function follow(): void {
    clearTimeout(timer);
    const going = now.data !== undefined && busy(now.data);
    if (going) timer = window.setTimeout(() => void look(), POLL_MS);
    else if (wasBusy) saved.refresh();
    wasBusy = going;
  }

  async function look(): Promise<void> {
    await now.load(() => get("/v1/maintenance"));
    follow();
  }

  function refresh(): void {
    void look();
    void list.load(() => get("/v1/settings"));
    saved.refresh();
  }

  async function run(chore: Chore, confirmed: boolean): Promise<void> {
    try {
      told(await post<Maintenance>(`/v1/${chore.name}:run`, { clock_confirmed: confirmed }));
    } catch (error) {
      toast(ApiError.from(error).text(), true);
    }
  }

  function choreRow(chore: Chore): TemplateResult {
    const [shape, look] = LOOKS[chore.state];
    const id = chore.name.replace("chores/", "");
    const refused = chore.state === "WORK_STATE_REFUSED";
    const sure = (): void => {
      if (confirm(t("chore.clock_sure", { time: dateTime(new Date().toISOString()) }))) void run(chore, true);
    };
    return html`<tr data-chore=${chore.name}>
      <th scope="row">${tx(`chore.${id}`, id)}</th>
      <td>
        <span class="badge severity ${look}">${icon(shape)}${t(`work.${chore.state}`)}</span>
        ${local(chore.result) ? html`<small class=${look === "good" ? "muted" : "bad"}>${local(chore.result)}</small>` : nothing}
      </td>
      <td>${age(chore.end_time)}</td>
      <td>${dateTime(chore.next_time)}</td>
      <td class="buttons">
        <button class="button small" ?disabled=${chore.state === "WORK_STATE_RUNNING"} @click=${() => run(chore, false)}>${icon("play")}${t("chore.run")}</button>
        ${refused && chore.confirmable ? html`<button class="button small" @click=${sure}>${t("chore.clock_right")}</button>` : nothing}
      </td>
    </tr>`;
  }

  function chores({ chores: all }: Maintenance): TemplateResult {
    const heads = ["chore.name", "chore.result", "chore.last", "chore.next"] as const;
    return html`<section class="panel" aria-labelledby="chores-title">
      <header><h2 id="chores-title">${t("chore.title")}</h2></header>
      ${all.length
        ? html`<div class="scroll" tabindex="0" role="group" aria-label=${t("chore.title")}>
            <table class="dense">
              <thead><tr>${heads.map((key) => html`<th scope="col">${t(key)}</th>`)}<th scope="col"><span class="sr">${t("source.actions")}</span></th></tr></thead>
              <tbody>${all.map(choreRow)}</tbody>
            </table>
          </div>`
        : html`<p class="empty">${t("chore.elsewhere")}</p>`}
    </section>`;
  }

  function settingRow({ key, value, origin, origin_detail }: Setting): TemplateResult {
    return html`<tr>
      <th scope="row"><code>${key}</code></th>
      <td><code class="long">${value}</code></td>
      <td>${t(`origin.${origin}`)} ${origin_detail ? html`<small class="muted"><code>${origin_detail}</code></small>` : nothing}</td>
    </tr>`;
  }

  function effective({ settings: all }: ListSettingsResponse): TemplateResult {
    const shown = all.filter(
      ({ key, origin }) => key.includes(query.trim().toLowerCase()) && (!changedOnly || origin !== "SETTING_ORIGIN_DEFAULT"),
    );
    return html`<p class="bar">
        <label class="field"><span>${t("setting.search")}</span>
          <input type="search" .value=${query} @input=${(event: Event) => {
            query = (event.target as HTMLInputElement).value;
            update();
          }} /></label>
        <label><input type="checkbox" .checked=${changedOnly} @change=${(event: Event) => {
          changedOnly = (event.target as HTMLInputElement).checked;
          update();
        }} /> ${t("setting.changed_only")}</label>
      </p>
      <div class="scroll" tabindex="0" role="group" aria-label=${t("setting.title")}>
        <table class="dense">
          <thead><tr><th scope="col">${t("setting.key")}</th><th scope="col">${t("setting.value")}</th><th scope="col">${t("setting.origin")}</th></tr></thead>
          <tbody>${shown.map(settingRow)}</tbody>
        </table>
      </div>`;
  }

  const links = (): TemplateResult => html`<p class="bar">
    <a class="button" href=${href("users")}>${icon("person")}${t("settings.users")}</a>
    <a class="button" href=${href("watchareas")}>${icon("land")}${t("nav.watchareas")}</a>
    <a class="button" href=${href("quarantine")}>${icon("quarantine")}${t("settings.health")}</a>
    <a class="button" href=${href("sources")}>${icon("source")}${t("nav.sources")}</a>
  </p>`;

  refresh();

  return {
    title: "nav.settings",
    refresh,
    arrived: () => void look(),
    dispose: () => clearTimeout(timer),
    render: () => html`${links()}
      ${show(now, (answer) => html`${answer.restore ? restored(answer.restore) : nothing} ${saved.render(answer)} ${chores(answer)} ${next(answer)}`)}
      <section class="panel" aria-labelledby="settings-title">
        <header><h2 id="settings-title">${t("setting.title")}</h2></header>
        <p class="muted pad">${t("setting.help")}</p>
        ${show(list, effective)}
      </section>`,
  };
}
