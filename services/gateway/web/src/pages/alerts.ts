/** `#/alerts`: what was raised and who took it, and the rules, each tried against the last month before it is saved. */
import { html, nothing, type TemplateResult } from "lit-html";
import type { Alert, AlertRule } from "../api/alerts";
import { ApiError, get, post, remove } from "../api/client";
import { num } from "../core/format";
import { t } from "../core/i18n";
import { Resource, show } from "../core/resource";
import { href, type Context, type View } from "../core/router";
import { icon } from "../ui/icons";
import { age } from "../ui/labels";
import { toast } from "../ui/toast";
import { hours, ruleEditor, ruleWords, type Editor } from "./alertrule";

const STATES = ["ALERT_STATE_OPEN", "ALERT_STATE_ACKNOWLEDGED"] as const;

export default function alerts({ query, update }: Context): View {
  const inbox = new Resource<{ alerts: Alert[] }>(update);
  const rules = new Resource<{ alert_rules: AlertRule[] }>(update);
  let state: (typeof STATES)[number] | "" = "ALERT_STATE_OPEN";
  let editor: Editor | undefined = query.get("query") ? ruleEditor({ query: query.get("query")! }, update, saved) : undefined;

  function refresh(): void {
    void inbox.load(() => get("/v1/alerts", { "filter.state": state, page_size: 100 }));
    void rules.load(() => get("/v1/alertRules", { page_size: 200 }));
  }

  function saved(): void {
    editor = undefined;
    toast(t("alerts.saved"));
    refresh();
  }

  async function acknowledge(event: SubmitEvent, alert: Alert): Promise<void> {
    event.preventDefault();
    const note = String(new FormData(event.target as HTMLFormElement).get("note") ?? "");
    try {
      await post(`/v1/${alert.name}:acknowledge`, { note });
      toast(t("alerts.acknowledged"));
    } catch (error) {
      toast(ApiError.from(error).text(), true);
    }
    refresh();
  }

  async function drop(rule: AlertRule): Promise<void> {
    if (!confirm(t("alerts.delete_sure", { title: rule.title }))) return;
    try {
      await remove(`/v1/${rule.name}`);
    } catch (error) {
      toast(ApiError.from(error).text(), true);
    }
    refresh();
  }

  function row(alert: Alert): TemplateResult {
    const links = alert.articles.slice(0, 5).map(
      (name, index) => html`<a href=${href("news", { article: name.split("/")[1], everywhere: "1" })}>${t("alerts.article", { n: index + 1 })}</a> `,
    );
    return html`<li class="alert ${alert.acknowledge_time ? "" : "open"}" data-alert=${alert.name}>
      <p class="alert-top">${icon("alert")}<b>${alert.title}</b><span class="grow"></span>${age(alert.raise_time)}</p>
      <p class="muted">${t("alerts.count", { n: num(alert.count) })} ${links}</p>
      ${alert.acknowledge_time
        ? html`<p class="muted">${icon("check")}${t("alerts.by", { user: alert.acknowledge_user || "—" })} ${age(alert.acknowledge_time)} ${alert.note}</p>`
        : html`<form class="bar" @submit=${(event: SubmitEvent) => acknowledge(event, alert)}>
            <input name="note" maxlength="1000" aria-label=${t("alerts.note")} placeholder=${t("alerts.note")} />
            <button class="button primary">${t("alerts.acknowledge")}</button>
          </form>`}
    </li>`;
  }

  function ruleRow(rule: AlertRule): TemplateResult {
    return html`<li class="rule" data-rule=${rule.name}>
      <span class="grow">
        <b>${rule.title}</b>
        <span class="muted">${ruleWords(rule)}, ${t("alerts.when", { n: num(rule.threshold_count), hours: hours(rule.window) })}</span>
      </span>
      ${rule.enabled ? nothing : html`<span class="tag warn">${t("alerts.off")}</span>`}
      <button class="button small" @click=${() => edit(rule)}>${t("action.edit")}</button>
      <button class="button small" @click=${() => drop(rule)}>${t("action.delete")}</button>
    </li>`;
  }

  function edit(rule?: AlertRule): void {
    editor = ruleEditor({ rule }, update, saved);
    update();
  }

  const cancel = (): void => {
    editor = undefined;
    update();
  };

  refresh();

  return {
    title: "nav.alerts",
    refresh,
    render: () => html`<div class="split even">
      <section class="panel" aria-labelledby="inbox-title">
        <header>
          <h2 id="inbox-title">${t("alerts.inbox")}</h2>
          <span class="grow"></span>
          <div class="chips" role="group" aria-label=${t("alerts.state")}>
            ${[...STATES, "" as const].map(
              (value) => html`<button
                class="chip"
                aria-pressed=${state === value ? "true" : "false"}
                @click=${() => {
                  state = value;
                  refresh();
                }}
              >
                ${value ? t(`alerts.${value}`) : t("count.all")}
              </button>`,
            )}
          </div>
        </header>
        ${show(inbox, ({ alerts: all }) =>
          all.length ? html`<ul class="plain rows tall">${all.map(row)}</ul>` : html`<p class="empty">${t("alerts.none")}</p>`,
        )}
      </section>
      <section class="panel" aria-labelledby="rules-title">
        <header>
          <h2 id="rules-title">${t("alerts.rules")}</h2>
          <span class="grow"></span>
          ${editor || rules.error ? nothing : html`<button class="button primary" @click=${() => edit()}>${t("alerts.new")}</button>`}
        </header>
        ${editor ? editor.render(cancel) : nothing}
        ${show(rules, ({ alert_rules: all }) =>
          all.length ? html`<ul class="plain rows tall">${all.map(ruleRow)}</ul>` : html`<p class="empty">${t("alerts.no_rules")}</p>`,
        )}
      </section>
    </div>`,
  };
}
