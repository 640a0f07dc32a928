/** `#/alerts`: what was raised and who took it, and the rules, each tried against the last month before it is saved. */
import { html, nothing, type TemplateResult } from "lit-html";
import { repeat } from "lit-html/directives/repeat.js";
import type { Alert, AlertRule, AlertSeverity, ListAlertRulesResponse, ListAlertsResponse } from "../api/messages";
import { ApiError, get, post, remove } from "../api/client";
import { num } from "../core/format";
import { t } from "../core/i18n";
import { Resource, show } from "../core/resource";
import { href, type Context, type View } from "../core/router";
import { sourceText } from "../ui/articles";
import { icon, type IconName } from "../ui/icons";
import { age, topicText } from "../ui/labels";
import { toast } from "../ui/toast";
import { DAY, hours, ruleEditor, ruleWords, type Editor } from "./alertrule";

const LOOKS: Record<AlertSeverity, [IconName, string]> = {
  ALERT_SEVERITY_UNSPECIFIED: ["warning", "warning"],
  ALERT_SEVERITY_INFO: ["info", "info"],
  ALERT_SEVERITY_WARNING: ["warning", "warning"],
  ALERT_SEVERITY_CRITICAL: ["error", "error"],
};


export default function alerts({ query, update }: Context): View {
  const inbox = new Resource<ListAlertsResponse>(update);
  const rules = new Resource<ListAlertRulesResponse>(update);
  let onlyOpen = true;
  let editor: Editor | undefined = query.get("query") ? ruleEditor({ query: query.get("query")! }, update, saved) : undefined;

  function refresh(): void {
    void inbox.load(() => get("/v1/alerts", { "filter.only_open": onlyOpen, page_size: 100 }));
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
    const [shape, look] = LOOKS[alert.severity];
    return html`<li class="alert ${alert.acknowledge_time ? "" : "open"}" data-alert=${alert.name}>
      <p class="alert-top">
        <span class="badge severity ${look}">${icon(shape)}${t(`alerts.${alert.severity}`)}</span><b>${alert.rule_title}</b>
        <span class="grow"></span>${age(alert.raise_time)}
      </p>
      <p><a href=${href("news", { article: alert.article.split("/")[1], everywhere: "1" })}>${alert.title}</a></p>
      <p class="article-foot muted">
        <span>${sourceText(alert.source)}</span>${age(alert.publish_time)}
        ${alert.topics.map((topic) => html`<span class="tag">${topicText(topic)}</span>`)}
        ${alert.count > 1 ? html`<span>${t("alerts.count", { n: num(alert.count) })}</span>` : nothing}
      </p>
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
        <span class="muted">${ruleWords(rule)}, ${t("alerts.when", { n: num(rule.threshold_count || 1), hours: hours(rule.window ?? DAY) })}</span>
      </span>
      ${rule.disabled ? html`<span class="tag warn">${t("alerts.off")}</span>` : nothing}
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
            ${[true, false].map(
              (value) => html`<button
                class="chip"
                aria-pressed=${onlyOpen === value ? "true" : "false"}
                @click=${() => {
                  onlyOpen = value;
                  refresh();
                }}
              >
                ${value ? t("alerts.open") : t("count.all")}
              </button>`,
            )}
          </div>
        </header>
        ${show(inbox, ({ alerts: all }) =>
          all.length ? html`<ul class="plain rows tall">${repeat(all, ({ name }) => name, row)}</ul>` : html`<p class="empty">${t("alerts.none")}</p>`,
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
