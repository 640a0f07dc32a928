/** The form of an alert rule: it is tried against the last 30 days before it can be saved. */
import { html, nothing, type TemplateResult } from "lit-html";
import { ApiError, patch, post } from "../api/client";
import type { AlertRule, ArticleFilter, TestAlertRuleResponse } from "../api/messages";
import { dayText, num } from "../core/format";
import { t } from "../core/i18n";
import { href } from "../core/router";
import { watchArea } from "../core/shell";
import { articleItem } from "../ui/articles";
import { HEADS, labelText, TOPICS, topicText } from "../ui/labels";

const HOUR_S = 3600;
/** Time in which a rule counts where it names none. */
export const DAY = "86400s";
const SEVERITIES = ["ALERT_SEVERITY_INFO", "ALERT_SEVERITY_WARNING", "ALERT_SEVERITY_CRITICAL"] as const;

/** A rule as the form sends it; what it leaves out stays unset. */
type Draft = Partial<Omit<AlertRule, "condition">> & { condition: Partial<ArticleFilter> };

/** Hours of a duration, "86400s". */
export const hours = (duration: string | undefined): string => num(parseFloat(duration ?? "0") / HOUR_S, 1);

/** What a rule looks for, in words. */
export function ruleWords({ condition }: Draft | AlertRule): string {
  const filter: Partial<ArticleFilter> = condition ?? {};
  return [
    filter.query ? `“${filter.query}”` : "",
    ...(filter.topics ?? []).map(topicText),
    ...(filter.stances ?? []).map((label) => labelText("stance", label)),
    ...(filter.sentiments ?? []).map((label) => labelText("sentiment", label)),
    filter.only_complaints ? t("filter.complaints") : "",
  ].filter(Boolean).join(" · ") || t("alerts.everything");
}

export interface Editor {
  render(cancel: () => void): TemplateResult;
}

