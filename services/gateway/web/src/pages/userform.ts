/** The form of a user, new or changed: name, title, roles, watch areas. */
import { html, nothing, type TemplateResult } from "lit-html";
import type { Role, User, WatchArea } from "../api/messages";
import { t, type Key } from "../core/i18n";

export const ROLES = ["ROLE_VIEWER", "ROLE_ANALYST", "ROLE_LAND_OFFICER", "ROLE_ADMIN"] as const;

/** What a form says about a user. */
export interface Given {
  name: string;
  title: string;
  roles: Role[];
  watch_areas: string[];
}

function read(form: HTMLFormElement): Given {
  const data = new FormData(form);
  return {
    name: `users/${String(data.get("name") ?? "").trim().toLowerCase()}`,
    title: String(data.get("title") ?? "").trim(),
    roles: data.getAll("roles") as Role[],
    watch_areas: data.getAll("watch_areas").map(String),
  };
}

/** The form; `user` is changed where one is given, else one is added. */
export function userForm(
  user: User | undefined,
  areas: WatchArea[],
  save: (given: Given, form: HTMLFormElement) => void,
  cancel?: () => void,
): TemplateResult {
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    save(user ? { ...read(form), name: user.name } : read(form), form);
  };
  const box = (name: string, value: string, label: string, checked: boolean): TemplateResult => html`<label class="check">
    <input type="checkbox" name=${name} value=${value} ?checked=${checked} /> ${label}
  </label>`;
  return html`<form class="editor" @submit=${submit}>
    <div class="fields">
      ${user
        ? nothing
        : html`<label class="field">
            <span>${t("signin.name")}</span>
            <input name="name" required pattern="[a-zA-Z0-9][a-zA-Z0-9._\\-]{0,63}" maxlength="64" autocomplete="off" autocapitalize="none" spellcheck="false" />
            <small class="muted">${t("users.name_help")}</small>
          </label>`}
      <label class="field"><span>${t("users.title")}</span><input name="title" maxlength="200" autocomplete="off" .value=${user?.title ?? ""} /></label>
    </div>
    <fieldset>
      <legend>${t("users.roles")}</legend>
      <div class="checks">${ROLES.map((role) => box("roles", role, t(`role.${role}` as Key), user?.roles.includes(role) ?? role === "ROLE_VIEWER"))}</div>
    </fieldset>
    <fieldset>
      <legend>${t("users.areas")}</legend>
      <p class="muted">${t("users.areas_help")}</p>
      <div class="checks">${areas.map(({ name, title }) => box("watch_areas", name, title, user?.watch_areas.includes(name) ?? false))}</div>
    </fieldset>
    <p class="bar">
      <button class="button primary">${t(user ? "users.save" : "users.add")}</button>
      ${cancel ? html`<button type="button" class="button" @click=${cancel}>${t("action.cancel")}</button>` : nothing}
    </p>
  </form>`;
}
