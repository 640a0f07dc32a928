/** Backups on the settings page: which there are, one more now, one from elsewhere, and back to one of them. */
import { html, nothing, type TemplateResult } from "lit-html";
import type { Backup, BackupRun, ListBackupsResponse, Maintenance, Restore, RestoreState } from "../api/messages";
import { ApiError, get, post, remove } from "../api/client";
import { bytes, dateTime, num, percent } from "../core/format";
import { local, t, tx } from "../core/i18n";
import { Resource, show } from "../core/resource";
import { icon, type IconName } from "../ui/icons";
import { age } from "../ui/labels";
import { taking } from "../ui/taking";
import { toast } from "../ui/toast";

const fileOf = ({ name }: Backup): string => name.replace("backups/", "");

const LOOKS: Record<RestoreState, [IconName, string]> = {
  RESTORE_STATE_UNSPECIFIED: ["clock", "neutral"],
  RESTORE_STATE_REQUESTED: ["clock", "warning"],
  RESTORE_STATE_TRYING: ["clock", "warning"],
  RESTORE_STATE_DONE: ["check", "good"],
  RESTORE_STATE_FAILED: ["error", "error"],
  RESTORE_STATE_TAKEN_BACK: ["error", "error"],
};

const holds = ({ parts }: Backup): string =>
  parts
    .filter(({ count, name }) => Number(count) || name === "postgres")
    .map(({ name, count }) => `${tx(`backup.part.${name}`, name)}${Number(count) ? ` ${num(count)}` : ""}`)
    .join(" · ");

/** How the last restore went, or that it is under way. */
export function restored({ state, backup, user, request_time, problem, kept_folder }: Restore): TemplateResult {
  const [shape, look] = LOOKS[state];
  return html`<section class="panel pad restored" role="status">
    <p>
      <span class="badge severity ${look}">${icon(shape)}${t(`restore.${state}`)}</span>
      <b class="file">${backup.replace("backups/", "")}</b> <span class="muted">${t("restore.asked", { user: user || "—", time: dateTime(request_time) })}</span>
    </p>
    ${local(problem) ? html`<p class="bad">${local(problem)}</p>` : nothing}
    ${kept_folder ? html`<p class="muted">${t("restore.kept")} <code>${kept_folder}</code></p>` : nothing}
  </section>`;
}