/** A form for a new rule, or for one that exists. */
export function ruleEditor({ rule, query }: { rule?: AlertRule | undefined; query?: string }, update: () => void, saved: () => void): Editor {
  const start: Partial<AlertRule> = rule ?? { title: query ?? "" };
  const filter: Partial<ArticleFilter> = rule?.condition ?? { query: query ?? "" };
  let tried: { of: string; result: TestAlertRuleResponse } | undefined;
  let failure = "";
  let now = "";

  function read(form: HTMLFormElement): Draft {
    const data = new FormData(form);
    const text = (key: string): string => String(data.get(key) ?? "").trim();
    return {
      ...(rule ? { name: rule.name } : {}),
      title: text("title"),
      condition: {
        ...rule?.condition,
        query: text("query"),
        watch_area: watchArea(),
        topics: data.getAll("topics").map(String),
        stances: data.getAll("stances").map(String),
        sentiments: data.getAll("sentiments").map(String),
        only_complaints: data.has("complaints"),
      },
      threshold_count: Number(text("threshold_count")),
      window: `${Number(text("window")) * HOUR_S}s`,
      cooldown: `${Number(text("cooldown")) * HOUR_S}s`,
      severity: SEVERITIES[Number(text("severity"))] ?? SEVERITIES[1],
      webhook_url: text("webhook_url"),
      disabled: !data.has("enabled"),
    };
  }

  /** Anything but the switch and the address changes what the rule finds. */
  const essence = (value: Draft): string => JSON.stringify({ ...value, disabled: false, webhook_url: "", title: "" });

  async function attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      failure = "";
    } catch (error) {
      failure = ApiError.from(error).text();
    }
    update();
  }

  const test = (form: HTMLFormElement): Promise<void> =>
    attempt(async () => {
      const value = read(form);
      now = essence(value);
      tried = { of: now, result: await post("/v1/alertRules:test", value) };
    });

  const save = (form: HTMLFormElement): Promise<void> =>
    attempt(async () => {
      const value = read(form);
      if (rule) await patch(`/v1/${rule.name}`, value);
      else await post("/v1/alertRules", value);
      saved();
    });

  function result({ story_count, alert_count, days, articles }: TestAlertRuleResponse): TemplateResult {
    const most = Math.max(1, ...days.map((day) => Number(day.story_count)));
    const bar = (value: number): TemplateResult => html`<meter min="0" max=${most} .value=${value} aria-hidden="true"></meter>`;
    return html`<section class="trial" aria-label=${t("alerts.trial")}>
      <p><b>${t("alerts.would", { n: num(story_count), alerts: num(alert_count) })}</b></p>
      <ul class="plain days">
        ${days.map(
          ({ start_time = "", story_count: n }) => html`<li><span>${dayText(start_time, true)}</span>${bar(Number(n))}<b>${num(n)}</b></li>`,
        )}
      </ul>
      <ul class="plain articles">
        ${articles.slice(0, 5).map((one) => articleItem(one, { href: href("news", { article: one.name.split("/")[1], everywhere: "1" }) }))}
      </ul>
    </section>`;
  }

  const boxes = (name: string, options: readonly string[], words: (label: string) => string, on: readonly string[] = []): TemplateResult[] =>
    options.map((value) => html`<label class="box"><input type="checkbox" name=${name} value=${value} ?checked=${on.includes(value)} />${words(value)}</label>`);

  function render(cancel: () => void): TemplateResult {
    const submit = (event: SubmitEvent): void => {
      event.preventDefault();
      const form = event.currentTarget as HTMLFormElement;
      void ((event.submitter as HTMLButtonElement).value === "save" ? save(form) : test(form));
    };
    const edited = (event: Event): void => {
      now = essence(read(event.currentTarget as HTMLFormElement));
      update();
    };
    const ready = tried !== undefined && tried.of === now;
    return html`<form class="editor" @submit=${submit} @input=${edited}>
      <label class="field"><span>${t("alerts.title")}</span><input name="title" required maxlength="200" value=${start.title ?? ""} /></label>
      <label class="field"><span>${t("search.label")}</span><input name="query" maxlength="500" value=${filter.query ?? ""} placeholder=${t("search.hint")} /></label>
      <fieldset><legend>${t("head.stance")}</legend>${boxes("stances", HEADS.stance, (one) => labelText("stance", one), filter.stances)}</fieldset>
      <fieldset><legend>${t("head.sentiment")}</legend>${boxes("sentiments", HEADS.sentiment, (one) => labelText("sentiment", one), filter.sentiments)}</fieldset>
      <fieldset class="two"><legend>${t("head.topics")}</legend>${boxes("topics", TOPICS, topicText, filter.topics)}</fieldset>
      <label class="box"><input type="checkbox" name="complaints" ?checked=${filter.only_complaints ?? false} />${t("filter.complaints")}</label>
      <div class="fields">
        <label class="field short"><span>${t("alerts.threshold")}</span><input type="number" name="threshold_count" min="1" max="1000" required value=${start.threshold_count || 1} /></label>
        <label class="field short"><span>${t("alerts.window")}</span><input type="number" name="window" min="1" max="720" required value=${parseFloat(start.window ?? DAY) / HOUR_S} /></label>
        <label class="field short"><span>${t("alerts.cooldown")}</span><input type="number" name="cooldown" min="0" max="720" required value=${parseFloat(start.cooldown ?? start.window ?? DAY) / HOUR_S} /></label>
        <label class="field short">
          <span>${t("finding.severity")}</span>
          <select name="severity">
            ${SEVERITIES.map(
              (value, index) => html`<option value=${index} ?selected=${value === (start.severity ?? SEVERITIES[1])}>${t(`alerts.${value}`)}</option>`,
            )}
          </select>
        </label>
      </div>
      <label class="field"><span>${t("alerts.webhook")}</span><input type="url" name="webhook_url" maxlength="2048" value=${start.webhook_url ?? ""} placeholder="https://" /></label>
      <label class="box"><input type="checkbox" name="enabled" ?checked=${!start.disabled} />${t("alerts.enabled")}</label>
      ${failure ? html`<p class="problem" role="alert">${failure}</p>` : nothing}
      <p class="bar">
        <button class="button" value="test">${t("alerts.test")}</button>
        <button class="button primary" value="save" ?disabled=${!ready}>${t("alerts.save")}</button>
        <button type="button" class="button" @click=${cancel}>${t("action.cancel")}</button>
        ${ready ? nothing : html`<span class="muted">${t("alerts.test_first")}</span>`}
      </p>
      ${tried ? result(tried.result) : nothing}
    </form>`;
  }

  return { render };
}
