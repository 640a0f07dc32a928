/** How the system is: what would be raised and what to do, stores, queues, services, sources, backup, certificates, clock. */
import { html, nothing, type TemplateResult } from "lit-html";
import type { Alarm, CertificateHealth, Health, QueueHealth, ServiceHealth, StoreHealth } from "../api/messages";
import { bytes, dateTime, num, percent } from "../core/format";
import { local, t } from "../core/i18n";
import { href } from "../core/router";
import { icon } from "../ui/icons";
import { age } from "../ui/labels";

const LEAST_FREE = 0.1; // share of the disk below which it is marked
const LONG_WAIT_S = 1800; // events that wait for longer are marked
const SOON_S = 14 * 86_400; // a certificate that ends earlier is marked
const OLD_S = 36 * 3600; // a daily backup that is older is marked

const older = (iso: string | undefined, seconds: number): boolean => iso !== undefined && Date.now() - Date.parse(iso) > seconds * 1000;

/** A rule of the monitoring that holds: what is wrong, since when, what to do. */
const alarm = ({ name, critical, problem, advice, since }: Alarm): TemplateResult => html`<li class="alarm" data-alarm=${name}>
  <p>
    <span class="badge severity ${critical ? "error" : "warning"}">${icon(critical ? "error" : "warning")}${t(critical ? "health.now" : "health.today")}</span>
    <b>${local(problem)}</b> ${age(since)}
  </p>
  <p>${local(advice).split("`").map((part, index) => (index % 2 ? html`<code>${part}</code>` : part))}</p>
</li>`;

/** The rules of the monitoring that hold now. */
export const alarmsView = ({ alarms }: Health): TemplateResult =>
  alarms.length ? html`<ul class="plain alarms">${alarms.map(alarm)}</ul>` : html`<p class="empty good">${t("health.calm")}</p>`;

const store = (one: StoreHealth): TemplateResult => html`<tr>
  <th scope="row">${t(`health.${one.name as "bus"}`)}</th>
  <td>
    <span class="badge severity ${one.reachable ? "good" : "error"}">
      ${icon(one.reachable ? "check" : "error")}${t(one.reachable ? "health.answers" : "health.silent")}
    </span>
    ${one.silent_since ? age(one.silent_since, `${t("health.since")} `) : nothing}
    ${local(one.problem) ? html`<small class="bad">${local(one.problem)}</small>` : nothing}
  </td>
  <td class="n">${Number(one.size_bytes) ? bytes(one.size_bytes) : "—"}</td>
  <td class="n">${num(one.answer_ms, 1)} ms</td>
  <td class="n ${Number(one.error_count) ? "bad" : "zero"}">${num(one.error_count)} / ${num(one.call_count)}</td>
</tr>`;

const queue = ({ name, waiting_count, waiting_since }: QueueHealth): TemplateResult => html`<tr>
  <th scope="row"><code>${name}</code></th>
  <td class="n ${Number(waiting_count) ? "" : "zero"}">${num(waiting_count)}</td>
  <td class=${older(waiting_since, LONG_WAIT_S) ? "bad" : ""}>${waiting_since ? age(waiting_since) : "—"}</td>
</tr>`;

const service = ({ name, call_count, error_count, mean_s }: ServiceHealth): TemplateResult => html`<tr>
  <th scope="row"><code>${name}</code></th>
  <td class="n">${num(call_count)}</td>
  <td class="n ${Number(error_count) ? "bad" : "zero"}">${num(error_count)}</td>
  <td class="n">${num(mean_s * 1000)} ms</td>
</tr>`;

const certificate = ({ name, expire_time, problem }: CertificateHealth): TemplateResult => {
  const soon = expire_time !== undefined && older(expire_time, -SOON_S);
  return html`<dt><code>${name}</code></dt>
    <dd class=${soon || local(problem) ? "bad" : ""}>${local(problem) || t("health.ends", { time: dateTime(expire_time) })}</dd>`;
};

function table(heads: TemplateResult[], rows: TemplateResult[]): TemplateResult {
  return html`<table class="dense"><thead><tr>${heads}</tr></thead><tbody>${rows}</tbody></table>`;
}

const head = (text: string): TemplateResult => html`<th scope="col">${text}</th>`;
const number = (text: string): TemplateResult => html`<th scope="col" class="n">${text}</th>`;

function crawlerFacts({ crawler }: Health): TemplateResult | typeof nothing {
  if (!crawler) return nothing;
  return html`<dt>${t("health.crawler")}</dt>
    <dd>
      ${t(crawler.enabled ? "health.on" : "health.off")},
      <a href=${href("sources")}>${t("health.sources", { n: num(crawler.source_count), active: num(crawler.active_count) })}</a>
      ${crawler.problem_count ? html`<span class="bad">${t("health.problems", { n: num(crawler.problem_count) })}</span>` : nothing}
      · ${age(crawler.last_poll_time, `${t("health.polled")} `)}
    </dd>`;
}

function careFacts({ backs_up, backup_time, retention_time, clock_doubt }: Health): TemplateResult {
  return html`<dt>${t("health.backup")}</dt>
    <dd class=${backs_up && (!backup_time || older(backup_time, OLD_S)) ? "bad" : ""}>${backs_up ? age(backup_time) : t("health.no_backup")}</dd>
    <dt>${t("health.retention")}</dt><dd>${age(retention_time)}</dd>
    <dt>${t("health.clock")}</dt>
    <dd class=${clock_doubt ? "bad" : ""}>${clock_doubt ? local(clock_doubt) : t("health.clock_fine", { time: dateTime(new Date().toISOString()) })}</dd>`;
}

/** The figures. */
export function healthView(health: Health): TemplateResult {
  const { stores, queues, services, certificates, disk, versions, model, start_time } = health;
  const free = disk ? Number(disk.free_bytes) / Math.max(1, Number(disk.total_bytes)) : 1;
  return html`<div class="split even pad">
    <div class="scroll" tabindex="0" role="group" aria-label=${t("health.store")}>
      ${table([head(t("health.store")), head(t("source.state")), number(t("import.size")), number(t("health.read")), number(t("health.errors"))], stores.map(store))}
    </div>
    <div class="scroll" tabindex="0" role="group" aria-label=${t("health.queue")}>
      ${table([head(t("health.queue")), number(t("health.waiting")), head(t("health.waiting_since"))], queues.map(queue))}
    </div>
    <dl class="facts">
      ${crawlerFacts(health)} ${careFacts(health)}
      ${disk
        ? html`<dt>${t("health.disk")}</dt>
            <dd class=${free < LEAST_FREE ? "bad" : ""}>${t("health.free", { free: bytes(disk.free_bytes), share: percent(free) })}</dd>`
        : nothing}
      ${certificates.map(certificate)}
      <dt>${t("health.started")}</dt><dd>${age(start_time)}</dd>
    </dl>
    <div class="scroll" tabindex="0" role="group" aria-label=${t("health.service")}>
      ${table([head(t("health.service")), number(t("health.calls")), number(t("health.faults")), number(t("health.mean"))], services.map(service))}
    </div>
    <dl class="facts">
      <dt>${t("article.models")}</dt><dd>${model || "—"}</dd>
      ${versions.map(({ name, version }) => html`<dt>${name}</dt><dd>${version}</dd>`)}
    </dl>
  </div>`;
}
