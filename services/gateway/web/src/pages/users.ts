/** `#/users`: who may use the product: add somebody, change roles and watch areas, a new password, lock, end sessions. */
import { html, nothing, type TemplateResult } from "lit-html";
import type { ListUsersResponse, ListWatchAreasResponse, NewPassword, User, WatchArea } from "../api/messages";
import { ApiError, get, patch, post } from "../api/client";
import { t, tx } from "../core/i18n";
import { Resource, show } from "../core/resource";
import { href, type Context, type View } from "../core/router";
import { icon } from "../ui/icons";
import { age, ageOf } from "../ui/labels";
import { toast } from "../ui/toast";
import { userForm, type Given } from "./userform";

const short = (name: string): string => name.replace("users/", "");

export default function users({ update }: Context): View {
  const list = new Resource<ListUsersResponse>(update);
  let areas: WatchArea[] = [];
  let made: NewPassword | undefined; // shown until the page is left or it is closed
  let edited = "";
  let failure = "";

  async function everybody(): Promise<ListUsersResponse> {
    const all: User[] = [];
    let token = "";
    do {
      const page = await get<ListUsersResponse>("/v1/users", { page_size: 1000, page_token: token });
      all.push(...page.users);
      token = page.next_page_token;
    } while (token);
    return { users: all, next_page_token: "" };
  }

  function refresh(): void {
    void list.load(everybody);
  }

  async function act<T>(work: Promise<T>, done: string): Promise<T | undefined> {
    let answer: T | undefined;
    try {
      answer = await work;
      failure = "";
      toast(done);
    } catch (error) {
      failure = ApiError.from(error).text();
    }
    refresh();
    return answer;
  }

  async function add(given: Given, form: HTMLFormElement): Promise<void> {
    const answer = await act(post<NewPassword>("/v1/users", given), t("users.added", { name: short(given.name) }));
    if (!answer) return;
    made = answer;
    form.reset();
    update();
  }

  async function change(given: Given): Promise<void> {
    const work = patch(`/v1/${given.name}?update_mask=title,roles,watchAreas`, given);
    if (await act(work, t("users.changed", { name: short(given.name) }))) edited = "";
    update();
  }

  async function reset({ name }: User): Promise<void> {
    if (!confirm(t("users.reset_sure", { name: short(name) }))) return;
    made = (await act(post<NewPassword>(`/v1/${name}:resetPassword`), t("users.reset_done", { name: short(name) }))) ?? made;
    update();
  }

  async function lock({ name, disabled }: User): Promise<void> {
    if (!disabled && !confirm(t("users.disable_sure", { name: short(name) }))) return;
    const body = { name, disabled: !disabled };
    await act(patch(`/v1/${name}?update_mask=disabled`, body), t("users.changed", { name: short(name) }));
  }

  const end = ({ name }: User): Promise<unknown> => act(post(`/v1/${name}:endSessions`), t("users.ended", { name: short(name) }));

  const areaTitle = (name: string): string => areas.find((area) => area.name === name)?.title ?? name.replace("watchAreas/", "");

  function state({ disabled, password_change_required }: User): TemplateResult {
    if (disabled) return html`<span class="badge severity error">${icon("error")}${t("users.disabled")}</span>`;
    if (password_change_required) return html`<span class="badge severity warning">${icon("warning")}${t("users.must_change")}</span>`;
    return html`<span class="badge severity good">${icon("check")}${t("users.active")}</span>`;
  }

  function row(user: User): TemplateResult {
    const edit = (): void => {
      edited = edited === user.name ? "" : user.name;
      update();
    };
    return html`<tr data-user=${short(user.name)}>
        <th scope="row">${user.title || short(user.name)}<small class="muted">${short(user.name)}</small></th>
        <td>${user.roles.map((role) => tx(`role.${role}`, role)).join(", ")}</td>
        <td>${user.watch_areas.length ? user.watch_areas.map(areaTitle).join(", ") : t("users.all_areas")}</td>
        <td>${state(user)}</td>
        <td>${age(user.password_time)}</td>
        <td class="buttons">
          <button class="button small" aria-expanded=${edited === user.name ? "true" : "false"} @click=${edit}>${t("action.edit")}</button>
          <button class="button small" @click=${() => reset(user)}>${t("users.reset")}</button>
          <button class="button small" @click=${() => end(user)}>${t("users.end")}</button>
          <button class="button small ${user.disabled ? "" : "danger"}" @click=${() => lock(user)}>
            ${t(user.disabled ? "users.enable" : "users.disable")}
          </button>
          <a class="button small" href=${href("audit", { user: short(user.name) })}>${t("nav.audit")}</a>
        </td>
      </tr>
      ${edited === user.name
        ? html`<tr>
            <td colspan="6">
              ${userForm(user, areas, (given) => void change(given), edit)}
            </td>
          </tr>`
        : nothing}`;
  }

  function table({ users: all }: ListUsersResponse): TemplateResult {
    if (!all.length) return html`<p class="empty">${t("users.none")}</p>`;
    const heads = ["users.user", "users.roles", "users.areas", "users.state", "users.password_time"] as const;
    return html`<div class="scroll" tabindex="0" role="group" aria-label=${t("nav.users")}>
      <table class="dense">
        <thead>
          <tr>${heads.map((key) => html`<th scope="col">${t(key)}</th>`)}<th scope="col"><span class="sr">${t("source.actions")}</span></th></tr>
        </thead>
        <tbody>${all.map(row)}</tbody>
      </table>
    </div>`;
  }

  function password({ user, password: secret }: NewPassword): TemplateResult {
    const close = (): void => {
      made = undefined;
      update();
    };
    return html`<section class="panel pad made" role="status" aria-label=${t("users.made")}>
      <p>${t("users.made_for", { name: short(user?.name ?? "") })} <code class="secret">${secret}</code></p>
      <p class="muted">${t("users.made_help")}</p>
      <p class="bar"><button class="button" @click=${close}>${t("action.close")}</button></p>
    </section>`;
  }

  refresh();
  void get<ListWatchAreasResponse>("/v1/watchAreas", { page_size: 200 }).then(
    (answer) => {
      areas = answer.watch_areas;
      update();
    },
    () => undefined, // the list of users tells what is wrong
  );

  return {
    title: "nav.users",
    refresh,
    arrived: () => undefined, // nobody's form is taken away under their hands
    render: () => html`${made ? password(made) : nothing}
      ${failure ? html`<p class="problem" role="alert">${failure}</p>` : nothing}
      <section class="panel" aria-labelledby="users-title">
        <header>
          <h2 id="users-title">${t("users.heading")}</h2>
          <span class="grow"></span>
          ${ageOf(list.loadedAt)}
        </header>
        ${show(list, table)}
      </section>
      <details class="panel add-source">
        <summary>${t("users.add_title")}</summary>
        <p class="muted pad">${t("users.add_help")}</p>
        ${userForm(undefined, areas, (given, form) => void add(given, form))}
      </details>`,
  };
}