/** The panel; `told` hears of what the server says about everything. */
export function backups(update: () => void, told: (now: Maintenance) => void): { refresh: () => void; render: (now: Maintenance) => TemplateResult } {
  const list = new Resource<ListBackupsResponse>(update);
  const take = taking<Backup>("/v1/backups:upload", ".ngoclinh", taken, update);
  let chosen = ""; // the backup whose restore is being thought about
  let typed = "";

  function refresh(): void {
    void list.load(() => get("/v1/backups"));
  }

  function taken({ name }: Backup): void {
    toast(t("backup.taken"));
    [chosen, typed] = [name, ""];
    refresh();
  }

  async function ask<T>(work: Promise<T>, done?: (answer: T) => void): Promise<void> {
    try {
      const answer = await work;
      done?.(answer);
    } catch (error) {
      toast(ApiError.from(error).text(), true);
    }
    refresh();
  }

  const create = (): Promise<void> => ask(post<Maintenance>("/v1/backups"), told);

  function erase(backup: Backup): void {
    if (confirm(t("backup.erase_sure", { file: fileOf(backup) }))) void ask(remove(`/v1/${backup.name}`));
  }

  function begin(backup: Backup): Promise<void> {
    return ask(post<Maintenance>(`/v1/${backup.name}:restore`, { confirmation: typed.trim() }), (now) => {
      [chosen, typed] = ["", ""];
      told(now);
    });
  }

  /** What would happen, and the field in which to say that it shall. */
  function preview(backup: Backup, { restore_hindrance }: Maintenance): TemplateResult {
    const file = fileOf(backup);
    const input = (event: Event): void => {
      typed = (event.target as HTMLInputElement).value;
      update();
    };
    const submit = (event: SubmitEvent): void => {
      event.preventDefault();
      void begin(backup);
    };
    return html`<form class="cause sure restore" @submit=${submit} aria-labelledby="restore-title">
      <h3 id="restore-title">${icon("warning")}${t("restore.title", { time: dateTime(backup.create_time) })}</h3>
      <table class="dense">
        <thead><tr><th scope="col">${t("backup.part")}</th><th scope="col" class="n">${t("backup.count")}</th><th scope="col" class="n">${t("import.size")}</th></tr></thead>
        <tbody>
          ${backup.parts.map(
            ({ name, count, size_bytes }) => html`<tr>
              <th scope="row">${tx(`backup.part.${name}`, name)}</th><td class="n">${num(count)}</td><td class="n">${bytes(size_bytes)}</td>
            </tr>`,
          )}
        </tbody>
      </table>
      <ul>
        <li>${t("restore.means_lost", { time: dateTime(backup.create_time) })}</li>
        <li>${t("restore.means_pause")}</li>
        <li>${t("restore.means_kept")}</li>
        <li>${t("restore.means_users")}</li>
        <li>${t("restore.means_down")}</li>
      </ul>
      ${local(restore_hindrance)
        ? html`<p class="problem">${local(restore_hindrance)}</p>`
        : html`<label class="field">
              <span>${t("restore.type")} <code>${file}</code></span>
              <input name="confirmation" autocomplete="off" spellcheck="false" .value=${typed} @input=${input} />
            </label>
            <p class="bar">
              <button class="button danger" ?disabled=${typed.trim() !== file}>${t("restore.begin")}</button>
              <button class="button" type="button" @click=${() => pick("")}>${t("action.cancel")}</button>
            </p>`}
    </form>`;
  }

  function pick(name: string): void {
    [chosen, typed] = [name, ""];
    update();
  }

  function row(backup: Backup): TemplateResult {
    const problem = local(backup.problem);
    const file = fileOf(backup);
    return html`<tr data-backup=${backup.name}>
        <th scope="row">${dateTime(backup.create_time)} <small class="muted">${age(backup.create_time)}</small><small class="muted file">${file}</small></th>
        <td class="n">${bytes(backup.size_bytes)}</td>
        <td>${problem ? html`<small class="bad">${problem}</small>` : html`${holds(backup)}<small class="muted">${t("backup.version", { version: backup.version })}</small>`}</td>
        <td class="buttons">
          <a class="button small" href="/v1/${backup.name}:download" download>${icon("down")}${t("backup.download")}</a>
          <button class="button small" aria-expanded=${chosen === backup.name ? "true" : "false"} ?disabled=${problem !== ""} @click=${() => pick(chosen === backup.name ? "" : backup.name)}>
            ${icon("back")}${t("backup.restore")}
          </button>
          <button class="button small" title=${t("backup.erase")} aria-label="${t("backup.erase")} ${file}" @click=${() => erase(backup)}>${icon("trash")}</button>
        </td>
      </tr>`;
  }

  function table(all: Backup[], now: Maintenance): TemplateResult {
    if (!all.length) return html`<p class="empty">${t("backup.none")}</p>`;
    return html`<div class="scroll" tabindex="0" role="group" aria-label=${t("backup.title")}>
      <table class="dense">
        <thead>
          <tr>
            <th scope="col">${t("backup.made")}</th><th scope="col" class="n">${t("import.size")}</th>
            <th scope="col">${t("backup.holds")}</th><th scope="col"><span class="sr">${t("source.actions")}</span></th>
          </tr>
        </thead>
        <tbody>${all.map(row)}</tbody>
      </table>
    </div>
    ${all.filter(({ name }) => name === chosen).map((one) => preview(one, now))}`;
  }

  function progress({ state, share, problem }: BackupRun): TemplateResult | typeof nothing {
    if (state === "WORK_STATE_RUNNING")
      return html`<span class="taking" role="status"><progress .value=${share} max="1" aria-label=${t("backup.making")}></progress>${t("backup.making")} ${percent(share)}</span>`;
    return state === "WORK_STATE_FAILED" ? html`<p class="problem" role="alert">${t("backup.failed")} ${local(problem)}</p>` : nothing;
  }

  return {
    refresh,
    render: (now) => html`<section class="panel" aria-labelledby="backup-title">
      <header><h2 id="backup-title">${t("backup.title")}</h2></header>
      <p class="muted pad">${now.backup_folder ? t("backup.daily", { folder: now.backup_folder }) : t("backup.no_daily")} ${t("backup.away")}</p>
      <p class="bar">
        <button class="button primary" ?disabled=${now.backup_run?.state === "WORK_STATE_RUNNING"} @click=${create}>${t("backup.make")}</button>
        ${take(t("backup.take"), Number(now.max_upload_bytes))} ${now.backup_run ? progress(now.backup_run) : nothing}
      </p>
      ${show(list, ({ backups: all }) => table(all, now))}
    </section>`,
  };
}
